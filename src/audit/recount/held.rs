//! Numbers and tiers of one area and target by its counts alone: for what an area task can know, where some of what
//! people add up to has not reached it.
//!
//! In: counts of one area. Out: what the recount says when it has everything, of less.

use super::areas::{Sums, published};
use super::cells::period;
use super::measures::TierInputs;
use super::tiers::{self, Tier, TierChange, Until};
use crate::audit::cells::{Cells, CountKey, CountName, POOLED, people, pools_named};
use crate::audit::targets::{self, AreaTarget};
use crate::model::time::Day;
use crate::policy::Rules;
use crate::proto::v1::AreaPositivity;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

/// Days to the next test (or positive) of people; the last is more, or none.
const GAPS: RangeInclusive<i32> = 1..=15;

/// Counts of one purpose on one day.
type PurposeCounts = BTreeMap<CountName, i64>;

/// What is counted of one area.
#[derive(Clone, Debug)]
pub struct Held<'a> {
    rules: &'a Rules,
    /// With its target, as in [`Cells`].
    key: &'a str,
    of: AreaTarget<'a>,
    first_day: Option<Day>,
    /// Specimen days of what is counted.
    days: BTreeSet<Day>,
    /// By the first day of the registry's period, specimen day and purpose; what counts people in total has none.
    counts: BTreeMap<(Day, Day, &'a str), PurposeCounts>,
}

impl<'a> Held<'a> {
    /// Of an area (with its target), from the counts of many, the first of which lie on `first_day`.
    pub fn of(rules: &'a Rules, key: &'a str, cells: &'a Cells, first_day: Option<Day>) -> Self {
        let mut counts: BTreeMap<(Day, Day, &str), PurposeCounts> = BTreeMap::new();
        let (area, day) = (key.to_owned(), Day(i32::MIN));
        let first = CountKey { area, period: day, purpose: String::new(), day, name: "" };
        let of_area = cells.range(first..).take_while(|(count, _)| count.area == key);
        for (CountKey { period, purpose, day, name, .. }, count) in of_area {
            *counts.entry((*period, *day, purpose)).or_default().entry(name).or_default() += count;
        }
        let (area, target) = targets::split(key);
        let of = AreaTarget { area, target: target.unwrap_or(targets::first(rules)) };
        let days = counts.keys().map(|(_, day, _)| *day).collect();
        Self { rules, key, of, first_day, days, counts }
    }

    /// The numbers whose windows end on a day.
    pub fn numbers(&self, end: Day) -> Option<AreaPositivity> {
        self.seen(self.of, end, end)
    }

    /// The tier of today, and the days on which it changed; `numbers` are those of the area at least.
    pub fn tiers(
        &self,
        numbers: &BTreeMap<(String, Day), AreaPositivity>,
        until: Until,
    ) -> (BTreeMap<String, Tier>, BTreeMap<(String, Day), TierChange>) {
        tiers::of(self, numbers, until, |key| key == self.key)
    }

    /// What lies between two days, by the registry of the window's last day.
    fn between(&self, first: Day, last: Day, end: Day) -> impl Iterator<Item = (Day, &'a str, &PurposeCounts)> {
        let period = period(self.rules, end);
        let inside = move |(of, day): (&Day, &Day)| Some(*of) == period && (first..=last).contains(day);
        let counts = self.counts.iter().filter(move |((of, day, _), _)| inside((of, day)));
        counts.map(|((_, day, purpose), counts)| (*day, *purpose, counts))
    }

    fn sums(&self, purpose: &str, days: i32, end: Day, seen: Day) -> Sums {
        let last = end.min(seen);
        let mut sums = Sums::default();
        for (day, of, counts) in self.between(end.plus(1 - days), last, end) {
            let count = |what: CountName| counts.get(what).copied().unwrap_or(0);
            // Each person once, on the last day before the window's end.
            let distinct = |positive| -> i64 {
                GAPS.filter(|gap| *gap > last.0 - day.0).map(|gap| count(people(positive, gap))).sum()
            };
            if of == purpose {
                sums.people_positive += distinct(true);
                sums.people_tested += distinct(false);
            }
            if of == purpose || purpose.is_empty() {
                sums.positive_tests += count("positive");
                sums.conclusive_tests += count("positive") + count("negative");
                sums.other_tests += count("inconclusive") + count("invalid");
                sums.cases += count("cases");
                sums.community_cases += count("community cases");
                sums.pooled_tests += count(POOLED);
                for (name, count) in counts {
                    if let Some((size, positive)) = pools_named(name) {
                        sums.pools.entry(size).or_default()[usize::from(!positive)] += count;
                    }
                }
            }
        }
        sums
    }
}

impl<'a> TierInputs<'a> for Held<'a> {
    fn rules(&self) -> &'a Rules {
        self.rules
    }

    fn first_day(&self) -> Option<Day> {
        self.first_day
    }

    fn days(&self) -> impl DoubleEndedIterator<Item = Day> {
        self.days.iter().copied()
    }

    fn cases(&self, _of: AreaTarget<'_>, day: Day, registry: Day, community_only: bool) -> i64 {
        let what = if community_only { "community cases" } else { "cases" };
        self.between(day, day, registry).filter_map(|(_, _, counts)| counts.get(what)).sum()
    }

    fn seen(&self, _of: AreaTarget<'_>, end: Day, seen: Day) -> Option<AreaPositivity> {
        let counted = |counts: &PurposeCounts| {
            let tests = ["positive", "negative", "inconclusive", "invalid", "cases"];
            tests.iter().any(|what| counts.contains_key(what)) || counts.keys().any(|what| pools_named(what).is_some())
        };
        let inside = self.between(end.plus(-13), end.min(seen), end);
        let purposes: BTreeSet<&str> =
            inside.filter(|(.., counts)| counted(counts)).map(|(_, purpose, _)| purpose).collect();
        published(self.rules, self.of, end, purposes, |purpose, days| {
            self.sums(purpose, days, end, seen).numbers(self.rules, self.of.area, end, days)
        })
    }
}
