//! One way in which times are written: a pattern of strftime directives, or a named form.
//!
//! In: the pattern or name, from a map; then texts. Out: what a text says, read by the library once it is certain which
//! characters belong to which directive. The library itself takes fewer digits than a directive names, and spaces that
//! are not there: a year 26 for 2026, 8:3 for 8:30. Here a field takes as many digits as it has; only a day, a month or
//! an hour with something else than digits on both sides may go without its leading zero.

use super::pattern::Pattern;
use super::said::{Place, Said, When};
use crate::model::written;
use jiff::civil::{Date, Time};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ToSpan as _};

/// One way to read times.
#[derive(Clone, Debug)]
pub(super) enum Format {
    /// RFC 3339 and ISO 8601, with or without offset and time.
    Iso,
    /// HL7's `YYYYMMDD[HHMM[SS[.S]]][+ZZZZ]`.
    Hl7(Vec<Pattern>),
    /// Days since the end of 1899, or since 1904, with the time as a fraction.
    Excel { from_1904: bool },
    /// Seconds since 1970.
    EpochSeconds,
    /// Milliseconds since 1970.
    EpochMilliseconds,
    /// Directives of strftime.
    Pattern(Pattern),
}

/// Names of forms that no pattern can say.
const NAMES: &str = "iso, hl7, excel, excel-1904, epoch-seconds, epoch-milliseconds";

/// What HL7's times come to, cut where they are not known. An hour without minutes is not among them: it is known
/// better than the day and worse than the minute.
const HL7: [&str; 8] = [
    "%Y%m%d",
    "%Y%m%d%z",
    "%Y%m%d%H%M",
    "%Y%m%d%H%M%z",
    "%Y%m%d%H%M%S",
    "%Y%m%d%H%M%S%z",
    "%Y%m%d%H%M%S.%f",
    "%Y%m%d%H%M%S.%f%z",
];

impl Format {
    /// A format as a map writes it. An error is (what is wrong and what to do).
    pub fn new(text: &str) -> Result<Self, String> {
        Ok(match text {
            "iso" => Format::Iso,
            "hl7" => Format::Hl7(HL7.iter().map(|pattern| Pattern::new(pattern)).collect::<Result<_, _>>()?),
            "excel" => Format::Excel { from_1904: false },
            "excel-1904" => Format::Excel { from_1904: true },
            "epoch-seconds" | "%s" => Format::EpochSeconds,
            "epoch-milliseconds" => Format::EpochMilliseconds,
            name if !name.contains('%') => {
                return Err(format!(
                    "there is no format `{name}`; write directives such as \"%Y-%m-%d\", or one of: {NAMES}"
                ));
            }
            pattern => Format::Pattern(Pattern::new(pattern)?),
        })
    }

    /// Whether each text says by itself where it was so late.
    pub fn says_place(&self) -> bool {
        match self {
            Format::EpochSeconds | Format::EpochMilliseconds => true,
            Format::Pattern(pattern) => pattern.says_place(),
            // Only some of their texts do.
            Format::Iso | Format::Hl7(_) => true,
            Format::Excel { .. } => false,
        }
    }

    /// Whether none of its texts can say a time of day.
    pub fn is_of_days(&self) -> bool {
        matches!(self, Format::Pattern(pattern) if pattern.is_of_days())
    }

    /// What a text says; `None` when it is not written so, or there is no such time.
    pub fn read(&self, text: &str) -> Option<Said> {
        match self {
            Format::Iso => iso(text),
            Format::Hl7(patterns) => patterns.iter().find_map(|pattern| pattern.read(text)),
            Format::Excel { from_1904 } => excel(text, *from_1904),
            Format::EpochSeconds => epoch(text, 10, 1000),
            Format::EpochMilliseconds => epoch(text, 13, 1),
            Format::Pattern(pattern) => pattern.read(text),
        }
    }

    /// Whether a text is written so as far as digits and letters go, and only says what cannot be.
    fn is_shaped_like(&self, text: &str) -> bool {
        let some = jiff::civil::date(2012, 10, 15).at(14, 13, 12, 0).to_zoned_datetime(TimeZone::UTC);
        let Ok(some) = some else { return false };
        let is_so = |written: Option<String>| written.is_some_and(|written| shape(&written) == shape(text));
        match self {
            Format::Pattern(pattern) => is_so(pattern.write(&some)),
            Format::Hl7(patterns) => patterns.iter().any(|pattern| is_so(pattern.write(&some))),
            Format::Iso => {
                let whole = some.datetime().to_string();
                let spaced = whole.replacen('T', " ", 1);
                let cut = |text: &str, most: usize| text.get(..most).map(str::to_owned);
                [cut(&whole, 10), cut(&whole, 16), cut(&spaced, 16), Some(whole.clone()), Some(spaced.clone())]
                    .into_iter()
                    .any(is_so)
            }
            Format::Excel { .. } | Format::EpochSeconds | Format::EpochMilliseconds => false,
        }
    }

    /// A time written so, to try formats out against each other; `None` where none of its texts is short of a zone.
    pub fn write(&self, at: &jiff::ZonedDateTime) -> Option<String> {
        match self {
            Format::Pattern(pattern) => pattern.write(at),
            Format::Hl7(patterns) => patterns.first().and_then(|pattern| pattern.write(at)),
            Format::Iso => Some(at.datetime().to_string()),
            Format::Excel { .. } | Format::EpochSeconds | Format::EpochMilliseconds => None,
        }
    }
}

