//! What area tasks must have counted: per area and target, period of the registry, purpose and specimen day.
//!
//! A window is read by the registry of its last day, so a day is counted in every period a window over it can be read
//! with. People are counted by the days to their next test (or positive) in that area and purpose: a window then counts
//! each person once, by the last day in it.

use super::areas::{has_place, is_place, keeps_people, lineage};
use super::people::{Person, Specimen};
use super::pools::tubes::CountedTube;
use crate::audit::cells::{Cells, CountKey, CountName, POOLED, people as gap_name, pools};
use crate::audit::targets;
use crate::model::cell::Tally;
use crate::model::time::Day;
use crate::policy::Rules;
use crate::proto::v1::{Channel, Finding};
use std::collections::{BTreeMap, BTreeSet};

/// No window is longer.
const LONGEST: i32 = 14;

/// Cells that count something.
pub fn of(rules: &Rules, people: &BTreeMap<String, Person>, tubes: &[CountedTube]) -> Cells {
    let mut cells = Counting { rules, cells: Cells::new(), nodes: BTreeMap::new() };
    for person in people.values() {
        cells.tests(person);
        cells.people(person, false);
        cells.people(person, true);
        cells.cases(person);
    }
    for tube in tubes.iter().filter(|tube| is_place(rules, &tube.purpose, &tube.target)) {
        let name = pools(tube.size, tube.positive).expect("no pool is larger");
        cells.count((&tube.area, &tube.target, &tube.purpose, tube.day), name);
    }
    cells.cells
}

/// An area in a period of the registry, by its first day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Node<'r> {
    area: &'r str,
    period: Day,
}

/// What people are counted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Subject<'a> {
    target: &'a str,
    /// Empty is the total.
    purpose: &'a str,
}

struct Counting<'r> {
    rules: &'r Rules,
    cells: Cells,
    /// Where a place counts, by area and day, as asked before.
    nodes: BTreeMap<(String, Day), Vec<Node<'r>>>,
}

impl<'r> Counting<'r> {
    fn tests(&mut self, person: &Person) {
        for specimen in person.specimens.iter().filter(|specimen| has_place(self.rules, specimen)) {
            let what = match specimen.finding {
                Finding::Positive => Tally::Positive,
                Finding::Negative => Tally::Negative,
                Finding::Inconclusive => Tally::Inconclusive,
                _ => Tally::Invalid,
            };
            self.count(place(specimen), what.name());
            if specimen.pooled {
                self.count(place(specimen), POOLED);
            }
        }
    }

    fn cases(&mut self, person: &Person) {
        for episode in person.cases.iter().filter(|episode| has_place(self.rules, episode.first())) {
            let first = place(episode.first());
            self.count(first, Tally::Cases.name());
            if super::alerts::channel(self.rules, person, episode) == Channel::Community {
                self.count(first, Tally::CommunityCases.name());
            }
        }
    }

    fn people(&mut self, person: &Person, positive: bool) {
        let least = if positive { Finding::Positive } else { Finding::Negative };
        let mut days: BTreeMap<(Node<'r>, Subject<'_>), BTreeSet<Day>> = BTreeMap::new();
        let counted = |specimen: &&Specimen| specimen.finding >= least && has_place(self.rules, specimen);
        for specimen in person.specimens.iter().filter(counted) {
            // By the registry of each period a day may lie in other areas, so that its next test day in an area differs
            // too. Days are noted in every period; they count in those that a window over them can end in.
            for &period in &self.rules.areas.periods {
                for area in lineage(self.rules, &specimen.area, period) {
                    for purpose in ["", &specimen.purpose] {
                        let subject = Subject { target: &specimen.target, purpose };
                        days.entry((Node { area, period }, subject)).or_default().insert(specimen.day);
                    }
                }
            }
        }
        for ((node, subject), days) in days {
            let keeps = keeps_people(self.rules, node.area);
            for &day in days.iter().filter(|day| keeps && periods(self.rules, **day).contains(&node.period)) {
                let next = days.range(day.plus(1)..).next();
                let gap = next.map_or(LONGEST + 1, |next| (next.0 - day.0).min(LONGEST + 1));
                self.bump(node, subject, day, gap_name(positive, gap));
            }
        }
    }

    fn count(&mut self, (area, target, purpose, day): (&str, &str, &str, Day), name: CountName) {
        let rules = self.rules;
        let nodes = self.nodes.entry((area.to_owned(), day)).or_insert_with(|| nodes(rules, area, day)).clone();
        for node in nodes {
            self.bump(node, Subject { target, purpose }, day, name);
        }
    }

    fn bump(&mut self, Node { area, period }: Node<'_>, subject: Subject<'_>, day: Day, name: CountName) {
        let area = targets::key(area, subject.target, targets::first(self.rules));
        let purpose = subject.purpose.to_owned();
        *self.cells.entry(CountKey { area, period, purpose, day, name }).or_default() += 1;
    }
}

/// Area, target, purpose and day of a specimen.
fn place(specimen: &Specimen) -> (&str, &str, &str, Day) {
    (&specimen.area, &specimen.target, &specimen.purpose, specimen.day)
}

/// The areas a place lies in, in every period that a window over the day may be read with.
fn nodes<'r>(rules: &'r Rules, area: &str, day: Day) -> Vec<Node<'r>> {
    let of_period = |period: Day| lineage(rules, area, period).into_iter().map(move |area| Node { area, period });
    periods(rules, day).into_iter().flat_map(of_period).collect()
}

/// First days of the periods in which windows over a day end.
fn periods(rules: &Rules, day: Day) -> BTreeSet<Day> {
    (day.0..day.0 + LONGEST).filter_map(|end| period(rules, Day(end))).collect()
}

/// First day of the period a day lies in.
pub fn period(rules: &Rules, day: Day) -> Option<Day> {
    let periods = &rules.areas.periods;
    periods.iter().rev().find(|from| **from <= day).or(periods.first()).copied()
}
