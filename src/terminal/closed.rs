//! Whether standard output was open when the process was started.
//!
//! Rust's start-up puts `/dev/null` where a standard stream is closed, so that no file that is opened later becomes one
//! by chance. What is written there vanishes without an error: `swabstream check FILE >&-` would have listed its rows to
//! nobody and ended with 0. So it is asked before that.

#![allow(unsafe_code, reason = "whether a descriptor is open can be asked only of one that is not known to be")]

use rustix::fd::BorrowedFd;
use rustix::io::{Errno, fcntl_getfd};
use std::sync::atomic::{AtomicBool, Ordering};

static CLOSED: AtomicBool = AtomicBool::new(false);

/// Looks. To be called before Rust's start-up: nothing of the standard library that needs it is used.
pub extern "C" fn look() {
    // SAFETY: standard output is never closed by this process; it is only asked whether there is one.
    let output = unsafe { BorrowedFd::borrow_raw(1) };
    CLOSED.store(fcntl_getfd(output) == Err(Errno::BADF), Ordering::Relaxed);
}

/// Whether it was closed when [`look`] was called.
pub fn from_the_start() -> bool {
    CLOSED.load(Ordering::Relaxed)
}
