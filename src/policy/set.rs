//! Sets of rules: all or nothing.
//!
//! In: the records of the `rules` topic, in order. Out: [`Rules`], when a manifest vouches for exactly the records
//! read so far. Half a set is never in force: a policy without its areas would decide about the wrong people.

use super::Rules;
use super::error::RuleError;
use super::load::key_of;
use crate::proto::v1::{self, rule::Rule as Kind};
use prost::Message as _;
use std::collections::BTreeMap;
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

/// Key of the manifest.
pub const MANIFEST_KEY: &str = "set/current";

/// Digest of records in order of their keys: lower-case hex of 128 bits over (key length, key, value length, value),
/// lengths as 64 bits little-endian.
pub(super) fn digest(sorted: &[(String, Vec<u8>)]) -> String {
    let mut hasher = Xxh3::new();
    for (key, value) in sorted {
        for part in [key.as_bytes(), value] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
    }
    format!("{:032x}", hasher.digest128())
}

/// Key and value of the record of one rule; `None` for a manifest.
pub fn record(rule: Kind) -> Option<(String, Vec<u8>)> {
    let key = key_of(&rule)?;
    Some((key, v1::Rule { rule: Some(rule) }.encode_to_vec()))
}

impl Rules {
    /// The records these rules were made from, by key, byte for byte; without the manifest.
    pub fn to_records(&self) -> Vec<(String, Vec<u8>)> {
        self.records.clone()
    }

    /// Key and value of the manifest that closes this set.
    pub fn manifest(&self) -> (String, Vec<u8>) {
        let set = v1::RuleSet { digest: self.digest.clone(), records: self.records.len() as u32 };
        (MANIFEST_KEY.to_owned(), v1::Rule { rule: Some(Kind::Set(set)) }.encode_to_vec())
    }
}

/// Follows the `rules` topic.
#[derive(Clone, Debug, Default)]
pub struct RuleSetReader {
    records: BTreeMap<String, Vec<u8>>,
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

    fn close(&self, manifest: &[u8]) -> Result<Arc<Rules>, Vec<RuleError>> {
        let Ok(v1::Rule { rule: Some(Kind::Set(set)) }) = v1::Rule::decode(manifest) else {
            return Err(vec![error(MANIFEST_KEY, "the value is no manifest", AGAIN)]);
        };
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
        Rules::from_records(&records).map(Arc::new)
    }
}

const AGAIN: &str = "write the whole set again with `swabstream rules apply`";

fn error(key: &str, problem: &str, hint: &str) -> RuleError {
    RuleError { key: key.to_owned(), field: String::new(), problem: problem.to_owned(), hint: hint.to_owned() }
}
