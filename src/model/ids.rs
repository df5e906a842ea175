//! Hashes that stand for pseudonyms and ids in the state. They are keyed with the deployment's secret, so that a
//! leaked state or changelog cannot be matched against a list of guessed ids.

use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;

/// The deployment's secret, 16 bytes. All instances of a deployment must have the same one, for ever.
#[derive(Clone, Copy)]
pub struct Secret([u8; 16]);

impl Secret {
    /// A secret of 16 bytes.
    pub fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Hash of some texts, unambiguous about where each ends.
    pub fn hash(&self, domain: Domain, parts: &[&str]) -> u128 {
        let mut hasher = SipHasher13::new_with_key(&self.0);
        hasher.write_u8(domain as u8);
        for part in parts {
            hasher.write_u32(part.len() as u32);
            hasher.write(part.as_bytes());
        }
        hasher.finish128().as_u128()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What a hash stands for: equal texts of different kinds have different hashes.
#[derive(Clone, Copy, Debug)]
pub enum Domain {
    /// A person's pseudonym.
    Person = 1,
    /// (lab, result id).
    Result = 2,
    /// (specimen id, target).
    Specimen = 3,
    /// An alert.
    Alert = 4,
    /// A contact record id.
    Contact = 5,
    /// The meaning of a version.
    Content = 6,
}

/// A person id for eyes: the first two characters and the length, never the rest.
pub fn masked(person_id: &str) -> String {
    let shown: String = person_id.chars().take(2).collect();
    format!("{shown}…({})", person_id.chars().count())
}
