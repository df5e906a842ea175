//! What the rows of one file say to each other: the same result twice, two meanings of one version, a later row that
//! will not stand, a negative against a positive.
//!
//! In: every valid result with its line. Out: [`Warning`]s, one for each cause, with a count and the first lines. Of a
//! result 32 bytes are kept, no text of it, in a [`Sorter`]: all results are held against each other, in constant memory.
//! They are judged result by result, then person by person (`corrections`), then specimen by specimen. Nothing is
//! refused here: what was published earlier counts too, so only the processor knows what stands.

mod corrections;

#[cfg(test)]
mod tests;

use super::scratch::sorted::{Bounds, Sorted, Sorter};
use crate::model::result::{Finding, LabResult, ResultStatus, TimePrecision};
use corrections::Corrections;
use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::io;

/// Versions of one result that are held against each other, and corrections of one person by one lab, at most: some
/// 20 MB. No lab has a hundredth of that; a file in which a constant stands where the ids should may.
const MOST: usize = 1 << 18;

/// Lines named with a warning.
const LINES: usize = 5;

/// Something about several rows that their lab should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// What it is and what to do. Never a value of a row.
    pub text: &'static str,
    /// Rows concerned.
    pub rows: u64,
    /// Lines of the first few.
    pub lines: Vec<u64>,
}

impl Warning {
    /// E.g. `lines 3, 4, …`.
    pub fn named_lines(&self) -> String {
        let named: Vec<String> = self.lines.iter().map(u64::to_string).collect();
        let more = if self.rows > named.len() as u64 { ", …" } else { "" };
        let word = if self.rows == 1 { "line" } else { "lines" };
        format!("{word} {}{more}", named.join(", "))
    }
}

/// What is wrong, in the order of telling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cause {
    Conflict,
    Overruled,
    Contradiction,
    Again,
    Unnumbered,
    Siblings,
    Circle,
    Error,
    Beyond,
}

impl Cause {
    fn text(self) -> &'static str {
        match self {
            Cause::Conflict => {
                "rows that say something else than an earlier row of the same result id, revision and status: a conflict, set aside; \
                 give each version a higher revision"
            }
            Cause::Overruled => {
                "rows that do not stand although they come last: an earlier row of the same result id outranks them by revision, \
                 status or finding; give the later version a higher revision (a release time will do)"
            }
            Cause::Contradiction => {
                "rows that contradict an earlier row of the same person, specimen and target by another result id: held as positive \
                 and alarmed until the lab corrects one of the two"
            }
            Cause::Again => "rows that say again what an earlier row of the same result id says: counted once",
            Cause::Unnumbered => {
                "rows that are corrections without a revision: of two such corrections of one result not the last one counts, but \
                 positive before negative; give each a higher revision (a release time will do)"
            }
            Cause::Siblings => {
                "rows that replace a result that an earlier row replaces too: both corrections stand; let the later one name the \
                 earlier correction"
            }
            Cause::Circle => "rows that replace each other in a circle: none of them is withdrawn by it",
            Cause::Error => {
                "rows that were entered in error under a new id: such a row replaces nothing; take the result back under its own id, \
                 or send status cancelled"
            }
            Cause::Beyond => {
                "rows that were not held against the others: too many have the same result id, or are corrections of one person; \
                 are the ids read from the right columns?"
            }
        }
    }
}

/// What was found so far.
#[derive(Debug, Default)]
struct Causes(BTreeMap<Cause, Warning>);

impl Causes {
    fn note(&mut self, cause: Cause, line: u64) {
        let warning = Warning { text: cause.text(), rows: 0, lines: Vec::new() };
        let warning = self.0.entry(cause).or_insert(warning);
        warning.rows += 1;
        warning.lines.push(line);
        warning.lines.sort_unstable();
        warning.lines.truncate(LINES);
    }
}

/// What is kept of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    /// Lab, result id, person.
    id: u64,
    line: u64,
    revision: u32,
    /// Person, specimen, target.
    specimen: u64,
    content: u32,
    status: u8,
    finding: u8,
}

impl Seen {
    fn of(line: u64, result: &LabResult<'_>) -> Self {
        Self {
            id: id_of(result, result.result_id),
            line,
            revision: result.revision,
            specimen: hash(&(result.person_id, result.specimen_id, result.target)),
            content: content(result),
            status: result.status as u8,
            finding: result.finding as u8,
        }
    }

    /// By result, then in order of lines.
    fn fact(&self) -> [u64; 4] {
        let place = self.line << 16 | u64::from(self.status) << 8 | u64::from(self.finding);
        [self.id, place, self.specimen, u64::from(self.revision) << 32 | u64::from(self.content)]
    }

    fn from_fact([id, place, specimen, meaning]: [u64; 4]) -> Self {
        Self {
            id,
            line: place >> 16,
            revision: (meaning >> 32) as u32,
            specimen,
            content: meaning as u32,
            status: (place >> 8) as u8,
            finding: place as u8,
        }
    }

    /// As the processor ranks versions, apart from its hash of the meaning.
    fn rank(&self) -> (u32, u8, u8) {
        (self.revision, self.status, self.finding)
    }

    /// Whether it says something of its specimen.
    fn is_conclusive(&self) -> bool {
        let counts = [ResultStatus::Final as u8, ResultStatus::Corrected as u8].contains(&self.status);
        counts && self.finding >= Finding::Negative as u8
    }

    /// Line and finding, in order of lines.
    fn said(&self) -> u64 {
        self.line << 8 | u64::from(self.finding)
    }
}

