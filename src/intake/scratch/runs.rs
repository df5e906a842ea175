//! Sorted runs on disk, one after the other in a file without a name, and many of them read as one.
//!
//! In: records in stretches that are each in order. Out: all of them in order; of equal keys, that of the earlier run comes
//! first. Memory is a buffer for each run that is merged, and a record of it, however many records there are.

use super::{Section, no_room};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write as _};
use std::ops::Range;
use std::rc::Rc;

/// Records between two looks at whether to stop.
const LOOK: u64 = 1 << 16;

/// What lies in a run.
pub trait Record: Sized {
    /// What it is in order by.
    type Key: Ord + Copy;

    /// Its own.
    fn key(&self) -> Self::Key;

    /// As it lies there.
    fn write(&self, bytes: &mut Vec<u8>);

    /// The one that a reader stands at; `None` at its end.
    fn read(reader: &mut impl Read) -> io::Result<Option<Self>>;
}

/// An error once it is told to stop, which is asked now and then: `given` counts the records.
pub(super) fn go_on(given: &mut u64, stop: fn() -> bool) -> io::Result<()> {
    *given += 1;
    match given.is_multiple_of(LOOK) && stop() {
        true => Err(io::Error::other("it was told to stop")),
        false => Ok(()),
    }
}

/// Sorted runs, as they are written.
#[derive(Debug)]
pub struct Runs<R: Record> {
    file: BufWriter<File>,
    buffer: usize,
    places: Vec<Range<u64>>,
    last: Option<R::Key>,
}

impl<R: Record> Runs<R> {
    /// None yet. So many bytes are written, and later read of a run, at a time.
    pub fn new(buffer: usize) -> io::Result<Self> {
        let file = super::file().map_err(no_room)?;
        Ok(Self { file: BufWriter::with_capacity(buffer, file), buffer, places: Vec::new(), last: None })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.places.len()
    }

    /// Begins a run, or goes on with the last one where that stays in order.
    pub fn begin(&mut self, first: R::Key) {
        if self.last.is_none_or(|last| first < last) {
            let end = self.places.last().map_or(0, |place| place.end);
            self.places.push(end..end);
        }
    }

    /// Adds a record, as it is written, to the run.
    pub fn push(&mut self, key: R::Key, record: &[u8]) -> io::Result<()> {
        self.file.write_all(record).map_err(no_room)?;
        self.places.last_mut().into_iter().for_each(|place| place.end += record.len() as u64);
        self.last = Some(key);
        Ok(())
    }

    /// All records in order. At most so many runs are merged at once: of more, longer ones are made first.
    pub fn merged(self, most: usize, stop: fn() -> bool) -> io::Result<Merge<R>> {
        let mut runs = self;
        while runs.count() > most {
            runs = runs.longer(most, stop)?;
        }
        let (file, places, buffer) = runs.close()?;
        Merge::new(&file, &places, buffer)
    }

    /// The same records in fewer and longer runs, in another file.
    fn longer(self, most: usize, stop: fn() -> bool) -> io::Result<Self> {
        let (file, places, buffer) = self.close()?;
        let (mut longer, mut bytes, mut given) = (Self::new(buffer)?, Vec::new(), 0);
        for places in places.chunks(most) {
            let mut merge = Merge::<R>::new(&file, places, buffer)?;
            let mut next = merge.next_record()?;
            next.iter().for_each(|first| longer.begin(first.key()));
            while let Some(record) = next {
                go_on(&mut given, stop)?;
                bytes.clear();
                record.write(&mut bytes);
                longer.push(record.key(), &bytes)?;
                next = merge.next_record()?;
            }
        }
        Ok(longer)
    }

    /// As a disk may leave the file: with so many bytes only.
    #[cfg(test)]
    pub(super) fn cut(&mut self, bytes: u64) -> io::Result<()> {
        self.file.flush()?;
        self.file.get_ref().set_len(bytes)
    }

    fn close(self) -> io::Result<(Rc<File>, Vec<Range<u64>>, usize)> {
        let file = self.file.into_inner().map_err(|error| no_room(error.into_error()))?;
        Ok((Rc::new(file), self.places, self.buffer))
    }
}

/// Sorted runs as one.
#[derive(Debug)]
pub struct Merge<R: Record> {
    runs: Vec<BufReader<Section>>,
    /// The record that each run stands at.
    heads: Vec<Option<R>>,
    order: BinaryHeap<Reverse<(R::Key, usize)>>,
}

impl<R: Record> Merge<R> {
    fn new(file: &Rc<File>, places: &[Range<u64>], buffer: usize) -> io::Result<Self> {
        let open = |place: &Range<u64>| BufReader::with_capacity(buffer, Section::new(file, place.clone()));
        let mut runs: Vec<_> = places.iter().map(open).collect();
        let heads = runs.iter_mut().map(|run| R::read(run).map_err(no_room)).collect::<io::Result<Vec<_>>>()?;
        let first = |(run, head): (usize, &Option<R>)| head.as_ref().map(|head| Reverse((head.key(), run)));
        let order = heads.iter().enumerate().filter_map(first).collect();
        Ok(Self { runs, heads, order })
    }

    /// The next; `None` after the last.
    pub fn next_record(&mut self) -> io::Result<Option<R>> {
        let Some(mut head) = self.order.peek_mut() else { return Ok(None) };
        let Reverse((_, run)) = *head;
        let following = R::read(&mut self.runs[run]).map_err(no_room)?;
        match &following {
            Some(following) => *head = Reverse((following.key(), run)),
            None => drop(PeekMut::pop(head)),
        }
        Ok(std::mem::replace(&mut self.heads[run], following))
    }
}
