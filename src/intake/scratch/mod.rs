//! Room on disk for what is known of a file's rows until all are read: memory stays the same however many there are.
//!
//! In: records, or facts, one after the other. Out: the same in order ([`runs`], [`sorted`]). What is written lies in
//! files without a name: nothing is left behind, whatever ends the process.

pub mod runs;
pub mod sorted;

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::rc::Rc;

/// Where such files lie: `/tmp` is often memory.
pub fn folder() -> PathBuf {
    let large = PathBuf::from("/var/tmp");
    match std::env::var_os("TMPDIR") {
        None if large.is_dir() => large,
        _ => std::env::temp_dir(),
    }
}

/// A new one.
fn file() -> io::Result<File> {
    tempfile::tempfile_in(folder())
}

/// What is known of the rows cannot be kept there: the disk is full, or there is no such folder.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct NoRoom(io::Error);

impl NoRoom {
    /// Whether an error is this one, and not one of the file that is read.
    pub fn is(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<Self>())
    }
}

/// Marks an error as one of the files here.
fn no_room(error: io::Error) -> io::Error {
    io::Error::other(NoRoom(error))
}

/// A stretch of a file, read from its beginning to its end.
#[derive(Debug)]
struct Section {
    file: Rc<File>,
    at: u64,
    end: u64,
}

impl Section {
    /// These bytes of a file.
    fn new(file: &Rc<File>, bytes: std::ops::Range<u64>) -> Self {
        Self { file: Rc::clone(file), at: bytes.start, end: bytes.end }
    }
}

impl Read for Section {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let most = bytes.len().min((self.end - self.at) as usize);
        let read = self.file.read_at(&mut bytes[..most], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}
