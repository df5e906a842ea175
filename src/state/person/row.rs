//! One standing version of one result of one person, in 28 bytes, stored mostly in 23: at ten results a person, every byte
//! here is a gigabyte in a large city.

use crate::model::result::{Finding, ResultStatus};
use crate::model::time::Timestamp;
use crate::state::codec::{Few, Reader, corrupt};
use crate::state::person::dictionary::Numbers;

use crate::state::paged::Corrupt;

/// Hashes of results and specimens are cut to this: they only have to differ within one person.
pub const HASH_48: u64 = (1 << 48) - 1;

/// Bytes of a row in memory.
const ROW_BYTES: usize = 28;
/// Those of its stored form fit into so many.
pub const STORED: usize = 32;

const WORDS: usize = ROW_BYTES / 4;
/// 26 bits of minutes reach the year 2097.
const MINUTES: u32 = (1 << 26) - 1;
/// Two million areas that rows name; the purpose and three marks lie beside them, the revision has a word of its own.
const AREAS: u32 = (1 << 21) - 1;
/// Numbers of areas that a row has room for.
pub const AREA_NUMBERS: u32 = AREAS + 1;
/// The same of purposes of targets.
pub const PURPOSE_NUMBERS: u32 = 1 << 8;
const PURPOSE: u32 = 21;
const REPLACED: u32 = 1 << 29;
const DAY_ONLY: u32 = 1 << 30;
const SETTLED: u32 = 1 << 31;
/// Standings with findings, as a row has them one beside the other: those that count, and those of which nothing is left.
const COUNTING: u64 = of(Standing::Final) | of(Standing::Corrected) | NEGATIVE_POOL;
const WITHDRAWN: u64 = of(Standing::Cancelled)
    | of(Standing::EnteredInError)
    | of(Standing::Moved)
    | of(Standing::Tube)
    | of(Standing::Pooled) & !NEGATIVE_POOL;
const NEGATIVE_POOL: u64 = 1 << ((Standing::Pooled as u32) << 3 | Finding::Negative as u32);

/// A standing with whatever finding.
const fn of(standing: Standing) -> u64 {
    0xff << ((standing as u32) << 3)
}

/// What of a row is no part of its meaning.
const HELD: u32 = SETTLED | REPLACED;

/// What a version is. In this order they outrank each other within one revision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// What a pool says of a tube, in the task of its barcode: it is of no person, and counts among tubes alone.
    Tube = 0,
    /// Shown, never counted.
    #[default]
    Preliminary = 1,
    /// Counts.
    Final = 2,
    /// Counts.
    Corrected = 3,
    /// Withdrawn.
    Cancelled = 4,
    /// Withdrawn.
    EnteredInError = 5,
    /// Belongs to another person since this revision.
    Moved = 6,
    /// What a pool says of a member: it counts where it is negative. Whatever else it says, nothing is known of the member.
    Pooled = 7,
}

impl Standing {
    /// Of a valid result's status.
    pub fn of(status: ResultStatus) -> Self {
        match status {
            ResultStatus::Unspecified | ResultStatus::Preliminary => Standing::Preliminary,
            ResultStatus::Final => Standing::Final,
            ResultStatus::Corrected => Standing::Corrected,
            ResultStatus::Cancelled => Standing::Cancelled,
            ResultStatus::EnteredInError => Standing::EnteredInError,
        }
    }

    fn from_bits(bits: u32) -> Option<Self> {
        use Standing::{Cancelled, Corrected, EnteredInError, Final, Moved, Pooled, Preliminary, Tube};
        let all = [Tube, Preliminary, Final, Corrected, Cancelled, EnteredInError, Moved, Pooled];
        all.into_iter().find(|standing| *standing as u32 == bits)
    }
}

