//! Numbers by text: of labs, areas, purposes and targets, each asked for every result.

use hashbrown::HashMap;

/// Numbers by text. Codes of registries are short: those are held, hashed and compared as one number each.
#[derive(Clone, Debug, Default)]
pub(super) struct Lookup {
    short: HashMap<u128, u32>,
    long: HashMap<String, u32>,
}

/// Bytes of a short text, at most. The highest byte of its number is its length, so that no two texts have the same.
const SHORT: usize = 15;

impl Lookup {
    /// The number of a text, if it has one.
    #[inline]
    pub(super) fn get(&self, text: &str) -> Option<u32> {
        match packed(text.as_bytes()) {
            Some(number) => self.short.get(&number).copied(),
            None => self.long.get(text).copied(),
        }
    }
}

impl<'a> FromIterator<(&'a str, u32)> for Lookup {
    fn from_iter<I: IntoIterator<Item = (&'a str, u32)>>(entries: I) -> Self {
        let mut lookup = Self::default();
        for (text, number) in entries {
            match packed(text.as_bytes()) {
                Some(packed) => lookup.short.insert(packed, number),
                None => lookup.long.insert(text.to_owned(), number),
            };
        }
        lookup
    }
}

/// A short text as a number.
#[inline(always)]
fn packed(text: &[u8]) -> Option<u128> {
    let bytes = match (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        (Some(first), Some(last)) if text.len() <= SHORT => {
            let last = u128::from(u64::from_le_bytes(*last)) << (8 * (text.len() - 8));
            u128::from(u64::from_le_bytes(*first)) | last
        }
        (None, None) => u128::from(word_of_few(text)),
        _ => return None,
    };
    Some(bytes | (text.len() as u128) << 120)
}

/// Up to seven bytes as a word, the first lowest. They are looked at in two or three pieces, which may overlap.
#[inline(always)]
fn word_of_few(bytes: &[u8]) -> u64 {
    let up = |piece: u64, by: usize| piece << (8 * by);
    match (bytes, bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        ([], ..) => 0,
        (_, Some(first), Some(last)) => {
            let [first, last] = [first, last].map(|piece| u64::from(u32::from_le_bytes(*piece)));
            first | up(last, bytes.len() - 4)
        }
        _ => {
            let places = [0, bytes.len() / 2, bytes.len() - 1];
            places.iter().fold(0, |word, at| word | up(u64::from(bytes[*at]), *at))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_has_its_own_number_of_whatever_length() {
        let long = "x".repeat(40);
        let prefixes = (0..long.len()).map(|length| &long[..length]);
        let others = [
            "\0",
            "\0\0",
            "a\0",
            "500103",
            "500103\0",
            "500103001",
            "key_occupation",
            "key_occupations",
            "重庆市渝中区",
        ];
        let texts: Vec<&str> = prefixes.chain(others).collect();
        let lookup: Lookup = texts.iter().copied().zip(0..).collect();
        for (text, number) in texts.iter().zip(0..) {
            assert_eq!(lookup.get(text), Some(number), "{text:?}");
        }
        for text in ["500104", "a", "x\0", "\0\0\0", "key_occupatios", "重庆市渝中"] {
            assert_eq!(lookup.get(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_word_holds_its_bytes_in_order() {
        for length in 0..8 {
            let bytes = &b"\x01\xff\x03\x80\x05\x7f\x07"[..length];
            let expected = bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
            assert_eq!(word_of_few(bytes), expected, "{bytes:?}");
        }
    }
}
