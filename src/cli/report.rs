//! What `check` and `publish` say of the rows of a file: the first of each cause by line, field and code; how many more
//! there are; all of them counted, with what to do about each code. As short for a million bad rows as for ten.

use super::file::FileArgs;
use crate::intake::advice::{self, Advice};
use crate::intake::check::{Summary, Verdict};
use crate::intake::within::Warning;
use crate::intake::{Fault, Format};
use crate::model::outcome::{RejectCode, code_text};
use crate::terminal::progress::Progress;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write};

/// Rows listed of one cause: enough to see what they have in common.
const OF_A_CAUSE: u64 = 3;

/// Causes kept apart. A file that has more of them than this has them all.
const CAUSES: usize = 1_000;

/// Causes of which it is said at the end how many rows there were.
const TOLD_CAUSES: usize = 20;

/// Why rows are refused: code number, field, what is known beyond.
type Cause = (i32, String, String);

/// Rows refused for one cause.
#[derive(Clone, Copy, Debug, Default)]
struct Rows {
    all: u64,
    listed: u64,
    last: u64,
    /// What to do, where it is something else than of most with the code.
    action: Option<&'static str>,
}

/// Tells of rows as they are judged, for eyes or as one JSON object per line.
pub struct Report<'a> {
    file: String,
    advice: fn(RejectCode) -> Advice,
    /// Rows listed at most, in all and of one cause.
    most: [u64; 2],
    listed: u64,
    causes: BTreeMap<Cause, Rows>,
    json: bool,
    /// Whether standard output is a terminal.
    drawn: bool,
    out: &'a mut dyn Write,
    failed: Option<io::Error>,
}

impl<'a> Report<'a> {
    /// A report to `out`.
    pub fn new(args: &FileArgs, json: bool, out: &'a mut dyn Write) -> Self {
        let is_table = args.format().is_ok_and(|format| matches!(format, Format::Csv | Format::Workbook));
        let advice = if is_table { advice::in_csv } else { advice::in_messages };
        let most = if args.all { [u64::MAX; 2] } else { [args.first, OF_A_CAUSE] };
        let (causes, drawn) = (BTreeMap::new(), io::stdout().is_terminal());
        Self { file: args.shown(), advice, most, listed: 0, causes, json, drawn, out, failed: None }
    }

    /// Whether what it says cannot be written.
    pub fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    /// Whether a row was refused so far.
    pub fn has_refused(&self) -> bool {
        !self.causes.is_empty()
    }

    /// Lists a row if it is refused and few like it have been.
    pub fn row(&mut self, line: u64, verdict: &Verdict, progress: &Progress) {
        let Verdict::Refused(fault) = verdict else { return };
        let list = self.count(line, fault) && self.failed.is_none();
        if list {
            let text = if self.json { self.row_as_json(line, fault) } else { self.row_as_text(line, fault) };
            // Where both stand on one terminal, lines shall not be drawn over. Elsewhere nobody is waited for.
            let out = &mut *self.out;
            let written = match self.drawn {
                true => progress.aside(|| writeln!(out, "{text}").and_then(|()| out.flush())),
                false => writeln!(out, "{text}"),
            };
            self.failed = written.err();
        }
    }

    /// Counts a refused row with those of its cause; whether to list it.
    fn count(&mut self, line: u64, fault: &Fault) -> bool {
        let code = fault.reject.code as i32;
        let mut cause = (code, fault.reject.field.to_string(), without_places(&fault.detail));
        if self.causes.len() >= CAUSES && !self.causes.contains_key(&cause) {
            cause = (code, String::new(), String::new());
        }
        let rows = self.causes.entry(cause).or_default();
        let list = self.listed < self.most[0] && rows.listed < self.most[1];
        rows.all += 1;
        rows.last = line;
        rows.action = fault.action;
        rows.listed += u64::from(list);
        self.listed += u64::from(list);
        list
    }

    fn row_as_text(&self, line: u64, fault: &Fault) -> String {
        format!("{}:{line}: {}", self.file, cause_as_text(fault.reject.code, &fault.reject.field, &fault.detail))
    }

    fn row_as_json(&self, line: u64, fault: &Fault) -> String {
        json!({
            "line": line,
            "field": fault.reject.field,
            "code": code_text(fault.reject.code),
            "detail": fault.detail,
            "action": fault.action.unwrap_or((self.advice)(fault.reject.code).action),
        })
        .to_string()
    }

