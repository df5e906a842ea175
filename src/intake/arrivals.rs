//! When rows of past data arrived, held against each other: one mistyped year would move a deployment's time by years,
//! and everything after it would be too late for good.
//!
//! In: the arrival of each row that would be taken, with its line. Out: why one cannot be right, at once; and at the
//! end those that lie years from the others. Held is a count per day, so the memory is bounded by the days there are.

use crate::model::time::{DAY_MS, Timestamp};
use crate::policy::years::Years;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// From one arrival to the next there are at most so many days; what lies beyond is years away.
const GAP_DAYS: i64 = 366;

/// Lines kept of each day.
const LINES: usize = 16;

/// How far clocks may differ.
const SKEW_MS: i64 = 5 * 60_000;

/// Between which times rows arrived, as far as somebody says so. Whoever does is believed: then no row is held against
/// the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// The first.
    pub from: Option<Timestamp>,
    /// The last.
    pub until: Option<Timestamp>,
}

/// Holds arrivals against each other.
#[derive(Debug)]
pub struct Arrivals {
    now: Timestamp,
    bounds: Bounds,
    days: BTreeMap<i64, Rows>,
}

/// Rows of one day.
#[derive(Debug, Default)]
struct Rows {
    /// All that could be sent.
    rows: u64,
    /// Those that would be taken, and lines of them.
    valid: u64,
    lines: Vec<u64>,
}

/// Rows that arrived years from the others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outliers {
    /// How many that would be taken but for that.
    pub rows: u64,
    /// How many that could be sent, whatever else is wrong with them.
    pub sendable: u64,
    /// Lines of them, in order; of many on one day only the first.
    pub lines: Vec<u64>,
    days: Vec<RangeInclusive<i64>>,
}

impl Outliers {
    /// Whether a row that arrived then is one of them.
    pub fn hold(&self, at: Timestamp) -> bool {
        let day = at.0.div_euclid(DAY_MS);
        self.days.iter().any(|days| days.contains(&day))
    }
}

impl Arrivals {
    /// Of rows that have all arrived by `now`, unless the bounds say otherwise.
    pub fn new(now: Timestamp, bounds: Bounds) -> Self {
        Self { now, bounds, days: BTreeMap::new() }
    }

