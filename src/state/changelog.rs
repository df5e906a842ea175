//! The changelog of one task: what goes in are operations on pages, what comes out are records of a compacted topic.
//!
//! Each commit writes one *delta* (all operations since the last) and *images* of some pages. `seq` counts a task's
//! deltas. An image written in commit s includes s and has *lsn* s; the lsn of a new page is its birth − 1. A delta's
//! operation on a page applies iff `seq > lsn`. Keys are `d/<seq mod R>/<part>` and `p/<page>/<part>`, so the broker
//! may compact at any moment: no page may be older than R deltas, which [`Changelog::write`] asserts, because the next
//! delta overwrites the key of the one R before it.
//!
//! Nothing here knows what a page holds, nor when a commit takes effect.

use crate::model::record::{Output, Topic};
use crate::proto::v1::{StateHead, TaskHead};
use crate::state::paged::{Corrupt, Paged, Unusable, operations};
use prost::Message as _;
use std::collections::BTreeMap;

/// Version of the stored form. Every earlier one that a release wrote is read, a newer one is refused.
///
/// 2: an index holds contact records with the rank they have with their contact; case files are logged change by
/// change; an area holds which input record is behind a change of its tier.
///
/// 3: revisions of 32 bits; which results replace others; what was measured of a positive; purposes of people and areas
///   of tasks are of a target, those of earlier formats of the first one; a contact record may name one.
///
/// 4: what builds on the way to the next one wrote, each otherwise: refused.
///
/// 5: a contact record says when it was received; the head of a delta, how far deadlines have been passed; pools, closes of
///   days, what has to be done, key groups. All in fewer bytes: short numbers in rows and around operations, a person's birth
///   with their first row, the cells that a batch changes of one area in one operation.
///
/// 6: numbers of key groups, of a person and of areas; a record of a group says when a version was received last; the head of
///   a delta, whose turn has not come yet of what is due.
///
/// 7: tubes in the tasks of their barcodes; a pool says where its tube is counted; what became of results of labs.
pub const FORMAT: u32 = 7;

/// The format that no release wrote.
const BETWEEN: u32 = 4;

/// Bytes of deltas for each byte of images. A restore reads two cycles at most, in each of them the state and as many deltas
/// as it took to write that: 2 · (1 + this) times the state. With 1 more would be written to read less.
const PACE: i64 = 2;

/// Largest value of one record, well under the broker's default of 1 MiB.
const PART_BYTES: usize = 512 * 1024;

/// The writing side: what was written so far, and which pages are due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changelog {
    topic: Topic,
    task: i32,
    /// R: deltas whose keys are distinct.
    ring: u64,
    /// Number of the last delta; 0 before the first.
    seq: u64,
    /// Per page, the commit its newest image includes.
    lsn: Vec<u64>,
    /// Next page to be imaged in the running cycle.
    cursor: usize,
    /// Commits since the cycle began.
    cycle_commits: u64,
    /// Image bytes owed: images keep pace with deltas ([`PACE`]). Negative after a large page.
    owed: i64,
    /// End of the changelog when the running cycle began.
    cycle_from: Option<i64>,
    /// A restore needs nothing earlier.
    restore_from: i64,
}

impl Changelog {
    /// The changelog of a task that has written nothing yet.
    pub fn new(topic: Topic, task: i32, ring: u64) -> Self {
        assert!(ring >= 2, "deltas need at least two keys");
        Self {
            topic,
            task,
            ring,
            seq: 0,
            lsn: Vec::new(),
            cursor: 0,
            cycle_commits: 0,
            owed: 0,
            cycle_from: None,
            restore_from: 0,
        }
    }

    /// Number of the last commit.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Where a restore may start.
    pub fn restore_from(&self) -> i64 {
        self.restore_from
    }

    /// Whether no cycle of images runs: the next one waits for [`Changelog::begin_cycle`].
    pub fn wants_end(&self) -> bool {
        self.cycle_from.is_none()
    }

    /// Begins a cycle of images; `end` is the end of the changelog, now or earlier, read uncommitted: all images of the
    /// cycle lie behind it.
    pub fn begin_cycle(&mut self, end: i64) {
        self.cycle_from = Some(end);
        self.cycle_commits = 0;
    }

    /// The records of the next commit: one delta, and images at the pace of its bytes.
    ///
    /// # Panics
    /// When a page would be older than R deltas: a restore could then miss changes.
    pub fn write<H: Paged>(&mut self, half: &H, mut head: TaskHead, operations: &[u8]) -> Vec<Output> {
        self.seq += 1;
        self.lsn.resize(half.pages() as usize, self.seq - 1);
        head.pages = half.pages();
        head.restore_from = self.restore_from;
        head.ring = self.ring;

        let mut records = Vec::new();
        let key = format!("d/{}", self.seq % self.ring);
        let written = self.split(&key, Some(head), operations, &mut records);
        self.image(half, written, &mut records);

        let oldest = self.lsn.iter().min().copied().unwrap_or(self.seq);
        assert!(oldest + self.ring >= self.seq, "page of lsn {oldest} outlives the ring at seq {}", self.seq);
        records
    }

