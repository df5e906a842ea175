//! Signed numbers of areas, gathered between two commits and turned into one message per touched area task.
//!
//! In: changes of a place (all areas above it change alike) or of one node. Out: `AreaChanges`, in an order that
//! depends on nothing but their content; cells that came to zero are not sent, and neither are empty messages.

use super::cell_messages::{CellName, Head, Messages};
use super::signed_cell::SignedCell;
use crate::model::cell::{GAPS, People, TOTAL, Tally};
use crate::model::record::{Origin, Output};
use crate::model::result::Finding;
use crate::model::time::Day;
use crate::policy::areas::AreaIndex;
use crate::policy::{LONGEST_WINDOW, Rules, TargetIndex};
use hashbrown::HashMap;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// The greatest gap: this long to the next test day, or none.
pub const NO_GAP: i32 = GAPS as i32;

/// Where and when something counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// Area in the registry.
    pub area: AreaIndex,
    /// Target of the deployment.
    pub target: TargetIndex,
    /// Purpose of the deployment, from 1; 0 is the total.
    pub purpose: u8,
    /// Day of collection.
    pub day: i32,
}

/// A place in a period of the registry, so packed that the order of the numbers is that of the messages: area, target,
/// period, purpose, day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Node(u128);

impl Node {
    fn new(period: usize, place: Place) -> Self {
        // Days before 1970 come first: the sign bit is turned.
        let day = place.day as u32 ^ 1 << 31;
        let rest = (period as u64) << 40 | u64::from(place.purpose) << 32 | u64::from(day);
        Self(u128::from(place.area) << 72 | u128::from(place.target) << 64 | u128::from(rest))
    }

    fn period(self) -> usize {
        (self.0 as u64 >> 40) as usize
    }

    fn place(self) -> Place {
        let day = (self.0 as u32 ^ 1 << 31) as i32;
        let (area, target) = ((self.0 >> 72) as AreaIndex, (self.0 >> 64) as TargetIndex);
        Place { area, target, purpose: (self.0 >> 32) as u8, day }
    }

    fn name(self, rules: &Rules) -> CellName<&str> {
        let place = self.place();
        CellName {
            area: &rules.areas.list[place.area as usize].code,
            target: rules.stored_target(place.target),
            registry_from: rules.areas.periods[self.period()].0,
            purpose: purpose_name(rules, place.purpose),
            day: place.day,
        }
    }
}

/// Cells by node. The table holds numbers of cells and not the cells, which are large: so it stays in the cache.
#[derive(Debug, Default)]
struct Sheet {
    index: HashMap<Node, u32>,
    cells: Vec<(Node, SignedCell)>,
    /// The cell asked for last: it is often the next one too.
    last: usize,
}

impl Sheet {
    fn cell(&mut self, node: Node) -> &mut SignedCell {
        if self.cells.get(self.last).is_none_or(|(last, _)| *last != node) {
            self.last = self.find(node);
        }
        &mut self.cells[self.last].1
    }

    fn find(&mut self, node: Node) -> usize {
        let fresh = self.cells.len() as u32;
        let at = *self.index.entry(node).or_insert(fresh);
        if at == fresh {
            self.cells.push((node, SignedCell::default()));
        }
        at as usize
    }

    fn clear(&mut self) {
        self.index.clear();
        self.cells.clear();
    }
}

/// Everything that changed since the last commit.
#[derive(Debug, Default)]
pub struct Cells {
    /// Changes that all areas of a place's lineage share: most are, and one entry then stands for many. Their period
    /// is not meant.
    places: Sheet,
    /// Changes of one area in one period of the registry.
    nodes: Sheet,
    /// Under rules no longer in force.
    earlier: Vec<(CellName<String>, SignedCell)>,
    /// The newest record behind changes of cases and positives, by area, target and day.
    causes: BTreeMap<(String, String, i32), Origin>,
}

impl Cells {
    /// Counts a specimen.
    pub fn test(&mut self, place: Place, finding: Finding, sign: i32) {
        self.places.cell(Node::new(0, place)).tallies[Tally::of(finding)] += sign;
    }

    /// Counts an episode that starts here.
    pub fn case(&mut self, place: Place, community: bool, sign: i32) {
        let tallies = &mut self.places.cell(Node::new(0, place)).tallies;
        tallies[Tally::Cases] += sign;
        tallies[Tally::CommunityCases] += if community { sign } else { 0 };
    }

    /// Counts a person in all areas of the place's lineage.
    pub fn person(&mut self, place: Place, days: People, gap: i32, sign: i32) {
        self.places.cell(Node::new(0, place)).people[days as usize][gap as usize - 1] += sign;
    }

    /// Counts a person in one area in one period of the registry.
    pub fn person_at(&mut self, period: usize, place: Place, days: People, gap: i32, sign: i32) {
        self.nodes.cell(Node::new(period, place)).people[days as usize][gap as usize - 1] += sign;
    }

    /// Notes which record is behind a change of cases or positives in all areas of the place's lineage.
    pub fn cause(&mut self, rules: &Rules, place: Place, origin: Origin) {
        let areas = periods(rules, place.day).flat_map(|period| rules.areas.lineage(period, place.area));
        for &area in areas {
            let target = rules.stored_target(place.target).to_owned();
            let key = (rules.areas.list[area as usize].code.clone(), target, place.day);
            let newest = self.causes.entry(key).or_insert(origin);
            *newest = origin.max(*newest);
        }
    }

