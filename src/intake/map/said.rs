//! What the text of a time says.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};

/// What a text says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Said {
    pub when: When,
    pub place: Place,
}

/// A day, a civil time, or an instant whatever the place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum When {
    Day(Date),
    Civil(DateTime),
    Instant(Timestamp),
}

/// Whose clock showed it, as far as the text says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Place {
    /// The map says so.
    Unsaid,
    /// An offset from UTC.
    Offset(Offset),
    /// A zone.
    Zone(TimeZone),
    /// Both, which must agree.
    Both(Offset, TimeZone),
}

impl Said {
    /// The day, where nothing else is said: neither a time of it nor a place.
    pub fn day_alone(&self) -> Option<Date> {
        match (self.when, &self.place) {
            (When::Day(day), Place::Unsaid) => Some(day),
            _ => None,
        }
    }

    /// The year, as it is said.
    pub fn year(&self) -> Option<i16> {
        match self.when {
            When::Day(day) => Some(day.year()),
            When::Civil(civil) => Some(civil.year()),
            When::Instant(_) => None,
        }
    }
}
