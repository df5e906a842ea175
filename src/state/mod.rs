//! What is held between records: compact, in pages, recoverable from its changelog.

pub mod area;
pub mod changelog;
pub mod codec;
pub mod corrupt;
pub mod difference;
pub mod paged;
pub mod person;
