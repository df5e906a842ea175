//! What is to be done on a day, as numbers of areas: as many as there are kinds, in the order of the contract.

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
