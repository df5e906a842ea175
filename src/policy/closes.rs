//! When a day is closed, and which days an operator lets close without some of the tasks.
//!
//! In: case policies and marks of days, checked. Out: the time of each close, and how far closes may go given how far each
//! person task has come. Pure: what has closed is the area half's to know.

use super::Rules;
use super::marks::DayIncomplete;
use super::records::INCOMPLETE;
use crate::model::time::{Day, Timestamp};

/// The longest time after its end by which a day is closed, in days, and one more.
const LONGEST_CLOSE_DAYS: i32 = 8;

impl Rules {
    /// When a day is closed at the earliest: the policy's hour after the midnight that ends it.
    pub fn closes_at(&self, day: Day) -> Timestamp {
        let (_, last_minute) = self.span(day);
        Timestamp(last_minute.0 + 60_000).plus_hours(self.intake_policy(0, day).day_close_hours)
    }

    /// What an operator has said of a day, if anything.
    pub fn incomplete(&self, day: Day) -> Option<&DayIncomplete> {
        self.incomplete.get(&day)
    }

    /// All days an operator lets close without some of the tasks, in order.
    pub fn all_incomplete(&self) -> impl DoubleEndedIterator<Item = &DayIncomplete> {
        self.incomplete.values()
    }

    /// Whether the others say the same about everything but marks of days: nothing of a person is derived by those.
    pub fn differ_in_marks_alone(&self, other: &Self) -> bool {
        let is_other = |(key, _): &&(String, Vec<u8>)| !key.starts_with(INCOMPLETE);
        self.records != other.records && self.records.iter().filter(is_other).eq(other.records.iter().filter(is_other))
    }

    /// These rules with the marks of days of the others: a folder of rules has none.
    ///
    /// # Panics
    /// Never: both are valid, and a mark stands by itself.
    #[must_use]
    pub fn with_marks_of(&self, other: &Self) -> Self {
        let is_mark = |(key, _): &(String, Vec<u8>)| key.starts_with(INCOMPLETE);
        let own = self.to_records().into_iter().filter(|record| !is_mark(record));
        let all: Vec<_> = own.chain(other.to_records().into_iter().filter(is_mark)).collect();
        Self::from_records(&all).expect("both are valid")
    }

    /// These rules without the mark of a day.
    ///
    /// # Panics
    /// Never: nothing rests on a mark.
    #[must_use]
    pub fn without_mark(&self, day: Day) -> Self {
        let mut all = self.to_records();
        all.retain(|(key, _)| *key != format!("{INCOMPLETE}{day}"));
        Self::from_records(&all).expect("nothing rests on a mark")
    }

    /// How far closes may go, given how far each person task has come, by its number: as far as the slowest, and where
    /// that is all that a marked day waits for, to the next day that is not marked. Never beyond the fastest: a mark lets
    /// nothing close before its time.
    pub fn closing(&self, come_to: &[Timestamp]) -> Option<Timestamp> {
        let excused =
            |(task, at): (i32, &Timestamp)| if self.incomplete.is_empty() { *at } else { self.excused(task, *at) };
        let slowest = (0..).zip(come_to).map(excused).min()?;
        Some(slowest.min(come_to.iter().copied().max()?))
    }

