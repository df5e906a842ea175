//! Where a record can end: exactly one [`Outcome`] each.

pub use crate::proto::v1::RejectCode;
use crate::proto::v1::{self, OutcomeCount};
use std::collections::BTreeMap;

/// Where one consumed record ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was used.
    Used(End),
    /// Deleted before it was read, and given up.
    Lost,
    /// Not usable: in `dead-letters` with this code.
    Rejected(RejectCode),
}

/// Where a record that was used ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// A new result stands.
    Accepted,
    /// A version replaced an earlier one.
    Corrected,
    /// A version withdrew the result.
    Withdrawn,
    /// A preliminary version stands.
    Preliminary,
    /// The same meaning was already known.
    Duplicate,
    /// Another result of the same specimen with the same finding: counted once.
    DuplicateSpecimen,
    /// A later version already stands.
    Superseded,
    /// A negative and a positive stand for one specimen.
    Contradiction,
    /// Training mode: no effect.
    Training,
    /// Sent on to its person's task.
    Forwarded,
    /// A contact record, or what it says to the index, was applied.
    ContactApplied,
    /// A message between a pool and a member was applied.
    PoolApplied,
    /// A record of a key group was applied.
    GroupApplied,
    /// A mark of time.
    TimeMark,
    /// A batch of changes was added.
    ChangesApplied,
    /// A result of a lab that is not in the registry was applied, whatever it did to what stands. One outcome for all
    /// of it: what such a lab sent is to be seen at a glance, and a record has one end.
    AcceptedUnknownLab,
}

impl Outcome {
    /// Stable text, as in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Used(End::Accepted) => "accepted",
            Outcome::Used(End::Corrected) => "corrected",
            Outcome::Used(End::Withdrawn) => "withdrawn",
            Outcome::Used(End::Preliminary) => "preliminary",
            Outcome::Used(End::Duplicate) => "duplicate",
            Outcome::Used(End::DuplicateSpecimen) => "duplicate_specimen",
            Outcome::Used(End::Superseded) => "superseded",
            Outcome::Used(End::Contradiction) => "contradiction",
            Outcome::Used(End::Training) => "training",
            Outcome::Used(End::Forwarded) => "forwarded",
            Outcome::Used(End::ContactApplied) => "contact_applied",
            Outcome::Used(End::PoolApplied) => "pool_applied",
            Outcome::Used(End::GroupApplied) => "group_applied",
            Outcome::Used(End::TimeMark) => "time_mark",
            Outcome::Used(End::ChangesApplied) => "changes_applied",
            Outcome::Used(End::AcceptedUnknownLab) => "accepted_unknown_lab",
            Outcome::Lost => "lost",
            Outcome::Rejected(_) => "rejected",
        }
    }

    /// The code, when rejected.
    pub fn code(self) -> Option<RejectCode> {
        match self {
            Outcome::Rejected(code) => Some(code),
            _ => None,
        }
    }

    fn wire(self) -> v1::Outcome {
        match self {
            Outcome::Used(End::Accepted) => v1::Outcome::Accepted,
            Outcome::Used(End::Corrected) => v1::Outcome::Corrected,
            Outcome::Used(End::Withdrawn) => v1::Outcome::Withdrawn,
            Outcome::Used(End::Preliminary) => v1::Outcome::Preliminary,
            Outcome::Used(End::Duplicate) => v1::Outcome::Duplicate,
            Outcome::Used(End::DuplicateSpecimen) => v1::Outcome::DuplicateSpecimen,
            Outcome::Used(End::Superseded) => v1::Outcome::Superseded,
            Outcome::Used(End::Contradiction) => v1::Outcome::Contradiction,
            Outcome::Used(End::Training) => v1::Outcome::Training,
            Outcome::Used(End::Forwarded) => v1::Outcome::Forwarded,
            Outcome::Used(End::ContactApplied) => v1::Outcome::ContactApplied,
            Outcome::Used(End::PoolApplied) => v1::Outcome::PoolApplied,
            Outcome::Used(End::GroupApplied) => v1::Outcome::GroupApplied,
            Outcome::Used(End::TimeMark) => v1::Outcome::TimeMark,
            Outcome::Used(End::ChangesApplied) => v1::Outcome::ChangesApplied,
            Outcome::Used(End::AcceptedUnknownLab) => v1::Outcome::AcceptedUnknownLab,
            Outcome::Lost => v1::Outcome::Lost,
            Outcome::Rejected(_) => v1::Outcome::Rejected,
        }
    }
}

