//! Unpacks what is to be read: gzip (known by its first bytes) or not.

use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek};

const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Reads of this size keep system calls rare.
const BUFFER_BYTES: usize = 256 * 1024;
/// So much of a file is looked at before it is read: enough for a header, and to tell an encoding.
const HEAD_BYTES: u64 = 64 * 1024;

/// Something that can be read in any order.
pub trait Seekable: Read + Seek + Send {}

impl<T: Read + Seek + Send> Seekable for T {}

/// A file about to be read, unpacked.
pub struct Source {
    head: Vec<u8>,
    rest: Box<dyn BufRead>,
    /// The file itself, where it is one that is not packed.
    file: Option<File>,
}

/// The bytes of a file; `again` is the file itself, opened once more, where it can be read in any order.
pub fn open(bytes: impl Read + 'static, again: Option<File>) -> io::Result<Source> {
    let mut source = Source::of(bytes)?;
    // What lies in the file is what is read only if it was not unpacked on the way.
    source.file = again.filter(|file| starts_with(file, &source.head));
    Ok(source)
}

fn starts_with(mut file: &File, head: &[u8]) -> bool {
    let mut first = vec![0; head.len().min(GZIP.len())];
    let same = file.read_exact(&mut first).is_ok() && head.starts_with(&first);
    same && file.rewind().is_ok()
}

impl Source {
    /// Bytes, gunzipped if they are gzip.
    pub fn of(mut bytes: impl Read + 'static) -> io::Result<Self> {
        let first = beginning(&mut bytes, GZIP.len() as u64)?;
        let is_packed = first == GZIP;
        let whole = BufReader::with_capacity(BUFFER_BYTES, Cursor::new(first).chain(bytes));
        let mut rest: Box<dyn BufRead> = if is_packed {
            Box::new(BufReader::with_capacity(
                BUFFER_BYTES,
                Unpacked { gzip: MultiGzDecoder::new(whole), failed: None },
            ))
        } else {
            Box::new(whole)
        };
        let mut head = Vec::new();
        let read = rest.by_ref().take(HEAD_BYTES).read_to_end(&mut head);
        if !is_packed {
            read?;
        }
        // Of a gzip that ends too soon what comes before is read first, so that it is known behind which line it ends.
        Ok(Self { head, rest, file: None })
    }

    /// Its first bytes, up to 64 KiB.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// All of it, but for so many of its first bytes (a byte order mark).
    pub fn without(mut self, first: usize) -> Box<dyn BufRead> {
        self.head.drain(..first.min(self.head.len()));
        Box::new(BufReader::with_capacity(BUFFER_BYTES, Cursor::new(self.head).chain(self.rest)))
    }

    /// To be read in any order. What is no plain file is held in memory, if it is not larger than `limit` bytes.
    pub fn seekable(mut self, limit: u64) -> io::Result<Box<dyn Seekable>> {
        if let Some(file) = self.file.take() {
            return Ok(Box::new(BufReader::new(file)));
        }
        let mut bytes = self.head;
        self.rest.by_ref().take(limit).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            let text =
                format!("it is larger than {} MiB; give it as a file, not packed and not by a pipe", limit >> 20);
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
        }
        Ok(Box::new(Cursor::new(bytes)))
    }
}

/// Gunzipped bytes. An error says what is wrong with the gzip, and is said for as long as anybody reads: behind one, the
/// library says that it has ended.
struct Unpacked<R> {
    gzip: R,
    failed: Option<(io::ErrorKind, String)>,
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if let Some((kind, text)) = &self.failed {
            return Err(io::Error::new(*kind, text.clone()));
        }
        self.gzip.read(bytes).map_err(|error| {
            let text = match error.kind() {
                // Those of the file itself have other kinds, or a number of the system's.
                _ if error.raw_os_error().is_some() => error.to_string(),
                io::ErrorKind::UnexpectedEof => {
                    "the gzip is cut off before its end, or damaged; copy it once more, or let whoever writes it finish first".to_owned()
                }
                io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
                    "the gzip is damaged, or something else stands behind its end; `gzip -t` tells; copy or pack it anew"
                        .to_owned()
                }
                _ => error.to_string(),
            };
            // That one is tried again.
            if error.kind() != io::ErrorKind::Interrupted {
                self.failed = Some((error.kind(), text.clone()));
            }
            io::Error::new(error.kind(), text)
        })
    }
}