/// The fields of a row, spelled out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// Hash of (lab, result id), 48 bits.
    pub id: u64,
    /// Hash of (specimen id, target), 48 bits.
    pub specimen: u64,
    /// Hash of the meaning.
    pub content: u32,
    /// Minute of collection; the first one of the day where only that is known.
    pub minute: u32,
    /// Only the day of collection is known.
    pub day_only: bool,
    /// Number of the area in the dictionary.
    pub area: u32,
    /// Number of the purpose and target in the dictionary: one number, so that a target costs no byte.
    pub purpose: u8,
    /// The lab's call.
    pub finding: Finding,
    /// What the version is.
    pub standing: Standing,
    /// Revision.
    pub revision: u32,
}

/// A row as held: the fields of [`Version`], whether its numbers are closed, and whether another result replaces it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Row([u32; WORDS]);

impl Row {
    /// Packs a version.
    pub fn new(version: Version) -> Self {
        let (id, specimen) = (version.id & HASH_48, version.specimen & HASH_48);
        Self([
            id as u32,
            (id >> 32) as u32 | ((specimen >> 32) as u32) << 16,
            specimen as u32,
            version.content,
            version.minute.min(MINUTES) | (version.finding as u32) << 26 | (version.standing as u32) << 29,
            version.area & AREAS // none is numbered higher
                | u32::from(version.purpose) << PURPOSE
                | if version.day_only { DAY_ONLY } else { 0 },
            version.revision,
        ])
    }

    /// The same row with the numbers of its area, and of its purpose and target.
    pub fn placed(mut self, Numbers { area, purpose }: Numbers) -> Self {
        let rest = self.0[5] & (REPLACED | DAY_ONLY | SETTLED);
        self.0[5] = rest | area & AREAS | u32::from(purpose) << PURPOSE;
        self
    }

    /// Hash of (lab, result id).
    pub fn id(&self) -> u64 {
        u64::from(self.0[0]) | u64::from(self.0[1] & 0xffff) << 32
    }

    /// Hash of (specimen id, target).
    pub fn specimen(&self) -> u64 {
        u64::from(self.0[2]) | u64::from(self.0[1] >> 16) << 32
    }

    /// Hash of the meaning.
    pub fn content(&self) -> u32 {
        self.0[3]
    }

    /// Minute of collection.
    pub fn minute(&self) -> u32 {
        self.0[4] & MINUTES
    }

    /// Whether only the day of collection is known.
    pub fn is_day_only(&self) -> bool {
        self.0[5] & DAY_ONLY != 0
    }

    /// Whether another version means the same: all but the revision.
    pub fn means_the_same(&self, other: &Self) -> bool {
        self.0[..5] == other.0[..5] && self.0[5] & !HELD == other.0[5] & !HELD
    }

    /// Number of the area in the dictionary.
    pub fn area(&self) -> u32 {
        self.0[5] & AREAS
    }

    /// Number of the purpose and target in the dictionary.
    pub fn purpose(&self) -> u8 {
        (self.0[5] >> PURPOSE) as u8
    }

    /// The lab's call.
    pub fn finding(&self) -> Finding {
        Finding::try_from((self.0[4] >> 26 & 7) as i32).unwrap_or_default()
    }

    /// What the version is.
    pub fn standing(&self) -> Standing {
        Standing::from_bits(self.0[4] >> 29).unwrap_or(Standing::Preliminary)
    }

    /// Revision.
    pub fn revision(&self) -> u32 {
        self.0[6]
    }

    /// The place among versions of one result: the greatest stands.
    pub fn rank(&self) -> (u32, Standing, i32, u32) {
        (self.revision(), self.standing(), self.finding() as i32, self.content())
    }

    /// Whether it is final or corrected, or a negative pool, and not replaced.
    pub fn counts(&self) -> bool {
        COUNTING >> (self.0[4] >> 26) & 1 != 0 && !self.is_replaced()
    }

    /// Whether it is what a pool says of a member.
    pub fn is_pooled(&self) -> bool {
        self.standing() == Standing::Pooled
    }

    /// Whether it is what a pool says of a tube.
    pub fn is_of_tube(&self) -> bool {
        self.standing() == Standing::Tube
    }

    /// Whether it says, or said first, that the person is positive: such rows are held for the episode gap too.
    pub fn is_positive(&self) -> bool {
        self.finding() == Finding::Positive && !self.is_withdrawn()
    }