/// Stable text of a code, as in dead letters and metrics: the contract's name without prefix, in lower case.
pub fn code_text(code: RejectCode) -> String {
    code.as_str_name().trim_start_matches("REJECT_CODE_").to_ascii_lowercase()
}

/// Every code of the contract.
pub fn codes() -> impl Iterator<Item = RejectCode> {
    (1..256).filter_map(|code| RejectCode::try_from(code).ok())
}

/// Both sides of the books of one task. They must balance: consumed = sum of outcomes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Records consumed.
    pub consumed: u64,
    /// Messages sent to other tasks.
    pub sent: u64,
    /// Messages received from other tasks (part of `consumed`).
    pub received: u64,
    /// Records of which receipts of labs are told, with the digest of their ids.
    pub tallied: (u64, u128),
    /// By number of the outcome, those without a code.
    plain: [u64; PLAIN],
    /// By outcome and code, all others.
    coded: BTreeMap<(i32, i32), u64>,
}

/// Numbers of outcomes that are counted without a look-up: more than there are.
const PLAIN: usize = 24;

impl Ledger {
    /// Books one consumed record.
    pub fn book(&mut self, outcome: Outcome) {
        self.book_many(outcome, 1);
    }

    /// Books offsets that were deleted before they were read. How many of them were records nobody knows: it is at most
    /// that many, as markers of transactions have offsets too.
    pub fn book_lost(&mut self, offsets: u64) {
        self.book_many(Outcome::Lost, offsets);
    }

    fn book_many(&mut self, outcome: Outcome, records: u64) {
        self.consumed += records;
        *self.count(outcome.wire() as i32, outcome.code().unwrap_or(RejectCode::Unspecified) as i32) += records;
    }

    fn count(&mut self, outcome: i32, code: i32) -> &mut u64 {
        match self.plain.get_mut(outcome as usize).filter(|_| code == 0) {
            Some(count) => count,
            None => self.coded.entry((outcome, code)).or_default(),
        }
    }

    /// Books what another one has booked.
    pub fn add(&mut self, other: &Self) {
        self.consumed += other.consumed;
        self.plain.iter_mut().zip(other.plain).for_each(|(count, more)| *count += more);
        other.coded.iter().for_each(|(key, more)| *self.coded.entry(*key).or_default() += more);
    }

    /// Whether every consumed record has its outcome.
    pub fn balances(&self) -> bool {
        self.consumed == self.plain.iter().chain(self.coded.values()).sum::<u64>()
    }

    /// Counts by outcome and code.
    pub fn counts(&self) -> Vec<OutcomeCount> {
        let plain =
            (0..).zip(&self.plain).map(|(outcome, records)| OutcomeCount { outcome, code: 0, records: *records });
        let coded = |(&(outcome, code), &records): (&(i32, i32), &u64)| OutcomeCount { outcome, code, records };
        let all = plain.filter(|count| count.records > 0).chain(self.coded.iter().map(coded));
        let mut counts: Vec<OutcomeCount> = all.collect();
        counts.sort_by_key(|count| (count.outcome, count.code));
        counts
    }

    /// Of records with these outcomes.
    pub fn of_counts(counts: &[OutcomeCount]) -> Self {
        Self::from_counts(counts.iter().map(|count| count.records).sum(), 0, 0, counts)
    }

    /// From the counts of a task head.
    pub fn from_counts(consumed: u64, sent: u64, received: u64, counts: &[OutcomeCount]) -> Self {
        let mut ledger = Self { consumed, sent, received, ..Self::default() };
        counts.iter().for_each(|count| *ledger.count(count.outcome, count.code) += count.records);
        ledger
    }
}

/// Why a record cannot be used: a value, not an error. Never holds anything the record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Stable code.
    pub code: RejectCode,
    /// Path of the field in the contract's names, e.g. `ct_values[1].gene`; empty when it is the whole record.
    pub field: String,
}

impl Reject {
    /// A code about a field.
    pub fn new(code: RejectCode, field: impl Into<String>) -> Self {
        Self { code, field: field.into() }
    }
}
