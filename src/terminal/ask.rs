//! A question on the terminal, and its answer.

use super::{say, signals};
use std::io;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// How long a signal may go unnoticed by whoever is asked something.
const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// Asks whoever sits there; a line, or nothing if there is none to come or the process was asked to end.
pub fn ask(question: &str) -> io::Result<Option<String>> {
    say(question);
    let line = || {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(|read| (read > 0).then_some(line))
    };
    answer(line, signals::asked)
}

/// A read cannot be cut short by a signal: it waits on a thread of its own, which is left behind.
fn answer(
    line: impl FnOnce() -> io::Result<Option<String>> + Send + 'static,
    asked: impl Fn() -> bool,
) -> io::Result<Option<String>> {
    let (tell, told) = mpsc::channel();
    std::thread::Builder::new().name("answer".to_owned()).spawn(move || drop(tell.send(line())))?;
    loop {
        match told.recv_timeout(LONGEST_WAIT) {
            _ if asked() => return Ok(None),
            Ok(line) => return line,
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asks_the_process_to_end_need_not_answer_first() {
        let (_open, never) = mpsc::channel::<()>();
        let waits = move || Ok(never.recv().ok().map(|()| "y".to_owned()));
        assert_eq!(answer(waits, || true).expect("no fault"), None);
        assert_eq!(answer(|| Ok(Some("y".to_owned())), || false).expect("no fault").as_deref(), Some("y"));
    }
}
