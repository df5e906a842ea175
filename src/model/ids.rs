//! Hashes that stand for pseudonyms and ids in the state. They are keyed with the deployment's secret, so that a
//! leaked state or changelog cannot be matched against a list of guessed ids.

use super::siphash::{self, Padded};

/// Words hashed without an allocation: more than any usual result has.
const WORDS: usize = 16;

/// The deployment's secret, 16 bytes. All instances of a deployment must have the same one, for ever.
#[derive(Clone, Copy)]
pub struct Secret([u8; 16]);

impl Secret {
    /// A secret of 16 bytes.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Hash of some texts, unambiguous about where each ends.
    pub fn hash(&self, domain: Domain, parts: &[impl AsRef<[u8]>]) -> u128 {
        laid_out(domain, parts, |bytes| siphash::hash_128(&self.0, bytes))
    }

    /// The lower 64 bits of [`Secret::hash`], for less.
    #[inline]
    pub fn hash_64(&self, domain: Domain, parts: &[impl AsRef<[u8]>]) -> u64 {
        laid_out(domain, parts, |bytes| siphash::hash_64(&self.0, bytes))
    }

    /// Tells this secret from any other without telling it.
    pub fn fingerprint(&self) -> u64 {
        self.hash_64(Domain::Fingerprint, &[""; 0])
    }
}

/// Texts in one piece, each after its length: so no two lists of texts are the same bytes. On the stack where they
/// fit, as four hashes are asked for every result.
#[inline(always)]
fn laid_out<H>(domain: Domain, parts: &[impl AsRef<[u8]>], hash: impl FnOnce(Padded<'_>) -> H) -> H {
    let length = 1 + parts.iter().map(|part| 4 + part.as_ref().len()).sum::<usize>();
    let (mut few, mut many) = ([[0; 8]; WORDS], Vec::new());
    let words = match length / 8 {
        ..WORDS => &mut few[..],
        whole => {
            many.resize(whole + 1, [0; 8]);
            &mut many[..]
        }
    };
    let (first, mut rest) = words.as_flattened_mut().split_at_mut(1);
    first[0] = domain as u8;
    for part in parts.iter().map(AsRef::as_ref) {
        let (place, left) = rest.split_at_mut(4 + part.len());
        let (head, text) = place.split_at_mut(4);
        head.copy_from_slice(&(part.len() as u32).to_le_bytes());
        copy_few(text, part);
        rest = left;
    }
    hash(Padded { words, length })
}

/// Copies as `copy_from_slice` does, without a call for the few bytes of an id: two pieces overlap in the middle.
#[inline(always)]
fn copy_few(into: &mut [u8], from: &[u8]) {
    match from.len() {
        8..=16 => copy_ends::<8>(into, from),
        4..8 => copy_ends::<4>(into, from),
        17..=32 => copy_ends::<16>(into, from),
        0 => {}
        _ => into.copy_from_slice(from),
    }
}

/// The first and the last `N` bytes.
#[inline(always)]
fn copy_ends<const N: usize>(into: &mut [u8], from: &[u8]) {
    if let (Some(first), Some(last)) = (from.first_chunk::<N>(), from.last_chunk::<N>()) {
        into[..N].copy_from_slice(first);
        let end = into.len();
        into[end - N..].copy_from_slice(last);
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
    /// A pool's id; a pool's result and its tube, as a member holds them.
    Pool = 8,
    /// What a record of a key group says.
    Group = 9,
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
    use siphasher::sip128::SipHasher13;

    #[test]
    fn a_masked_id_never_holds_the_id() {
        for id in ["", "p", "p1", "p12", "p123", "p1234567", "某人的编号"] {
            let masked = masked(id);
            assert!(id.is_empty() || !masked.starts_with(id), "{masked}");
            assert!(masked.chars().filter(|c| id.contains(*c) && !c.is_ascii_digit()).count() <= 2, "{masked}");
        }
    }

    #[test]
    fn a_hash_is_that_of_all_parts_one_after_the_other() {
        let long = "x".repeat(2 * 8 * WORDS);
        let lengths: Vec<&str> = (0..20).map(|length| &"abcdefghijklmnopqrst"[..length]).collect();
        for parts in [&["lab", "r1"][..], &["", "ab"], &["ab", ""], &[&long, "y"], &[], &lengths] {
            let mut bytes = vec![Domain::Contact as u8];
            for part in parts {
                bytes.extend((part.len() as u32).to_le_bytes());
                bytes.extend(part.bytes());
            }
            let (secret, expected) = (Secret::new([9; 16]), SipHasher13::new_with_key(&[9; 16]).hash(&bytes).as_u128());
            assert_eq!(secret.hash(Domain::Contact, parts), expected, "{parts:?}");
            assert_eq!(secret.hash_64(Domain::Contact, parts), expected as u64, "{parts:?}");
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
