//! The commands, one file each: they parse, call the rest of the crate, and say what came of it.

pub mod check;
pub mod file;
pub mod publish;
pub mod rules;
pub mod watch;
