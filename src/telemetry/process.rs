//! What is known of this process beside what is counted.

use crate::model::time::Timestamp;
use crate::view::status::ProcessStatus;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// This process.
#[derive(Debug)]
pub(super) struct Process {
    /// Its workers.
    pub(super) status: Arc<ProcessStatus>,
    /// When it started.
    pub(super) started: Timestamp,
    /// How many pages follow its events.
    pub(super) event_clients: AtomicUsize,
}
