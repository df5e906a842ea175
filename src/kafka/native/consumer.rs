//! A consumer: the group's member, or one that assigns partitions by hand.
//!
//! The rebalance callback runs inside [`Consumer::fill`], on the caller's thread. It only notes what happened; giving
//! partitions back is the caller's act, when it has committed what it read of them.

use super::error::{answered, checked};
use super::handle::{Handle, Kind, Queue};
use super::messages::Batch;
use super::partitions::PartitionList;
use super::rebalance::{Membership, Rebalance};
use super::values::ErrorCode;
use crate::kafka::error::Error;
use rdkafka_sys as sys;
use std::collections::BTreeMap;
use std::ffi::CStr;
use std::sync::Arc;
use tokio::sync::Notify;

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
        // SAFETY: the client is live, and a consumer.
        unsafe { Membership::of(self.handle.as_ptr()) }
    }

    /// Whether the assignment went to others before it was given back.
    pub(in crate::kafka) fn assignment_lost(&self) -> bool {
        // SAFETY: the client is live.
        unsafe { sys::rd_kafka_assignment_lost(self.handle.as_ptr()) != 0 }
    }
}
