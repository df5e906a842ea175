//! Why a command did not read a file to its end.

use super::file::FileArgs;
use crate::intake::scratch::{self, NoRoom};
use crate::intake::tally::{Tally, Unit};
use crate::terminal::progress::grouped;
use crate::terminal::signals;
use anyhow::anyhow;
use std::io;

/// Why a file was not read to its end.
pub fn why(error: io::Error, rows: u64, tally: &Tally, file: &FileArgs, so: &str) -> anyhow::Error {
    if signals::asked() {
        return anyhow!("interrupted after {} rows of {}{so}", grouped(rows), file.shown());
    }
    if NoRoom::is(&error) {
        return anyhow::Error::from(error).context(no_room(file, "what is known of the rows", "all are read", so));
    }
    let place = match tally.lines {
        // Of messages the error itself tells which.
        0 => String::new(),
        _ if tally.unit == Unit::Message => String::new(),
        _ => format!(" behind {} ({} rows)", tally.last_in_words(), grouped(rows)),
    };
    anyhow::Error::from(error).context(format!("cannot read on in {}{place}{so}", file.shown()))
}

/// What to do where there is no room on disk.
pub fn no_room(file: &FileArgs, what: &str, until: &str, so: &str) -> String {
    format!(
        "{what} of {} cannot be kept in {} until {until}{so}; let TMPDIR name a folder with five times as much room as the \
         file takes unpacked",
        file.shown(),
        scratch::folder().display()
    )
}
