//! One context: made, used once, thrown away.

use std::{cell::Cell, io, rc::Rc, sync::mpsc};

use rquickjs::{
    CatchResultExt, CaughtError, Context, Ctx, Function, Module, Object, Runtime, Value,
    context::EvalOptions,
    embed,
    function::This,
    loader::{Bundle, ImportAttributes, Loader, Resolver},
    module::Declared,
};

use super::{Code, answer, execution, execution::Execution, natives};
use crate::actions::frame::{Ended, Form, FromWorker, Position, ToWorker};
use crate::actions::{ErrorKind, Place};

/// The part of the engine that is written in JavaScript, compiled with this program.
/// Each stands after those that it imports: the macro compiles them in this order.
static PRELUDE: Bundle = embed! {
    "host.js": "src/actions/js/host.js",
    "parts.js": "src/actions/js/parts.js",
    "primordials.js": "src/actions/js/primordials.js",
    "abort.js": "src/actions/js/abort.js",
    "check.js": "src/actions/js/check.js",
    "record.js": "src/actions/js/record.js",
    "utf8.js": "src/actions/js/utf8.js",
    "cache.js": "src/actions/js/cache.js",
    "members.js": "src/actions/js/members.js",
    "post_login.js": "src/actions/js/post_login.js",
    "api.js": "src/actions/js/api.js",
    "console.js": "src/actions/js/console.js",
    "timers.js": "src/actions/js/timers.js",
    "globals.js": "src/actions/js/globals.js",
    "action.js": "src/actions/js/action.js",
    "base64.js": "src/actions/js/base64.js",
    "encoding.js": "src/actions/js/encoding.js",
    "buffer.js": "src/actions/js/buffer.js",
    "clone.js": "src/actions/js/clone.js",
    "failure.js": "src/actions/js/failure.js",
    "url.js": "src/actions/js/url.js",
    "fetch.js": "src/actions/js/fetch.js",
    "inspect.js": "src/actions/js/inspect.js",
    "webcrypto.js": "src/actions/js/webcrypto.js",
    "nodecrypto.js": "src/actions/js/nodecrypto.js",
    "nodeurl.js": "src/actions/js/nodeurl.js",
    "rule.js": "src/actions/js/rule.js",
    "prelude.js": "src/actions/js/prelude.js",
    "redirect.js": "src/actions/js/redirect.js",
    "util.js": "src/actions/js/util.js",
};

/// What [`embed`] reads is not known to the compiler, which would not look at it again.
const _: &[&str] = &[
    include_str!("../js/abort.js"),
    include_str!("../js/action.js"),
    include_str!("../js/api.js"),
    include_str!("../js/base64.js"),
    include_str!("../js/buffer.js"),
    include_str!("../js/cache.js"),
    include_str!("../js/check.js"),
    include_str!("../js/clone.js"),
    include_str!("../js/console.js"),
    include_str!("../js/encoding.js"),
    include_str!("../js/failure.js"),
    include_str!("../js/fetch.js"),
    include_str!("../js/globals.js"),
    include_str!("../js/host.js"),
    include_str!("../js/inspect.js"),
    include_str!("../js/members.js"),
    include_str!("../js/nodecrypto.js"),
    include_str!("../js/nodeurl.js"),
    include_str!("../js/parts.js"),
    include_str!("../js/post_login.js"),
    include_str!("../js/prelude.js"),
    include_str!("../js/primordials.js"),
    include_str!("../js/record.js"),
    include_str!("../js/redirect.js"),
    include_str!("../js/rule.js"),
    include_str!("../js/timers.js"),
    include_str!("../js/url.js"),
    include_str!("../js/utf8.js"),
    include_str!("../js/util.js"),
    include_str!("../js/webcrypto.js"),
];

/// The stack of a script, in bytes.
const STACK: usize = 512 * 1024;

/// Before the code of an Action and before that of a rule, and after both. The code begins on the
/// first line, so that lines in messages are those of its author.
const ACTION: &str = "(function (exports, require, module, __filename, __dirname) {";
const RULE: &str = "(function (exports, require, module, __filename, __dirname) {module.exports = ";
const END: &str = "\n})";

