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
        // An end too early would be taken for that of the section, and what is missing for what never was.
        if read == 0 && most > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_that_ends_before_its_end_is_an_error_and_no_shorter_one() {
        let file = Rc::new(file().expect("room"));
        file.write_all_at(b"12345678", 0).expect("room");
        let read = |bytes| {
            let mut read = Vec::new();
            Section::new(&file, bytes).read_to_end(&mut read).map(|_| read).map_err(|error| error.kind())
        };
        assert_eq!(read(2..8), Ok(b"345678".to_vec()));
        assert_eq!(read(8..8), Ok(Vec::new()));
        for short in [2..9, 8..9, 10..12] {
            assert_eq!(read(short.clone()), Err(io::ErrorKind::UnexpectedEof), "{short:?}");
        }
    }

    #[test]
    fn no_fact_is_lost_in_silence_when_the_file_of_runs_is_cut() {
        let mut runs = runs::Runs::<sorted::Fact<2>>::new(16).expect("room");
        for run in [[[1, 1], [3, 3]], [[2, 2], [4, 4]]] {
            runs.begin(run[0]);
            for fact in run {
                let mut bytes = Vec::new();
                runs::Record::write(&fact, &mut bytes);
                runs.push(fact, &bytes).expect("room");
            }
        }
        runs.cut(48).expect("shorter");
        let read = runs.merged(2, || false).and_then(|mut merge| {
            let mut facts = Vec::new();
            while let Some(fact) = merge.next_record()? {
                facts.push(fact);
            }
            Ok(facts)
        });
        assert!(NoRoom::is(&read.expect_err("the last fact is missing")));
    }
}
