//! Hashes that stand for pseudonyms and ids in the state. They are keyed with the deployment's secret, so that a
//! leaked state or changelog cannot be matched against a list of guessed ids.

use siphasher::sip128::SipHasher13;

/// Bytes hashed without an allocation: more than any usual result has.
const ON_STACK: usize = 128;

/// The deployment's secret, 16 bytes. All instances of a deployment must have the same one, for ever.
#[derive(Clone, Copy)]
pub struct Secret([u8; 16]);

impl Secret {
    /// A secret of 16 bytes.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Hash of some texts, unambiguous about where each ends.
    #[inline]
    pub fn hash(&self, domain: Domain, parts: &[&str]) -> u128 {
        let length = 1 + parts.iter().map(|part| 4 + part.len()).sum::<usize>();
        // Laid out first and hashed in one go, which takes half the time of feeding piece by piece; on the stack where
        // it fits, as four of these are asked for every result.
        let (mut few, mut many) = ([0; ON_STACK], Vec::new());
        let bytes = match length {
            ..=ON_STACK => &mut few[..length],
            _ => {
                many.resize(length, 0);
                &mut many[..]
            }
        };
        bytes[0] = domain as u8;
        let mut at = 1;
        for part in parts {
            bytes[at..at + 4].copy_from_slice(&(part.len() as u32).to_le_bytes());
            copy_few(&mut bytes[at + 4..at + 4 + part.len()], part.as_bytes());
            at += 4 + part.len();
        }
        SipHasher13::new_with_key(&self.0).hash(bytes).as_u128()
    }

    /// Tells this secret from any other without telling it.
    pub fn fingerprint(&self) -> u64 {
        self.hash(Domain::Fingerprint, &[]) as u64
    }
}

/// Copies as `copy_from_slice` does, without a call for the few bytes of an id: the pieces overlap in the middle.
fn copy_few(into: &mut [u8], from: &[u8]) {
    let length = from.len();
    match length {
        8..=16 => {
            into[..8].copy_from_slice(&from[..8]);
            into[length - 8..].copy_from_slice(&from[length - 8..]);
        }
        4..8 => {
            into[..4].copy_from_slice(&from[..4]);
            into[length - 4..].copy_from_slice(&from[length - 4..]);
        }
        _ => into.copy_from_slice(from),
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
    fn a_hash_is_that_of_all_parts_fed_one_by_one() {
        use siphasher::sip128::Hasher128 as _;
        use std::hash::Hasher as _;
        let long = "x".repeat(2 * ON_STACK);
        let lengths: Vec<&str> = (0..20).map(|length| &"abcdefghijklmnopqrst"[..length]).collect();
        for parts in [&["lab", "r1"][..], &["", "ab"], &["ab", ""], &[&long, "y"], &[], &lengths] {
            let mut hasher = SipHasher13::new_with_key(&[9; 16]);
            hasher.write_u8(Domain::Contact as u8);
            for part in parts {
                hasher.write_u32(part.len() as u32);
                hasher.write(part.as_bytes());
            }
            let expected = hasher.finish128().as_u128();
            assert_eq!(Secret::new([9; 16]).hash(Domain::Contact, parts), expected, "{parts:?}");
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
