//! Times as they stand in exports: with an offset, in a zone, or a day only.

use super::spec::{Ambiguous, Source};
use crate::model::outcome::RejectCode;
use crate::model::time::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

/// How a column's times are to be read.
#[derive(Clone, Debug)]
pub(super) struct Times {
    /// Directives of strftime; RFC 3339 or its civil part when absent.
    format: Option<String>,
    /// Of times without an offset.
    zone: Option<TimeZone>,
    /// Of cells that hold a day only.
    time_of_day: Time,
    ambiguous: Ambiguous,
    /// Whether cells have a type of their own, and RFC 3339 is read beside the format.
    is_typed: bool,
}

/// A time as read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReadTime {
    pub at: Timestamp,
    /// Whether the cell held a day only.
    pub is_day: bool,
}

impl Times {
    /// From a map; `zone` is the whole file's. An error is (what is wrong and what to do).
    pub fn new(source: &Source, zone: Option<&str>) -> Result<Self, String> {
        let zone = source.zone.as_deref().or(zone).map(named_zone).transpose()?;
        if let Some(format) = &source.format {
            check_format(format, zone.is_some())?;
        }
        let time_of_day = source.time_of_day.as_deref().map(|text| {
            text.parse().map_err(|_| "`time_of_day` is no time of day; write e.g. \"23:59:59\"".to_owned())
        });
        Ok(Self {
            format: source.format.clone(),
            zone,
            time_of_day: time_of_day.transpose()?.unwrap_or(Time::midnight()),
            ambiguous: source.ambiguous.unwrap_or_default(),
            is_typed: false,
        })
    }

    /// Dates come as RFC 3339 has them, whatever the format says of texts.
    pub fn take_typed_cells(&mut self) {
        self.is_typed = true;
    }

    /// Reads one cell.
    pub fn read(&self, text: &str) -> Result<ReadTime, RejectCode> {
        match &self.format {
            Some(format) => match self.by_format(format, text) {
                Err(_) if self.is_typed => self.by_standard(text),
                read => read,
            },
            None => self.by_standard(text),
        }
    }

    fn by_format(&self, format: &str, text: &str) -> Result<ReadTime, RejectCode> {
        let broken_down = strtime::parse(format, text).map_err(|_| RejectCode::InvalidTime)?;
        if let Ok(at) = broken_down.to_timestamp() {
            return Ok(instant(at, false));
        }
        let date = broken_down.to_date().map_err(|_| RejectCode::InvalidTime)?;
        match broken_down.hour() {
            None => self.of_day(date),
            Some(_) => {
                let time = broken_down.to_time().map_err(|_| RejectCode::InvalidTime)?;
                self.of_civil(date.to_datetime(time))
            }
        }
    }

    fn by_standard(&self, text: &str) -> Result<ReadTime, RejectCode> {
        if let Ok(at) = text.parse::<jiff::Timestamp>() {
            return Ok(instant(at, false));
        }
        // A day is tried first: as a date with time it would be midnight.
        if text.len() == "2022-11-11".len() {
            return self.of_day(text.parse().map_err(|_| RejectCode::InvalidTime)?);
        }
        self.of_civil(text.parse().map_err(|_| RejectCode::InvalidTime)?)
    }

    fn of_day(&self, date: Date) -> Result<ReadTime, RejectCode> {
        let zone = self.zone.as_ref().ok_or(RejectCode::TimeWithoutOffset)?;
        // Where midnight is skipped by the clock, the day begins with the first time there is.
        let zoned = zone.to_ambiguous_timestamp(date.to_datetime(self.time_of_day)).compatible();
        zoned.map(|at| instant(at, true)).map_err(|_| RejectCode::InvalidTime)
    }

    fn of_civil(&self, civil: DateTime) -> Result<ReadTime, RejectCode> {
        let zone = self.zone.as_ref().ok_or(RejectCode::TimeWithoutOffset)?;
        let possible = zone.to_ambiguous_timestamp(civil);
        let at = match self.ambiguous {
            Ambiguous::Refuse => possible.unambiguous(),
            Ambiguous::Earlier => possible.earlier(),
            Ambiguous::Later => possible.later(),
        };
        at.map(|at| instant(at, false)).map_err(|_| RejectCode::InvalidTime)
    }
}

fn instant(at: jiff::Timestamp, is_day: bool) -> ReadTime {
    ReadTime { at: Timestamp(at.as_millisecond()), is_day }
}

/// A zone by its IANA name.
pub(super) fn named_zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| format!("there is no time zone `{name}`; write e.g. \"Asia/Shanghai\""))
}

