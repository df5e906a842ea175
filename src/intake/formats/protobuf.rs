//! Length-delimited protobuf: each message after its length as a varint, as `writeDelimitedTo` of the Java library
//! writes them.

use crate::intake::item::{Content, ContentType, Fault, Item, Message};
use crate::intake::source::Source;
use crate::intake::tally::{Tally, Unit};
use crate::model::outcome::RejectCode;
use serde::de::IgnoredAny;
use std::io::{self, BufRead, Read};

/// The messages of a file.
pub struct Messages<R> {
    reader: R,
    limit: usize,
    number: u64,
}

/// Why a file is not length-delimited protobuf, in words; `None` if it may be.
pub fn objection(source: &Source) -> Option<String> {
    let head = source.head();
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let begins = text.starts_with(b"{") || text.starts_with(b"[");
    // A first message of 123 bytes begins with `{` too: what goes on as JSON is none.
    let is_json = match serde_json::Deserializer::from_slice(text).into_iter::<IgnoredAny>().next() {
        Some(Ok(_)) => true,
        Some(Err(error)) => error.is_eof() && text.len() > 2,
        None => false,
    };
    (begins && is_json).then(|| {
        "this is JSON and not length-delimited protobuf; write its messages a line each, and give --format ndjson"
            .to_owned()
    })
}

impl<R: BufRead> Messages<R> {
    /// Messages longer than `limit` bytes are refused without being held.
    pub fn new(reader: R, limit: usize) -> Self {
        Self { reader, limit, number: 0 }
    }

    /// The messages so far: each is a row.
    pub fn tally(&self) -> Tally {
        let mut tally =
            Tally { lines: self.number, of_rows: self.number, rows: self.number, ..Tally::of(Unit::Message) };
        if tally.rows == 0 {
            tally.notes.push("there is no message in it".to_owned());
        }
        tally
    }

    /// The next message.
    pub fn next_item(&mut self) -> io::Result<Option<Item>> {
        if self.reader.fill_buf()?.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        let length = self.length()?;
        if length > self.limit as u64 {
            self.pass_over(length)?;
            let fault =
                Fault::new(RejectCode::TooLarge, "", format!("the message is longer than {} bytes", self.limit));
            return Ok(Some(Item { line: self.number, content: Content::Refused(fault) }));
        }
        let mut payload = Vec::new();
        self.reader.by_ref().take(length).read_to_end(&mut payload)?;
        if payload.len() as u64 != length {
            return Err(self.ends_within());
        }
        let message =
            Message { payload, content_type: ContentType::Protobuf, arrived_at: None, is_released_by_day: false };
        Ok(Some(Item { line: self.number, content: Content::Message(message) }))
    }

    fn length(&mut self) -> io::Result<u64> {
        let mut length = 0;
        for shift in (0..64).step_by(7) {
            let mut byte = [0];
            self.reader.read_exact(&mut byte).map_err(|_| self.ends_within())?;
            length |= u64::from(byte[0] & 0x7f) << shift;
            if byte[0] < 0x80 {
                return Ok(length);
            }
        }
        let text = format!("message {}: its length is not a varint; is the file length-delimited?", self.number);
        Err(io::Error::new(io::ErrorKind::InvalidData, text))
    }

    fn pass_over(&mut self, length: u64) -> io::Result<()> {
        let passed = io::copy(&mut self.reader.by_ref().take(length), &mut io::sink())?;
        if passed == length { Ok(()) } else { Err(self.ends_within()) }
    }

    fn ends_within(&self) -> io::Error {
        let text = format!("message {}: the file ends within it; is the file length-delimited?", self.number);
        io::Error::new(io::ErrorKind::UnexpectedEof, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::v1::LabResult;
    use prost::Message as _;

    fn message(lab_id: &str) -> LabResult {
        LabResult { lab_id: lab_id.into(), ..Default::default() }
    }

    #[test]
    fn messages_follow_each_other() {
        let mut file = message("L1").encode_length_delimited_to_vec();
        file.extend(message(&"x".repeat(500)).encode_length_delimited_to_vec());
        file.extend(message("L2").encode_length_delimited_to_vec());
        let mut messages = Messages::new(&file[..], 300);
        let mut next = || messages.next_item().expect("memory");
        let first = next().expect("a message");
        let Content::Message(read) = first.content else { panic!("{first:?}") };
        assert_eq!(read.payload, message("L1").encode_to_vec());
        let second = next().expect("a message");
        assert!(matches!(second.content, Content::Refused(fault) if fault.reject.code == RejectCode::TooLarge));
        assert_eq!(next().map(|item| item.line), Some(3));
        assert_eq!(next(), None);
    }

    /// Also where the first length is that of `{`, and the second byte a line end: 123 bytes, of which the lab is first.
    #[test]
    fn json_is_told_from_messages_whatever_their_first_length() {
        let objection = |bytes: &[u8]| objection(&Source::of(io::Cursor::new(bytes.to_vec())).expect("memory"));
        for json in [&b"{\"lab_id\":\"L1\"}\n{}"[..], b"\xef\xbb\xbf[{\"lab_id\": ", b"\n{\n  \"lab_id\": \"L"] {
            assert!(objection(json).is_some_and(|words| words.contains("--format ndjson")), "{json:?}");
        }
        for length in 1..300 {
            let mut file = message(&"x".repeat(length)).encode_length_delimited_to_vec();
            file.extend(message("L2").encode_length_delimited_to_vec());
            assert_eq!(objection(&file), None, "{length}");
        }
        assert_eq!(objection(b""), None);
    }

    #[test]
    fn a_file_that_ends_within_a_message_is_an_error_that_names_it() {
        let file = message("L1").encode_length_delimited_to_vec();
        let mut messages = Messages::new(&file[..file.len() - 1], 300);
        let error = messages.next_item().expect_err("truncated");
        assert!(error.to_string().starts_with("message 1: the file ends within it"), "{error}");
    }

    #[test]
    fn a_length_that_is_none_is_an_error() {
        let mut messages = Messages::new(&[0xff; 11][..], 300);
        assert!(messages.next_item().expect_err("no varint").to_string().contains("not a varint"));
    }
}
