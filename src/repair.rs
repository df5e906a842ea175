//! What must be sent to area tasks so that they hold what the people add up to.
//!
//! The person tasks' state is the truth. Area tasks hold sums of signed changes, so what they lack is a signed change
//! as well: a repair sends it as one more batch on `area-changes`, and everything that follows from a change (numbers
//! stated again, tiers, alerts with their chain of cause) follows from it. A difference between what people add up to
//! and what areas hold stays the same while both go on, since every commit changes both alike: so it does not matter
//! that the processor works meanwhile.
//!
//! In: what people add up to, what area tasks hold, what is published. Out: corrections, and the batches that carry
//! them. Nothing here reads or writes.

use crate::audit::cells::{Cells, CountKey, CountName, POOLED, names, pools_named};
use crate::audit::changes::bump;
use crate::audit::compare::same_numbers;
use crate::audit::duties::sums::{self as duty_sums, DutyCounts, DutySums};
use crate::model::cell::{GAPS, PoolCounts, TOTAL, Tallies};
use crate::model::duty::DUTIES;
use crate::model::record::{Layout, Output, Topic};
use crate::model::target::{self, FIRST};
use crate::model::time::{Day, Timestamp};
use crate::pipeline::area::positivity::positivity;
use crate::pipeline::person::retention;
use crate::policy::Rules;
use crate::proto::v1::{
    AreaChanges, AreaPositivity, CellChange, DutyChange, DutyKind, GapChange, GroupChange, PoolChange,
};
use crate::state::area::cell::{Cell, CellKey, Histograms};
use crate::state::area::pools::PoolKey;
use crate::state::area::series::Series;
use prost::Message as _;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

/// More cells go into another part.
const CELLS_OF_A_PART: usize = 4_000;

/// What is to be sent.
#[derive(Clone, Debug, Default)]
pub struct Corrections {
    /// Signed counts.
    pub counts: Cells,
    /// Areas and days whose numbers are right in the state and were published otherwise: to be stated again.
    pub restated: BTreeSet<(String, Day)>,
    /// The same of what has to be done.
    pub duties: DutySums,
    /// And its days to be stated again.
    pub duties_restated: BTreeSet<(String, Day)>,
}

impl Corrections {
    /// Whether there is nothing to correct.
    pub fn is_empty(&self) -> bool {
        let of_numbers = self.counts.is_empty() && self.restated.is_empty();
        of_numbers && self.duties.is_empty() && self.duties_restated.is_empty()
    }
}

/// The first day all of whose people are held, when the slowest task has come to `slowest`: earlier counts cannot be made
/// from people any more.
pub fn first_whole_day(slowest: Timestamp, rules: &Rules) -> Day {
    rules.day(retention::Cutoffs::at(slowest, rules).first_held()).plus(1)
}

/// What must be added to `held` so that it is `wanted`, from a day on.
pub fn difference(wanted: &Cells, held: &Cells, first: Day) -> Cells {
    let mut difference = Cells::new();
    for (sign, cells) in [(1, wanted), (-1, held)] {
        for (key, count) in cells.iter().filter(|(key, _)| key.day >= first) {
            bump(&mut difference, key.clone(), sign * count);
        }
    }
    difference
}

/// What must be added to what areas hold of duties so that it is what people and pools add up to, from a day on.
pub fn duty_difference(wanted: &DutySums, held: &DutySums, first: Day) -> DutySums {
    let mut difference = DutySums::new();
    for (sign, sums) in [(1, wanted), (-1, held)] {
        for ((area, day), counts) in sums.iter().filter(|((_, day), _)| *day >= first) {
            duty_sums::bump(&mut difference, (area, *day), &counts.times(sign));
        }
    }
    difference
}

/// Areas and days of which something else has to be done than was published. `kept` says from which day on an area's task
/// keeps any: days to come have some, too.
pub fn duties_misstated(
    held: &DutySums,
    published: &DutySums,
    kept: impl Fn(&str) -> Option<Day>,
) -> BTreeSet<(String, Day)> {
    let all: BTreeSet<&(String, Day)> = held.keys().chain(published.keys()).collect();
    let wrong = all.into_iter().filter(|key| held.get(*key) != published.get(*key));
    wrong.filter(|(area, day)| kept(area).is_some_and(|first| *day >= first)).cloned().collect()
}

