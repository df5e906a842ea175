//! Log set-up. One line per change of state, never per record; positions yes, ids of people and payloads never.

use crate::terminal::output::Apart;
use anyhow::{Context as _, anyhow};
use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, IsTerminal as _, Write};
use std::panic::Location;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, reload};

/// How long the last lines may take to be written.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Changes what is logged.
type SetFilter = Box<dyn Fn(EnvFilter) -> anyhow::Result<()> + Send + Sync>;

static FILTER: OnceLock<SetFilter> = OnceLock::new();

static LINES: OnceLock<Lines> = OnceLock::new();

/// Sends logs to standard error, as text or as one JSON object per line.
///
/// `level` is a filter such as `info` or `swabstream=debug,warn`. Fails when the filter cannot be read or when logs
/// were already set up.
pub fn init(json: bool, level: &str) -> anyhow::Result<()> {
    let lines = Lines::to(io::stderr())?;
    let lines = LINES.get_or_init(|| lines);
    let (filter, handle) = reload::Layer::new(filter(level)?);
    let set: SetFilter = Box::new(move |filter| handle.reload(filter).context("what is logged cannot be changed"));
    // Errors of the writer are not reported: it would be on standard error, by a panic where nothing can be written there.
    let layer = fmt::layer().with_writer(lines).log_internal_errors(false).with_ansi(io::stderr().is_terminal());
    let layer = if json { layer.json().flatten_event(true).boxed() } else { layer.compact().boxed() };
    let outcome = tracing_subscriber::registry().with(filter).with(layer).try_init();
    outcome.map_err(|error| anyhow!("logs were already set up: {error}"))?;
    // Logs are set up once, and so is this.
    let _ = FILTER.set(set);
    std::panic::set_hook(Box::new(|panic| tell_panic(panic.location(), panic.payload())));
    Ok(())
}

/// Another filter from now on.
pub fn set_level(level: &str) -> anyhow::Result<()> {
    let set = FILTER.get().context("logs were not set up")?;
    set(filter(level)?)
}

fn filter(level: &str) -> anyhow::Result<EnvFilter> {
    EnvFilter::try_new(level).with_context(|| format!("[log] level: `{level}` is no level and no filter"))
}

/// Waits a moment for the lines that are not written yet. The last of a process, or they are lost with it.
pub fn finish() {
    if let Some(lines) = LINES.get() {
        lines.finish(LAST_WORDS);
    }
}

/// Lines of the log, written apart: whoever collects them and is stuck, or gone, holds up no work. Of what there was no
/// room for, the number is logged once there is.
struct Lines(Mutex<Log>);

struct Log {
    apart: Apart,
    /// Lines that could not be written, and whose number was logged.
    reported: u64,
}

impl Lines {
    fn to(target: impl Write + Send + 'static) -> io::Result<Self> {
        Ok(Self(Mutex::new(Log { apart: Apart::new(target)?, reported: 0 })))
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finish(&self, limit: Duration) {
        self.log().apart.wait(limit);
    }
}

/// One line.
struct Line<'a>(MutexGuard<'a, Log>);

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let log = &mut *self.0;
        let lost = log.apart.unwritten() - log.reported;
        if lost > 0 && !log.apart.is_waiting() {
            log.reported += lost;
            writeln!(log.apart, "{lost} lines of this log were left out: nobody read them in time")?;
        }
        log.apart.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for &'static Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(self.log())
    }
}

/// A panic is a fault of ours, logged like everything else: an operator who collects JSON must find it there. Its words
/// may hold what was being worked on, and so be about people: only those that stand in the source are logged, and where.
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
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// Takes nothing before it may, then keeps all.
    #[derive(Clone, Default)]
    struct Collector {
        reads: Arc<AtomicBool>,
        text: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Collector {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            while !self.reads.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(1));
            }
            self.text.lock().expect("no panic").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_collector_of_logs_that_is_stuck_holds_up_nobody_and_hears_later_what_it_missed() {
        let collector = Collector::default();
        let lines: &'static Lines = Box::leak(Box::new(Lines::to(collector.clone()).expect("a thread")));
        let line = format!("{}\n", "x".repeat(1024 * 1024));
        for _ in 0..20 {
            (&lines).make_writer().write_all(line.as_bytes()).expect("never an error");
        }
        collector.reads.store(true, Ordering::Relaxed);
        lines.finish(Duration::from_secs(60));
        (&lines).make_writer().write_all(b"the next\n").expect("never an error");
        lines.finish(Duration::from_secs(60));
        let text = String::from_utf8(collector.text.lock().expect("no panic").clone()).expect("text");
        let said = text.trim_start_matches(['x', '\n']);
        let lost = 20 - text.lines().filter(|line| line.starts_with('x')).count();
        assert!(lost > 0 && lost < 20, "{lost}");
        assert_eq!(said, format!("{lost} lines of this log were left out: nobody read them in time\nthe next\n"));
    }

    #[test]
    fn of_a_panic_only_words_of_the_source_are_told() {
        let person = String::from("P-17");
        let panicked = catch_unwind(|| panic!("no row of {person}")).expect_err("it panics");
        assert!(!words_of(&*panicked).contains("P-17"), "{}", words_of(&*panicked));
        let panicked = catch_unwind(|| panic!("no row of anybody")).expect_err("it panics");
        assert_eq!(words_of(&*panicked), "no row of anybody");
    }
}
