//! What `check` and `publish` have in common: the file's options, and how it is opened.

use super::way::Way;
use crate::config::ProcessingConfig;
use crate::intake::formats::ndjson::{self, Lines};
use crate::intake::formats::protobuf::{self, Messages};
use crate::intake::map::Map;
use crate::intake::source::Source;
use crate::intake::table::OpenError;
use crate::intake::{Format, Kind, Reader};
use crate::terminal::signals;
use anyhow::{Context as _, anyhow, bail};
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
    /// List at most this many refused rows, and three of each cause; the counts are always of all
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub first: u64,
    /// List every refused row
    #[arg(long, conflicts_with = "first")]
    pub all: bool,
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
    /// How far it is read.
    pub way: Way,
}

impl FileArgs {
    /// Opens the file and reads its map; rows longer than `limit` bytes are refused.
    pub fn open(&self, limit: usize) -> anyhow::Result<Opened> {
        self.begin(limit).map_err(|error| match signals::asked() {
            true => anyhow!("interrupted after 0 rows of {}", self.shown()),
            false => error,
        })
    }

    fn begin(&self, limit: usize) -> anyhow::Result<Opened> {
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
        let unreadable = || format!("cannot read {}", self.shown());
        let (way, source) = Way::open(&self.file).with_context(unreadable)?;
        let skip_reasons = map.iter().flat_map(Map::skip_reasons).map(str::to_owned).collect();
        let tells_arrival = map.as_ref().is_none_or(Map::has_history);
        let reader = match (map, format) {
            (Some(map), _) => self.table(source, map)?,
            (None, Format::Ndjson) => match ndjson::objection(&source) {
                Some(objection) => bail!("{}: {objection}", self.shown()),
                None => Reader::Ndjson(Lines::new(source.without(0), limit)),
            },
            (None, _) => match protobuf::objection(&source) {
                Some(objection) => bail!("{}: {objection}", self.shown()),
                None => Reader::Protobuf(Messages::new(source.without(0), limit)),
            },
        };
        Ok(Opened { kind, reader, skip_reasons, tells_arrival, way })
    }

    /// The file as it is named to people.
    pub fn shown(&self) -> String {
        match self.file == Path::new("-") {
            true => "(standard input)".to_owned(),
            false => self.file.display().to_string(),
        }
    }

    /// The map's errors name the map; all others are of the file.
    fn table(&self, source: Source, map: Map) -> anyhow::Result<Reader> {
        Reader::table(source, map).map_err(|error| match error {
            OpenError::Map(_) => error.into(),
            OpenError::Io(_) | OpenError::File(_) => anyhow!("{}: {error}", self.shown()),
        })
    }

    /// How it is written.
    pub fn format(&self) -> anyhow::Result<Format> {
        let name = self.file.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let ending = name.trim_end_matches(".gz").rsplit('.').next().unwrap_or_default().to_owned();
        let known = match ending.as_str() {
            "csv" | "tsv" => Some(Format::Csv),
            "xlsx" | "xlsm" | "xls" => Some(Format::Workbook),
            "ndjson" | "jsonl" => Some(Format::Ndjson),
            "pb" | "binpb" => Some(Format::Protobuf),
            _ => None,
        };
        self.format.or(known).ok_or_else(|| {
            anyhow!("--format is needed, the name of the file does not tell it: csv, workbook, ndjson or protobuf")
        })
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
            (Some(kind), Some(mapped)) if kind != mapped => {
                let (says, is) = (kind.name(), mapped.name());
                let map = self.map.as_deref().unwrap_or(Path::new("the map")).display();
                bail!("--kind says {says}, and {map} reads {is} (`kind`): leave --kind out, or give the map of {says}")
            }
            (kind, mapped) => kind.or(mapped).ok_or_else(|| anyhow!("--kind is needed: results, contacts or groups")),
        }
    }
}

/// Largest record where no settings say otherwise.
pub fn default_limit() -> usize {
    ProcessingConfig::default().max_record_bytes.get()
}
