//! Results that several people of a file have, and corrections that name a result of somebody else.
//!
//! In: the versions that stand, in order of results and people, and what corrections name. Out: what is reported of results
//! that are not moved, and of corrections that correct nothing. Only one result's people are looked at at a time.

use super::causes::{Cause, Causes};
use super::versions::Seen;
use crate::intake::scratch::sorted::{Bounds, Fact, Sorted, Sorter};
use std::io;

/// Finds results that more than one person has.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// The last result, and the first line of it.
    last: Option<(u64, u64)>,
}

impl Shared {
    /// Takes the next result that holds with somebody. Of a result that several have all rows but the first are reported.
    pub fn take(&mut self, one: &Seen, causes: &mut Causes) {
        match &mut self.last {
            Some((result, line)) if *result == one.result => {
                causes.note(Cause::Shared, one.line.max(*line));
                *line = one.line.min(*line);
            }
            last => *last = Some((one.result, one.line)),
        }
    }
}

/// Finds corrections that name a result of another person only.
pub(super) struct Named {
    /// What is named, with whom it is looked for, by which line.
    naming: Sorted<3>,
    next: Option<Fact<3>>,
    /// The result whose people are looked at, and whether anybody has it.
    result: Option<u64>,
    is_held: bool,
    /// Lines that look for it where it is not.
    missed: Vec<u64>,
    most: usize,
    /// Line, and whether it finds what it names: once for each person with whom it looks.
    found: Sorter<2>,
}

impl Named {
    /// Of one result at most so many lines are kept that miss it.
    pub fn new(mut naming: Sorted<3>, bounds: Bounds, most: usize) -> io::Result<Self> {
        let (next, found) = (naming.next_fact()?, Sorter::new(bounds));
        Ok(Self { naming, next, result: None, is_held: false, missed: Vec::new(), most, found })
    }

    /// Takes the next result, whether or not it holds.
    pub fn take(&mut self, one: &Seen, causes: &mut Causes) -> io::Result<()> {
        if self.result != Some(one.result) {
            self.close(causes)?;
            self.result = Some(one.result);
        }
        self.is_held |= one.holds();
        let here = (one.result, one.owner);
        while let Some([result, owner, line]) = self.next.filter(|[result, owner, _]| (*result, *owner) <= here) {
            if (result, owner) == here {
                self.found.push([line, 1])?;
            } else if result == one.result {
                self.miss(line, causes);
            }
            self.next = self.naming.next_fact()?;
        }
        Ok(())
    }

    fn miss(&mut self, line: u64, causes: &mut Causes) {
        if self.missed.len() < self.most {
            self.missed.push(line);
        } else {
            causes.note(Cause::Beyond, line);
        }
    }

    /// All people of a result were looked at.
    fn close(&mut self, causes: &mut Causes) -> io::Result<()> {
        while let Some([_, _, line]) = self.next.filter(|[result, ..]| Some(*result) == self.result) {
            self.miss(line, causes);
            self.next = self.naming.next_fact()?;
        }
        let is_held = std::mem::take(&mut self.is_held);
        for line in self.missed.drain(..).filter(|_| is_held) {
            self.found.push([line, 0])?;
        }
        Ok(())
    }

    /// Tells the lines that find what they name with nobody.
    pub fn report(mut self, causes: &mut Causes) -> io::Result<()> {
        self.close(causes)?;
        let mut found = self.found.sorted()?;
        let mut next = found.next_fact()?;
        while let Some([line, mut is_found]) = next {
            next = found.next_fact()?;
            while let Some([_, too]) = next.filter(|[other, _]| *other == line) {
                is_found |= too;
                next = found.next_fact()?;
            }
            if is_found == 0 {
                causes.note(Cause::Elsewhere, line);
            }
        }
        Ok(())
    }
}
