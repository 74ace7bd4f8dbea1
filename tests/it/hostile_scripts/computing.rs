//! Scripts that do not end by themselves.

use std::time::Duration;

use doorward::actions::ErrorKind;

use super::{bodies_that_end, bodies_that_write, ends, handler, run};

bodies_that_end! {
    a_loop: Timeout "computed for more than 300 ms" "for (;;);";
    a_loop_after_an_await: Timeout "computed" "await null; for (;;);";
    a_loop_that_catches_what_ends_it: Timeout "computed"
        "for (;;) { try { for (;;); } catch {} finally { continue; } }";
    a_loop_in_a_getter_of_a_claim: Timeout "computed"
        "api.idToken.setCustomClaim('x', { get a() { for (;;); } });";
    a_loop_in_the_to_json_of_a_claim: Timeout "computed"
        "api.idToken.setCustomClaim('x', { toJSON() { for (;;); } });";
    a_loop_in_a_proxy: Timeout "computed"
        "api.idToken.setCustomClaim('x', new Proxy({}, { ownKeys() { for (;;); } }));";
    a_loop_in_the_text_of_what_is_thrown: Timeout "computed"
        "throw { toString() { for (;;); } };";
    a_loop_in_the_message_of_what_is_thrown: Timeout "computed"
        "throw Object.defineProperty(new Error(), 'message', { get() { for (;;); } });";
    a_loop_in_a_thenable: Timeout "computed" "return { then() { for (;;); } };";
    a_loop_in_a_comparator: Timeout "computed" "[3, 2, 1].sort(() => { for (;;); });";
    a_loop_in_a_replacer: Timeout "computed" "'a'.replace(/a/, () => { for (;;); });";
    a_loop_in_a_timer: Timeout "computed"
        "setTimeout(() => { for (;;); }, 1); await new Promise(() => {});";
    a_loop_while_the_console_writes: Timeout "computed"
        "console.log({ get a() { for (;;); }, toJSON() { for (;;); }, [Symbol.toPrimitive]() { for (;;); }, \
         get [Symbol.for('nodejs.util.inspect.custom')]() { for (;;); } });";
    a_generator_without_end: Timeout "computed"
        "for (const x of (function* () { for (;;) yield 1; })());";
    an_asynchronous_generator_without_end: Timeout "computed"
        "for await (const x of (async function* () { for (;;) yield 1; })());";
    promises_that_leave_no_time: Timeout "computed"
        "(function f() { Promise.resolve().then(f); })(); await new Promise(() => {});";
    a_regular_expression_that_goes_back_and_back: Timeout "computed"
        "/^(a+)+$/.test('a'.repeat(50) + 'b');";
    a_promise_that_nothing_settles: Timeout "never settles" "await new Promise(() => {});";
    a_thenable_that_nothing_settles: Timeout "never settles" "return { then() {} };";
    a_number_too_long_to_write: Timeout "computed" "for (;;) (7n ** 300000n).toString();";
    a_search_in_an_empty_array: Timeout "computed" "new Array(4294967295).includes(1);";
    recursion: Thrown "Maximum call stack size exceeded" "(function f() { f(); })();";
    recursion_in_a_getter: Thrown "Maximum call stack size exceeded"
        "const o = { get o() { return this.o; } }; o.o;";
    recursion_in_a_proxy: Thrown "Maximum call stack size exceeded"
        "const p = new Proxy({}, { get: (t, k, self) => self[k] }); p.x;";
    recursion_in_a_text: Thrown "Maximum call stack size exceeded"
        "const o = { toString() { return `${o}`; } }; `${o}`;";
    recursion_in_json: Thrown "Maximum call stack size exceeded"
        "let a = []; for (let i = 0; i < 100000; i++) a = [a]; JSON.stringify(a);";
    recursion_in_the_json_that_is_read: Thrown ""
        "JSON.parse('['.repeat(1000000));";
    recursion_in_a_regular_expression: Thrown ""
        "new RegExp('('.repeat(1000000));";
    recursion_in_code: Thrown ""
        "eval('('.repeat(1000000));";
    timers_without_number: Thrown "more than 1000 timers"
        "for (;;) setTimeout(() => {}, 1000000);";
    timers_that_set_timers: Thrown "more than 1000 timers"
        "const f = () => { setTimeout(f, 0); setTimeout(f, 0); }; f(); await new Promise(() => {});";
}

bodies_that_write! {
    what_goes_on_after_the_end_is_over: "before\n"
        "console.log('before'); (function f() { Promise.resolve().then(f); })(); setInterval(() => {}, 0);";
    a_rejection_that_nobody_handles: "here\n"
        "Promise.reject(new Error('nobody')); await null; console.log('here');";
    a_regular_expression_that_is_only_long: "true\n"
        "console.log(new RegExp('a'.repeat(10000)).test('a'.repeat(10000)));";
}

#[tokio::test]
async fn a_loop_outside_of_the_handler() {
    ends("for (;;);", ErrorKind::Timeout, "computed").await;
}

#[tokio::test]
async fn a_loop_beside_the_script() {
    let code = "}); for (;;); (function () {";
    ends(code, ErrorKind::Timeout, "computed").await;
}

#[tokio::test]
async fn a_getter_for_the_handler() {
    let code = "Object.defineProperty(exports, 'onExecutePostLogin', { get() { for (;;); } });";
    ends(code, ErrorKind::Timeout, "computed").await;
}

#[tokio::test]
async fn a_proxy_for_the_exports() {
    let code = "module.exports = new Proxy({}, { get() { for (;;); } });";
    ends(code, ErrorKind::Timeout, "computed").await;
}

#[tokio::test]
async fn a_wait_that_is_too_long() {
    for body in [
        "await new Promise((done) => setTimeout(done, 1e9));",
        "setInterval(() => {}, 5); await new Promise(() => {});",
    ] {
        let done = run(&handler(body), Duration::from_millis(400)).await;
        let error = done.result.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Timeout, "{body}");
        assert!(error.message.starts_with("The script took more than"), "{}", error.message);
    }
}
