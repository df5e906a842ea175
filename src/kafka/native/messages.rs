//! Messages as the library hands them out: borrowed memory, given back when dropped.

use super::values::{ErrorCode, text_of};
use rdkafka_sys as sys;
use std::ffi::{CStr, c_void};
use std::ptr::NonNull;

/// One message. Its bytes point into a fetched batch: keeping one keeps the whole batch in memory, and a client
/// cannot close before all are dropped.
#[derive(Debug)]
#[repr(transparent)]
pub(in crate::kafka) struct Message(NonNull<sys::rd_kafka_message_t>);

// SAFETY: a message may be read and destroyed from any thread.
unsafe impl Send for Message {}

impl Message {
    fn raw(&self) -> &sys::rd_kafka_message_t {
        // SAFETY: live until `self` is dropped.
        unsafe { self.0.as_ref() }
    }

    /// `NO_ERROR` for a record; else an event about the partition or the client.
    pub(in crate::kafka) fn error(&self) -> ErrorCode {
        self.raw().err
    }

    /// What an event says. Never of a record: its bytes may be personal.
    pub(in crate::kafka) fn error_text(&self) -> String {
        // SAFETY: live; the text is copied.
        unsafe { text_of(sys::rd_kafka_message_errstr(self.0.as_ptr())) }
    }

    /// Topic, `None` for events of the whole client.
    pub(in crate::kafka) fn topic(&self) -> Option<&CStr> {
        let topic = self.raw().rkt;
        // SAFETY: not null, and the message keeps its topic alive, whose name never changes.
        (!topic.is_null()).then(|| unsafe { CStr::from_ptr(sys::rd_kafka_topic_name(topic)) })
    }

    /// The same number for messages of the same topic, while both messages live.
    pub(in crate::kafka) fn topic_id(&self) -> usize {
        self.raw().rkt as usize
    }

    pub(in crate::kafka) fn partition(&self) -> i32 {
        self.raw().partition
    }

    pub(in crate::kafka) fn offset(&self) -> i64 {
        self.raw().offset
    }

    pub(in crate::kafka) fn key(&self) -> Option<&[u8]> {
        bytes(self.raw().key, self.raw().key_len)
    }

    pub(in crate::kafka) fn payload(&self) -> Option<&[u8]> {
        bytes(self.raw().payload, self.raw().len)
    }

    /// Milliseconds since 1970; -1 when the broker keeps none.
    pub(in crate::kafka) fn timestamp(&self) -> i64 {
        // SAFETY: live; the kind of timestamp is not asked for.
        unsafe { sys::rd_kafka_message_timestamp(self.0.as_ptr(), std::ptr::null_mut()) }
    }

    /// The last header of that name.
    pub(in crate::kafka) fn header(&self, name: &CStr) -> Option<&[u8]> {
        let mut headers = std::ptr::null_mut();
        let (mut value, mut size) = (std::ptr::null(), 0);
        // SAFETY: live; headers and their values belong to the message and live as long.
        let code = unsafe {
            if sys::rd_kafka_message_headers(self.0.as_ptr(), &mut headers) != ErrorCode::RD_KAFKA_RESP_ERR_NO_ERROR {
                return None;
            }
            sys::rd_kafka_header_get_last(headers, name.as_ptr(), &mut value, &mut size)
        };
        (code == ErrorCode::RD_KAFKA_RESP_ERR_NO_ERROR).then(|| bytes(value, size)).flatten()
    }

    /// The value of the last header that is named `content-type` in whatever spelling, and has a value.
    pub(in crate::kafka) fn content_type(&self) -> Option<&[u8]> {
        let mut headers = std::ptr::null_mut();
        // SAFETY: live; headers belong to the message.
        let code = unsafe { sys::rd_kafka_message_headers(self.0.as_ptr(), &mut headers) };
        if code != ErrorCode::RD_KAFKA_RESP_ERR_NO_ERROR {
            return None;
        }
        let mut found = None;
        for at in 0.. {
            let (mut name, mut value, mut size) = (std::ptr::null(), std::ptr::null(), 0);
            // SAFETY: names and values of the headers belong to the message and live as long; a name ends with a zero
            // byte.
            unsafe {
                let code = sys::rd_kafka_header_get_all(headers, at, &mut name, &mut value, &mut size);
                if code != ErrorCode::RD_KAFKA_RESP_ERR_NO_ERROR {
                    break;
                }
                if is_content_type(CStr::from_ptr(name).to_bytes()) {
                    found = bytes(value, size).or(found);
                }
            }
        }
        found
    }
}

/// Whether a header is the one that says what a payload is. Clients of HTTP write `Content-Type`, those of Java
/// `contentType`, and to be strict about it would set whole labs aside.
fn is_content_type(name: &[u8]) -> bool {
    let letters = name.iter().filter(|byte| !matches!(byte, b'-' | b'_')).map(u8::to_ascii_lowercase);
    letters.eq(b"contenttype".iter().copied())
}

/// Memory of a message; `None` for null, which is not the same as empty.
fn bytes<'a>(start: *const c_void, length: usize) -> Option<&'a [u8]> {
    // SAFETY: only called with pointers and lengths of one message, and bound to its lifetime by the callers.
    (!start.is_null()).then(|| unsafe { std::slice::from_raw_parts(start.cast(), length) })
}

impl Drop for Message {
    fn drop(&mut self) {
        // SAFETY: ours, and destroyed once.
        unsafe { sys::rd_kafka_message_destroy(self.0.as_ptr()) };
    }
}

/// Messages of one batch call. Reused, so that a poll allocates nothing.
#[derive(Debug, Default)]
pub(in crate::kafka) struct Batch {
    messages: Vec<Message>,
}

impl Batch {
    /// Drops what it holds and takes up to `limit` messages from a queue, waiting at most `wait_ms` for them.
    ///
    /// # Safety
    /// The queue is live and belongs to a live consumer.
    pub(super) unsafe fn fill(&mut self, queue: *mut sys::rd_kafka_queue_t, limit: usize, wait_ms: i32) {
        self.messages.clear();
        self.messages.reserve(limit);
        // SAFETY: room for `limit` messages was reserved, and a `Message` is one pointer, never null as the library
        // fills the front of the room with live messages and says how many.
        unsafe {
            let room = self.messages.as_mut_ptr().cast::<*mut sys::rd_kafka_message_t>();
            let count = sys::rd_kafka_consume_batch_queue(queue, wait_ms, room, limit);
            self.messages.set_len(usize::try_from(count).unwrap_or(0));
        }
    }

    pub(in crate::kafka) fn as_slice(&self) -> &[Message] {
        &self.messages
    }

    pub(in crate::kafka) fn clear(&mut self) {
        self.messages.clear();
    }

    pub(in crate::kafka) fn drain(&mut self) -> impl Iterator<Item = Message> + '_ {
        self.messages.drain(..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_type_is_found_under_every_spelling_of_its_name() {
        for name in ["content-type", "Content-Type", "CONTENT_TYPE", "contentType", "ContentType", "contenttype"] {
            assert!(is_content_type(name.as_bytes()), "{name}");
        }
        for name in ["", "content", "content-types", "content type", "ce_datacontenttype", "content-encoding"] {
            assert!(!is_content_type(name.as_bytes()), "{name}");
        }
    }
}
