//! What every handler knows.

use crate::telemetry::Telemetry;
use crate::view::View;
use crate::view::machine::MachineStatus;
use std::sync::Arc;
use tokio::sync::watch;

/// What every handler knows.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) view: Arc<View>,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) machine: watch::Receiver<Arc<MachineStatus>>,
    /// Becomes true when the server is asked to stop: endless answers end then.
    pub(super) closing: watch::Receiver<bool>,
    /// Whether only this machine can ask.
    pub(super) loopback: bool,
    /// Tells this run of the process from others: versions of the overview start anew with each.
    pub(super) epoch: u64,
}
