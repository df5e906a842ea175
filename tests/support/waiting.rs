//! Waiting for what a fault may keep from becoming so: a test that waits for ever says nothing of why.

use std::time::{Duration, Instant};

/// Only what hangs comes near.
const PATIENCE: Duration = Duration::from_secs(120);

/// Asks again until it is so.
///
/// # Panics
/// When it never is.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "waited too long for: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
