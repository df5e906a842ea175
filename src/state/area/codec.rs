//! Bytes of stored operations and page images: varints, little-endian, one form per value.
//!
//! One form matters: two tasks with the same state must write the same image, byte for byte.

use crate::pipeline::half::Corrupt;

/// Appends an unsigned number, 7 bits a byte.
pub fn put(into: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        into.push(value as u8 | 0x80);
        value >>= 7;
    }
    into.push(value as u8);
}

/// Appends a signed number; small ones of either sign are short.
pub fn put_signed(into: &mut Vec<u8>, value: i64) {
    put(into, (value << 1 ^ value >> 63) as u64);
}

/// Appends a text with its length.
pub fn put_text(into: &mut Vec<u8>, text: &str) {
    put(into, text.len() as u64);
    into.extend_from_slice(text.as_bytes());
}

/// Appends an optional number.
pub fn put_option(into: &mut Vec<u8>, value: Option<i64>) {
    put(into, u64::from(value.is_some()));
    if let Some(value) = value {
        put_signed(into, value);
    }
}

/// Reads what the functions above wrote.
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// From the first byte.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// One byte.
    pub fn byte(&mut self) -> Result<u8, Corrupt> {
        let (&first, rest) = self.rest.split_first().ok_or_else(|| corrupt("ends too early"))?;
        self.rest = rest;
        Ok(first)
    }

    /// See [`put`].
    pub fn number(&mut self) -> Result<u64, Corrupt> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(corrupt("a number is too long"))
    }

    /// See [`put`], as a number of a smaller type.
    pub fn small<T: TryFrom<u64>>(&mut self) -> Result<T, Corrupt> {
        T::try_from(self.number()?).map_err(|_| corrupt("a number is out of range"))
    }

    /// See [`put_signed`].
    pub fn signed(&mut self) -> Result<i64, Corrupt> {
        let coded = self.number()?;
        Ok((coded >> 1) as i64 ^ -((coded & 1) as i64))
    }

    /// See [`put_signed`], as a smaller type.
    pub fn small_signed(&mut self) -> Result<i32, Corrupt> {
        i32::try_from(self.signed()?).map_err(|_| corrupt("a number is out of range"))
    }

    /// See [`put_text`].
    pub fn text(&mut self) -> Result<String, Corrupt> {
        let length: usize = self.small()?;
        let (text, rest) = self.rest.split_at_checked(length).ok_or_else(|| corrupt("ends too early"))?;
        self.rest = rest;
        String::from_utf8(text.to_vec()).map_err(|_| corrupt("a text is not UTF-8"))
    }

    /// See [`put_option`].
    pub fn option(&mut self) -> Result<Option<i64>, Corrupt> {
        match self.byte()? {
            0 => Ok(None),
            1 => self.signed().map(Some),
            _ => Err(corrupt("an option is neither there nor not")),
        }
    }

    /// `value`, if nothing is left.
    pub fn done<T>(self, value: T) -> Result<T, Corrupt> {
        if self.rest.is_empty() { Ok(value) } else { Err(corrupt("bytes are left over")) }
    }
}

/// What is wrong with a stored area.
pub fn corrupt(what: &str) -> Corrupt {
    Corrupt(format!("area: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_any_size_come_back() {
        for value in [0, 1, -1, 63, -64, 64, i64::from(i32::MAX), i64::MAX, i64::MIN] {
            let mut bytes = Vec::new();
            put_signed(&mut bytes, value);
            put(&mut bytes, value as u64);
            put_option(&mut bytes, Some(value));
            let mut reader = Reader::new(&bytes);
            assert_eq!(reader.signed(), Ok(value));
            assert_eq!(reader.number(), Ok(value as u64));
            assert_eq!(reader.option(), Ok(Some(value)));
            assert_eq!(reader.done(()), Ok(()));
        }
    }

    #[test]
    fn bytes_cut_short_are_corrupt() {
        let mut bytes = Vec::new();
        put_text(&mut bytes, "500103");
        for cut in 0..bytes.len() {
            assert!(Reader::new(&bytes[..cut]).text().is_err(), "cut at {cut}");
        }
    }
}
