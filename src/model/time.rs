//! Instants and civil days. Nothing here reads a clock: every time comes in with a record or a tick.

use prost_types::Timestamp as WireTimestamp;

/// An instant, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Whole minutes since 1970, rounded down: the precision specimens are compared with.
    pub fn minute(self) -> i64 {
        self.0.div_euclid(60_000)
    }

    /// Later by some hours.
    pub fn plus_hours(self, hours: i64) -> Self {
        Self(self.0 + hours * 3_600_000)
    }

    /// Later by some days of 24 hours.
    pub fn plus_days(self, days: i64) -> Self {
        self.plus_hours(days * 24)
    }

    /// From the contract's form; `None` outside the years 1 to 9999 or with nanoseconds out of range.
    pub fn from_wire(wire: &WireTimestamp) -> Option<Self> {
        const FIRST: i64 = -62_135_596_800;
        const LAST: i64 = 253_402_300_799;
        let valid = (FIRST..=LAST).contains(&wire.seconds) && (0..1_000_000_000).contains(&wire.nanos);
        valid.then(|| Self(wire.seconds * 1000 + i64::from(wire.nanos) / 1_000_000))
    }

    /// The contract's form.
    pub fn to_wire(self) -> WireTimestamp {
        WireTimestamp { seconds: self.0.div_euclid(1000), nanos: (self.0.rem_euclid(1000) * 1_000_000) as i32 }
    }
}

impl std::fmt::Display for Timestamp {
    /// RFC 3339 in UTC; outside the years it can name, the milliseconds.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(at) => write!(f, "{at}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

/// A civil day of the deployment's zone, in days since 1970-01-01.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

impl Day {
    /// Later by some days.
    pub fn plus(self, days: i32) -> Self {
        Self(self.0 + days)
    }

    /// The civil year.
    pub fn year(self) -> i32 {
        // Years of 400 times 365.2425 days, counted from a March, so that a leap day is a year's last.
        let days = i64::from(self.0) + 719_468;
        let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let begins_in_march = day - (365 * year + year / 4 - year / 100) >= 306;
        (era * 400 + year) as i32 + i32::from(begins_in_march)
    }

    /// Parses `YYYY-MM-DD`.
    pub fn parse(text: &str) -> Option<Self> {
        let date: jiff::civil::Date = text.parse().ok()?;
        let days = date.since(EPOCH).ok()?.get_days();
        // `jiff` also accepts other ISO forms; only the one in the contract is meant.
        (date.to_string() == text).then_some(Self(days))
    }
}

const EPOCH: jiff::civil::Date = jiff::civil::date(1970, 1, 1);

impl std::fmt::Display for Day {
    /// `YYYY-MM-DD`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let date = EPOCH.checked_add(jiff::Span::new().days(self.0)).map_err(|_| std::fmt::Error)?;
        write!(f, "{date}")
    }
}

/// Where civil days begin: the offsets of one time zone, laid out so that asking costs a comparison.
#[derive(Clone, Debug)]
pub struct Zone {
    /// Start of each stretch of constant offset (milliseconds since 1970) and that offset, in order.
    stretches: Vec<(i64, i64)>,
}

impl Zone {
    /// A zone by its IANA name; `None` when there is none of that name.
    pub fn named(name: &str) -> Option<Self> {
        let zone = jiff::tz::TimeZone::get(name).ok()?;
        let start = jiff::Timestamp::from_second(0).ok()?;
        let end = jiff::Timestamp::from_second(4_102_444_800).ok()?; // 2100-01-01
        let mut stretches = vec![(i64::MIN, offset_ms(&zone, start))];
        let transitions = zone.following(start).take_while(|change| change.timestamp() < end);
        stretches.extend(
            transitions
                .map(|change| (change.timestamp().as_millisecond(), i64::from(change.offset().seconds()) * 1000)),
        );
        Some(Self { stretches })
    }

    /// The civil day of an instant.
    pub fn day(&self, at: Timestamp) -> Day {
        let all = self.stretches.as_slice();
        let offset = match all.last() {
            // Where clocks are no longer changed, every result lies in the last stretch.
            Some((start, offset)) if *start <= at.0 => *offset,
            _ => all[all.partition_point(|(start, _)| *start <= at.0) - 1].1,
        };
        Day((at.0 + offset).div_euclid(DAY_MS) as i32)
    }

    /// The first and the last minute of a civil day, which has 23 or 25 hours where clocks are changed.
    pub fn span(&self, day: Day) -> (Timestamp, Timestamp) {
        let midnight = i64::from(day.0) * DAY_MS;
        // No offset is larger than a day.
        let first = self.stretches.partition_point(|(start, _)| *start <= midnight - 2 * DAY_MS).saturating_sub(1);
        let mut span = (Timestamp(i64::MAX), Timestamp(i64::MIN));
        for (at, (start, offset)) in self.stretches.iter().enumerate().skip(first) {
            let next = self.stretches.get(at + 1).map_or(i64::MAX, |(start, _)| *start);
            let (from, until) = ((midnight - offset).max(*start), (midnight + DAY_MS - offset).min(next));
            if from < until {
                span = (Timestamp(from.min(span.0.0)), Timestamp((until - 60_000).max(span.1.0)));
            }
            if next > midnight + 2 * DAY_MS {
                break;
            }
        }
        span
    }
}

