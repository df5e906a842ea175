//! The verbs: what happens to a record, one file per step.

pub mod dead_letter;
pub mod decode;
pub mod effects;
pub mod half;
pub mod json;
pub mod validate;
