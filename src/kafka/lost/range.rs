//! A run of an input's records that were deleted unread.

use crate::model::record::Topic;
use crate::pipeline::area::AreaHalf;
use crate::pipeline::half::Half as _;

/// Offsets of an input that a task should have read next, and that are no longer there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lost {
    /// The input.
    pub topic: Topic,
    /// The task, which is its partition.
    pub task: i32,
    /// The first of them: the committed offset.
    pub from: i64,
    /// The first offset there still is.
    pub to: i64,
}

impl Lost {
    /// How many. Some may have been markers of transactions: so many records at most.
    pub fn offsets(&self) -> u64 {
        (self.to - self.from).unsigned_abs()
    }

    /// Whether it is of the area half. What is lost of one half and task is given up together.
    pub fn is_of_areas(&self) -> bool {
        AreaHalf::INPUTS.contains(&self.topic)
    }
}
