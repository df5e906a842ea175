//! Pools in the numbers of areas: tubes with a conclusive finding by how many people are in each, which prevalence is
//! estimated from, and members of negative ones, who are tests of no tube of their own.
//!
//! In: signed changes at places. Out: the same in every area that these lie in, in every period of the registry that a
//! window over their day can be read with. Few results are of pools, and many pools of a commit are of one place and size:
//! they are added up by that, and spread at the commit.

use super::cell_messages::{Messages, PoolPlace};
use super::place::{Place, periods, purpose_name};
use crate::model::cell::PoolCounts;
use crate::policy::Rules;
use hashbrown::HashMap;
use std::collections::BTreeMap;

/// A tube with a conclusive finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountedTube {
    /// Where it counts.
    pub place: Place,
    /// People in it.
    pub size: u8,
    /// What it was found.
    pub positive: bool,
}

/// Stands where members of negative tubes are counted, not tubes.
const MEMBERS: u8 = 0;

/// What changed since the last commit.
#[derive(Debug, Default)]
pub struct PoolChanges {
    places: HashMap<(Place, u8), PoolCounts>,
    /// Under rules no longer in force.
    earlier: BTreeMap<PoolName, PoolCounts>,
}

/// Where pools of one size count, in words that outlive the rules; in the order of messages.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct PoolName {
    area: String,
    target: String,
    registry_from: i32,
    purpose: String,
    day: i32,
    size: u8,
}

impl PoolChanges {
    /// Counts a tube.
    pub fn tube(&mut self, tube: CountedTube, sign: i32) {
        let change = match tube.positive {
            true => PoolCounts { positive: sign, negative: 0 },
            false => PoolCounts { positive: 0, negative: sign },
        };
        self.add((tube.place, tube.size), change);
    }

    /// Counts a test that is one of a negative tube.
    pub fn member(&mut self, place: Place, sign: i32) {
        self.add((place, MEMBERS), PoolCounts { positive: 0, negative: sign });
    }

    fn add(&mut self, at: (Place, u8), change: PoolCounts) {
        sum(self.places.entry(at).or_default(), change);
    }

    /// The rules are about to change: what was gathered is put into words of the old ones.
    pub fn carry_over(&mut self, rules: &Rules) {
        for ((place, size), change) in self.places.drain() {
            for period in periods(rules, place.day) {
                for area in rules.areas.lineage(period, place.area) {
                    let name = PoolName {
                        area: rules.areas.list[*area as usize].code.clone(),
                        target: rules.stored_target(place.target).to_owned(),
                        registry_from: rules.areas.periods[period].0,
                        purpose: purpose_name(rules, place.purpose).to_owned(),
                        day: place.day,
                        size,
                    };
                    sum(self.earlier.entry(name).or_default(), change);
                }
            }
        }
    }

    /// Puts all that changes into messages; nothing is left behind.
    pub fn drain(&mut self, rules: &Rules, messages: &mut Messages) {
        self.carry_over(rules);
        for (name, change) in std::mem::take(&mut self.earlier) {
            if change != PoolCounts::default() {
                let PoolName { area, target, registry_from, purpose, day, size } = &name;
                let place = PoolPlace { registry_from: *registry_from, purpose, day: *day, size: *size };
                messages.pool((area, target), place, change);
            }
        }
    }
}

fn sum(counts: &mut PoolCounts, change: PoolCounts) {
    counts.positive += change.positive;
    counts.negative += change.negative;
}
