//! Signed numbers of areas, gathered between two commits and turned into one message per touched area task.
//!
//! In: changes of a place (all areas above it change alike) or of one node. Out: `AreaChanges`, in an order that
//! depends on nothing but their content; cells that came to zero are not sent, and neither are empty messages.

use crate::model::record::{Layout, Output, Topic};
use crate::model::result::Finding;
use crate::model::time::{Day, Timestamp};
use crate::policy::areas::AreaIndex;
use crate::policy::{LONGEST_WINDOW, Rules};
use crate::proto::v1::{AreaChanges, CellChange, GapChange};
use hashbrown::HashMap;
use prost::Message as _;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// The greatest gap: this long to the next test day, or none.
pub const NO_GAP: i32 = LONGEST_WINDOW + 1;

/// Purpose number of the total.
pub const TOTAL: u8 = 0;

/// Signed numbers of one area, purpose and day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// Specimens by finding: invalid, inconclusive, negative, positive.
    tests: [i32; 4],
    cases: i32,
    community_cases: i32,
    /// People by gap, from 1: tested, found positive.
    people: [[i32; NO_GAP as usize]; 2],
}

/// Which days of a person are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Days {
    /// With a conclusive result.
    Tested = 0,
    /// With a positive one.
    Positive = 1,
}

impl Cell {
    fn add(&mut self, other: &Cell, people: bool) {
        for (sum, one) in self.tests.iter_mut().zip(other.tests) {
            *sum += one;
        }
        self.cases += other.cases;
        self.community_cases += other.community_cases;
        if people {
            for (sum, one) in self.people.iter_mut().flatten().zip(other.people.iter().flatten()) {
                *sum += one;
            }
        }
    }

    fn is_zero(&self) -> bool {
        *self == Cell::default()
    }

    fn gaps(&self, days: Days) -> Vec<GapChange> {
        let gaps = self.people[days as usize].iter().zip(1..).filter(|(people, _)| **people != 0);
        gaps.map(|(people, gap)| GapChange { gap, people: *people }).collect()
    }
}

/// Where and when something counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// Area in the registry.
    pub area: AreaIndex,
    /// Purpose of the deployment, from 1; 0 is the total.
    pub purpose: u8,
    /// Day of collection.
    pub day: i32,
}

/// Everything that changed since the last commit.
#[derive(Debug, Default)]
pub struct Cells {
    /// Changes that all areas of a place's lineage share: most are, and one entry then stands for many.
    places: HashMap<Place, Cell>,
    /// Changes of one area in one period of the registry.
    nodes: HashMap<(usize, Place), Cell>,
    /// Under rules no longer in force.
    earlier: Vec<(Key, Cell)>,
}

/// What a cell is, in words that outlive the rules: area, start of the period, purpose, day.
type Key = (String, i32, String, i32);

impl Cells {
    /// Counts a specimen.
    pub fn test(&mut self, place: Place, finding: Finding, sign: i32) {
        let tests = &mut self.places.entry(place).or_default().tests;
        tests[(finding as usize).clamp(1, 4) - 1] += sign;
    }

    /// Counts an episode that starts here.
    pub fn case(&mut self, place: Place, community: bool, sign: i32) {
        let cell = self.places.entry(place).or_default();
        cell.cases += sign;
        cell.community_cases += if community { sign } else { 0 };
    }

    /// Counts a person in all areas of the place's lineage.
    pub fn person(&mut self, place: Place, days: Days, gap: i32, sign: i32) {
        self.places.entry(place).or_default().people[days as usize][gap as usize - 1] += sign;
    }

    /// Counts a person in one area in one period of the registry.
    pub fn person_at(&mut self, period: usize, place: Place, days: Days, gap: i32, sign: i32) {
        self.nodes.entry((period, place)).or_default().people[days as usize][gap as usize - 1] += sign;
    }

    /// The rules are about to change: what was gathered is put into words of the old ones.
    pub fn carry_over(&mut self, rules: &Rules) {
        self.spread(rules);
        for ((period, place), cell) in self.nodes.drain() {
            let purpose = purpose_name(rules, place.purpose).to_owned();
            let area = rules.areas.list[place.area as usize].code.clone();
            self.earlier.push(((area, rules.areas.periods[period].0, purpose, place.day), cell));
        }
    }

