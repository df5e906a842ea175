//! What is found wrong, by cause.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// Lines named with a warning.
const LINES: usize = 5;

/// Something about several rows that their lab should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// What it is and what to do. Never a value of a row.
    pub text: Cow<'static, str>,
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

/// What is wrong, in the order in which it is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    Targets,
    Conflict,
    Overruled,
    Contradiction,
    Shared,
    Again,
    Unnumbered,
    Siblings,
    Circle,
    Elsewhere,
    Itself,
    Error,
    Beyond,
}

impl Cause {
    pub(super) fn text(self) -> &'static str {
        match self {
            // A higher revision would only choose which of them is lost.
            Cause::Targets => {
                "rows that name another target than an earlier row of the same result id: one result id can stand for one target \
                 only, and just one of such rows will stand; give each target a result id of its own, in a map by \
                 `result_id = { template = \"{rid}-{target column}\" }`, and change it likewise where corrections name the \
                 result they replace"
            }
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
            Cause::Shared => {
                "rows whose result id another person has too, from the same lab: both hold, as two results; where a result was moved \
                 from one person to the other, name `previous_person_id`, with a revision that is not lower"
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
            Cause::Elsewhere => {
                "rows that replace a result which only another person of the file has: it is looked for with the row's own person, and \
                 goes on to hold; name the other one as `previous_person_id`"
            }
            Cause::Itself => {
                "rows that name their own result id as the one they replace: they replace nothing; name the id of the result that was \
                 wrong, or none where only the revision is higher"
            }
            Cause::Error => {
                "rows that were entered in error under a new id: such a row replaces nothing; take the result back under its own id, \
                 or send status cancelled"
            }
            Cause::Beyond => {
                "rows that were not held against the others: too many are corrections of one person, or of one result; are the ids \
                 read from the right columns?"
            }
        }
    }
}

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Causes(pub(super) BTreeMap<Cause, Warning>);

impl Causes {
    pub(super) fn note(&mut self, cause: Cause, line: u64) {
        let warning = Warning { text: cause.text().into(), rows: 0, lines: Vec::new() };
        let warning = self.0.entry(cause).or_insert(warning);
        warning.rows += 1;
        warning.lines.push(line);
        warning.lines.sort_unstable();
        warning.lines.truncate(LINES);
    }
}