    /// Writes image bytes at the pace of delta bytes, and never so few that a cycle takes more than half the ring.
    fn image<H: Paged>(&mut self, half: &H, written: usize, records: &mut Vec<Output>) {
        self.owed += written as i64 / PACE;
        self.cycle_commits += 1;
        let (pages, half_ring) = (self.lsn.len() as u64, self.ring / 2);
        let commits = self.cycle_commits;
        let due = |cursor: usize| (cursor as u64 + 1) * half_ring <= commits * pages;
        while self.cycle_from.is_some() && self.cursor < self.lsn.len() && (self.owed > 0 || due(self.cursor)) {
            self.image_page(half, self.cursor, records);
            self.cursor += 1;
        }
        self.image_aged(half, records);
        if self.cursor == self.lsn.len() {
            // The cycle is whole: every page has an image, or its birth, after the point where the cycle began.
            self.restore_from = self.cycle_from.take().unwrap_or(self.restore_from);
            self.cursor = 0;
            self.cycle_commits = 0;
            self.owed = self.owed.min(0);
        }
    }

    /// After a restore the cycle starts anew, so a page may come of age before the cycle reaches it.
    fn image_aged<H: Paged>(&mut self, half: &H, records: &mut Vec<Output>) {
        for page in 0..self.lsn.len() {
            if self.lsn[page] + self.ring <= self.seq {
                self.image_page(half, page, records);
            }
        }
    }

    fn image_page<H: Paged>(&mut self, half: &H, page: usize, records: &mut Vec<Output>) {
        let mut bytes = Vec::new();
        half.image(page as u32, &mut bytes);
        self.owed -= self.split(&format!("p/{page}"), None, &bytes, records) as i64;
        self.lsn[page] = self.seq;
    }

    fn split(&self, key: &str, mut task: Option<TaskHead>, bytes: &[u8], records: &mut Vec<Output>) -> usize {
        let parts = bytes.len().div_ceil(PART_BYTES).max(1);
        let mut written = 0;
        for part in 0..parts {
            let chunk = &bytes[part * PART_BYTES..bytes.len().min((part + 1) * PART_BYTES)];
            let head =
                StateHead { format: FORMAT, seq: self.seq, part: part as u32, parts: parts as u32, task: task.take() };
            let mut value = head.encode_length_delimited_to_vec();
            value.extend_from_slice(chunk);
            written += value.len();
            records.push(Output {
                topic: self.topic,
                partition: self.task,
                key: format!("{key}/{part}").into_bytes(),
                payload: Some(value),
                headers: Vec::new(),
            });
        }
        written
    }
}

/// One delta or image while its parts come in.
#[derive(Debug, Default)]
struct Pieces {
    format: u32,
    task: Option<TaskHead>,
    parts: Vec<Option<Vec<u8>>>,
}

impl Pieces {
    fn new(head: &StateHead) -> Self {
        Self { format: head.format, task: None, parts: vec![None; head.parts as usize] }
    }

    fn put(&mut self, head: StateHead, chunk: &[u8]) -> Result<(), Corrupt> {
        let part = self.parts.get_mut(head.part as usize);
        *part.ok_or_else(|| Corrupt(format!("part {} of {}", head.part, head.parts)))? = Some(chunk.to_vec());
        self.task = self.task.take().or(head.task);
        Ok(())
    }

    /// All bytes, once every part is there.
    fn whole(&self) -> Option<Vec<u8>> {
        let parts: Option<Vec<&[u8]>> = self.parts.iter().map(Option::as_deref).collect();
        parts.map(|parts| parts.concat())
    }
}

/// The reading side: takes a changelog's records in any state of compaction and makes a task of them.
#[derive(Debug)]
pub struct Restorer {
    topic: Topic,
    task: i32,
    ring: u64,
    /// Per page, its images by lsn: a newer one may still be incomplete when an older one is whole.
    images: BTreeMap<u32, BTreeMap<u64, Pieces>>,
    deltas: BTreeMap<u64, Pieces>,
}

impl Restorer {
    /// For the changelog of a task. A changelog that knows its R keeps that.
    pub fn new(topic: Topic, task: i32, ring: u64) -> Self {
        Self { topic, task, ring, images: BTreeMap::new(), deltas: BTreeMap::new() }
    }

