//! The little binary form of stored state: little-endian numbers, texts with their length. Reading checks every
//! length, so bytes that are not ours end in [`Corrupt`], never in a panic or a huge allocation.

use crate::pipeline::half::Corrupt;

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
}
