//! Standard output, for commands that change something and for those that only look.
//!
//! A command that **changes** something does all of it whatever becomes of its output. Its lines are written by a
//! thread of their own; a line that cannot be written, or for which there is no room because nobody reads, is counted,
//! and the last of them are said on standard error. Its exit code is that of the work.
//!
//! A command that only **looks** has done nothing where what it lists cannot be written: it says so on standard error and
//! ends with 2 (a full disk; an output that was [closed from the start](closed), where it does not even begin). It writes
//! as it goes, no faster than it is read, and ends soon after its reader has gone (`| head`), by [`CLOSED`]; what it has
//! found wrong until then still counts, with 1. It never ends with 0.
//!
//! SIGPIPE stays ignored, as Rust's start-up does it: a closed pipe is an error of a write, not the end of a process
//! that is in the middle of its work.

use super::{closed, say, signals};
use anyhow::{anyhow, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::{Builder, JoinHandle, sleep};
use std::time::Duration;

/// Exit code of a command that only looks, when its output was closed before the end: that of a process which SIGPIPE
/// ends, as shells tell it.
pub const CLOSED: u8 = 141;

/// Memory for lines that wait for whoever reads. Beyond it they are counted and not kept: the work has its memory, too.
const ROOM: usize = 16 * 1024 * 1024;

/// What a line that waits takes beside its text: its place in the queue, and what an allocation is rounded up by.
const PER_LINE: usize = size_of::<Box<[u8]>>() + size_of::<usize>() + 16;

/// A line that is longer is written in pieces: what has no end must not wait for one.
const LONGEST_LINE: usize = 1024 * 1024;

/// Of the lines that could not be written, the last are said elsewhere: there stands what was done.
const SHOWN: usize = 3;

/// And no more of each than a screen holds.
const SHOWN_OF_A_LINE: usize = 400;

/// How long a flush waits for the lines handed over. It is for what shall not be drawn over, no more.
const FLUSH_LIMIT: Duration = Duration::from_millis(100);

/// Once a process is asked to end, what waits may be written for so long.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// Between two looks whether all is written, or the process is to end.
const LOOK: Duration = Duration::from_millis(10);

/// What a command does to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// It changes something: to be done whoever reads of it.
    Changes,
    /// It looks, and says what it sees: without a reader there is nothing to do.
    Looks,
}

/// Where a command says what it has to say.
pub enum Output {
    /// Of a command that changes something.
    Apart(Apart),
    /// Of one that looks.
    Direct(Direct),
}

impl Output {
    /// Standard output. Who only looks needs one.
    pub fn standard(duty: Duty) -> anyhow::Result<Self> {
        let is_closed = closed::from_the_start();
        ensure!(
            !is_closed || duty == Duty::Changes,
            "standard output is closed; for the exit code alone let it be /dev/null"
        );
        Ok(match duty {
            Duty::Changes if is_closed => Self::Apart(Apart::new(Nobody)?),
            Duty::Changes => Self::Apart(Apart::new(io::stdout())?),
            Duty::Looks => Self::Direct(Direct { inner: Box::new(io::stdout()), failed: None }),
        })
    }

    /// Lets somebody else print what was asked for, as a command that looks.
    pub fn printed(print: impl FnOnce() -> io::Result<()>) -> anyhow::Result<ExitCode> {
        let output = Self::standard(Duty::Looks)?;
        let failed = print().err();
        match output {
            Self::Direct(direct) => Direct { failed, ..direct }.end(Ok(ExitCode::SUCCESS)),
            apart => apart.end(Ok(ExitCode::SUCCESS)),
        }
    }

    /// The last of a command: what became of its output, beside what became of its work.
    pub fn end(self, worked: anyhow::Result<ExitCode>) -> anyhow::Result<ExitCode> {
        match self {
            Self::Apart(apart) => {
                if let Some(unsaid) = apart.end(&signals::asked) {
                    say(&unsaid);
                }
                worked
            }
            Self::Direct(direct) => direct.end(worked),
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Apart(apart) => apart.write(bytes),
            Self::Direct(direct) => direct.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Apart(apart) => apart.flush(),
            Self::Direct(direct) => direct.flush(),
        }
    }
}