    /// Whether it says so, and only first.
    pub fn is_preliminary_positive(&self) -> bool {
        self.is_positive() && self.standing() == Standing::Preliminary
    }

    /// Whether nothing is left of the result: it was taken back, another one replaces it, or it is a pool that says nothing
    /// of the person.
    pub fn is_withdrawn(&self) -> bool {
        WITHDRAWN >> (self.0[4] >> 26) & 1 != 0 || self.is_replaced()
    }

    /// Whether another result replaces it: then nothing of it holds, whichever version stands.
    pub fn is_replaced(&self) -> bool {
        self.0[5] & REPLACED != 0
    }

    /// The same row, replaced by another result or not.
    pub fn with_replaced(mut self, replaced: bool) -> Self {
        self.0[5] = self.0[5] & !REPLACED | if replaced { REPLACED } else { 0 };
        self
    }

    /// Whether its numbers are closed: what it once added stays, and nothing of it is added or taken back any more.
    pub fn settled(&self) -> bool {
        self.0[5] & SETTLED != 0
    }

    /// The same row with its numbers closed.
    pub fn settle(mut self) -> Self {
        self.0[5] |= SETTLED;
        self
    }

    /// The same meaning at another revision.
    pub fn at_revision(mut self, revision: u32) -> Self {
        self.0[6] = revision;
        self
    }

    /// Writes its stored form: the hashes, minute, finding and standing as they are, then what is mostly small.
    #[inline(always)]
    pub fn put<const N: usize>(&self, into: &mut Few<N>) {
        const { assert!(N >= STORED) }
        let mut whole = [0; 4 * WHOLE];
        for (place, word) in whole.as_chunks_mut().0.iter_mut().zip(self.0) {
            *place = word.to_le_bytes();
        }
        into.put_all(&whole);
        let revised = self.revision() != 0;
        let marks = self.0[5] >> REPLACED.trailing_zeros() | if revised { REVISED } else { 0 };
        into.put_short(u64::from(u32::from(self.purpose()) << MARKS | marks));
        into.put_short(self.area().into());
        if revised {
            into.put_short(self.revision().into());
        }
    }

    /// Reads what some format's [`put`](Self::put) wrote.
    pub fn read(reader: &mut Reader<'_>, format: u32) -> Result<Self, Corrupt> {
        let words = match format {
            ..3 => from_format_2(all_words(reader)?)?,
            3 => all_words(reader)?,
            _ => read_short(reader)?,
        };
        // Up to format 6 there were none of tubes.
        let standing = Standing::from_bits(words[4] >> 29).filter(|one| *one != Standing::Tube || format >= 7);
        let known = standing.is_some() && words[4] >> 26 & 7 <= Finding::Positive as u32;
        if known { Ok(Self(words)) } else { Err(corrupt("a row has an unknown status or finding")) }
    }
}

/// Words of a row that are stored as they are.
const WHOLE: usize = 5;
/// Bits of the marks below the purpose: the three of a row, and whether a revision follows.
const MARKS: u32 = 4;
const REVISED: u32 = 1 << 3;

fn read_short(reader: &mut Reader<'_>) -> Result<[u32; WORDS], Corrupt> {
    let mut words = [0; WORDS];
    for word in &mut words[..WHOLE] {
        *word = reader.u32()?;
    }
    let (purpose, area) = (reader.short::<u32>()?, reader.short::<u32>()?);
    if purpose >> MARKS >= PURPOSE_NUMBERS || area > AREAS {
        return Err(corrupt("a row has an area or purpose out of range"));
    }
    words[5] = area | purpose >> MARKS << PURPOSE | (purpose & (REVISED - 1)) << REPLACED.trailing_zeros();
    words[6] = if purpose & REVISED != 0 { reader.short()? } else { 0 };
    Ok(words)
}

/// Up to format 3 every word was stored as it is.
fn all_words(reader: &mut Reader<'_>) -> Result<[u32; WORDS], Corrupt> {
    let mut words = [0; WORDS];
    for word in &mut words {
        *word = reader.u32()?;
    }
    Ok(words)
}

