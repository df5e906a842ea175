//! What `check` and `publish` have in common: the file's options, how it is opened, and how its rows are reported.

use crate::config::ProcessingConfig;
use crate::intake::advice::{self, Advice};
use crate::intake::check::{Summary, Verdict};
use crate::intake::delimited::Messages;
use crate::intake::lines::{self, Lines};
use crate::intake::map::Map;
use crate::intake::source::{self, Source};
use crate::intake::table::OpenError;
use crate::intake::within::Warning;
use crate::intake::{Fault, Format, Kind, Reader};
use crate::model::outcome::{RejectCode, code_text};
use anyhow::{Context as _, anyhow, bail};
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The file and what it is.
#[derive(Clone, Debug, clap::Args)]
pub struct FileArgs {
    /// The file, gzip or not; `-` is standard input
    pub file: PathBuf,
    /// What it holds; a map says so too
    #[arg(long, value_enum)]
    pub kind: Option<Kind>,
    /// How it is written; known from .csv, .tsv, .xlsx, .xls, .ndjson, .jsonl, .pb and .binpb, with or without .gz.
    /// Tables are known by their bytes: a workbook that is called .csv is read as one
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Which column of a CSV file or workbook is which field (TOML)
    #[arg(long, value_name = "FILE")]
    pub map: Option<PathBuf>,
    /// List at most this many refused rows; the counts are always of all
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub first: u64,
}

/// A file ready to be read.
pub struct Opened {
    /// What the rows are.
    pub kind: Kind,
    /// The rows.
    pub reader: Reader,
    /// Why the map leaves rows out, by number of the rule.
    pub skip_reasons: Vec<String>,
    /// Whether the time of arrival is known: from a map, or of messages from when they were reported.
    pub tells_arrival: bool,
}

impl FileArgs {
    /// Opens the file and reads its map; rows longer than `limit` bytes are refused.
    pub fn open(&self, limit: usize) -> anyhow::Result<Opened> {
        let format = self.format()?;
        let map = self.map()?;
        match (format, &map) {
            (Format::Csv, None) => bail!("CSV needs a map: --map FILE says which column is which field"),
            (Format::Workbook, None) => bail!("a workbook needs a map: --map FILE says which column is which field"),
            (Format::Ndjson | Format::Protobuf, Some(_)) => {
                bail!("--map is for CSV and workbooks; other formats are messages already")
            }
            _ => {}
        }
        let kind = self.kind(map.as_ref())?;
        let source = source::open(&self.file).with_context(|| format!("cannot read {}", self.file.display()))?;
        let skip_reasons = map.iter().flat_map(Map::skip_reasons).map(str::to_owned).collect();
        let tells_arrival = map.as_ref().is_none_or(Map::has_history);
        let reader = match (map, format) {
            (Some(map), _) => self.table(source, map)?,
            (None, Format::Ndjson) => match lines::objection(&source) {
                Some(objection) => bail!("{}: {objection}", shown(&self.file)),
                None => Reader::Ndjson(Lines::new(source.without(0), limit)),
            },
            (None, _) => Reader::Protobuf(Messages::new(source.without(0), limit)),
        };
        Ok(Opened { kind, reader, skip_reasons, tells_arrival })
    }

    /// The map's errors name the map; all others are of the file.
    fn table(&self, source: Source, map: Map) -> anyhow::Result<Reader> {
        Reader::table(source, map).map_err(|error| match error {
            OpenError::Map(_) => error.into(),
            OpenError::Io(_) | OpenError::File(_) => anyhow!("{}: {error}", shown(&self.file)),
        })
    }

    fn format(&self) -> anyhow::Result<Format> {
        let name = self.file.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let ending = name.trim_end_matches(".gz").rsplit('.').next().unwrap_or_default().to_owned();
        let known = match ending.as_str() {
            "csv" | "tsv" => Some(Format::Csv),
            "xlsx" | "xlsm" | "xls" => Some(Format::Workbook),
            "ndjson" | "jsonl" => Some(Format::Ndjson),
            "pb" | "binpb" => Some(Format::Protobuf),
            _ => None,
        };
        self.format.or(known).ok_or_else(|| anyhow!("--format is needed: the name of the file does not tell it"))
    }

    fn map(&self) -> anyhow::Result<Option<Map>> {
        let Some(path) = &self.map else { return Ok(None) };
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let lines = |errors: Vec<_>| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        let map = Map::parse(&path.display().to_string(), &text).map_err(|errors| anyhow!("{}", lines(errors)))?;
        let lacks = map.lacks();
        if !lacks.is_empty() {
            bail!(
                "{}: [fields] must also fill {}: of a column, e.g. {} = {{ column = \"…\" }}, or the same in every row \
                 by {{ constant = \"…\" }}",
                path.display(),
                lacks.join(", "),
                lacks[0]
            );
        }
        Ok(Some(map))
    }

