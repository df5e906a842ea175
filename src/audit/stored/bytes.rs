//! The little binary form of stored state, as a reader of its own: little-endian numbers, short numbers of 7 bits a
//! byte, texts behind their length.

/// Bytes that are read from the front.
#[derive(Debug)]
pub struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    /// From the start.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// So many bytes.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or("stored state ends too early")?;
        self.0 = rest;
        Ok(taken)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, String> {
        Ok(self.take(1)?[0])
    }

    /// Four bytes, the lowest first.
    pub fn u32(&mut self) -> Result<u32, String> {
        Ok(self.take(4)?.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte)))
    }

    /// A text behind its length.
    pub fn text(&mut self) -> Result<String, String> {
        let length = self.u32()? as usize;
        Ok(String::from_utf8_lossy(self.take(length)?).into_owned())
    }

    /// A short number.
    pub fn short(&mut self) -> Result<u64, String> {
        let mut number = 0_u64;
        for position in 0..10 {
            let byte = self.u8()?;
            number |= u64::from(byte & 0x7f) << (7 * position);
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err("a stored number is too long".to_owned())
    }

    /// A short number whose lowest bit is its sign.
    pub fn signed(&mut self) -> Result<i64, String> {
        let number = self.short()?;
        let half = (number / 2) as i64;
        Ok(if number % 2 == 1 { -half - 1 } else { half })
    }

    /// A signed number that may be absent.
    pub fn option(&mut self) -> Result<Option<i64>, String> {
        match self.u8()? {
            0 => Ok(None),
            _ => self.signed().map(Some),
        }
    }
}
