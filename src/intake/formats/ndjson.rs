//! JSON by line: each line is one message in the proto3 JSON mapping. Empty lines say nothing and are passed over.
//!
//! Lines end with LF, CRLF (or CRCRLF, its double) or CR alone; JSON has neither within a text. Byte order marks at their start, as joined
//! files have them, are left out.

use crate::intake::item::{Content, ContentType, Fault, Item, Message};
use crate::intake::looks::{self, Looks};
use crate::intake::source::Source;
use crate::intake::tally::Tally;
use crate::model::outcome::RejectCode;
use crate::model::written;
use memchr::memchr2;
use serde_json::Value;
use std::io::{self, BufRead};

const MARK: &[u8] = b"\xef\xbb\xbf";

/// The lines of a file.
pub struct Lines<R> {
    reader: R,
    limit: usize,
    tally: Tally,
    /// Whether a line end was read on the way that ends an empty line.
    owed: bool,
}

/// Why a file is not JSON by line, in words; `None` if it may be.
pub fn objection(source: &Source) -> Option<String> {
    let head = source.head();
    let text = head.strip_prefix(MARK).unwrap_or(head).trim_ascii_start();
    let first = text.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default().trim_ascii();
    let words = match looks::at(head) {
        Looks::Other(what) => format!("the file is {what}"),
        Looks::Container => "the file is an archive or workbook".to_owned(),
        Looks::Binary => "the file holds control characters, it is no text".to_owned(),
        Looks::Utf16(order, _) => format!("the file is {}; convert it to UTF-8", order.called()),
        Looks::Text if first.starts_with(b"[") => {
            "the file is one array; write its messages a line each (jq -c '.[]')".to_owned()
        }
        Looks::Text if first == b"{" => "its messages take several lines; write each in one line (jq -c .)".to_owned(),
        Looks::Text => return None,
    };
    Some(format!("this is not JSON by line: {words}"))
}

/// What a time of a message looks like that cannot be read, by its field; nothing of it is shown.
pub fn time_in_words(line: &[u8], field: &str) -> Option<&'static str> {
    let whole: Value = serde_json::from_slice(line).ok()?;
    let mut value = &whole;
    for name in field.split('.') {
        value = value.get(name).or_else(|| value.get(in_json(name)))?;
    }
    Some(match value {
        Value::String(text) if text.trim().is_empty() => "an empty text; a time that is not known is left out",
        Value::String(text) if text.trim() != text => "it has spaces around it",
        Value::String(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            "digits alone; write RFC 3339, not a count since 1970"
        }
        Value::String(text) if written::parse(text).is_some() => {
            "a zone that is none or contradicts the offset, or a leap second that never was"
        }
        Value::String(text) if !text.get(..4).is_some_and(|year| year.bytes().all(|byte| byte.is_ascii_digit())) => {
            "it does not begin with a year of four digits"
        }
        Value::String(_) => "not written as RFC 3339 has it, or there is no such day or time",
        Value::Number(_) => "a number; write a text of RFC 3339, not a count since 1970",
        _ => "neither a text nor a number; write a text of RFC 3339",
    })
}

/// A name of the contract as the JSON mapping spells it.
fn in_json(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut all, word| {
        let (initial, rest) = word.split_at(word.len().min(1));
        all.push_str(&initial.to_ascii_uppercase());
        all + rest
    })
}

impl<R: BufRead> Lines<R> {
    /// Lines longer than `limit` bytes are refused without being held.
    pub fn new(reader: R, limit: usize) -> Self {
        Self { reader, limit, tally: Tally::default(), owed: false }
    }

    /// What the lines so far were.
    pub fn tally(&self) -> Tally {
        let mut tally = self.tally.clone();
        if tally.rows == 0 {
            tally.notes.push("there is no message in it".to_owned());
        }
        tally
    }

    /// The next line that is not empty.
    pub fn next_item(&mut self) -> io::Result<Option<Item>> {
        let mut text = Vec::new();
        loop {
            text.clear();
            let Some(is_whole) = self.line(&mut text)? else { return Ok(None) };
            self.tally.lines += 1;
            let line = self.tally.lines;
            let marks = text.chunks_exact(MARK.len()).take_while(|chunk| *chunk == MARK).count();
            text.drain(..marks * MARK.len());
            if is_whole && text.trim_ascii().is_empty() {
                self.tally.empty += 1;
                continue;
            }
            self.tally.rows += 1;
            self.tally.of_rows += 1;
            let content = if is_whole {
                Content::Message(Message {
                    payload: text,
                    content_type: ContentType::Json,
                    arrived_at: None,
                    is_released_by_day: false,
                })
            } else {
                let detail = format!("the line is longer than {} bytes", self.limit);
                Content::Refused(Fault::new(RejectCode::TooLarge, "", detail))
            };
            return Ok(Some(Item { line, content }));
        }
    }

    /// Passes over a byte if it is this one.
    fn skip(&mut self, byte: u8) -> io::Result<bool> {
        let is_next = self.reader.fill_buf()?.first() == Some(&byte);
        self.reader.consume(usize::from(is_next));
        Ok(is_next)
    }

