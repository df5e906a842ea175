//! Ctrl-C for commands that say something before they end.

use std::io;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Becomes true with Ctrl-C. Whoever presses it again ends the process at once.
pub(super) fn flag() -> io::Result<Arc<AtomicBool>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let flag = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&flag);
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        while runtime.block_on(tokio::signal::ctrl_c()).is_ok() {
            if raised.swap(true, Ordering::Relaxed) {
                process::exit(2);
            }
        }
    })?;
    Ok(flag)
}
