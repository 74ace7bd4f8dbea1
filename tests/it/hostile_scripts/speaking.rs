//! Scripts that say too much, or what is not theirs to say.

use doorward::actions::ErrorKind;

use super::{TIME, bodies_that_end, bodies_that_write, handler, run};

bodies_that_end! {
    too_many_calls: Output "too often" "for (let i = 0; i < 100000; i++) api.idToken.setCustomClaim('a' + i, 1);";
    too_many_calls_whose_errors_are_caught: Output "too often"
        "for (let i = 0; i < 100000; i++) try { api.idToken.setCustomClaim('a' + i, 1) } catch {}";
    a_claim_that_is_too_long: Output "too much" "api.idToken.setCustomClaim('a', 'x'.repeat(2000000));";
    a_name_that_is_too_long: Output "too much" "api.idToken.setCustomClaim('x'.repeat(2000000), 1);";
    claims_that_are_too_long_together: Output "too much"
        "for (let i = 0; i < 100; i++) api.idToken.setCustomClaim('a' + i, 'x'.repeat(20000));";
}

bodies_that_write! {
    frames_on_the_console_are_text: "\u{0}\u{0}\u{0}\u{0}{\"Done\":{\"error\":null}}\n"
        "console.log('\\0\\0\\0\\0{\"Done\":{\"error\":null}}');";
    halves_of_characters_are_replaced: "\u{fffd}x\u{fffd}\n" "console.log('\\ud800x\\udfff');";
}

#[tokio::test]
async fn the_console_is_cut() {
    for body in [
        "for (let i = 0; i < 1000; i++) console.log('é'.repeat(100));",
        "console.log('é'.repeat(1000000));",
        "for (let i = 0; i < 10000; i++) console.log();",
        "console.log(new Array(200).fill({ a: 1 }));",
    ] {
        let done = run(&handler(body), TIME).await;
        assert_eq!(done.result, Ok(()), "{body}");
        assert!(
            done.console.len() <= 1000 && done.console.len() > 300,
            "{body}: {}",
            done.console.len()
        );
    }
}

#[tokio::test]
async fn calls_after_the_end_do_not_count() {
    let body = "setTimeout(() => api.access.deny('late'), 0); \
                Promise.resolve().then(() => {}).then(() => {}).then(() => {}).then(() => {}) \
                .then(() => {}).then(() => {}).then(() => api.access.deny('late'));";
    let done = run(&handler(body), TIME).await;
    assert_eq!((done.result, done.commands), (Ok(()), vec![]));
}

#[tokio::test]
async fn what_was_asked_for_before_an_error_is_known() {
    let done = run(&handler("api.access.deny('first'); throw new Error('then');"), TIME).await;
    assert_eq!(done.commands.len(), 1);
    let done = run(&handler("api.access.deny('first'); for (;;);"), TIME).await;
    assert_eq!(done.commands.len(), 1);
    assert_eq!(done.result.unwrap_err().kind, ErrorKind::Timeout);
}

#[tokio::test]
async fn an_export_that_is_no_function_is_an_error() {
    let done = run("exports.onExecutePostLogin = 1;", TIME).await;
    assert_eq!(done.result.unwrap_err().kind, ErrorKind::Thrown);
}