/// What a text looks like that none of these formats of a column reads: what to write instead, never what is there.
pub(super) fn looks_like(text: &str, formats: &[Format]) -> Option<&'static str> {
    if formats.iter().any(|format| format.is_shaped_like(text)) {
        return Some("written as the map's `format` says, but there is no such day or time");
    }
    if let Some(civil) = without_offset(text)
        && formats.iter().any(|format| format.read(civil).is_some())
    {
        return Some(
            "an offset from UTC behind it: add the `format` with %z at its end to those of the column, in a list",
        );
    }
    if is_short_of_a_century(text) {
        return Some("looks like a year of two digits: years have four, export them so");
    }
    if is_to_the_hour(text) {
        return Some("looks like YYYYMMDDHH, a time known to the hour: export the minutes too, or the day alone");
    }
    let other =
        |format: &Format| !formats.iter().any(|one| std::mem::discriminant(one) == std::mem::discriminant(format));
    let named = |name: &str| Format::new(name).ok().filter(other).is_some_and(|format| format.read(text).is_some());
    let is_count = |digits: usize| text.split('.').next().is_some_and(|whole| whole.len() == digits);
    // An Excel serial is read of any few digits; days of these decades have five.
    if named("excel") && text.split(['.', ',']).next().is_some_and(|whole| whole.len() == 5) {
        return Some("looks like an Excel serial: format = \"excel\"");
    }
    if is_count(10) && named("epoch-seconds") {
        return Some("looks like seconds since 1970: format = \"epoch-seconds\"");
    }
    if is_count(13) && named("epoch-milliseconds") {
        return Some("looks like milliseconds since 1970: format = \"epoch-milliseconds\"");
    }
    if named("hl7") {
        return Some("looks like HL7's YYYYMMDDHHMMSS, cut or not: format = \"hl7\", or several formats in a list");
    }
    named("iso").then_some("looks like ISO 8601: format = \"iso\", or several formats in a list")
}

/// A text without the offset behind it.
fn without_offset(text: &str) -> Option<&str> {
    let at = text.rfind(['+', '-', 'Z', 'z']).filter(|at| *at > 0)?;
    let (civil, offset) = text.split_at(at);
    written::offset(offset).map(|_| civil.trim_end())
}

/// `28/11/26`, `28-11-26 08:30`.
fn is_short_of_a_century(text: &str) -> bool {
    let day = text.split([' ', 'T']).next().unwrap_or_default();
    let parts: Vec<&str> = day.split(['/', '.', '-']).collect();
    let is_number = |part: &&str| (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    parts.len() == 3 && parts.iter().all(is_number)
}

fn is_to_the_hour(text: &str) -> bool {
    let (day, hour) = text.split_at_checked(8).unwrap_or_default();
    let year = day.get(..4).and_then(|year| year.parse::<u16>().ok());
    hour.len() == 2
        && hour.bytes().all(|byte| byte.is_ascii_digit())
        && hour < "24"
        && year.is_some_and(|year| (1900..2100).contains(&year))
        && written::parse(day).is_some_and(|read| read.time.is_none())
}

/// A text with a 9 for every digit and an a for every letter.
fn shape(text: &str) -> String {
    let of = |character: char| match character {
        '0'..='9' => '9',
        letter if letter.is_alphabetic() => 'a',
        other => other,
    };
    text.chars().map(of).collect()
}

/// As in JSON, but a day or a civil time may also go without an offset.
fn iso(text: &str) -> Option<Said> {
    let written = written::parse(text)?;
    let zone = written.zone.map(written::named_zone).transpose().ok()?;
    let place = match (written.offset, zone) {
        (None, None) => Place::Unsaid,
        (Some(offset), None) => Place::Offset(offset),
        (None, Some(zone)) => Place::Zone(zone),
        (Some(offset), Some(zone)) => Place::Both(offset, zone),
    };
    let when = match (written.time, written.offset) {
        (None, _) => When::Day(written.date),
        // The one reader knows whether a leap second could be and whether the zone agrees.
        (Some(_), Some(_)) => When::Instant(written::instant(text).ok()?),
        (Some(_), None) if written.leaps => return None,
        (Some(time), None) => When::Civil(written.date.to_datetime(time)),
    };
    Some(Said { when, place })
}

/// A serial number of a spreadsheet. A whole one is a day; a fraction is good to the second.
fn excel(text: &str, from_1904: bool) -> Option<Said> {
    let (whole, fraction) = text.split_once(['.', ',']).unwrap_or((text, "0"));
    let digits = |text: &str, most| (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole, 7) || !digits(fraction, 17) {
        return None;
    }
    let days: i32 = whole.parse().ok()?;
    // Before March 1900 its days are others than everybody's: it has a 29 February there.
    let zero = if from_1904 { Date::constant(1904, 1, 1) } else { Date::constant(1899, 12, 30) };
    let date = zero.checked_add(days.days()).ok().filter(|date| from_1904 || *date >= Date::constant(1900, 3, 1))?;
    let share: f64 = format!("0.{fraction}").parse().ok()?;
    let when = if share == 0.0 {
        When::Day(date)
    } else {
        let seconds = (share * 86_400.0).round() as i64;
        When::Civil(date.to_datetime(Time::midnight()).checked_add(seconds.seconds()).ok()?)
    };
    Some(Said { when, place: Place::Unsaid })
}

/// A count of units since 1970, of so many digits, which is since 2001: with fewer it could be a count of other units.
fn epoch(text: &str, digits: usize, unit_ms: i64) -> Option<Said> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() != digits || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let thousandths: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let units: i64 = whole.parse().ok()?;
    let at = Timestamp::from_millisecond(units * unit_ms + if unit_ms == 1000 { thousandths } else { 0 }).ok()?;
    Some(Said { when: When::Instant(at), place: Place::Offset(Offset::UTC) })
}
