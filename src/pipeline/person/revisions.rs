//! Which version stands of a record that tracers or list keepers revise: the greatest by revision, status and meaning.
//!
//! In: what is held, and what was read. Out: what is held from then on, and how the record ends.

use super::versions;
use crate::model::outcome::End;
use crate::model::time::Timestamp;
use crate::pipeline::ending::{Ending, Stop};
use crate::state::person::case_file::Contact;
use crate::state::person::groups::Membership;

/// A version of a record.
pub trait Revised: Clone {
    /// Its place among versions of the record: revision, status, hash of the meaning.
    fn rank(&self) -> (u32, i32, u64);

    /// When any version of the record was first received.
    fn received_at(&self) -> Timestamp;

    /// The same, received also when another version was.
    fn and(self, other: &Self) -> Self;
}

impl Revised for Contact {
    fn rank(&self) -> (u32, i32, u64) {
        Contact::rank(self)
    }

    fn received_at(&self) -> Timestamp {
        self.received_at
    }

    fn and(self, other: &Self) -> Self {
        Self { received_at: self.received_at.min(other.received_at), ..self }
    }
}

impl Revised for Membership {
    fn rank(&self) -> (u32, i32, u64) {
        Membership::rank(self)
    }

    fn received_at(&self) -> Timestamp {
        self.received_at
    }

    fn and(self, other: &Self) -> Self {
        Self {
            received_at: self.received_at.min(other.received_at),
            last_received_at: self.last_received_at.max(other.last_received_at),
            ..self
        }
    }
}

/// What is held once a version was read: the greatest one, and since when any is known. Lists that are sent again each night
/// are no news, and what stands is known for as long whatever lesser revisions said, so that no order can matter.
pub fn held<T: Revised>(before: Option<&T>, new: &T) -> T {
    let Some(before) = before else { return new.clone() };
    let (greatest, other) = if new.rank() < before.rank() { (before, new) } else { (new, before) };
    greatest.clone().and(other)
}

/// Whether a version stands instead of what is held: the greatest does, if it says something else.
pub fn admit<T: Revised>(held: Option<&T>, new: &T) -> Result<(), Stop> {
    let meaning = |version: &T| (version.rank().1, version.rank().2);
    match held {
        Some(held) if meaning(held) == meaning(new) => Err(End::Duplicate.into()),
        Some(held) if new.rank() < held.rank() => {
            Err(if are_in_conflict(held, new) { versions::conflict().into() } else { End::Superseded.into() })
        }
        _ => Ok(()),
    }
}

/// Whether it is known for longer now.
pub fn is_known_earlier<T: Revised>(before: Option<&T>, after: &T) -> bool {
    before.is_some_and(|before| after.received_at() < before.received_at())
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
