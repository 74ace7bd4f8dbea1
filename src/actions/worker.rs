//! A worker: the process that runs scripts. It reads frames from standard input, one script at a
//! time, and answers on standard output.
//!
//! 1. It makes a thread that reads frames, then limits itself: nothing can be opened any more.
//! 2. It makes a context: the engine, the prelude, and, when it has run a script before, that script
//!    compiled, so that the next call finds it ready.
//! 3. It waits for a frame, runs the script in that context, answers, and throws the context away:
//!    no execution sees anything of another.

mod confine;
mod context;
mod execution;
mod natives;
mod system_calls;
mod urls;

use std::{process::ExitCode, sync::mpsc};

use crate::actions::frame::{self, Form, FromWorker, ToWorker};

/// How a script that was compiled before is known: by all of it.
#[derive(PartialEq, Eq)]
struct Code {
    form: Form,
    name: String,
    code: String,
}

/// Runs scripts until standard input ends. `memory` is what a script may use, in bytes.
pub fn run(memory: u64) -> ExitCode {
    confine::first();
    let (sender, frames) = mpsc::channel();
    // The server is gone, or its pipe broken: whatever a script is doing then, it ends.
    let (begun, has_begun) = mpsc::channel();
    let read = move || {
        let _ = begun.send(());
        while let Ok(frame) = frame::read::<ToWorker>(&mut std::io::stdin().lock()) {
            if sender.send(frame).is_err() {
                break;
            }
        }
        std::process::exit(0);
    };
    if std::thread::Builder::new().stack_size(256 * 1024).spawn(read).is_err() {
        return ExitCode::FAILURE;
    }
    // A thread that is only beginning needs more of the system than one that reads.
    let _ = has_begun.recv();
    // What randomness needs to open, it opens now.
    let _ = natives::random(16);
    if let Err(what) = confine::last(memory) {
        eprintln!("doorward worker: {what} cannot be limited");
        return ExitCode::FAILURE;
    }
    let mut last = None;
    loop {
        match context::serve_one(&frames, memory, last.take()) {
            Ok(code) => last = code,
            Err(_) => return ExitCode::FAILURE,
        }
    }
}

/// Answers.
fn answer(head: &FromWorker, body: &[u8]) -> std::io::Result<()> {
    frame::write(&mut std::io::stdout().lock(), head, body)
}