/// Areas (with their targets) and days whose published numbers are not those that the counts make. `kept` says which
/// days an area's task keeps numbers of.
pub fn misstated(
    rules: &Rules,
    counts: &Cells,
    published: &BTreeMap<(String, Day), AreaPositivity>,
    kept: impl Fn(&str) -> Option<RangeInclusive<Day>>,
) -> BTreeSet<(String, Day)> {
    let all = held(counts);
    let mut areas: BTreeSet<&str> = all.keys().copied().collect();
    areas.extend(published.keys().map(|(area, _)| area.as_str()));
    let none = Held::default();
    let mut wrong = BTreeSet::new();
    for area in areas {
        let Some(days) = kept(area) else { continue };
        for day in (days.start().0..=days.end().0).map(Day) {
            let Held { series, purposes } = all.get(area).unwrap_or(&none);
            let right = positivity(rules, purposes, series, day);
            let same = match (right, published.get(&(area.to_owned(), day))) {
                (Some(right), Some(published)) if published.target.is_empty() => {
                    // An earlier version named none.
                    same_numbers(&AreaPositivity { target: String::new(), ..right }, published)
                }
                (Some(right), Some(published)) => same_numbers(&right, published),
                (right, published) => right.is_none() && published.is_none(),
            };
            if !same {
                wrong.insert((area.to_owned(), day));
            }
        }
    }
    wrong
}

/// Counts of one area as the area half holds them.
#[derive(Default)]
struct Held {
    series: Series,
    /// Of this area alone: a number has room for all that one task holds, and not for those of all tasks.
    purposes: Vec<String>,
}

impl Held {
    fn of(area: &str) -> Self {
        let (code, target) = target::parts(area);
        let series = Series { code: code.to_owned(), target: target.to_owned(), ..Series::default() };
        Self { series, purposes: Vec::new() }
    }

    fn number(&mut self, purpose: &str) -> u8 {
        if purpose.is_empty() {
            return TOTAL;
        }
        let known = self.purposes.iter().position(|known| known == purpose);
        let at = known.unwrap_or_else(|| {
            self.purposes.push(purpose.to_owned());
            self.purposes.len() - 1
        });
        u8::try_from(at + 1).expect("the area's task has numbered them")
    }
}

/// Counts as the area half holds them, by area.
fn held(counts: &Cells) -> BTreeMap<&str, Held> {
    let mut all: BTreeMap<&str, Held> = BTreeMap::new();
    for (Place { area, period, purpose, day }, numbers) in places(counts) {
        let held = all.entry(area).or_insert_with(|| Held::of(area));
        let purpose = held.number(purpose);
        let (tallies, people) = numbers_of(&numbers);
        let people = (people != Histograms::default()).then(|| Box::new(people));
        held.series.cells.insert(CellKey { period, day, purpose }, Cell { tallies, people });
    }
    for ((Place { area, period, purpose, day }, size), counts) in pools(counts) {
        let held = all.entry(area).or_insert_with(|| Held::of(area));
        let purpose = held.number(purpose);
        held.series.pools.add(PoolKey { period, day, purpose, size }, counts);
    }
    all
}

/// Where something is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place<'a> {
    /// With its target.
    area: &'a str,
    /// Of the registry.
    period: Day,
    /// Empty for the total.
    purpose: &'a str,
    day: Day,
}

/// Counts by place, each with all its numbers in stored order.
fn places(counts: &Cells) -> BTreeMap<Place<'_>, Vec<i64>> {
    let order: BTreeMap<CountName, usize> = names().zip(0..).collect();
    let mut places: BTreeMap<Place<'_>, Vec<i64>> = BTreeMap::new();
    for (CountKey { area, period, purpose, day, name }, count) in counts {
        let place = Place { area, period: *period, purpose, day: *day };
        if let Some(at) = order.get(name) {
            places.entry(place).or_insert_with(|| vec![0; order.len()])[*at] = *count;
        }
    }
    places
}

