//! The C library behind safe handles: outside of this folder nobody needs unsafe code to talk to Kafka.
//!
//! What holds everywhere: a client is destroyed after its queues and messages (else closing hangs); callbacks reach
//! only `Shared`, which lives as long as the client; strings of the library are copied before it can free them.

#![allow(unsafe_code, reason = "the calls of a C library; each block says why it holds")]

mod consumer;
mod handle;
pub(super) mod logs;
mod messages;
mod metadata;
mod mock;
mod partitions;
mod producer;
mod query;

pub(super) use consumer::{Consumer, Membership};
pub(super) use handle::{Handle, Kind};
pub(super) use messages::{Batch, Message};
pub(super) use metadata::{TopicId, Unreached};
pub(super) use mock::Mock;
pub(super) use partitions::PartitionList;
pub(super) use producer::{Outgoing, TransactionError, TransactionalProducer};
pub(super) use query::{Answer, End, NoAnswer, Query};
pub(super) use rdkafka_sys::rd_kafka_resp_err_t as ErrorCode;

use std::ffi::{CStr, c_char};

/// A text of the library.
///
/// # Safety
/// `text` is null or a C string that lives through the call.
unsafe fn text_of(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: not null, and the caller vouches for the rest.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// The library's description of an error code.
pub(super) fn describe(code: ErrorCode) -> String {
    // SAFETY: takes a number, returns a static string.
    unsafe { text_of(rdkafka_sys::rd_kafka_err2str(code)) }
}

/// Milliseconds as the library wants them.
fn millis(limit: std::time::Duration) -> i32 {
    i32::try_from(limit.as_millis()).unwrap_or(i32::MAX)
}
