//! The `api` object: what it takes, what it notes, and what nothing can make it say.

use doorward::{
    actions::{Execution, Kind, Script},
    domain::action::command::Command,
};
use serde_json::{Value, json};

use crate::support::scripts::{LIMIT, action, engine, input, run_body};

/// Each body, and the one call that it makes.
async fn calls(table: Vec<(&str, Value)>) {
    let engine = engine();
    for (body, expected) in table {
        let done = run_body(&engine, body).await;
        assert_eq!(done.result, Ok(()), "{body}");
        let expected: Command = serde_json::from_value(expected).unwrap();
        assert_eq!(done.commands, [expected], "{body}");
    }
}

/// Each body, and the message of the error that it ends with, without a call.
async fn refusals(table: &[(&str, &str)]) {
    let engine = engine();
    for (body, message) in table {
        let done = run_body(&engine, body).await;
        assert_eq!(done.result.unwrap_err().message, *message, "{body}");
        assert_eq!(done.commands, [], "{body}");
    }
}

#[tokio::test]
#[rustfmt::skip]
async fn each_method_notes_what_is_asked_for() {
    let call = |call: &str, args: Value| json!({ "call": call, "args": args });
    calls(vec![
        ("api.access.deny('no')", call("access.deny", json!({ "reason": "no" }))),
        ("api.validation.error('c', 'm')", call("validation.error", json!({ "code": "c", "message": "m" }))),
        ("api.accessToken.setCustomClaim('a', null)", call("accessToken.setCustomClaim", json!({ "name": "a", "value": null }))),
        ("api.idToken.setCustomClaim('a', { toJSON: () => [1] })", call("idToken.setCustomClaim", json!({ "name": "a", "value": [1] }))),
        ("api.accessToken.addScope('a')", call("accessToken.addScope", json!({ "scope": "a" }))),
        ("api.accessToken.removeScope('a')", call("accessToken.removeScope", json!({ "scope": "a" }))),
        ("api.user.setAppMetadata('k', { a: 1 })", call("user.setAppMetadata", json!({ "key": "k", "value": { "a": 1 } }))),
        ("api.user.setUserMetadata('k', null)", call("user.setUserMetadata", json!({ "key": "k", "value": null }))),
        ("api.transaction.setMetadata('k', 4.5)", call("transaction.setMetadata", json!({ "key": "k", "value": 4.5 }))),
        ("api.refreshToken.revoke('r')", call("refreshToken.revoke", json!({ "reason": "r" }))),
        ("api.refreshToken.setExpiresAt(5)", call("refreshToken.setExpiresAt", json!({ "at": 5 }))),
        ("api.refreshToken.setIdleExpiresAt(5)", call("refreshToken.setIdleExpiresAt", json!({ "at": 5 }))),
        ("api.refreshToken.setMetadata('k', 'v')", call("refreshToken.setMetadata", json!({ "key": "k", "value": "v" }))),
        ("api.refreshToken.setMetadata('k', null)", call("refreshToken.setMetadata", json!({ "key": "k", "value": null }))),
        ("api.refreshToken.deleteMetadata('k')", call("refreshToken.deleteMetadata", json!({ "key": "k" }))),
        ("api.refreshToken.evictMetadata()", call("refreshToken.evictMetadata", json!({}))),
        ("api.session.revoke('r', { preserveRefreshTokens: true })", call("session.revoke", json!({ "reason": "r", "preserve_refresh_tokens": true }))),
        ("api.session.revoke('r')", call("session.revoke", json!({ "reason": "r", "preserve_refresh_tokens": false }))),
        ("api.session.setExpiresAt(5)", call("session.setExpiresAt", json!({ "at": 5 }))),
        ("api.session.setIdleExpiresAt(5)", call("session.setIdleExpiresAt", json!({ "at": 5 }))),
        ("api.session.setCookieMode('non-persistent')", call("session.setCookieMode", json!({ "mode": "non-persistent" }))),
        ("api.session.setMetadata('k', 'v')", call("session.setMetadata", json!({ "key": "k", "value": "v" }))),
        ("api.session.deleteMetadata('k')", call("session.deleteMetadata", json!({ "key": "k" }))),
        ("api.session.evictMetadata()", call("session.evictMetadata", json!({}))),
        ("api.redirect.sendUserTo('https://a.example/x?y=1#h', { query: { z: 'a b', w: 2, n: null } })", call("redirect.sendUserTo", json!({ "url": "https://a.example/x?y=1&z=a%20b&w=2#h" }))),
    ]).await;
}