/// Pools by place and by how many people are in each; 0 are members of negative ones.
fn pools(counts: &Cells) -> BTreeMap<(Place<'_>, u8), PoolCounts> {
    let mut pools: BTreeMap<(Place<'_>, u8), PoolCounts> = BTreeMap::new();
    for (CountKey { area, period, purpose, day, name }, count) in counts {
        let of = if *name == POOLED { Some((0, false)) } else { pools_named(name) };
        let Some((size, positive)) = of else { continue };
        let place = Place { area, period: *period, purpose, day: *day };
        let counts = pools.entry((place, size as u8)).or_default();
        *(if positive { &mut counts.positive } else { &mut counts.negative }) = *count as i32;
    }
    pools
}

/// The batches, numbered `seq` and of this format, that carry corrections to the tasks of their areas.
pub fn batches(corrections: &Corrections, rules: &Rules, layout: Layout, seq: u64, format: u32) -> Vec<Output> {
    let mut cells = places(&corrections.counts);
    for (area, day) in &corrections.restated {
        // A change of nothing touches the day.
        let period = rules.areas.periods[rules.areas.period(*day)];
        cells.entry(Place { area, period, purpose: "", day: *day }).or_default();
    }
    let mut duties: BTreeMap<&(String, Day), DutyCounts> =
        corrections.duties.iter().map(|(key, of)| (key, of.clone())).collect();
    for key in &corrections.duties_restated {
        duties.entry(key).or_default();
    }

    let mut tasks: BTreeMap<i32, OfTask<'_>> = BTreeMap::new();
    let task_of = |area: &str| layout.area_task(target::parts(area).0);
    for (place, numbers) in cells {
        tasks.entry(task_of(place.area)).or_default().cells.push((place, numbers));
    }
    for ((place, size), counts) in pools(&corrections.counts) {
        tasks.entry(task_of(place.area)).or_default().pools.push((place, size, counts));
    }
    for ((area, day), counts) in duties {
        tasks.entry(task_of(area)).or_default().duties.push((area, *day, counts));
    }
    let mut outputs = Vec::new();
    for (task, of_task) in tasks {
        let parts = of_task.parts();
        for (part, batch) in (0..).zip(parts) {
            let person_task = layout.person_tasks;
            let mut batch = AreaChanges { person_task, seq, part, format, ..batch };
            if batch.targets.iter().all(|target| target == FIRST) {
                batch.targets.clear();
            }
            outputs.push(Output {
                topic: Topic::AreaChanges,
                partition: task,
                key: task.to_string().into_bytes(),
                payload: Some(batch.encode_to_vec()),
                headers: Vec::new(),
            });
        }
    }
    outputs
}

/// What is to be sent to one task.
#[derive(Default)]
struct OfTask<'a> {
    cells: Vec<(Place<'a>, Vec<i64>)>,
    pools: Vec<(Place<'a>, u8, PoolCounts)>,
    duties: Vec<(&'a str, Day, DutyCounts)>,
}

impl OfTask<'_> {
    /// In as many parts as it takes.
    fn parts(&self) -> Vec<AreaChanges> {
        let cells = chunked(&self.cells, |part, (place, numbers)| put(part, *place, numbers));
        let pools = chunked(&self.pools, |part, (place, size, counts)| put_pools(part, *place, *size, *counts));
        let duties = chunked(&self.duties, |part, (area, day, counts)| put_duties(part, area, *day, counts));
        cells.chain(pools).chain(duties).collect()
    }
}

/// So many in each part.
fn chunked<T>(all: &[T], put: impl Fn(&mut AreaChanges, &T)) -> impl Iterator<Item = AreaChanges> {
    all.chunks(CELLS_OF_A_PART).map(move |some| {
        let mut part = AreaChanges::default();
        some.iter().for_each(|one| put(&mut part, one));
        part
    })
}

/// The numbers of an area, with its target, and of a purpose within a batch. Areas come in order.
fn numbers_within(batch: &mut AreaChanges, area: &str, purpose: &str) -> (u32, u32) {
    let (area, target) = target::parts(area);
    let last = batch.areas.last().zip(batch.targets.last());
    if last.is_none_or(|(last, of)| last != area || of != target) {
        batch.areas.push(area.to_owned());
        batch.targets.push(target.to_owned());
    }
    let purpose = match purpose {
        "" => 0,
        name => {
            let known = batch.purposes.iter().position(|known| known == name);
            known.unwrap_or_else(|| {
                batch.purposes.push(name.to_owned());
                batch.purposes.len() - 1
            }) as u32
                + 1
        }
    };
    (batch.areas.len() as u32 - 1, purpose)
}

fn put_pools(batch: &mut AreaChanges, place: Place<'_>, size: u8, counts: PoolCounts) {
    let Place { area, period, purpose, day } = place;
    let (area, purpose) = numbers_within(batch, area, purpose);
    let PoolCounts { positive, negative } = counts;
    let size = size.into();
    batch.pools.push(PoolChange { area, registry_from: period.0, purpose, day: day.0, size, positive, negative });
}

/// What differs, or a change of nothing, which touches the day.
fn put_duties(batch: &mut AreaChanges, area: &str, day: Day, counts: &DutyCounts) {
    let (area, _) = numbers_within(batch, area, "");
    let one = |kind: DutyKind, change| DutyChange { area, day: day.0, kind: kind as i32, change };
    let changes = DUTIES.into_iter().zip(counts.numbers).filter(|(_, count)| *count != 0);
    batch.duties.extend(changes.map(|(kind, count)| one(kind, count as i32)));
    for (group, numbers) in &counts.groups {
        let (group, [members, tests_due, tests_taken, tests_overdue]) = (group.clone(), numbers.map(|one| one as i32));
        batch.groups.push(GroupChange { area, day: day.0, group, members, tests_due, tests_taken, tests_overdue });
    }
    if *counts == DutyCounts::default() {
        batch.duties.push(one(DUTIES[0], 0));
    }
}

fn put(batch: &mut AreaChanges, Place { area, period, purpose, day }: Place<'_>, numbers: &[i64]) {
    let (area, purpose) = numbers_within(batch, area, purpose);
    let (tallies, people) = numbers_of(numbers);
    let gaps = |people: [i32; GAPS]| {
        let changes = (1..).zip(people).filter(|(_, people)| *people != 0);
        changes.map(|(gap, people)| GapChange { gap, people }).collect()
    };
    let [tested, found_positive] = people.0.map(gaps);
    let place = CellChange { area, registry_from: period.0, purpose, day: day.0, ..CellChange::default() };
    let mut change = CellChange { tested, found_positive, ..place };
    tallies.write(&mut change);
    batch.cells.push(change);
}

/// Numbers in stored order, of which a change of nothing has none.
fn numbers_of(numbers: &[i64]) -> (Tallies, Histograms) {
    let number = |at: usize| numbers.get(at).map_or(0, |number| *number as i32);
    let tallies = Tallies(std::array::from_fn(number));
    let gaps = |people: usize| std::array::from_fn(|gap| number(tallies.0.len() + people * GAPS + gap));
    (tallies, Histograms(std::array::from_fn(gaps)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::sample::sample_rules;

    /// Purposes that a deployment has abandoned keep their numbers while cells name them, in each task its own.
    #[test]
    fn tasks_may_name_more_purposes_together_than_one_of_them_can() {
        let (rules, day) = (sample_rules(), Day::parse("2022-11-10").expect("a day"));
        let period = rules.areas.periods[rules.areas.period(day)];
        let name = names().next().expect("there are numbers");
        let mut counts = Cells::new();
        for (area, purposes) in [("D1S1", 0..200), ("D2S1", 200..400)] {
            for purpose in purposes {
                let (area, purpose) = (area.to_owned(), format!("p{purpose:03}"));
                counts.insert(CountKey { area, period, purpose, day, name }, 1);
            }
        }
        let mut published = BTreeMap::new();
        for area in ["D1S1", "D2S1"] {
            let alone: Cells =
                counts.iter().filter(|(key, _)| key.area == area).map(|(k, v)| (k.clone(), *v)).collect();
            let Held { series, purposes } = &held(&alone)[area];
            published.insert((area.to_owned(), day), positivity(&rules, purposes, series, day).expect("numbers"));
        }
        assert_eq!(published.values().map(|numbers| numbers.purposes.len()).sum::<usize>(), 402);
        assert_eq!(misstated(&rules, &counts, &published, |_| Some(day..=day)), BTreeSet::new());
    }
}