fn beginning(bytes: &mut impl Read, length: u64) -> io::Result<Vec<u8>> {
    let mut first = Vec::new();
    bytes.take(length).read_to_end(&mut first)?;
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;
    use std::path::Path;

    fn read(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        Source::of(Cursor::new(bytes))?.without(0).read_to_end(&mut text)?;
        Ok(text)
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    #[test]
    fn plain_and_gzip_are_the_same() {
        for text in [&b"a,b"[..], b"", b"\xef", b"\x1f", &[7; 300_000]] {
            assert_eq!(read(text.to_vec()).expect("memory"), text);
            assert_eq!(read(gzip(text)).expect("memory"), text);
        }
    }

    #[test]
    fn several_gzip_members_are_one_file() {
        let members = [gzip(b"a\n"), gzip(b"b\n")].concat();
        assert_eq!(read(members).expect("memory"), b"a\nb\n");
    }

    #[test]
    fn of_a_gzip_that_is_cut_or_damaged_what_comes_before_is_read_and_the_error_says_what_to_do() {
        // Random enough not to be packed to nothing.
        let rows: Vec<u8> =
            (0..60_000_u32).flat_map(|row| format!("{:x}\n", row.wrapping_mul(2_654_435_761)).into_bytes()).collect();
        let whole = gzip(&rows);
        let mut damaged = whole.clone();
        damaged[whole.len() / 2..][..64].fill(0xff);
        for (bytes, says) in [
            (whole[..whole.len() - 4].to_vec(), "the gzip is cut off"),
            (whole[..whole.len() / 2].to_vec(), "the gzip is cut off"),
            (whole[..20_000].to_vec(), "the gzip is cut off"),
            (damaged, "damaged"),
            ([&whole[..], &b"rest of another file".repeat(9)].concat(), "the gzip is damaged"),
        ] {
            let mut reader = Source::of(Cursor::new(bytes)).expect("its beginning").without(0);
            let mut text = Vec::new();
            let error = reader.read_to_end(&mut text).expect_err(says);
            assert!(error.to_string().contains(says), "{error}");
            // Only the checksum at the end tells all damage.
            assert!(says.ends_with("damaged") || rows.starts_with(&text), "{says}");
            assert!(!text.is_empty(), "{says}");
            assert!(reader.read(&mut [0; 9]).is_err(), "for as long as anybody reads");
        }
    }

    #[test]
    fn a_damaged_gzip_is_an_error() {
        let mut damaged = gzip(&[b"a,b\n".repeat(100), (0..=255).collect()].concat());
        damaged.truncate(damaged.len() - 4);
        assert!(read(damaged).is_err());
    }

    fn opened(path: &Path) -> io::Result<Source> {
        open(File::open(path)?, Some(File::open(path)?))
    }

    #[test]
    fn a_file_is_read_in_any_order_packed_or_not() {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, bytes) in [("plain", b"0123456789".to_vec()), ("packed", gzip(b"0123456789"))] {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).expect("written");
            let mut seekable = opened(&path).and_then(|source| source.seekable(100)).expect("readable");
            seekable.seek(io::SeekFrom::End(-3)).expect("memory");
            let mut end = String::new();
            seekable.read_to_string(&mut end).expect("memory");
            assert_eq!(end, "789", "{name}");
        }
        let packed = opened(&folder.path().join("packed")).and_then(|source| source.seekable(9));
        assert!(packed.is_err_and(|error| error.to_string().contains("larger than")));
    }
}
