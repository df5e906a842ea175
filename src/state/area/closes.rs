//! Days that a task has closed.

use crate::model::time::{Day, Timestamp};
use crate::state::codec::{Reader, put_option, put_short, put_short_signed};
use crate::state::paged::Corrupt;
use std::collections::BTreeMap;

/// The close of one day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Close {
    /// The time that person tasks had come to.
    pub at: Timestamp,
    /// Those that had not, and were not waited for.
    pub without: Vec<i32>,
}

/// The days that a task has closed, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Closes {
    /// The last one, or the day before the first that it will close; `None` before it is known which that is.
    last: Option<Day>,
    /// Those of which numbers are kept.
    days: BTreeMap<Day, Close>,
}

impl Closes {
    /// The last day, or the one before the first that will be closed.
    pub fn last(&self) -> Option<Day> {
        self.last
    }

    /// The last day that was closed.
    pub fn last_closed(&self) -> Option<Day> {
        self.last.filter(|last| self.days.contains_key(last))
    }

    /// The first day whose close is held, or that will be closed if none is.
    pub fn from(&self) -> Option<Day> {
        self.days.first_key_value().map(|(day, _)| *day).or(self.last.map(|last| last.plus(1)))
    }

    /// The close of a day, while its numbers are kept.
    pub fn of(&self, day: Day) -> Option<&Close> {
        self.days.get(&day)
    }

    /// The first day that will be closed.
    pub(super) fn begin(&mut self, first: Day) {
        self.last = Some(first.plus(-1));
    }

    pub(super) fn close(&mut self, day: Day, close: Close) {
        self.last = Some(day);
        self.days.insert(day, close);
    }

    pub(super) fn drop_before(&mut self, kept_from: Day) {
        self.days.retain(|day, _| *day >= kept_from);
    }

    pub(super) fn write(&self, into: &mut Vec<u8>) {
        put_option(into, self.last.map(|day| i64::from(day.0)));
        put_short(into, self.days.len() as u64);
        for (day, close) in &self.days {
            put_short_signed(into, i64::from(day.0));
            close.write(into);
        }
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, Corrupt> {
        let mut closes = Self { last: from.option()?.map(Day), ..Self::default() };
        for _ in 0..from.short::<u64>()? {
            closes.days.insert(Day(from.short_signed()?), Close::read(from)?);
        }
        Ok(closes)
    }
}

impl Close {
    pub(super) fn write(&self, into: &mut Vec<u8>) {
        put_short_signed(into, self.at.0);
        put_short(into, self.without.len() as u64);
        self.without.iter().for_each(|task| put_short_signed(into, i64::from(*task)));
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, Corrupt> {
        let at = Timestamp(from.short_signed()?);
        let without = (0..from.short::<u64>()?).map(|_| from.short_signed()).collect::<Result<_, _>>()?;
        Ok(Self { at, without })
    }
}
