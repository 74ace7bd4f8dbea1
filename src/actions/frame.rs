//! What the server and a worker say to each other: frames of a length, a JSON head and a body of
//! bytes.
//!
//! ```text
//! u32 length of the rest │ u32 length of the head │ head (JSON) │ body
//! ```
//! Both numbers are little-endian. A worker is not trusted: what it sends is limited and parsed into
//! types, and the first thing that is not understood ends it.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::actions::{ErrorKind, Kind, Place};

/// The longest frame, in bytes: above what the limits of an execution let through.
pub const LONGEST: usize = 16 * 1024 * 1024;

/// From the server.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToWorker {
    /// Run a script. The body is its input, JSON.
    Run(Run),
    /// Compile it and tell what is wrong with it.
    Check {
        /// How it is called.
        form: Form,
        /// The code.
        code: String,
    },
    /// The answer to [`FromWorker::Fetch`]. The body is the body of the response.
    Fetched {
        /// Of the request.
        id: u32,
        /// JSON, for the prelude: a response or an error.
        answer: String,
    },
}

/// What is to be run, and how far it may go.
#[derive(Debug, Serialize, Deserialize)]
pub struct Run {
    /// The name of the script, for stack traces.
    pub name: String,
    /// How it is called.
    pub form: Form,
    /// The export that is called.
    pub handler: String,
    /// The code.
    pub code: String,
    /// Its limits.
    pub limits: Limits,
}

/// The limits of one execution.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Limits {
    /// Milliseconds on the clock.
    pub time_ms: u64,
    /// Milliseconds of computing.
    pub cpu_ms: u64,
    /// Bytes that `console` keeps.
    pub console_bytes: usize,
    /// Requests.
    pub requests: u32,
}

/// How a script is wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Form {
    /// A CommonJS module.
    Action,
    /// One function.
    Rule,
}

impl From<Kind> for Form {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Action { .. } => Self::Action,
            Kind::Rule => Self::Rule,
        }
    }
}

/// From a worker.
#[derive(Debug, Serialize, Deserialize)]
pub enum FromWorker {
    /// Make a request on the script's behalf. The body is the body of the request.
    Fetch {
        /// For the answer.
        id: u32,
        /// JSON, from the prelude.
        request: String,
    },
    /// The script has ended. The body is a JSON array of what it asked for.
    Done(Done),
    /// The script was compiled.
    Checked {
        /// What is wrong with it.
        error: Option<Position>,
    },
}

/// How a script has ended.
#[derive(Debug, Serialize, Deserialize)]
pub struct Done {
    /// Why it did not end well.
    pub error: Option<Ended>,
    /// Where in the code that was, if the worker knows.
    pub at: Option<Place>,
    /// What it wrote.
    pub console: String,
    /// Whether the handler is exported.
    pub has_handler: bool,
    /// What a rule leaves behind: JSON.
    pub rule: Option<String>,
}

/// Why a script did not end well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// What kind of end.
    pub kind: ErrorKind,
    /// In words.
    pub message: String,
}

/// A mistake and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// What is wrong.
    pub message: String,
    /// From 1.
    pub line: u32,
    /// From 1.
    pub column: u32,
}

impl Position {
    /// Where it is.
    pub const fn place(&self) -> Place {
        Place { line: self.line, column: self.column }
    }
}

/// A frame as it is written.
fn encode(head: &impl Serialize, body: &[u8]) -> io::Result<Vec<u8>> {
    let head = serde_json::to_vec(head)?;
    let length = head.len() + body.len() + 4;
    let number = |n: usize| u32::try_from(n).map_err(|_| io::ErrorKind::InvalidInput.into());
    if length > LONGEST {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut frame = Vec::with_capacity(length + 4);
    frame.extend(number(length)?.to_le_bytes());
    frame.extend(io::Result::<u32>::map(number(head.len()), u32::to_le_bytes)?);
    frame.extend(head);
    frame.extend(body);
    Ok(frame)
}

/// The length of the rest, if it is possible.
fn length(bytes: [u8; 4]) -> io::Result<usize> {
    match usize::try_from(u32::from_le_bytes(bytes)) {
        Ok(length) if (4..=LONGEST).contains(&length) => Ok(length),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// A frame as it was read, without its length.
fn decode<T: DeserializeOwned>(mut frame: Vec<u8>) -> io::Result<(T, Vec<u8>)> {
    let bad = || io::Error::from(io::ErrorKind::InvalidData);
    let (head_length, _) = frame.split_first_chunk::<4>().ok_or_else(bad)?;
    let head_end = usize::try_from(u32::from_le_bytes(*head_length))
        .ok()
        .and_then(|length| length.checked_add(4))
        .ok_or_else(bad)?;
    let head = frame.get(4..head_end).ok_or_else(bad)?;
    let head = serde_json::from_slice(head)?;
    Ok((head, frame.split_off(head_end)))
}

/// Writes a frame.
///
/// # Errors
/// The other side is gone, or the frame is too long.
pub fn write(to: &mut impl Write, head: &impl Serialize, body: &[u8]) -> io::Result<()> {
    to.write_all(&encode(head, body)?)?;
    to.flush()
}

/// Reads a frame.
///
/// # Errors
/// The other side is gone, or spoke nonsense.
pub fn read<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<(T, Vec<u8>)> {
    let mut bytes = [0; 4];
    from.read_exact(&mut bytes)?;
    let mut frame = vec![0; length(bytes)?];
    from.read_exact(&mut frame)?;
    decode(frame)
}

/// Sends a frame.
///
/// # Errors
/// As [`write`].
pub async fn send(
    to: &mut (impl AsyncWrite + Unpin),
    head: &impl Serialize,
    body: &[u8],
) -> io::Result<()> {
    to.write_all(&encode(head, body)?).await?;
    to.flush().await
}

/// Receives a frame.
///
/// # Errors
/// As [`read`].
pub async fn receive<T: DeserializeOwned>(
    from: &mut (impl AsyncRead + Unpin),
) -> io::Result<(T, Vec<u8>)> {
    let mut bytes = [0; 4];
    from.read_exact(&mut bytes).await?;
    let mut frame = vec![0; length(bytes)?];
    from.read_exact(&mut frame).await?;
    decode(frame)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_arrives_as_it_was_sent() {
        let mut pipe = Vec::new();
        let sent = ToWorker::Fetched { id: 7, answer: "{}".to_owned() };
        write(&mut pipe, &sent, b"body\0\xff").unwrap();
        let (head, body) = read::<ToWorker>(&mut pipe.as_slice()).unwrap();
        assert!(matches!(head, ToWorker::Fetched { id: 7, answer } if answer == "{}"));
        assert_eq!(body, b"body\0\xff");
    }

    #[test]
    fn nonsense_is_refused() {
        for frame in [
            &b""[..],
            b"\x04\0\0",
            b"\0\0\0\0",
            b"\x03\0\0\0abc",
            b"\x04\0\0\0\xff\xff\xff\xff",
            b"\x06\0\0\0\x02\0\0\0[]",
            b"\x06\0\0\0\x03\0\0\0{}",
            b"\xff\xff\xff\xff{}",
            b"\x0f\0\0\0\x0b\0\0\0{\"Done\":{}}",
        ] {
            assert!(read::<FromWorker>(&mut &frame[..]).is_err(), "{frame:?}");
        }
    }

    #[test]
    fn a_frame_that_is_too_long_is_not_written() {
        let body = vec![0; LONGEST];
        let head = ToWorker::Fetched { id: 0, answer: String::new() };
        assert!(write(&mut Vec::new(), &head, &body).is_err());
    }
}
