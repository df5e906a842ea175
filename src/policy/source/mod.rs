//! Rules as people write them: a folder of small files, each error with file, line and what to do.
//!
//! | file | holds |
//! |---|---|
//! | `deployment.toml` | zone, levels, purposes |
//! | `case-NAME.toml` | one version of the case policy |
//! | `tier-NAME.toml` | one version of a tier policy |
//! | `areas.csv` | the area registry, one row per dated fact |
//! | `labs.csv` | the lab registry |
//!
//! In: names and texts of the files. Out: [`Rules`]. Reading files is left to the caller. What the values mean is
//! checked by [`Rules::from_records`] alone; here its errors only learn where they come from.

use super::records::record;
use super::{RuleError, Rules};
use crate::proto::v1::rule::Rule as Kind;
pub use document::{SourceError, SourceFile, read as read_document};
use origin::Origin;
use std::collections::BTreeMap;

pub(super) mod document;
mod origin;
mod policies;
mod registries;

/// Whether a file of this name belongs to a folder of rules; other files (a README) are none of ours.
pub fn is_rule_file(name: &str) -> bool {
    name.ends_with(".toml") || name.ends_with(".csv")
}

/// The rules of one folder, or all that is wrong with it.
pub fn rules(files: &[SourceFile]) -> Result<Rules, Vec<SourceError>> {
    let mut set = SourceSet::default();
    for file in files {
        set.read(file);
    }
    if !set.errors.is_empty() {
        return Err(set.errors);
    }
    Rules::from_records(&set.records).map_err(|errors| errors.into_iter().map(|error| set.located(error)).collect())
}

/// An error about a field of one of these files, a TOML document that can be read.
pub fn error_in(files: &[SourceFile], name: &str, field: &str, problem: String, hint: String) -> SourceError {
    let file = files.iter().find(|file| file.name == name);
    let line = file.map(|file| document::line_of(&file.text, field));
    SourceError { file: name.to_owned(), line, key: field.to_owned(), problem, hint }
}

/// What the files hold, and where each record comes from.
#[derive(Default)]
struct SourceSet {
    records: Vec<(String, Vec<u8>)>,
    origins: BTreeMap<String, Origin>,
    errors: Vec<SourceError>,
}

impl SourceSet {
    fn read(&mut self, file: &SourceFile) {
        let parsed = match file.name.as_str() {
            "deployment.toml" => policies::deployment(file),
            name if name.starts_with("case-") && name.ends_with(".toml") => policies::case(file),
            name if name.starts_with("tier-") && name.ends_with(".toml") => policies::tier(file),
            "areas.csv" => registries::areas(file),
            "labs.csv" => registries::labs(file),
            _ => Err(vec![SourceError {
                file: file.name.clone(),
                line: None,
                key: String::new(),
                problem: "no rules are looked for in a file of this name".to_owned(),
                hint: "name it deployment.toml, case-NAME.toml, tier-NAME.toml, areas.csv or labs.csv".to_owned(),
            }]),
        };
        match parsed {
            Ok(rules) => rules.into_iter().for_each(|(rule, origin)| self.put(rule, origin)),
            Err(errors) => self.errors.extend(errors),
        }
    }

    fn put(&mut self, rule: Kind, origin: Origin) {
        let Some((key, value)) = record(rule) else { return };
        if let Some(other) = self.origins.get(&key) {
            let (file, line, _) = other.locate("");
            let error = RuleError {
                key: key.clone(),
                field: String::new(),
                problem: format!("`{key}` is also in {file}:{line}"),
                hint: "keep one of them, or give it another id or version".to_owned(),
            };
            self.errors.push(origin.error(error));
            return;
        }
        self.origins.insert(key.clone(), origin);
        self.records.push((key, value));
    }

    fn located(&self, error: RuleError) -> SourceError {
        match self.origins.get(&error.key) {
            Some(origin) => origin.error(error),
            None => SourceError {
                file: missing_file(&error.key).to_owned(),
                line: None,
                key: error.field,
                problem: error.problem,
                hint: error.hint,
            },
        }
    }
}

/// The file that ought to hold records of a kind, for errors about their absence.
fn missing_file(key: &str) -> &'static str {
    match key.split('/').next() {
        Some("case") => "case-NAME.toml",
        Some("area") => "areas.csv",
        Some("lab") => "labs.csv",
        _ => "deployment.toml",
    }
}
