//! Stored state, read naively: the last head of each task, and the counts of an area task.
//!
//! In: the records of a changelog up to some end. Out: heads, cells. It knows the stored form as it is written down (a
//! head as a message, then operations or a page), not the code that writes it. What a person task holds is not read:
//! what it must hold is counted from the inputs.

mod area_task;
mod bytes;
mod changelog;
pub mod labs;

pub use area_task::AreaTask;
pub use changelog::{Stored, head_of};