    /// Takes a line without its end; whether all of it was short enough to be held. `None` at the end of the file.
    fn line(&mut self, text: &mut Vec<u8>) -> io::Result<Option<bool>> {
        if std::mem::take(&mut self.owed) {
            return Ok(Some(true));
        }
        let (mut any, mut is_whole) = (false, true);
        loop {
            let bytes = self.reader.fill_buf()?;
            if bytes.is_empty() {
                return Ok(any.then_some(is_whole));
            }
            any = true;
            let end = memchr2(b'\n', b'\r', bytes);
            let piece = &bytes[..end.unwrap_or(bytes.len())];
            is_whole &= text.len() + piece.len() <= self.limit;
            if is_whole {
                text.extend_from_slice(piece);
            }
            let ended_by_cr = end.is_some_and(|end| bytes[end] == b'\r');
            let taken = end.map_or(bytes.len(), |end| end + 1);
            self.reader.consume(taken);
            // CRCRLF is one end, two others are two.
            if ended_by_cr && !self.skip(b'\n')? && self.skip(b'\r')? {
                self.owed = !self.skip(b'\n')?;
            }
            if end.is_some() {
                return Ok(Some(is_whole));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, limit: usize) -> Vec<(u64, Result<String, RejectCode>)> {
        let mut lines = Lines::new(io::BufReader::with_capacity(7, text.as_bytes()), limit);
        let mut all = Vec::new();
        while let Some(item) = lines.next_item().expect("memory") {
            all.push(match item.content {
                Content::Message(message) => (item.line, Ok(String::from_utf8(message.payload).expect("text"))),
                Content::Refused(fault) => (item.line, Err(fault.reject.code)),
                Content::Skipped(_) => panic!("no rule"),
            });
        }
        let tally = lines.tally();
        assert!(tally.balances() && tally.rows == all.len() as u64, "{tally:?}");
        all
    }

    #[test]
    fn lines_keep_their_numbers_over_empty_ones_whatever_ends_them() {
        let expected = [(1, Ok("{}".into())), (4, Ok("{\"a\":1}".into()))];
        for end in ["\n", "\r\n", "\r", "\r\r\n"] {
            assert_eq!(lines(&"{}\n\n  \n{\"a\":1}".replace('\n', end), 100), expected);
            assert_eq!(lines(&"{}\n\n  \n{\"a\":1}\n".replace('\n', end), 100), expected);
        }
        assert_eq!(lines("{}\r\n\r  \n{\"a\":1}", 100), expected);
    }

    #[test]
    fn a_huge_line_is_refused_and_the_next_is_read() {
        let text = format!("{}\n{}\r\n{{}}\n", "x".repeat(100_000), "y".repeat(10));
        assert_eq!(lines(&text, 10), [(1, Err(RejectCode::TooLarge)), (2, Ok("y".repeat(10))), (3, Ok("{}".into()))]);
        assert_eq!(lines(&text, 9)[1], (2, Err(RejectCode::TooLarge)));
    }

    #[test]
    fn marks_of_joined_files_are_no_part_of_a_message() {
        assert_eq!(
            lines("\u{feff}{}\n\u{feff}\u{feff}{}\n\u{feff}\n", 100),
            [(1, Ok("{}".into())), (2, Ok("{}".into()))]
        );
    }

    #[test]
    fn a_time_that_cannot_be_read_is_told_what_it_looks_like_and_never_itself() {
        for (time, says) in [
            ("\"\"", "an empty text"),
            ("\" 2026-11-28T08:00:00Z\"", "spaces around it"),
            ("\"1795826000\"", "digits alone"),
            ("1795826000", "a number"),
            ("[2026,11,28]", "neither a text nor a number"),
            ("\"26-11-28T08:00:00Z\"", "a year of four digits"),
            ("\"2026-02-30T08:00:00Z\"", "no such day or time"),
            ("\"2026-11-28T08:00:00+09:00[Asia/Shanghai]\"", "contradicts the offset"),
        ] {
            for name in ["order_from", "orderFrom"] {
                let line = format!("{{\"at\":{{\"{name}\":{time}}}}}");
                let words = time_in_words(line.as_bytes(), "at.order_from").expect(time);
                assert!(words.contains(says), "{time}: {words}");
            }
        }
    }

    #[test]
    fn what_is_not_json_by_line_is_told_once() {
        let objection = |bytes: &[u8]| objection(&Source::of(io::Cursor::new(bytes.to_vec())).expect("memory"));
        for (bytes, says) in [
            (&b"\xff\xfe{\0}\0"[..], "UTF-16; convert it to UTF-8"),
            (b"PK\x03\x04", "an archive or workbook"),
            (b"\xef\xbb\xbf[\n{}\n]", "one array"),
            (b"\n{\n  \"a\": 1\n}\n", "several lines"),
        ] {
            let words = objection(bytes).expect("an objection");
            assert!(words.contains(says), "{words}");
        }
        assert_eq!(objection(b"{\"a\":1}\n{}\n"), None);
        assert_eq!(objection(b""), None);
    }
}
