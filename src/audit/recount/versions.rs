//! Versions of records that are sent again under revisions: contact records and records of key groups.

use crate::model::time::Timestamp;
use std::collections::BTreeMap;

/// One version.
pub struct Version<'a, T> {
    /// Which record of which person.
    pub of: (&'a str, &'a str),
    /// Revision, status, hash of the content: the greatest stands.
    pub rank: (u32, i32, u64),
    /// When it was received.
    pub at: Timestamp,
    /// What it says.
    pub record: &'a T,
}

/// Of each record the greatest version, with when any was first received.
pub fn greatest<'a, T: Clone + 'a>(
    versions: impl Iterator<Item = Version<'a, T>>,
) -> impl Iterator<Item = (T, Timestamp)> {
    let mut records: BTreeMap<(&str, &str), Vec<Version<'_, T>>> = BTreeMap::new();
    for version in versions {
        records.entry(version.of).or_default().push(version);
    }
    records.into_values().filter_map(|versions| {
        let first = versions.iter().map(|version| version.at).min()?;
        let greatest = versions.iter().max_by_key(|version| version.rank)?;
        Some((greatest.record.clone(), first))
    })
}
