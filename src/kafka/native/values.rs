//! Texts, error codes and times of the library as Rust has them.

use rdkafka_sys as sys;
use std::ffi::{CStr, c_char};
use std::time::Duration;

pub(in crate::kafka) use rdkafka_sys::rd_kafka_resp_err_t as ErrorCode;

/// A text of the library.
///
/// # Safety
/// `text` is null or a C string that lives through the call.
pub(super) unsafe fn text_of(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: not null, and the caller vouches for the rest.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// The library's description of an error code.
pub(super) fn describe(code: ErrorCode) -> String {
    // SAFETY: takes a number, returns a static string.
    unsafe { text_of(sys::rd_kafka_err2str(code)) }
}

/// Milliseconds as the library wants them.
pub(super) fn millis(limit: Duration) -> i32 {
    i32::try_from(limit.as_millis()).unwrap_or(i32::MAX)
}