/// Formats are tried out on some time when the map is read, not on the first row.
fn check_format(format: &str, has_zone: bool) -> Result<(), String> {
    let written = |zone: TimeZone| {
        let some = jiff::Timestamp::UNIX_EPOCH.to_zoned_datetime(zone);
        strtime::format(format, &some).map_err(|error| format!("`format` cannot be used: {error}"))
    };
    let text = written(TimeZone::UTC)?;
    let read = strtime::parse(format, &text).map_err(|error| format!("`format` cannot be used to read: {error}"))?;
    if read.to_date().is_err() && read.to_timestamp().is_err() {
        return Err("`format` names no day; it needs e.g. %Y, %m and %d".to_owned());
    }
    if read.to_timestamp().is_err() && !has_zone {
        return Err("`format` has no offset; add `zone = \"…\"` here or for the whole file".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(format: Option<&str>, zone: Option<&str>, ambiguous: Ambiguous) -> Times {
        let source = Source { format: format.map(str::to_owned), ambiguous: Some(ambiguous), ..Source::default() };
        Times::new(&source, zone).expect("right")
    }

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().expect("a time").as_millisecond())
    }

    #[test]
    fn times_are_read_with_an_offset_or_in_the_zone() {
        let standard = times(None, Some("Europe/Tallinn"), Ambiguous::Refuse);
        for (text, utc, is_day) in [
            ("2020-03-10T14:22:51Z", "2020-03-10T14:22:51Z", false),
            ("2020-03-10T14:22:51+08:00", "2020-03-10T06:22:51Z", false),
            ("2020-03-10T14:22:51", "2020-03-10T12:22:51Z", false),
            ("2020-03-10 14:22", "2020-03-10T12:22:00Z", false),
            ("2020-03-10", "2020-03-09T22:00:00Z", true),
            ("2020-03-10T00:00:00", "2020-03-09T22:00:00Z", false),
            ("2020-03-29T00:00:00", "2020-03-28T22:00:00Z", false),
            ("2020-03-30T00:00:00", "2020-03-29T21:00:00Z", false),
        ] {
            assert_eq!(standard.read(text), Ok(ReadTime { at: at(utc), is_day }), "{text}");
        }
    }

    #[test]
    fn times_are_read_by_a_format() {
        let german = times(Some("%d.%m.%Y %H:%M"), Some("Europe/Berlin"), Ambiguous::Refuse);
        assert_eq!(german.read("01.02.2021 03:04"), Ok(ReadTime { at: at("2021-02-01T02:04:00Z"), is_day: false }));
        let day = times(Some("%d/%m/%Y"), Some("Asia/Shanghai"), Ambiguous::Refuse);
        assert_eq!(day.read("11/11/2022"), Ok(ReadTime { at: at("2022-11-10T16:00:00Z"), is_day: true }));
        let offset = times(Some("%Y%m%d%H%M%S%z"), None, Ambiguous::Refuse);
        assert_eq!(offset.read("20221111080000+0800"), Ok(ReadTime { at: at("2022-11-11T00:00:00Z"), is_day: false }));
        let epoch = times(Some("%s"), None, Ambiguous::Refuse);
        assert_eq!(epoch.read("60"), Ok(ReadTime { at: at("1970-01-01T00:01:00Z"), is_day: false }));
        for text in ["2022-11-11", "31/02/2022", "11/11/2022 ", ""] {
            assert_eq!(day.read(text), Err(RejectCode::InvalidTime), "{text}");
        }
    }

    #[test]
    fn a_time_the_clock_shows_twice_or_never_is_refused_unless_the_map_decides() {
        // Tallinn: 03:30 on 2020-03-29 never was, 03:30 on 2020-10-25 was twice.
        let (never, twice) = ("2020-03-29T03:30:00", "2020-10-25T03:30:00");
        let refuse = times(None, Some("Europe/Tallinn"), Ambiguous::Refuse);
        assert_eq!(refuse.read(never), Err(RejectCode::InvalidTime));
        assert_eq!(refuse.read(twice), Err(RejectCode::InvalidTime));
        let earlier = times(None, Some("Europe/Tallinn"), Ambiguous::Earlier);
        assert_eq!(earlier.read(twice).map(|read| read.at), Ok(at("2020-10-25T00:30:00Z")));
        let later = times(None, Some("Europe/Tallinn"), Ambiguous::Later);
        assert_eq!(later.read(twice).map(|read| read.at), Ok(at("2020-10-25T01:30:00Z")));
    }

    #[test]
    fn a_day_whose_midnight_never_was_begins_after_it() {
        let beirut = times(None, Some("Asia/Beirut"), Ambiguous::Refuse);
        assert_eq!(beirut.read("2022-03-27"), Ok(ReadTime { at: at("2022-03-26T22:00:00Z"), is_day: true }));
    }

    #[test]
    fn without_a_zone_no_offset_is_guessed() {
        let none = times(None, None, Ambiguous::Refuse);
        assert_eq!(none.read("2020-03-10T14:22:51"), Err(RejectCode::TimeWithoutOffset));
        assert_eq!(none.read("2020-03-10"), Err(RejectCode::TimeWithoutOffset));
        assert!(none.read("2020-03-10T14:22:51Z").is_ok());
    }

    #[test]
    fn wrong_formats_are_found_when_the_map_is_read() {
        for (format, zone, says) in [
            ("%d.%m.%Y", None, "no offset"),
            ("%H:%M", Some("UTC"), "no day"),
            ("%Y-%m-%d %!", Some("UTC"), "cannot be used"),
        ] {
            let source = Source { format: Some(format.to_owned()), ..Source::default() };
            let error = Times::new(&source, zone).expect_err(format);
            assert!(error.contains(says), "{error}");
        }
        let zone = Source { zone: Some("Europe/Talinn".to_owned()), ..Source::default() };
        assert!(Times::new(&zone, None).expect_err("no such zone").contains("no time zone"));
    }
}
