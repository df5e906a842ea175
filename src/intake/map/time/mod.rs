//! Times as they stand in exports: with an offset, in a zone, or a day only; one format or several in a column.

use super::format::{Format, looks_like};
use super::said::{Place, Said, When};
use super::spec::{Ambiguous, OneOrMore, Source};
use crate::model::outcome::RejectCode;
use crate::model::time::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};

/// Of the last year that can be written, the last hours are no times in some zones: people write it for "never".
const LAST_YEAR: i16 = 9999;

/// How a column's times are to be read.
#[derive(Clone, Debug)]
pub(super) struct Times {
    /// At least one; of each text just one must be the right one.
    formats: Vec<Format>,
    /// Of times that do not say where they were.
    zone: Option<TimeZone>,
    /// Of cells that hold a day only.
    time_of_day: Time,
    ambiguous: Ambiguous,
    /// No zone was named, and none is needed: cells hold days.
    days_alone: bool,
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
        let own_zone = source.zone.is_some();
        let zone = source.zone.as_deref().or(zone).map(named_zone).transpose()?;
        let written: &[String] = source.format.as_ref().map_or(&[], OneOrMore::all);
        let formats = written.iter().map(|format| Format::new(format)).collect::<Result<Vec<_>, _>>()?;
        if source.format.is_some() && formats.is_empty() {
            return Err("`format` names none; leave it out for RFC 3339 and YYYY-MM-DD".to_owned());
        }
        if zone.is_none() && formats.iter().any(|format| !format.says_place()) {
            return Err("`format` has no offset; add `zone = \"…\"` here or for the whole file".to_owned());
        }
        let all_say = !formats.is_empty()
            && formats.iter().all(|format| matches!(format, Format::Pattern(_)) && format.says_place());
        if own_zone && all_say {
            return Err("every time says its own zone by `format`; remove `zone`, which would not count".to_owned());
        }
        let time_of_day = source.time_of_day.as_deref().map(|text| {
            text.parse().map_err(|_| "`time_of_day` is no time of day; write e.g. \"23:59:59\"".to_owned())
        });
        let times = Self {
            formats: if formats.is_empty() { vec![Format::Iso] } else { formats },
            zone,
            time_of_day: time_of_day.transpose()?.unwrap_or(Time::midnight()),
            ambiguous: source.ambiguous.unwrap_or_default(),
            days_alone: false,
        };
        times.check_against_each_other(written)?;
        Ok(times)
    }

    /// Of days alone, which are the same in every zone.
    pub fn of_days(source: &Source, zone: Option<&str>) -> Result<Self, String> {
        let is_zoned = source.zone.is_some() || zone.is_some();
        Self::new(source, zone.or(Some("UTC"))).map(|times| Self { days_alone: !is_zoned, ..times })
    }

    /// Whether one of the formats can say no time of day.
    pub fn have_a_format_of_days(&self) -> bool {
        self.formats.iter().any(Format::is_of_days)
    }

    /// Dates come as RFC 3339 has them, whatever the formats say of texts.
    pub fn take_typed_cells(&mut self) {
        if !self.formats.iter().any(|format| matches!(format, Format::Iso)) {
            self.formats.push(Format::Iso);
        }
    }

    /// Two formats that read one text as two times cannot stand in one column.
    fn check_against_each_other(&self, written: &[String]) -> Result<(), String> {
        // A day and a month that could be each other, a year that could be hours and minutes.
        for (day, hour) in [(5, 9), (11, 10), (12, 3)] {
            let some = jiff::civil::date(2012, 10, day).at(hour, 8, 7, 0).to_zoned_datetime(TimeZone::UTC);
            let texts = self.formats.iter().map(|format| some.as_ref().ok().and_then(|some| format.write(some)));
            for (at, text) in texts.enumerate().filter_map(|(at, text)| Some((at, text?))) {
                let read = |format: &Format| format.read(&text).map(|said| self.settle(said));
                let own = read(&self.formats[at]);
                let other = self.formats.iter().position(|other| read(other).is_some_and(|said| Some(said) != own));
                if let Some(other) = other {
                    return Err(format!(
                        "`{}` and `{}` read the same text as two different times; keep one of them",
                        written[at.min(other)],
                        written[at.max(other)]
                    ));
                }
            }
        }
        Ok(())
    }

    /// Reads one cell. Where several formats fit, all must say the same.
    pub fn read(&self, text: &str) -> Result<ReadTime, RejectCode> {
        let mut found: Option<Result<ReadTime, RejectCode>> = None;
        for said in self.formats.iter().filter_map(|format| format.read(text)) {
            let read = self.settle(said);
            match &found {
                Some(before) if *before != read => return Err(RejectCode::InvalidTime),
                _ => found = Some(read),
            }
        }
        found.unwrap_or(Err(RejectCode::InvalidTime))
    }

    /// Reads the civil day of one cell: the one it says, or that of its time in the zone that the map names.
    pub fn read_day(&self, text: &str) -> Result<Date, RejectCode> {
        let mut alone = self.formats.iter().filter_map(|format| format.read(text)).map(|said| said.day_alone());
        // A day needs no time of it: the last that there is has none in some zones, and its year is judged by the rules.
        if let Some(day) = alone.next().flatten().filter(|day| alone.all(|other| other == Some(*day))) {
            return Ok(day);
        }
        let read = self.read(text)?;
        let said = self.formats.iter().filter_map(|format| format.read(text)).find_map(|said| match said.when {
            When::Day(date) => Some(date),
            _ => None,
        });
        let zone = || self.zone.clone().filter(|_| !self.days_alone).ok_or(RejectCode::TimeWithoutOffset);
        let at = jiff::Timestamp::from_millisecond(read.at.0).map_err(|_| RejectCode::InvalidTime)?;
        said.map_or_else(|| zone().map(|zone| zone.to_datetime(at).date()), Ok)
    }

    /// Why a cell was refused, without what it says.
    pub fn explain(&self, text: &str, code: RejectCode) -> &'static str {
        if code == RejectCode::TimeWithoutOffset {
            return "a time without offset, and the map names no `zone`";
        }
        let said: Vec<Said> = self.formats.iter().filter_map(|format| format.read(text)).collect();
        match &said[..] {
            [] => looks_like(text, &self.formats).unwrap_or("no time of the map's `format`"),
            [one] if one.year() == Some(LAST_YEAR) => "lies in no plausible year",
            [_] => "a time that the clock showed twice or never, or an offset that its zone never had",
            _ => "formats of the map read it as different times",
        }
    }

    fn settle(&self, said: Said) -> Result<ReadTime, RejectCode> {
        match (said.when, said.place) {
            (When::Instant(at), _) => Ok(instant(at, false)),
            (When::Day(date), place) => self.of_day(date, place),
            (When::Civil(civil), Place::Offset(offset)) => at_offset(civil, offset).map(|at| instant(at, false)),
            (When::Civil(civil), Place::Both(offset, zone)) => {
                let at = at_offset(civil, offset)?;
                if zone.to_offset(at) == offset { Ok(instant(at, false)) } else { Err(RejectCode::InvalidTime) }
            }
            (When::Civil(civil), Place::Zone(zone)) => self.of_civil(civil, &zone),
            (When::Civil(civil), Place::Unsaid) => {
                self.of_civil(civil, self.zone.as_ref().ok_or(RejectCode::TimeWithoutOffset)?)
            }
        }
    }

    fn of_day(&self, date: Date, place: Place) -> Result<ReadTime, RejectCode> {
        let civil = date.to_datetime(self.time_of_day);
        let zone = match place {
            Place::Offset(offset) => return at_offset(civil, offset).map(|at| instant(at, true)),
            Place::Zone(zone) | Place::Both(_, zone) => zone,
            Place::Unsaid => self.zone.clone().ok_or(RejectCode::TimeWithoutOffset)?,
        };
        // Where midnight is skipped by the clock, the day begins with the first time there is.
        let zoned = zone.to_ambiguous_timestamp(civil).compatible();
        zoned.map(|at| instant(at, true)).map_err(|_| RejectCode::InvalidTime)
    }

    fn of_civil(&self, civil: DateTime, zone: &TimeZone) -> Result<ReadTime, RejectCode> {
        let possible = zone.to_ambiguous_timestamp(civil);
        let at = match self.ambiguous {
            Ambiguous::Refuse => possible.unambiguous(),
            Ambiguous::Earlier => possible.earlier(),
            Ambiguous::Later => possible.later(),
        };
        at.map(|at| instant(at, false)).map_err(|_| RejectCode::InvalidTime)
    }
}

fn at_offset(civil: DateTime, offset: Offset) -> Result<jiff::Timestamp, RejectCode> {
    offset.to_timestamp(civil).map_err(|_| RejectCode::InvalidTime)
}

fn instant(at: jiff::Timestamp, is_day: bool) -> ReadTime {
    ReadTime { at: Timestamp(at.as_millisecond()), is_day }
}

/// A zone by its IANA name.
pub(super) fn named_zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| format!("there is no time zone `{name}`; write e.g. \"Asia/Shanghai\""))
}

#[cfg(test)]
mod tests;
