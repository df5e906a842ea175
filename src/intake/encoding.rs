//! Text in the encodings that labs' systems write, as UTF-8.
//!
//! In: bytes and the encoding that a map names. Out: UTF-8, piece by piece. Bytes that are no text in that encoding
//! become one byte that UTF-8 never has, so that the row they are in is refused like any other that is not text: a
//! replacement character in its place would make two people one.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Decoder, DecoderResult, Encoding, GB18030, GBK, UTF_8, UTF_16BE, UTF_16LE};
use std::io::{self, BufRead, Read};

/// Stands for bytes that are no text.
const NO_TEXT: u8 = 0xff;
/// Decoded at a time.
const PIECE_BYTES: usize = 64 * 1024;
/// The longest that one character or mark takes in UTF-8; the decoder asks for as much room.
const ROOM_BYTES: usize = 16;

/// Names that are used for encodings, beside those of the Encoding Standard.
const OTHER_NAMES: [(&str, &str); 9] = [
    ("latin-1", "windows-1252"),
    ("latin 1", "windows-1252"),
    ("cp936", "gb18030"),
    ("cp932", "shift_jis"),
    ("cp950", "big5"),
    ("cp949", "euc-kr"),
    ("utf16", "utf-16"),
    ("utf16le", "utf-16le"),
    ("utf16be", "utf-16be"),
];

/// How a file's text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextEncoding {
    encoding: &'static Encoding,
    /// UTF-16 of which the order of bytes is not said: a mark or the bytes themselves tell.
    either_order: bool,
}

impl TextEncoding {
    /// UTF-8.
    pub const UTF_8: Self = Self { encoding: UTF_8, either_order: false };
    /// UTF-16, low byte first.
    pub const UTF_16LE: Self = Self { encoding: UTF_16LE, either_order: false };
    /// UTF-16, high byte first.
    pub const UTF_16BE: Self = Self { encoding: UTF_16BE, either_order: false };

    /// By a name of the Encoding Standard, or another that is used for one.
    pub fn named(name: &str) -> Option<Self> {
        let name = name.trim().to_ascii_lowercase();
        let other = OTHER_NAMES.iter().find(|(other, _)| *other == name);
        let label = other.map_or(name.as_str(), |(_, label)| label);
        let encoding = Encoding::for_label_no_replacement(label.as_bytes())?;
        // What the user may mean by it is not known: it stands for nothing that a lab writes.
        let is_text = encoding.name() != "x-user-defined";
        is_text.then_some(Self { encoding, either_order: label == "utf-16" })
    }

    /// The name to write in a map.
    pub fn name(self) -> &'static str {
        match self.encoding.name() {
            // What browsers and Excel call GBK and GB2312 is read as GB18030, which has both within it.
            "GBK" | "gb18030" => "gb18030",
            "UTF-16LE" if self.either_order => "utf-16",
            "UTF-16LE" => "utf-16le",
            "UTF-16BE" => "utf-16be",
            "Shift_JIS" => "shift_jis",
            "Big5" => "big5",
            "EUC-KR" => "euc-kr",
            "EUC-JP" => "euc-jp",
            name => name,
        }
    }

    /// As people call it.
    pub fn called(self) -> &'static str {
        match self.name() {
            "gb18030" => "GB18030",
            "utf-16" | "utf-16le" | "utf-16be" => "UTF-16",
            "windows-1252" => "Latin-1 (windows-1252)",
            "big5" => "Big5",
            "shift_jis" => "Shift_JIS",
            name => name,
        }
    }

    /// Whether it is UTF-8, which needs no decoding.
    pub fn is_utf_8(self) -> bool {
        self.encoding == UTF_8
    }

    /// Whether every byte is a character.
    pub fn is_single_byte(self) -> bool {
        self.encoding.is_single_byte()
    }

    /// Whether it is UTF-16 in either order.
    pub fn is_utf_16(self) -> bool {
        self.encoding == UTF_16LE || self.encoding == UTF_16BE
    }

    /// What a file that begins so is in, and how many bytes of a byte order mark it begins with. The mark stands above
    /// what the map says: it was written with the file.
    pub fn of_file(self, head: &[u8]) -> (Self, usize) {
        if let Some((encoding, mark)) = Encoding::for_bom(head) {
            return (Self { encoding, either_order: false }, mark);
        }
        if self.either_order && order_of_bytes(head) == Some(Self::UTF_16BE) {
            return (Self::UTF_16BE, 0);
        }
        (self, 0)
    }

    /// A text in it; what is no text is left as a mark that is none.
    pub fn decode(self, bytes: &[u8]) -> Vec<u8> {
        let mut text = Vec::new();
        // Reading from memory does not fail.
        let _ = Decoded::new(bytes, self).read_to_end(&mut text);
        text
    }
}

/// Whether bytes can be UTF-16 without a mark, and in which order: ASCII has a zero in every pair, always on one side.
pub fn order_of_bytes(head: &[u8]) -> Option<TextEncoding> {
    let zeros = |side: usize| head.iter().skip(side).step_by(2).filter(|byte| **byte == 0).count();
    match (zeros(0), zeros(1)) {
        (0, low) if low >= 2 => Some(TextEncoding::UTF_16LE),
        (high, 0) if high >= 2 => Some(TextEncoding::UTF_16BE),
        _ => None,
    }
}

/// Guesses what bytes that are not UTF-8 are in. Only for words to a person: nothing is read by it.
pub struct Guess {
    detector: EncodingDetector,
    any: bool,
}

