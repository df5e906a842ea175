//! Years in which what a record says can have been: outside them a year was mistyped.

use crate::model::time::{DAY_MS, Day, Timestamp};
use std::fmt;

/// A first year, and how many years after that of receipt are plausible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Years {
    /// The first year.
    pub first: i32,
    /// Years after that of receipt.
    pub ahead: i32,
    from: Timestamp,
}

/// The first year where no rule names one.
pub const FIRST: i32 = 1900;

/// Years after that of receipt where no rule says how many: an order can hold into the next.
pub const AHEAD: i32 = 1;

/// Clocks of the earth are at most so far ahead of UTC.
const EARLIEST_ZONE_MS: i64 = 14 * 3_600_000;
/// And at most so far behind it.
const LATEST_ZONE_MS: i64 = 12 * 3_600_000;

impl Default for Years {
    fn default() -> Self {
        Self::new(FIRST, AHEAD)
    }
}

impl Years {
    /// Years from `first` to that of receipt and so many after it.
    pub fn new(first: i32, ahead: i32) -> Self {
        Self { first, ahead, from: Timestamp(days_before(first) * DAY_MS - EARLIEST_ZONE_MS) }
    }

    /// Whether a time lies in these years, wherever on earth the clock stood that showed it.
    #[inline]
    pub fn hold(&self, at: Timestamp, received_at: Timestamp) -> bool {
        // Of most records all was before they were received.
        at >= self.from && (at <= received_at || self.is_soon(at, received_at))
    }

    /// Whether a civil day lies in these years.
    pub fn hold_day(&self, day: Day, received_at: Timestamp) -> bool {
        (self.first..=self.last(received_at)).contains(&day.year())
    }

    fn is_soon(&self, at: Timestamp, received_at: Timestamp) -> bool {
        year(at.0 - LATEST_ZONE_MS) <= self.last(received_at)
    }

    /// The last of these years, of what was received when some clock on earth showed the year already.
    fn last(&self, received_at: Timestamp) -> i32 {
        year(received_at.0 + EARLIEST_ZONE_MS) + self.ahead
    }
}

/// The year of a time in UTC.
fn year(at: i64) -> i32 {
    Day(at.div_euclid(DAY_MS) as i32).year()
}

impl fmt::Display for Years {
    /// `1900 to +1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to +{}", self.first, self.ahead)
    }
}

/// Days from 1970 to the start of a year.
fn days_before(year: i32) -> i64 {
    let years = i64::from(year - 1);
    years * 365 + years.div_euclid(4) - years.div_euclid(100) + years.div_euclid(400) - 719_162
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().expect("a time").as_millisecond())
    }

    #[test]
    fn from_1900_to_the_end_of_next_year_on_any_clock_of_the_earth() {
        let received = at("2026-11-29T10:00:00Z");
        for (text, holds) in [
            ("1899-12-31T09:59:59Z", false),
            ("1900-01-01T00:00:00+14:00", true),
            ("1900-01-01T00:00:00Z", true),
            ("2026-11-29T10:00:00Z", true),
            ("2027-12-31T23:59:59-12:00", true),
            ("2028-01-01T00:00:00-12:00", false),
            ("2202-11-21T00:00:00Z", false),
            ("0026-11-28T00:00:00Z", false),
        ] {
            assert_eq!(Years::default().hold(at(text), received), holds, "{text}");
        }
    }

    #[test]
    fn a_civil_day_lies_in_the_years_of_any_clock() {
        let received = at("2026-12-31T10:00:00Z");
        for (text, holds) in [
            ("1899-12-31", false),
            ("1900-01-01", true),
            ("2028-12-31", true),
            ("2029-01-01", false),
            ("9999-12-31", false),
        ] {
            let day = Day::parse(text).expect("a day");
            assert_eq!(Years::default().hold_day(day, received), holds, "{text}");
        }
    }

    #[test]
    fn a_rule_sets_both_ends() {
        let years = Years::new(2020, 0);
        let received = at("2022-06-01T00:00:00Z");
        for (text, holds) in [
            ("2019-12-31T00:00:00Z", false),
            ("2020-01-01T00:00:00Z", true),
            ("2022-12-31T12:00:00Z", true),
            ("2023-01-02T00:00:00Z", false),
        ] {
            assert_eq!(years.hold(at(text), received), holds, "{text}");
        }
        assert_eq!((years.to_string().as_str(), Years::default().to_string().as_str()), ("2020 to +0", "1900 to +1"));
        assert!(Years::new(1, 100).hold(at("0001-01-01T00:00:00Z"), received));
    }
}
