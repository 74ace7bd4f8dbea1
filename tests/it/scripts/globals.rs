//! What scripts find in their global scope and may require.

use doorward::actions::{Engine, ErrorKind};

use crate::support::scripts::{engine, run_body};

/// What `console.log` shows of each expression.
async fn shown(engine: &Engine, table: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (expression, expected) in table {
        let body = format!("const r = require; console.log(await ({expression}))");
        let done = run_body(engine, &body).await;
        let shown = match &done.result {
            Ok(()) => done.console.trim_end_matches('\n').to_owned(),
            Err(error) => format!("{:?}: {}", error.kind, error.message),
        };
        if shown != *expected {
            wrong.push(format!("{expression}\n   shows {shown}\nexpected {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn values_are_logged_as_node_logs_them() {
    let table = [
        ("'it\\'s'", "it's"),
        ("[1, -0, 'a', null, undefined, true, 10n]", "[ 1, -0, 'a', null, undefined, true, 10n ]"),
        ("({ a: { b: { c: { d: 1 } } }, 'x-y': [] })", "{ a: { b: { c: [Object] } }, 'x-y': [] }"),
        ("new Map([['a', { b: 1 }]])", "Map(1) { 'a' => { b: 1 } }"),
        ("new Set([1, 'x'])", "Set(2) { 1, 'x' }"),
        ("new Date(0)", "1970-01-01T00:00:00.000Z"),
        (
            "[function f() {}, class C {}, () => 1, /x/g, Symbol('s')]",
            "[ [Function: f], [class C], [Function (anonymous)], /x/g, Symbol(s) ]",
        ),
        ("new (class User { id = 1 })()", "User { id: 1 }"),
        ("Object.create(null)", "[Object: null prototype] {}"),
        (
            "(() => { const a = { x: 1 }; a.self = a; return a })()",
            "<ref *1> { x: 1, self: [Circular *1] }",
        ),
        ("Buffer.from('ab')", "<Buffer 61 62>"),
        ("new URLSearchParams('a=1')", "URLSearchParams { 'a' => '1' }"),
        ("[, 1]", "[ <1 empty item>, 1 ]"),
        ("({ get a() { return 1 } })", "{ a: [Getter] }"),
    ];
    shown(&engine(), &table).await;
    let lines = "console.log('%s has %d of %j %%', 'a', 4.5, { x: 1 }, 'more'); console.info('i', 1); \
                 console.warn({ a: 1 }); console.error(new TypeError('bad').message); console.debug(); \
                 console.assert(1 > 2, 'no'); console.log('x'.repeat(3), { toString: null })";
    let done = run_body(&engine(), lines).await;
    assert_eq!(done.result, Ok(()));
    let expected = "a has 4.5 of {\"x\":1} % more\ni 1\n{ a: 1 }\nbad\n\nAssertion failed: no\nxxx { toString: null }\n";
    assert_eq!(done.console, expected);
}

#[tokio::test]
#[rustfmt::skip]
async fn addresses_are_read_and_changed() {
    shown(&engine(), &[
        ("new URL('../b?x=1#y', 'https://u:p@EXAMPLE.com:8443/a/').href", "https://u:p@example.com:8443/b?x=1#y"),
        ("(() => { const u = new URL('https://a.example/p?x=1'); u.searchParams.append('y', 'ü &'); u.searchParams.delete('x'); u.hash = 'h'; u.port = '81'; return u.href })()", "https://a.example:81/p?y=%C3%BC+%26#h"),
        ("(() => { const u = new URL('https://a.example/?x=1'); const p = u.searchParams; u.search = '?z=2'; return [p.get('x'), p.get('z')] })()", "[ null, '2' ]"),
        ("JSON.stringify({ u: new URL('https://a.example') })", r#"{"u":"https://a.example/"}"#),
        ("[URL.canParse('x'), URL.canParse('x', 'https://a'), URL.parse('x')]", "[ false, true, null ]"),
        ("(() => { try { new URL('nope') } catch (e) { return [e instanceof TypeError, e.message, e.code] } })()", "[ true, 'Invalid URL', 'ERR_INVALID_URL' ]"),
        ("(() => { const { origin, protocol, host, hostname, port, pathname, search, hash, username, password } = new URL('https://u:p@a.example:81/p?q#h'); return [origin, protocol, host, hostname, port, pathname, search, hash, username, password].join() })()", "https://a.example:81,https:,a.example:81,a.example,81,/p,?q,#h,u,p"),
        ("new URLSearchParams({ a: '1 2', b: 'x' }).toString()", "a=1+2&b=x"),
        ("[...new URLSearchParams('?a=1&b=%C3%BC&a=%zz')].join(';')", "a,1;b,ü;a,%zz"),
        ("(() => { const p = new URLSearchParams([['b', '2'], ['a', '1'], ['b', '3']]); p.sort(); p.set('b', '9'); return [p.toString(), p.getAll('a'), p.has('z'), p.size] })()", "[ 'a=1&b=9', [ '1' ], false, 2 ]"),
    ]).await;
}

#[tokio::test]
#[rustfmt::skip]
async fn texts_and_bytes_become_each_other() {
    shown(&engine(), &[
        ("new TextEncoder().encode('é€😀').join()", "195,169,226,130,172,240,159,152,128"),
        ("new TextDecoder().decode(new Uint8Array([239, 187, 191, 195, 169, 255]))", "é\u{fffd}"),
        ("(() => { try { new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array([255])) } catch (e) { return e.name } })()", "TypeError"),
        ("(() => { const d = new TextDecoder(); return d.decode(new Uint8Array([226, 130]), { stream: true }) + d.decode(new Uint8Array([172])) })()", "€"),
        ("btoa('hi\\xff') + atob('aGk=')", "aGn/hi"),
        ("(() => { try { atob('a') } catch (e) { return [e.name, e.code, e instanceof DOMException] } })()", "[ 'InvalidCharacterError', 5, true ]"),
        ("Buffer.from('é').toString('hex') + Buffer.from('c3a9', 'hex')", "c3a9é"),
        ("['base64', 'base64url', 'hex', 'latin1', 'utf8'].map((e) => Buffer.from([251, 255, 65]).toString(e)).join()", "+/9B,-_9B,fbff41,ûÿA,\u{fffd}\u{fffd}A"),
        ("Buffer.from('-_9B', 'base64').equals(Buffer.from('+/9B', 'base64url'))", "true"),
        ("Buffer.concat([Buffer.from('a'), Buffer.alloc(2, 'x')]).toString()", "axx"),
        ("[Buffer.byteLength('é😀'), Buffer.isBuffer(Buffer.from('')), Buffer.isBuffer(new Uint8Array()), Buffer.from('abc').slice(1).toString()]", "[ 6, true, false, 'bc' ]"),
        ("JSON.stringify(Buffer.from('a')) + Buffer.from(JSON.parse(JSON.stringify(Buffer.from('b'))))", r#"{"type":"Buffer","data":[97]}b"#),
        ("Buffer.from('abcdef').subarray(1, 3) instanceof Buffer", "true"),
        ("(() => { const m = { d: new Date(0), s: new Set([1]), b: new Uint8Array([1]) }; m.self = m; const c = structuredClone(m); return [c !== m, c.self === c, c.d.getTime(), c.s.has(1), c.b[0]] })()", "[ true, true, 0, true, 1 ]"),
        ("(() => { try { structuredClone({ f() {} }) } catch (e) { return e.name } })()", "DataCloneError"),
    ]).await;
}

#[tokio::test]
#[rustfmt::skip]
async fn digests_are_those_of_the_standards() {
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    // RFC 4231 §4.3.
    const HMAC: &str = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    shown(&engine(), &[
        ("r('crypto').createHash('sha256').update('a').update(Buffer.from('bc')).digest('hex')", ABC),
        ("r('node:crypto').createHash('md5').update('abc').digest('base64')", "kAFQmDzST7DWlj99KOF/cg=="),
        ("r('crypto').createHmac('sha256', 'Jefe').update('what do ya want for nothing?').digest('hex')", HMAC),
        ("Buffer.from(await crypto.subtle.digest('SHA-256', new TextEncoder().encode('abc'))).toString('hex')", ABC),
        ("(async () => { const key = await crypto.subtle.importKey('raw', Buffer.from('Jefe'), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify']); const data = Buffer.from('what do ya want for nothing?'); const mac = await crypto.subtle.sign('HMAC', key, data); return [Buffer.from(mac).toString('hex'), await crypto.subtle.verify('HMAC', key, mac, data), await crypto.subtle.verify('HMAC', key, mac, Buffer.from('other'))].join() })()", &format!("{HMAC},true,false")),
        ("/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(crypto.randomUUID()) && crypto.randomUUID() !== crypto.randomUUID()", "true"),
        ("crypto.getRandomValues(new Uint32Array(8)).some((n) => n > 0)", "true"),
        ("(() => { try { crypto.getRandomValues(new Uint8Array(65537)) } catch (e) { return e.name } })()", "QuotaExceededError"),
        ("[r('crypto').randomBytes(9).length, r('crypto').timingSafeEqual(Buffer.from('a'), Buffer.from('a')), r('crypto').timingSafeEqual(Buffer.from('a'), Buffer.from('b'))]", "[ 9, true, false ]"),
        ("crypto.subtle.encrypt().catch((e) => e.message)", "crypto.subtle.encrypt is not available in Doorward"),
        ("(() => { try { r('crypto').createSign('RSA-SHA256') } catch (e) { return e.message } })()", "crypto.createSign is not available in Doorward"),
    ]).await;
}

#[tokio::test]
#[rustfmt::skip]
async fn timers_and_signals_go_off() {
    shown(&engine(), &[
        ("new Promise((done) => setTimeout(done, 5, 'later'))", "later"),
        ("(async () => { const seen = []; setTimeout(() => seen.push('timeout'), 1); setImmediate(() => seen.push('immediate')); queueMicrotask(() => seen.push('microtask')); await new Promise((done) => setTimeout(done, 20)); return seen[0] + seen.length })()", "microtask3"),
        ("new Promise((done) => { let n = 0; const timer = setInterval(() => { if (++n === 3) { clearInterval(timer); done(n) } }, 1) })", "3"),
        ("new Promise((done) => { const timer = setTimeout(() => done('fired'), 1); clearTimeout(timer); setTimeout(done, 5, 'cleared').unref() })", "cleared"),
        ("(() => { const a = new AbortController(); let seen; a.signal.addEventListener('abort', () => { seen = a.signal.reason.name }); a.abort(); return [seen, a.signal.aborted] })()", "[ 'AbortError', true ]"),
        ("new Promise((done) => { const s = AbortSignal.timeout(2); s.onabort = () => done(s.reason.name) })", "TimeoutError"),
        ("(() => { try { AbortSignal.any([AbortSignal.abort('x')]).throwIfAborted() } catch (e) { return e } })()", "x"),
        ("(() => { try { setTimeout('code') } catch (e) { return e.name } })()", "TypeError"),
    ]).await;
    let error = run_body(&engine(), "setTimeout(() => { throw new Error('late') }, 1); await new Promise(() => {})").await;
    assert_eq!(error.result.unwrap_err().message, "late");
    let error = run_body(&engine(), "await new Promise(() => {})").await.result.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
}

#[tokio::test]
#[rustfmt::skip]
async fn requests_and_responses_are_made_without_sending_them() {
    shown(&engine(), &[
        ("(() => { const h = new Headers({ 'X-B': '1' }); h.append('x-b', ' 2 '); h.set('A', 'z'); return [...h].join(';') })()", "a,z;x-b,1, 2"),
        ("(async () => { const q = new Request('https://a.example', { method: 'post', body: new URLSearchParams({ a: '1' }) }); return [q.method, q.url, q.headers.get('content-type'), await q.text()].join('|') })()", "POST|https://a.example/|application/x-www-form-urlencoded;charset=UTF-8|a=1"),
        ("(async () => { const s = new Response('{\"a\":1}', { status: 201, headers: { x: 'y' } }); const c = s.clone(); return [s.ok, s.status, s.headers.get('x'), (await s.json()).a, s.bodyUsed, (await c.arrayBuffer()).byteLength].join() })()", "true,201,y,1,true,7"),
        ("(async () => { const s = new Response('x'); await s.text(); return s.text().catch((e) => e.name) })()", "TypeError"),
        ("Response.json({ a: 1 }).headers.get('content-type')", "application/json"),
        ("fetch('nope').catch((e) => e.message)", "Invalid URL"),
        ("fetch('https://a.example', { signal: AbortSignal.abort() }).catch((e) => e.name)", "AbortError"),
        ("(() => { try { new Request('https://a.example', { body: 'x' }) } catch (e) { return e.name } })()", "TypeError"),
        ("(() => { try { new Headers({ 'a b': 'c' }) } catch (e) { return e.name } })()", "TypeError"),
    ]).await;
}

#[tokio::test]
#[rustfmt::skip]
async fn only_what_exists_can_be_required() {
    shown(&engine(), &[
        ("[r('util').format('%s', 'a'), r('util').inspect({ a: 1 }), await r('util').promisify((x, done) => done(null, x))(1), r('util').isDeepStrictEqual({ a: [1] }, { a: [1] })]", "[ 'a', '{ a: 1 }', 1, true ]"),
        ("[r('url').URL === URL, r('buffer').Buffer === Buffer, r('node:crypto').webcrypto === crypto, r('querystring').stringify({ a: [1, 2], b: 'x y' })]", "[ true, true, true, 'a=1&a=2&b=x%20y' ]"),
        ("[typeof global, global === globalThis, process.env.PATH, typeof __filename]", "[ 'object', true, undefined, 'string' ]"),
        ("(() => { try { r('axios') } catch (e) { return [e.code, e.message] } })()", "[\n  'MODULE_NOT_FOUND',\n  \"Cannot find module 'axios': there are no packages in Doorward; bundle it into the code of the script\"\n]"),
        ("['fs', 'node:child_process', 'http', '__proto__', 'constructor', './x'].filter((name) => { try { return r(name) } catch (e) { return e.code !== 'MODULE_NOT_FOUND' } }).length", "0"),
        ("[typeof __host, typeof host, typeof std, typeof os]", "[ 'undefined', 'undefined', 'undefined', 'undefined' ]"),
    ]).await;
}