/// Written as it goes.
pub struct Direct {
    inner: Box<dyn Write>,
    failed: Option<io::Error>,
}

impl Direct {
    fn end(mut self, worked: anyhow::Result<ExitCode>) -> anyhow::Result<ExitCode> {
        if self.failed.is_none() {
            // An error of this flush is kept by it.
            let _ = self.flush();
        }
        match (self.failed, worked) {
            (None, worked) => worked,
            (Some(error), worked) if error.kind() == ErrorKind::BrokenPipe => Ok(match worked {
                // What was found wrong is so, whoever reads of it.
                Ok(code) if code != ExitCode::SUCCESS => code,
                _ => ExitCode::from(CLOSED),
            }),
            (Some(error), worked) => {
                let found = worked.is_ok_and(|code| code != ExitCode::SUCCESS);
                let found = if found { "; something was found wrong until then" } else { "" };
                Err(anyhow!("standard output cannot be written to: {error}{found}"))
            }
        }
    }

    fn kept<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| {
            let kind = error.kind();
            self.failed.get_or_insert(error);
            kind.into()
        })
    }
}

impl Write for Direct {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes);
        self.kept(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.inner.flush();
        self.kept(flushed)
    }
}

/// Where standard output is closed from the start.
struct Nobody;

impl Write for Nobody {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Written by a thread of its own, so that nobody's reading holds up the work. Never an error.
pub struct Apart {
    lines: mpsc::Sender<Box<[u8]>>,
    /// Not ended by a line feed yet.
    begun: Vec<u8>,
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    /// Memory of what was handed over and is not written yet.
    waiting: AtomicUsize,
    unsaid: Mutex<Unsaid>,
}

/// Lines that could not be written.
#[derive(Default)]
struct Unsaid {
    why: Option<io::Error>,
    count: u64,
    last: VecDeque<String>,
}

impl Shared {
    fn unsaid(&self) -> MutexGuard<'_, Unsaid> {
        self.unsaid.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Unsaid {
    fn note(&mut self, line: &[u8]) {
        self.count += 1;
        if self.last.len() == SHOWN {
            self.last.pop_front();
        }
        self.last.push_back(String::from_utf8_lossy(line).trim_end().chars().take(SHOWN_OF_A_LINE).collect());
    }
}

impl Apart {
    /// Writes to something, from a thread of its own.
    pub fn new(target: impl Write + Send + 'static) -> io::Result<Self> {
        let (lines, handed_over) = mpsc::channel();
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread = Builder::new().name("output".to_owned()).spawn(move || write_all(target, handed_over, &theirs))?;
        Ok(Self { lines, begun: Vec::new(), shared, thread })
    }

    fn hand_over(&mut self) {
        // As long as its text: what it had room for would be kept with it.
        let line = std::mem::take(&mut self.begun).into_boxed_slice();
        let waiting = self.shared.waiting.fetch_add(memory_of(&line), Ordering::Relaxed);
        let fits = waiting + memory_of(&line) <= ROOM;
        // The thread ends only after this sender; were it gone, the line could still be written.
        let refused = if fits { self.lines.send(line).err().map(|back| back.0) } else { Some(line) };
        if let Some(line) = refused {
            self.shared.waiting.fetch_sub(memory_of(&line), Ordering::Relaxed);
            self.shared.unsaid().note(&line);
        }
    }

    /// Waits for the lines handed over, but no longer than that.
    pub fn wait(&self, limit: Duration) {
        let mut left = limit;
        while self.is_waiting() && !left.is_zero() {
            sleep(LOOK);
            left = left.saturating_sub(LOOK);
        }
    }

    /// Lines handed over and neither written nor given up.
    pub fn is_waiting(&self) -> bool {
        self.shared.waiting.load(Ordering::Relaxed) > 0
    }

