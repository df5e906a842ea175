//! What the promises are tested with.

pub mod broker;
pub mod counting;
pub mod fleet;
pub mod oracle;
pub mod random;
pub mod seeds;
