//! Which version stands of a record that tracers or list keepers revise: the greatest by revision, status and meaning.
//!
//! In: what is held, and what was read. Out: what is held from then on, and how the record ends.

use super::versions;
use crate::model::outcome::End;
use crate::model::time::Timestamp;
use crate::pipeline::ending::{Ending, Stop};
use crate::state::person::case_file::Contact;
use crate::state::person::groups::Membership;
use std::cmp::Ordering;

/// A version of a record.
pub trait Revised: Clone {
    /// Its place among versions of the record: revision, status, hash of the meaning.
    fn rank(&self) -> (u32, i32, u64);

    /// When it was first received.
    fn received_at(&self) -> Timestamp;

    /// The same at another revision, first received at another time.
    fn at(self, revision: u32, received_at: Timestamp) -> Self;
}

impl Revised for Contact {
    fn rank(&self) -> (u32, i32, u64) {
        Contact::rank(self)
    }

    fn received_at(&self) -> Timestamp {
        self.received_at
    }

    fn at(self, revision: u32, received_at: Timestamp) -> Self {
        Self { revision, received_at, ..self }
    }
}

impl Revised for Membership {
    fn rank(&self) -> (u32, i32, u64) {
        Membership::rank(self)
    }

    fn received_at(&self) -> Timestamp {
        self.received_at
    }

    fn at(self, revision: u32, received_at: Timestamp) -> Self {
        Self { revision, received_at, ..self }
    }
}

/// What is held from now on when a version says again what stands: the same at the greater revision, as that was received
/// first. What lesser revisions were received when must not matter: one that says something else may have come between.
pub fn again<T: Revised>(held: Option<&T>, new: &T) -> Option<T> {
    let (revision, status, content) = new.rank();
    let same = held.filter(|held| (held.rank().1, held.rank().2) == (status, content))?;
    let received_at = match revision.cmp(&same.rank().0) {
        Ordering::Less => same.received_at(),
        Ordering::Equal => new.received_at().min(same.received_at()),
        Ordering::Greater => new.received_at(),
    };
    Some(same.clone().at(same.rank().0.max(revision), received_at))
}

/// Whether a version stands instead of what is held: the greatest does.
pub fn admit<T: Revised>(held: Option<&T>, new: &T) -> Result<(), Stop> {
    match held {
        Some(held) if new.rank() < held.rank() => {
            Err(if are_in_conflict(held, new) { versions::conflict().into() } else { End::Superseded.into() })
        }
        _ => Ok(()),
    }
}

/// How a record that stands now ends.
pub fn ending<T: Revised>(before: Option<&T>, after: &T, applied: End) -> Ending {
    match before {
        Some(before) if are_in_conflict(before, after) => Ending::SetAside(versions::conflict()),
        _ => Ending::Used(applied),
    }
}

/// Two versions that are not the same say different things at one revision and status.
fn are_in_conflict<T: Revised>(one: &T, other: &T) -> bool {
    (one.rank().0, one.rank().1) == (other.rank().0, other.rank().1)
}
