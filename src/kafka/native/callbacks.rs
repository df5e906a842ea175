//! What the library calls: from threads of its own, or within a call that serves it. It reaches only [`Shared`].

use super::error::answered;
use super::logs;
use super::partitions::{PartitionList, entries};
use super::rebalance::{Membership, Rebalance, unassign_all};
use super::shared::Shared;
use super::values::{ErrorCode, text_of};
use crate::clock;
use crate::kafka::acl::denied_topic;
use crate::kafka::refusal::Refusal;
use rdkafka_sys as sys;
use std::ffi::{c_char, c_int, c_void};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

/// The library's log lines. Called from its own threads.
pub(super) unsafe extern "C" fn on_log(
    client: *const sys::rd_kafka_t,
    level: c_int,
    facility: *const c_char,
    line: *const c_char,
) {
    // SAFETY: both are C strings of the library, live during the call.
    let (facility, line) = unsafe { (text_of(facility), text_of(line)) };
    // Lines about settings have no client yet.
    if !client.is_null() {
        // SAFETY: the opaque is the client's `Shared`, alive as long as the client; null before it is known to it.
        if let Some(shared) = unsafe { sys::rd_kafka_opaque(client).cast::<Shared>().as_ref() } {
            if let Some(topic) = denied_topic(&line) {
                shared.denied.lock().unwrap_or_else(PoisonError::into_inner).insert(topic.to_owned());
            }
            let mut last = shared.refusal.lock().unwrap_or_else(PoisonError::into_inner);
            match Refusal::of(&line, clock::monotonic()) {
                Some(refusal) => *last = Some(refusal.since(last.as_ref())),
                None => drop(last.take_if(|refusal| refusal.is_taken_back_by(&line))),
            }
        }
    }
    logs::write(level, &facility, &line);
}

/// Errors of a whole client. The library goes on by itself, save for the fatal one.
pub(super) unsafe extern "C" fn on_error(
    client: *mut sys::rd_kafka_t,
    code: c_int,
    reason: *const c_char,
    shared: *mut c_void,
) {
    // SAFETY: the opaque is the client's `Shared`, alive as long as the client; the reason lives during the call.
    let (shared, reason) = unsafe { (&*shared.cast::<Shared>(), text_of(reason)) };
    if code != ErrorCode::RD_KAFKA_RESP_ERR__FATAL as c_int {
        shared.disturbances.fetch_add(1, Ordering::Relaxed);
        tracing::debug!("kafka: {reason}");
        return;
    }
    let mut text = [0 as c_char; 512];
    // SAFETY: the client is live and the buffer has the length given; the library ends it with a zero byte.
    let why = unsafe {
        sys::rd_kafka_fatal_error(client, text.as_mut_ptr(), text.len());
        text_of(text.as_ptr())
    };
    *shared.fatal.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(why);
    shared.notify.notify_one();
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
        let identity = Membership::of(client).map_or((String::new(), -1), |membership| membership.identity());
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

/// A queue has something.
pub(super) unsafe extern "C" fn on_queue_event(_: *mut sys::rd_kafka_t, shared: *mut c_void) {
    // SAFETY: the opaque is a `Shared` kept alive by the `Queue` that enabled this call.
    unsafe { &*shared.cast::<Shared>() }.notify.notify_one();
}
