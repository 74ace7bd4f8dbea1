//! `doorward actions run`.

use std::{path::Path, process::Command};

use tempfile::TempDir;

/// Files by name; returns their folder.
fn files(contents: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in contents {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// The exit code, standard output and standard error.
fn doorward(folder: &Path, arguments: &str) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_doorward"))
        .args(arguments.split(' '))
        .current_dir(folder)
        .env_clear()
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

const ACTION: &str = "exports.onExecutePostLogin = async (event, api) => {\n\
                      console.log(`hello ${event.user.name}`, event.secrets);\n\
                      api.idToken.setCustomClaim('https://example.com/x', { a: 1 });\n\
                      api.access.deny('no');\n};\n\
                      exports.onExecuteCredentialsExchange = async (event, api) => {\n\
                      console.log('machine'); api.access.deny('invalid_scope', 'no');\n};";

#[test]
fn an_action_is_run_and_its_decisions_are_printed() {
    let folder = files(&[
        ("a.js", ACTION),
        ("event.json", r#"{"user":{"name":"Ada"},"secrets":{"A":"1"}}"#),
        ("secrets.json", r#"{"KEY":"s3cret"}"#),
    ]);
    let run = "actions run a.js --event event.json --secrets secrets.json";
    let (code, stdout, stderr) = doorward(folder.path(), run);
    let (printed, time) = stdout.rsplit_once(" in ").unwrap();
    assert_eq!(
        printed,
        "console  hello Ada { A: '1', KEY: 's3cret' }\n\
         call     api.idToken.setCustomClaim(name: \"https://example.com/x\", value: {\"a\":1})\n\
         call     api.access.deny(reason: \"no\")\n\
         result   ended well"
    );
    assert!(time.ends_with(" ms\n"), "{time}");
    assert_eq!((code, stderr.as_str()), (0, ""));
    let run = "actions run a.js --event event.json --trigger credentials-exchange";
    let (code, stdout, _) = doorward(folder.path(), run);
    assert_eq!(code, 0);
    assert!(
        stdout.starts_with("console  machine\ncall     api.access.deny(code: \"invalid_scope\""),
        "{stdout}"
    );
}

#[test]
fn a_rule_is_run() {
    let folder = files(&[
        (
            "rule.js",
            "function (user, context, callback) {\n\
             console.log(user.email, configuration.KEY);\n\
             context.idToken['https://example.com/x'] = 1;\n\
             callback(null, user, context);\n}",
        ),
        (
            "event.json",
            r#"{"user":{"email":"ada@example.com"},"context":{"idToken":{},"accessToken":{}}}"#,
        ),
        ("secrets.json", r#"{"KEY":"s3cret"}"#),
        ("no_context.json", r#"{"user":{}}"#),
    ]);
    let run = "actions run rule.js --rule --event event.json --secrets secrets.json";
    let (code, stdout, stderr) = doorward(folder.path(), run);
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    assert!(
        stdout.starts_with(
            "console  ada@example.com s3cret\n\
             call     api.idToken.setCustomClaim(name: \"https://example.com/x\", value: 1)\n"
        ),
        "{stdout}"
    );
    let (code, _, stderr) =
        doorward(folder.path(), "actions run rule.js --rule --event no_context.json");
    assert_eq!(code, 1);
    assert!(stderr.contains("\"user\" and \"context\""), "{stderr}");
}

#[test]
fn what_is_wrong_is_said_in_one_line() {
    let folder = files(&[
        (
            "throws.js",
            "exports.onExecutePostLogin = async () => { console.log('x'); throw new Error('boom'); };",
        ),
        ("syntax.js", "exports.onExecutePostLogin = async () => {\n  let x = ;\n};"),
        ("none.js", "exports.other = 1;"),
        ("event.json", "{}"),
        ("list.json", "[]"),
        ("text.json", "{"),
        ("numbers.json", r#"{"KEY":1}"#),
    ]);
    for (arguments, message) in [
        ("throws.js --event event.json", "doorward: the script failed: boom\n"),
        ("syntax.js --event event.json", "(2:11)\n"),
        ("none.js --event event.json", "doorward: none.js: exports no onExecutePostLogin\n"),
        (
            "missing.js --event event.json",
            "doorward: cannot read missing.js: No such file or directory (os error 2)\n",
        ),
        ("throws.js --event missing.json", "cannot read missing.json"),
        ("throws.js --event list.json", "doorward: list.json: must be a JSON object\n"),
        ("throws.js --event text.json", "doorward: text.json: EOF while parsing"),
        (
            "throws.js --event event.json --secrets numbers.json",
            "doorward: numbers.json: `KEY` must be a text\n",
        ),
    ] {
        let (code, stdout, stderr) = doorward(folder.path(), &format!("actions run {arguments}"));
        assert_eq!(code, 1, "{arguments}");
        assert!(stderr.contains(message), "{arguments}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{arguments}: {stderr}");
        assert_eq!(stdout.contains("console  x"), arguments == "throws.js --event event.json");
    }
    let (code, _, stderr) =
        doorward(folder.path(), "actions run none.js --event event.json --trigger no");
    assert_eq!(code, 2);
    assert!(stderr.contains("post-login, credentials-exchange"), "{stderr}");
}

#[test]
fn the_worker_is_not_for_people() {
    let folder = files(&[]);
    let (_, stdout, _) = doorward(folder.path(), "--help");
    assert!(stdout.contains("actions") && !stdout.contains("worker"), "{stdout}");
}
