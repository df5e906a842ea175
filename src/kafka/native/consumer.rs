//! A consumer: the group's member, or one that assigns partitions by hand.
//!
//! The rebalance callback runs inside [`Consumer::fill`], on the caller's thread. It only notes what happened; giving
//! partitions back is the caller's act, when it has committed what it read of them.

use super::handle::{Handle, Kind, Queue, Shared};
use super::messages::Batch;
use super::partitions::{PartitionList, entries};
use super::{ErrorCode, text_of};
use crate::kafka::Error;
use rdkafka_sys as sys;
use std::collections::BTreeMap;
use std::ffi::{CStr, c_void};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::Notify;

/// A rebalance as the library told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kafka) struct Rebalance {
    /// Partitions that came (else they go).
    pub(in crate::kafka) assigned: bool,
    /// They are gone already: somebody else may own them.
    pub(in crate::kafka) lost: bool,
    /// Which.
    pub(in crate::kafka) partitions: Vec<i32>,
    /// As whom the client saw itself then.
    pub(in crate::kafka) identity: (String, i32),
}

/// A consumer. Fields drop in this order: the queue before the client.
#[derive(Debug)]
pub(in crate::kafka) struct Consumer {
    queue: Queue,
    handle: Handle,
}

impl Consumer {
    pub(in crate::kafka) fn new(properties: &BTreeMap<String, String>, notify: Arc<Notify>) -> Result<Self, Error> {
        let handle = Handle::new(Kind::Consumer, properties, notify)?;
        // SAFETY: the client is live. Its main queue then ends in the consumer's: one queue to serve.
        unsafe { sys::rd_kafka_poll_set_consumer(handle.as_ptr()) };
        Ok(Self { queue: Queue::of_consumer(&handle), handle })
    }

    pub(in crate::kafka) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Joins the group, for one topic.
    pub(in crate::kafka) fn subscribe(&self, topic: &CStr) -> Result<(), Error> {
        let mut list = PartitionList::new();
        list.add(topic, -1, 0);
        // SAFETY: client and list are live.
        checked("subscribe", unsafe { sys::rd_kafka_subscribe(self.handle.as_ptr(), list.as_ptr()) })
    }

    /// Takes what is there, waiting at most `wait_ms`. Rebalances and errors are noted on the way.
    pub(in crate::kafka) fn fill(&self, batch: &mut Batch, limit: usize, wait_ms: i32) {
        // SAFETY: queue and client are live as long as `self`.
        unsafe { batch.fill(self.queue.as_ptr(), limit, wait_ms) }
    }

    /// The oldest rebalance not yet taken.
    pub(in crate::kafka) fn take_rebalance(&self) -> Option<Rebalance> {
        self.handle.shared().rebalances.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).pop_front()
    }

    /// Begins to fetch partitions, each from its offset.
    pub(in crate::kafka) fn assign(&self, list: &PartitionList) -> Result<(), Error> {
        // SAFETY: client and list are live; the error is ours.
        answered("assign", unsafe { sys::rd_kafka_incremental_assign(self.handle.as_ptr(), list.as_ptr()) })
    }

    /// Ends fetching partitions. Answers a revocation, if one is open, also with an empty list.
    pub(in crate::kafka) fn unassign(&self, list: &PartitionList) -> Result<(), Error> {
        // SAFETY: client and list are live; the error is ours.
        answered("unassign", unsafe { sys::rd_kafka_incremental_unassign(self.handle.as_ptr(), list.as_ptr()) })
    }

    /// Next offset after the last record, or transaction marker, taken from a partition. `None` before the first.
    ///
    /// To be trusted only where end-of-partition events are off: the batch call counts them as a record.
    pub(in crate::kafka) fn position(&self, topic: &CStr, partition: i32) -> Option<i64> {
        let mut list = PartitionList::new();
        list.add(topic, partition, i64::from(sys::RD_KAFKA_OFFSET_INVALID));
        // SAFETY: client and list are live. Local: nothing is asked of the broker.
        unsafe { sys::rd_kafka_position(self.handle.as_ptr(), list.as_ptr()) };
        list.entries().next().map(|entry| entry.offset).filter(|offset| *offset >= 0)
    }

    /// End of a partition as of the last fetch. `None` before the first.
    pub(in crate::kafka) fn last_known_end(&self, topic: &CStr, partition: i32) -> Option<i64> {
        let (mut low, mut high) = (-1, -1);
        // SAFETY: client and name are live. Local: nothing is asked of the broker.
        let code = unsafe {
            let (client, name) = (self.handle.as_ptr(), topic.as_ptr());
            sys::rd_kafka_get_watermark_offsets(client, name, partition, &mut low, &mut high)
        };
        (code == ErrorCode::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(high)
    }

    /// Who the client is in the group at this moment.
    pub(in crate::kafka) fn membership(&self) -> Option<Membership> {
        // SAFETY: the client is live; what is returned is ours.
        let metadata = unsafe { sys::rd_kafka_consumer_group_metadata(self.handle.as_ptr()) };
        NonNull::new(metadata).map(Membership)
    }

    /// Whether the assignment went to others before it was given back.
    pub(in crate::kafka) fn assignment_lost(&self) -> bool {
        // SAFETY: the client is live.
        unsafe { sys::rd_kafka_assignment_lost(self.handle.as_ptr()) != 0 }
    }
}