#[tokio::test]
async fn calls_are_chained_and_kept_in_order() {
    let body = "api.accessToken.setCustomClaim('a', 1).idToken.setCustomClaim('b', 2)\
                .user.setAppMetadata('c', 3).session.setMetadata('d', 'e').access.deny('f')";
    let done = run_body(&engine(), body).await;
    let kinds: Vec<_> = done.commands.iter().map(std::mem::discriminant).collect();
    assert_eq!(kinds.len(), 5);
    assert!(matches!(&done.commands[4], Command::Deny { reason, .. } if reason == "f"));
}

#[tokio::test]
#[rustfmt::skip]
async fn a_wrong_argument_throws_and_notes_nothing() {
    refusals(&[
        ("api.access.deny()", r#"api.access.deny: "reason" must be a string, not undefined"#),
        ("api.accessToken.setCustomClaim(1, 1)", r#"api.accessToken.setCustomClaim: "name" must be a string, not number"#),
        ("api.idToken.setCustomClaim('', 1)", r#"api.idToken.setCustomClaim: "name" must not be empty"#),
        ("api.idToken.setCustomClaim('a', () => 1)", r#"api.idToken.setCustomClaim: "value" must be JSON, not function"#),
        ("api.accessToken.addScope(['a'])", r#"api.accessToken.addScope: "scope" must be a string, not object"#),
        ("api.user.setAppMetadata(null, 1)", r#"api.user.setAppMetadata: "key" must be a string, not null"#),
        ("api.transaction.setMetadata('k', {})", r#"api.transaction.setMetadata: "value" must be a string, a number or a boolean, not object"#),
        ("api.transaction.setMetadata('k'.repeat(65), 1)", r#"api.transaction.setMetadata: "key" has more than 64 characters"#),
        ("api.transaction.setMetadata('k', 'x'.repeat(9000))", r#"api.transaction.setMetadata: "value" has more than 8192 bytes"#),
        ("api.refreshToken.setExpiresAt('soon')", r#"api.refreshToken.setExpiresAt: "absolute" must be a time in whole milliseconds since 1970"#),
        ("api.refreshToken.setMetadata('k', 1)", r#"api.refreshToken.setMetadata: "value" must be a string, not number"#),
        ("api.session.setCookieMode('forever')", r#"api.session.setCookieMode: "mode" must be "persistent" or "non-persistent""#),
        ("api.redirect.sendUserTo('/relative')", r#"api.redirect.sendUserTo: "url" must be an absolute http or https URL"#),
        ("api.redirect.sendUserTo('javascript:alert(1)')", r#"api.redirect.sendUserTo: "url" must be an absolute http or https URL"#),
        ("api.redirect.encodeToken({ secret: '', payload: {} })", r#"api.redirect.encodeToken: "secret" must not be empty"#),
        ("api.authentication.recordMethod('https://a.example')", "api.authentication.recordMethod: only onContinuePostLogin may call it"),
        ("api.cache.set('k', 1)", r#"api.cache.set: "value" must be a string, not number"#),
        ("api.rules.wasExecuted()", r#"api.rules.wasExecuted: "ruleId" must be a string, not undefined"#),
    ]).await;
}

#[tokio::test]
async fn what_does_not_exist_says_so_by_name() {
    let factors = "is not available in Doorward: there are no second factors";
    for (method, why) in [
        ("multifactor.enable", factors),
        ("authentication.challengeWith", factors),
        ("authentication.challengeWithAny", factors),
        ("authentication.enrollWith", factors),
        ("authentication.enrollWithAny", factors),
        (
            "authentication.setPrimaryUser",
            "is not available in Doorward: there is no account linking",
        ),
        ("prompt.render", "is not available in Doorward: there are no forms"),
        ("groups.getUserGroups", "is not available in Doorward: there are no groups"),
        ("groups.hasGroupMembership", "is not available in Doorward: there are no groups"),
        ("samlResponse.setAttribute", "is not available in Doorward: there is no SAML"),
    ] {
        refusals(&[(&format!("api.{method}('any')"), &format!("api.{method} {why}"))]).await;
    }
}

#[tokio::test]
async fn the_metadata_of_a_transaction_is_seen_at_once() {
    let body = "api.transaction.setMetadata('a', 1).transaction.setMetadata('b', 'x'); \
                api.transaction.setMetadata('a', null); console.log(event.transaction.metadata); \
                try { for (let i = 0; i < 3; i++) api.transaction.setMetadata('k' + i, 'x'.repeat(8000)) } \
                catch (e) { console.log(e.message) }";
    let done = run_body(&engine(), body).await;
    assert_eq!(
        done.console,
        "{ b: 'x' }\napi.transaction.setMetadata: the metadata of the transaction has more than \
         16384 bytes\n"
    );
}

async fn with_state(state: Value, body: &str) -> Execution {
    let mut input = input();
    input["state"] = state;
    let code = format!("exports.onExecutePostLogin = async (event, api) => {{{body}}};");
    engine().run(&action(&code), &input, LIMIT).await
}

#[tokio::test]
async fn the_cache_is_read_written_and_kept_small() {
    const FAR: i64 = 4_000_000_000_000;
    let state = json!({ "cache": {
        "known": { "value": "v", "expires_at": FAR },
        "old": { "value": "v", "expires_at": 1 },
    }});
    let body = "
        console.log(api.cache.get('known'), api.cache.get('old'), api.cache.get('__proto__'));
        console.log(api.cache.set('new', 'x', { expires_at: 5 }).record, api.cache.delete('known'));
        console.log(api.cache.get('known'), api.cache.delete('known').code);
        const { record } = api.cache.set('day', 'x', { ttl: 1e12 });
        console.log(Math.round((record.expires_at - Date.now()) / 3600000));
        console.log(api.cache.set('k'.repeat(65), 'x').code, api.cache.set('k', 'x'.repeat(4097)).code);
        let i = 0;
        while (api.cache.set('n' + i, 'x').type === 'success') i += 1;
        console.log(i, api.cache.set('n' + i, 'x'));
        console.log(api.cache.set('n1', 'y'.repeat(4096)).type, api.cache.set('n2', 'y'.repeat(4096)).code);
    ";
    let done = with_state(state, body).await;
    assert_eq!(done.result, Ok(()));
    let lines: Vec<_> = done.console.lines().collect();
    assert_eq!(
        lines,
        [
            "{ value: 'v', expires_at: 4000000000000 } undefined undefined",
            "{ value: 'x', expires_at: 5 } { type: 'success' }",
            "undefined CacheItemNotFound",
            "24",
            "CacheKeySizeExceeded CacheValueSizeExceeded",
            "19 { type: 'error', code: 'CacheSizeExceeded' }",
            "success CacheSizeExceeded",
        ]
    );
    let deleted = Command::CacheDelete { key: "known".into() };
    assert!(done.commands.contains(&deleted));
}

#[tokio::test]
async fn rules_and_roles_are_read_from_what_is_known() {
    let roles: Vec<_> = (1..=3)
        .map(|n| json!({ "id": format!("rol_{n}"), "name": format!("n{n}"), "description": "d" }))
        .collect();
    let state = json!({ "rules_executed": ["rul_1"], "roles": roles });
    let body = "
        console.log(api.rules.wasExecuted('rul_1'), api.rules.wasExecuted('rul_2'));
        const first = await api.roles.getUserEffectiveRoles({ take: 2 });
        console.log(first.roles.map((r) => r.name), first.next);
        console.log((await api.roles.getUserEffectiveRoles({ from: first.next })));
        console.log((await api.roles.getUserEffectiveRolesByIds(['rol_2', 'rol_9'])).roles.length);
        console.log((await api.roles.getUserEffectiveRolesByNames(['n3'])).roles[0].id);
        console.log(api.redirect.canRedirect());
    ";
    let done = with_state(state, body).await;
    assert_eq!(
        done.console.lines().collect::<Vec<_>>(),
        [
            "true false",
            "[ 'n1', 'n2' ] rol_2",
            "{ roles: [ { id: 'rol_3', name: 'n3', description: 'd' } ] }",
            "1",
            "rol_3",
            "false",
        ]
    );
}

#[tokio::test]
async fn session_tokens_are_for_one_login_and_one_secret() {
    let state = json!({ "can_redirect": true, "redirect_token": {
        "issuer": "login.example", "subject": "auth0|1", "ip": "192.0.2.1", "state": "S",
    }});
    let body = "
        const secret = event.secrets.KEY;
        const claims = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
        const own = api.redirect.encodeToken({ secret, payload: { a: 1, sub: 'forged' }, expiresInSeconds: 60 });
        const { iat, exp, ...rest } = claims(own);
        console.log(rest, exp - iat, own.split('.').length);
        const hmac = (signed, key) => require('crypto').createHmac('sha256', key).update(signed).digest('base64url');
        const make = (payload, key = secret, header = { alg: 'HS256', typ: 'JWT' }) => {
            const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
            const signed = part(header) + '.' + part(payload);
            return signed + '.' + hmac(signed, key);
        };
        const later = Math.floor(Date.now() / 1000) + 60;
        const good = { state: 'S', sub: 'auth0|1', exp: later, b: 2 };
        const read = (token, options = {}) => {
            event.request.query.session_token = token;
            try { return api.redirect.validateToken({ secret, ...options }).b } catch (e) { return e.message }
        };
        console.log(read(make(good)));
        event.request.body.other = make(good);
        console.log(read(undefined, { tokenParameterName: 'other' }));
        for (const token of [
            own, undefined, 'a.b', 'a.b.c', make(good, 'another'), make(good).slice(0, -1), make({ ...good, state: 'T' }),
            make({ ...good, exp: 1 }), make({ ...good, exp: undefined }), make({ ...good, sub: 'auth0|2' }),
            make(good, secret, { alg: 'none' }), make(good).split('.').slice(0, 2).join('.') + '.',
        ]) console.log(read(token));
    ";
    let done = with_state(state, body).await;
    assert_eq!(done.result, Ok(()));
    let wrong = |why: &str| format!("The session token is invalid: {why}");
    let no_jwt = wrong("it is not a JSON Web Token");
    assert_eq!(
        done.console.lines().collect::<Vec<_>>(),
        [
            "{ a: 1, sub: 'auth0|1', iss: 'login.example', ip: '192.0.2.1' } 60 3",
            "2",
            "2",
            &wrong("it is not for this login"),
            &wrong("there is no parameter \"session_token\""),
            &no_jwt,
            &no_jwt,
            &wrong("its signature is wrong"),
            &wrong("its signature is wrong"),
            &wrong("it is not for this login"),
            &wrong("it has expired"),
            &wrong("it has expired"),
            &wrong("it is not for this user"),
            &wrong("it is not signed with HS256"),
            &wrong("its signature is wrong"),
        ]
    );
}

#[tokio::test]
async fn other_triggers_have_what_they_need_and_nothing_else() {
    let engine = engine();
    let run = async |trigger: &str, handler: &'static str, body: &str| {
        let code = format!("exports.{handler} = async (event, api) => {{{body}}}");
        let script = Script { kind: Kind::Action { handler }, ..action(&code) };
        let mut input = input();
        input["trigger"] = trigger.into();
        engine.run(&script, &input, LIMIT).await
    };
    let members = "console.log(Object.keys(api).sort().join())";
    for (trigger, handler, expected) in [
        (
            "credentials-exchange",
            "onExecuteCredentialsExchange",
            "access,accessToken,cache,transaction",
        ),
        ("pre-user-registration", "onExecutePreUserRegistration", "access,cache,user,validation"),
        ("post-user-registration", "onExecutePostUserRegistration", "cache"),
        ("post-change-password", "onExecutePostChangePassword", "cache"),
    ] {
        let done = run(trigger, handler, members).await;
        assert_eq!((done.result, done.console), (Ok(()), format!("{expected}\n")), "{trigger}");
    }
    let machine =
        async |body: &str| run("credentials-exchange", "onExecuteCredentialsExchange", body).await;
    let done =
        machine("api.accessToken.setCustomClaim('a', 1).access.deny('invalid_scope', 'r')").await;
    let denied = |code: Option<&str>, message: Option<&str>| Command::Deny {
        code: code.map(str::to_owned),
        reason: "r".into(),
        message: message.map(str::to_owned),
    };
    assert_eq!(done.commands[1], denied(Some("invalid_scope"), None));
    let done = machine("api.access.deny('other', 'r')").await;
    assert!(
        done.result.unwrap_err().message.starts_with("api.access.deny: \"code\" must be one of")
    );
    let (trigger, handler) = ("pre-user-registration", "onExecutePreUserRegistration");
    let done = run(trigger, handler, "api.access.deny('r', 'm')").await;
    assert_eq!(done.commands, [denied(None, Some("m"))]);
}

#[tokio::test]
async fn nothing_that_a_script_does_to_prototypes_changes_what_it_said() {
    let body = "
        api.accessToken.setCustomClaim('https://a.example/x', { a: [1, 'é'] });
        const boom = () => { throw new Error('replaced') };
        for (const of of [Object, Array, Function, String, Promise, Map, RegExp, Number]) {
            for (const name of Object.getOwnPropertyNames(of.prototype)) {
                if (name === 'constructor' || name === '__proto__') continue;
                try { of.prototype[name] = boom } catch {}
            }
        }
        Object.prototype.toJSON = boom;
        Array.prototype[Symbol.iterator] = boom;
        JSON.stringify = JSON.parse = boom;
        globalThis.String = globalThis.Object = globalThis.Promise = boom;
        api.access.deny('no');
    ";
    let done = run_body(&engine(), body).await;
    assert_eq!(done.result, Ok(()));
    let value = json!({ "a": [1, "é"] });
    let claim = Command::SetAccessTokenClaim { name: "https://a.example/x".into(), value };
    let deny = Command::Deny { code: None, reason: "no".into(), message: None };
    assert_eq!(done.commands, [claim, deny]);
}

#[tokio::test]
async fn a_setter_on_a_prototype_sees_no_call() {
    let body = "
        let seen = 0;
        for (let i = 0; i < 5; i++) {
            Object.defineProperty(Array.prototype, i, { set() { seen += 1 }, configurable: true });
        }
        for (const name of ['call', 'args', 'name', 'error', 'message', 'commands', 'value']) {
            Object.defineProperty(Object.prototype, name, { set() { seen += 1 }, configurable: true });
        }
        api.idToken.setCustomClaim('a', 1);
        console.log(seen);
    ";
    let done = run_body(&engine(), body).await;
    assert_eq!((done.result, done.console.as_str()), (Ok(()), "0\n"));
    assert_eq!(done.commands.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_run_says_why() {
    let engine = engine();
    for (code, message) in [
        (
            "exports.onExecutePostLogin = 1",
            "exports.onExecutePostLogin must be a function, not number",
        ),
        (
            "exports.onExecutePostLogin = null",
            "exports.onExecutePostLogin must be a function, not null",
        ),
        ("exports.onExecutePostLogin = async () => { throw null }", "null"),
        ("exports.onExecutePostLogin = async () => { throw {} }", "[object Object]"),
        ("exports.onExecutePostLogin = async () => { throw { message: 'm' } }", "m"),
        ("exports.onExecutePostLogin = async () => { throw undefined }", "undefined"),
        ("exports.onExecutePostLogin = async () => { throw Symbol('s') }", "Symbol(s)"),
        ("exports.onExecutePostLogin = () => Promise.reject(new Error('r'))", "r"),
        (
            "exports.onExecutePostLogin = () => { throw { get message() { throw 1 } } }",
            "the script threw something that cannot be shown",
        ),
        ("module.exports = 7", ""),
        ("module.exports = undefined", ""),
    ] {
        let done = engine.run(&action(code), &input(), LIMIT).await;
        match message {
            "" => assert_eq!((done.result, done.has_handler), (Ok(()), false), "{code}"),
            message => assert_eq!(done.result.unwrap_err().message, message, "{code}"),
        }
    }
    let code = "module.exports = class { static onExecutePostLogin() { return { then(done) { done() } } } }";
    let done = engine.run(&action(code), &input(), LIMIT).await;
    assert_eq!((done.result, done.has_handler), (Ok(()), true));
    let late = "api.access.deny('in time'); setTimeout(() => api.access.deny('late'), 1)";
    assert_eq!(run_body(&engine, late).await.commands.len(), 1);
}
