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

    /// One message per area task that has changes; nothing is left behind.
    pub fn drain(&mut self, rules: &Rules, head: &Head) -> Vec<Output> {
        self.carry_over(rules);
        let mut cells = std::mem::take(&mut self.earlier);
        cells.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        cells.dedup_by(|(key, cell), (kept, sum)| {
            let same = key == kept;
            if same {
                sum.add(cell, true);
            }
            same
        });
        cells.retain(|(_, cell)| !cell.is_zero());
        let mut tasks: Vec<Vec<(Key, Cell)>> = vec![Vec::new(); head.layout.area_tasks as usize];
        for (key, cell) in cells {
            tasks[head.layout.area_task(&key.0) as usize].push((key, cell));
        }
        let touched = tasks.into_iter().zip(0..).filter(|(cells, _)| !cells.is_empty());
        touched.map(|(cells, task)| head.output(task, cells)).collect()
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

impl Head {
    /// `cells` are in order of area, so equal codes follow each other.
    fn output(&self, task: i32, cells: Vec<(Key, Cell)>) -> Output {
        let mut message = AreaChanges {
            person_task: self.person_task,
            seq: self.seq,
            now: Some(self.now.to_wire()),
            ..Default::default()
        };
        for ((area, registry_from, purpose, day), cell) in cells {
            if message.areas.last() != Some(&area) {
                message.areas.push(area);
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
        Output {
            topic: Topic::AreaChanges,
            partition: task,
            key: task.to_string().into_bytes(),
            payload: Some(message.encode_to_vec()),
            headers: Vec::new(),
        }
    }
}

/// The number of a purpose within the message, from 1; the total is 0.
fn purpose_number(purposes: &mut Vec<String>, purpose: String) -> u32 {
    if purpose.is_empty() {
        return 0;
    }
    let at = purposes.iter().position(|known| *known == purpose).unwrap_or_else(|| {
        purposes.push(purpose);
        purposes.len() - 1
    });
    at as u32 + 1
}