    /// The rules are about to change: what was gathered is put into words of the old ones.
    pub fn carry_over(&mut self, rules: &Rules) {
        self.spread(rules);
        for (node, cell) in self.nodes.cells.drain(..) {
            self.earlier.push((node.name(rules).to_owned(), cell));
        }
        self.nodes.clear();
    }

    /// Messages for each area task that has changes; nothing is left behind.
    pub fn drain(&mut self, rules: &Rules, head: &Head) -> Vec<Output> {
        let mut messages = Messages::new(*head);
        if self.earlier.is_empty() {
            self.spread(rules);
            self.nodes.cells.retain(|(_, cell)| !cell.is_zero());
            let mut order: Vec<(Node, u32)> = self.nodes.cells.iter().map(|(node, _)| *node).zip(0..).collect();
            order.sort_unstable();
            for (node, at) in order {
                messages.add(node.name(rules), &self.nodes.cells[at as usize].1);
            }
            self.nodes.clear();
        } else {
            // Changes under old and new rules mostly cancel each other: they meet by name.
            self.carry_over(rules);
            let mut cells: BTreeMap<CellName<String>, SignedCell> = BTreeMap::new();
            for (name, cell) in self.earlier.drain(..) {
                cells.entry(name).or_default().add(&cell, true);
            }
            for (name, cell) in cells.iter().filter(|(_, cell)| !cell.is_zero()) {
                messages.add(name.borrowed(), cell);
            }
        }
        for ((area, target, day), origin) in std::mem::take(&mut self.causes) {
            messages.cause((&area, &target), day, origin);
        }
        messages.finish()
    }

    /// Turns changes of places into changes of every area they lie in, in every period that a window over their day
    /// can be read with.
    fn spread(&mut self, rules: &Rules) {
        for (node, cell) in &self.places.cells {
            let place = node.place();
            for period in periods(rules, place.day) {
                for &area in rules.areas.lineage(period, place.area) {
                    let level = usize::from(rules.areas.list[area as usize].level);
                    let sum = self.nodes.cell(Node::new(period, Place { area, ..place }));
                    sum.add(cell, rules.deployment.keeps_people[level]);
                }
            }
        }
        self.places.clear();
    }
}

/// The periods of the registry that windows containing this day can be read with: a window is read by the hierarchy
/// of its last day.
pub fn periods(rules: &Rules, day: i32) -> RangeInclusive<usize> {
    rules.areas.period(Day(day))..=rules.areas.period(Day(day + LONGEST_WINDOW - 1))
}

fn purpose_name(rules: &Rules, purpose: u8) -> &str {
    match purpose {
        TOTAL => "",
        number => &rules.deployment.purposes[usize::from(number) - 1],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::Layout;
    use crate::model::time::Timestamp;
    use crate::policy::sample::sample_rules;
    use crate::proto::v1::AreaChanges;
    use prost::Message as _;

    const HEAD: Head = Head {
        person_task: 3,
        seq: 9,
        now: Timestamp(0),
        layout: Layout { person_tasks: 4, area_tasks: 1 },
        format: 1,
    };

    fn drained(cells: &mut Cells, rules: &Rules) -> Vec<AreaChanges> {
        let outputs = cells.drain(rules, &HEAD);
        let payload = |output: &Output| output.payload.clone().expect("a payload");
        outputs.iter().map(|output| AreaChanges::decode(&payload(output)[..]).expect("a message")).collect()
    }

    fn place(rules: &Rules, area: &str, day: i32) -> Place {
        Place { area: rules.areas.index(area).expect("an area"), target: 0, purpose: 1, day }
    }

    #[test]
    fn what_cancels_out_is_not_sent_also_across_other_rules() {
        let rules = sample_rules();
        let mut cells = Cells::default();
        let place = place(&rules, "D1S1", 19_000);
        cells.test(place, Finding::Negative, 1);
        cells.test(place, Finding::Negative, -1);
        assert!(cells.drain(&rules, &HEAD).is_empty());
        cells.test(place, Finding::Negative, -1);
        cells.carry_over(&rules);
        cells.test(place, Finding::Negative, 1);
        assert!(cells.drain(&rules, &HEAD).is_empty());
    }

    #[test]
    fn a_place_counts_in_every_area_it_lies_in_and_once_per_readable_period() {
        let rules = sample_rules();
        let mut cells = Cells::default();
        // Two days before the harbour quarter moves to the first district.
        let day = Day::parse("2022-11-13").expect("a day").0;
        cells.test(place(&rules, "D2S2", day), Finding::Positive, 1);
        let [message] = &drained(&mut cells, &rules)[..] else { panic!("one message") };
        let placed: Vec<(&str, bool)> = message
            .cells
            .iter()
            .map(|cell| (message.areas[cell.area as usize].as_str(), cell.registry_from > day))
            .collect();
        assert_eq!(placed, [("C", false), ("C", true), ("D1", true), ("D2", false), ("D2S2", false), ("D2S2", true)]);
        assert!(message.cells.iter().all(|cell| cell.positive == 1));
    }

    #[test]
    fn a_large_batch_is_sent_in_parts() {
        let rules = sample_rules();
        let mut cells = Cells::default();
        let days = 18_300..19_200;
        for (day, purpose) in days.clone().flat_map(|day| [(day, 1), (day, 2)]) {
            cells.test(Place { purpose, ..place(&rules, "D1S1", day) }, Finding::Negative, 1);
        }
        let messages = drained(&mut cells, &rules);
        assert_eq!(messages.iter().map(|message| message.part).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(messages.iter().map(|message| message.cells.len()).sum::<usize>(), 2 * 3 * days.len());
    }
}
