//! The little binary form of stored state: little-endian numbers, texts with their length. Reading checks every
//! length, so bytes that are not ours end in [`Corrupt`], never in a panic or a huge allocation.

use crate::state::corrupt::Corrupt;

/// Appends a text or bytes with their length.
pub fn put_bytes(into: &mut Vec<u8>, bytes: &[u8]) {
    put_u32(into, bytes.len() as u32);
    into.extend_from_slice(bytes);
}

/// Appends a number.
pub fn put_u16(into: &mut Vec<u8>, value: u16) {
    into.extend_from_slice(&value.to_le_bytes());
}

/// Appends a number.
pub fn put_u32(into: &mut Vec<u8>, value: u32) {
    into.extend_from_slice(&value.to_le_bytes());
}

/// Appends a number.
pub fn put_u64(into: &mut Vec<u8>, value: u64) {
    into.extend_from_slice(&value.to_le_bytes());
}

/// Appends a signed number.
pub fn put_i64(into: &mut Vec<u8>, value: i64) {
    into.extend_from_slice(&value.to_le_bytes());
}

/// Appends a number that is mostly small, 7 bits a byte.
pub fn put_short(into: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        into.push(value as u8 | 0x80);
        value >>= 7;
    }
    into.push(value as u8);
}

/// Bytes that [`put_short`] makes of a number.
pub fn short_length(value: u64) -> u8 {
    (70 - (value | 1).leading_zeros() as u8) / 7
}

/// Appends a signed number that is mostly near 0.
pub fn put_short_signed(into: &mut Vec<u8>, value: i64) {
    put_short(into, (value << 1 ^ value >> 63) as u64);
}

/// Appends a number that may be absent.
pub fn put_option(into: &mut Vec<u8>, value: Option<i64>) {
    into.push(u8::from(value.is_some()));
    if let Some(value) = value {
        put_short_signed(into, value);
    }
}

/// A few bytes, at most `N` of them and `N` a power of two, put together without a look at the room for each.
#[derive(Debug)]
pub struct Few<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Default for Few<N> {
    fn default() -> Self {
        const { assert!(N.is_power_of_two()) }
        Self { bytes: [0; N], length: 0 }
    }
}

impl<const N: usize> Few<N> {
    /// Appends a byte.
    #[inline(always)]
    pub fn put(&mut self, byte: u8) {
        self.bytes[self.length & (N - 1)] = byte;
        self.length += 1;
    }

    /// Appends bytes of a known number.
    #[inline(always)]
    pub fn put_all<const M: usize>(&mut self, bytes: &[u8; M]) {
        self.bytes[self.length..self.length + M].copy_from_slice(bytes);
        self.length += M;
    }

    /// As [`put_short`].
    #[inline(always)]
    pub fn put_short(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.put(value as u8 | 0x80);
            value >>= 7;
        }
        self.put(value as u8);
    }

    /// As [`put_short_signed`].
    #[inline(always)]
    pub fn put_short_signed(&mut self, value: i64) {
        self.put_short((value << 1 ^ value >> 63) as u64);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// All of them.
    #[inline(always)]
    pub fn bytes(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.length]
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.length = 0;
    }

    /// Appends all to others, where `N` is small.
    #[inline(always)]
    pub fn append_to(&self, into: &mut Vec<u8>) {
        debug_assert!(self.length <= N, "more than there is room for");
        // So many bytes are copied each time that their number is known beforehand.
        let start = into.len();
        into.extend_from_slice(&self.bytes);
        into.truncate(start + self.length);
    }
}