    /// Messages for each area task that has changes; nothing is left behind.
    pub fn drain(&mut self, rules: &Rules, head: &Head) -> Vec<Output> {
        let mut messages = Messages { head: *head, tasks: BTreeMap::new(), outputs: Vec::new() };
        if self.earlier.is_empty() {
            self.spread(rules);
            let mut cells: Vec<((usize, Place), Cell)> = self.nodes.drain().collect();
            cells.retain(|(_, cell)| !cell.is_zero());
            cells.sort_unstable_by_key(|((period, place), _)| (place.area, *period, place.purpose, place.day));
            for ((period, place), cell) in &cells {
                let (area, from) = (&rules.areas.list[place.area as usize].code, rules.areas.periods[*period].0);
                messages.add(area, from, purpose_name(rules, place.purpose), place.day, cell);
            }
        } else {
            // Changes under old and new rules mostly cancel each other: they meet by name.
            self.carry_over(rules);
            let mut cells: BTreeMap<Key, Cell> = BTreeMap::new();
            for (key, cell) in self.earlier.drain(..) {
                cells.entry(key).or_default().add(&cell, true);
            }
            for ((area, from, purpose, day), cell) in cells.iter().filter(|(_, cell)| !cell.is_zero()) {
                messages.add(area, *from, purpose, *day, cell);
            }
        }
        messages.finish()
    }

    /// Turns changes of places into changes of every area they lie in, in every period that a window over their day
    /// can be read with.
    fn spread(&mut self, rules: &Rules) {
        for (place, cell) in self.places.drain() {
            for period in periods(rules, place.day) {
                for &area in rules.areas.lineage(period, place.area) {
                    let keeps_people =
                        rules.deployment.keeps_people[usize::from(rules.areas.list[area as usize].level)];
                    let node = self.nodes.entry((period, Place { area, ..place })).or_default();
                    node.add(&cell, keeps_people);
                }
            }
        }
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

/// What all messages of a commit share.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    /// The sending task.
    pub person_task: i32,
    /// Number of its commit.
    pub seq: u64,
    /// Its time.
    pub now: Timestamp,
    /// How areas are spread.
    pub layout: Layout,
}

/// More cells go into another message: a commit after a change of rules may touch every area there is.
const CELLS_OF_A_MESSAGE: usize = 4_000;

/// Messages in the making.
struct Messages {
    head: Head,
    /// Per area task, the message that is being filled.
    tasks: BTreeMap<i32, AreaChanges>,
    outputs: Vec<Output>,
}

impl Messages {
    /// Cells come in order of area, so that equal codes follow each other.
    fn add(&mut self, area: &str, registry_from: i32, purpose: &str, day: i32, cell: &Cell) {
        let task = self.head.layout.area_task(area);
        let message = self.tasks.entry(task).or_insert_with(|| self.head.message(0));
        if message.cells.len() == CELLS_OF_A_MESSAGE {
            let next = self.head.message(message.part + 1);
            let full = std::mem::replace(message, next);
            self.outputs.push(output(task, &full));
        }
        if message.areas.last().is_none_or(|last| last != area) {
            message.areas.push(area.to_owned());
        }
        message.cells.push(CellChange {
            area: message.areas.len() as u32 - 1,
            registry_from,
            purpose: purpose_number(&mut message.purposes, purpose),
            day,
            invalid: cell.tests[0],
            inconclusive: cell.tests[1],
            negative: cell.tests[2],
            positive: cell.tests[3],
            cases: cell.cases,
            community_cases: cell.community_cases,
            tested: cell.gaps(Days::Tested),
            found_positive: cell.gaps(Days::Positive),
        });
    }

    fn finish(mut self) -> Vec<Output> {
        self.outputs.extend(self.tasks.iter().map(|(task, message)| output(*task, message)));
        self.outputs
    }
}

impl Head {
    fn message(&self, part: u32) -> AreaChanges {
        let (person_task, seq, now) = (self.person_task, self.seq, Some(self.now.to_wire()));
        AreaChanges { person_task, seq, part, now, ..Default::default() }
    }
}

fn output(task: i32, message: &AreaChanges) -> Output {
    Output {
        topic: Topic::AreaChanges,
        partition: task,
        key: task.to_string().into_bytes(),
        payload: Some(message.encode_to_vec()),
        headers: Vec::new(),
    }
}

/// The number of a purpose within the message, from 1; the total is 0.
fn purpose_number(purposes: &mut Vec<String>, purpose: &str) -> u32 {
    if purpose.is_empty() {
        return 0;
    }
    let at = purposes.iter().position(|known| known == purpose).unwrap_or_else(|| {
        purposes.push(purpose.to_owned());
        purposes.len() - 1
    });
    at as u32 + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::sample::sample_rules;

    const HEAD: Head =
        Head { person_task: 3, seq: 9, now: Timestamp(0), layout: Layout { person_tasks: 4, area_tasks: 1 } };

    fn drained(cells: &mut Cells, rules: &Rules) -> Vec<AreaChanges> {
        let outputs = cells.drain(rules, &HEAD);
        let payload = |output: &Output| output.payload.clone().expect("a payload");
        outputs.iter().map(|output| AreaChanges::decode(&payload(output)[..]).expect("a message")).collect()
    }

    fn place(rules: &Rules, area: &str, day: i32) -> Place {
        Place { area: rules.areas.index(area).expect("an area"), purpose: 1, day }
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
