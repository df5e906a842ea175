//! From an area's pools to the prevalence estimated from them, a method of its own.
//!
//! In: pools of the days of a window. Out: their sums by size, and the message. Nothing is kept here but the estimates of one
//! message: several windows and purposes often hold the same pools.

use crate::model::cell::PoolCounts;
use crate::model::prevalence::{IntervalMethod, TubesOfSize, prevalence};
use crate::proto::v1::{PooledInterval, PooledPrevalence, PoolsOfSize};

/// Sums over the pools of one window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PoolSums {
    /// In order of their sizes, of which there are few.
    sizes: Vec<TubesOfSize>,
    members_of_negative: i64,
}

impl PoolSums {
    /// Adds pools of a size; of size 0, members of negative ones.
    pub fn add(&mut self, size: u8, counts: PoolCounts) {
        let (positive, negative) = (i64::from(counts.positive), i64::from(counts.negative));
        if size == 0 {
            self.members_of_negative += negative;
            return;
        }
        let at = self.sizes.partition_point(|of| of.size < size);
        if self.sizes.get(at).is_none_or(|of| of.size != size) {
            self.sizes.insert(at, TubesOfSize { size, ..TubesOfSize::default() });
        }
        self.sizes[at].tubes += positive + negative;
        self.sizes[at].positive += positive;
    }

    /// Whether there is a pool, or a member of one.
    pub fn count_something(&self) -> bool {
        !self.sizes.is_empty() || self.members_of_negative != 0
    }

    /// How many pools.
    pub fn tubes(&self) -> i64 {
        self.sizes.iter().map(|of| of.tubes).sum()
    }

    /// How many of them are positive.
    pub fn positive(&self) -> i64 {
        self.sizes.iter().map(|of| of.positive).sum()
    }

    /// Members of negative pools, each of them a test: they may live elsewhere than their pool counts.
    pub fn members_of_negative(&self) -> i64 {
        self.members_of_negative
    }
}

/// The estimates of one message.
#[derive(Debug, Default)]
pub struct Estimates(Vec<(Vec<TubesOfSize>, PooledPrevalence)>);

impl Estimates {
    /// What is published of pools; `None` where there are none.
    pub fn of(&mut self, pools: &PoolSums) -> Option<PooledPrevalence> {
        if let Some((_, known)) = self.0.iter().find(|(sizes, _)| *sizes == pools.sizes) {
            return Some(known.clone());
        }
        let of = prevalence(&pools.sizes)?;
        let method = match of.method {
            IntervalMethod::Exact => PooledInterval::Exact,
            IntervalMethod::SkewScore => PooledInterval::SkewScore,
        };
        let listed = |of: &TubesOfSize| PoolsOfSize { size: of.size.into(), pools: of.tubes, positive: of.positive };
        let message = PooledPrevalence {
            sizes: pools.sizes.iter().map(listed).collect(),
            pools: pools.tubes(),
            positive_pools: pools.positive(),
            members: pools.sizes.iter().map(|of| i64::from(of.size) * of.tubes).sum(),
            most_likely: of.most_likely,
            low: of.low,
            high: of.high,
            firth: of.firth,
            method: method as i32,
        };
        self.0.push((pools.sizes.clone(), message.clone()));
        Some(message)
    }
}