/// The group's view of a member: what a transaction is fenced with.
#[derive(Debug)]
pub(in crate::kafka) struct Membership(NonNull<sys::rd_kafka_consumer_group_metadata_t>);

// SAFETY: plain data.
unsafe impl Send for Membership {}

impl Membership {
    /// Member id and generation.
    pub(in crate::kafka) fn identity(&self) -> (String, i32) {
        // SAFETY: live; the id is copied.
        unsafe {
            let member = text_of(sys::rd_kafka_consumer_group_metadata_member_id(self.as_ptr()));
            (member, sys::rd_kafka_consumer_group_metadata_generation_id(self.as_ptr()))
        }
    }

    pub(super) fn as_ptr(&self) -> *const sys::rd_kafka_consumer_group_metadata_t {
        self.0.as_ptr()
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        // SAFETY: ours.
        unsafe { sys::rd_kafka_consumer_group_metadata_destroy(self.0.as_ptr()) };
    }
}

/// Notes a rebalance. Partitions that come are acknowledged at once without being fetched: they are assigned one by
/// one, when their state is restored.
pub(super) unsafe extern "C" fn on_rebalance(
    client: *mut sys::rd_kafka_t,
    code: ErrorCode,
    partitions: *mut sys::rd_kafka_topic_partition_list_t,
    shared: *mut c_void,
) {
    // SAFETY: the opaque is the client's `Shared`, alive as long as the client.
    let shared = unsafe { &*shared.cast::<Shared>() };
    if shared.closing.load(Ordering::Acquire) {
        // SAFETY: the client is live.
        unsafe { unassign_all(client) };
        return;
    }
    let assigned = code == ErrorCode::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
    // SAFETY: client and list are live during the call.
    let rebalance = unsafe {
        let partitions = match partitions.is_null() {
            true => Vec::new(),
            false => entries(partitions).map(|entry| entry.partition).collect(),
        };
        let metadata = NonNull::new(sys::rd_kafka_consumer_group_metadata(client)).map(Membership);
        let identity = metadata.map_or((String::new(), -1), |metadata| metadata.identity());
        let nobody = identity.0.is_empty() || identity.1 < 0;
        let lost = !assigned && (nobody || sys::rd_kafka_assignment_lost(client) != 0);
        Rebalance { assigned, lost, partitions, identity }
    };
    if assigned {
        let none = PartitionList::new();
        // SAFETY: client and list are live.
        let result = answered("assign", unsafe { sys::rd_kafka_incremental_assign(client, none.as_ptr()) });
        if let Err(error) = result {
            tracing::warn!("acknowledging a rebalance: {error}");
        }
    }
    shared.rebalances.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push_back(rebalance);
    shared.notify.notify_one();
}

/// Gives everything back, whatever state the group is in.
///
/// # Safety
/// `client` is a live consumer.
pub(super) unsafe fn unassign_all(client: *mut sys::rd_kafka_t) {
    // SAFETY: live, as the caller vouches; the list is ours on success.
    unsafe {
        let mut all = std::ptr::null_mut();
        if sys::rd_kafka_assignment(client, &mut all) != ErrorCode::RD_KAFKA_RESP_ERR_NO_ERROR {
            return;
        }
        let list = PartitionList::copy_of(all);
        sys::rd_kafka_topic_partition_list_destroy(all);
        // An error means that there was nothing to answer.
        let _ = answered("unassign", sys::rd_kafka_incremental_unassign(client, list.as_ptr()));
    }
}

fn checked(what: &str, code: ErrorCode) -> Result<(), Error> {
    match code {
        ErrorCode::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
        code => Err(Error::new(format!("{what}: {}", super::describe(code)))),
    }
}

fn answered(what: &str, error: *mut sys::rd_kafka_error_t) -> Result<(), Error> {
    match super::TransactionError::taken(error) {
        None => Ok(()),
        Some(error) => Err(Error::new(format!("{what}: {}", error.text))),
    }
}
