//! What is counted of areas, by name: one vocabulary for what a recount comes to, what an area task holds and what a
//! batch of changes says.

use crate::model::cell::{GAPS, Tally};
use crate::model::time::Day;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// What is counted in a cell, by name: `positive`, `cases`, `tested, next in 3 days`, …
pub type CountName = &'static str;

/// Which count it is. In order of areas, so that those of one area lie together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CountKey {
    /// The area, with its target: see [`targets`](super::targets).
    pub area: String,
    /// First day of the registry's period.
    pub period: Day,
    /// The purpose; empty is the total.
    pub purpose: String,
    /// Specimen day.
    pub day: Day,
    /// What is counted.
    pub name: CountName,
}

/// Counts of areas.
pub type Cells = BTreeMap<CountKey, i64>;

/// Names of people tested by the days to their next test, then of people found positive.
const PEOPLE: [CountName; GAPS * 2] = [
    "people tested, again in 1 day",
    "people tested, again in 2 days",
    "people tested, again in 3 days",
    "people tested, again in 4 days",
    "people tested, again in 5 days",
    "people tested, again in 6 days",
    "people tested, again in 7 days",
    "people tested, again in 8 days",
    "people tested, again in 9 days",
    "people tested, again in 10 days",
    "people tested, again in 11 days",
    "people tested, again in 12 days",
    "people tested, again in 13 days",
    "people tested, again in 14 days",
    "people tested, not again in 14 days",
    "people positive, again in 1 day",
    "people positive, again in 2 days",
    "people positive, again in 3 days",
    "people positive, again in 4 days",
    "people positive, again in 5 days",
    "people positive, again in 6 days",
    "people positive, again in 7 days",
    "people positive, again in 8 days",
    "people positive, again in 9 days",
    "people positive, again in 10 days",
    "people positive, again in 11 days",
    "people positive, again in 12 days",
    "people positive, again in 13 days",
    "people positive, again in 14 days",
    "people positive, not again in 14 days",
];

/// Names of all counts of a cell, in the order they are stored in: tallies, people tested, people found positive.
pub fn names() -> impl Iterator<Item = CountName> {
    Tally::ALL.map(Tally::name).into_iter().chain(PEOPLE)
}

/// Tests that are members of negative pools.
pub const POOLED: CountName = "negative in a pool";

/// People in a pool at most.
const LARGEST_POOL: usize = 100;

/// Names of pools by how many people are in each, from 1: positive ones and negative ones.
static POOLS: LazyLock<Vec<[CountName; 2]>> = LazyLock::new(|| {
    let name =
        |size: usize, what: &str| -> CountName { Box::leak(format!("pools of {size}, {what}").into_boxed_str()) };
    (1..=LARGEST_POOL).map(|size| [name(size, "positive"), name(size, "negative")]).collect()
});

/// The name of pools of so many people; `None` of sizes there are none of.
pub fn pools(size: u32, positive: bool) -> Option<CountName> {
    let of_size = POOLS.get((size as usize).checked_sub(1)?)?;
    Some(of_size[usize::from(!positive)])
}

/// How many people are in each of the pools that a count is of, and whether it is of positive ones.
pub fn pools_named(name: CountName) -> Option<(u32, bool)> {
    (1..).zip(&*POOLS).find_map(|(size, [positive, negative])| match name {
        name if name == *positive => Some((size, true)),
        name if name == *negative => Some((size, false)),
        _ => None,
    })
}

/// The name of people tested (or found positive) by the days to their next such day, from 1; 15 is more or none.
pub fn people(positive: bool, gap: i32) -> CountName {
    PEOPLE[gap as usize - 1 + if positive { GAPS } else { 0 }]
}
