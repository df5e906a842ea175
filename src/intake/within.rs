//! What the rows of one file say to each other: the same result twice, two meanings of one version, a later row that
//! will not stand, a negative against a positive.
//!
//! In: every valid result with its line. Out: [`Warning`]s, one for each cause, with a count and the first lines. Of a
//! result 32 bytes are held, no text of it; of very large files the first [`MOST`] results, which is told. Nothing is
//! refused here: what was published earlier counts too, so only the processor knows what stands.

use crate::model::result::{Finding, LabResult, ResultStatus, TimePrecision};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// Results that are held against each other, at most: 160 MB.
pub const MOST: usize = 5_000_000;

/// Lines named with a warning.
const LINES: usize = 5;

/// Results for which room is made at a time.
const ROOM: usize = 1 << 16;

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
            Cause::Beyond => "rows that were not held against the others, there are too many in one file",
        }
    }
}

/// What is held of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Seen {
    /// Lab, result id, person.
    id: u64,
    line: u32,
    revision: u32,
    /// Person, specimen, target.
    specimen: u64,
    content: u32,
    status: u8,
    finding: u8,
}

impl Seen {
    /// As the processor ranks versions, apart from its hash of the meaning.
    fn rank(&self) -> (u32, u8, u8) {
        (self.revision, self.status, self.finding)
    }

    fn counts(&self) -> bool {
        [ResultStatus::Final as u8, ResultStatus::Corrected as u8].contains(&self.status)
    }
}

/// The results of a file, as they are read.
#[derive(Debug, Default)]
pub struct Within {
    seen: Vec<Seen>,
    /// Results that replace another one, by line.
    replacing: BTreeMap<u32, (u64, u64)>,
    causes: BTreeMap<Cause, Warning>,
    most: usize,
}

impl Within {
    /// Nothing read yet.
    pub fn new() -> Self {
        Self { most: MOST, ..Self::default() }
    }

    /// Takes the next valid result.
    pub fn take(&mut self, line: u64, result: &LabResult<'_>) {
        if result.training {
            return;
        }
        let Some(line) = u32::try_from(line).ok().filter(|_| self.seen.len() < self.most) else {
            return self.note(Cause::Beyond, line);
        };
        let of = |result_id: &str| hash(&(result.lab_id, result_id, result.person_id));
        let seen = Seen {
            id: of(result.result_id),
            line,
            revision: result.revision,
            specimen: hash(&(result.person_id, result.specimen_id, result.target)),
            content: content(result),
            status: result.status as u8,
            finding: result.finding as u8,
        };
        match result.replaces_result_id {
            Some(_) if result.status == ResultStatus::EnteredInError => self.note(Cause::Error, line.into()),
            Some(replaced) => drop(self.replacing.insert(line, (seen.id, of(replaced)))),
            None if result.status == ResultStatus::Corrected && result.revision == 0 => {
                self.note(Cause::Unnumbered, line.into())
            }
            None => {}
        }
        if self.seen.len() == self.seen.capacity() {
            self.seen.reserve_exact(ROOM);
        }
        self.seen.push(seen);
    }

    /// What all rows together say.
    pub fn warnings(mut self) -> Vec<Warning> {
        let mut seen = std::mem::take(&mut self.seen);
        seen.sort_unstable();
        // Those that stand take the place of all versions: a second list would be as large as the first.
        let (mut from, mut kept) = (0, 0);
        while from < seen.len() {
            let id = seen[from].id;
            let end = from + seen[from..].iter().take_while(|one| one.id == id).count();
            seen[kept] = self.versions(&seen[from..end]);
            (from, kept) = (end, kept + 1);
        }
        seen.truncate(kept);
        let mut standing = seen;
        let replaced = self.replaced(&standing);
        standing.retain(|one| one.counts() && !replaced.contains(&one.id));
        standing.sort_unstable_by_key(|one| (one.specimen, one.line));
        for results in standing.chunk_by(|a, b| a.specimen == b.specimen) {
            self.specimen(results);
        }
        std::mem::take(&mut self.causes).into_values().collect()
    }