impl Default for Guess {
    fn default() -> Self {
        Self { detector: EncodingDetector::new(Iso2022JpDetection::Deny), any: false }
    }
}

impl Guess {
    /// Looks at some more bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.any = true;
        self.detector.feed(bytes, false);
    }

    /// What they look like, if any were seen.
    pub fn encoding(&self) -> Option<TextEncoding> {
        let guess = || self.detector.guess(None, Utf8Detection::Deny);
        self.any.then(guess).map(|encoding| TextEncoding {
            encoding: if encoding == GBK { GB18030 } else { encoding },
            either_order: false,
        })
    }
}

/// A reader of bytes in some encoding as UTF-8.
pub struct Decoded<R> {
    reader: R,
    decoder: Decoder,
    /// Room for a piece. It keeps its length: to clear it for each piece costs more than small pieces themselves.
    text: Vec<u8>,
    /// What of the piece has been given, and how much of it there is.
    at: usize,
    end: usize,
    ended: bool,
}

impl<R: BufRead> Decoded<R> {
    /// Behind a byte order mark, if there was one.
    pub fn new(reader: R, encoding: TextEncoding) -> Self {
        let decoder = encoding.encoding.new_decoder_without_bom_handling();
        Self { reader, decoder, text: vec![0; PIECE_BYTES], at: 0, end: 0, ended: false }
    }

    fn decode_piece(&mut self) -> io::Result<()> {
        (self.at, self.end) = (0, 0);
        while self.end == 0 && !self.ended {
            let bytes = self.reader.fill_buf()?;
            let (last, mut read) = (bytes.is_empty(), 0);
            let mut written = 0;
            loop {
                let room = &mut self.text[written..PIECE_BYTES - ROOM_BYTES];
                let (result, taken, given) =
                    self.decoder.decode_to_utf8_without_replacement(&bytes[read..], room, last);
                (read, written) = (read + taken, written + given);
                match result {
                    DecoderResult::InputEmpty => {
                        self.ended = last;
                        break;
                    }
                    DecoderResult::OutputFull => break,
                    DecoderResult::Malformed(..) => {
                        self.text[written] = NO_TEXT;
                        written += 1;
                        if written + ROOM_BYTES > PIECE_BYTES - ROOM_BYTES {
                            break;
                        }
                    }
                }
            }
            self.end = written;
            self.reader.consume(read);
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Decoded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.at == self.end {
            self.decode_piece()?;
        }
        let given = (self.end - self.at).min(into.len());
        into[..given].copy_from_slice(&self.text[self.at..self.at + given]);
        self.at += given;
        Ok(given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> TextEncoding {
        TextEncoding::named(name).expect(name)
    }

    #[test]
    fn encodings_go_by_the_names_that_people_use() {
        for (name, known_as) in [
            ("GBK", "gb18030"),
            ("gb2312", "gb18030"),
            ("GB18030", "gb18030"),
            ("big5", "big5"),
            ("latin-1", "windows-1252"),
            ("iso-8859-1", "windows-1252"),
            ("Shift_JIS", "shift_jis"),
            ("cp932", "shift_jis"),
            ("UTF-16", "utf-16"),
            ("utf-16be", "utf-16be"),
            ("UTF-8", "UTF-8"),
        ] {
            assert_eq!(named(name).name(), known_as, "{name}");
            assert_eq!(named(known_as), named(named(name).name()), "the name shown is the name taken");
        }
        for none in ["", "ansi", "utf-7", "x-user-defined", "iso-2022-kr"] {
            assert_eq!(TextEncoding::named(none), None, "{none}");
        }
    }

    #[test]
    fn pieces_of_any_size_are_the_same_text() {
        let text = "样本,重庆,渝中区\r\n".repeat(9_000);
        let (bytes, ..) = GB18030.encode(&text);
        for size in [1, 2, 3, 7, 4096, 1 << 20] {
            let reader = io::BufReader::with_capacity(size, &bytes[..]);
            let mut read = Vec::new();
            Decoded::new(reader, named("gb18030")).read_to_end(&mut read).expect("memory");
            assert!(read == text.as_bytes(), "pieces of {size} bytes");
        }
    }

    #[test]
    fn what_is_no_text_is_marked_and_never_replaced() {
        assert_eq!(named("gb18030").decode(b"a\x81\n"), b"a\xff\n");
        assert_eq!(named("utf-16le").decode(b"a\0\x00\xd8b\0\n"), b"a\xffb\xff");
        let broken = named("shift_jis").decode(&[0xa0; 200_000]);
        assert!(broken.len() == 200_000 && broken.iter().all(|byte| *byte == NO_TEXT));
    }

    #[test]
    fn a_mark_tells_the_order_of_bytes_and_else_the_zeros_do() {
        let utf_16 = named("utf-16");
        assert_eq!(utf_16.of_file(b"\xfe\xff\0a"), (TextEncoding::UTF_16BE, 2));
        assert_eq!(utf_16.of_file(b"\xff\xfea\0"), (TextEncoding::UTF_16LE, 2));
        assert_eq!(utf_16.of_file(b"\0a\0,\0b"), (TextEncoding::UTF_16BE, 0));
        assert_eq!(utf_16.of_file(b"a\0,\0b\0").0.name(), "utf-16");
        assert_eq!(named("big5").of_file(b"\xef\xbb\xbfa"), (TextEncoding::UTF_8, 3));
    }
}
