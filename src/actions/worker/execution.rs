//! What one execution may still use, what it waits for, and what came of it.

use std::{
    borrow::Cow,
    cell::{Cell, RefCell},
    collections::BTreeSet,
    sync::mpsc,
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};
use serde::Deserialize;

use super::{answer, confine, context::Broken};
use crate::actions::frame::{Done, Ended, FromWorker, Limits, ToWorker};
use crate::actions::{ErrorKind, Place};

/// The message of the engine.
pub const OUT_OF_MEMORY: &str = "out of memory";

/// The limits while code is only compiled.
pub const WHILE_CHECKING: Limits =
    Limits { time_ms: 5_000, cpu_ms: 2_000, console_bytes: 0, requests: 0 };

/// Calls of the `api` object.
const MOST_COMMANDS: u32 = 1_000;
/// Their length together, in bytes.
const MOST_COMMAND_BYTES: usize = 1024 * 1024;
/// The length of what a rule leaves behind, in bytes.
const MOST_RULE_BYTES: usize = 2 * 1024 * 1024;
/// Timers that wait at a time.
const MOST_TIMERS: usize = 1_000;
/// The length of a message, in bytes.
const MOST_MESSAGE_BYTES: usize = 2_000;

/// One execution. Its cells are shared with the natives and with the interrupt handler.
#[derive(Default)]
pub struct Execution {
    /// Whether it has begun; before that, nothing is limited by time.
    limits: Cell<Option<Limits>>,
    /// When to stop, in milliseconds of the clock.
    stop_at: Cell<u64>,
    /// When to stop, in milliseconds of computing.
    stop_at_cpu: Cell<u64>,
    ended: RefCell<Option<Ended>>,
    finished: RefCell<Option<Finished>>,
    rule: RefCell<Option<String>>,
    commands: RefCell<String>,
    count: Cell<u32>,
    console: RefCell<String>,
    /// When, and which.
    timers: RefCell<BTreeSet<(u64, u32)>>,
    requests: Cell<u32>,
    awaited: RefCell<BTreeSet<u32>>,
}

/// How the prelude says that the script has ended.
#[derive(Debug, Default, Deserialize)]
struct Finished {
    error: Option<Thrown>,
    #[serde(default)]
    has_handler: bool,
}

/// What was thrown.
#[derive(Debug, Deserialize)]
struct Thrown {
    #[serde(default)]
    name: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    stack: String,
}

/// What an execution goes on with.
pub enum Next {
    /// A timer is due.
    Timer(u32),
    /// An answer came.
    Fetched {
        /// Of the request.
        id: u32,
        /// JSON.
        answer: String,
        /// Of the response.
        body: Vec<u8>,
    },
    /// Nothing will come any more, or not in time.
    End(Ended),
}

impl Ended {
    /// Too much memory.
    pub fn memory() -> Self {
        let message = "The script used too much memory".to_owned();
        Self { kind: ErrorKind::Memory, message }
    }

    fn output(message: &str) -> Self {
        Self { kind: ErrorKind::Output, message: message.to_owned() }
    }

    fn timeout(message: String) -> Self {
        Self { kind: ErrorKind::Timeout, message }
    }
}

impl Execution {
    /// Sets the clocks.
    pub fn begin(&self, limits: Limits) {
        self.limits.set(Some(limits));
        self.stop_at.set(now().saturating_add(limits.time_ms));
        self.stop_at_cpu.set(millis(ClockId::ThreadCPUTime).saturating_add(limits.cpu_ms));
        confine::allow_cpu(limits.cpu_ms);
    }

    /// Asked by the engine now and then while it computes.
    pub fn must_stop(&self) -> bool {
        let Some(limits) = self.limits.get() else { return false };
        if self.ended.borrow().is_some() {
            return true;
        }
        if millis(ClockId::ThreadCPUTime) >= self.stop_at_cpu.get() {
            let message = format!("The script computed for more than {} ms", limits.cpu_ms);
            self.end(Ended::timeout(message));
        } else if now() >= self.stop_at.get() {
            self.end(self.too_late());
        }
        self.ended.borrow().is_some()
    }

    fn too_late(&self) -> Ended {
        let limit = self.limits.get().map_or(0, |limits| limits.time_ms);
        Ended::timeout(format!("The script took more than {limit} ms"))
    }

