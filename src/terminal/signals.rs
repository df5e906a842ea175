//! Signals that ask a process to end, or to read its settings again.
//!
//! SIGINT, SIGTERM and SIGHUP ask once, gracefully: what is under way is brought to an end, the rest is left and said.
//! SIGINT or SIGTERM once more ends the process at once, with a word about what is left. SIGHUP is never that second
//! one: a terminal that closes sends it along with others, and so does systemd (`SendSIGHUP`). A process that reads its
//! settings again on SIGHUP says so when it begins to [`listen`].
//!
//! A signal that was ignored when the process was started stays so (`nohup`).

use super::say;
use std::io;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// Exit code of a process that is ended at once.
const AT_ONCE: i32 = 2;

/// What SIGHUP asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hangup {
    /// To end: whoever would read is gone.
    Ends,
    /// To read the settings again.
    Reloads,
}

/// What has been asked for so far.
pub struct Signals {
    asked: watch::Sender<Option<&'static str>>,
    reloads: watch::Sender<u64>,
    left: Mutex<Option<Left>>,
    /// Nothing is under way that could be brought to an end.
    idle: AtomicBool,
}

/// Says what is left when the process is ended at once.
type Left = Box<dyn Fn() -> String + Send>;

/// There is one set of signals to a process.
static SIGNALS: OnceLock<Signals> = OnceLock::new();

/// Listens from now on, on a thread of its own: also a process that waits for a broker can be asked to end.
pub fn listen(hangup: Hangup) -> io::Result<&'static Signals> {
    if let Some(signals) = SIGNALS.get() {
        return Ok(signals);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let caught = {
        let _inside = runtime.enter();
        [caught(SignalKind::interrupt())?, caught(SignalKind::terminate())?, caught(SignalKind::hangup())?]
    };
    let signals = SIGNALS.get_or_init(|| Signals {
        asked: watch::channel(None).0,
        reloads: watch::channel(0).0,
        left: Mutex::new(None),
        idle: AtomicBool::new(false),
    });
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(attend(caught, hangup, signals));
    })?;
    Ok(signals)
}

/// Whether the process was asked to end.
pub fn asked() -> bool {
    SIGNALS.get().is_some_and(Signals::asked)
}

/// Asks a broker something before the work begins. It may be away and be waited for, in calls that cannot be cut short;
/// there is nothing to bring to an end yet, so whoever asks the process to end meanwhile does not wait for it.
pub fn before_the_work<T>(ask: impl FnOnce() -> T) -> T {
    let Some(signals) = SIGNALS.get() else { return ask() };
    // First the word, then the look: whoever asks does it the other way round, so one of both sees the other.
    signals.idle.store(true, Ordering::SeqCst);
    if signals.asked() {
        signals.end_idle();
    }
    let answer = ask();
    signals.idle.store(false, Ordering::SeqCst);
    answer
}

impl Signals {
    /// Whether the process was asked to end.
    pub fn asked(&self) -> bool {
        self.asked.borrow().is_some()
    }

    /// Completes with the name of the signal that asks the process to end.
    pub async fn ends(&self) -> &'static str {
        let mut asked = self.asked.subscribe();
        let signal = asked.wait_for(Option::is_some).await;
        // The sender is static, so there is an answer.
        signal.ok().and_then(|signal| *signal).unwrap_or("end")
    }

    /// Changes whenever the settings are to be read again.
    pub fn reloads(&self) -> watch::Receiver<u64> {
        self.reloads.subscribe()
    }

    /// What to say of what is left, should the process be ended at once.
    pub fn tell_what_is_left(&self, left: impl Fn() -> String + Send + 'static) {
        *self.left.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(left));
    }

    fn end_at_once(&self) -> ! {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        match left.as_ref() {
            Some(left) => say(&format!("ended at once: {}", left())),
            None => say("ended at once"),
        }
        process::exit(AT_ONCE)
    }

    fn end_idle(&self) -> ! {
        say("error: interrupted while waiting for the Kafka broker; nothing was done");
        process::exit(AT_ONCE)
    }

    /// Asks the process to end; whether that was asked before.
    fn ask(&self, signal: &'static str) -> bool {
        let before = self.asked.send_replace(Some(signal)).is_some();
        if self.idle.load(Ordering::SeqCst) {
            self.end_idle();
        }
        before
    }
}

async fn attend([interrupt, terminate, hangup]: [Option<Signal>; 3], on_hangup: Hangup, signals: &Signals) {
    let (mut interrupt, mut terminate, mut hangup) = (interrupt, terminate, hangup);
    loop {
        let signal = tokio::select! {
            () = one(&mut interrupt) => "SIGINT",
            () = one(&mut terminate) => "SIGTERM",
            () = one(&mut hangup) => "SIGHUP",
        };
        match (signal, on_hangup) {
            ("SIGHUP", Hangup::Reloads) => signals.reloads.send_modify(|reloads| *reloads += 1),
            ("SIGHUP", Hangup::Ends) => drop(signals.ask(signal)),
            _ if signals.ask(signal) => signals.end_at_once(),
            _ => {}
        }
    }
}

async fn one(signal: &mut Option<Signal>) {
    if let Some(signal) = signal {
        signal.recv().await;
    } else {
        std::future::pending().await
    }
}

/// The signal from now on; none where it was ignored.
fn caught(kind: SignalKind) -> io::Result<Option<Signal>> {
    if is_ignored(kind) { Ok(None) } else { signal(kind).map(Some) }
}

/// Linux tells; elsewhere none counts as ignored.
fn is_ignored(kind: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask & (1 << (kind.as_raw_value() - 1)) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_ignored_at_the_start_stays_so() {
        assert!(is_ignored(SignalKind::pipe()), "Rust's start-up ignores it");
        assert!(!is_ignored(SignalKind::user_defined1()));
    }

    #[test]
    fn the_first_asks_and_the_second_knows_of_it() {
        let (asked, reloads) = (watch::channel(None).0, watch::channel(0).0);
        let signals = Signals { asked, reloads, left: Mutex::new(None), idle: AtomicBool::new(false) };
        assert!(!signals.asked());
        assert!(!signals.ask("SIGTERM"));
        assert!(signals.asked() && signals.ask("SIGTERM"));
    }
}