/// Up to format 2 an area had 24 bits, and the marks lay beside a revision of 30.
fn from_format_2(mut words: [u32; WORDS]) -> Result<[u32; WORDS], Corrupt> {
    let (area, purpose) = (words[5] & 0x00ff_ffff, words[5] >> 24);
    if area > AREAS {
        return Err(corrupt("a row has an area beyond the two millionth"));
    }
    words[5] = area | purpose << PURPOSE | words[6] & (SETTLED | DAY_ONLY);
    words[6] &= (1 << 30) - 1;
    Ok(words)
}

/// The minute a specimen is held with.
pub fn minute_of(at: Timestamp) -> u32 {
    at.minute().clamp(0, i64::from(MINUTES)) as u32
}

/// The instant a held minute begins.
pub fn minute_start(minute: u32) -> Timestamp {
    Timestamp(i64::from(minute) * 60_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::changelog::FORMAT;

    fn version() -> Version {
        Version {
            id: 0xfedc_ba98_7654,
            specimen: 0x1234_5678_9abc,
            content: 0xdead_beef,
            minute: MINUTES - 1,
            day_only: true,
            area: AREAS - 1,
            purpose: 251,
            finding: Finding::Positive,
            standing: Standing::Moved,
            revision: u32::MAX,
        }
    }

    #[test]
    fn a_row_gives_back_what_was_put_in() {
        let row = Row::new(version());
        assert_eq!(std::mem::size_of::<Row>(), ROW_BYTES);
        let read = Version {
            id: row.id(),
            specimen: row.specimen(),
            content: row.content(),
            minute: row.minute(),
            day_only: row.is_day_only(),
            area: row.area(),
            purpose: row.purpose(),
            finding: row.finding(),
            standing: row.standing(),
            revision: row.revision(),
        };
        assert_eq!(read, version());
        assert!(!row.settled() && row.settle().settled());
        assert_eq!(row.settle().at_revision(7).revision(), 7);
        assert!(row.settle().at_revision(7).settled());
        let replaced = row.with_replaced(true);
        assert!(replaced.is_replaced() && replaced.is_withdrawn() && replaced.means_the_same(&row.settle()));
        assert_eq!(replaced.with_replaced(false), row);
    }

    #[test]
    fn a_row_of_an_earlier_format_says_what_it_said() {
        let (mut old, revision) = (Row::new(Version { revision: 0, ..version() }).0, 1_000_000_000);
        old[5] = (AREAS - 1) | 251 << 24;
        old[6] = revision | 1 << 31 | 1 << 30;
        let stored = |words: [u32; WORDS]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
        let expected = Row::new(Version { revision, ..version() }).settle();
        for format in [1, 2] {
            assert_eq!(Row::read(&mut Reader::new(&stored(old)), format), Ok(expected));
        }
        old[5] |= 1 << 22;
        assert!(Row::read(&mut Reader::new(&stored(old)), 2).is_err(), "an area that no row has room for");
    }

    #[test]
    fn a_row_is_read_back_and_nonsense_is_refused() {
        let all_marks = Row::new(version()).settle().with_replaced(true);
        for row in [Row::default(), Row::new(version()), all_marks, all_marks.at_revision(0)] {
            let row = if row == Row::default() { Row::new(Version::default()) } else { row };
            let mut few = Few::<STORED>::default();
            row.put(&mut few);
            let mut reader = Reader::new(few.bytes());
            assert_eq!((Row::read(&mut reader, FORMAT), reader.finish()), (Ok(row), Ok(())));
        }
        let mut few = Few::<STORED>::default();
        all_marks.put(&mut few);
        let written = few.bytes().to_vec();
        for (at, byte) in [(19, 0xff), (21, 0x7f), (24, 0xff)] {
            let mut broken = written.clone();
            broken[at] = byte; // status 7, a purpose and an area that there is no room for
            assert!(Row::read(&mut Reader::new(&broken), FORMAT).is_err(), "{at}");
        }
    }
}
