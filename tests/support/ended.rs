//! Waiting for processes that a fault may keep from ending: a test that waits for ever says nothing of why.

use std::process::{Child, Command, Output};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Then it is killed, and what it said and its exit code show it. Only what hangs comes near.
const PATIENCE: Duration = Duration::from_secs(300);

/// Waits for its end, and takes what it says.
pub fn ended(child: Child) -> Output {
    let process = child.id();
    let (done, over) = mpsc::channel::<()>();
    let watch = thread::spawn(move || {
        if over.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
            let _ = Command::new("kill").args(["-KILL", &process.to_string()]).status();
        }
    });
    let output = child.wait_with_output().expect("it ends");
    drop(done);
    watch.join().expect("it only waits");
    output
}
