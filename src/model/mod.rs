//! The nouns. Plain data: no I/O, no clock, no rules.

pub mod ids;
pub mod outcome;
pub mod record;
pub mod time;
