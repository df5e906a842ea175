//! The records of a set of rules: their keys, their bytes, and the digest over all of them.

use crate::proto::v1::{self, rule::Rule as Kind};
use prost::Message as _;
use xxhash_rust::xxh3::Xxh3;

/// How keys of marks of days begin.
pub(super) const INCOMPLETE: &str = "incomplete/";

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

/// The key a rule has in the topic; `None` for the manifest, which closes a set and is no part of it.
pub(super) fn key_of(rule: &Kind) -> Option<String> {
    match rule {
        Kind::Set(_) => None,
        Kind::Deployment(_) => Some("deployment/current".to_owned()),
        Kind::CasePolicy(policy) => Some(format!("case/{}@{}", policy.id, policy.version)),
        Kind::TierPolicy(policy) => Some(format!("tier/{}@{}", policy.id, policy.version)),
        Kind::Area(area) => Some(format!("area/{}", area.code)),
        Kind::Lab(lab) => Some(format!("lab/{}", lab.id)),
        Kind::DayIncomplete(mark) => Some(format!("{INCOMPLETE}{}", mark.day)),
    }
}
