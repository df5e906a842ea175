//! Pools of one area, by how many people are in each: apart from cells, as few areas have any, and these few sizes.

use crate::model::cell::PoolCounts;
use crate::model::time::Day;
use crate::state::codec::{Reader, put_short, put_short_signed};
use crate::state::paged::Corrupt;
use std::collections::BTreeMap;

/// Where pools of one size belong. The order makes a window of one registry period one stretch of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PoolKey {
    /// First day of the registry period whose hierarchy placed them here.
    pub period: Day,
    /// Specimen day.
    pub day: Day,
    /// Number of the purpose, from 1.
    pub purpose: u8,
    /// People in each; 0 stands for members of negative pools, each of whom is a negative test of the cell.
    pub size: u8,
}

/// The pools of an area: an empty map where there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pools(BTreeMap<PoolKey, PoolCounts>);

impl Pools {
    /// Adds signed changes. What comes to nothing is not held.
    pub fn add(&mut self, key: PoolKey, change: PoolCounts) {
        let counts = self.0.entry(key).or_default();
        counts.positive = counts.positive.wrapping_add(change.positive);
        counts.negative = counts.negative.wrapping_add(change.negative);
        if *counts == PoolCounts::default() {
            self.0.remove(&key);
        }
    }

    /// All.
    pub fn iter(&self) -> impl Iterator<Item = (&PoolKey, &PoolCounts)> {
        self.0.iter()
    }

    /// How many keys have something.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Those of a period on the days from `first` to `last`, of all purposes.
    pub fn between(&self, period: Day, first: Day, last: Day) -> impl Iterator<Item = (&PoolKey, &PoolCounts)> {
        let from = PoolKey { period, day: first, purpose: 0, size: 0 };
        let until = PoolKey { period, day: last.max(first), purpose: u8::MAX, size: u8::MAX };
        self.0.range(from..=until).filter(move |(key, _)| key.day <= last)
    }

    /// Forgets days before this one.
    pub(super) fn drop_before(&mut self, first: Day) {
        self.0.retain(|key, _| key.day >= first);
    }

    pub(super) fn write(&self, into: &mut Vec<u8>) {
        put_short(into, self.0.len() as u64);
        self.iter().for_each(|(key, counts)| write_change(*key, *counts, into));
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, Corrupt> {
        let mut pools = Self::default();
        for _ in 0..from.short::<u64>()? {
            let (key, counts) = read_change(from)?;
            pools.add(key, counts);
        }
        Ok(pools)
    }
}

pub(super) fn write_change(key: PoolKey, counts: PoolCounts, into: &mut Vec<u8>) {
    put_short_signed(into, i64::from(key.period.0));
    put_short_signed(into, i64::from(key.day.0));
    into.extend([key.purpose, key.size]);
    put_short_signed(into, i64::from(counts.positive));
    put_short_signed(into, i64::from(counts.negative));
}

pub(super) fn read_change(from: &mut Reader<'_>) -> Result<(PoolKey, PoolCounts), Corrupt> {
    let (period, day) = (Day(from.short_signed()?), Day(from.short_signed()?));
    let key = PoolKey { period, day, purpose: from.u8()?, size: from.u8()? };
    Ok((key, PoolCounts { positive: from.short_signed()?, negative: from.short_signed()? }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_back_was_never_there_and_what_is_written_is_read() {
        let mut pools = Pools::default();
        let key = |day, size| PoolKey { period: Day(0), day: Day(day), purpose: 1, size };
        let tube = PoolCounts { positive: 1, negative: 0 };
        pools.add(key(3, 10), tube);
        pools.add(key(4, 5), PoolCounts { positive: 0, negative: 300 });
        pools.add(key(4, 0), PoolCounts { positive: 0, negative: 1_500 });
        let mut bytes = Vec::new();
        pools.write(&mut bytes);
        assert_eq!(Pools::read(&mut Reader::new(&bytes)).expect("it was written just now"), pools);
        let sizes =
            |first, last| pools.between(Day(0), Day(first), Day(last)).map(|(key, _)| key.size).collect::<Vec<_>>();
        assert_eq!((sizes(3, 3), sizes(4, 9), sizes(5, 3)), (vec![10], vec![0, 5], vec![]));
        pools.drop_before(Day(4));
        assert_eq!(pools.count(), 2);
        pools.add(key(4, 5), PoolCounts { positive: 0, negative: -300 });
        pools.add(key(4, 0), PoolCounts { positive: 0, negative: -1_500 });
        assert_eq!(pools, Pools::default());
    }
}
