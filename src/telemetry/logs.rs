//! Log set-up. One line per change of state, never per record; positions yes, ids of people and payloads never.

use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;

/// Sends logs to standard error, as text or as one JSON object per line.
///
/// `level` is a filter such as `info` or `swabstream=debug,warn`. Fails when the filter cannot be read or when logs
/// were already set up.
pub fn init(json: bool, level: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(level)?;
    let colours = std::io::stderr().is_terminal();
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    let outcome = if json { logs.json().flatten_event(true).try_init() } else { logs.compact().try_init() };
    outcome.map_err(|error| anyhow::anyhow!("logs were already set up: {error}"))
}
