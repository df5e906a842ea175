//! Registries as tables, as an authority exports them from its own lists: comma-separated, UTF-8, a header row,
//! lines that begin with `#` are notes.

use super::document::{SourceError, SourceFile};
use super::origin::Origin;
use crate::proto::v1::{self, rule::Rule as Kind};
use std::collections::BTreeMap;

type Parsed = Result<Vec<(Kind, Origin)>, Vec<SourceError>>;

const AREA_COLUMNS: [&str; 6] = ["code", "name", "level", "effective_from", "parent", "population"];
const AREA_EXTRAS: [&str; 5] = ["name_zh", "column", "row", "abolished", "merged_into"];

/// What a row says of an area that went into no other.
const NOTHING: &str = "nothing";
const LAB_COLUMNS: [&str; 2] = ["id", "name"];

/// Areas: one row per dated fact; the rows of one area are in order of their days. Names, level and tile are those of
/// its first row, and may be left out in the others.
pub(super) fn areas(file: &SourceFile) -> Parsed {
    let table = Table::read(file, &AREA_COLUMNS, &AREA_EXTRAS)?;
    let mut areas: BTreeMap<String, (v1::Area, Vec<usize>)> = BTreeMap::new();
    let mut errors = Vec::new();
    for row in &table.rows {
        let (area, lines) = areas.entry(row.get("code").to_owned()).or_default();
        match row.tile() {
            Ok(tile) if lines.is_empty() => area.tile = tile,
            Ok(tile) if tile.is_some() && tile != area.tile => errors.push(row.differs("column", lines[0])),
            Ok(_) => {}
            Err(error) => errors.push(error),
        }
        let fields = [("name", &mut area.name), ("name_zh", &mut area.name_zh), ("level", &mut area.level)];
        for (column, field) in fields {
            match row.get(column) {
                value if lines.is_empty() => *field = value.to_owned(),
                value if !value.is_empty() && value != field => errors.push(row.differs(column, lines[0])),
                _ => {}
            }
        }
        area.code = row.get("code").to_owned();
        match row.fact() {
            Ok(fact) => area.periods.push(fact),
            Err(error) => errors.push(error),
        }
        lines.push(row.line);
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let origin = |lines| Origin::Rows(file.name.clone(), lines);
    Ok(areas.into_values().map(|(area, lines)| (Kind::Area(area), origin(lines))).collect())
}

/// Labs: one row each.
pub(super) fn labs(file: &SourceFile) -> Parsed {
    let table = Table::read(file, &LAB_COLUMNS, &[])?;
    let lab = |row: &Row<'_>| {
        let lab = v1::Lab { id: row.get("id").to_owned(), name: row.get("name").to_owned() };
        (Kind::Lab(lab), Origin::Rows(file.name.clone(), vec![row.line]))
    };
    Ok(table.rows.iter().map(lab).collect())
}

struct Table<'a> {
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    file: &'a str,
    line: usize,
    values: BTreeMap<String, String>,
}

impl<'a> Table<'a> {
    fn read(file: &'a SourceFile, columns: &[&str], extras: &[&str]) -> Result<Self, Vec<SourceError>> {
        let mut builder = csv::ReaderBuilder::new();
        let mut reader = builder.comment(Some(b'#')).trim(csv::Trim::All).from_reader(file.text.as_bytes());
        let names = reader.headers().map_err(|error| vec![broken(file, &error)])?.clone();
        let line = line_of(&file.text, names.position());
        let mut errors = header_errors(&file.name, line, &names, columns, extras);
        if !errors.is_empty() {
            return Err(errors);
        }
        let mut rows = Vec::new();
        for record in reader.records() {
            match record {
                Ok(record) => {
                    let line = line_of(&file.text, record.position());
                    let values = names.iter().zip(&record).map(|(name, value)| (name.to_owned(), value.to_owned()));
                    rows.push(Row { file: &file.name, line, values: values.collect() });
                }
                Err(error) => errors.push(broken(file, &error)),
            }
        }
        if errors.is_empty() { Ok(Self { rows }) } else { Err(errors) }
    }
}