    fn note(&mut self, cause: Cause, line: u64) {
        let warning = Warning { text: cause.text(), rows: 0, lines: Vec::new() };
        let warning = self.causes.entry(cause).or_insert(warning);
        warning.rows += 1;
        warning.lines.push(line);
        warning.lines.sort_unstable();
        warning.lines.truncate(LINES);
    }

    /// The versions of one result, in order of their lines; gives the one that stands.
    fn versions(&mut self, versions: &[Seen]) -> Seen {
        let mut standing = versions[0];
        // What was said so far, and at which ranks; mostly there is one version, and nothing to keep.
        let (mut said, mut ranks) = (HashSet::new(), HashSet::new());
        for pair in versions.windows(2) {
            let (before, version) = (pair[0], pair[1]);
            said.insert((before.status, before.content));
            ranks.insert((before.revision, before.status));
            if said.contains(&(version.status, version.content)) {
                self.note(Cause::Again, version.line.into());
            } else if ranks.contains(&(version.revision, version.status)) {
                self.note(Cause::Conflict, version.line.into());
            }
            if version.rank() >= standing.rank() {
                standing = version;
            }
        }
        let last = versions[versions.len() - 1];
        if (last.status, last.content) != (standing.status, standing.content) {
            self.note(Cause::Overruled, last.line.into());
        }
        standing
    }

    /// The standing results of one specimen, in order of their lines.
    fn specimen(&mut self, results: &[Seen]) {
        let negative = Finding::Negative as u8;
        let conclusive = || results.iter().filter(|one| one.finding >= negative);
        let Some(first) = conclusive().next() else { return };
        for other in conclusive().filter(|other| other.finding != first.finding) {
            self.note(Cause::Contradiction, other.line.into());
        }
    }

    /// Results that others replace, those that stand.
    fn replaced(&mut self, standing: &[Seen]) -> HashSet<u64> {
        let stands = |line: &u32, id: u64| {
            let at = standing.binary_search_by_key(&id, |one| one.id);
            at.is_ok_and(|at| standing[at].line == *line)
        };
        let all = std::mem::take(&mut self.replacing);
        let named: BTreeMap<u32, (u64, u64)> = all.into_iter().filter(|(line, (id, _))| stands(line, *id)).collect();
        let next: HashMap<u64, u64> = named.values().copied().collect();
        let (mut replaced, mut circles) = (HashSet::new(), Vec::new());
        for (line, (id, of)) in &named {
            // Each step of a circle is of one of its rows; what leads into one without being part of it stops
            // somewhere.
            let mut way = std::iter::successors(Some(*of), |at| next.get(at).copied()).take(CIRCLE);
            if way.any(|at| at == *id) {
                circles.push(*line);
            } else if !replaced.insert(*of) {
                self.note(Cause::Siblings, u64::from(*line));
            }
        }
        circles.into_iter().for_each(|line| self.note(Cause::Circle, line.into()));
        replaced
    }
}

/// Longest circle that is looked for: each row is looked at that often.
const CIRCLE: usize = 64;