    /// Ends it; the first reason counts.
    fn end(&self, ended: Ended) {
        self.ended.borrow_mut().get_or_insert(ended);
    }

    /// Whether nothing of it need run any more.
    pub fn is_over(&self) -> bool {
        self.must_stop() || self.finished.borrow().is_some()
    }

    /// Why it was ended from outside, or what it threw.
    pub fn ended(&self) -> Option<Ended> {
        let ended = self.ended.borrow().clone();
        ended.or_else(|| self.finished.borrow().as_ref()?.error.as_ref().map(Thrown::ended))
    }

    /// The stack of what it threw, as the script left it: it may say anything.
    pub fn stack(&self) -> String {
        let finished = self.finished.borrow();
        let thrown = finished.as_ref().and_then(|finished| finished.error.as_ref());
        thrown.map(|thrown| thrown.stack.clone()).unwrap_or_default()
    }

    /// A line for the console; what is too much is left out.
    pub fn log(&self, text: &str) {
        let most = self.limits.get().map_or(0, |limits| limits.console_bytes);
        let mut console = self.console.borrow_mut();
        let room = most.saturating_sub(console.len());
        console.push_str(cut(text, room.saturating_sub(1)));
        if room > 0 {
            console.push('\n');
        }
    }

    /// A call of the `api` object, as JSON.
    pub fn command(&self, json: &str) -> bool {
        let json = well_formed(json);
        let mut commands = self.commands.borrow_mut();
        let count = self.count.get() + 1;
        if count > MOST_COMMANDS || commands.len() + json.len() + 1 > MOST_COMMAND_BYTES {
            self.end(Ended::output("The script called the api too often, or with too much"));
            return false;
        }
        self.count.set(count);
        if !commands.is_empty() {
            commands.push(',');
        }
        commands.push_str(&json);
        true
    }

    /// The script has ended. Whatever it does later does not count.
    pub fn finish(&self, json: &str, rule: Option<String>) {
        if rule.as_ref().is_some_and(|rule| rule.len() > MOST_RULE_BYTES) {
            self.end(Ended::output("The script returned too much"));
        }
        match serde_json::from_str(&well_formed(json)) {
            Ok(finished) => {
                self.finished.borrow_mut().get_or_insert(finished);
            }
            // Never taken for an end without an error.
            Err(_) => self.end(Ended::output("The script ended in a way that cannot be read")),
        }
        *self.rule.borrow_mut() = rule.map(|rule| well_formed(&rule).into_owned());
    }

    /// A timer. `false` if there are too many.
    pub fn set_timer(&self, id: u32, after: f64) -> bool {
        let after = Duration::try_from_secs_f64(after.clamp(1.0, 1e9) / 1000.0);
        let after = after.map_or(1, |after| u64::try_from(after.as_millis()).unwrap_or(1));
        // Set again, it counts anew.
        self.clear_timer(id);
        let mut timers = self.timers.borrow_mut();
        if timers.len() >= MOST_TIMERS {
            self.end(Ended::output("The script set too many timers"));
            return false;
        }
        timers.insert((now().saturating_add(after), id))
    }

    /// Forgets it.
    pub fn clear_timer(&self, id: u32) {
        self.timers.borrow_mut().retain(|(_, timer)| *timer != id);
    }

    /// Sends a request. `Err` is what the script is told.
    pub fn fetch(&self, id: u32, request: String, body: &[u8]) -> Result<(), String> {
        let most = self.limits.get().map_or(0, |limits| limits.requests);
        if self.requests.get() >= most {
            return Err(format!("more than {most} requests"));
        }
        self.requests.set(self.requests.get() + 1);
        answer(&FromWorker::Fetch { id, request }, body)
            .map_err(|_| "it is too long".to_owned())?;
        self.awaited.borrow_mut().insert(id);
        Ok(())
    }

