//! From changes of places to changes of every area they lie in, level by level: what the areas of a level come to is
//! handed on to the areas that these lie in.
//!
//! In: events of places, and of nodes alone. Out: cells in order of nodes, without those that came to nothing.

use super::events::{Event, Events, Node, Sum, runs, sort};
use super::place::periods;
use crate::model::cell::{Number, TALLIES};
use crate::model::time::Day;
use crate::policy::areas::AreaIndex;
use crate::policy::{LONGEST_WINDOW, Rules};
use std::ops::{Range, RangeInclusive};

/// Working space, kept from commit to commit.
#[derive(Debug, Default)]
pub struct Spread {
    /// Events of nodes, by the level of the area.
    levels: Vec<Vec<Event>>,
    spare: Vec<Event>,
    cells: Vec<(Node, Range<u32>)>,
    /// Of all cells.
    numbers: Vec<Number>,
}

impl Spread {
    /// Takes what was gathered.
    pub fn take(&mut self, places: &mut Events, nodes: &mut Events, rules: &Rules) {
        self.levels.resize_with(rules.deployment.levels.len(), Vec::new);
        self.cells.clear();
        self.numbers.clear();
        let mut spare = std::mem::take(&mut self.spare);
        self.enter(places.sorted(&mut spare), rules);
        self.enter_alone(nodes.sorted(&mut spare), rules);
        // A parent is of a coarser level.
        for level in (0..self.levels.len()).rev() {
            sort(&mut self.levels[level], &mut spare);
            self.sum(level, rules);
        }
        self.spare = spare;
        places.clear();
        nodes.clear();
        // The cells of each level are in order: that is soon done.
        self.cells.sort_by_key(|(node, _)| *node);
    }

    /// The cells that change.
    pub fn cells(&self) -> impl Iterator<Item = (Node, &[Number])> {
        self.cells.iter().map(|(node, range)| (*node, &self.numbers[range.start as usize..range.end as usize]))
    }

    /// Puts changes of places where they lie, in every period that a window over their day can be read with.
    fn enter(&mut self, places: &[Event], rules: &Rules) {
        let (mut readable, mut above) = (Readable::new(rules), Above::new(rules, 0));
        let (mut sum, mut numbers) = (Sum::default(), Vec::new());
        for (place, run) in runs(places) {
            numbers.clear();
            sum.of(run, &mut numbers);
            for period in readable.periods(place.day()) {
                if let Some((level, area)) = above.of(period, place.area) {
                    let node = place.moved(period, area);
                    self.levels[level].extend(numbers.iter().map(|number| Event::of(node, *number)));
                }
            }
        }
    }

    /// Puts changes of nodes there. What these lie in does not change: it is given the opposite of what they hand on.
    fn enter_alone(&mut self, nodes: &[Event], rules: &Rules) {
        let (mut own, mut above) = (Above::new(rules, 0), Above::new(rules, 1));
        for event in nodes {
            let (node, period) = (event.node(), event.node().period());
            if let Some((level, _)) = own.of(period, node.area) {
                self.levels[level].push(*event);
            }
            if let Some((level, area)) = above.of(period, node.area) {
                self.levels[level].push(event.at(node.moved(period, area)).undone());
            }
        }
    }

    /// Adds up what was handed to a level, which is in order, and hands it on.
    fn sum(&mut self, level: usize, rules: &Rules) {
        let events = std::mem::take(&mut self.levels[level]);
        let keeps_people = rules.deployment.keeps_people[level];
        let (mut sum, mut above) = (Sum::default(), Above::new(rules, 1));
        for (node, run) in runs(&events) {
            let start = self.numbers.len();
            sum.of(run, &mut self.numbers);
            if let Some((level, area)) = above.of(node.period(), node.area) {
                let parent = node.moved(node.period(), area);
                let handed_on = self.numbers[start..].iter().map(|number| Event::of(parent, *number));
                self.levels[level].extend(handed_on);
            }
            if !keeps_people {
                let tallies = self.numbers[start..].partition_point(|number| usize::from(number.what) < TALLIES);
                self.numbers.truncate(start + tallies);
            }
            if self.numbers.len() > start {
                self.cells.push((node, start as u32..self.numbers.len() as u32));
            }
        }
        // For the next commit.
        self.levels[level] = events;
        self.levels[level].clear();
    }
}

/// The periods that a day is read with; one answer holds for many days.
struct Readable<'r> {
    rules: &'r Rules,
    days: Range<i32>,
    periods: RangeInclusive<usize>,
}

impl<'r> Readable<'r> {
    fn new(rules: &'r Rules) -> Self {
        Self { rules, days: 0..0, periods: 0..=0 }
    }

    fn periods(&mut self, day: i32) -> RangeInclusive<usize> {
        if !self.days.contains(&day) {
            let from = &self.rules.areas.periods;
            self.periods = periods(self.rules, day);
            let (first, last) = (*self.periods.start(), *self.periods.end());
            let begins = |period: usize| if period == 0 { i32::MIN } else { from[period].0 };
            let ends = |period: usize| from.get(period + 1).map_or(i32::MAX, |Day(next)| *next);
            let back = LONGEST_WINDOW - 1;
            let start = begins(first).max(begins(last).saturating_sub(back));
            self.days = start..ends(first).min(ends(last).saturating_sub(back));
        }
        self.periods.clone()
    }
}

/// An area's lineage at one place; the answer to the last question is known.
struct Above<'r> {
    rules: &'r Rules,
    at: usize,
    question: Option<(usize, AreaIndex)>,
    answer: Option<(usize, AreaIndex)>,
}

impl<'r> Above<'r> {
    fn new(rules: &'r Rules, at: usize) -> Self {
        Self { rules, at, question: None, answer: None }
    }

    /// Level and index of the area there, if there is one.
    fn of(&mut self, period: usize, area: AreaIndex) -> Option<(usize, AreaIndex)> {
        if self.question != Some((period, area)) {
            self.question = Some((period, area));
            let areas = &self.rules.areas;
            let there = areas.lineage(period, area).get(self.at);
            self.answer = there.map(|area| (usize::from(areas.list[*area as usize].level), *area));
        }
        self.answer
    }
}
