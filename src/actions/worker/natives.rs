//! The functions that the prelude is given. It captures them; a script never sees them.
//!
//! Texts must be well-formed Unicode (`toWellFormed`), bytes come as a `Uint8Array` and go as an
//! `ArrayBuffer`. A `TypeError` is thrown otherwise.

use std::rc::Rc;

use rquickjs::{
    ArrayBuffer, Ctx, Exception, Function, Module, Object, Result, TypedArray, Value, function::Opt,
};
use rustix::time::{ClockId, clock_gettime};

use super::execution::Execution;
use crate::crypto::{digest, named_digest, random::SystemEntropy};
use crate::domain::entropy::Entropy;

/// The most random bytes at a time, as `crypto.getRandomValues` has it.
const MOST_RANDOM: usize = 65_536;

/// The longest body of a request, in bytes.
const MOST_BODY: usize = 1024 * 1024;

/// The object with all of them.
pub fn host<'js>(ctx: &Ctx<'js>, execution: &Rc<Execution>) -> Result<Object<'js>> {
    let host = Object::new(ctx.clone())?;
    let shared = || Rc::clone(execution);
    let add = |name: &str, function: Result<Function<'js>>| host.set(name, function?);

    // log(level, text)
    let of = shared();
    add("log", Function::new(ctx.clone(), move |_: String, text: String| of.log(&text)))?;
    // command(json): throws when there are too many
    let of = shared();
    let command = move |ctx: Ctx<'js>, json: String| match of.command(&json) {
        true => Ok(()),
        false => Err(Exception::throw_range(&ctx, "too many calls of the api")),
    };
    add("command", Function::new(ctx.clone(), command))?;
    // finish(json, ruleJson?): `{"error"?: {"name", "message"}, "has_handler": bool}`
    let of = shared();
    let finish = move |json: String, rule: Opt<Option<String>>| {
        of.finish(&json, rule.0.flatten());
    };
    add("finish", Function::new(ctx.clone(), finish))?;
    // setTimer(id, ms), clearTimer(id)
    let of = shared();
    let set_timer = move |ctx: Ctx<'js>, id: u32, after: f64| match of.set_timer(id, after) {
        true => Ok(()),
        false => Err(Exception::throw_range(&ctx, "too many timers")),
    };
    add("setTimer", Function::new(ctx.clone(), set_timer))?;
    let of = shared();
    add("clearTimer", Function::new(ctx.clone(), move |id: u32| of.clear_timer(id)))?;
    // fetch(id, requestJson, body?): throws when it may not
    let of = shared();
    let fetch = move |ctx: Ctx<'js>, id: u32, request: String, body: Opt<Bytes<'js>>| {
        if body.0.as_ref().is_some_and(|body| body.len() > MOST_BODY) {
            return Err(Exception::throw_type(&ctx, "the body of a request is too long"));
        }
        let body = body.0.map_or_else(|| Ok(Vec::new()), |body| read(&body))?;
        of.fetch(id, request, &body).map_err(|why| Exception::throw_type(&ctx, &why))
    };
    add("fetch", Function::new(ctx.clone(), fetch))?;
    add("load", Function::new(ctx.clone(), load))?;
    add("now", Function::new(ctx.clone(), now))?;
    add("random", Function::new(ctx.clone(), random_buffer))?;
    add("digest", Function::new(ctx.clone(), digest_buffer))?;
    add("hmac", Function::new(ctx.clone(), hmac_buffer))?;
    add("equal", Function::new(ctx.clone(), equal))?;
    add("utf8Encode", Function::new(ctx.clone(), utf8_encode))?;
    add("utf8Decode", Function::new(ctx.clone(), utf8_decode))?;
    add("parseUrl", Function::new(ctx.clone(), super::urls::parse))?;
    add("setUrlPart", Function::new(ctx.clone(), super::urls::set_part))?;
    Ok(host)
}

/// Evaluates a part of the prelude that was not needed before.
fn load(ctx: Ctx<'_>, name: String) -> Result<()> {
    let loaded = Module::import(&ctx, name)?;
    match loaded.result::<Value<'_>>() {
        Some(Err(error)) => Err(error),
        _ => Ok(()),
    }
}

type Bytes<'js> = TypedArray<'js, u8>;

/// A copy of the bytes: the engine may move its own at any time.
fn read(bytes: &Bytes<'_>) -> Result<Vec<u8>> {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    (0..length).map(|at| bytes.as_object().get(at)).collect()
}

/// The bytes in memory of the script.
pub fn buffer<'js>(ctx: &Ctx<'js>, bytes: &[u8]) -> Result<ArrayBuffer<'js>> {
    ArrayBuffer::new_copy(ctx.clone(), bytes)
}

/// Random bytes.
pub fn random(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    SystemEntropy.fill(&mut bytes);
    bytes
}

fn random_buffer(ctx: Ctx<'_>, length: usize) -> Result<ArrayBuffer<'_>> {
    if length > MOST_RANDOM {
        return Err(Exception::throw_range(&ctx, "more than 65536 random bytes"));
    }
    buffer(&ctx, &random(length))
}

/// Milliseconds since 1970, with a fraction.
fn now() -> f64 {
    let time = clock_gettime(ClockId::Realtime);
    let nanos = i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec);
    // Microseconds fit into the 53 bits of a double until the year 2255.
    let micros = i64::try_from(nanos / 1000).unwrap_or(0);
    #[expect(clippy::cast_precision_loss, reason = "it fits")]
    let micros = micros as f64;
    micros / 1000.0
}

fn digest_buffer<'js>(ctx: Ctx<'js>, name: String, bytes: Bytes<'js>) -> Result<ArrayBuffer<'js>> {
    match named_digest::digest(&name, &read(&bytes)?) {
        Some(digest) => buffer(&ctx, &digest),
        None => Err(Exception::throw_type(&ctx, "unknown digest")),
    }
}

fn hmac_buffer<'js>(
    ctx: Ctx<'js>,
    name: String,
    key: Bytes<'js>,
    bytes: Bytes<'js>,
) -> Result<ArrayBuffer<'js>> {
    match named_digest::hmac(&name, &read(&key)?, &read(&bytes)?) {
        Some(digest) => buffer(&ctx, &digest),
        None => Err(Exception::throw_type(&ctx, "unknown digest")),
    }
}

fn equal(one: Bytes<'_>, other: Bytes<'_>) -> Result<bool> {
    Ok(digest::equal(&read(&one)?, &read(&other)?))
}

fn utf8_encode(ctx: Ctx<'_>, text: String) -> Result<ArrayBuffer<'_>> {
    buffer(&ctx, text.as_bytes())
}

fn utf8_decode(ctx: Ctx<'_>, bytes: Bytes<'_>, fatal: Opt<bool>) -> Result<String> {
    let bytes = read(&bytes)?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(_) if fatal.0 == Some(true) => Err(Exception::throw_type(&ctx, "not UTF-8")),
        Err(error) => Ok(String::from_utf8_lossy(error.as_bytes()).into_owned()),
    }
}
