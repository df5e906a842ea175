//! Rules: what is refused and how it is said, when a set is in force, what the command shows,
//! that those of the repository are right.
//! The folders beside this file are rules for tests with real data.

mod command;
mod errors;
mod sets;
mod shipped;
