//! The topics of the contract: how they are made, and what is wrong with those there are.

mod admin;
mod check;
mod create;
mod settings;

pub use admin::{existing, layout, partition_counts, person_tasks};
pub use check::{Checked, Finding, check};
pub use create::{Created, Wanted, create};
pub use settings::partitions_of;
