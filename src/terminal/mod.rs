//! What a process shares with whoever started it: what it says, how far it is, and signals that ask it to end.
//!
//! In: lines, counts, signals. Out: standard output and standard error. Never here: work. A reader that is gone, slow
//! or full holds up no work and hides none: see [`output`].

pub mod ask;

pub mod closed;

pub mod output;

pub mod progress;

pub mod signals;

use std::io::Write as _;

/// Says a line on standard error. That nobody can hear it is no reason to end: a terminal that was closed, a full disk.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