/// Reads what the functions above wrote, in the same order.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// From the start of some bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether all is read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Bytes left: an upper bound for the number of entries that can follow.
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// So many bytes.
    pub fn take(&mut self, length: usize) -> Result<&'a [u8], Corrupt> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(|| corrupt("it ends too early"))?;
        self.rest = rest;
        Ok(taken)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, Corrupt> {
        Ok(self.array::<1>()?[0])
    }

    /// A number.
    pub fn u16(&mut self) -> Result<u16, Corrupt> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    /// A number.
    pub fn u32(&mut self) -> Result<u32, Corrupt> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// A number.
    pub fn u64(&mut self) -> Result<u64, Corrupt> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// A signed number.
    pub fn i64(&mut self) -> Result<i64, Corrupt> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    /// Bytes with their length.
    pub fn bytes(&mut self) -> Result<&'a [u8], Corrupt> {
        let length = self.u32()? as usize;
        self.take(length)
    }

    /// A text with its length.
    pub fn text(&mut self) -> Result<&'a str, Corrupt> {
        std::str::from_utf8(self.bytes()?).map_err(|_| corrupt("a text is not UTF-8"))
    }

    /// See [`put_short`]; refused where it does not fit.
    pub fn short<T: TryFrom<u64>>(&mut self) -> Result<T, Corrupt> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return T::try_from(value).map_err(|_| corrupt("a number is out of range"));
            }
        }
        Err(corrupt("a number is too long"))
    }

    /// See [`put_short_signed`]; refused where it does not fit.
    pub fn short_signed<T: TryFrom<i64>>(&mut self) -> Result<T, Corrupt> {
        let coded: u64 = self.short()?;
        let value = (coded >> 1) as i64 ^ -((coded & 1) as i64);
        T::try_from(value).map_err(|_| corrupt("a number is out of range"))
    }

    /// See [`put_option`].
    pub fn option<T: TryFrom<i64>>(&mut self) -> Result<Option<T>, Corrupt> {
        match self.u8()? {
            0 => Ok(None),
            1 => self.short_signed().map(Some),
            _ => Err(corrupt("an option is neither there nor not")),
        }
    }

    /// Refuses bytes that nothing was expected in.
    pub fn finish(self) -> Result<(), Corrupt> {
        if self.rest.is_empty() { Ok(()) } else { Err(corrupt("there is more than was written")) }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Corrupt> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }
}

/// Stored state that cannot be read, in words that hold nothing of it.
pub fn corrupt(what: &str) -> Corrupt {
    Corrupt(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_what_is_cut_off_is_refused() {
        let mut bytes = Vec::new();
        bytes.push(7);
        put_u16(&mut bytes, 8);
        put_u32(&mut bytes, 9);
        put_u64(&mut bytes, 10);
        put_i64(&mut bytes, -11);
        put_bytes(&mut bytes, "zwölf".as_bytes());
        let read = |bytes: &[u8]| -> Result<(u8, u16, u32, u64, i64, String), Corrupt> {
            let mut reader = Reader::new(bytes);
            let all = (reader.u8()?, reader.u16()?, reader.u32()?, reader.u64()?, reader.i64()?, reader.text()?.into());
            reader.finish()?;
            Ok(all)
        };
        assert_eq!(read(&bytes), Ok((7, 8, 9, 10, -11, "zwölf".into())));
        for length in 0..bytes.len() {
            assert!(read(&bytes[..length]).is_err(), "cut to {length}");
        }
        bytes.push(0);
        assert!(read(&bytes).is_err(), "something left");
    }

    #[test]
    fn a_length_beyond_the_end_is_refused() {
        assert!(Reader::new(&u32::MAX.to_le_bytes()).bytes().is_err());
    }

    #[test]
    fn short_numbers_of_any_size_come_back() {
        for value in [0, 1, -1, 63, -64, 64, i64::from(i32::MAX), i64::MAX, i64::MIN] {
            let mut bytes = Vec::new();
            put_short_signed(&mut bytes, value);
            put_short(&mut bytes, value as u64);
            put_option(&mut bytes, Some(value));
            put_option(&mut bytes, None);
            let mut reader = Reader::new(&bytes);
            assert_eq!(reader.short_signed(), Ok(value));
            assert_eq!(reader.short(), Ok(value as u64));
            assert_eq!((reader.option(), reader.option::<i64>()), (Ok(Some(value)), Ok(None)));
            assert_eq!(reader.finish(), Ok(()));
        }
        assert!(Reader::new(&[0xff; 11]).short::<u64>().is_err(), "no number is that long");
        assert!(Reader::new(&[0x80, 0x02]).short::<u8>().is_err(), "256 is no u8");
    }
}
