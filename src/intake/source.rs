//! Opens what is to be read: a file or standard input, gzip (known by its first bytes) or not, without a byte order
//! mark.

use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const BYTE_ORDER_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];
/// Reads of this size keep system calls rare.
const BUFFER_BYTES: usize = 256 * 1024;

/// A file; `-` is standard input.
pub fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    if path == Path::new("-") {
        return decoded(io::stdin().lock());
    }
    decoded(File::open(path)?)
}

/// Bytes as text: gunzipped if they are gzip, behind a byte order mark if there is one.
pub fn decoded(bytes: impl Read + 'static) -> io::Result<Box<dyn BufRead>> {
    let bytes = begins_with(bytes, &GZIP)?;
    if bytes.matched {
        let unpacked = MultiGzDecoder::new(BufReader::with_capacity(BUFFER_BYTES, bytes.whole()));
        return without_mark(unpacked);
    }
    without_mark(bytes.whole())
}

fn without_mark(bytes: impl Read + 'static) -> io::Result<Box<dyn BufRead>> {
    let bytes = begins_with(bytes, &BYTE_ORDER_MARK)?;
    if bytes.matched {
        return Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, bytes.rest)));
    }
    Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, bytes.whole())))
}

/// A reader whose first bytes have been looked at.
struct Begun<R> {
    first: Vec<u8>,
    matched: bool,
    rest: R,
}

impl<R: Read> Begun<R> {
    fn whole(self) -> io::Chain<io::Cursor<Vec<u8>>, R> {
        io::Cursor::new(self.first).chain(self.rest)
    }
}

fn begins_with<R: Read>(mut bytes: R, mark: &[u8]) -> io::Result<Begun<R>> {
    let mut first = Vec::with_capacity(mark.len());
    bytes.by_ref().take(mark.len() as u64).read_to_end(&mut first)?;
    let matched = first == mark;
    Ok(Begun { first, matched, rest: bytes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    fn read(bytes: Vec<u8>) -> Vec<u8> {
        let mut text = Vec::new();
        decoded(io::Cursor::new(bytes)).and_then(|mut reader| reader.read_to_end(&mut text)).expect("readable");
        text
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    #[test]
    fn plain_gzip_and_marked_text_are_the_same() {
        assert_eq!(read(b"a,b".to_vec()), b"a,b");
        assert_eq!(read(b"\xef\xbb\xbfa,b".to_vec()), b"a,b");
        assert_eq!(read(gzip(b"a,b")), b"a,b");
        assert_eq!(read(gzip(b"\xef\xbb\xbfa,b")), b"a,b");
        assert_eq!(read(Vec::new()), b"");
        assert_eq!(read(b"\xef".to_vec()), b"\xef");
    }

    #[test]
    fn several_gzip_members_are_one_file() {
        let members = [gzip(b"a\n"), gzip(b"b\n")].concat();
        assert_eq!(read(members), b"a\nb\n");
    }

    #[test]
    fn a_damaged_gzip_is_an_error() {
        let mut damaged = gzip(b"a,b");
        damaged.truncate(damaged.len() - 4);
        let mut text = Vec::new();
        let read = decoded(io::Cursor::new(damaged)).and_then(|mut reader| reader.read_to_end(&mut text));
        assert!(read.is_err());
    }
}
