//! Times as they stand in JSON and in exports: RFC 3339, and what ISO 8601, Java and Python write beside it as long as
//! it can mean one thing only.
//!
//! In: a text. Out: what it says, part by part, nothing added. A year has four digits, every other number two: a text
//! with fewer is no time, as it could be another one.

use super::outcome::RejectCode;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};

/// A time as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written<'a> {
    /// The civil day.
    pub date: Date,
    /// The time of day, unless only the day is written.
    pub time: Option<Time>,
    /// Whether the second is a leap second; `time` holds the one before it.
    pub leaps: bool,
    /// The offset from UTC.
    pub offset: Option<Offset>,
    /// Whether the offset is written `Z`: it names the instant, and says nothing about where that was.
    pub is_zulu: bool,
    /// The zone's name in brackets.
    pub zone: Option<&'a str>,
}

/// Seconds of the largest offset a place has ever had, rounded up: what Java takes as well.
const LARGEST_OFFSET: i32 = 18 * 3600;

/// Takes a text apart; `None` when it is no time.
pub fn parse(text: &str) -> Option<Written<'_>> {
    let (text, zone) = match text.strip_suffix(']') {
        Some(text) => text.split_once('[').map(|(text, zone)| (text, Some(zone)))?,
        None => (text, None),
    };
    let mut rest = Rest(text.as_bytes());
    let date = rest.date()?;
    if rest.0.is_empty() {
        return Some(Written { date, time: None, leaps: false, offset: None, is_zulu: false, zone });
    }
    if !rest.skip(|byte| matches!(byte, b'T' | b't' | b' ')) {
        return None;
    }
    let (time, leaps) = rest.time()?;
    // Ruby, Go and databases put a space before an offset.
    let spaced = rest.skip(|byte| byte == b' ');
    let offset = if rest.0.is_empty() { None } else { Some(offset(std::str::from_utf8(rest.0).ok()?)?) };
    let is_zulu = rest.0.eq_ignore_ascii_case(b"Z");
    (!spaced || offset.is_some()).then_some(Written { date, time: Some(time), leaps, offset, is_zulu, zone })
}

/// The instant a text names by itself: with an offset. A zone in brackets behind it must agree.
pub fn instant(text: &str) -> Result<jiff::Timestamp, RejectCode> {
    let written = parse(text).ok_or(RejectCode::InvalidTime)?;
    let (Some(time), Some(offset)) = (written.time, written.offset) else {
        return Err(RejectCode::TimeWithoutOffset);
    };
    let at = at_offset(written.date.to_datetime(time), offset, written.leaps)?;
    match written.zone.map(named_zone).transpose()? {
        // The two say different times.
        Some(zone) if !written.is_zulu && zone.to_offset(at) != offset => Err(RejectCode::InvalidTime),
        _ => Ok(at),
    }
}

/// The instant of a civil time at an offset. A leap second there never was is none.
pub fn at_offset(civil: DateTime, offset: Offset, leaps: bool) -> Result<jiff::Timestamp, RejectCode> {
    let at = offset.to_timestamp(civil).map_err(|_| RejectCode::InvalidTime)?;
    let utc = Offset::UTC.to_datetime(at);
    let could_leap = matches!((utc.month(), utc.day(), utc.hour(), utc.minute()), (6, 30, 23, 59) | (12, 31, 23, 59));
    if leaps && !could_leap { Err(RejectCode::InvalidTime) } else { Ok(at) }
}

/// A zone by its IANA name, as it stands behind a time.
pub fn named_zone(name: &str) -> Result<TimeZone, RejectCode> {
    let zone = TimeZone::get(name).map_err(|_| RejectCode::InvalidTime)?;
    if zone.is_unknown() { Err(RejectCode::InvalidTime) } else { Ok(zone) }
}

/// An offset: `Z`, `+08`, `+0800`, `+08:00`, with seconds where clocks went by the sun.
pub fn offset(text: &str) -> Option<Offset> {
    let mut rest = Rest(text.as_bytes());
    if rest.skip(|byte| matches!(byte, b'Z' | b'z')) {
        return rest.0.is_empty().then_some(Offset::UTC);
    }
    let behind = rest.skip(|byte| byte == b'-');
    if !behind && !rest.skip(|byte| byte == b'+') {
        return None;
    }
    let mut seconds = i32::from(rest.number(2)?) * 3600;
    let mut colon = None;
    for unit in [60, 1] {
        if rest.0.is_empty() {
            break;
        }
        let colon_here = rest.skip(|byte| byte == b':');
        if *colon.get_or_insert(colon_here) != colon_here {
            return None;
        }
        seconds += i32::from(rest.number(2).filter(|number| *number < 60)?) * unit;
    }
    let fits = rest.0.is_empty() && seconds <= LARGEST_OFFSET;
    fits.then(|| Offset::from_seconds(if behind { -seconds } else { seconds }).ok()).flatten()
}

