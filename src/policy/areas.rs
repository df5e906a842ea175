//! The area registry: a forest whose parents are dated, because districts merge and borders move.
//!
//! In: areas that have passed the checks of `policy::load`. Out: lineages per period, asked for every result.

use super::lookup::Lookup;
use crate::model::time::Day;
use std::collections::BTreeSet;

/// Index of an area in the registry of one digest.
pub type AreaIndex = u32;

/// The registry, laid out by *period*: stretches of days in which the whole hierarchy stands still.
#[derive(Clone, Debug, Default)]
pub struct Areas {
    /// All areas, by code.
    pub list: Vec<Area>,
    /// First day of each period, in order; the first is `Day(0)`.
    pub periods: Vec<Day>,
    by_code: Lookup,
    /// One for each period.
    lineages: Vec<Lineages>,
}

/// One area.
#[derive(Clone, Debug)]
pub struct Area {
    /// Code, unique over all levels.
    pub code: String,
    /// Name for people.
    pub name: String,
    /// Name in Chinese; empty when there is none.
    pub name_zh: String,
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
    /// Where it lies since it was abolished, if anywhere.
    pub merged_into: Option<String>,
    /// It was abolished and went into no area, as was said.
    pub into_nothing: bool,
}

/// Per area: itself and its ancestors, finest first; of an abolished area those of what it went into; empty where it is
/// not. One allocation for all of them, as a registry may have 100,000 areas.
#[derive(Clone, Debug, Default)]
struct Lineages {
    /// Where each area's lineage ends in `areas`; it begins where the one before ends.
    ends: Vec<u32>,
    areas: Vec<AreaIndex>,
}

impl Areas {
    /// Lays out a registry whose parents exist, on a coarser level, on every day their children do.
    pub(super) fn new(mut list: Vec<Area>) -> Self {
        list.sort_by(|a, b| a.code.cmp(&b.code));
        let by_code = list.iter().map(|area| area.code.as_str()).zip(0..).collect();
        let periods = periods(&list);
        let mut areas = Self { list, periods, by_code, lineages: Vec::new() };
        areas.lineages = areas.periods.iter().map(|day| areas.lineages_on(*day)).collect();
        areas
    }

    /// The index of a code.
    pub fn index(&self, code: &str) -> Option<AreaIndex> {
        self.by_code.get(code)
    }

    /// The period a day falls into.
    pub fn period(&self, day: Day) -> usize {
        self.periods.partition_point(|from| *from <= day).saturating_sub(1)
    }

    /// The area and its ancestors in a period, finest first. Once it is abolished, the area it went into and the
    /// ancestors of that; empty where it is not and went into nothing.
    pub fn lineage(&self, period: usize, area: AreaIndex) -> &[AreaIndex] {
        let Lineages { ends, areas } = &self.lineages[period];
        let start = area.checked_sub(1).map_or(0, |before| ends[before as usize]);
        &areas[start as usize..ends[area as usize] as usize]
    }

    /// Population on a day, 0 when unknown.
    pub fn population(&self, area: AreaIndex, day: Day) -> u64 {
        self.facts(area, day).map_or(0, |facts| facts.population)
    }

    /// Whether the area exists on a day.
    pub fn exists(&self, area: AreaIndex, day: Day) -> bool {
        self.facts(area, day).is_some_and(|facts| !facts.abolished)
    }

    /// What holds for an area on a day; `None` before its first day.
    pub fn facts(&self, area: AreaIndex, day: Day) -> Option<&AreaFacts> {
        self.list[area as usize].facts(day)
    }

    /// Abolished areas of which nobody said what they went into: what was counted in them leaves all totals from then
    /// on.
    pub fn without_successor(&self) -> impl Iterator<Item = &Area> {
        let unsaid = |facts: &AreaFacts| facts.abolished && facts.merged_into.is_none() && !facts.into_nothing;
        self.list.iter().filter(move |area| area.facts.iter().any(unsaid))
    }

    /// The area itself where it exists, else the one it went into; that one may have been abolished in turn, but no
    /// circle passes the checks.
    fn successor(&self, area: AreaIndex, day: Day) -> Option<AreaIndex> {
        let mut area = area;
        loop {
            let facts = self.facts(area, day)?;
            if !facts.abolished {
                return Some(area);
            }
            area = self.index(facts.merged_into.as_deref()?)?;
        }
    }

    fn lineages_on(&self, day: Day) -> Lineages {
        let mut lineages = Lineages::default();
        for area in 0..self.list.len() as AreaIndex {
            let mut next = self.successor(area, day);
            while let Some(area) = next {
                lineages.areas.push(area);
                let parent = self.facts(area, day).and_then(|facts| facts.parent.as_deref());
                next = parent.and_then(|code| self.index(code));
            }
            lineages.ends.push(lineages.areas.len() as u32);
        }
        lineages
    }
}

impl Area {
    /// What holds on a day; `None` before the first.
    pub fn facts(&self, day: Day) -> Option<&AreaFacts> {
        self.facts[..self.facts.partition_point(|facts| facts.from <= day)].last()
    }
}

/// Every day on which an area appears, moves, or goes into another or nothing; a mere census does not begin a period.
pub(super) fn periods(list: &[Area]) -> Vec<Day> {
    let mut days = BTreeSet::from([Day(0)]);
    for area in list {
        let mut before = None;
        for facts in &area.facts {
            let now = match (facts.abolished, &facts.merged_into) {
                (false, _) => Some((false, facts.parent.as_deref())),
                (true, Some(successor)) => Some((true, Some(successor.as_str()))),
                (true, None) => None,
            };
            if now != before {
                days.insert(facts.from);
                before = now;
            }
        }
    }
    days.into_iter().collect()
}