/// Something that must not happen to a worker.
pub enum Broken {
    /// The server is gone.
    Pipe,
    /// The engine has no memory to begin with, or the prelude fails.
    Engine,
}

impl From<io::Error> for Broken {
    fn from(_: io::Error) -> Self {
        Self::Pipe
    }
}

impl From<rquickjs::Error> for Broken {
    fn from(_: rquickjs::Error) -> Self {
        Self::Engine
    }
}

/// A context, ready for a script.
struct Ready<'js> {
    ctx: Ctx<'js>,
    /// `Function.prototype.toString` as it was before any script.
    source_of: Function<'js>,
    hooks: Object<'js>,
    execution: Rc<Execution>,
}

/// Makes a context, with `last` compiled ahead; waits for what is to be done; does it and answers.
/// Returns the code that was run, if it may be compiled ahead.
pub fn serve_one(
    frames: &mpsc::Receiver<(ToWorker, Vec<u8>)>,
    memory: u64,
    last: Option<Code>,
) -> Result<Option<Code>, Broken> {
    let runtime = Runtime::new()?;
    runtime.set_memory_limit(usize::try_from(memory).unwrap_or(usize::MAX));
    runtime.set_max_stack_size(STACK);
    let sealed = Rc::new(Cell::new(false));
    runtime.set_loader(Modules(Rc::clone(&sealed)), Modules(Rc::clone(&sealed)));
    let context = Context::full(&runtime)?;
    let execution = Rc::new(Execution::default());
    let watched = Rc::clone(&execution);
    runtime.set_interrupt_handler(Some(Box::new(move || watched.must_stop())));
    context.with(|ctx| {
        let ready = Ready::new(ctx, execution)?;
        sealed.set(true);
        let ahead = last.and_then(|code| Some((ready.compile(&code).ok()?, code)));
        match frames.recv().map_err(|_| Broken::Pipe)? {
            (ToWorker::Run(run), input) => {
                let code = Code { form: run.form, name: run.name, code: run.code };
                ready.execution.begin(run.limits);
                let compiled = match ahead {
                    Some((function, ahead)) if ahead == code => Ok(function),
                    _ => ready.compile(&code),
                };
                let whole = compiled.is_ok();
                let (ended, at) = match compiled {
                    Ok(function) => {
                        let ended = ready.run(&function, &run.handler, run.form, input, frames)?;
                        (ended, thrown_at(&ready.execution.stack(), &code))
                    }
                    Err(NotCompiled::Wrong(at)) => {
                        let message = format!("{} ({}:{})", at.message, at.line, at.column);
                        let ended = Ended { kind: ErrorKind::Syntax, message };
                        (Some(ended), Some(at.place()))
                    }
                    Err(NotCompiled::Ended(ended)) => (Some(ended), None),
                };
                ready.execution.answer(ended, at)?;
                Ok(whole.then_some(code))
            }
            (ToWorker::Check { form, code }, _) => {
                ready.execution.begin(execution::WHILE_CHECKING);
                let code = Code { form, name: "script".to_owned(), code };
                let error = match ready.compile(&code) {
                    Ok(_) => None,
                    Err(NotCompiled::Wrong(at)) => Some(at),
                    Err(NotCompiled::Ended(ended)) => {
                        Some(Position { message: ended.message, line: 1, column: 1 })
                    }
                };
                answer(&FromWorker::Checked { error }, &[])?;
                Ok(None)
            }
            // Of an execution that has ended.
            (ToWorker::Fetched { .. }, _) => Ok(ahead.map(|(_, code)| code)),
        }
    })
}

/// Why code was not compiled.
enum NotCompiled {
    /// It is wrong.
    Wrong(Position),
    /// It took too much.
    Ended(Ended),
}

impl<'js> Ready<'js> {
    fn new(ctx: Ctx<'js>, execution: Rc<Execution>) -> Result<Self, Broken> {
        let function: Object<'_> = ctx.globals().get("Function")?;
        let source_of = function.get::<_, Object<'_>>("prototype")?.get("toString")?;
        let host = natives::host(&ctx, &execution)?;
        let prelude: Object<'_> = Module::import(&ctx, "prelude.js")?.finish()?;
        let hooks = prelude.get::<_, Function<'_>>("default")?.call((host,))?;
        Ok(Self { ctx, source_of, hooks, execution })
    }