fn hash(texts: &(&str, &str, &str)) -> u64 {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Timestamp;

    const FINAL: LabResult<'_> = LabResult {
        lab_id: "L",
        result_id: "r",
        revision: 0,
        status: ResultStatus::Final,
        person_id: "p",
        previous_person_id: None,
        replaces_result_id: None,
        specimen_id: "s",
        target: "t",
        collected_at: Timestamp(0),
        precision: TimePrecision::Minute,
        area: "a",
        purpose: "u",
        finding: Finding::Negative,
        ct_values: &[],
        kit: "",
        training: false,
    };

    const POSITIVE: LabResult<'_> = LabResult { finding: Finding::Positive, ..FINAL };
    const CORRECTED: LabResult<'_> = LabResult { status: ResultStatus::Corrected, revision: 1, ..FINAL };

    /// Causes with their lines, of results on lines from 2 on.
    fn told(results: &[LabResult<'_>]) -> Vec<(Cause, Vec<u64>)> {
        let mut within = Within::new();
        (2..).zip(results).for_each(|(line, result)| within.take(line, result));
        let warnings = within.warnings();
        let causes = [
            Cause::Conflict,
            Cause::Overruled,
            Cause::Contradiction,
            Cause::Again,
            Cause::Unnumbered,
            Cause::Siblings,
            Cause::Circle,
            Cause::Error,
            Cause::Beyond,
        ];
        let cause = |text: &str| causes.into_iter().find(|cause| cause.text() == text).expect("a cause");
        warnings.into_iter().map(|warning| (cause(warning.text), warning.lines)).collect()
    }

    #[test]
    fn rows_that_have_nothing_against_each_other_are_not_told() {
        let other = LabResult { result_id: "r2", specimen_id: "s2", ..POSITIVE };
        let of_target = LabResult { result_id: "r3", target: "t2", ..POSITIVE };
        let drill = LabResult { training: true, ..POSITIVE };
        assert_eq!(told(&[FINAL, other, of_target, CORRECTED, drill]), []);
        let replacing = LabResult { result_id: "r4", replaces_result_id: Some("r"), ..POSITIVE };
        assert_eq!(told(&[FINAL, replacing]), [], "what is replaced contradicts nothing");
    }

    #[test]
    fn two_meanings_of_one_version_are_a_conflict_whoever_comes_last() {
        assert_eq!(told(&[FINAL, POSITIVE]), [(Cause::Conflict, vec![3])]);
        assert_eq!(told(&[POSITIVE, FINAL]), [(Cause::Conflict, vec![3]), (Cause::Overruled, vec![3])]);
    }

    #[test]
    fn a_later_row_that_will_not_stand_is_told() {
        let early = LabResult { finding: Finding::Positive, ..FINAL };
        assert_eq!(told(&[CORRECTED, early]), [(Cause::Overruled, vec![3])], "a lower revision");
        let unnumbered = LabResult { revision: 0, ..CORRECTED };
        let back = LabResult { finding: Finding::Positive, ..unnumbered };
        let told = told(&[FINAL, back, unnumbered]);
        let expected = [(Cause::Conflict, vec![4]), (Cause::Overruled, vec![4]), (Cause::Unnumbered, vec![3, 4])];
        assert_eq!(told, expected, "the last correction does not count");
    }

    #[test]
    fn duplicates_and_contradictions_are_told_with_the_first_few_lines() {
        assert_eq!(told(&[FINAL; 9]), [(Cause::Again, vec![3, 4, 5, 6, 7])]);
        let by_another_id = LabResult { result_id: "r2", ..POSITIVE };
        assert_eq!(told(&[FINAL, by_another_id]), [(Cause::Contradiction, vec![3])]);
        let mut within = Within { most: 1, ..Within::new() };
        (2..5).for_each(|line| within.take(line, &FINAL));
        let [beyond] = &within.warnings()[..] else { panic!("one warning") };
        assert_eq!((beyond.rows, beyond.text), (2, Cause::Beyond.text()));
    }

    #[test]
    fn what_replaces_nothing_or_the_same_is_told() {
        let replaces = |id: &'static str, replaced| LabResult {
            result_id: id,
            specimen_id: id,
            replaces_result_id: Some(replaced),
            ..CORRECTED
        };
        assert_eq!(told(&[FINAL, replaces("a", "r"), replaces("b", "r")]), [(Cause::Siblings, vec![4])]);
        assert_eq!(told(&[replaces("a", "b"), replaces("b", "a")]), [(Cause::Circle, vec![2, 3])]);
        let error = LabResult { status: ResultStatus::EnteredInError, ..replaces("a", "r") };
        assert_eq!(told(&[FINAL, error]), [(Cause::Error, vec![3])]);
        assert_eq!(std::mem::size_of::<Seen>(), 32, "as the module says");
    }
}
