//! Scripts that change what the prelude is made of, before and while it works for them.

use doorward::actions::ErrorKind;
use serde_json::json;

use super::{TIME, claim, ends, handler, run};

/// What each of these does before it asks for a claim as any script does.
const POLLUTION: &[(&str, &str)] = &[
    ("Object.prototype gets toJSON", "Object.prototype.toJSON = () => 'polluted';"),
    ("String.prototype gets toJSON", "String.prototype.toJSON = () => 'polluted';"),
    ("Array.prototype gets toJSON", "Array.prototype.toJSON = () => 'polluted';"),
    ("JSON is another", "globalThis.JSON = { parse: () => ({}), stringify: () => 'polluted' };"),
    (
        "JSON.stringify is another",
        "JSON.stringify = () => 'polluted'; JSON.parse = () => 'polluted';",
    ),
    (
        "promises do nothing",
        "Promise.prototype.then = Promise.prototype.catch = Promise.prototype.finally = () => {};",
    ),
    ("Promise is another", "globalThis.Promise = class { then() {} static resolve() {} };"),
    (
        "promises have another species",
        "Object.defineProperty(Promise, Symbol.species, { get() { throw 1 } });",
    ),
    (
        "functions cannot be called",
        "Function.prototype.call = Function.prototype.apply = Function.prototype.bind = () => { throw 1 };",
    ),
    ("Reflect is empty", "for (const k of Reflect.ownKeys(Reflect)) delete Reflect[k];"),
    (
        "arrays cannot be walked",
        "Array.prototype[Symbol.iterator] = function* () { yield 'polluted'; };",
    ),
    (
        "arrays do nothing",
        "for (const k of ['push', 'join', 'map', 'slice', 'concat', 'includes']) Array.prototype[k] = () => 'polluted';",
    ),
    (
        "texts do nothing",
        "for (const k of ['slice', 'toWellFormed', 'toLowerCase', 'replace', 'split', 'startsWith']) String.prototype[k] = () => 'polluted';",
    ),
    (
        "maps do nothing",
        "for (const k of ['get', 'set', 'has', 'delete']) Map.prototype[k] = () => 'polluted';",
    ),
    (
        "regular expressions match nothing",
        "RegExp.prototype.test = RegExp.prototype.exec = () => null;",
    ),
    (
        "objects have getters",
        "for (const k of ['call', 'args', 'name', 'value', 'then', 'error', 'get', 'set', 'enumerable', 'configurable', 'writable']) Object.defineProperty(Object.prototype, k, { __proto__: null, get() { return undefined }, set() {}, configurable: true });",
    ),
    (
        "objects have members",
        "Object.prototype.call = 'access.deny'; Object.prototype.has_handler = false; Object.prototype.error = 'polluted';",
    ),
    (
        "indices have setters",
        "for (let i = 0; i < 8; i++) Object.defineProperty(Array.prototype, i, { get() { return 'polluted' }, set() {}, configurable: true });",
    ),
    (
        "errors are another",
        "globalThis.Error = globalThis.TypeError = class { constructor() { for (;;); } };",
    ),
    ("errors are prepared", "Error.prepareStackTrace = () => { for (;;); };"),
    (
        "all globals are gone",
        "for (const k of Reflect.ownKeys(globalThis)) try { delete globalThis[k] } catch {}",
    ),
    (
        "everything is frozen",
        "for (const k of Reflect.ownKeys(globalThis)) try { Object.freeze(globalThis[k]); Object.freeze(globalThis[k].prototype) } catch {} Object.freeze(globalThis);",
    ),
    ("the exports are thrown away", "module.exports = null; exports = undefined;"),
    (
        "the event is thrown away",
        "event.user = event.secrets = null; Object.setPrototypeOf(event, new Proxy({}, {}));",
    ),
];

#[tokio::test]
async fn the_prelude_answers_the_same_whatever_a_script_has_changed() {
    for (name, change) in POLLUTION {
        let ask = "set('https://example.com/x', { a: ['b', 1] });";
        let code = handler(&format!("const set = api.idToken.setCustomClaim; {change} {ask}"));
        let done = run(&code, TIME).await;
        assert_eq!(done.result, Ok(()), "{name}");
        // With a `toJSON` of its own, a script says itself what its values are.
        let own = name.ends_with("toJSON");
        let expected = claim("https://example.com/x", json!({ "a": ["b", 1] }));
        if own {
            assert_eq!(done.commands.len(), 1, "{name}: {:?}", done.commands);
        } else {
            assert_eq!(done.commands, [expected], "{name}");
        }
    }
}

#[tokio::test]
async fn the_prelude_tells_of_errors_whatever_a_script_has_changed() {
    for (name, change) in POLLUTION {
        let code = handler(&format!("const mine = new Error('mine'); {change} throw mine;"));
        let error = run(&code, TIME).await.result.expect_err(name);
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Thrown, "mine"), "{name}");
    }
}

#[tokio::test]
async fn the_prelude_begins_the_same_whatever_the_module_has_changed() {
    for (name, change) in POLLUTION {
        let change = change
            .replace("event.user = event.secrets = null;", "")
            .replace("Object.setPrototypeOf(event, new Proxy({}, {}));", "");
        if name.starts_with("the exports") {
            continue;
        }
        let body = handler("api.idToken.setCustomClaim('x', 1);");
        let done = run(&format!("{body} {change}"), TIME).await;
        assert_eq!(done.result, Ok(()), "{name}");
        assert_eq!(done.commands.len(), 1, "{name}: {:?}", done.commands);
    }
}

#[tokio::test]
async fn what_is_thrown_may_be_anything() {
    for (thrown, message) in [
        ("null", "null"),
        ("undefined", "undefined"),
        ("0", "0"),
        ("''", ""),
        ("Symbol('x')", "Symbol(x)"),
        ("{}", "[object Object]"),
        ("Object.create(null)", "cannot be shown"),
        ("{ toString() { throw 1 } }", "cannot be shown"),
        ("{ get message() { throw 1 } }", "cannot be shown"),
        ("{ message: { toString() { throw 1 } } }", ""),
        ("new Proxy({}, { get() { throw 1 }, getPrototypeOf() { throw 1 } })", "cannot be shown"),
        ("new Proxy(new Error('x'), {})", "x"),
        ("new (class extends Error { get name() { throw 1 } })('x')", "cannot be shown"),
        ("'\\ud800'", "\u{fffd}"),
        ("new Error('x'.repeat(1000000))", "xxx"),
    ] {
        let code = handler(&format!("throw {thrown};"));
        ends(&code, ErrorKind::Thrown, message).await;
    }
}
