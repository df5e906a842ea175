//! What is wrong with a rule, as a value: an authority gets all of it at once, each with what to do about it.

use std::fmt;

/// One thing wrong with a set of rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    /// Key of the record, `KIND/ID`.
    pub key: String,
    /// Path of the field in the contract's names, e.g. `periods[1].parent`; empty when it is the whole record.
    pub field: String,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub hint: String,
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)?;
        if !self.field.is_empty() {
            write!(f, " {}", self.field)?;
        }
        write!(f, ": {}; {}", self.problem, self.hint)
    }
}

/// Gathers what is wrong with one record, so that a reader of the errors sees all of them in one go.
pub(super) struct Check<'a> {
    key: &'a str,
    errors: &'a mut Vec<RuleError>,
}

impl<'a> Check<'a> {
    pub(super) fn new(key: &'a str, errors: &'a mut Vec<RuleError>) -> Self {
        Self { key, errors }
    }

    /// How many errors there are, of this record and those before.
    pub(super) fn noted(&self) -> usize {
        self.errors.len()
    }

    /// Notes an error about a field of the record.
    pub(super) fn wrong(&mut self, field: impl Into<String>, problem: impl Into<String>, hint: impl Into<String>) {
        self.errors.push(RuleError {
            key: self.key.to_owned(),
            field: field.into(),
            problem: problem.into(),
            hint: hint.into(),
        });
    }
}
