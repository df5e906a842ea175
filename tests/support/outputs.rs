//! Standard outputs that nobody takes, or that somebody takes slowly, for processes of the program.

use crate::ended::ended;
use std::fs::File;
use std::io::{PipeReader, Read, Write};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::Duration;

/// The exit code; a signal as shells tell it.
pub fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    status.code().or(status.signal().map(|signal| 128 + signal)).expect("it ended")
}

/// Waits for the end; exit code and what stands on standard error.
pub fn end(child: Child) -> (i32, String) {
    let Output { status, stderr, .. } = ended(child);
    (code(status), String::from_utf8(stderr).expect("text"))
}

/// Where standard output may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// Closed before the first line.
    Gone,
    /// On a full disk.
    Full,
    /// None from the start, as by `>&-`.
    Shut,
}

impl Reader {
    pub const ALL: [Reader; 3] = [Reader::Gone, Reader::Full, Reader::Shut];

    /// The command, with its standard output there.
    pub fn of(self, mut command: Command) -> Command {
        match self {
            Reader::Gone => {
                let (read, write) = std::io::pipe().expect("a pipe");
                drop(read);
                command.stdout(write);
                command
            }
            Reader::Full => {
                command.stdout(File::options().write(true).open("/dev/full").expect("Linux has it"));
                command
            }
            Reader::Shut => shut(&command),
        }
    }

    /// What is said on standard error by a command that changes something.
    pub fn says(self) -> &'static str {
        match self {
            Reader::Gone | Reader::Shut => "standard output was closed; ",
            Reader::Full => "standard output cannot be written to (No space left on device",
        }
    }
}

/// By the shell, since the standard library always gives a process an output.
fn shut(command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec \"$0\" \"$@\" >&-"]).arg(command.get_program()).args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        shell.current_dir(folder);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.stdin(Stdio::null());
    shell
}

/// Runs a command whose output nobody takes; exit code and standard error.
pub fn unread(command: Command, reader: Reader) -> (i32, String) {
    end(reader.of(command).stderr(Stdio::piped()).spawn().expect("it runs"))
}

/// Runs a command whose output is stuck until its effect is there, and then read slowly; exit code and output.
pub fn slow(mut command: Command, effect: impl FnOnce()) -> (i32, String) {
    let (read, stdout) = stuck();
    let child = command.stdout(stdout).stderr(Stdio::inherit()).spawn().expect("it runs");
    // It holds our end of the pipe, too.
    drop(command);
    effect();
    let reading = thread::spawn(move || read_slowly(read));
    let (code, _) = end(child);
    (code, reading.join().expect("read"))
}

/// A pipe that holds all it can: whoever writes to it waits until somebody reads.
pub fn stuck() -> (PipeReader, Stdio) {
    let (read, mut write) = std::io::pipe().expect("a pipe");
    write.write_all(&[b'\n'; FITS]).expect("it is open, and a pipe takes as much as pipes do");
    (read, write.into())
}

/// As much as a pipe of Linux holds.
const FITS: usize = 65_536;

/// Reads a byte now and then, then all; what is not filler.
fn read_slowly(mut read: PipeReader) -> String {
    let mut byte = [0];
    for _ in 0..20 {
        read.read_exact(&mut byte).expect("filler");
        thread::sleep(Duration::from_millis(5));
    }
    let mut text = String::new();
    read.read_to_string(&mut text).expect("text");
    text.trim_start_matches('\n').to_owned()
}
