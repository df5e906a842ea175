//! Whether a file that its map calls something else is UTF-8 after all: its bytes are looked at as they are read.
//!
//! In: the bytes, in pieces. Out: whether all that is not ASCII is UTF-8, and enough to be no chance. Of the bytes at most
//! a part of one character is kept.

use crate::intake::encoding::TextEncoding;
use std::cell::RefCell;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

/// Characters of several bytes without which nothing is said of a text. Where a character takes two bytes, text comes to
/// look like UTF-8 once or twice.
pub fn least(stated: TextEncoding) -> usize {
    if stated.is_single_byte() { 1 } else { 3 }
}

/// What was seen of the bytes so far.
#[derive(Debug, Default)]
pub struct Utf8 {
    /// The beginning of a character of which the rest is still to come.
    begun: Vec<u8>,
    /// Characters of several bytes.
    characters: usize,
    is_other: bool,
}

impl Utf8 {
    /// Looks at some more bytes.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        while !self.begun.is_empty() && !self.is_other {
            let Some((next, rest)) = bytes.split_first() else { return };
            self.begun.push(*next);
            bytes = rest;
            match std::str::from_utf8(&self.begun) {
                Ok(_) => {
                    self.characters += 1;
                    self.begun.clear();
                }
                Err(error) => self.is_other = error.error_len().is_some(),
            }
        }
        if self.is_other || bytes.is_ascii() {
            return;
        }
        let valid = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                self.is_other = error.error_len().is_some();
                let (valid, begun) = bytes.split_at(error.valid_up_to());
                self.begun.extend(begun.iter().take(3));
                std::str::from_utf8(valid).unwrap_or_default()
            }
        };
        self.characters += valid.chars().filter(|character| !character.is_ascii()).count();
    }

    /// Whether at least so many characters of several bytes were seen, and nothing else beyond ASCII; the last one may go
    /// on behind what was seen.
    pub fn may_be(&self, least: usize) -> bool {
        !self.is_other && self.characters >= least
    }

    /// The same of a text that has ended.
    pub fn is_certain(&self, least: usize) -> bool {
        self.may_be(least) && self.begun.is_empty()
    }
}

/// A reader whose bytes are looked at.
pub struct Watched<R> {
    reader: R,
    seen: Rc<RefCell<Utf8>>,
}

impl<R: BufRead> Watched<R> {
    /// What is seen of the bytes is said by `seen`.
    pub fn new(reader: R, seen: Rc<RefCell<Utf8>>) -> Self {
        Self { reader, seen }
    }
}

impl<R: BufRead> Read for Watched<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(into)?;
        self.seen.borrow_mut().feed(&into[..read]);
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Watched<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        // What was filled before is there still: nothing is read by that. At the end something would be.
        if bytes > 0
            && let Ok(filled) = self.reader.fill_buf()
        {
            self.seen.borrow_mut().feed(&filled[..bytes]);
        }
        self.reader.consume(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_certain(bytes: &[u8], piece: usize, least: usize) -> bool {
        let mut seen = Utf8::default();
        bytes.chunks(piece).for_each(|bytes| seen.feed(bytes));
        seen.is_certain(least)
    }

    #[test]
    fn utf_8_is_known_in_pieces_of_any_size_and_nothing_else_is() {
        for piece in 1..9 {
            for utf_8 in ["Zoë", "ë", "a\u{10ffff}b", "重庆,渝中区\n😷"] {
                assert!(is_certain(utf_8.as_bytes(), piece, 1), "{utf_8} in {piece}");
            }
            for other in [
                &b""[..],
                b"ascii alone",
                b"Zo\xeb",
                b"\xc3",
                "Zoë Zo\u{eb}\u{c3}".as_bytes().split_last().expect("bytes").1,
            ] {
                assert!(!is_certain(other, piece, 1), "{other:?} in {piece}");
            }
            assert!(!is_certain(b"Zo\xc3\xab, Zo\xeb, Zo\xc3\xab", piece, 1), "one that is not is enough, in {piece}");
            assert!(!is_certain(b"\xed\xa0\x80\xc3\xab", piece, 1), "half of a pair is no character, in {piece}");
            assert!(!is_certain("ëë".as_bytes(), piece, 3) && is_certain("ëëë".as_bytes(), piece, 3), "{piece}");
        }
    }
}
