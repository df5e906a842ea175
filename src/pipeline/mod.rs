//! The verbs: what happens to a record, one file per step.

pub mod alerts;
pub mod area;
pub mod batch;
pub mod cells;
pub mod contacts;
pub mod contribution;
pub mod dead_letter;
pub mod decode;
pub mod effects;
pub mod episodes;
pub mod half;
pub mod json;
pub mod matching;
pub mod person;
pub mod positivity;
pub mod publish;
pub mod restate;
pub mod retention;
pub mod route;
pub mod specimen;
pub mod stop;
pub mod tier;
pub mod tier_change;
pub mod validate;
pub mod versions;
