//! A consumer's place in its group: what a rebalance changes, who the client is in it, and giving all back.

use super::error::answered;
use super::partitions::PartitionList;
use super::values::{ErrorCode, text_of};
use rdkafka_sys as sys;
use std::ptr::NonNull;

/// A rebalance as the library reported it.
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

/// The group's view of a member: what a transaction is fenced with.
#[derive(Debug)]
pub(in crate::kafka) struct Membership(NonNull<sys::rd_kafka_consumer_group_metadata_t>);

// SAFETY: plain data.
unsafe impl Send for Membership {}

impl Membership {
    /// Of a client at this moment; `None` where it is in no group.
    ///
    /// # Safety
    /// `client` is a live consumer.
    pub(super) unsafe fn of(client: *mut sys::rd_kafka_t) -> Option<Self> {
        // SAFETY: live, as the caller vouches; what is returned is ours.
        NonNull::new(unsafe { sys::rd_kafka_consumer_group_metadata(client) }).map(Self)
    }

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
