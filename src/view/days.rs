//! Days and their closes: which are closed, which wait, and for whom.
//!
//! In: the rules in force, how far each person task has come, what area tasks have closed. Out: the last days, newest
//! first. Never here: a clock, or a decision: what closes a day is the area half's.

use crate::model::time::{Day, Timestamp};
use crate::policy::{DayIncomplete, Rules};
use serde::Serialize;
use std::collections::BTreeMap;

/// Days that are looked at, at most: a task that stalled for longer holds up all of them.
const MOST_DAYS: i32 = 400;

/// What tasks have published of their time.
#[derive(Clone, Debug, Default)]
pub struct Published {
    /// How far each person task has come.
    pub come_to: BTreeMap<i32, Timestamp>,
    /// The last day that each area task has closed; `None` before the first.
    pub closed: BTreeMap<i32, Option<Day>>,
    /// The first day whose close each area task holds, or will close; `None` before it has begun, and while an earlier
    /// version is at work that does not say so.
    pub closed_from: BTreeMap<i32, Option<Day>>,
}

/// One day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayStatus<'a> {
    /// The day.
    pub day: Day,
    /// When it is closed at the earliest.
    pub closes_at: Timestamp,
    /// Where it is.
    pub state: State,
    /// What an operator has said of it.
    pub incomplete: Option<&'a DayIncomplete>,
}

/// Where a day is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Its close lies ahead.
    Open,
    /// It was over before the first day that is closed, or its close was dropped long ago.
    Before,
    /// Its time has come for some tasks, and not for these.
    Waits(Vec<WaitsFor>),
    /// All have come so far; area tasks are at it, or wait for the day before it.
    Closing,
    /// Every area task has closed it.
    Closed,
}

/// A task that holds up a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct WaitsFor {
    /// The person task.
    pub task: i32,
    /// How far it has come, in milliseconds since 1970; absent when it was never heard of.
    pub heard: Option<i64>,
}

impl Published {
    /// How far the fastest person task has come.
    pub fn newest(&self) -> Option<Timestamp> {
        self.come_to.values().copied().max()
    }

    /// How far the slowest has come of those that are there: 0 to `tasks`. `None` while one was never heard of.
    pub fn slowest(&self, tasks: i32) -> Option<Timestamp> {
        let come_to = |task| self.come_to.get(&task).copied();
        (0..tasks).map(come_to).collect::<Option<Vec<_>>>()?.into_iter().min()
    }

    /// Person tasks there are, as far as they were heard of.
    pub fn tasks(&self) -> i32 {
        self.come_to.last_key_value().map_or(0, |(task, _)| task + 1)
    }

    /// The last day that all area tasks have closed.
    pub fn closed(&self) -> Option<Day> {
        self.closed.values().copied().min().flatten()
    }

    /// The first day whose close every area task holds, or will close.
    pub fn closed_from(&self) -> Option<Day> {
        self.closed_from.values().copied().min().flatten()
    }

    /// An area task tells of the last day that it has closed, and from which on it holds closes.
    pub fn area_task(&mut self, task: i32, closed_day: &str, closed_from: &str) {
        self.closed.insert(task, Day::parse(closed_day));
        self.closed_from.insert(task, Day::parse(closed_from));
    }

    /// A day as it is.
    pub fn status<'a>(&self, rules: &'a Rules, tasks: i32, day: Day) -> DayStatus<'a> {
        let (closes_at, incomplete) = (rules.closes_at(day), rules.incomplete(day));
        let state = match self.waits_for(rules, tasks, day) {
            _ if self.closed_from().is_some_and(|from| day < from) => State::Before,
            _ if self.closed().is_some_and(|closed| day <= closed) => State::Closed,
            _ if self.newest().is_none_or(|newest| newest < closes_at) => State::Open,
            tasks if tasks.is_empty() => State::Closing,
            tasks => State::Waits(tasks),
        };
        DayStatus { day, closes_at, state, incomplete }
    }

    /// The tasks that have not come to the close of a day and are waited for.
    fn waits_for(&self, rules: &Rules, tasks: i32, day: Day) -> Vec<WaitsFor> {
        // While one was never heard of, it is known of none how far time has come everywhere: no mark helps.
        let excused = |task: &i32| rules.incomplete(day).is_some_and(|mark| mark.without.contains(task));
        let behind = |task: &i32| self.come_to.get(task).is_none_or(|at| *at < rules.closes_at(day) && !excused(task));
        let waits_for = |task| WaitsFor { task, heard: self.come_to.get(&task).map(|at| at.0) };
        (0..tasks).filter(behind).map(waits_for).collect()
    }

    /// Days that are held up, in order, each with the tasks that it waits for.
    pub fn waiting(&self, rules: &Rules, tasks: i32) -> Vec<(Day, Vec<WaitsFor>)> {
        let Some(newest) = self.newest() else { return Vec::new() };
        let unclosed = self.unclosed(rules, tasks, rules.day(newest)).into_iter();
        unclosed
            .filter_map(|status| match status.state {
                State::Waits(tasks) => Some((status.day, tasks)),
                State::Before | State::Open | State::Closing | State::Closed => None,
            })
            .collect()
    }

    /// The days to this one that are not closed, in order: each closes after those before it.
    pub fn unclosed<'a>(&self, rules: &'a Rules, tasks: i32, last: Day) -> Vec<DayStatus<'a>> {
        // Before any day was closed, one is held up that comes after what the slowest has read.
        let slowest = self.come_to.values().copied().min().map(|slowest| rules.day(slowest).plus(-MARGIN_DAYS));
        let first = self.closed().map(|closed| closed.plus(1)).or(self.closed_from()).or(slowest).unwrap_or(last);
        let days = (first.0.max(last.plus(-MOST_DAYS).0)..=last.0).map(Day);
        days.map(|day| self.status(rules, tasks, day)).collect()
    }

    /// The last days up to that of the fastest task, newest first.
    pub fn last<'a>(&self, rules: &'a Rules, tasks: i32, days: i32) -> Vec<DayStatus<'a>> {
        let Some(newest) = self.newest().map(|newest| rules.day(newest)) else { return Vec::new() };
        (0..days).map(|back| self.status(rules, tasks, newest.plus(-back))).collect()
    }
}