/// What is left of a text.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    /// Passes over one byte if it is such a one.
    fn skip(&mut self, such: impl Fn(u8) -> bool) -> bool {
        match self.0.split_first() {
            Some((first, rest)) if such(*first) => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    /// A number of just so many digits.
    fn number(&mut self, digits: usize) -> Option<i16> {
        let (number, rest) = self.0.split_at_checked(digits)?;
        if !number.iter().all(u8::is_ascii_digit) {
            return None;
        }
        self.0 = rest;
        Some(number.iter().fold(0, |value, digit| value * 10 + i16::from(digit - b'0')))
    }

    fn small(&mut self) -> Option<i8> {
        self.number(2)?.try_into().ok()
    }

    /// `2022-11-11` or `20221111`.
    fn date(&mut self) -> Option<Date> {
        let year = self.number(4)?;
        let dashed = self.skip(|byte| byte == b'-');
        let month = self.small()?;
        if dashed && !self.skip(|byte| byte == b'-') {
            return None;
        }
        Date::new(year, month, self.small()?).ok().filter(|date| date.year() > 0)
    }

    /// `08:30`, `08:30:15.25` or `0830`, `083015.25`, and whether it is a leap second.
    fn time(&mut self) -> Option<(Time, bool)> {
        let hour = self.small()?;
        let colon = self.skip(|byte| byte == b':');
        let minute = self.small()?;
        let is_digit = |rest: &Self| rest.0.first().is_some_and(u8::is_ascii_digit);
        let has_seconds = if colon { self.skip(|byte| byte == b':') } else { is_digit(self) };
        if !has_seconds {
            return Time::new(hour, minute, 0, 0).ok().map(|time| (time, false));
        }
        let second = self.small()?;
        let nanos = if self.skip(|byte| matches!(byte, b'.' | b',')) { self.nanos()? } else { 0 };
        let leaps = second == 60;
        Time::new(hour, minute, if leaps { 59 } else { second }, nanos).ok().map(|time| (time, leaps))
    }

    /// Digits of a fraction, of which those behind nanoseconds are not kept.
    fn nanos(&mut self) -> Option<i32> {
        let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (fraction, rest) = self.0.split_at(digits);
        self.0 = rest;
        let kept = fraction.iter().map(|digit| i32::from(digit - b'0')).chain(std::iter::repeat(0)).take(9);
        (digits > 0).then(|| kept.fold(0, |value, digit| value * 10 + digit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> Result<String, RejectCode> {
        instant(text).map(|at| at.to_string())
    }

    #[test]
    fn what_rfc_3339_java_and_python_write_is_one_instant() {
        for text in [
            "2026-11-28T08:30:00+08:00",
            "2026-11-28T08:30+08:00",
            "2026-11-28T08:30:00.000+08:00",
            "2026-11-28t00:30:00z",
            "2026-11-28T00:30:00Z",
            "2026-11-28 08:30:00+0800",
            "2026-11-28T08:30:00+08",
            "2026-11-28T08:30:00+08:00[Asia/Shanghai]",
            "2026-11-28T00:30Z[UTC]",
            "2026-11-28T00:30:00Z[Asia/Shanghai]",
            "2026-11-28 08:30:00 +0800",
            "2026-11-27T19:00:00-05:30",
            "2026-11-28T08:30:00,0000000000000+08:00",
            "20261128T083000+0800",
            "20261128T0030Z",
            "2026-11-28T00:30:00-00:00",
        ] {
            assert_eq!(utc(text).as_deref(), Ok("2026-11-28T00:30:00Z"), "{text}");
        }
    }

    #[test]
    fn fractions_have_any_number_of_digits() {
        assert_eq!(utc("2026-11-28T00:30:00.5Z").as_deref(), Ok("2026-11-28T00:30:00.5Z"));
        assert_eq!(utc("2026-11-28T00:30:00.123456789987654321Z").as_deref(), Ok("2026-11-28T00:30:00.123456789Z"));
        assert_eq!(utc("2026-11-28T00:30:00.Z"), Err(RejectCode::InvalidTime));
    }

    #[test]
    fn a_leap_second_is_the_last_one_of_its_minute_and_only_where_there_could_be_one() {
        assert_eq!(utc("2016-12-31T23:59:60Z").as_deref(), Ok("2016-12-31T23:59:59Z"));
        assert_eq!(utc("2017-01-01T07:59:60+08:00").as_deref(), Ok("2016-12-31T23:59:59Z"));
        for text in
            ["2016-12-31T23:59:60+08:00", "2026-11-28T23:59:60Z", "2016-12-31T23:58:60Z", "2016-12-31T23:59:61Z"]
        {
            assert_eq!(utc(text), Err(RejectCode::InvalidTime), "{text}");
        }
    }

    #[test]
    fn a_time_without_offset_names_no_instant() {
        for text in
            ["2026-11-28T08:30:00", "2026-11-28 08:30", "2026-11-28", "20261128", "2026-11-28T08:30:00[Asia/Shanghai]"]
        {
            assert_eq!(utc(text), Err(RejectCode::TimeWithoutOffset), "{text}");
        }
    }

    #[test]
    fn what_could_be_another_time_is_none() {
        for text in [
            "",
            "26-11-28T08:30:00Z",
            "026-11-28T08:30:00Z",
            "12026-11-28T08:30:00Z",
            "+002026-11-28T08:30:00Z",
            "-2026-11-28T08:30:00Z",
            "0000-11-28T08:30:00Z",
            "2026-1-28T08:30:00Z",
            "2026-11-8T08:30:00Z",
            "2026-1128T08:30:00Z",
            "202611-28T08:30:00Z",
            "2026-02-29T08:30:00Z",
            "2026-11-28T8:30:00Z",
            "2026-11-28T08:3:00Z",
            "2026-11-28T08:30:0Z",
            "2026-11-28T08:3000Z",
            "2026-11-28T24:00:00Z",
            "2026-11-28T08:30:00X",
            "2026-11-28T08:30:00ZZ",
            "2026-11-28T08:30:00+8",
            "2026-11-28T08:30:00+08:0",
            "2026-11-28T08:30:00+08:00:0000",
            "2026-11-28T08:30:00+080:0",
            "2026-11-28T08:30:00+08:60",
            "2026-11-28T08:30:00+19:00",
            "2026-11-28T08:30:00+80:00",
            "2026-11-28T08:30:00 UTC",
            "2026-11-28T08:30:00 ",
            "2026-11-28T08:30:00\u{2212}08:00",
            "2026-11-28T08",
            "2026-11-28T08Z",
            "2026-11-28Z",
            "2026-11-28+08:00",
            "2026-11-28 08:30:00  +08:00",
            " 2026-11-28T08:30:00Z",
            "2026-332T08:30:00Z",
            "2026-W48-6T08:30:00Z",
            "1795826000",
            "２026-11-28T08:30:00Z",
        ] {
            assert_eq!(utc(text), Err(RejectCode::InvalidTime), "{text}");
        }
    }

    #[test]
    fn a_zone_that_contradicts_the_offset_is_refused() {
        for text in [
            "2026-11-28T08:30:00+09:00[Asia/Shanghai]",
            "2026-11-28T00:30:00+00:00[Asia/Shanghai]",
            "2026-11-28T08:30:00+08:00[Mars/Olympus]",
            "2026-11-28T08:30:00+08:00[]",
            "2026-11-28T08:30:00+08:00[Asia/Shanghai][u-ca=chinese]",
            "2026-11-28T08:30:00+08:00[u-ca=chinese]",
            "2026-11-28T08:30:00+08:00[Asia/Shanghai",
            "2026-11-28T08:30:00[Asia/Shanghai]+08:00",
        ] {
            assert_eq!(utc(text), Err(RejectCode::InvalidTime), "{text}");
        }
    }

    /// The library's own reader of RFC 3339 and ours never read two times out of one text.
    #[test]
    fn the_librarys_reader_reads_the_same_where_both_read() {
        let mut both = 0;
        for hours in 0..24 {
            for (offset, text) in [(0, "Z"), (480, "+08:00"), (-210, "-0330"), (765, "+12:45"), (60, "+01")] {
                for rest in ["", ":07", ":07.5", ":59.000000001"] {
                    let text = format!(
                        "20{:02}-0{}-1{}T{hours:02}:{:02}{rest}{text}",
                        hours + 3,
                        1 + hours % 9,
                        hours % 9,
                        offset % 30 + 30
                    );
                    let ours = instant(&text).ok();
                    if let Ok(theirs) = text.parse::<jiff::Timestamp>() {
                        assert_eq!(ours, Some(theirs), "{text}");
                        both += 1;
                    }
                }
            }
        }
        assert_eq!(both, 24 * 5 * 4);
    }
}
