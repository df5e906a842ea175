//! Errors of the library's calls: codes, and objects that say what may be done.

use super::values::{ErrorCode, describe, text_of};
use crate::kafka::error::Error;
use rdkafka_sys as sys;
use std::ptr::NonNull;

/// Why a transactional call failed, and what may be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kafka) struct TransactionError {
    pub(in crate::kafka) code: ErrorCode,
    pub(in crate::kafka) text: String,
    /// The producer is of no more use.
    pub(in crate::kafka) fatal: bool,
    /// The same call may be made again.
    pub(in crate::kafka) retriable: bool,
    /// The transaction can be aborted.
    pub(in crate::kafka) abortable: bool,
}

impl TransactionError {
    /// What the library returned, freed; `None` for success.
    pub(super) fn taken(error: *mut sys::rd_kafka_error_t) -> Option<Self> {
        let error = NonNull::new(error)?.as_ptr();
        // SAFETY: only called with what a call just returned: ours, live, freed once.
        unsafe {
            let taken = Self {
                code: sys::rd_kafka_error_code(error),
                text: text_of(sys::rd_kafka_error_string(error)),
                fatal: sys::rd_kafka_error_is_fatal(error) != 0,
                retriable: sys::rd_kafka_error_is_retriable(error) != 0,
                abortable: sys::rd_kafka_error_txn_requires_abort(error) != 0,
            };
            sys::rd_kafka_error_destroy(error);
            Some(taken)
        }
    }

    /// Nothing more can be asked of a producer that still does what it was asked last.
    pub(super) fn unanswered(why: &str) -> Self {
        let code = ErrorCode::RD_KAFKA_RESP_ERR__TIMED_OUT;
        Self { code, text: why.to_owned(), fatal: true, retriable: false, abortable: false }
    }

    pub(super) fn of_code(code: ErrorCode) -> Self {
        Self { code, text: describe(code), fatal: false, retriable: false, abortable: true }
    }
}

/// An error object that is null for success, of a transactional call.
pub(super) fn ended(error: *mut sys::rd_kafka_error_t) -> Result<(), TransactionError> {
    TransactionError::taken(error).map_or(Ok(()), Err)
}

/// An error code that is none for success, of a call that is named by `what`.
pub(super) fn checked(what: &str, code: ErrorCode) -> Result<(), Error> {
    match code {
        ErrorCode::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
        code => Err(Error::new(format!("{what}: {}", describe(code)))),
    }
}

/// An error object that is null for success, of a call that is named by `what`.
pub(super) fn answered(what: &str, error: *mut sys::rd_kafka_error_t) -> Result<(), Error> {
    match TransactionError::taken(error) {
        None => Ok(()),
        Some(error) => Err(Error::new(format!("{what}: {}", error.text))),
    }
}
