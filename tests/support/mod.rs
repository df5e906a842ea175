//! What the promises are tested with.

#[expect(dead_code, reason = "the simulation uses more of it")]
pub mod broker;
pub mod counting;
pub mod deployment;
pub mod fleet;
pub mod histories;
pub mod images;
pub mod kafka;
pub mod open_data;
pub mod oracle;
pub mod random;
pub mod real;
pub mod records;
pub mod rules;
pub mod seeds;
pub mod story;
pub mod town;
