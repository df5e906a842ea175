//! Where a record comes from, so that what is wrong with it is said where people wrote it.

use super::document::{self, SourceError, SourceFile};
use crate::policy::error::RuleError;

/// Where a record comes from.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// A whole TOML file.
    Document(SourceFile),
    /// Lines of a table: one per dated fact.
    Rows(String, Vec<usize>),
}

impl Origin {
    /// What is wrong with a field of the record, with its place.
    pub(super) fn error(&self, error: RuleError) -> SourceError {
        let (file, line, key) = self.locate(&error.field);
        SourceError { file: file.to_owned(), line: Some(line), key, problem: error.problem, hint: error.hint }
    }

    /// File, line, and the name people gave the field there.
    pub(super) fn locate(&self, field: &str) -> (&str, usize, String) {
        match self {
            Origin::Document(file) => (&file.name, document::line_of(&file.text, field), field.to_owned()),
            Origin::Rows(file, lines) => {
                let (fact, column) = place_of(field);
                (file, lines.get(fact).copied().unwrap_or(1), column.to_owned())
            }
        }
    }
}

/// Which of an area's rows a field of the contract comes from, and its column.
fn place_of(field: &str) -> (usize, &str) {
    let period = field.strip_prefix("periods[").and_then(|rest| rest.split_once("]."));
    match period {
        Some((index, column)) => (index.parse().unwrap_or(0), column),
        None if field == "tile" => (0, "column"),
        None => (0, field),
    }
}
