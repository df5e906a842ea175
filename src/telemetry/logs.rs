//! Log set-up. One line per change of state, never per record; positions yes, ids of people and payloads never.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::IsTerminal as _;
use std::panic::Location;
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
    outcome.map_err(|error| anyhow::anyhow!("logs were already set up: {error}"))?;
    std::panic::set_hook(Box::new(|panic| tell_panic(panic.location(), panic.payload())));
    Ok(())
}

/// A panic is a fault of ours, told like everything else: an operator who collects JSON must find it there. Its words may
/// hold what was being worked on, and so be about people: only those that stand in the source are told, and where.
fn tell_panic(location: Option<&Location<'_>>, payload: &(dyn Any + Send)) {
    let at = location.map(ToString::to_string).unwrap_or_default();
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    let thread = std::thread::current().name().unwrap_or_default().to_owned();
    tracing::error!(at, thread, backtrace, "the program failed: {}", words_of(payload));
}

fn words_of(payload: &(dyn Any + Send)) -> &'static str {
    payload.downcast_ref::<&'static str>().copied().unwrap_or("what was said may be about people and is left out")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::catch_unwind;

    #[test]
    fn of_a_panic_only_words_of_the_source_are_told() {
        let person = String::from("P-17");
        let panicked = catch_unwind(|| panic!("no row of {person}")).expect_err("it panics");
        assert!(!words_of(&*panicked).contains("P-17"), "{}", words_of(&*panicked));
        let panicked = catch_unwind(|| panic!("no row of anybody")).expect_err("it panics");
        assert_eq!(words_of(&*panicked), "no row of anybody");
    }
}