    /// The counts and, for every code met, what to do.
    pub fn close(self, summary: &Summary, skip_reasons: &[String]) -> io::Result<()> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let text = match self.json {
            true => self.summary_as_json(summary, skip_reasons) + "\n",
            false => self.unlisted_as_text() + &self.summary_as_text(summary, skip_reasons),
        };
        self.out.write_all(text.as_bytes())
    }

    /// Causes, most frequent first, with code, field and what is known beyond.
    fn causes(&self) -> Vec<(RejectCode, &Cause, Rows)> {
        let known = self.causes.iter().filter_map(|(cause, rows)| {
            let code = RejectCode::try_from(cause.0).ok()?;
            Some((code, cause, *rows))
        });
        let mut causes: Vec<_> = known.collect();
        causes.sort_by_key(|(_, _, rows)| std::cmp::Reverse(rows.all));
        causes
    }

    /// What to do about a code: one thing for each that helps against one of its causes.
    fn actions(&self, code: RejectCode) -> Vec<&'static str> {
        let mut actions = Vec::new();
        for (_, _, rows) in self.causes().into_iter().filter(|(of, _, _)| *of == code) {
            let action = rows.action.unwrap_or((self.advice)(code).action);
            if !actions.contains(&action) {
                actions.push(action);
            }
        }
        actions
    }

    /// What is not listed, by cause.
    fn unlisted_as_text(&self) -> String {
        let mut text = String::new();
        let unlisted: Vec<_> = self.causes().into_iter().filter(|(_, _, rows)| rows.all > rows.listed).collect();
        for (code, (_, field, detail), rows) in unlisted.iter().take(TOLD_CAUSES) {
            let (cause, more) = (cause_as_text(*code, field, detail), rows.all - rows.listed);
            let rows_text = if more == 1 { "row" } else { "rows" };
            let _ = writeln!(text, "{}: {cause}: {more} more {rows_text}, the last on line {}", self.file, rows.last);
        }
        if unlisted.len() > TOLD_CAUSES {
            let _ = writeln!(text, "… and {} more causes", unlisted.len() - TOLD_CAUSES);
        }
        if !unlisted.is_empty() {
            text.push_str("(--all lists each row)\n");
        }
        text
    }

    fn summary_as_text(&self, summary: &Summary, skip_reasons: &[String]) -> String {
        let skipped: u64 = summary.skipped.values().sum();
        let (rows, valid, refused) = (summary.rows, summary.valid, summary.refused_total());
        let word = if rows == 1 { "row" } else { "rows" };
        let mut text = format!("{}: {rows} {word}: {valid} valid, {refused} refused, {skipped} left out\n", self.file);
        let _ = writeln!(text, "{}: {}", self.file, summary.file.in_words());
        for note in &summary.file.notes {
            let _ = writeln!(text, "{}: note: {note}", self.file);
        }
        for (code, rows) in codes(summary) {
            let _ = writeln!(text, "{rows:>9}  {}: {}", code_text(code), (self.advice)(code).meaning);
            for action in self.actions(code) {
                let _ = writeln!(text, "           → {action}");
            }
        }
        for (rule, rows) in &summary.skipped {
            let why = skip_reasons.get(*rule).map_or("", String::as_str);
            let _ = writeln!(text, "{rows:>9}  left out: {why}");
        }
        for warning in &summary.warnings {
            let _ = writeln!(text, "{:>9}  warning: {} ({})", warning.rows, warning.text, warning.named_lines());
        }
        text
    }

    fn summary_as_json(&self, summary: &Summary, skip_reasons: &[String]) -> String {
        let refused: serde_json::Map<String, Value> =
            codes(summary).map(|(code, rows)| (code_text(code), rows.into())).collect();
        let skipped: Vec<_> = summary
            .skipped
            .iter()
            .map(|(rule, rows)| json!({ "why": skip_reasons.get(*rule), "rows": rows }))
            .collect();
        let mut lines: serde_json::Map<String, Value> =
            summary.file.parts().iter().map(|(what, lines)| (what.replace(' ', "_"), (*lines).into())).collect();
        lines.insert("all".to_owned(), summary.file.lines.into());
        let cause = |(code, (_, field, detail), rows): (RejectCode, &Cause, Rows)| json!({ "code": code_text(code), "field": field, "detail": detail, "rows": rows.all, "last": rows.last });
        let causes: Vec<_> = self.causes().into_iter().map(cause).collect();
        json!({
            "rows": summary.rows,
            "valid": summary.valid,
            "refused": refused,
            "causes": causes,
            "left_out": skipped,
            "warnings": summary.warnings.iter().map(warning_as_json).collect::<Vec<_>>(),
            "lines": lines,
            "notes": summary.file.notes,
        })
        .to_string()
    }
}

fn warning_as_json(warning: &Warning) -> Value {
    json!({ "what": warning.text, "rows": warning.rows, "lines": warning.lines })
}

/// What is known beyond, but for the places in the file: rows that have the same wrong have it elsewhere.
fn without_places(detail: &str) -> String {
    let mut after_place = false;
    let words = detail.split(' ').map(|word| {
        let is_number = word.starts_with(|first: char| first.is_ascii_digit());
        let shown = if after_place && is_number { "…" } else { word };
        after_place = ["line", "column"].contains(&word);
        shown
    });
    words.collect::<Vec<_>>().join(" ")
}

fn cause_as_text(code: RejectCode, field: &str, detail: &str) -> String {
    let field = match field.strip_suffix('?') {
        _ if field.is_empty() => "(row)".to_owned(),
        Some(within) => format!("{within}(unknown name)"),
        None => field.to_owned(),
    };
    let detail = if detail.is_empty() { String::new() } else { format!(" ({detail})") };
    format!("{field}: {}{detail}", code_text(code))
}

fn codes(summary: &Summary) -> impl Iterator<Item = (RejectCode, u64)> {
    summary.refused.iter().filter_map(|(code, rows)| Some((RejectCode::try_from(*code).ok()?, *rows)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_with_the_same_wrong_at_other_places_are_of_one_cause() {
        for (detail, cause) in [
            ("no JSON from column 13 on", "no JSON from column … on"),
            ("at column 15", "at column …"),
            (
                "3 cells where the header has 4; the row goes on to line 17: is a quote not closed?",
                "3 cells where the header has 4; the row goes on to line … is a quote not closed?",
            ),
            (
                "column `7`: the cell is not among the map's `values`",
                "column `7`: the cell is not among the map's `values`",
            ),
            ("", ""),
        ] {
            assert_eq!(without_places(detail), cause);
        }
    }
}