/// The results of a file, as they are read.
#[derive(Debug)]
pub struct Within {
    seen: Sorter<4>,
    /// Results that replace another one: result, line, lab and person, what it replaces.
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
        let seen = Seen::of(line, result);
        match result.replaces_result_id {
            Some(_) if result.status == ResultStatus::EnteredInError => self.causes.note(Cause::Error, line),
            Some(replaced) => {
                let owner = hash(&(result.lab_id, result.person_id));
                self.replacing.push([seen.id, line, owner, id_of(result, replaced)])?;
            }
            None if result.status == ResultStatus::Corrected && result.revision == 0 => {
                self.causes.note(Cause::Unnumbered, line)
            }
            None => {}
        }
        self.seen.push(seen.fact())
    }

    /// What all rows together say.
    pub fn warnings(self) -> io::Result<Vec<Warning>> {
        let Self { seen, replacing, mut causes, bounds, most } = self;
        let mut standing = Standing { seen: seen.sorted()?, next: None, most };
        let mut specimens = Sorter::new(bounds);
        if replacing.is_empty() {
            while let Some(one) = standing.next(&mut causes)? {
                if one.is_conclusive() {
                    specimens.push([one.specimen, one.said()])?;
                }
            }
        } else {
            not_replaced(standing, replacing, bounds, &mut causes, &mut specimens)?;
        }
        contradictions(specimens.sorted()?, &mut causes)?;
        Ok(causes.0.into_values().collect())
    }
}

/// Puts the conclusive results that nothing replaces among those of their specimens.
fn not_replaced(
    mut standing: Standing,
    replacing: Sorter<4>,
    bounds: Bounds,
    causes: &mut Causes,
    specimens: &mut Sorter<2>,
) -> io::Result<()> {
    let (mut conclusive, mut corrections) = (Sorter::new(bounds), Corrections::new(bounds, standing.most));
    let mut replacing = replacing.sorted()?;
    let mut next = replacing.next_fact()?;
    while let Some(one) = standing.next(causes)? {
        // Of a result's versions only the one that stands replaces anything.
        while let Some([id, line, owner, replaces]) = next.filter(|[id, line, ..]| (*id, *line) <= (one.id, one.line)) {
            if (id, line) == (one.id, one.line) {
                corrections.take(owner, line, id, replaces)?;
            }
            next = replacing.next_fact()?;
        }
        if one.is_conclusive() {
            conclusive.push([one.id, one.said(), one.specimen])?;
        }
    }
    // Room for what follows.
    drop((standing, replacing));
    let mut replaced = corrections.replaced(causes)?;
    let (mut next, mut conclusive) = (replaced.next_fact()?, conclusive.sorted()?);
    while let Some([id, said, specimen]) = conclusive.next_fact()? {
        while next.is_some_and(|[replaced]| replaced < id) {
            next = replaced.next_fact()?;
        }
        if next != Some([id]) {
            specimens.push([specimen, said])?;
        }
    }
    Ok(())
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

/// Gives the version that stands of each result, in order of results.
struct Standing {
    seen: Sorted<4>,
    next: Option<Seen>,
    most: usize,
}

impl Standing {
    fn next(&mut self, causes: &mut Causes) -> io::Result<Option<Seen>> {
        let Some(first) = self.next.take().map_or_else(|| self.read(), |next| Ok(Some(next)))? else { return Ok(None) };
        let mut versions = Versions::of(first);
        while let Some(version) = self.read()? {
            if version.id != first.id {
                self.next = Some(version);
                break;
            }
            if let Some(cause) = versions.add(version, self.most) {
                causes.note(cause, version.line);
            }
        }
        let Versions { standing, last, .. } = versions;
        if (last.status, last.content) != (standing.status, standing.content) {
            causes.note(Cause::Overruled, last.line);
        }
        Ok(Some(standing))
    }

    fn read(&mut self) -> io::Result<Option<Seen>> {
        Ok(self.seen.next_fact()?.map(Seen::from_fact))
    }
}

/// The versions of one result, in order of their lines.
struct Versions {
    standing: Seen,
    last: Seen,
    /// What was said before the last one, and at which ranks; mostly there is one version, and nothing to keep.
    said: HashSet<(u8, u32)>,
    ranks: HashSet<(u32, u8)>,
}

impl Versions {
    fn of(first: Seen) -> Self {
        Self { standing: first, last: first, said: HashSet::new(), ranks: HashSet::new() }
    }

    /// Takes the next one; what is to be told of it.
    fn add(&mut self, version: Seen, most: usize) -> Option<Cause> {
        let before = std::mem::replace(&mut self.last, version);
        let has_room = self.said.len() < most;
        if has_room {
            self.said.insert((before.status, before.content));
            self.ranks.insert((before.revision, before.status));
        }
        if version.rank() >= self.standing.rank() {
            self.standing = version;
        }
        if self.said.contains(&(version.status, version.content)) {
            Some(Cause::Again)
        } else if self.ranks.contains(&(version.revision, version.status)) {
            Some(Cause::Conflict)
        } else {
            (!has_room).then_some(Cause::Beyond)
        }
    }
}

/// Of a result of the same lab and person.
fn id_of(result: &LabResult<'_>, result_id: &str) -> u64 {
    hash(&(result.lab_id, result_id, result.person_id))
}

fn hash(texts: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    texts.hash(&mut hasher);
    hasher.finish()
}

/// Of the meaning, apart from the status.
fn content(result: &LabResult<'_>) -> u32 {
    let mut hasher = DefaultHasher::new();
    let minute = result.collected_at.minute();
    (result.specimen_id, result.target, minute, result.precision == TimePrecision::Day).hash(&mut hasher);
    (result.area, result.purpose, result.finding as i32, result.replaces_result_id).hash(&mut hasher);
    result.ct_values.iter().for_each(|ct| (ct.gene.as_str(), ct.cycles.to_bits()).hash(&mut hasher));
    hasher.finish() as u32
}
