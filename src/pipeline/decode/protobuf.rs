//! Protobuf bytes read and written by hand, where that spares copies of every text.
//!
//! In: bytes. Out: numbers, and texts that lie in them. What a field means is not known here.

use crate::state::codec::put_short;

/// A field's number and wire type as they stand before its value, for a number.
pub const fn number(field: u64) -> u64 {
    field << 3
}

/// As [`number()`], for texts, messages and packed lists.
pub const fn bytes(field: u64) -> u64 {
    field << 3 | 2
}

/// What is left to be read. `None` from any of its functions means that the bytes are not what was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Bytes<'a>(pub &'a [u8]);

impl<'a> Bytes<'a> {
    /// Whether everything was read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One byte, if any is left.
    #[inline(always)]
    pub fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    /// A number, 7 bits a byte.
    #[inline(always)]
    pub fn varint(&mut self) -> Option<u64> {
        let (&first, rest) = self.0.split_first()?;
        if first < 0x80 {
            self.0 = rest;
            return Some(u64::from(first));
        }
        self.long_varint()
    }

    #[inline(always)]
    fn long_varint(&mut self) -> Option<u64> {
        const MORE: u64 = 0x8080_8080_8080_8080;
        let word = self.0.first_chunk::<8>().map(|word| u64::from_le_bytes(*word));
        let Some(word) = word.filter(|word| word & MORE != MORE) else { return self.varint_by_bytes() };
        // The last byte is the first without its highest bit. All seven bits of each are moved together, by twos, fours and
        // eights.
        let last = !word & MORE;
        let bytes = last.trailing_zeros() / 8 + 1;
        let word = word & !MORE & (last ^ (last - 1));
        let word = word & 0x007f_007f_007f_007f | (word & 0x7f00_7f00_7f00_7f00) >> 1;
        let word = word & 0x0000_3fff_0000_3fff | (word & 0x3fff_0000_3fff_0000) >> 2;
        let value = word & 0x0fff_ffff | (word & 0x0fff_ffff_0000_0000) >> 4;
        self.0 = &self.0[bytes as usize..];
        Some(value)
    }

    #[inline(never)]
    fn varint_by_bytes(&mut self) -> Option<u64> {
        let mut value = 0;
        for (at, &byte) in self.0.iter().enumerate().take(10) {
            value |= u64::from(byte & 0x7f) << (7 * at);
            if byte < 0x80 {
                self.0 = &self.0[at + 1..];
                // The tenth byte has room for one bit.
                return (at < 9 || byte <= 1).then_some(value);
            }
        }
        None
    }

    /// Passes over the value of a field that is not known, given its number and wire type as they stand before it.
    pub fn skip(&mut self, field: u64) -> Option<()> {
        let fixed = match field & 7 {
            0 => return self.varint().map(drop),
            2 => return self.bytes().map(drop),
            1 => 8,
            5 => 4,
            _ => return None,
        };
        self.0 = self.0.get(fixed..)?;
        Some(())
    }

    /// A number that may be negative and is mostly near 0.
    #[inline]
    pub fn zigzag(&mut self) -> Option<i32> {
        let value = self.varint()? as u32;
        Some((value >> 1) as i32 ^ -((value & 1) as i32))
    }

    /// What its own length says.
    #[inline(always)]
    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.varint()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    /// A message inside this one.
    #[inline(always)]
    pub fn message(&mut self) -> Option<Self> {
        self.bytes().map(Self)
    }

    /// A text.
    #[inline(always)]
    pub fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    /// A text, and whether it holds nothing but printable ASCII: asked together, as one look at the bytes tells both.
    #[inline(always)]
    #[allow(unsafe_code, reason = "every text of every result: a second look at its bytes would tell nothing new")]
    pub fn text_printable(&mut self) -> Option<(&'a str, bool)> {
        let bytes = self.bytes()?;
        if is_printable_ascii(bytes) {
            // SAFETY: ASCII is UTF-8.
            return Some((unsafe { std::str::from_utf8_unchecked(bytes) }, true));
        }
        std::str::from_utf8(bytes).ok().map(|text| (text, false))
    }
}

/// Whether all bytes are ASCII and none is a control character. Eight are looked at in the time of one.
#[inline(always)]
pub fn is_printable_ascii(bytes: &[u8]) -> bool {
    let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) else {
        let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) else {
            return bytes.iter().fold(true, |all, byte| all & (b' '..=b'~').contains(byte));
        };
        let [first, last] = [first, last].map(|four| u64::from(u32::from_le_bytes(*four)));
        return unprintable(&(first | last << 32).to_le_bytes()) == 0;
    };
    // The last eight overlap with those before where the length is no multiple; most ids have no more than both.
    let ends = unprintable(first) | unprintable(last);
    if bytes.len() <= 16 {
        return ends == 0;
    }
    let (words, _) = bytes.as_chunks::<8>();
    words.iter().fold(ends, |odd, word| odd | unprintable(word)) == 0
}

/// Not 0 if any of eight bytes is a control character or no ASCII.
#[inline(always)]
fn unprintable(bytes: &[u8; 8]) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * EACH;
    let word = u64::from_le_bytes(*bytes);
    let low = word & !HIGH;
    // Per byte without its high bit, so that no carry leaves it: at least 0x20, and above 0x7e.
    let not_control = low.wrapping_add((0x80 - 0x20) * EACH);
    let above = low.wrapping_add(EACH);
    (word | !not_control | above) & HIGH
}

/// Appends a text, a message or a packed list, also an empty one.
pub fn put_bytes(into: &mut Vec<u8>, field: u64, value: &[u8]) {
    put_short(into, bytes(field));
    put_short(into, value.len() as u64);
    into.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_many_bytes_is_read_as_the_library_reads_it() {
        let numbers =
            (0..64).flat_map(|bits| [1_u64 << bits, (1 << bits) - 1, 0x5a5a_5a5a_5a5a_5a5a >> bits, u64::MAX >> bits]);
        for number in numbers {
            let mut bytes = Vec::new();
            prost::encoding::encode_varint(number, &mut bytes);
            for after in 0..9 {
                let all = [&bytes[..], &vec![0xff; after]].concat();
                let mut rest = Bytes(&all);
                assert_eq!((rest.varint(), rest.0.len()), (Some(number), after), "{number}");
            }
            for end in 0..bytes.len() {
                assert_eq!(Bytes(&bytes[..end]).varint(), None, "{number}");
            }
        }
        assert_eq!(Bytes(&[0xff; 10]).varint(), None);
        assert_eq!(Bytes(&[0xff; 12]).varint(), None);
    }

    #[test]
    fn printable_ascii_is_recognised_by_eight_bytes_as_by_one() {
        for byte in 0..=u8::MAX {
            for length in 1..40 {
                for at in 0..length {
                    let mut bytes = vec![b'x'; length];
                    bytes[at] = byte;
                    let by_one = bytes.iter().all(|byte| byte.is_ascii() && !byte.is_ascii_control());
                    assert_eq!(is_printable_ascii(&bytes), by_one, "{bytes:?}");
                }
            }
        }
        assert!(is_printable_ascii(b""));
    }
}
