//! The verbs: what happens to a record, one file per step.

pub mod area;
pub mod batch;
pub mod dead_letter;
pub mod decode;
pub mod effects;
pub mod half;
pub mod json;
pub mod positivity;
pub mod restate;
pub mod tier;
pub mod tier_change;
pub mod validate;
