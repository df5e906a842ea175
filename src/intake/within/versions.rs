//! The versions of each result, and which of them stands: each is held against the one that stood before it, as the
//! processor does.
//!
//! In: the versions in order of results and people, then of lines. Out: the one of each that stands; on the way, what is
//! reported of those that say the same again, name another target, say something else at one revision, or nothing that counts.

use super::causes::{Cause, Causes};
use crate::intake::scratch::sorted::{Fact, Sorted};
use crate::model::result::{Finding, LabResult, ResultStatus, TimePrecision};
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::io;

/// Above each status of its revision: the result belongs to somebody else.
const MOVED: u8 = 0xf;

/// What is kept of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// Lab and result id.
    pub result: u64,
    /// Lab and person.
    pub owner: u64,
    pub line: u64,
    revision: u32,
    /// Person, specimen, target.
    pub specimen: u64,
    content: u32,
    /// Enough to tell the few targets of one result id apart.
    target: u16,
    /// Below 16, as the finding is.
    status: u8,
    finding: u8,
}

impl Seen {
    pub fn of(line: u64, result: &LabResult<'_>) -> Self {
        Self {
            result: result_of(result, result.result_id),
            owner: owner_of(result, result.person_id),
            line,
            revision: result.revision,
            specimen: hash(&(result.person_id, result.specimen_id, result.target)),
            content: content(result),
            target: hash(&result.target) as u16,
            status: result.status as u8,
            finding: result.finding as u8,
        }
    }

    /// What it leaves with the person it was moved from.
    pub fn moved_from(self, owner: u64) -> Self {
        Self { owner, specimen: 0, content: 0, target: 0, status: MOVED, finding: 0, ..self }
    }

    /// By result and person, then in order of lines.
    pub fn fact(&self) -> Fact<5> {
        let said = u64::from(self.target) << 8 | u64::from(self.status) << 4 | u64::from(self.finding);
        let place = self.line << 24 | said;
        [self.result, self.owner, place, self.specimen, u64::from(self.revision) << 32 | u64::from(self.content)]
    }

    pub fn from_fact([result, owner, place, specimen, meaning]: Fact<5>) -> Self {
        Self {
            result,
            owner,
            line: place >> 24,
            revision: (meaning >> 32) as u32,
            specimen,
            content: meaning as u32,
            target: (place >> 8) as u16,
            status: (place >> 4) as u8 & 0xf,
            finding: place as u8 & 0xf,
        }
    }

    /// As the processor ranks versions, apart from its hash of the meaning.
    fn rank(&self) -> (u32, u8, u8) {
        (self.revision, self.status, self.finding)
    }

    fn means_the_same(&self, other: &Self) -> bool {
        (self.status, self.content) == (other.status, other.content)
    }

    fn is_of_other_target(&self, other: &Self) -> bool {
        !self.is_moved() && !other.is_moved() && self.target != other.target
    }

    fn is_of_same_revision(&self, other: &Self) -> bool {
        (self.revision, self.status) == (other.revision, other.status)
    }

    fn is_moved(&self) -> bool {
        self.status == MOVED
    }

    /// Whether its person has it: it was neither taken back nor moved away.
    pub fn holds(&self) -> bool {
        let taken_back = [ResultStatus::Cancelled as u8, ResultStatus::EnteredInError as u8].contains(&self.status);
        !taken_back && !self.is_moved()
    }

    /// Whether it says something of its specimen.
    pub fn is_conclusive(&self) -> bool {
        let counts = [ResultStatus::Final as u8, ResultStatus::Corrected as u8].contains(&self.status);
        counts && self.finding >= Finding::Negative as u8
    }

    /// Line and finding, in order of lines.
    pub fn said(&self) -> u64 {
        self.line << 8 | u64::from(self.finding)
    }
}

/// Gives the version that stands of each result of each person, in order of results and people.
pub(super) struct Standing {
    seen: Sorted<5>,
    next: Option<Seen>,
}

impl Standing {
    pub fn new(seen: Sorted<5>) -> Self {
        Self { seen, next: None }
    }

    pub fn next(&mut self, causes: &mut Causes) -> io::Result<Option<Seen>> {
        let Some(first) = self.next.take().map_or_else(|| self.read(), |next| Ok(Some(next)))? else { return Ok(None) };
        let (mut standing, mut last) = (first, first);
        while let Some(version) = self.read()? {
            if (version.result, version.owner) != (first.result, first.owner) {
                self.next = Some(version);
                break;
            }
            if let Some(cause) = cause_of(&standing, &version) {
                causes.note(cause, version.line);
            }
            if version.rank() >= standing.rank() {
                standing = version;
            }
            last = version;
        }
        if !last.means_the_same(&standing) && !last.is_of_other_target(&standing) {
            causes.note(Cause::Overruled, last.line);
        }
        Ok(Some(standing))
    }

    fn read(&mut self) -> io::Result<Option<Seen>> {
        Ok(self.seen.next_fact()?.map(Seen::from_fact))
    }
}

/// What is to be reported of a version, given the one that stands before it: what stood earlier matters no more. Of a result
/// that was moved away its person knows no more than that.
fn cause_of(standing: &Seen, version: &Seen) -> Option<Cause> {
    if standing.is_moved() || version.is_moved() {
        None
    } else if version.is_of_other_target(standing) {
        Some(Cause::Targets)
    } else if version.means_the_same(standing) {
        Some(Cause::Again)
    } else {
        version.is_of_same_revision(standing).then_some(Cause::Conflict)
    }
}

/// A result of the same lab.
pub(super) fn result_of(result: &LabResult<'_>, result_id: &str) -> u64 {
    hash(&(result.lab_id, result_id))
}

/// A person to the same lab.
pub(super) fn owner_of(result: &LabResult<'_>, person_id: &str) -> u64 {
    hash(&(result.lab_id, person_id))
}

/// Of the meaning, apart from the status.
fn content(result: &LabResult<'_>) -> u32 {
    let mut hasher = DefaultHasher::new();
    let minute = result.collected_at.minute();
    (result.specimen_id, result.target, minute, result.precision == TimePrecision::Day).hash(&mut hasher);
    (result.area, result.purpose, result.finding as i32, result.replaces_result_id).hash(&mut hasher);
    result.ct_values.iter().for_each(|ct| (ct.gene.as_str(), ct.cycles.to_bits()).hash(&mut hasher));
    hasher.finish() as u32
}

fn hash(texts: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    texts.hash(&mut hasher);
    hasher.finish()
}
