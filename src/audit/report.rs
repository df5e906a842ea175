//! What an audit says: one line per check, with the first few differences. Never a person's id, a barcode or a value of
//! a record; positions, alert ids, areas and days are what is needed to look further.

use serde::Serialize;
use std::fmt;

/// Differences shown per check: the first few show what is wrong with the rest.
pub const SHOWN: usize = 5;

/// One check.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// What was checked.
    pub name: &'static str,
    /// What was compared, with its counts.
    pub compared: String,
    /// How many differences there are.
    pub differences: u64,
    /// The first of them.
    pub first: Vec<String>,
    /// Why it says less than it should: records are gone that it needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limited: Option<String>,
    /// Why it could not be done now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
}

impl Check {
    /// A check that has found nothing yet.
    pub fn new(name: &'static str) -> Self {
        Self { name, compared: String::new(), differences: 0, first: Vec::new(), limited: None, left_out: None }
    }

    /// A check that could not be done.
    pub fn left_out(name: &'static str, why: &str) -> Self {
        Self { left_out: Some(why.to_owned()), ..Self::new(name) }
    }

    /// Notes a difference.
    pub fn differs(&mut self, what: impl FnOnce() -> String) {
        self.differences += 1;
        if self.first.len() < SHOWN {
            self.first.push(what());
        }
    }

    /// Notes a difference unless something holds.
    pub fn require(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.differs(what);
        }
    }

    /// Says what was compared.
    pub fn compared(mut self, what: impl Into<String>) -> Self {
        self.compared = what.into();
        self
    }

    fn state(&self) -> &'static str {
        match self {
            Self { differences: 1.., .. } => "DIFFERS",
            Self { left_out: Some(_), .. } => "left out",
            Self { limited: Some(_), .. } => "limited",
            _ => "agrees",
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, compared, differences, first, limited, left_out } = self;
        write!(f, "{:<9} {name:<15} {compared}", self.state())?;
        for (why, word) in [(limited, ""), (left_out, "")] {
            if let Some(why) = why {
                let gap = if compared.is_empty() { "" } else { "; " };
                write!(f, "{gap}{word}{why}")?;
            }
        }
        for difference in first {
            write!(f, "\n{:26}{difference}", "")?;
        }
        let more = differences.saturating_sub(first.len() as u64);
        if more > 0 {
            write!(f, "\n{:26}and {more} more", "")?;
        }
        Ok(())
    }
}

/// How an audit ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing differs.
    Agree,
    /// Something differs.
    Differ,
    /// Nothing differs as far as it could be looked at now; some checks could not be done.
    Incomplete,
}

/// All checks.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The checks, in order.
    pub checks: Vec<Check>,
}

impl Report {
    /// How the audit ends.
    pub fn verdict(&self) -> Verdict {
        if self.checks.iter().any(|check| check.differences > 0) {
            Verdict::Differ
        } else if self.checks.iter().any(|check| check.left_out.is_some()) {
            Verdict::Incomplete
        } else {
            Verdict::Agree
        }
    }

    /// The check of a name.
    pub fn check(&self, name: &str) -> Option<&Check> {
        self.checks.iter().find(|check| check.name == name)
    }
}
