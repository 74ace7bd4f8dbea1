//! Workers that die, lie or are all taken.

use std::{os::unix::fs::PermissionsExt, path::Path, sync::Arc, time::Duration};

use doorward::actions::{Engine, ErrorKind, Options, ScriptError};
use tokio::time::sleep;

use super::{TIME, engine_with, handler, is_well, tight};
use crate::support::scripts::{action, input};

/// An engine whose workers are this shell script.
fn engine_of(folder: &Path, script: &str) -> Engine {
    let file = folder.join("worker");
    std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    engine_with(Options { worker: Some(file), ..tight() })
}

/// An engine with the real worker, which leaves its process id in `pid`.
fn known(folder: &Path) -> Engine {
    let program = env!("CARGO_BIN_EXE_doorward");
    let pids = folder.join("pid").display().to_string();
    engine_of(folder, &format!("echo $$ >> {pids}\nexec {program} \"$@\""))
}

fn pids(folder: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join("pid")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn kill(pid: &str) {
    assert!(std::process::Command::new("kill").args(["-9", pid]).status().unwrap().success());
}

async fn error(engine: &Engine, time: Duration) -> ScriptError {
    engine.run(&action(&handler("")), &input(), time).await.result.unwrap_err()
}

#[tokio::test]
async fn a_worker_that_lies_is_an_error() {
    // A length, the length of a head, a head, a body: as printf writes them.
    let frame = |head: &str, body: &str| {
        let number = |n: usize| {
            let octal = |shift: usize| format!("\\{:03o}", (n >> shift) & 255);
            [octal(0), octal(8), octal(16), octal(24)].concat()
        };
        let (head_length, length) = (number(head.len()), number(head.len() + body.len() + 4));
        format!("printf '%b' '{length}{head_length}'; printf '%s' '{head}{body}'; cat >/dev/null")
    };
    let done = r#"{"Done":{"error":null,"console":"","has_handler":true,"rule":null}}"#;
    let fetch = r#"{"Fetch":{"id":1,"request":"{}"}}"#;
    for (script, kind) in [
        ("exit 0".to_owned(), ErrorKind::Worker),
        ("exit 1".to_owned(), ErrorKind::Worker),
        ("kill -9 $$".to_owned(), ErrorKind::Worker),
        ("head -c 100000 /dev/zero; cat >/dev/null".to_owned(), ErrorKind::Worker),
        ("yes; cat >/dev/null".to_owned(), ErrorKind::Worker),
        ("printf '\\377\\377\\377\\377'; cat >/dev/null".to_owned(), ErrorKind::Worker),
        (frame("nonsense", ""), ErrorKind::Worker),
        (frame("{}", ""), ErrorKind::Worker),
        (frame(r#"{"Done":{}}"#, "[]"), ErrorKind::Worker),
        (frame(done, "nonsense"), ErrorKind::Worker),
        (frame(done, r#"[{"call":"no.such","args":{}}]"#), ErrorKind::Worker),
        (frame(done, r#"[{"call":"access.deny","args":{"reason":1}}]"#), ErrorKind::Worker),
        (frame(r#"{"Checked":{"error":null}}"#, ""), ErrorKind::Worker),
        (frame(fetch, ""), ErrorKind::Timeout),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let engine = engine_of(folder.path(), &script);
        let found = error(&engine, Duration::from_secs(2)).await;
        assert_eq!(found.kind, kind, "{script}: {}", found.message);
    }
}

#[tokio::test]
async fn a_worker_that_says_nothing_is_ended_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine_of(folder.path(), "exec cat >/dev/null");
    let found = error(&engine, Duration::from_millis(100)).await;
    assert_eq!(found.kind, ErrorKind::Timeout, "{}", found.message);
}

#[tokio::test]
async fn a_worker_that_cannot_be_started_is_an_error() {
    let worker = Some("/nowhere/doorward".into());
    let found = error(&engine_with(Options { worker, ..tight() }), TIME).await;
    assert_eq!(found.kind, ErrorKind::Worker, "{}", found.message);
}

#[tokio::test]
async fn a_worker_that_was_killed_while_it_rested_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let engine = known(folder.path());
    is_well(&engine).await;
    kill(&pids(folder.path())[0]);
    is_well(&engine).await;
    is_well(&engine).await;
    assert_eq!(pids(folder.path()).len(), 2);
}

#[tokio::test]
async fn a_worker_that_is_killed_at_work_is_an_error_and_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Arc::new(known(folder.path()));
    let body = handler("await new Promise((done) => setTimeout(done, 1e6));");
    let running = {
        let engine = Arc::clone(&engine);
        tokio::spawn(async move { engine.run(&action(&body), &input(), TIME).await })
    };
    while pids(folder.path()).is_empty() {
        sleep(Duration::from_millis(5)).await;
    }
    kill(&pids(folder.path())[0]);
    let found = running.await.unwrap().result.unwrap_err();
    assert_eq!(found.kind, ErrorKind::Worker, "{}", found.message);
    is_well(&engine).await;
}

#[tokio::test]
async fn one_worker_serves_many_scripts() {
    let folder = tempfile::tempdir().unwrap();
    let engine = known(folder.path());
    for body in ["", "throw 1", "api.access.deny('x')", "for (;;);", ""] {
        let _ = engine.run(&action(&handler(body)), &input(), TIME).await;
    }
    is_well(&engine).await;
    assert_eq!(pids(folder.path()).len(), 1);
    // What a script has done to the memory of its process is not left to the next one.
    let found = engine.run(&action(&handler("new Array(1e9).fill(1)")), &input(), TIME).await;
    assert_eq!(found.result.unwrap_err().kind, ErrorKind::Memory);
    is_well(&engine).await;
    assert_eq!(pids(folder.path()).len(), 2);
}

#[tokio::test]
async fn no_process_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let engine = known(folder.path());
    is_well(&engine).await;
    // One that rests, and one whose caller has gone away.
    let looping = handler("for (;;);");
    let (script, input) = (action(&looping), input());
    tokio::select! {
        _ = engine.run(&script, &input, TIME) => {}
        () = sleep(Duration::from_millis(50)) => {}
    }
    drop(engine);
    for pid in pids(folder.path()) {
        let status = format!("/proc/{pid}/status");
        // A zombie that is not collected yet is no process either.
        let lives =
            || std::fs::read_to_string(&status).is_ok_and(|text| !text.contains("State:\tZ"));
        while lives() {
            sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test]
async fn one_script_cannot_take_all_workers() {
    let engine = Arc::new(engine_with(Options { cpu_limit_ms: 20_000, ..tight() }));
    let looping = handler("for (;;);");
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (engine, looping) = (Arc::clone(&engine), looping.clone());
        running.spawn(async move {
            engine.run(&action(&looping), &input(), Duration::from_secs(3)).await
        });
    }
    is_well(&engine).await;
    is_well(&engine).await;
    while let Some(done) = running.join_next().await {
        let error = done.unwrap().result.unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Timeout | ErrorKind::Worker), "{}", error.message);
    }
    is_well(&engine).await;
}

#[tokio::test]
async fn a_queue_that_is_too_long_is_refused_at_once() {
    let engine = Arc::new(engine_with(Options { max_workers: 1, ..tight() }));
    let waiting = handler("await new Promise((done) => setTimeout(done, 1e6));");
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..70 {
        let (engine, waiting) = (Arc::clone(&engine), waiting.clone());
        running.spawn(async move {
            engine.run(&action(&waiting), &input(), Duration::from_secs(1)).await.result
        });
    }
    let first = running.join_next().await.unwrap().unwrap().unwrap_err();
    assert_eq!(first.message, "Too many scripts wait for a worker");
    let mut in_time = 0;
    while let Some(done) = running.join_next().await {
        in_time += usize::from(done.unwrap().unwrap_err().message != first.message);
    }
    assert_eq!(in_time, 64);
    is_well(&engine).await;
}
