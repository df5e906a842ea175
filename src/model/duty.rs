//! What is to be done on a day, as numbers of areas: as many as there are kinds, in the order of the contract; and as many
//! again of each key group.

pub use crate::proto::v1::DutyKind;

/// Every kind there is a number of, in the order of the stored form: a new one goes to the end.
pub const DUTIES: [DutyKind; 8] = [
    DutyKind::Isolate,
    DutyKind::Managed,
    DutyKind::Release,
    DutyKind::TestDue,
    DutyKind::TestTaken,
    DutyKind::TestOverdue,
    DutyKind::PoolRecall,
    DutyKind::MemberRecall,
];

/// Where the number of a kind lies among all; `None` of what is no kind.
pub fn place_of(kind: DutyKind) -> Option<usize> {
    DUTIES.iter().position(|one| *one == kind)
}

/// What is counted of a key group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GroupNumber {
    /// Who is in it.
    Members,
    /// Who is to be tested.
    TestsDue,
    /// Of these, who was.
    TestsTaken,
    /// Of these, whose test is overdue.
    TestsOverdue,
}

impl GroupNumber {
    /// Every number there is, in the order of the stored form: a new one goes to the end.
    pub const ALL: [Self; 4] = [Self::Members, Self::TestsDue, Self::TestsTaken, Self::TestsOverdue];
}

/// Numbers of a group, in that order.
pub type GroupNumbers = [i32; GroupNumber::ALL.len()];