/// A day is closed within a week of its end, so that one may be open which ended so long ago.
const MARGIN_DAYS: i32 = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::sample::sample_rules;

    fn day(text: &str) -> Day {
        Day::parse(text).expect("a day")
    }

    /// The sample closes a day 24 hours after its end: that of the 11th at the beginning of the 13th.
    fn noon(text: &str) -> Timestamp {
        let (first, _) = sample_rules().span(day(text));
        first.plus_hours(12)
    }

    #[test]
    fn a_day_is_held_up_by_the_tasks_that_have_not_come_to_its_close() {
        let rules = sample_rules();
        let come_to = [(0, noon("2022-11-14")), (1, noon("2022-11-12"))].into();
        let published = Published {
            come_to,
            closed: [(0, Some(day("2022-11-10"))), (1, Some(day("2022-11-11")))].into(),
            ..Published::default()
        };
        let state = |tasks, text| published.status(&rules, tasks, day(text)).state;
        let one = WaitsFor { task: 1, heard: Some(noon("2022-11-12").0) };
        assert_eq!(state(2, "2022-11-10"), State::Closed);
        assert_eq!(state(2, "2022-11-11"), State::Waits(vec![one]));
        assert_eq!(state(2, "2022-11-12"), State::Waits(vec![one]));
        assert_eq!(state(2, "2022-11-13"), State::Open);
        let never = WaitsFor { task: 2, heard: None };
        assert_eq!(state(3, "2022-11-12"), State::Waits(vec![one, never]));
        let waiting: Vec<Day> = published.waiting(&rules, 2).into_iter().map(|(day, _)| day).collect();
        assert_eq!(waiting, [day("2022-11-11"), day("2022-11-12")]);
        let all = published.last(&rules, 2, 3);
        assert_eq!(all.iter().map(|status| status.day).collect::<Vec<_>>()[0], day("2022-11-14"));
        assert_eq!((all.len(), published.slowest(3), published.slowest(2)), (3, None, Some(noon("2022-11-12"))));
    }

    #[test]
    fn where_all_have_come_so_far_nobody_is_waited_for() {
        let rules = sample_rules();
        let come_to = [(0, noon("2022-11-14")), (1, noon("2022-11-14"))].into();
        let published = Published { come_to, closed: [(0, None)].into(), ..Published::default() };
        assert_eq!(published.status(&rules, 2, day("2022-11-12")).state, State::Closing);
        assert_eq!(published.waiting(&rules, 2), []);
        assert_eq!(Published::default().waiting(&rules, 2), []);
    }

    /// Area tasks begin with the first specimen, each with its own.
    #[test]
    fn of_days_before_the_first_that_is_closed_none_is_said_to_be_closed_or_to_wait() {
        let rules = sample_rules();
        let come_to = [(0, noon("2022-11-14")), (1, noon("2022-11-10"))].into();
        let mut published = Published { come_to, ..Published::default() };
        let days =
            |published: &Published| published.waiting(&rules, 2).into_iter().map(|(day, _)| day).collect::<Vec<_>>();
        assert_eq!(days(&published)[0], day("2022-11-09"), "nobody has said from which day on");
        published.area_task(0, "", "2022-11-11");
        published.area_task(1, "2022-11-11", "2022-11-10");
        let state = |published: &Published, text| published.status(&rules, 2, day(text)).state;
        assert_eq!(state(&published, "2022-11-09"), State::Before);
        assert!(matches!(state(&published, "2022-11-10"), State::Waits(_)));
        assert_eq!(days(&published), ["2022-11-10", "2022-11-11", "2022-11-12"].map(day));
        for task in [0, 1] {
            published.area_task(task, "2022-11-11", "2022-11-10");
        }
        assert_eq!([state(&published, "2022-11-09"), state(&published, "2022-11-10")], [State::Before, State::Closed]);
    }
}
