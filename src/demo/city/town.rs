//! Where people live and with whom.
//!
//! In: the area registry. Out: people in neighbourhoods (finest areas) and households. Whether they are ill, tested
//! or traced is decided elsewhere.

use crate::model::time::Day;
use crate::policy::Rules;
use crate::policy::areas::AreaIndex;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::ops::Range;

/// Number of a person in the simulation.
pub(super) type PersonIndex = u32;

/// The people and their places.
#[derive(Debug)]
pub(super) struct Town {
    blocks: Vec<Block>,
    people: Vec<Home>,
    period: usize,
}

/// A neighbourhood: people with consecutive numbers who share an area.
#[derive(Debug)]
struct Block {
    area: AreaIndex,
    people: Range<PersonIndex>,
}

#[derive(Clone, Copy, Debug)]
struct Home {
    block: u32,
    household: PersonIndex,
    size: u8,
}

impl Town {
    /// Spreads people over the finest areas of a day by population.
    ///
    /// # Panics
    /// When the registry has no area on that day: there is no city without one.
    pub(super) fn build(rules: &Rules, day: Day, people: u32, rng: &mut ChaCha8Rng) -> Self {
        let period = rules.areas.period(day);
        let weights = finest(rules, period, day);
        assert!(!weights.is_empty(), "the area registry is empty on the city's first day");
        let total: f64 = weights.iter().map(|(_, weight)| weight).sum();
        let mut town = Self { blocks: Vec::new(), people: Vec::with_capacity(people as usize), period };
        let mut share = 0.0;
        for (area, weight) in weights {
            share += weight / total;
            let end = ((f64::from(people) * share).round() as u32).min(people);
            town.settle(area, end, rng);
        }
        town
    }

    /// Fills a neighbourhood with households up to a person's number.
    fn settle(&mut self, area: AreaIndex, end: u32, rng: &mut ChaCha8Rng) {
        let start = self.people.len() as u32;
        if end <= start {
            return;
        }
        let block = self.blocks.len() as u32;
        self.blocks.push(Block { area, people: start..end });
        while (self.people.len() as u32) < end {
            let household = self.people.len() as u32;
            let size = rng.random_range(1..=5u32).min(end - household) as u8;
            self.people.extend((0..size).map(|_| Home { block, household, size }));
        }
    }

    /// Moves neighbourhoods whose area exists no more into areas that do, when the registry changes.
    pub(super) fn follow_registry(&mut self, rules: &Rules, day: Day, rng: &mut ChaCha8Rng) {
        let period = rules.areas.period(day);
        if period == self.period {
            return;
        }
        self.period = period;
        let there: Vec<AreaIndex> = finest(rules, period, day).into_iter().map(|(area, _)| area).collect();
        for block in &mut self.blocks {
            if !there.contains(&block.area) && !there.is_empty() {
                block.area = there[rng.random_range(0..there.len())];
            }
        }
    }

    /// How many people there are.
    pub(super) fn people(&self) -> u32 {
        self.people.len() as u32
    }

    /// Anybody.
    pub(super) fn anybody(&self, rng: &mut ChaCha8Rng) -> PersonIndex {
        rng.random_range(0..self.people())
    }

    /// Anybody of the same neighbourhood, perhaps the person itself.
    pub(super) fn neighbour(&self, person: PersonIndex, rng: &mut ChaCha8Rng) -> PersonIndex {
        rng.random_range(self.blocks[self.people[person as usize].block as usize].people.clone())
    }

    /// Anybody of the neighbourhoods around: those with codes close by, a twentieth of the city.
    pub(super) fn colleague(&self, person: PersonIndex, rng: &mut ChaCha8Rng) -> PersonIndex {
        let reach = (self.people() / 40).max(1);
        rng.random_range(person.saturating_sub(reach)..(person + reach + 1).min(self.people()))
    }

    /// The members of the household, the person too.
    pub(super) fn household(&self, person: PersonIndex) -> Range<PersonIndex> {
        let home = self.people[person as usize];
        home.household..home.household + PersonIndex::from(home.size)
    }

    /// The finest area a person belongs to.
    pub(super) fn area(&self, person: PersonIndex) -> AreaIndex {
        self.blocks[self.people[person as usize].block as usize].area
    }

    /// The registry's period in which the town now is.
    pub(super) fn period(&self) -> usize {
        self.period
    }
}

/// The finest areas of a period with their weight: the own population, else an equal share of what the nearest
/// ancestor with a known population has.
fn finest(rules: &Rules, period: usize, day: Day) -> Vec<(AreaIndex, f64)> {
    let areas = &rules.areas;
    let mut has_children = vec![false; areas.list.len()];
    for area in 0..areas.list.len() as AreaIndex {
        for ancestor in areas.lineage(period, area).iter().skip(1) {
            has_children[*ancestor as usize] = true;
        }
    }
    let exists = |area: &AreaIndex| areas.exists(*area, day) && !areas.lineage(period, *area).is_empty();
    let leaves: Vec<AreaIndex> =
        (0..areas.list.len() as AreaIndex).filter(|area| !has_children[*area as usize]).filter(exists).collect();
    let source =
        |leaf: AreaIndex| areas.lineage(period, leaf).iter().copied().find(|area| areas.population(*area, day) > 0);
    let mut sharers = vec![0u32; areas.list.len()];
    for leaf in &leaves {
        if let Some(source) = source(*leaf) {
            sharers[source as usize] += 1;
        }
    }
    let weight = |leaf: AreaIndex| match source(leaf) {
        Some(source) => areas.population(source, day) as f64 / f64::from(sharers[source as usize].max(1)),
        None => 1.0,
    };
    leaves.into_iter().map(|leaf| (leaf, weight(leaf))).collect()
}