    /// Why a row cannot have arrived then.
    pub fn objection(&self, at: Timestamp) -> Option<&'static str> {
        match self.bounds {
            Bounds { from: Some(from), .. } if at < from => Some("before `from` of the map's [history]"),
            Bounds { until: Some(until), .. } if at > until => {
                Some("later than `--until`, or `until` of the map's [history]")
            }
            Bounds { until: None, .. } if at.0 > self.now.0.saturating_add(SKEW_MS) => Some(
                "in the future; correct the year, or say by `--until`, or `until` in the map's [history], that it is so",
            ),
            _ if !Years::default().hold(at, at) => Some("no plausible year"),
            _ => None,
        }
    }

    /// Takes note of a row that could be sent, and whether it would be taken.
    pub fn note(&mut self, line: u64, at: Timestamp, valid: bool) {
        let day = self.days.entry(at.0.div_euclid(DAY_MS)).or_default();
        day.rows += 1;
        day.valid += u64::from(valid);
        if valid && day.lines.len() < LINES {
            day.lines.push(line);
        }
    }

    /// The rows years from the most, or of equally many from the earliest.
    pub fn outliers(&self) -> Outliers {
        if self.bounds != Bounds::default() {
            return Outliers::default();
        }
        let mut stretches: Vec<(RangeInclusive<i64>, u64)> = Vec::new();
        for (day, Rows { rows, .. }) in &self.days {
            match stretches.last_mut().filter(|(days, _)| day - days.end() <= GAP_DAYS) {
                Some((days, all)) => (*days, *all) = (*days.start()..=*day, *all + rows),
                None => stretches.push((*day..=*day, *rows)),
            }
        }
        let most = stretches.iter().map(|(_, rows)| *rows).max();
        let kept = stretches.iter().position(|(_, rows)| Some(*rows) == most);
        let mut outliers = Outliers::default();
        for (_, (days, _)) in stretches.into_iter().enumerate().filter(|(at, _)| Some(*at) != kept) {
            for (_, rows) in self.days.range(days.clone()) {
                outliers.rows += rows.valid;
                outliers.sendable += rows.rows;
                outliers.lines.extend(&rows.lines);
            }
            outliers.days.push(days);
        }
        outliers.lines.sort_unstable();
        outliers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().expect("a time").as_millisecond())
    }

    fn outliers(days: &[&str], bounds: Bounds) -> Outliers {
        let mut arrivals = Arrivals::new(at("2026-11-29T00:00:00Z"), bounds);
        for (day, line) in days.iter().zip(2..) {
            arrivals.note(line, at(&format!("{day}T12:00:00Z")), true);
        }
        arrivals.outliers()
    }

    #[test]
    fn a_row_years_from_all_others_is_told_wherever_it_stands() {
        for days in [
            ["2022-11-20", "2022-11-21", "2026-11-21"],
            ["2026-11-21", "2022-11-20", "2022-11-21"],
            ["2022-11-20", "2026-11-21", "2022-11-21"],
            ["2022-11-20", "2012-11-21", "2022-11-21"],
        ] {
            let found = outliers(&days, Bounds::default());
            let wrong = days.iter().position(|day| !day.starts_with("2022")).expect("one");
            assert_eq!((found.rows, found.lines.as_slice()), (1, &[wrong as u64 + 2][..]), "{days:?}");
            for (number, day) in days.iter().enumerate() {
                assert_eq!(found.hold(at(&format!("{day}T23:00:00Z"))), number == wrong, "{day}");
            }
        }
    }

    #[test]
    fn of_two_the_later_one_is_told_and_a_year_is_no_years() {
        assert_eq!(outliers(&["2026-11-21", "2022-11-21"], Bounds::default()).lines, [2]);
        assert_eq!(outliers(&["2021-11-21", "2022-11-21"], Bounds::default()), Outliers::default());
        assert_eq!(outliers(&[], Bounds::default()), Outliers::default());
    }

    #[test]
    fn whoever_says_when_rows_arrived_is_believed() {
        let bounds = Bounds { from: None, until: Some(at("2026-12-31T00:00:00Z")) };
        assert_eq!(outliers(&["2026-11-21", "2022-11-21"], bounds), Outliers::default());
        let objects =
            |bounds, text: &str| Arrivals::new(at("2026-11-29T00:00:00Z"), bounds).objection(at(text)).is_some();
        for (text, alone, bounded) in [
            ("2022-11-21T00:00:00Z", false, false),
            ("2026-11-29T00:05:00Z", false, false),
            ("2026-11-29T00:05:00.001Z", true, false),
            ("2027-01-01T00:00:00Z", true, true),
            ("2202-11-21T00:00:00Z", true, true),
            ("1822-11-21T00:00:00Z", true, true),
        ] {
            assert_eq!(objects(Bounds::default(), text), alone, "{text}");
            assert_eq!(objects(bounds, text), bounded, "{text}");
        }
        let from = Bounds { from: Some(at("2022-01-01T00:00:00Z")), until: None };
        assert!(objects(from, "2021-12-31T00:00:00Z") && !objects(from, "2022-01-01T00:00:00Z"));
    }

    #[test]
    fn what_is_held_of_a_day_is_bounded_and_all_its_rows_are_counted() {
        let mut arrivals = Arrivals::new(at("2026-11-29T00:00:00Z"), Bounds::default());
        (0..1_000).for_each(|line| arrivals.note(line, at("2022-11-21T12:00:00Z"), true));
        (1_000..1_100).for_each(|line| arrivals.note(line, at("2026-11-21T12:00:00Z"), line % 2 == 0));
        let found = arrivals.outliers();
        assert_eq!((found.rows, found.lines.len()), (50, LINES), "of those that would be taken");
    }
}