    /// How many lines could not be written so far.
    pub fn unwritten(&self) -> u64 {
        self.shared.unsaid().count
    }

    /// Waits until all is written, or cannot be, or the process is asked to end; then what could not be said, if any.
    fn end(mut self, asked_to_end: &dyn Fn() -> bool) -> Option<String> {
        if !self.begun.is_empty() {
            self.hand_over();
        }
        let Self { lines, shared, thread, .. } = self;
        drop(lines);
        let mut left = LAST_WAIT;
        while !thread.is_finished() && !left.is_zero() {
            sleep(LOOK);
            if asked_to_end() {
                left = left.saturating_sub(LOOK);
            }
        }
        let unsaid = shared.unsaid();
        if !thread.is_finished() && unsaid.count == 0 {
            return Some("standard output was not read to its end".to_owned());
        }
        let last = unsaid.last.iter().map(|line| format!("\n  {line}")).collect::<String>();
        let why = match &unsaid.why {
            Some(error) if error.kind() == ErrorKind::BrokenPipe => "standard output was closed".to_owned(),
            Some(error) => format!("standard output cannot be written to ({error})"),
            None => "standard output was not read in time".to_owned(),
        };
        let (lines, those) = if unsaid.count == 1 { ("line", "it") } else { ("lines", "the last of them") };
        (unsaid.count > 0)
            .then(|| format!("{why}; {} {lines} could not be written there, {those}:{last}", unsaid.count))
    }
}

impl Write for Apart {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.begun.extend_from_slice(part);
            if part.ends_with(b"\n") || self.begun.len() >= LONGEST_LINE {
                self.hand_over();
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.wait(FLUSH_LIMIT);
        Ok(())
    }
}

/// What a line takes while it waits.
fn memory_of(line: &[u8]) -> usize {
    line.len() + PER_LINE
}

fn write_all(mut target: impl Write, lines: mpsc::Receiver<Box<[u8]>>, shared: &Shared) {
    for line in lines {
        let is_broken = shared.unsaid().why.is_some();
        // Not under the lock: a write to a full pipe lasts as long as nobody reads.
        let written =
            if is_broken { Ok(false) } else { target.write_all(&line).and_then(|()| target.flush()).map(|()| true) };
        shared.waiting.fetch_sub(memory_of(&line), Ordering::Relaxed);
        if !matches!(written, Ok(true)) {
            let mut unsaid = shared.unsaid();
            unsaid.why = unsaid.why.take().or(written.err());
            unsaid.note(&line);
        }
    }
}

/// Whether whoever read standard output has closed it; never where that cannot be known, as of a file.
pub fn is_closed() -> bool {
    let output = io::stdout();
    let mut asked = [PollFd::new(&output, PollFlags::empty())];
    let answered = poll(&mut asked, Some(&Timespec::default()));
    answered.is_ok() && asked[0].revents().intersects(PollFlags::ERR | PollFlags::HUP)
}

/// Writes what a command shows; `None` where it was found on the way that nobody reads it any more.
pub fn write_lines(lines: Option<Vec<String>>, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let Some(lines) = lines else { return Ok(ExitCode::from(CLOSED)) };
    for line in lines {
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    /// Takes so many bytes, then fails.
    struct Fails(usize, ErrorKind);

    impl Write for Fails {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(self.1)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Takes nothing until it is let go.
    struct Stuck(Arc<AtomicBool>);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            while !self.0.load(Ordering::Relaxed) {
                sleep(LOOK);
            }
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn said(target: impl Write + Send + 'static, lines: &[&str]) -> Option<String> {
        let mut apart = Apart::new(target).expect("a thread");
        for line in lines {
            writeln!(apart, "{line}").expect("never an error");
        }
        apart.end(&|| false)
    }

    #[test]
    fn what_all_is_written_needs_no_word() {
        assert_eq!(said(io::sink(), &["a", "b"]), None);
    }

    #[test]
    fn what_cannot_be_written_is_counted_and_the_last_of_it_told() {
        let text = said(Fails(4, ErrorKind::BrokenPipe), &["1", "2", "3", "4", "5", "done"]);
        let expected =
            "standard output was closed; 4 lines could not be written there, the last of them:\n  4\n  5\n  done";
        assert_eq!(text.as_deref(), Some(expected));
        let text = said(Fails(2, ErrorKind::StorageFull), &["1", "done"]).expect("a word");
        assert!(text.starts_with("standard output cannot be written to (") && text.ends_with("it:\n  done"), "{text}");
    }

    #[test]
    fn a_reader_that_does_not_read_holds_up_nobody_and_no_more_than_there_is_room_is_kept() {
        let go_on = Arc::new(AtomicBool::new(false));
        let mut apart = Apart::new(Stuck(Arc::clone(&go_on))).expect("a thread");
        let line = vec![b'x'; LONGEST_LINE - 1 - PER_LINE];
        for _ in 0..18 {
            apart.write_all(&line).and_then(|()| writeln!(apart)).expect("never an error");
        }
        assert_eq!(apart.shared.unsaid().count, 2);
        go_on.store(true, Ordering::Relaxed);
        let text = apart.end(&|| false).expect("a word");
        assert!(text.starts_with("standard output was not read in time; 2 lines"), "{}", &text[..60]);
    }

    #[test]
    fn lines_that_wait_take_no_more_memory_than_there_is_room_however_short_they_are() {
        let go_on = Arc::new(AtomicBool::new(false));
        let mut apart = Apart::new(Stuck(Arc::clone(&go_on))).expect("a thread");
        let lines = ROOM / 32;
        for _ in 0..lines {
            writeln!(apart).expect("never an error");
        }
        let kept = lines - apart.unwritten() as usize;
        assert_eq!(kept, ROOM / (1 + PER_LINE));
        assert!(kept * (size_of::<Box<[u8]>>() + size_of::<usize>()) < ROOM, "{kept}");
        go_on.store(true, Ordering::Relaxed);
        apart.end(&|| false).expect("a word");
    }

    #[test]
    fn what_has_no_line_end_waits_for_none() {
        let mut apart = Apart::new(Stuck(Arc::default())).expect("a thread");
        for _ in 0..2 * ROOM / 4096 {
            apart.write_all(&[b'x'; 4096]).expect("never an error");
        }
        assert!(apart.begun.capacity() <= 2 * LONGEST_LINE, "{}", apart.begun.capacity());
        assert!(apart.unwritten() > 0);
        assert!(apart.end(&|| true).expect("a word").contains("lines could not be written there"));
    }

    #[test]
    fn whoever_is_asked_to_end_waits_for_no_reader() {
        let mut apart = Apart::new(Stuck(Arc::default())).expect("a thread");
        writeln!(apart, "done").expect("never an error");
        assert!(apart.end(&|| true).expect("a word").contains("was not read to its end"));
    }

    #[test]
    fn a_command_that_looks_says_by_its_code_that_it_did_not_come_to_its_end() {
        let ended = |kind, worked| {
            let mut direct = Direct { inner: Box::new(Fails(0, kind)), failed: None };
            writeln!(direct, "a line").expect_err("it fails");
            direct.end(worked)
        };
        let closed = ErrorKind::BrokenPipe;
        assert_eq!(ended(closed, Ok(ExitCode::SUCCESS)).ok(), Some(ExitCode::from(CLOSED)));
        assert_eq!(ended(closed, Err(anyhow!("Broken pipe"))).ok(), Some(ExitCode::from(CLOSED)));
        assert_eq!(ended(closed, Ok(ExitCode::FAILURE)).ok(), Some(ExitCode::FAILURE), "found wrong before");
        for (worked, found) in [(ExitCode::SUCCESS, false), (ExitCode::FAILURE, true)] {
            let error = ended(ErrorKind::StorageFull, Ok(worked)).expect_err("nobody can read it").to_string();
            assert!(error.starts_with("standard output cannot be written to: "), "{error}");
            assert_eq!(error.ends_with("; something was found wrong until then"), found, "{error}");
        }
    }
}
