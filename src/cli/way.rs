//! Reads a file's bytes for a command that can be asked to end: it counts them, and stops when it should.

use crate::intake::source::{self, Source};
use crate::terminal::signals;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How long a signal may go unnoticed where nothing comes: somebody may type, a pipe may be slow.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

/// How far a file is read, and whether to read on.
#[derive(Clone, Debug, Default)]
pub struct Way {
    read: Arc<AtomicU64>,
    whole: Option<u64>,
    stopped: Arc<AtomicBool>,
}

impl Way {
    /// A file, or standard input for `-`, and the way through it.
    pub fn open(path: &Path) -> io::Result<(Self, Source)> {
        let is_input = path == Path::new("-");
        let file = if is_input {
            // Not the locked one: what it holds back could not be waited for.
            File::from(io::stdin().as_fd().try_clone_to_owned()?)
        } else {
            File::open(path)?
        };
        let facts = file.metadata()?;
        if facts.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        // A workbook is read in any order.
        let again = (facts.is_file() && !is_input).then(|| File::open(path)).transpose()?;
        let way = Self { whole: facts.is_file().then_some(facts.len()), ..Self::default() };
        let source = source::open(Counted { file, way: way.clone() }, again)?;
        Ok((way, source))
    }

    /// Bytes read so far, of the file as it lies there.
    pub fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Bytes there are, where that can be known.
    pub fn whole(&self) -> Option<u64> {
        self.whole
    }

    /// Lets the next read be an error when there is no use in going on.
    pub fn stop_if(&self, useless: bool) {
        if useless {
            self.stopped.store(true, Ordering::Relaxed);
        }
    }
}

struct Counted {
    file: File,
    way: Way,
}

impl Read for Counted {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.way.stopped.load(Ordering::Relaxed) || signals::asked() {
                // Not `Interrupted`: that would be tried again.
                return Err(io::Error::other("it was told to stop"));
            }
            match poll(&mut [PollFd::new(&self.file, PollFlags::IN)], Some(&LOOK)) {
                // Nothing came, or a signal did.
                Ok(0) | Err(Errno::INTR) => {}
                // What cannot be asked is simply read.
                Ok(_) | Err(_) => break,
            }
        }
        let read = self.file.read(bytes)?;
        self.way.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
