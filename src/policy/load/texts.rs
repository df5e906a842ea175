//! Checks that many rules share: names, codes, days, numbers.

use crate::model::time::Day;
use crate::model::unseen::is_unseen;
use crate::policy::error::Check;
use crate::proto::v1::Severity;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

/// Longest name or source, in bytes.
const LONGEST_TEXT: usize = 400;

impl Check<'_> {
    /// A text for people: there, on one line, and not without end.
    pub fn text(&mut self, field: &str, value: &str) {
        if value.trim().is_empty() {
            self.wrong(field, "it is empty", "fill it in");
        } else if value.len() > LONGEST_TEXT || value.chars().any(char::is_control) {
            let hint = format!("write one line of at most {LONGEST_TEXT} bytes");
            self.wrong(field, "it is too long or holds control characters", hint);
        }
    }

    /// A code that becomes part of keys, labels and addresses.
    pub fn code(&mut self, field: &str, value: &str, longest: usize) {
        // No text of a record holds what nobody sees, so such a code could never be met.
        let bad = |c: char| is_unseen(c) || c.is_whitespace() || c == '/';
        if value.is_empty() || value.len() > longest || value.chars().any(bad) {
            let hint = format!("use 1 to {longest} bytes without blanks, characters that nobody sees, and `/`");
            self.wrong(field, "it is no code", hint);
        }
    }

    /// Names that are distinguished by their place: at most 250 codes, none twice.
    pub fn codes(&mut self, field: &str, values: &[String]) {
        if values.len() > 250 {
            self.wrong(field, format!("there are {} of them", values.len()), "keep to 250");
        }
        let mut seen = BTreeSet::new();
        for (at, value) in values.iter().enumerate() {
            self.code(&format!("{field}[{at}]"), value, 32);
            if !seen.insert(value) {
                self.wrong(format!("{field}[{at}]"), format!("`{value}` is there twice"), "keep one of them");
            }
        }
    }

    /// A civil day since 1970.
    pub fn day(&mut self, field: &str, value: &str) -> Option<Day> {
        let day = Day::parse(value).filter(|day| *day >= Day(0));
        if day.is_none() {
            self.wrong(field, "it is no day since 1970", "write it as YYYY-MM-DD, e.g. 2022-11-11");
        }
        day
    }

    /// A whole number within bounds.
    pub fn number(&mut self, field: &str, value: u32, allowed: RangeInclusive<u32>) -> i32 {
        if !allowed.contains(&value) {
            let hint = format!("use {} to {}", allowed.start(), allowed.end());
            self.wrong(field, format!("{value} is out of bounds"), hint);
        }
        i32::try_from(value).unwrap_or(i32::MAX)
    }

    /// How grave alerts of a kind are; `default` when nothing is said.
    pub fn severity(&mut self, field: &str, value: i32, default: Severity) -> Severity {
        match Severity::try_from(value) {
            Ok(Severity::Unspecified) => default,
            Ok(severity) => severity,
            Err(_) => {
                self.wrong(field, "this severity is not known", "use info, moderate or high");
                default
            }
        }
    }

    /// One of the names a list has: its place there.
    pub fn place(&mut self, field: &str, value: &str, list: &[String]) -> Option<usize> {
        let place = list.iter().position(|name| name == value);
        if place.is_none() {
            self.wrong(field, format!("`{value}` is not known here"), format!("use one of: {}", list.join(", ")));
        }
        place
    }
}
