//! The verbs: what happens to a record, one file per step.

pub mod effects;
pub mod half;
