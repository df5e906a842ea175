//! From an area's cells to its published numbers: every window, purpose and method.
//!
//! In: the series of one area and target, the rules, the day the windows end on. Out: [`AreaPositivity`] and the sums
//! that tiers look at. Pure: the same cells give the same numbers, whatever order they came in. Nothing is kept here.

use super::pooled::{Estimates, PoolSums};
use crate::model::cell::{People, TOTAL, Tally};
use crate::model::interval::{Interval, wilson};
use crate::model::time::Day;
use crate::policy::{LONGEST_WINDOW, Rules, WINDOWS};
use crate::proto::v1::{AreaPositivity, Proportion, PurposeNumbers, WindowNumbers};
use crate::state::area::cell::Cell;
use crate::state::area::series::Series;
use std::collections::BTreeMap;

/// Sums over the cells of one window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Specimens found positive.
    pub positive_tests: i64,
    /// Specimens found positive or negative.
    pub conclusive_tests: i64,
    /// Specimens found neither.
    pub other_tests: i64,
    /// Episodes that start in the window.
    pub cases: i64,
    /// Those not under a management order.
    pub community_cases: i64,
    /// Distinct people with a positive; 0 where none are kept.
    pub people_positive: i64,
    /// Distinct people with a conclusive result; 0 where none are kept.
    pub people_tested: i64,
}

/// Sums of one window.
#[derive(Clone, Debug, Default)]
struct Window {
    sums: Sums,
    pools: PoolSums,
}

/// Sums of all windows, in the order of [`WINDOWS`].
type Windows = [Window; WINDOWS.len()];

/// Sums of every purpose with cells or pools in the longest window that ends on `end`. A window reads those of the registry
/// period in force on its last day: what the hierarchy of that day says.
fn sums(rules: &Rules, series: &Series, end: Day) -> BTreeMap<u8, Windows> {
    let (period, first) = (period(rules, end), end.plus(1 - LONGEST_WINDOW));
    let mut windows = BTreeMap::<u8, Windows>::new();
    for (key, cell) in series.cells_between(period, first, end) {
        let age = end.0 - key.day.0;
        // Distinct people do not add up over purposes, all else does.
        add(windows.entry(key.purpose).or_default(), age, |window| window.sums.add_people(cell, age));
        if key.purpose != TOTAL {
            add(windows.entry(key.purpose).or_default(), age, |window| window.sums.add_tally(cell));
            add(windows.entry(TOTAL).or_default(), age, |window| window.sums.add_tally(cell));
        }
    }
    for (key, counts) in series.pools.between(period, first, end) {
        for purpose in [key.purpose, TOTAL] {
            let age = end.0 - key.day.0;
            add(windows.entry(purpose).or_default(), age, |window| window.pools.add(key.size, *counts));
        }
    }
    windows
}

/// Sums over all purposes of one window of some days that ends on `end`, by specimens collected up to `seen`.
pub fn total(rules: &Rules, series: &Series, days: i32, end: Day, seen: Day) -> Sums {
    let mut sums = Sums::default();
    for (key, cell) in series.cells_between(period(rules, end), end.plus(1 - days), end.min(seen)) {
        match key.purpose {
            TOTAL => sums.add_people(cell, end.0 - key.day.0),
            _ => sums.add_tally(cell),
        }
    }
    sums
}

/// Adds a cell of some age to every window that reaches back to it.
fn add(windows: &mut Windows, age: i32, mut add: impl FnMut(&mut Window)) {
    windows.iter_mut().zip(WINDOWS).filter(|(_, days)| age < *days).for_each(|(window, _)| add(window));
}

/// First day of the registry period a day lies in.
pub fn period(rules: &Rules, day: Day) -> Day {
    rules.areas.periods.get(rules.areas.period(day)).copied().unwrap_or_default()
}

/// All numbers whose windows end on a day, without the time of computing; `None` when nothing was counted: then the
/// area is as if it had never been heard of.
pub fn positivity(rules: &Rules, purposes: &[String], series: &Series, end: Day) -> Option<AreaPositivity> {
    let sums = sums(rules, series, end);
    let index = rules.areas.index(&series.code);
    let facts = Facts {
        population: index.map_or(0, |index| rules.areas.population(index, end)),
        keeps_people: match index {
            Some(index) => keeps_people(rules, rules.areas.list[index as usize].level),
            // No longer in the registry: what was kept is shown.
            None => sums.get(&TOTAL).is_some_and(|windows| longest(windows).sums.people_tested != 0),
        },
    };
    let counted: Vec<_> = sums.into_iter().filter(|(_, windows)| longest(windows).counts_something()).collect();
    if counted.is_empty() {
        return None;
    }
    let name = |purpose: u8| match purpose {
        TOTAL => String::new(),
        number => purposes[usize::from(number) - 1].clone(),
    };
    let mut estimates = Estimates::default();
    let mut of_purpose = |(purpose, windows)| {
        let windows = facts.numbers(&windows, &mut estimates);
        PurposeNumbers { purpose: name(purpose), windows }
    };
    let mut numbers: Vec<_> = counted.into_iter().map(&mut of_purpose).collect();
    numbers.sort_by(|a, b| a.purpose.cmp(&b.purpose));
    Some(AreaPositivity {
        area: series.code.clone(),
        day: end.to_string(),
        now: None,
        population: facts.population,
        purposes: numbers,
        rules_digest: rules.digest.clone(),
        target: rules.id_of_stored(&series.target).to_owned(),
        close: None,
    })
}