    /// Where the next day that waits for a task which has come to this time is marked as closing without it: the time before
    /// the first close that waits for it all the same.
    fn excused(&self, task: i32, at: Timestamp) -> Timestamp {
        let is_without = |day: Day| self.incomplete(day).is_some_and(|mark| mark.without.contains(&task));
        let from = self.day(at).plus(-LONGEST_CLOSE_DAYS);
        let last = self.incomplete.last_key_value().map_or(from, |(day, _)| *day).max(self.day(at));
        let days = (from.0..=last.plus(LONGEST_CLOSE_DAYS).0).map(Day);
        let waiting = || days.clone().map(|day| (self.closes_at(day), day)).filter(|(close, _)| *close > at);
        if !waiting().min().is_some_and(|(_, day)| is_without(day)) {
            return at;
        }
        let first = waiting().filter(|(_, day)| !is_without(*day)).min();
        first.map_or(at, |(close, _)| Timestamp(close.0 - 1)).max(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::records::record;
    use crate::policy::sample::sample_rules;
    use crate::proto::v1::{self, rule::Rule as Kind};

    /// The sample's rules with days that close without some tasks.
    fn marked(marks: &[(&str, &[i32])]) -> Rules {
        let mut records = sample_rules().to_records();
        for (day, without) in marks {
            let mark = v1::DayIncomplete {
                day: (*day).to_owned(),
                without: without.to_vec(),
                by: "Zhang".to_owned(),
                reason: "its disk is lost".to_owned(),
                at: "2022-11-12T00:30:00Z".to_owned(),
            };
            records.push(record(Kind::DayIncomplete(mark)).expect("no manifest"));
        }
        Rules::from_records(&records).expect("valid rules")
    }

    fn day(text: &str) -> Day {
        Day::parse(text).expect("a day")
    }

    fn time(text: &str) -> Timestamp {
        let time: jiff::Timestamp = format!("{}:00+08:00", text.replace(' ', "T")).parse().expect("a time");
        Timestamp(time.as_millisecond())
    }

    #[test]
    fn a_day_closes_so_many_hours_after_the_midnight_that_ends_it() {
        let mut rules = sample_rules();
        for (hours, at) in [(0, "2022-11-12 00:00"), (6, "2022-11-12 06:00"), (24, "2022-11-13 00:00")] {
            rules.cases.iter_mut().for_each(|policy| policy.day_close_hours = hours);
            assert_eq!(rules.closes_at(day("2022-11-11")), time(at));
        }
    }

    #[test]
    fn closes_go_as_far_as_the_slowest_task_and_over_the_days_that_are_marked_without_it() {
        let stalled = "2022-11-11 10:00";
        let fast = "2022-11-14 12:00";
        let close = |day: &str| format!("{day} 00:00");
        // Marks; how far the tasks have come; how far closes go. Days are closed 24 hours after their end.
        type Mark = (&'static str, &'static [i32]);
        let table: [(&[Mark], [&str; 3], String, i64); 8] = [
            (&[], [fast, fast, stalled], stalled.to_owned(), 0),
            (&[("2022-11-10", &[2])], [fast, fast, stalled], close("2022-11-13"), 1),
            (&[("2022-11-10", &[2]), ("2022-11-11", &[1, 2])], [fast, fast, stalled], close("2022-11-14"), 1),
            // Another task, or a day further on, lets nothing pass beyond what waits.
            (&[("2022-11-10", &[1])], [fast, fast, stalled], stalled.to_owned(), 0),
            (&[("2022-11-11", &[2])], [fast, fast, stalled], stalled.to_owned(), 0),
            // It has come on by itself.
            (&[("2022-11-10", &[2])], [fast, fast, "2022-11-14 10:00"], "2022-11-14 10:00".to_owned(), 0),
            // The others have not come so far either, or nobody has.
            (&[("2022-11-10", &[2])], [fast, "2022-11-11 23:00", stalled], "2022-11-11 23:00".to_owned(), 0),
            (&[("2022-11-10", &[0, 1, 2])], [stalled; 3], stalled.to_owned(), 0),
        ];
        for (marks, come_to, expected, before) in table {
            let closing = marked(marks).closing(&come_to.map(time)).map(|at| Timestamp(at.0 + before));
            assert_eq!(closing, Some(time(&expected)), "{marks:?}, {come_to:?}");
        }
    }

    #[test]
    fn marks_of_days_are_all_that_may_differ_where_nothing_of_people_is_derived_again() {
        let (plain, one) = (marked(&[]), marked(&[("2022-11-10", &[2])]));
        assert!(plain.differ_in_marks_alone(&one) && one.differ_in_marks_alone(&plain) && plain.digest != one.digest);
        let mut records = one.to_records();
        records.retain(|(key, _)| key != "lab/LAB-2");
        let other = Rules::from_records(&records).expect("valid rules");
        assert!(!plain.differ_in_marks_alone(&other));
    }

    #[test]
    fn a_mark_that_says_nothing_is_refused() {
        for (mark, field) in [
            (v1::DayIncomplete { day: "tomorrow".into(), ..good() }, "day"),
            (v1::DayIncomplete { without: vec![], ..good() }, "without"),
            (v1::DayIncomplete { without: vec![1, 1], ..good() }, "without[1]"),
            (v1::DayIncomplete { without: vec![-1], ..good() }, "without[0]"),
            (v1::DayIncomplete { by: " ".into(), ..good() }, "by"),
            (v1::DayIncomplete { reason: String::new(), ..good() }, "reason"),
            (v1::DayIncomplete { at: "noon".into(), ..good() }, "at"),
        ] {
            let mut records = sample_rules().to_records();
            records.push(record(Kind::DayIncomplete(mark)).expect("no manifest"));
            let errors = Rules::from_records(&records).expect_err("it is wrong");
            assert_eq!(errors.iter().map(|error| error.field.as_str()).collect::<Vec<_>>(), [field]);
        }
    }

    fn good() -> v1::DayIncomplete {
        v1::DayIncomplete {
            day: "2022-11-10".into(),
            without: vec![2],
            by: "Zhang".into(),
            reason: "lost".into(),
            at: "2022-11-12T00:30:00Z".into(),
        }
    }
}
