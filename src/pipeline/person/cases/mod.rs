//! Positives as cases: which of them are one [episode](episodes), and which contacts [explain](matching) it.

pub mod episodes;
pub mod management;
pub mod matching;