/// Whether a level keeps distinct people.
pub fn keeps_people(rules: &Rules, level: u8) -> bool {
    rules.deployment.keeps_people.get(usize::from(level)).copied().unwrap_or(false)
}

/// A rate per 100,000; `None` when the population is unknown.
pub fn per_100k(count: i64, population: u64) -> Option<f64> {
    // Multiplied before dividing, so that a rate that lies on a bound is not rounded off it.
    (population > 0).then(|| (count * 100_000) as f64 / population as f64)
}

impl Sums {
    fn add_tally(&mut self, cell: &Cell) {
        let count = |tally| i64::from(cell.tallies[tally]);
        self.positive_tests += count(Tally::Positive);
        self.conclusive_tests += count(Tally::Positive) + count(Tally::Negative);
        self.other_tests += count(Tally::Inconclusive) + count(Tally::Invalid);
        self.cases += count(Tally::Cases);
        self.community_cases += count(Tally::CommunityCases);
    }

    fn add_people(&mut self, cell: &Cell, age: i32) {
        let Some(people) = &cell.people else { return };
        self.people_tested += people.last_of_window(People::Tested, age);
        self.people_positive += people.last_of_window(People::Positive, age);
    }

    fn counts_something(&self) -> bool {
        self.conclusive_tests != 0 || self.other_tests != 0 || self.cases != 0
    }
}

impl Window {
    fn counts_something(&self) -> bool {
        self.sums.counts_something() || self.pools.count_something()
    }
}

/// The window that holds all others.
fn longest(windows: &Windows) -> &Window {
    &windows[WINDOWS.len() - 1]
}

/// What the registry says of an area on the windows' last day.
struct Facts {
    population: u64,
    keeps_people: bool,
}

impl Facts {
    fn numbers(&self, windows: &Windows, estimates: &mut Estimates) -> Vec<WindowNumbers> {
        let numbers = |(days, window): (i32, &Window)| {
            let Window { sums, pools } = window;
            WindowNumbers { pooled: estimates.of(pools), ..with_tubes(self.window(days, sums), pools) }
        };
        WINDOWS.into_iter().zip(windows).map(numbers).collect()
    }

    fn window(&self, days: i32, sums: &Sums) -> WindowNumbers {
        let people = |count| self.keeps_people.then_some(count);
        let over_tests = (self.keeps_people && sums.conclusive_tests > 0)
            .then(|| sums.people_positive as f64 / sums.conclusive_tests as f64);
        let over_people = self.keeps_people.then(|| wilson(sums.people_positive, sums.people_tested)).flatten();
        WindowNumbers {
            days: days as u32,
            positive_tests: sums.positive_tests,
            conclusive_tests: sums.conclusive_tests,
            other_tests: sums.other_tests,
            people_positive: people(sums.people_positive),
            people_tested: people(sums.people_tested),
            cases: sums.cases,
            community_cases: sums.community_cases,
            tests_over_tests: wilson(sums.positive_tests, sums.conclusive_tests).map(proportion),
            people_over_people: over_people.map(proportion),
            people_over_tests: over_tests,
            cases_per_100k: per_100k(sums.cases, self.population),
            tests_per_100k: per_100k(sums.conclusive_tests, self.population),
            ..WindowNumbers::default()
        }
    }
}

/// Numbers of a window with what they are by tube, where that is something else.
fn with_tubes(numbers: WindowNumbers, pools: &PoolSums) -> WindowNumbers {
    if !pools.count_something() {
        return numbers;
    }
    let (pooled, positive) = (pools.tubes(), pools.positive());
    let positive = numbers.positive_tests + positive;
    let conclusive = numbers.conclusive_tests - pools.members_of_negative() + pooled;
    WindowNumbers {
        positive_tubes: Some(positive),
        conclusive_tubes: Some(conclusive),
        tubes_over_tubes: wilson(positive, conclusive).map(proportion),
        ..numbers
    }
}

fn proportion(interval: Interval) -> Proportion {
    Proportion { value: interval.value, low: interval.low, high: interval.high }
}
