//! People who are tested, what a person task would say of them, and a recount that knows nothing of it.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, BTreeSet};
use swabstream::model::time::{Day, Timestamp};
use swabstream::policy::Rules;
use swabstream::policy::areas::AreaIndex;
use swabstream::proto::v1::{AreaCause, AreaChanges, CellChange, GapChange, Origin};

/// One specimen of one person, with its verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    pub area: &'static str,
    pub purpose: usize,
    pub day: Day,
    pub finding: Finding,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    Positive,
    Negative,
    Inconclusive,
}

pub const STREETS: [&str; 5] = ["D1S1", "D1S2", "D2S1", "D2S2", "D3S1"];

/// Area, first day of the registry period, purpose (0 the total), day.
type CellId = (String, Day, u32, Day);

/// Numbers of a cell: six tallies, then people tested and positive by gap.
type Counts = [i32; 36];

pub fn random(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// Tests of one person on random days from `first` on.
pub fn tests_of_somebody(random: &mut ChaCha8Rng, first: Day, days: i32) -> Vec<Test> {
    let home = STREETS[random.random_range(0..STREETS.len())];
    let mut tests = Vec::new();
    for _ in 0..random.random_range(0..8) {
        let moved = random.random_bool(0.1).then(|| STREETS[random.random_range(0..STREETS.len())]);
        tests.push(Test {
            area: moved.unwrap_or(home),
            purpose: random.random_range(0..3),
            day: first.plus(random.random_range(0..days)),
            finding: match random.random_range(0..10) {
                0..3 => Finding::Positive,
                3 => Finding::Inconclusive,
                _ => Finding::Negative,
            },
        });
    }
    tests
}

/// What a person adds to the areas.
pub fn contribution(rules: &Rules, tests: &[Test]) -> BTreeMap<CellId, Counts> {
    let mut cells = BTreeMap::<CellId, Counts>::new();
    let first_positive = tests.iter().filter(|test| test.finding == Finding::Positive).min_by_key(|test| test.day);
    let mut tested = BTreeMap::<(String, Day, u32), [BTreeSet<Day>; 2]>::new();
    for test in tests {
        for (period, node) in placements(rules, test) {
            let purpose = test.purpose as u32 + 1;
            let cell = cells.entry((node.clone(), period, purpose, test.day)).or_insert([0; 36]);
            cell[test.finding as usize] += 1;
            if first_positive.is_some_and(|first| std::ptr::eq(first, test)) {
                cell[4] += 1;
                cell[5] += 1;
            }
            for purpose in [0, purpose] {
                let [any, positive] = tested.entry((node.clone(), period, purpose)).or_default();
                match test.finding {
                    Finding::Positive => drop((any.insert(test.day), positive.insert(test.day))),
                    Finding::Negative => drop(any.insert(test.day)),
                    Finding::Inconclusive => {}
                }
            }
        }
    }
    for ((node, period, purpose), sets) in tested {
        for (set, offset) in sets.iter().zip([6, 21]) {
            for day in set {
                let next = set.range(day.plus(1)..).next();
                let gap = next.map_or(15, |next| (next.0 - day.0).min(15));
                let cell = cells.entry((node.clone(), period, purpose, *day)).or_insert([0; 36]);
                cell[offset + gap as usize - 1] += 1;
            }
        }
    }
    cells
}

/// Every area a test counts in, by every registry period in force in the two weeks after it.
fn placements(rules: &Rules, test: &Test) -> BTreeSet<(Day, String)> {
    let area = rules.areas.index(test.area).expect("an area of the sample");
    let periods: BTreeSet<usize> = (0..14).map(|ahead| rules.areas.period(test.day.plus(ahead))).collect();
    let code = |node: &AreaIndex| rules.areas.list[*node as usize].code.clone();
    let of_period = |period: usize| {
        let from = rules.areas.periods[period];
        rules.areas.lineage(period, area).iter().map(move |node| (from, code(node)))
    };
    periods.into_iter().flat_map(of_period).collect()
}

/// The batch that turns what was said of a person into what is to be said.
pub fn batch(rules: &Rules, task: i32, seq: u64, before: &[Test], after: &[Test]) -> AreaChanges {
    let mut cells = contribution(rules, after);
    for (id, counts) in contribution(rules, before) {
        let cell = cells.entry(id).or_insert([0; 36]);
        cell.iter_mut().zip(counts).for_each(|(sum, count)| *sum -= count);
    }
    let purposes: Vec<String> = rules.deployment.purposes.clone();
    let mut areas = Vec::<String>::new();
    let mut changes = Vec::new();
    for ((area, period, purpose, day), counts) in cells {
        let at = areas.iter().position(|known| *known == area).unwrap_or(areas.len());
        if at == areas.len() {
            areas.push(area);
        }
        changes.push(change(at as u32, period, purpose, day, &counts));
    }
    AreaChanges { person_task: task, seq, areas, purposes, cells: changes, ..AreaChanges::default() }
}

/// With the record at an offset of `lab-results` as cause of all its changes of cases and positives.
pub fn caused(mut batch: AreaChanges, offset: i64) -> AreaChanges {
    let received_at = Some(Timestamp(offset * 1_000).to_wire());
    let origin = Origin { topic: "lab-results".into(), partition: 3, offset, received_at };
    let causes = |cell: &&CellChange| (cell.cases, cell.positive) != (0, 0);
    let changed: BTreeSet<(u32, i32)> = batch.cells.iter().filter(causes).map(|cell| (cell.area, cell.day)).collect();
    batch.causes =
        changed.into_iter().map(|(area, day)| AreaCause { area, day, origin: Some(origin.clone()) }).collect();
    batch
}

fn change(area: u32, period: Day, purpose: u32, day: Day, counts: &Counts) -> CellChange {
    let gaps = |counts: &[i32]| {
        let changed = (1..).zip(counts).filter(|(_, people)| **people != 0);
        changed.map(|(gap, people)| GapChange { gap, people: *people }).collect()
    };
    CellChange {
        area,
        registry_from: period.0,
        purpose,
        day: day.0,
        positive: counts[0],
        negative: counts[1],
        inconclusive: counts[2],
        invalid: counts[3],
        cases: counts[4],
        community_cases: counts[5],
        tested: gaps(&counts[6..21]),
        found_positive: gaps(&counts[21..]),
    }
}

/// Positive, conclusive and other tests, people positive and tested, cases.
pub type Recount = [i64; 6];

/// Counts one window by looking at every test of everybody.
pub fn recount(
    rules: &Rules,
    people: &[Vec<Test>],
    area: &str,
    purpose: Option<usize>,
    end: Day,
    days: i32,
) -> Recount {
    let period = rules.areas.period(end);
    let node = rules.areas.index(area).expect("an area of the sample");
    let mut count = [0; 6];
    for tests in people {
        let here = |test: &&Test| {
            let place = rules.areas.index(test.area).expect("an area of the sample");
            (end.0 - days + 1..=end.0).contains(&test.day.0)
                && purpose.is_none_or(|purpose| purpose == test.purpose)
                && rules.areas.lineage(period, place).contains(&node)
        };
        let of = |finding| tests.iter().filter(here).filter(|test| test.finding == finding).count() as i64;
        let (positive, negative) = (of(Finding::Positive), of(Finding::Negative));
        let first = tests.iter().filter(|test| test.finding == Finding::Positive).min_by_key(|test| test.day);
        count[0] += positive;
        count[1] += positive + negative;
        count[2] += of(Finding::Inconclusive);
        count[3] += i64::from(positive > 0);
        count[4] += i64::from(positive + negative > 0);
        count[5] += i64::from(first.is_some_and(|test| here(&test)));
    }
    count
}
