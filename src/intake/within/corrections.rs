//! Corrections that name what they correct: which results are replaced, by rows that stand.
//!
//! In: the rows, each with what it replaces. Out: the replaced results in order, and what is named; on the way, what is
//! reported of corrections that replace the same, or each other in a circle. Only rows of one person and lab can: so many
//! are judged at a time.

use super::causes::{Cause, Causes};
use crate::intake::scratch::sorted::{Bounds, Sorted, Sorter};
use std::collections::{HashMap, HashSet};
use std::io;

/// Takes rows that replace a result, and stand.
#[derive(Debug)]
pub(super) struct Corrections {
    /// Lab and person, line, result, what it replaces.
    rows: Sorter<4>,
    /// What is replaced, lab and person, line.
    naming: Sorter<3>,
    bounds: Bounds,
    most: usize,
}

impl Corrections {
    /// None yet; of one person and lab at most so many are held against each other.
    pub fn new(bounds: Bounds, most: usize) -> Self {
        Self { rows: Sorter::new(bounds), naming: Sorter::new(bounds), bounds, most }
    }

    /// Takes one.
    pub fn take(&mut self, owner: u64, line: u64, result: u64, replaces: u64) -> io::Result<()> {
        self.rows.push([owner, line, result, replaces])?;
        self.naming.push([replaces, owner, line])
    }

    /// The results that are replaced, each with its person; and what all corrections name.
    pub fn replaced(self, causes: &mut Causes) -> io::Result<(Sorted<2>, Sorted<3>)> {
        let Self { rows, naming, bounds, most } = self;
        let (mut rows, mut replaced) = (rows.sorted()?, Sorter::new(bounds));
        let (mut of_one, mut owner): (Vec<Correction>, _) = (Vec::new(), 0);
        while let Some([next, line, result, replaces]) = rows.next_fact()? {
            if owner != next {
                judge(&of_one, causes).into_iter().try_for_each(|result| replaced.push([result, owner]))?;
                of_one.clear();
                owner = next;
            }
            if of_one.len() < most {
                of_one.push(Correction { line, result, replaces });
            } else {
                causes.note(Cause::Beyond, line);
                replaced.push([replaces, owner])?;
            }
        }
        judge(&of_one, causes).into_iter().try_for_each(|result| replaced.push([result, owner]))?;
        Ok((replaced.sorted()?, naming.sorted()?))
    }
}

#[derive(Debug)]
struct Correction {
    line: u64,
    result: u64,
    replaces: u64,
}

/// What is replaced by those of one person and lab, in order of their lines.
fn judge(corrections: &[Correction], causes: &mut Causes) -> HashSet<u64> {
    let circles = in_circles(&next_of(corrections));
    let mut replaced = HashSet::new();
    for (Correction { line, replaces, .. }, in_circle) in corrections.iter().zip(circles) {
        if in_circle {
            causes.note(Cause::Circle, *line);
        } else if !replaced.insert(*replaces) {
            causes.note(Cause::Siblings, *line);
        }
    }
    replaced
}

/// Of each the place of what it replaces, where that is a correction too.
fn next_of(corrections: &[Correction]) -> Vec<Option<u32>> {
    let places: HashMap<u64, u32> = corrections.iter().map(|one| one.result).zip(0..).collect();
    corrections.iter().map(|one| places.get(&one.replaces).copied()).collect()
}

/// Which are part of a circle, of any length. Each is walked through once: a walk ends where an earlier one came by; where
/// it meets itself, there is a circle, which is gone round once more.
fn in_circles(next: &[Option<u32>]) -> Vec<bool> {
    let (mut walks, mut circles) = (vec![None; next.len()], vec![false; next.len()]);
    for walk in 0..next.len() as u32 {
        let mut at = Some(walk);
        while let Some(here) = at.map(|at| at as usize).filter(|here| walks[*here].is_none()) {
            walks[here] = Some(walk);
            at = next[here];
        }
        while let Some(here) = at.map(|at| at as usize).filter(|here| walks[*here] == Some(walk) && !circles[*here]) {
            circles[here] = true;
            at = next[here];
        }
    }
    circles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn just_what_is_part_of_a_circle_is_found_however_long_it_is_and_whatever_leads_into_it() {
        let found = |next: &[Option<u32>]| {
            in_circles(next).iter().enumerate().filter_map(|(at, found)| found.then_some(at)).collect::<Vec<_>>()
        };
        let none: [usize; 0] = [];
        assert_eq!(found(&[]), none);
        assert_eq!(found(&[Some(1), None, Some(1)]), none, "a chain and a sibling");
        assert_eq!(found(&[Some(1), Some(2), Some(1), Some(0)]), [1, 2], "two lead into it");
        assert_eq!(found(&[Some(3), Some(2), Some(1), Some(0), Some(4), Some(4)]), [0, 1, 2, 3, 4], "several");
        for long in [63, 64, 65, 66, 200_000] {
            let mut next: Vec<_> = (1..=long).map(Some).collect();
            assert_eq!(found(&[&next[..], &[None]].concat()), none, "a chain of {long}");
            next[long as usize - 1] = Some(2);
            assert_eq!(found(&next).len(), long as usize - 2, "{long}");
        }
    }
}