    /// Takes one committed record.
    pub fn take(&mut self, key: &[u8], payload: Option<&[u8]>) -> Result<(), Unusable> {
        let Some(mut bytes) = payload else { return Ok(()) };
        let head = StateHead::decode_length_delimited(&mut bytes).map_err(|error| Corrupt(error.to_string()))?;
        let found = head.format;
        if found == BETWEEN {
            return Err(Unusable::Foreign(format!(
                "it was written in format {found}, by a build between two releases, and this version does not read it: run \
                 the build that wrote it"
            )));
        }
        if found > FORMAT {
            return Err(Unusable::Foreign(format!(
                "it was written in format {found} and this version reads up to {FORMAT}: run the version that wrote \
                 it, or a newer one"
            )));
        }
        match Key::parse(key)? {
            Key::Delta => self.deltas.entry(head.seq).or_insert_with(|| Pieces::new(&head)).put(head, bytes)?,
            Key::Page(page) => {
                let images = self.images.entry(page).or_default();
                let seq = head.seq;
                let image = images.entry(seq).or_insert_with(|| Pieces::new(&head));
                image.put(head, bytes)?;
                if image.parts.iter().all(Option::is_some) {
                    *images = images.split_off(&seq);
                }
            }
        }
        Ok(())
    }

    /// For the same changelog, from the beginning.
    pub fn anew(&self) -> Self {
        Self::new(self.topic, self.task, self.ring)
    }

    /// Whether no record was taken.
    pub fn is_empty(&self) -> bool {
        self.deltas.is_empty() && self.images.is_empty()
    }

    /// Loads all into a new half. Returns what the task was after its last commit, and its changelog to go on with.
    pub fn finish<H: Paged>(self, half: &mut H) -> Result<(TaskHead, Changelog), Corrupt> {
        let (&last, newest) = self.deltas.last_key_value().ok_or_else(|| Corrupt("no delta found".into()))?;
        let head = newest.task.clone().ok_or_else(|| Corrupt(format!("delta {last} has no head")))?;

        let mut lsn = self.births(head.pages);
        for (page, images) in &self.images {
            let whole = images.iter().rev().find_map(|(seq, image)| Some((*seq, image.whole()?, image.format)));
            if let (Some(slot), Some((seq, bytes, format))) = (lsn.get_mut(*page as usize), whole) {
                half.load(*page, &bytes, format)?;
                *slot = Some(seq);
            }
        }
        let lsn: Option<Vec<u64>> = lsn.into_iter().collect();
        let lsn = lsn.ok_or_else(|| Corrupt("a page has neither an image nor a birth".into()))?;
        self.require_unbroken(lsn.iter().min().map_or(last, |oldest| oldest + 1), last)?;
        self.replay(half, &lsn)?;
        half.restored()?;

        // With another R deltas would take keys of those that are still needed.
        let ring = if head.ring == 0 { self.ring } else { head.ring };
        let mut changelog = Changelog::new(self.topic, self.task, ring);
        changelog.seq = last;
        changelog.restore_from = head.restore_from;
        changelog.lsn = lsn;
        Ok((head, changelog))
    }

    /// Per page, its birth − 1 where that delta is held. The number of pages before it proves the birth: the first
    /// delta that happens to be held is not one.
    fn births(&self, pages: u32) -> Vec<Option<u64>> {
        let mut lsn = vec![None; pages as usize];
        let mut before = Some((0, 0));
        for (&seq, delta) in &self.deltas {
            let after = delta.task.as_ref().map(|task| (seq, task.pages));
            if let (Some((previous, few)), Some((_, many))) = (before, after)
                && previous + 1 == seq
            {
                let newborn = lsn.iter_mut().take(many as usize).skip(few as usize);
                newborn.for_each(|slot| *slot = Some(seq - 1));
            }
            before = after;
        }
        lsn
    }

    fn replay<H: Paged>(&self, half: &mut H, lsn: &[u64]) -> Result<(), Corrupt> {
        for (&seq, delta) in &self.deltas {
            // A delta that is not whole is older than every image: `require_unbroken` saw to it.
            let whole = delta.whole().unwrap_or_default();
            for operation in operations(&whole, delta.format) {
                let (page, operation) = operation?;
                let lsn = lsn.get(page as usize).ok_or_else(|| Corrupt(format!("page {page} is unknown")))?;
                if seq > *lsn {
                    half.replay(page, operation, delta.format)?;
                }
            }
        }
        Ok(())
    }

    fn require_unbroken(&self, first: u64, last: u64) -> Result<(), Corrupt> {
        let missing = (first..=last).find(|seq| self.deltas.get(seq).is_none_or(|delta| delta.whole().is_none()));
        match missing {
            Some(seq) => Err(Corrupt(format!("delta {seq} is missing (needed from {first} to {last})"))),
            None => Ok(()),
        }
    }
}

enum Key {
    Delta,
    Page(u32),
}

impl Key {
    fn parse(key: &[u8]) -> Result<Self, Corrupt> {
        let text = std::str::from_utf8(key).map_err(|_| Corrupt("key is not text".into()))?;
        let mut fields = text.split('/');
        match (fields.next(), fields.next().and_then(|number| number.parse().ok())) {
            (Some("d"), Some(_)) => Ok(Key::Delta),
            (Some("p"), Some(page)) => Ok(Key::Page(page)),
            _ => Err(Corrupt(format!("key {text} is unknown"))),
        }
    }
}