impl Row<'_> {
    fn get(&self, column: &str) -> &str {
        self.values.get(column).map_or("", String::as_str)
    }

    fn fact(&self) -> Result<v1::AreaPeriod, SourceError> {
        let abolished = match self.get("abolished") {
            "" => false,
            "yes" => true,
            _ => return Err(self.wrong("abolished", "it is neither `yes` nor empty", "use one of them")),
        };
        // Records of before have no such field: only whoever writes rules now can be asked.
        let into = self.get("merged_into");
        if abolished && into.is_empty() {
            let hint = "add the column, with the code of the area it went into, or `nothing`: what was counted in it \
                        counts there from that day on";
            return Err(self.wrong("merged_into", "it is not said what the abolished area went into", hint));
        }
        Ok(v1::AreaPeriod {
            effective_from: self.get("effective_from").to_owned(),
            parent: self.get("parent").to_owned(),
            population: self.number("population")?.unwrap_or(0),
            abolished,
            merged_into: if into == NOTHING { String::new() } else { into.to_owned() },
            into_nothing: into == NOTHING,
        })
    }

    fn tile(&self) -> Result<Option<v1::Tile>, SourceError> {
        let cell = |column| -> Result<Option<u32>, SourceError> {
            let wide = |_| self.wrong(column, "it is too large", "use a number below 1000");
            self.number(column)?.map(|number| u32::try_from(number).map_err(wide)).transpose()
        };
        match (cell("column")?, cell("row")?) {
            (Some(column), Some(row)) => Ok(Some(v1::Tile { column, row })),
            (None, None) => Ok(None),
            _ => Err(self.wrong("column", "a tile has a column and a row", "give both or neither")),
        }
    }

    fn number(&self, column: &str) -> Result<Option<u64>, SourceError> {
        match self.get(column) {
            "" => Ok(None),
            text => {
                let wrong = |_| self.wrong(column, "it is no whole number", "write digits only, or leave it empty");
                text.parse().map(Some).map_err(wrong)
            }
        }
    }

    fn differs(&self, column: &str, first: usize) -> SourceError {
        let problem = format!("it differs from line {first}, which is about the same area");
        self.wrong(column, &problem, "leave it empty here, or give the area another code")
    }

    fn wrong(&self, column: &str, problem: &str, hint: &str) -> SourceError {
        located(self.file, self.line, column, problem.to_owned(), hint.to_owned())
    }
}

fn header_errors(
    file: &str,
    line: usize,
    names: &csv::StringRecord,
    columns: &[&str],
    extras: &[&str],
) -> Vec<SourceError> {
    let known: Vec<&str> = columns.iter().chain(extras).copied().collect();
    let mut errors = Vec::new();
    for (at, name) in names.iter().enumerate() {
        if !known.contains(&name) {
            let hint = format!("use only: {}", known.join(", "));
            errors.push(located(file, line, name, "nobody reads a column of this name".to_owned(), hint));
        } else if names.iter().take(at).any(|other| other == name) {
            let problem = "the column is there twice".to_owned();
            errors.push(located(file, line, name, problem, "keep one of them".to_owned()));
        }
    }
    for missing in columns.iter().filter(|column| !names.iter().any(|name| name == **column)) {
        let problem = "the column is missing".to_owned();
        errors.push(located(file, line, missing, problem, "add it to the first row".to_owned()));
    }
    errors
}

fn broken(file: &SourceFile, error: &csv::Error) -> SourceError {
    let line = line_of(&file.text, error.position());
    let problem = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("the row has {len} values, the header {expected_len}")
        }
        _ => "the row cannot be read".to_owned(),
    };
    located(
        &file.name,
        line,
        "",
        problem,
        "quote values that hold commas, and give every row as many values".to_owned(),
    )
}

/// The line of a row. The reader's positions lie before the notes and empty lines that it skips.
fn line_of(text: &str, position: Option<&csv::Position>) -> usize {
    let byte = position.map_or(0, |position| position.byte() as usize);
    // The reader counts lines as it goes: counting them here would go through the whole file for each row.
    let before = position.map_or(0, |position| position.line() as usize).saturating_sub(1);
    let skipped = |line: &&str| line.starts_with('#') || line.trim().is_empty();
    before + text.get(byte..).unwrap_or_default().lines().take_while(skipped).count() + 1
}

fn located(file: &str, line: usize, key: &str, problem: String, hint: String) -> SourceError {
    SourceError { file: file.to_owned(), line: Some(line), key: key.to_owned(), problem, hint }
}
