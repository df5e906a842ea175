//! JSON by line: each line is one message in the proto3 JSON mapping. Empty lines say nothing and are passed over.

use super::{Content, ContentType, Fault, Item, Message};
use crate::model::outcome::RejectCode;
use std::io::{self, BufRead, Read};

/// The lines of a file.
pub struct Lines<R> {
    reader: R,
    limit: usize,
    line: u64,
}

impl<R: BufRead> Lines<R> {
    /// Lines longer than `limit` bytes are refused without being held.
    pub fn new(reader: R, limit: usize) -> Self {
        Self { reader, limit, line: 0 }
    }

    /// The next line that is not empty.
    pub fn next_item(&mut self) -> io::Result<Option<Item>> {
        loop {
            let mut text = Vec::new();
            // One byte more than is allowed, and two for the line's end.
            let taken = self.reader.by_ref().take(self.limit as u64 + 3).read_until(b'\n', &mut text)?;
            if taken == 0 {
                return Ok(None);
            }
            self.line += 1;
            let ended = text.ends_with(b"\n");
            while matches!(text.last(), Some(b'\n' | b'\r')) {
                text.pop();
            }
            if text.len() > self.limit {
                if !ended {
                    self.reader.skip_until(b'\n')?;
                }
                let fault =
                    Fault::new(RejectCode::TooLarge, "", format!("the line is longer than {} bytes", self.limit));
                return Ok(Some(Item { line: self.line, content: Content::Refused(fault) }));
            }
            if !text.trim_ascii().is_empty() {
                let message = Message { payload: text, content_type: ContentType::Json, arrived_at: None };
                return Ok(Some(Item { line: self.line, content: Content::Message(message) }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, limit: usize) -> Vec<(u64, Result<String, RejectCode>)> {
        let mut lines = Lines::new(text.as_bytes(), limit);
        let mut all = Vec::new();
        while let Some(item) = lines.next_item().expect("memory") {
            all.push(match item.content {
                Content::Message(message) => (item.line, Ok(String::from_utf8(message.payload).expect("text"))),
                Content::Refused(fault) => (item.line, Err(fault.reject.code)),
                Content::Skipped(_) => panic!("no rule"),
            });
        }
        all
    }

    #[test]
    fn lines_keep_their_numbers_over_empty_ones() {
        let found = lines("{}\r\n\n  \n{\"a\":1}", 100);
        assert_eq!(found, [(1, Ok("{}".into())), (4, Ok("{\"a\":1}".into()))]);
    }

    #[test]
    fn a_huge_line_is_refused_and_the_next_is_read() {
        let text = format!("{}\n{}\r\n{{}}\n", "x".repeat(100_000), "y".repeat(10));
        assert_eq!(lines(&text, 10), [(1, Err(RejectCode::TooLarge)), (2, Ok("y".repeat(10))), (3, Ok("{}".into()))]);
        assert_eq!(lines(&text, 9)[1], (2, Err(RejectCode::TooLarge)));
    }
}
