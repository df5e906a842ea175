//! What publishing a set changes.
//!
//! In: what the `rules` topic holds and the rules that ought to be in force. Out: the records to write, in one
//! transaction, and what an operator should know of them first.

use super::Rules;
use super::set::RuleSetReader;

/// From what a topic holds to a set in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Keys that are new.
    pub added: Vec<String>,
    /// Keys whose value differs.
    pub changed: Vec<String>,
    /// Keys that are no longer there.
    pub removed: Vec<String>,
    /// The records to write, in order: tombstones, then the whole set, the manifest last. The whole set is written
    /// each time, so that it can be read without what lies before it.
    pub writes: Vec<(String, Option<Vec<u8>>)>,
}

impl Plan {
    /// The way from what `held` has read to `rules`.
    pub fn new(held: &RuleSetReader, rules: &Rules) -> Self {
        let records = rules.to_records();
        let mut plan = Self::default();
        for key in held.keys() {
            if records.binary_search_by(|(other, _)| other.as_str().cmp(key)).is_err() {
                plan.removed.push(key.to_owned());
                plan.writes.push((key.to_owned(), None));
            }
        }
        for (key, value) in records {
            match held.value(&key) {
                None => plan.added.push(key.clone()),
                Some(before) if before != value => plan.changed.push(key.clone()),
                Some(_) => {}
            }
            plan.writes.push((key, Some(value)));
        }
        let (key, manifest) = rules.manifest_after(held.named());
        plan.writes.push((key, Some(manifest)));
        plan
    }

    /// Whether the topic holds these very records already.
    pub fn changes_nothing(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }
}
