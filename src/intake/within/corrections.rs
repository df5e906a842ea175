//! Corrections that name what they correct: which results are replaced, by rows that stand.
//!
//! In: the rows, each with what it replaces. Out: the replaced results in order; on the way, what is told of corrections
//! that replace the same, or each other in a circle. Only rows of one person and lab can: so many are judged at a time.

use super::{Cause, Causes};
use crate::intake::scratch::sorted::{Bounds, Sorted, Sorter};
use std::collections::{HashMap, HashSet};
use std::io;

/// Longest circle that is looked for: each row is looked at that often.
const CIRCLE: usize = 64;

/// Takes rows that replace a result, and stand.
#[derive(Debug)]
pub(super) struct Corrections {
    /// Lab and person, line, result, what it replaces.
    rows: Sorter<4>,
    bounds: Bounds,
    most: usize,
}

impl Corrections {
    /// None yet; of one person and lab at most so many are held against each other.
    pub fn new(bounds: Bounds, most: usize) -> Self {
        Self { rows: Sorter::new(bounds), bounds, most }
    }

    /// Takes one.
    pub fn take(&mut self, owner: u64, line: u64, id: u64, replaces: u64) -> io::Result<()> {
        self.rows.push([owner, line, id, replaces])
    }

    /// The results that are replaced, ascending.
    pub fn replaced(self, causes: &mut Causes) -> io::Result<Sorted<1>> {
        let Self { rows, bounds, most } = self;
        let (mut rows, mut replaced) = (rows.sorted()?, Sorter::new(bounds));
        let (mut of_one, mut owner): (Vec<Correction>, _) = (Vec::new(), None);
        while let Some([next, line, id, replaces]) = rows.next_fact()? {
            if owner != Some(next) {
                judge(&of_one, causes).into_iter().try_for_each(|id| replaced.push([id]))?;
                of_one.clear();
                owner = Some(next);
            }
            if of_one.len() < most {
                of_one.push(Correction { line, id, replaces });
            } else {
                causes.note(Cause::Beyond, line);
                replaced.push([replaces])?;
            }
        }
        judge(&of_one, causes).into_iter().try_for_each(|id| replaced.push([id]))?;
        replaced.sorted()
    }
}

#[derive(Debug)]
struct Correction {
    line: u64,
    id: u64,
    replaces: u64,
}

/// What is replaced by those of one person and lab, in order of their lines.
fn judge(corrections: &[Correction], causes: &mut Causes) -> HashSet<u64> {
    let next: HashMap<u64, u64> = corrections.iter().map(|one| (one.id, one.replaces)).collect();
    let mut replaced = HashSet::new();
    for Correction { line, id, replaces } in corrections {
        // Each step of a circle is of one of its rows; what leads into one without being part of it stops somewhere.
        let mut way = std::iter::successors(Some(*replaces), |at| next.get(at).copied()).take(CIRCLE);
        if way.any(|at| at == *id) {
            causes.note(Cause::Circle, *line);
        } else if !replaced.insert(*replaces) {
            causes.note(Cause::Siblings, *line);
        }
    }
    replaced
}
