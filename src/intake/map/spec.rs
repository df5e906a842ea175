//! A map file as written: what may stand in it, and where an error in it lies.

use crate::intake::kind::Kind;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use toml::Spanned;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Spec {
    /// What the rows are.
    pub kind: Kind,
    /// IANA zone of times without an offset.
    pub zone: Option<Spanned<String>>,
    /// Between cells; a comma when absent.
    pub delimiter: Option<Spanned<char>>,
    /// How the file's text is written; UTF-8 when absent.
    pub encoding: Option<Spanned<String>>,
    /// Lines before the header.
    #[serde(default)]
    pub skip_lines: u32,
    /// Which sheet of a workbook; the first that is shown when absent.
    pub sheet: Option<String>,
    /// Cells of any column that mean that there is nothing.
    #[serde(default)]
    pub none: Vec<Spanned<String>>,
    /// Field of the contract → where its value comes from.
    pub fields: BTreeMap<String, Spanned<Source>>,
    /// Gene → where its cycles come from.
    #[serde(default)]
    pub ct_values: BTreeMap<String, Spanned<Source>>,
    /// Rows left out.
    #[serde(default)]
    pub skip: Vec<Spanned<Skip>>,
    /// When rows arrived in the past.
    pub history: Option<History>,
}

/// Where one value comes from: exactly one of column, template and constant.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    /// Header of a column.
    pub column: Option<String>,
    /// Text with `{column}` in it.
    pub template: Option<String>,
    /// The same in every row.
    pub constant: Option<Constant>,
    /// Cell → value.
    #[serde(default)]
    pub values: BTreeMap<String, String>,
    /// What becomes of a cell that `values` does not list.
    pub unlisted: Option<Unlisted>,
    /// Stands for an empty cell.
    pub empty: Option<String>,
    /// Cells that mean that there is nothing, beside the empty one; instead of the file's.
    pub none: Option<Vec<String>>,
    /// The sign before the fraction of a number, or both; a dot when absent.
    pub decimal: Option<OneOrMore<Decimal>>,
    /// What becomes of a number beyond a limit, such as `>40`.
    pub beyond: Option<Beyond>,
    /// How a time is written: directives of strftime, or a form by its name; several where cells differ.
    pub format: Option<OneOrMore<String>>,
    /// Zone of this time, when it is another than the file's.
    pub zone: Option<String>,
    /// Time of day of a cell that holds a day only; midnight when absent.
    pub time_of_day: Option<String>,
    /// Which instant is meant where a clock shows the same time twice, or skips it.
    pub ambiguous: Option<Ambiguous>,
}

/// A value in the file; numbers need no quotes.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Constant {
    Text(String),
    Number(i64),
}

impl fmt::Display for Constant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Constant::Text(text) => f.write_str(text),
            Constant::Number(number) => write!(f, "{number}"),
        }
    }
}

/// One thing, or a list of them.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMore<T> {
    One(T),
    More(Vec<T>),
}

impl<T> OneOrMore<T> {
    /// All of them, in order.
    pub fn all(&self) -> &[T] {
        match self {
            OneOrMore::One(one) => std::slice::from_ref(one),
            OneOrMore::More(more) => more,
        }
    }
}

/// The sign before the fraction of a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) enum Decimal {
    #[default]
    #[serde(rename = ".")]
    Dot,
    #[serde(rename = ",")]
    Comma,
}

/// What becomes of a number beyond a limit, such as `>40`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Beyond {
    /// The row is refused: the limit is not what was measured.
    #[default]
    Refuse,
    /// There is no number.
    None,
    /// The limit is the number.
    Limit,
}

/// What becomes of a cell that `values` does not list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Unlisted {
    /// The row is refused.
    #[default]
    Refuse,
    /// The cell is the value.
    Keep,
}

/// Which instant a civil time names where a change of the clock makes that unclear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Ambiguous {
    /// None: the row is refused.
    #[default]
    Refuse,
    /// The first.
    Earlier,
    /// The second.
    Later,
}

/// Rows to be left out, by one column.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Skip {
    /// Header of the column.
    pub column: String,
    /// Cells that leave a row out; the empty text is an empty cell.
    pub values: Option<Vec<String>>,
    /// Cells that keep a row in; all others leave it out.
    pub except: Option<Vec<String>>,
    /// Why, shown with the count.
    pub why: String,
}

/// When rows arrived in the past.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct History {
    /// Where the time of arrival comes from.
    pub arrived_at: Spanned<Source>,
    /// First day or time on which rows arrived.
    pub from: Option<Spanned<String>>,
    /// The last.
    pub until: Option<Spanned<String>>,
    /// What becomes of a row that arrived before it was collected.
    #[serde(default)]
    pub before_collected: BeforeCollected,
}

/// What becomes of a row that arrived before it was collected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum BeforeCollected {
    /// It keeps its times, and is refused as collected in the future.
    #[default]
    Refuse,
    /// It counts as arrived when it was collected.
    AtCollection,
}

/// One thing wrong with a map file, or between it and the header of a CSV file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapError {
    /// The map file.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Key, e.g. `fields.area`.
    pub key: String,
    /// What is wrong and what to do about it.
    pub problem: String,
}

impl fmt::Display for MapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.file, self.line, self.key, self.problem)
    }
}

impl std::error::Error for MapError {}

/// What can stand on the left in a map file, apart from names of fields and genes.
const KEYS: [&str; 11] =
    ["kind", "zone", "delimiter", "encoding", "skip_lines", "sheet", "none", "fields", "ct_values", "skip", "history"];

/// Parses the text; the error names the line and the key that stands there. What is no TOML at all may be a file of
/// people, and nothing of it is shown.
pub(super) fn parse(file: &str, text: &str) -> Result<Spec, MapError> {
    if let Err(error) = text.parse::<toml::Table>() {
        let span = error.span().unwrap_or(0..0);
        let (line, key) = (line_of(text, &span), key_at(text, &span));
        let key = if KEYS.contains(&key.as_str()) { key } else { "this line".to_owned() };
        let problem = format!("is no TOML, as a map file is: {}; is it the map?", error.message());
        return Err(MapError { file: file.to_owned(), line, key, problem });
    }
    toml::from_str(text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        let key = key_at(text, &span);
        MapError { file: file.to_owned(), line: line_of(text, &span), key, problem: error.message().to_owned() }
    })
}

/// Line of a place in the text, from 1.
pub(super) fn line_of(text: &str, span: &Range<usize>) -> usize {
    1 + text.bytes().take(span.start).filter(|byte| *byte == b'\n').count()
}

/// What stands before the `=` on the line of a place, else the line's table.
fn key_at(text: &str, span: &Range<usize>) -> String {
    let line = text.lines().nth(line_of(text, span) - 1).unwrap_or_default();
    let key = line.split('=').next().unwrap_or_default().trim().trim_matches(['[', ']', '"']);
    if key.is_empty() { "(file)".to_owned() } else { key.to_owned() }
}
