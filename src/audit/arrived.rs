//! One usable record, and when it was received: what everything is recounted from.

use crate::model::time::Timestamp;
use crate::proto::v1::{ContactRecord, LabResult, PersonGroup};
use std::collections::BTreeSet;

/// One usable record.
#[derive(Clone, Debug)]
pub enum Usable {
    /// Of `lab-results`.
    Result(LabResult),
    /// Of `contact-records`.
    Contact(ContactRecord),
    /// Of `person-groups`.
    Group(PersonGroup),
}

impl Usable {
    /// The result, if it is one.
    pub fn as_result(&self) -> Option<&LabResult> {
        match self {
            Usable::Result(result) => Some(result),
            Usable::Contact(_) | Usable::Group(_) => None,
        }
    }
}

/// A record and when it was received.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// When it was received.
    pub at: Timestamp,
    /// What was received.
    pub record: Usable,
    /// Keyed hash of its content: of two versions that say different things at one rank the greater stands. Whoever
    /// has none such may leave it 0.
    pub content: u64,
    /// It was moved from somebody else, whose task has not received that yet.
    pub move_in_flight: bool,
    /// It is a pool's, and the tasks of these go by an earlier version of it: what was said to them since is in flight.
    pub unheard_by: BTreeSet<Hearer>,
    /// It is a pool's, and its task writes messages of a format in which each pool counts its tubes itself.
    pub by_pool: bool,
}

/// Whose task is told what a result of a pool says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hearer {
    /// A member's.
    Member(String),
    /// That of the tube's barcode.
    Tube(String),
}

impl Arrived {
    /// Whether a member's task goes by an earlier version.
    pub fn is_unheard_by_member(&self, person: &str) -> bool {
        self.unheard_by.iter().any(|one| matches!(one, Hearer::Member(member) if member == person))
    }

    /// Whether the task of a barcode does.
    pub fn is_unheard_by_tube(&self, barcode: &str) -> bool {
        self.unheard_by.iter().any(|one| matches!(one, Hearer::Tube(tube) if tube == barcode))
    }
}
