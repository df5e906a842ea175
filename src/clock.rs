//! The only place that reads a clock. The core is given the time; it never asks.

use crate::model::time::Timestamp;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The wall clock. Before 1970 it reads 1970: the clock of such a machine is unset.
pub fn now() -> Timestamp {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(elapsed.as_millis() as i64)
}

/// A clock that never goes back, for waits and bounds.
pub fn monotonic() -> Instant {
    Instant::now()
}
