//! What a file looks like by its first bytes, whatever its name says.

use super::encoding::{TextEncoding, order_of_bytes};

/// What the first bytes look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looks {
    /// Text in UTF-8, as far as its first bytes tell, or in an encoding that they do not tell.
    Text,
    /// UTF-16, and whether a byte order mark says so.
    Utf16(TextEncoding, bool),
    /// A workbook, or another file of one of the two containers that workbooks are in.
    Container,
    /// Something else that has no rows for us, in words for a person.
    Other(&'static str),
    /// Control characters where text has none.
    Binary,
}

/// First bytes of what people take for a table, and what it is.
const SIGNATURES: [(&[u8], &str); 16] = [
    (b"\xff\xfe\0\0", "in UTF-32"),
    (b"\0\0\xfe\xff", "in UTF-32"),
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "gzip within gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"{\\rtf", "an RTF document"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"PAR1", "Parquet"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90\0", "a program"),
];

/// How text of other formats begins, behind spaces and in lower case.
const BEGINNINGS: [(&str, &str); 6] = [
    ("<!doctype html", "HTML"),
    ("<html", "HTML"),
    ("<table", "HTML"),
    ("<?xml", "XML"),
    ("<?mso-application", "XML"),
    ("mime-version:", "a web archive"),
];

/// So much is looked at.
const LOOKED_AT: usize = 1024;

/// Looks at the first bytes of a file.
pub fn at(head: &[u8]) -> Looks {
    // Before marks: that of UTF-32 begins as that of UTF-16 does.
    if let Some((_, what)) = SIGNATURES.iter().find(|(signature, _)| head.starts_with(signature)) {
        return Looks::Other(what);
    }
    match TextEncoding::UTF_8.of_file(head) {
        (encoding, 2) => return Looks::Utf16(encoding, true),
        (_, 3) => return text(&head[3..]),
        _ => {}
    }
    if head.starts_with(b"PK\x03\x04")
        || head.starts_with(b"PK\x05\x06")
        || head.starts_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
    {
        return Looks::Container;
    }
    text(head)
}

fn text(head: &[u8]) -> Looks {
    let first = &head[..head.len().min(LOOKED_AT)];
    // Behind the first line they are a fault of the row they are in.
    let line = first.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
    if line.contains(&0) {
        return order_of_bytes(first).map_or(Looks::Binary, |order| Looks::Utf16(order, false));
    }
    if line.iter().any(|byte| matches!(byte, 1..=8 | 0x0e..=0x1a | 0x1c..=0x1f | 0x7f)) {
        return Looks::Binary;
    }
    let beginning = String::from_utf8_lossy(&first[..first.len().min(64)]).trim_start().to_lowercase();
    let other = BEGINNINGS.iter().find(|(known, _)| beginning.starts_with(known));
    other.map_or(Looks::Text, |(_, what)| Looks::Other(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_bytes() {
        for (head, looks) in [
            (&b""[..], Looks::Text),
            (b"a,b\n1,2\n", Looks::Text),
            (b"\xef\xbb\xbfa,b\n", Looks::Text),
            (b"\xd1\xf9\xb1\xbe,b\n", Looks::Text),
            (b"\xff\xfea\0", Looks::Utf16(TextEncoding::UTF_16LE, true)),
            (b"\xfe\xff\0a", Looks::Utf16(TextEncoding::UTF_16BE, true)),
            (b"a\0,\0b\0\n\0", Looks::Utf16(TextEncoding::UTF_16LE, false)),
            (b"\0a\0,\0b\0\n", Looks::Utf16(TextEncoding::UTF_16BE, false)),
            (b"a\0\0\0,b", Looks::Binary),
            (b"a,b\n1,\0\0", Looks::Text),
            (b"\x01\x9c\xe3,\xf0\x05", Looks::Binary),
            (b"a\tb\x0bc\n\x01", Looks::Text),
            (b"PK\x03\x04\x14\0", Looks::Container),
            (b"\xff\xfe\0\0a\0\0\0", Looks::Other("in UTF-32")),
            (b"%PDF-1.7\n", Looks::Other("a PDF document")),
            (b"\x1f\x8b\x08", Looks::Other("gzip within gzip")),
            (b"\xef\xbb\xbf <!DOCTYPE html>", Looks::Other("HTML")),
            (b"\n<?xml version=\"1.0\"?>", Looks::Other("XML")),
        ] {
            assert_eq!(at(head), looks, "{head:?}");
        }
    }
}