    /// The code as a function. That it is one, and nothing beside it, is seen from its source: code
    /// that closes the function and goes on is wrong, and would have run while it was compiled.
    fn compile(&self, code: &Code) -> Result<Function<'js>, NotCompiled> {
        let before = before(code.form);
        let whole = [before, &code.code, END].concat();
        let file = file_name(&code.name);
        let mut options = EvalOptions::default();
        options.strict = false;
        options.filename = Some(file.clone());
        let found = self.ctx.eval_with_options::<Value<'_>, _>(whole.as_str(), options);
        let function = match found.catch(&self.ctx) {
            Ok(value) => value.into_function(),
            Err(error) => return Err(self.not_compiled(&error, &file, &code.code, before)),
        };
        let is_whole = |function: &Function<'js>| {
            let source = self.source_of.call::<_, String>((This(function.clone()),));
            source.is_ok_and(|source| Some(source.as_str()) == whole.get(1..whole.len() - 1))
        };
        function.filter(is_whole).ok_or_else(|| {
            let message = "The brackets of the script do not match";
            NotCompiled::Wrong(Position { message: message.to_owned(), line: 1, column: 1 })
        })
    }

    fn not_compiled(
        &self,
        error: &CaughtError<'js>,
        file: &str,
        code: &str,
        before: &str,
    ) -> NotCompiled {
        if let Some(ended) = self.execution.ended() {
            return NotCompiled::Ended(ended);
        }
        let ended = describe(error);
        let stack = match error {
            CaughtError::Exception(exception) => exception.stack().unwrap_or_default(),
            _ => String::new(),
        };
        match position(&stack, file) {
            Some((line, column)) if ended.kind == ErrorKind::Thrown => {
                let message = ended.message;
                NotCompiled::Wrong(in_code(message, line, column, code, before.len()))
            }
            _ if ended.kind == ErrorKind::Thrown => {
                NotCompiled::Wrong(Position { message: ended.message, line: 1, column: 1 })
            }
            _ => NotCompiled::Ended(ended),
        }
    }

    /// Runs the script until it has ended, and says why if it did not end well.
    fn run(
        &self,
        function: &Function<'js>,
        handler: &str,
        form: Form,
        input: Vec<u8>,
        frames: &mpsc::Receiver<(ToWorker, Vec<u8>)>,
    ) -> Result<Option<Ended>, Broken> {
        let input = String::from_utf8(input).map_err(|_| Broken::Pipe)?;
        let kind = match form {
            Form::Action => "action",
            Form::Rule => "rule",
        };
        let started = self
            .hooks
            .get::<_, Function<'_>>("start")
            .and_then(|start| start.call::<_, ()>((kind, handler, input, function.clone())));
        if let Err(error) = started.catch(&self.ctx) {
            return Ok(Some(self.execution.ended().unwrap_or_else(|| describe(&error))));
        }
        loop {
            while !self.execution.is_over() && self.ctx.execute_pending_job() {}
            if self.execution.is_over() {
                return Ok(self.execution.ended());
            }
            let called = match self.execution.wait(frames)? {
                execution::Next::Timer(id) => {
                    let fire = self.hooks.get::<_, Function<'_>>("fire");
                    fire.and_then(|fire| fire.call::<_, ()>((id,)))
                }
                execution::Next::Fetched { id, answer, body } => {
                    let settle = self.hooks.get::<_, Function<'_>>("settle");
                    natives::buffer(&self.ctx, &body).and_then(|body| {
                        settle.and_then(|settle| settle.call::<_, ()>((id, answer, body)))
                    })
                }
                execution::Next::End(ended) => return Ok(Some(ended)),
            };
            if let Err(error) = called.catch(&self.ctx) {
                return Ok(Some(self.execution.ended().unwrap_or_else(|| describe(&error))));
            }
        }
    }
}

