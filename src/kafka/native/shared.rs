//! What a client and the callbacks of the library have in common.

use super::rebalance::Rebalance;
use crate::kafka::refusal::Refusal;
use std::collections::{BTreeSet, VecDeque};
use std::ffi::CString;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// What callbacks of the library may touch.
#[derive(Debug, Default)]
pub(in crate::kafka) struct Shared {
    /// Notified when one of the client's queues has something.
    pub(super) notify: Arc<Notify>,
    /// Rebalances seen and not yet taken.
    pub(super) rebalances: Mutex<VecDeque<Rebalance>>,
    /// While closing, rebalances are answered at once.
    pub(super) closing: AtomicBool,
    /// Broken connections and time-outs so far.
    pub(super) disturbances: AtomicU64,
    /// Why the client can never go on.
    pub(super) fatal: Mutex<Option<String>>,
    /// What a broker was last refused for, or refused us for.
    pub(super) refusal: Mutex<Option<Refusal>>,
    /// Topics that must not be written to, as far as was said since it was last asked.
    pub(super) denied: Mutex<BTreeSet<String>>,
    /// Topics whose leaders the client knows, as far as no answer said otherwise since: see `Query::ends` in `query.rs`.
    pub(super) led: Mutex<BTreeSet<CString>>,
    /// Calls under way on other threads.
    pub(super) leases: AtomicUsize,
    /// One of them may never come back.
    pub(super) left_behind: AtomicBool,
}

impl Shared {
    /// Topics whose leaders the client knows.
    pub(super) fn led(&self) -> MutexGuard<'_, BTreeSet<CString>> {
        self.led.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
