//! One file of rules: its text, a TOML document in it, and where in it something is wrong.

use crate::proto::v1;
use serde::{Deserialize, de::DeserializeOwned};
use std::fmt;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Its name without folder.
    pub name: String,
    /// What it holds.
    pub text: String,
}

/// One thing wrong with a folder of rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceError {
    /// Name of the file, without folder.
    pub file: String,
    /// Line, from 1; `None` when the file is not there.
    pub line: Option<usize>,
    /// Key or column, e.g. `threshold.measures[0].lower_bounds`; empty when it is the whole file.
    pub key: String,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub hint: String,
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}; {}", self.problem, self.hint)
    }
}

/// How grave an alert is.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeverityToml {
    Info,
    Moderate,
    High,
}

/// A severity in the contract; what is not said is left to the checks of the contract.
pub fn severity(toml: Option<SeverityToml>) -> i32 {
    let severity = match toml {
        None => v1::Severity::Unspecified,
        Some(SeverityToml::Info) => v1::Severity::Info,
        Some(SeverityToml::Moderate) => v1::Severity::Moderate,
        Some(SeverityToml::High) => v1::Severity::High,
    };
    severity.into()
}

/// A document of this kind, or the line that is in its way.
pub fn read<T: DeserializeOwned>(file: &SourceFile) -> Result<T, Vec<SourceError>> {
    toml::from_str(&file.text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        let problem = error.message().trim().replace('\n', ", ");
        let path = path_at(&file.text, start);
        let (key, hint) = match named(&problem) {
            _ if path.is_none() => (String::new(), "correct the TOML there"),
            Some(("missing field", name)) => (joined(path, name), "add it"),
            Some(("unknown field", name)) => (joined(path, name), "take it away, or correct its name"),
            _ => (path.unwrap_or_default(), "give it a value of the kind that is expected"),
        };
        vec![SourceError {
            file: file.name.clone(),
            line: Some(line_at(&file.text, start)),
            key,
            problem,
            hint: hint.to_owned(),
        }]
    })
}

/// The kind of a complaint about a field, and the field's name.
fn named(problem: &str) -> Option<(&str, &str)> {
    let mut parts = problem.split('`');
    Some((parts.next()?.trim(), parts.next()?))
}

/// `path.name`, where `path` may already end in the name.
fn joined(path: Option<String>, name: &str) -> String {
    match path.filter(|path| !path.is_empty()) {
        Some(path) if path == name || path.ends_with(&format!(".{name}")) => path,
        Some(path) => format!("{path}.{name}"),
        None => name.to_owned(),
    }
}

/// The line of a field, e.g. `threshold.measures[0].kind`, or of the nearest thing around it that is there.
pub fn line_of(text: &str, field: &str) -> usize {
    let Ok(document) = DeTable::parse(text) else { return 1 };
    let mut at = 0;
    let mut inside = Inside::Table(document.get_ref());
    for step in field.split(['.', '[']).filter(|step| !step.is_empty()) {
        let found = match inside {
            Inside::Table(table) => entry(table, step),
            Inside::Value(value) => item(value, step),
        };
        let Some((span, value)) = found else { break };
        at = span.start;
        inside = match value {
            DeValue::Table(table) => Inside::Table(table),
            value => Inside::Value(value),
        };
    }
    line_at(text, at)
}

enum Inside<'a, 'i> {
    Table(&'a DeTable<'i>),
    Value(&'a DeValue<'i>),
}

fn entry<'a, 'i>(table: &'a DeTable<'i>, name: &str) -> Option<(Range<usize>, &'a DeValue<'i>)> {
    let (key, value) = table.iter().find(|(key, _)| key.get_ref().as_ref() == name)?;
    Some((key.span(), value.get_ref()))
}

fn item<'a, 'i>(value: &'a DeValue<'i>, step: &str) -> Option<(Range<usize>, &'a DeValue<'i>)> {
    let index: usize = step.trim_end_matches(']').parse().ok()?;
    let item: &Spanned<DeValue<'i>> = value.as_array()?.get(index)?;
    Some((item.span(), item.get_ref()))
}

/// The innermost field around a byte, empty when it is the whole document; `None` when the text is no TOML at all.
fn path_at(text: &str, byte: usize) -> Option<String> {
    let document = DeTable::parse(text).ok()?;
    Some(path_in_table(document.get_ref(), byte).unwrap_or_default())
}

/// A table's span ends with its header, so what lies inside is looked at first, wherever it is.
fn path_in_table(table: &DeTable<'_>, byte: usize) -> Option<String> {
    table.iter().find_map(|(key, value)| match path_in(value.get_ref(), byte) {
        Some(inner) if inner.starts_with('[') => Some(format!("{}{inner}", key.get_ref())),
        Some(inner) => Some(format!("{}.{inner}", key.get_ref())),
        None => {
            let here = key.span().contains(&byte) || value.span().contains(&byte);
            here.then(|| key.get_ref().to_string())
        }
    })
}

fn path_in(value: &DeValue<'_>, byte: usize) -> Option<String> {
    match value {
        DeValue::Table(table) => path_in_table(table, byte),
        DeValue::Array(items) => items.iter().enumerate().find_map(|(index, item)| {
            let inner = path_in(item.get_ref(), byte);
            match inner {
                Some(inner) if inner.starts_with('[') => Some(format!("[{index}]{inner}")),
                Some(inner) => Some(format!("[{index}].{inner}")),
                None => item.span().contains(&byte).then(|| format!("[{index}]")),
            }
        }),
        _ => None,
    }
}

fn line_at(text: &str, byte: usize) -> usize {
    text.as_bytes().iter().take(byte).filter(|byte| **byte == b'\n').count() + 1
}
