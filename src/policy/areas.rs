//! The area registry: a forest whose parents are dated, because districts merge and borders move.

use crate::model::time::Day;
use hashbrown::HashMap;

/// Index of an area in the registry of one digest.
pub type AreaIndex = u32;

/// The registry, laid out by *period*: stretches of days in which the whole hierarchy stands still.
#[derive(Clone, Debug, Default)]
pub struct Areas {
    /// All areas, by code.
    pub list: Vec<Area>,
    /// First day of each period, in order; the first is `Day(0)`.
    pub periods: Vec<Day>,
    by_code: HashMap<String, AreaIndex>,
    /// Per period and area: the area itself and its ancestors, finest first; empty where it does not exist.
    lineages: Vec<Vec<Vec<AreaIndex>>>,
}

/// One area.
#[derive(Clone, Debug)]
pub struct Area {
    /// Code, unique over all levels.
    pub code: String,
    /// Name for people.
    pub name: String,
    /// Index into the deployment's levels.
    pub level: u8,
    /// Dated facts, in order.
    pub facts: Vec<AreaFacts>,
    /// (column, row) on a schematic tile map.
    pub tile: Option<(u32, u32)>,
}

/// What holds for an area from a day on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AreaFacts {
    /// First day.
    pub from: Day,
    /// Where it lies.
    pub parent: Option<String>,
    /// People, 0 when unknown.
    pub population: u64,
    /// No longer exists.
    pub abolished: bool,
}

impl Areas {
    /// The index of a code.
    pub fn index(&self, code: &str) -> Option<AreaIndex> {
        self.by_code.get(code).copied()
    }

    /// The period a day falls into.
    pub fn period(&self, day: Day) -> usize {
        self.periods.partition_point(|from| *from <= day).saturating_sub(1)
    }

    /// The area and its ancestors in a period, finest first; empty where it does not exist.
    pub fn lineage(&self, period: usize, area: AreaIndex) -> &[AreaIndex] {
        &self.lineages[period][area as usize]
    }

    /// Population on a day, 0 when unknown.
    pub fn population(&self, area: AreaIndex, day: Day) -> u64 {
        self.facts(area, day).map_or(0, |facts| facts.population)
    }

    /// Whether the area exists on a day.
    pub fn exists(&self, area: AreaIndex, day: Day) -> bool {
        self.facts(area, day).is_some_and(|facts| !facts.abolished)
    }

    fn facts(&self, area: AreaIndex, day: Day) -> Option<&AreaFacts> {
        let facts = &self.list[area as usize].facts;
        facts[..facts.partition_point(|facts| facts.from <= day)].last()
    }
}
