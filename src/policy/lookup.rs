//! Numbers by text: of labs, areas, purposes and targets, each asked for every result.

use hashbrown::HashMap;

/// Numbers by text. Codes of registries are short: those are held, hashed and compared as one number each.
#[derive(Clone, Debug, Default)]
pub(super) struct Lookup {
    /// At least twice as many places as texts, so that a search soon ends.
    short: Vec<Place>,
    long: HashMap<String, u32>,
}

/// A short text with its number, or none.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    key: Key,
    number: u32,
}

/// A short text as a number. The highest byte is one more than the length, so that no two texts have the same and none has
/// 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Key {
    low: u64,
    high: u64,
}

/// Bytes of a short text, at most.
const SHORT: usize = 15;

impl Lookup {
    /// The number of a text, if it has one.
    #[inline]
    pub(super) fn get(&self, text: &str) -> Option<u32> {
        let Some(key) = Key::of(text.as_bytes()) else { return self.long.get(text).copied() };
        key.places(self.short.len()).find_map(|place| {
            let held = &self.short[place];
            let found = (held.key == key).then_some(held.number);
            (found.is_some() || held.key == Key::default()).then_some(found)
        })?
    }
}

impl<'a> FromIterator<(&'a str, u32)> for Lookup {
    fn from_iter<I: IntoIterator<Item = (&'a str, u32)>>(entries: I) -> Self {
        let entries: Vec<_> = entries.into_iter().collect();
        let places = (2 * entries.len()).next_power_of_two();
        let mut lookup = Self { short: vec![Place::default(); places], long: HashMap::new() };
        for (text, number) in entries {
            let Some(key) = Key::of(text.as_bytes()) else {
                lookup.long.insert(text.to_owned(), number);
                continue;
            };
            let free = |place: &usize| [key, Key::default()].contains(&lookup.short[*place].key);
            if let Some(place) = key.places(places).find(free) {
                lookup.short[place] = Place { key, number };
            }
        }
        lookup
    }
}

impl Key {
    #[inline(always)]
    fn of(text: &[u8]) -> Option<Self> {
        let (low, high) = match (text.first_chunk::<8>(), text.last_chunk::<8>()) {
            (Some(first), Some(last)) if text.len() <= SHORT => {
                // What lies behind the first eight: the end of the last eight, which may be nothing.
                let behind = u64::from_le_bytes(*last) >> 1 >> (127 - 8 * text.len());
                (u64::from_le_bytes(*first), behind)
            }
            (None, None) => (word_of_few(text), 0),
            _ => return None,
        };
        Some(Self { low, high: high | (text.len() as u64 + 1) << 56 })
    }

    /// Where it may lie among so many places, a power of two: the first one that is free ends the search.
    #[inline(always)]
    fn places(self, count: usize) -> impl Iterator<Item = usize> {
        let product = u128::from(self.low ^ 0x9e37_79b9_7f4a_7c15) * u128::from(self.high ^ 0xa076_1d64_78bd_642f);
        let first = (product ^ product >> 64) as usize;
        (0..count).map(move |step| first.wrapping_add(step) & (count - 1))
    }
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
