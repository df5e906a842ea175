//! What goes wrong with Kafka.

use crate::runtime::log::Fatal;

/// Kafka refused, or cannot be reached. The text names topic, partition and setting, never a key or a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Error(pub String);

impl Error {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl From<Error> for Fatal {
    fn from(error: Error) -> Self {
        Self::log(error)
    }
}
