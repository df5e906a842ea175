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

    /// Tells this secret from any other without telling it.
    pub fn fingerprint(&self) -> u64 {
        self.hash(Domain::Fingerprint, &[]) as u64
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
    /// The secret itself.
    Fingerprint = 7,
}

/// A person id for eyes: at most a quarter of its characters, and never more than two.
pub fn masked(person_id: &str) -> String {
    let length = person_id.chars().count();
    let shown: String = person_id.chars().take((length / 4).min(2)).collect();
    format!("{shown}…({length})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_id_never_holds_the_id() {
        for id in ["", "p", "p1", "p12", "p123", "p1234567", "某人的编号"] {
            let masked = masked(id);
            assert!(id.is_empty() || !masked.starts_with(id), "{masked}");
            assert!(masked.chars().filter(|c| id.contains(*c) && !c.is_ascii_digit()).count() <= 2, "{masked}");
        }
    }

    #[test]
    fn another_secret_has_another_fingerprint_and_other_hashes() {
        let (one, other) = (Secret::new([1; 16]), Secret::new([2; 16]));
        assert_ne!(one.fingerprint(), other.fingerprint());
        assert_ne!(one.hash(Domain::Person, &["p"]), other.hash(Domain::Person, &["p"]));
        assert_ne!(one.hash(Domain::Result, &["ab", "c"]), one.hash(Domain::Result, &["a", "bc"]));
    }
}