/// What stands before the code, on its first line.
const fn before(form: Form) -> &'static str {
    match form {
        Form::Action => ACTION,
        Form::Rule => RULE,
    }
}

/// Where in the code something was thrown, by its stack. A script may have written that itself: a
/// place that the code does not have is none.
fn thrown_at(stack: &str, code: &Code) -> Option<Place> {
    let (line, column) = position(stack, &file_name(&code.name))?;
    let lines = u32::try_from(code.code.split('\n').count()).unwrap_or(u32::MAX);
    let ours = if line == 1 { before(code.form).len() } else { 0 };
    // Of code that runs the engine counts characters.
    let column = column.saturating_sub(u32::try_from(ours).unwrap_or(0)).max(1);
    (1..=lines).contains(&line).then_some(Place { line, column })
}

/// An error of the engine in our words. What a script threw comes from the prelude; this is what
/// the prelude itself could not cope with.
fn describe(error: &CaughtError<'_>) -> Ended {
    let message = match error {
        CaughtError::Exception(exception) => exception.message().unwrap_or_default(),
        CaughtError::Value(_) => "the script threw a value".to_owned(),
        CaughtError::Error(error) => error.to_string(),
    };
    // `null` is thrown when there is no memory even for the error.
    let is_memory = message == execution::OUT_OF_MEMORY
        || matches!(error, CaughtError::Value(value) if value.is_null())
        || matches!(error, CaughtError::Error(rquickjs::Error::Allocation));
    if is_memory { Ended::memory() } else { Ended { kind: ErrorKind::Thrown, message } }
}

/// The line and the column in `    at file:12:34`.
fn position(stack: &str, file: &str) -> Option<(u32, u32)> {
    let at = stack.lines().find_map(|line| line.split_once(&format!("{file}:")))?.1;
    let mut numbers = at.trim_end_matches(')').split(':');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// A position as the author of the code counts: in characters, and without what stands before and
/// after it. The engine counts bytes.
fn in_code(message: String, line: u32, column: u32, code: &str, before: usize) -> Position {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let index = |n: u32| usize::try_from(n.saturating_sub(1)).unwrap_or(usize::MAX);
    let Some(text) = code.split('\n').nth(index(line)) else {
        // What we put after it is not expected: it ended too early.
        let last = code.rsplit('\n').next().unwrap_or_default();
        let message = "Unexpected end of the script: do its brackets match?".to_owned();
        let line = number(code.split('\n').count());
        return Position { message, line, column: number(last.chars().count() + 1) };
    };
    let bytes = index(column).saturating_sub(if line == 1 { before } else { 0 });
    let characters = text[..text.floor_char_boundary(bytes)].chars().count();
    Position { message, line, column: number(characters + 1) }
}

/// A name as it may stand in a stack trace, and that no part of the prelude has.
fn file_name(name: &str) -> String {
    let usable = |c: char| c.is_alphanumeric() || "-_ ".contains(c);
    name.chars().map(|c| if usable(c) { c } else { '_' }).take(128).collect()
}

/// The modules of the prelude, until it is complete. A script consists of itself: for it there are
/// none.
struct Modules(Rc<Cell<bool>>);

/// What a script is told that imports.
const NO_MODULES: &str = "scripts cannot import modules";

impl Resolver for Modules {
    fn resolve<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        base: &str,
        name: &str,
        attributes: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<String> {
        // A part of the prelude may import others at any time; no script has such a name.
        if self.0.get() && !PRELUDE.contains_key(base) {
            return Err(rquickjs::Error::new_resolving_message(base, name, NO_MODULES));
        }
        Resolver::resolve(&mut { PRELUDE }, ctx, base, name, attributes)
    }
}

impl Loader for Modules {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        attributes: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<Module<'js, Declared>> {
        Loader::load(&mut { PRELUDE }, ctx, name, attributes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prelude_is_all_of_its_files() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/actions/js");
        let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
        let mut embedded: Vec<_> = PRELUDE.keys().map(|name| (*name).to_owned()).collect();
        names.sort();
        embedded.sort();
        assert_eq!(embedded, names);
    }
}