    /// Waits for a timer or an answer.
    pub fn wait(&self, frames: &mpsc::Receiver<(ToWorker, Vec<u8>)>) -> Result<Next, Broken> {
        loop {
            let now = now();
            let timer = self.timers.borrow().first().copied();
            if let Some((due, id)) = timer
                && due <= now
            {
                self.timers.borrow_mut().remove(&(due, id));
                return Ok(Next::Timer(id));
            }
            let until = match timer {
                Some((due, _)) => due.min(self.stop_at.get()),
                None if self.awaited.borrow().is_empty() => {
                    let message = "The promise of the script never settles: nothing is left that \
                                   it could wait for";
                    return Ok(Next::End(Ended::timeout(message.to_owned())));
                }
                None => self.stop_at.get(),
            };
            match frames.recv_timeout(Duration::from_millis(until.saturating_sub(now))) {
                Ok((ToWorker::Fetched { id, answer }, body)) => {
                    if self.awaited.borrow_mut().remove(&id) {
                        return Ok(Next::Fetched { id, answer, body });
                    }
                }
                Ok(_) | Err(mpsc::RecvTimeoutError::Disconnected) => return Err(Broken::Pipe),
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    if self.must_stop() {
                        return Ok(Next::End(self.too_late()));
                    }
                }
            }
        }
    }

    /// Tells the server. `at` is where the code failed by itself.
    pub fn answer(&self, ended: Option<Ended>, at: Option<Place>) -> std::io::Result<()> {
        let at = at.filter(|_| self.ended.borrow().is_none());
        let error = self.ended.borrow().clone().or(ended);
        let commands = format!("[{}]", self.commands.borrow());
        let done = Done {
            error: error.map(|error| Ended {
                message: cut(&error.message, MOST_MESSAGE_BYTES).to_owned(),
                ..error
            }),
            at,
            console: self.console.take(),
            has_handler: self.finished.borrow().as_ref().is_none_or(|end| end.has_handler),
            rule: self.rule.take(),
        };
        answer(&FromWorker::Done(done), commands.as_bytes())
    }
}

impl Thrown {
    fn ended(&self) -> Ended {
        // When there is no memory even for an error, the engine throws `null`. So may a script.
        let is_null = self.name.is_empty() && self.message == "null";
        let is_memory = self.name == "InternalError" && self.message == OUT_OF_MEMORY;
        if is_memory || is_null && confine::used_much() {
            return Ended::memory();
        }
        Ended { kind: ErrorKind::Thrown, message: self.message.clone() }
    }
}

/// JSON in which no escape stands for half a character, which is no Unicode: `JSON.stringify` writes
/// those of its texts so, and only those.
fn well_formed(json: &str) -> Cow<'_, str> {
    let is_half = |at: usize| {
        let digits = json.as_bytes().get(at + 1..at + 3);
        digits.is_some_and(|d| matches!(d, [b'd' | b'D', b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F']))
    };
    let mut written = String::new();
    let (mut kept, mut at) = (0, 0);
    while let Some(found) = json[at..].find('\\') {
        // Behind a backslash: the letter of an escape.
        at += found + 1;
        if json[at..].starts_with('u') && is_half(at) && json.is_char_boundary(at + 5) {
            written.push_str(&json[kept..at]);
            written.push_str("ufffd");
            kept = at + 5;
        }
        at += json[at..].chars().next().map_or(0, char::len_utf8);
    }
    if kept == 0 {
        return Cow::Borrowed(json);
    }
    written.push_str(&json[kept..]);
    Cow::Owned(written)
}

/// The first `most` bytes, or a little less.
fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

/// Milliseconds of a clock that only goes forward.
fn now() -> u64 {
    millis(ClockId::Monotonic)
}

fn millis(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    let (seconds, nanos) = (u64::try_from(time.tv_sec), u64::try_from(time.tv_nsec));
    seconds.unwrap_or(0) * 1000 + nanos.unwrap_or(0) / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_characters_are_replaced() {
        for (json, expected) in [
            (r#""""#, r#""""#),
            (r#""x\ny\u00e9\\""#, r#""x\ny\u00e9\\""#),
            (r#""\ud800x\udfff""#, r#""\ufffdx\ufffd""#),
            (r#""\uD800""#, r#""\ufffd""#),
            // A backslash and letters, no escape.
            (r#""\\ud800""#, r#""\\ud800""#),
            (r#""\\\ud800é""#, r#""\\\ufffdé""#),
            (r#""\ud80"#, r#""\ud80"#),
            (r#""\"#, r#""\"#),
        ] {
            assert_eq!(well_formed(json), expected, "{json}");
        }
    }
}
