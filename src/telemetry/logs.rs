//! The log: to standard error, as text or as JSON lines.

use tracing_subscriber::{EnvFilter, fmt, util::SubscriberInitExt};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One object a line.
    Json,
}

/// Starts logging. `filter` is a level or a list of `target=level`.
///
/// # Errors
/// When the filter cannot be read, or logging was started before.
pub fn start(filter: &str, format: Format) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter).map_err(|e| format!("log.filter: {e}"))?;
    // A line that cannot be written (a full disk) is lost. The library would tell standard error of it,
    // which is full too, and panic: whoever had something to log would be the one to fail.
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let builder = builder.log_internal_errors(false);
    let started = match format {
        Format::Text => builder.with_ansi(false).finish().try_init(),
        Format::Json => builder.json().finish().try_init(),
    };
    started.map_err(|e| e.to_string())
}
