//! Where the header may be when it is not where the map says: in another line, behind another delimiter, in another
//! encoding. The map knows the names of its columns, so this is found and not guessed, for the words of an error only:
//! nothing is read by it.

use super::scan::{Found, Scanner};
use crate::intake::encoding::{Guess, TextEncoding};
use crate::intake::table;
use ::csv::ByteRecord;

/// What stands between cells in files that people have.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Encodings that are tried, by the names that a map would have.
const ENCODINGS: [&str; 8] =
    ["utf-8", "utf-16le", "utf-16be", "gb18030", "big5", "shift_jis", "euc-kr", "windows-1252"];
/// So many rows are looked at.
const ROWS: usize = 50;

/// A way to read the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// How the text is written.
    pub encoding: TextEncoding,
    /// What stands between cells.
    pub delimiter: u8,
    /// Lines before the header.
    pub skip_lines: u64,
    /// Whether a byte order mark says the encoding: then the map does not.
    pub is_marked: bool,
}

impl Way {
    /// Another way by which all the columns are there.
    pub fn elsewhere(self, head: &[u8], columns: &[String]) -> Option<Self> {
        let others = ENCODINGS.iter().filter_map(|name| TextEncoding::named(name));
        [self.encoding].into_iter().chain(others).find_map(|encoding| {
            let (_, mark) = encoding.of_file(head);
            let text = encoding.decode(&head[mark..]);
            [self.delimiter].into_iter().chain(DELIMITERS).find_map(|delimiter| {
                let skip_lines = line_of(&text, delimiter, columns)?;
                Some(Self { encoding, delimiter, skip_lines, ..self })
            })
        })
    }

    /// In words: why this is not the header, and what to write in the map for the other way.
    pub fn in_words(self, other: Self, map: &str) -> String {
        let (mut why, mut write) = (Vec::new(), Vec::new());
        if other.encoding != self.encoding {
            let (is, looks, name) = (self.encoding.called(), other.encoding.called(), other.encoding.name());
            if self.is_marked {
                return format!(
                    "this does not look like the header: {}",
                    table::against_its_mark(self.encoding, other.encoding)
                );
            }
            why.push(format!("the file is not {is}, it looks like {looks}"));
            write.push(if other.encoding.is_utf_8() {
                "no `encoding`".to_owned()
            } else {
                format!("`encoding = \"{name}\"`")
            });
        }
        if other.delimiter != self.delimiter {
            let (is, name) = (shown(self.delimiter), shown(other.delimiter));
            why.push(format!("its cells are separated by `{name}`, not by `{is}`"));
            write.push(format!("`delimiter = \"{name}\"`"));
        }
        if other.skip_lines != self.skip_lines {
            why.push(format!("the map's columns stand in line {}", other.skip_lines + 1));
            write.push(format!("`skip_lines = {}`", other.skip_lines));
        }
        format!("this does not look like the header: {}; write {} in {map}", why.join(" and "), write.join(" and "))
    }
}

/// A delimiter as a map has it.
pub fn shown(delimiter: u8) -> String {
    char::from(delimiter).escape_default().to_string()
}

/// What to write for bytes that are not in the encoding they are read in.
pub fn not_in(way: Way, bytes: &[u8], map: &str) -> String {
    let (mut guess, encoding) = (Guess::default(), way.encoding);
    guess.feed(&bytes[encoding.of_file(bytes).1..]);
    let looks = guess.encoding().unwrap_or(encoding);
    if way.is_marked {
        return format!("this does not look like the header: {}", table::against_its_mark(encoding, looks));
    }
    let (is, looks, name) = (encoding.called(), looks.called(), looks.name());
    format!(
        "this does not look like the header: the file is not {is}, it looks like {looks}; write `encoding = \"{name}\"` in \
         {map}, or export as UTF-8"
    )
}

/// Lines before the one that has all the columns.
fn line_of(text: &[u8], delimiter: u8, columns: &[String]) -> Option<u64> {
    let mut scanner = Scanner::new(text, delimiter, text.len());
    let mut cells = ByteRecord::new();
    for _ in 0..ROWS {
        // Memory does not fail.
        let span = scanner.scan(&mut cells).ok()?;
        match span.found {
            Found::End => return None,
            Found::Row if has_all(&cells, columns) => return Some(scanner.lines()),
            // A quote of a title would take the header along: each line is looked at.
            _ => scanner.pass_first_line(&span).ok()?,
        }
    }
    None
}

fn has_all(cells: &ByteRecord, columns: &[String]) -> bool {
    let names = table::names(cells);
    !columns.is_empty() && columns.iter().all(|column| names.contains(column))
}