/// A day of 24 hours.
pub const DAY_MS: i64 = 86_400_000;

fn offset_ms(zone: &jiff::tz::TimeZone, at: jiff::Timestamp) -> i64 {
    i64::from(zone.to_offset(at).seconds()) * 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_spans_all_minutes_that_belong_to_it() {
        // Tallinn changes clocks on the last Sundays of March and October, Shanghai never since 1991.
        for (zone, day, minutes) in [
            ("Asia/Shanghai", "2022-11-11", 1_440),
            ("Europe/Tallinn", "2020-03-28", 1_440),
            ("Europe/Tallinn", "2020-03-29", 1_380),
            ("Europe/Tallinn", "2020-10-25", 1_500),
            ("America/Havana", "2020-03-08", 1_380),
            ("Asia/Shanghai", "1969-12-31", 1_440),
            ("Asia/Shanghai", "2199-06-01", 1_440),
        ] {
            let (zone, day) = (Zone::named(zone).expect("a zone"), Day::parse(day).expect("a day"));
            let (first, last) = zone.span(day);
            assert_eq!((last.0 - first.0) / 60_000 + 1, minutes, "{day}");
            assert_eq!((zone.day(first), zone.day(last)), (day, day));
            let around = [first.0 - 60_000, last.0 + 60_000].map(|at| zone.day(Timestamp(at)));
            assert_eq!(around, [day.plus(-1), day.plus(1)], "{day}");
        }
    }

    #[test]
    fn a_day_is_the_civil_day_of_the_zone() {
        let shanghai = Zone::named("Asia/Shanghai").expect("known zone");
        let before_midnight = Timestamp(1_668_182_399_999); // 2022-11-11T15:59:59.999Z
        assert_eq!(shanghai.day(before_midnight).to_string(), "2022-11-11");
        assert_eq!(shanghai.day(Timestamp(before_midnight.0 + 1)).to_string(), "2022-11-12");
    }

    #[test]
    fn a_day_follows_daylight_saving() {
        let tallinn = Zone::named("Europe/Tallinn").expect("known zone");
        // 22:30Z is 00:30 the next day in winter (UTC+2) and 01:30 in summer (UTC+3); 21:30Z differs.
        let winter: jiff::Timestamp = "2020-03-28T21:30:00Z".parse().expect("a time");
        let summer: jiff::Timestamp = "2020-03-29T21:30:00Z".parse().expect("a time");
        assert_eq!(tallinn.day(Timestamp(winter.as_millisecond())).to_string(), "2020-03-28");
        assert_eq!(tallinn.day(Timestamp(summer.as_millisecond())).to_string(), "2020-03-30");
    }

    /// The epoch, 2000 (946,684,800), 10^9 and 2^31 - 1 seconds; the first second of protobuf's `Timestamp`, and its
    /// last.
    #[test]
    fn times_and_days_are_the_published_ones() {
        for (seconds, time, day) in [
            (0, "1970-01-01T00:00:00Z", 0),
            (946_684_800, "2000-01-01T00:00:00Z", 10_957),
            (1_000_000_000, "2001-09-09T01:46:40Z", 11_574),
            (2_147_483_647, "2038-01-19T03:14:07Z", 24_855),
            (-62_135_596_800, "0001-01-01T00:00:00Z", -719_162),
        ] {
            let at = Timestamp::from_wire(&WireTimestamp { seconds, nanos: 0 }).expect("within protobuf's years");
            assert_eq!((at.to_string().as_str(), at.to_wire().seconds), (time, seconds));
            assert_eq!(Day::parse(&time[..10]), Some(Day(day)), "{time}");
            assert_eq!(Day(day).to_string(), time[..10]);
            assert_eq!(Zone::named("Etc/UTC").expect("a zone").day(at), Day(day), "{time}");
        }
        for (seconds, is_time) in [(-62_135_596_801, false), (253_402_300_799, true), (253_402_300_800, false)] {
            assert_eq!(Timestamp::from_wire(&WireTimestamp { seconds, nanos: 0 }).is_some(), is_time);
        }
    }

    #[test]
    fn a_day_lies_in_the_year_that_the_library_says() {
        for day in (-720_000..2_900_000).step_by(91).chain(-800..800).filter(|day| *day >= -719_162) {
            let date = EPOCH.checked_add(jiff::Span::new().days(day)).expect("in range");
            assert_eq!(Day(day).year(), i32::from(date.year()), "{date}");
        }
        for year in [1, 4, 100, 400, 1899, 1900, 1999, 2000, 2024, 2026, 9998] {
            for (text, expected) in [(format!("{year:04}-01-01"), year), (format!("{year:04}-12-31"), year)] {
                assert_eq!(Day::parse(&text).map(Day::year), Some(expected), "{text}");
            }
        }
    }

    #[test]
    fn days_are_read_in_one_form_only() {
        assert_eq!(Day::parse("2022-11-11").map(|day| day.to_string()).as_deref(), Some("2022-11-11"));
        assert_eq!(Day::parse("20221111"), None);
        assert_eq!(Day::parse("2022-02-30"), None);
    }
}
