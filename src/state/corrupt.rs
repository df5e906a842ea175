//! What is said of stored state that is not what was written.

/// Stored state that cannot be read: a fault to stop on, never to coerce.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stored state cannot be read: {0}")]
pub struct Corrupt(pub String);
