//! The nouns. Plain data: no I/O, no clock, no rules.

pub mod cell;
pub mod contact;
pub mod digest;
pub mod duty;
pub mod group;
pub mod ids;
pub mod interval;
pub mod nobody;
pub mod outcome;
pub mod prevalence;
pub mod record;
pub mod result;
mod siphash;
pub mod spelling;
pub mod target;

pub mod time;
pub mod unseen;
pub mod written;
