//! Requests to the broker, and the events that answer them.

use super::handle::{Handle, Queue};
use super::values::{ErrorCode, describe, millis, text_of};
use crate::kafka::acl::missing_acl;
use crate::kafka::error::Error;
use rdkafka_sys as sys;
use std::ffi::{CStr, c_char};
use std::time::Duration;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kafka) struct NoAnswer {
    pub(super) code: ErrorCode,
    pub(super) text: String,
}

impl NoAnswer {
    /// What is said of one partition instead.
    pub(super) fn about(topic: &CStr, partition: i32, code: ErrorCode) -> Self {
        let name = topic.to_string_lossy();
        let text = match code {
            ErrorCode::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED => {
                missing_acl("Describe", &format!("--topic {name}"))
            }
            code => format!("{name} [{partition}]: {}", describe(code)),
        };
        Self { code, text }
    }

    /// Nobody answered, or whoever did has just been started or is about to go: a matter of waiting, however long.
    /// Else the broker means what it says.
    pub(in crate::kafka) fn is_away(&self) -> bool {
        use ErrorCode::*;
        matches!(
            self.code,
            RD_KAFKA_RESP_ERR__TIMED_OUT
                | RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE
                | RD_KAFKA_RESP_ERR__TRANSPORT
                | RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN
                | RD_KAFKA_RESP_ERR__RESOLVE
                | RD_KAFKA_RESP_ERR__WAIT_COORD
                | RD_KAFKA_RESP_ERR__DESTROY_BROKER
                | RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT
                | RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION
                | RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE
                | RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS
                | RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE
                | RD_KAFKA_RESP_ERR_NOT_COORDINATOR
                | RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE
                | RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION
                | RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE
                | RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH
                | RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH
        )
    }

    /// The user may not ask, and no waiting changes that.
    pub(in crate::kafka) fn is_denied(&self) -> bool {
        use ErrorCode::*;
        matches!(self.code, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED | RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED)
    }

    /// An open transaction may still change a committed offset.
    pub(in crate::kafka) fn is_unstable(&self) -> bool {
        self.code == ErrorCode::RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT
    }
}

impl std::fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<NoAnswer> for Error {
    fn from(refused: NoAnswer) -> Self {
        Self::new(refused.text)
    }
}

/// The event of one kind that answers a question, if there is one within the wait.
pub(super) fn poll_queue(queue: &Queue, expected: i32, wait: Duration) -> Option<Result<Event, NoAnswer>> {
    // SAFETY: the queue is live.
    unsafe { poll_raw(queue.as_ptr(), expected, wait) }
}

/// As [`poll_queue`].
///
/// # Safety
/// The queue is live.
pub(super) unsafe fn poll_raw(
    queue: *mut sys::rd_kafka_queue_t,
    expected: i32,
    wait: Duration,
) -> Option<Result<Event, NoAnswer>> {
    // SAFETY: the queue is live, as the caller vouches; the event is ours.
    let event = unsafe { sys::rd_kafka_queue_poll(queue, millis(wait)) };
    if event.is_null() {
        return None;
    }
    let event = Event(event);
    // SAFETY: the event is live.
    let (code, kind) = unsafe { (sys::rd_kafka_event_error(event.0), sys::rd_kafka_event_type(event.0)) };
    if code != ErrorCode::RD_KAFKA_RESP_ERR_NO_ERROR {
        // SAFETY: the event is live; the text is copied.
        let text = unsafe { text_of(sys::rd_kafka_event_error_string(event.0)) };
        return Some(Err(NoAnswer { code, text }));
    }
    (kind == expected).then_some(Ok(event))
}

/// Options of a request.
pub(super) struct Options(pub(super) *mut sys::rd_kafka_AdminOptions_t);

impl Options {
    pub(super) fn new(handle: &Handle, kind: sys::rd_kafka_admin_op_t, limit: Duration) -> Self {
        // SAFETY: the client is live.
        unsafe { Self::of(handle.as_ptr(), kind, limit) }
    }

    /// # Safety
    /// The client is live.
    pub(super) unsafe fn of(client: *mut sys::rd_kafka_t, kind: sys::rd_kafka_admin_op_t, limit: Duration) -> Self {
        // SAFETY: the client is live, as the caller vouches.
        let options = Self(unsafe { sys::rd_kafka_AdminOptions_new(client, kind) });
        let mut reason = [0 as c_char; 128];
        // SAFETY: the options are live and the buffer has the length given. Out of range leaves the default.
        unsafe {
            let (text, size) = (reason.as_mut_ptr(), reason.len());
            sys::rd_kafka_AdminOptions_set_request_timeout(options.0, millis(limit), text, size);
        }
        options
    }
}

impl Drop for Options {
    fn drop(&mut self) {
        // SAFETY: ours.
        unsafe { sys::rd_kafka_AdminOptions_destroy(self.0) };
    }
}

/// An event taken from a queue.
pub(super) struct Event(pub(super) *mut sys::rd_kafka_event_t);

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: ours.
        unsafe { sys::rd_kafka_event_destroy(self.0) };
    }
}

/// A C array as a slice.
///
/// # Safety
/// `start` points to `count` elements that live as long as the caller uses them, or `count` is 0.
pub(super) unsafe fn slice_of<'a, T>(start: *mut T, count: usize) -> &'a [T] {
    match count {
        0 => &[],
        // SAFETY: as the caller vouches.
        _ => unsafe { std::slice::from_raw_parts(start, count) },
    }
}
