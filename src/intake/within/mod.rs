//! What the rows of one file say to each other: the same result twice, one id for results of several targets, two
//! meanings of one version, a later row that will not stand, a result that two people have, a negative against a positive.
//!
//! In: every valid result with its line. Out: [`Warning`]s, one for each cause, with a count and the first lines. Of a
//! result 40 bytes are kept, no text of it, in a [`Sorter`]: all results are held against each other, in constant memory.
//! They are judged result by result (`versions`), then person by person (`corrections`), then result by result once more
//! (`people`), then specimen by specimen. Nothing is refused here: what was published earlier counts too, so only the
//! processor knows what stands.

mod causes;
mod corrections;
mod people;
mod versions;

#[cfg(test)]
mod tests;

pub use causes::Warning;

use super::scratch::sorted::{Bounds, Sorted, Sorter};
use crate::model::result::{LabResult, ResultStatus};
use causes::{Cause, Causes};
use corrections::Corrections;
use people::{Named, Shared};
use std::io;
use versions::{Seen, Standing, owner_of, result_of};

/// Corrections of one person by one lab that are held against each other, at most: some 20 MB. No lab has a hundredth of
/// that; a file in which a constant stands where the ids should may.
const MOST: usize = 1 << 18;

/// The results of a file, as they are read.
#[derive(Debug)]
pub struct Within {
    seen: Sorter<5>,
    /// Results that replace another one: result, lab and person, line, what it replaces.
    replacing: Sorter<4>,
    causes: Causes,
    bounds: Bounds,
    most: usize,
}

impl Within {
    /// Nothing read yet.
    pub fn new(bounds: Bounds) -> Self {
        let (seen, replacing) = (Sorter::new(bounds), Sorter::new(bounds));
        Self { seen, replacing, causes: Causes::default(), bounds, most: MOST }
    }

    /// Takes the next valid result.
    pub fn take(&mut self, line: u64, result: &LabResult<'_>) -> io::Result<()> {
        if result.training {
            return Ok(());
        }
        match result.replaces_result_id {
            Some(_) if result.status == ResultStatus::EnteredInError => self.causes.note(Cause::Error, line),
            None if result.status == ResultStatus::Corrected && result.revision == 0 => {
                self.causes.note(Cause::Unnumbered, line)
            }
            _ => {}
        }
        let seen = Seen::of(line, result);
        self.see(&seen, result)?;
        match result.previous_person_id {
            Some(previous) => self.see(&seen.moved_from(owner_of(result, previous)), result),
            None => Ok(()),
        }
    }

    fn see(&mut self, seen: &Seen, result: &LabResult<'_>) -> io::Result<()> {
        let replaces = result.replaces_result_id.filter(|_| result.status != ResultStatus::EnteredInError);
        if let Some(replaces) = replaces {
            self.replacing.push([seen.result, seen.owner, seen.line, result_of(result, replaces)])?;
        }
        self.seen.push(seen.fact())
    }

    /// Takes note that a result names its own id as the one it replaces, which is no replacement to anybody else.
    pub fn names_itself(&mut self, line: u64) {
        self.causes.note(Cause::Itself, line);
    }

    /// What all rows together say.
    pub fn warnings(self) -> io::Result<Vec<Warning>> {
        let Self { seen, replacing, mut causes, bounds, most } = self;
        let mut standing = Standing::new(seen.sorted()?);
        let mut holding = Holding { shared: Shared::default(), specimens: Sorter::new(bounds) };
        if replacing.is_empty() {
            while let Some(one) = standing.next(&mut causes)? {
                holding.take(&one, &mut causes)?;
            }
        } else {
            not_replaced(standing, replacing, (bounds, most), &mut causes, &mut holding)?;
        }
        contradictions(holding.specimens.sorted()?, &mut causes)?;
        Ok(causes.0.into_values().collect())
    }
}

/// Takes the versions that stand and that nothing replaces.
#[derive(Debug)]
struct Holding {
    shared: Shared,
    /// Specimen, and what was said of it.
    specimens: Sorter<2>,
}

impl Holding {
    fn take(&mut self, one: &Seen, causes: &mut Causes) -> io::Result<()> {
        if one.holds() {
            self.shared.take(one, causes);
        }
        if one.is_conclusive() { self.specimens.push([one.specimen, one.said()]) } else { Ok(()) }
    }
}

/// Takes the results that nothing replaces.
fn not_replaced(
    mut standing: Standing,
    replacing: Sorter<4>,
    (bounds, most): (Bounds, usize),
    causes: &mut Causes,
    holding: &mut Holding,
) -> io::Result<()> {
    let (mut replacing, mut all) = (replacing.sorted()?, Sorter::new(bounds));
    let mut corrections = Corrections::new(bounds, most);
    let mut next = replacing.next_fact()?;
    while let Some(one) = standing.next(causes)? {
        // Of a result's versions only the one that stands replaces anything.
        let place = [one.result, one.owner, one.line];
        while let Some([result, owner, line, replaces]) = next.filter(|next| next[..3] <= place[..]) {
            if [result, owner, line] == place {
                corrections.take(owner, line, result, replaces)?;
            }
            next = replacing.next_fact()?;
        }
        all.push(one.fact())?;
    }
    // Room for what follows.
    drop((standing, replacing));
    let (mut replaced, naming) = corrections.replaced(causes)?;
    let (mut all, mut named) = (all.sorted()?, Named::new(naming, bounds, most)?);
    let mut next = replaced.next_fact()?;
    while let Some(one) = all.next_fact()?.map(Seen::from_fact) {
        named.take(&one, causes)?;
        while next.is_some_and(|replaced| replaced < [one.result, one.owner]) {
            next = replaced.next_fact()?;
        }
        if next != Some([one.result, one.owner]) {
            holding.take(&one, causes)?;
        }
    }
    named.report(causes)
}

/// Other findings than the first of their specimen.
fn contradictions(mut specimens: Sorted<2>, causes: &mut Causes) -> io::Result<()> {
    let mut first = None;
    while let Some([specimen, said]) = specimens.next_fact()? {
        let (line, finding) = (said >> 8, said as u8);
        match first {
            Some((of, found)) if of == specimen => {
                if found != finding {
                    causes.note(Cause::Contradiction, line);
                }
            }
            _ => first = Some((specimen, finding)),
        }
    }
    Ok(())
}
