//! What is held between records: compact, in pages, recoverable from its changelog.

pub mod changelog;
