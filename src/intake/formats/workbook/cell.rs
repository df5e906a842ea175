//! A cell of a workbook as the text that a map reads.
//!
//! | stored | text |
//! |---|---|
//! | text | as it is |
//! | a number | all its digits, never as a power of ten: `123456789012345`, `24.7` |
//! | a number of more digits than the 15 that a workbook keeps | as a power of ten: what it was is lost, and an id is refused |
//! | a date | `2022-11-11`; with a time of day that is not midnight `2022-11-11 08:30:00` |
//! | a time of day | `08:30:00` |
//! | true, false | `TRUE`, `FALSE` |
//! | an error | `#N/A` and the like |
//! | a formula | what it came to when the workbook was saved; `#N/A` where nothing was |

use calamine::{DataType, ExcelDateTime};
use std::borrow::Cow;

/// Whole numbers below this are kept to the last digit.
const EXACT: f64 = 1e15;
/// The day after the last that a workbook can hold, 9999-12-31.
const DAYS: f64 = 2_958_466.0;
const DAY_MS: f64 = 86_400_000.0;

/// The text of a cell.
pub fn text<'a>(cell: &'a impl DataType) -> Cow<'a, str> {
    if let Some(text) = cell.get_string() {
        return Cow::Borrowed(text);
    }
    if let Some(date) = cell.get_datetime() {
        return Cow::Owned(of_date(&date));
    }
    if let Some(number) = cell.get_float() {
        return Cow::Owned(of_number(number));
    }
    if let Some(number) = cell.get_int() {
        return Cow::Owned(of_number(number as f64));
    }
    if let Some(is_true) = cell.get_bool() {
        return Cow::Borrowed(if is_true { "TRUE" } else { "FALSE" });
    }
    if let Some(error) = cell.get_error() {
        return Cow::Owned(error.to_string());
    }
    Cow::Borrowed(cell.get_datetime_iso().or_else(|| cell.get_duration_iso()).unwrap_or_default())
}

/// Whether a cell is of the type of a date or a time of day: a spreadsheet makes one of `3-1` and of `MAR1`.
pub fn is_date(cell: &impl DataType) -> bool {
    cell.is_datetime() || cell.is_datetime_iso() || cell.is_duration_iso()
}

fn of_number(number: f64) -> String {
    if number.abs() >= EXACT {
        return format!("{number:.14E}");
    }
    // What is stored has 15 digits; the last ones of what is computed with are none of it.
    let kept = format!("{number:.14e}").parse().unwrap_or(number);
    format!("{kept}")
}

fn of_date(date: &ExcelDateTime) -> String {
    let serial = date.as_f64();
    if !(0.0..DAYS).contains(&serial) {
        return of_number(serial);
    }
    if serial < 1.0 {
        let ms = (serial * DAY_MS).round() as u64 % DAY_MS as u64;
        return clock(ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000);
    }
    let (year, month, day, hour, minute, second, ms) = date.to_ymd_hms_milli();
    let day = format!("{year:04}-{month:02}-{day:02}");
    if (hour, minute, second, ms) == (0, 0, 0, 0) {
        return day;
    }
    format!("{day} {}", clock(hour.into(), minute.into(), second.into(), ms.into()))
}

fn clock(hour: u64, minute: u64, second: u64, ms: u64) -> String {
    let fraction = if ms == 0 { String::new() } else { format!(".{ms:03}") };
    format!("{hour:02}:{minute:02}:{second:02}{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use calamine::{CellErrorType, Data, ExcelDateTimeType};

    #[test]
    fn cells_are_taken_as_they_are_stored() {
        let date = |serial, is_1904| Data::DateTime(ExcelDateTime::new(serial, ExcelDateTimeType::DateTime, is_1904));
        for (cell, expected) in [
            (Data::String(" 0012 ".into()), " 0012 "),
            (Data::Float(24.7), "24.7"),
            (Data::Float(0.1 + 0.2), "0.3"),
            (Data::Float(-0.5), "-0.5"),
            (Data::Float(0.000_000_1), "0.0000001"),
            (Data::Float(4711.0), "4711"),
            (Data::Float(123_456_789_012_345.0), "123456789012345"),
            (Data::Float(1_234_567_890_123_456.0), "1.23456789012346E15"),
            (Data::Int(7), "7"),
            (Data::Bool(true), "TRUE"),
            (Data::Error(CellErrorType::NA), "#N/A"),
            (Data::Error(CellErrorType::Ref), "#REF!"),
            (date(44_876.0, false), "2022-11-11"),
            (date(43_414.0, true), "2022-11-11"),
            (date(44_876.354_166_666_7, false), "2022-11-11 08:30:00"),
            (date(44_876.999_999_999, false), "2022-11-12"),
            (date(0.354_166_666_7, false), "08:30:00"),
            (date(0.000_001_5, false), "00:00:00.130"),
            (date(-1.0, false), "-1"),
            (date(3e6, false), "3000000"),
            (Data::DateTimeIso("2022-11-11T08:30:00".into()), "2022-11-11T08:30:00"),
            (Data::Empty, ""),
        ] {
            assert_eq!(text(&cell), expected, "{cell:?}");
        }
    }
}