    fn kind(&self, map: Option<&Map>) -> anyhow::Result<Kind> {
        match (self.kind, map.map(|map| map.kind)) {
            (Some(kind), Some(mapped)) if kind != mapped => bail!("--kind is not the kind of the map"),
            (kind, mapped) => kind.or(mapped).ok_or_else(|| anyhow!("--kind is needed: results or contacts")),
        }
    }
}

/// Largest record where no settings say otherwise.
pub fn default_limit() -> usize {
    ProcessingConfig::default().max_record_bytes.get()
}

/// Tells of rows as they are judged, for eyes or as one JSON object per line.
pub struct Report<'a> {
    file: String,
    advice: fn(RejectCode) -> Advice,
    first: u64,
    listed: u64,
    json: bool,
    out: &'a mut dyn Write,
    failed: Option<io::Error>,
}

impl<'a> Report<'a> {
    /// A report to `out`.
    pub fn new(args: &FileArgs, json: bool, out: &'a mut dyn Write) -> Self {
        let is_table = args.format().is_ok_and(|format| matches!(format, Format::Csv | Format::Workbook));
        let advice = if is_table { advice::in_csv } else { advice::of };
        Self { file: shown(&args.file), advice, first: args.first, listed: 0, json, out, failed: None }
    }

    /// Lists a row if it is refused and few have been.
    pub fn row(&mut self, line: u64, verdict: &Verdict) {
        let Verdict::Refused(fault) = verdict else { return };
        self.listed += 1;
        if self.listed > self.first || self.failed.is_some() {
            return;
        }
        let text = if self.json { self.row_as_json(line, fault) } else { self.row_as_text(line, fault) };
        self.failed = writeln!(self.out, "{text}").err();
    }

    fn row_as_text(&self, line: u64, fault: &Fault) -> String {
        let field = if fault.reject.field.is_empty() { "(row)" } else { &fault.reject.field };
        let mut text = format!("{}:{line}: {field}: {}", self.file, code_text(fault.reject.code));
        if !fault.detail.is_empty() {
            let _ = write!(text, " ({})", fault.detail);
        }
        text
    }

    fn row_as_json(&self, line: u64, fault: &Fault) -> String {
        serde_json::json!({
            "line": line,
            "field": fault.reject.field,
            "code": code_text(fault.reject.code),
            "detail": fault.detail,
            "action": (self.advice)(fault.reject.code).action,
        })
        .to_string()
    }

    fn summary_as_text(&self, summary: &Summary, skip_reasons: &[String]) -> String {
        let skipped: u64 = summary.skipped.values().sum();
        let (rows, valid, refused) = (summary.rows, summary.valid, summary.refused_total());
        let mut text = format!("{}: {rows} rows: {valid} valid, {refused} refused, {skipped} left out\n", self.file);
        let _ = writeln!(text, "{}: {}", self.file, summary.file.in_words());
        for note in &summary.file.notes {
            let _ = writeln!(text, "{}: note: {note}", self.file);
        }
        for (code, rows) in codes(summary) {
            let advice = (self.advice)(code);
            let _ =
                writeln!(text, "{rows:>9}  {}: {}\n           → {}", code_text(code), advice.meaning, advice.action);
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

    /// The counts and, for every code met, what to do.
    pub fn close(self, summary: &Summary, skip_reasons: &[String]) -> io::Result<()> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if self.json {
            return writeln!(self.out, "{}", summary_as_json(summary, skip_reasons));
        }
        if self.listed > self.first {
            writeln!(self.out, "… and {} more; --first N lists more of them", self.listed - self.first)?;
        }
        let text = self.summary_as_text(summary, skip_reasons);
        write!(self.out, "{text}")
    }
}

fn shown(file: &Path) -> String {
    if file == Path::new("-") { "(standard input)".to_owned() } else { file.display().to_string() }
}

fn codes(summary: &Summary) -> impl Iterator<Item = (RejectCode, u64)> {
    summary.refused.iter().filter_map(|(code, rows)| Some((RejectCode::try_from(*code).ok()?, *rows)))
}

fn warning_as_json(warning: &Warning) -> serde_json::Value {
    serde_json::json!({ "what": warning.text, "rows": warning.rows, "lines": warning.lines })
}

fn summary_as_json(summary: &Summary, skip_reasons: &[String]) -> String {
    let refused: serde_json::Map<String, serde_json::Value> =
        codes(summary).map(|(code, rows)| (code_text(code), rows.into())).collect();
    let skipped: Vec<_> = summary
        .skipped
        .iter()
        .map(|(rule, rows)| serde_json::json!({ "why": skip_reasons.get(*rule), "rows": rows }))
        .collect();
    let mut lines: serde_json::Map<String, serde_json::Value> =
        summary.file.parts().iter().map(|(what, lines)| (what.replace(' ', "_"), (*lines).into())).collect();
    lines.insert("all".to_owned(), summary.file.lines.into());
    serde_json::json!({
        "rows": summary.rows,
        "valid": summary.valid,
        "refused": refused,
        "left_out": skipped,
        "warnings": summary.warnings.iter().map(warning_as_json).collect::<Vec<_>>(),
        "lines": lines,
        "notes": summary.file.notes,
    })
    .to_string()
}
