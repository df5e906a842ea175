//! Sets of rules: all or nothing.
//!
//! In: the records of the `rules` topic, in order. Out: [`Rules`], when a manifest vouches for exactly the records
//! read so far. Half a set is never in force: a policy without its areas would decide about the wrong people.

use super::Rules;
use super::error::RuleError;
use super::records::digest;
use crate::proto::v1::{self, rule::Rule as Kind};
use prost::Message as _;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Key of the manifest.
pub const MANIFEST_KEY: &str = "set/current";

/// Which target each text named last, over all sets that were in force.
pub type Named = BTreeMap<String, String>;

impl Rules {
    /// The records these rules were made from, by key, byte for byte; without the manifest.
    pub fn to_records(&self) -> Vec<(String, Vec<u8>)> {
        self.records.clone()
    }

    /// Key and value of the manifest that closes this set, where no other was in force before.
    pub fn manifest(&self) -> (String, Vec<u8>) {
        self.manifest_after(&Named::new())
    }

    /// Key and value of the manifest that closes this set. What texts named before goes with it from set to set: of earlier
    /// sets compaction leaves nothing.
    pub(super) fn manifest_after(&self, before: &Named) -> (String, Vec<u8>) {
        let mut named = before.clone();
        named.extend(self.named());
        let named_targets = named.into_iter().map(|(text, target)| v1::NamedTarget { text, target }).collect();
        let set = v1::RuleSet { digest: self.digest.clone(), records: self.records.len() as u32, named_targets };
        (MANIFEST_KEY.to_owned(), v1::Rule { rule: Some(Kind::Set(set)) }.encode_to_vec())
    }

    /// What texts name which declared target.
    fn named(&self) -> impl Iterator<Item = (String, String)> {
        let declared = self.deployment.targets.iter().filter(|_| self.deployment.targets_declared);
        declared.flat_map(|target| {
            std::iter::once(&target.id).chain(&target.aliases).map(|text| (text.clone(), target.id.clone()))
        })
    }
}

/// Follows the `rules` topic.
#[derive(Clone, Debug, Default)]
pub struct RuleSetReader {
    records: BTreeMap<String, Vec<u8>>,
    named: Named,
}

impl RuleSetReader {
    /// Takes the next record; no payload is a tombstone. Gives the rules whenever a manifest closes a set that is
    /// whole and right. An error leaves the rules in force that are.
    pub fn read(&mut self, key: &[u8], payload: Option<&[u8]>) -> Result<Option<Arc<Rules>>, Vec<RuleError>> {
        let Ok(key) = std::str::from_utf8(key) else {
            let key = String::from_utf8_lossy(key);
            return Err(vec![error(&key, "the key is no text", "delete the record: it is none of swabstream's")]);
        };
        match payload {
            Some(manifest) if key == MANIFEST_KEY => self.close(manifest).map(Some),
            Some(payload) => {
                self.records.insert(key.to_owned(), payload.to_vec());
                Ok(None)
            }
            None => {
                self.records.remove(key);
                Ok(None)
            }
        }
    }

    /// Keys of all records held so far, in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.records.keys().map(String::as_str)
    }

    /// The value held under a key.
    pub fn value(&self, key: &str) -> Option<&[u8]> {
        self.records.get(key).map(Vec::as_slice)
    }

    /// What texts named in this set and in those before. Manifests tell it; those of builds that did not write it down
    /// are made up for by the sets that the topic still holds, of which compaction leaves the last alone.
    pub fn named(&self) -> &Named {
        &self.named
    }

    fn close(&mut self, manifest: &[u8]) -> Result<Arc<Rules>, Vec<RuleError>> {
        let Ok(v1::Rule { rule: Some(Kind::Set(set)) }) = v1::Rule::decode(manifest) else {
            return Err(vec![error(MANIFEST_KEY, "the value is no manifest", AGAIN)]);
        };
        self.named.extend(set.named_targets.into_iter().map(|named| (named.text, named.target)));
        let records: Vec<_> = self.records.clone().into_iter().collect();
        let found = digest(&records);
        if found != set.digest || records.len() != set.records as usize {
            let problem = format!(
                "the manifest vouches for {} records with digest {}, the topic holds {} with {found}",
                set.records,
                set.digest,
                records.len(),
            );
            return Err(vec![error(MANIFEST_KEY, &problem, AGAIN)]);
        }
        let rules = Rules::from_records(&records)?;
        self.named.extend(rules.named());
        Ok(Arc::new(rules))
    }
}

const AGAIN: &str = "write the whole set again with `swabstream rules apply`";

fn error(key: &str, problem: &str, hint: &str) -> RuleError {
    RuleError { key: key.to_owned(), field: String::new(), problem: problem.to_owned(), hint: hint.to_owned() }
}
