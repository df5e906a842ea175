//! From a map file as written to one that can be used: every name checked against the contract, every constant and
//! translation tried out.

use super::cell::{Column, Form, Numbers, Target, short_names};
use super::checked::{Field, History, Layout, Map, Piece, Skip, Source};
use super::spec::{self, BeforeCollected, Decimal, MapError};
use super::time::{Times, named_zone};
use crate::intake::arrivals::Bounds;
use crate::intake::encoding::TextEncoding;
use crate::intake::kind::Kind;
use crate::model::outcome::RejectCode;
use crate::model::time::Timestamp;
use crate::model::written;
use crate::pipeline::decode::json;
use jiff::ToSpan as _;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use prost_reflect::{FieldDescriptor, Kind as FieldKind};
use toml::Spanned;

/// All that is wrong is reported at once.
pub(super) fn map(file: &str, text: &str) -> Result<Map, Vec<MapError>> {
    let spec = spec::parse(file, text).map_err(|error| vec![error])?;
    let mut compiler = Compiler { file, text, kind: spec.kind, zone: None, none: Vec::new(), errors: Vec::new() };
    compiler.take_zone(spec.zone.as_ref());
    compiler.take_none(&spec.none);
    let layout = Layout {
        delimiter: spec.delimiter.as_ref().and_then(|delimiter| compiler.delimiter(delimiter)),
        encoding: spec.encoding.as_ref().and_then(|encoding| compiler.encoding(encoding)),
        skip_lines: spec.skip_lines.into(),
        sheet: spec.sheet.clone(),
    };
    let fields = spec.fields.iter().filter_map(|(path, source)| compiler.field(path, source)).collect();
    let ct_values = spec.ct_values.iter().filter_map(|(gene, source)| compiler.gene(gene, source)).collect();
    let skips = spec.skip.iter().filter_map(|skip| compiler.skip(skip)).collect();
    let history = spec.history.as_ref().and_then(|history| compiler.history(history));
    if !compiler.errors.is_empty() {
        return Err(compiler.errors);
    }
    let mut map = Map { kind: spec.kind, layout, file: file.to_owned(), fields, ct_values, skips, history };
    map.note_times();
    Ok(map)
}

struct Compiler<'a> {
    file: &'a str,
    text: &'a str,
    kind: Kind,
    zone: Option<String>,
    none: Vec<String>,
    errors: Vec<MapError>,
}

impl Compiler<'_> {
    fn line<T>(&self, place: &Spanned<T>) -> usize {
        spec::line_of(self.text, &place.span())
    }

    fn wrong(&mut self, line: usize, key: &str, problem: impl Into<String>) {
        self.errors.push(MapError { file: self.file.to_owned(), line, key: key.to_owned(), problem: problem.into() });
    }

    fn take_zone(&mut self, zone: Option<&Spanned<String>>) {
        let Some(zone) = zone else { return };
        match named_zone(zone.get_ref()) {
            Ok(_) => self.zone = Some(zone.get_ref().clone()),
            Err(problem) => self.wrong(self.line(zone), "zone", problem),
        }
    }

    fn take_none(&mut self, none: &[Spanned<String>]) {
        for cell in none {
            if let Some(problem) = never_met(cell.get_ref()) {
                self.wrong(self.line(cell), "none", problem);
            }
            self.none.push(cell.get_ref().clone());
        }
    }

    fn delimiter(&mut self, delimiter: &Spanned<char>) -> Option<u8> {
        let byte = u8::try_from(*delimiter.get_ref()).ok();
        let byte = byte.filter(|byte| byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n' | 0));
        if byte.is_none() {
            self.wrong(self.line(delimiter), "delimiter", "must be one ASCII character, e.g. \";\" or \"\\t\"");
        }
        byte
    }

    fn encoding(&mut self, encoding: &Spanned<String>) -> Option<TextEncoding> {
        let known = TextEncoding::named(encoding.get_ref());
        if known.is_none() {
            let problem = "is not the name of a known encoding; write e.g. \"gb18030\", \"big5\", \"shift_jis\", \
                           \"utf-16\" or \"windows-1252\" (latin-1), or leave it out for UTF-8";
            self.wrong(self.line(encoding), "encoding", problem);
        }
        known
    }

    fn field(&mut self, path: &str, source: &Spanned<spec::Source>) -> Option<Field> {
        let (line, key) = (self.line(source), format!("fields.{path}"));
        let Some(descriptors) = descriptors(self.kind, path) else {
            let known = fields_of(self.kind).join(", ");
            self.wrong(line, &key, format!("the contract has no such field to be mapped; it has: {known}"));
            return None;
        };
        let last = descriptors.last()?.clone();
        let form = match last.kind() {
            FieldKind::String if is_day(&last) => Form::Day(self.days(line, &key, source.get_ref())?),
            FieldKind::String => Form::Text,
            FieldKind::Uint32 if source.get_ref().format.is_some() => self.release(line, &key, source.get_ref())?,
            FieldKind::Uint32 => Form::Count,
            FieldKind::Enum(names) => Form::Choice(names),
            FieldKind::Message(_) => Form::Time(self.times(line, &key, source.get_ref())?),
            _ => numbers(source.get_ref()),
        };
        self.compiled(line, key, path, descriptors, form, source.get_ref())
    }

    fn gene(&mut self, gene: &str, source: &Spanned<spec::Source>) -> Option<Field> {
        let (line, key) = (self.line(source), format!("ct_values.{gene}"));
        if self.kind != Kind::Results {
            self.wrong(line, &key, "only results have Ct values");
            return None;
        }
        self.compiled(line, key, gene, Vec::new(), numbers(source.get_ref()), source.get_ref())
    }

    fn history(&mut self, history: &spec::History) -> Option<History> {
        let (line, key) = (self.line(&history.arrived_at), "history.arrived_at".to_owned());
        let source = history.arrived_at.get_ref();
        let form = Form::Time(self.times(line, &key, source)?);
        let arrived_at = self.compiled(line, key, "", Vec::new(), form, source)?;
        let raise_to_collection = history.before_collected == BeforeCollected::AtCollection;
        let bounds = Bounds {
            from: history.from.as_ref().and_then(|from| self.bound(from, "history.from", 0)),
            until: history.until.as_ref().and_then(|until| self.bound(until, "history.until", 1)),
        };
        if let (Some(from), Some(until)) = (bounds.from, bounds.until)
            && until < from
        {
            self.wrong(line, "history.until", "lies before `from`");
        }
        Some(History { arrived_at, raise_to_collection, bounds })
    }

    /// The start of a day, or of the day so many later but for a millisecond: a day's bound is the whole day.
    fn bound(&mut self, text: &Spanned<String>, key: &str, later: i32) -> Option<Timestamp> {
        let zone = self.zone.as_deref().map_or(Ok(TimeZone::UTC), named_zone).ok();
        let read = |text: &str| {
            let written = written::parse(text)?;
            if written.time.is_some() {
                return written::instant(text).ok();
            }
            let day = written.date.checked_add(later.days()).ok()?;
            let start = zone?.to_ambiguous_timestamp(day.to_datetime(Time::midnight())).compatible().ok()?;
            start.checked_sub(later.milliseconds()).ok()
        };
        let at = read(text.get_ref());
        if at.is_none() {
            self.wrong(self.line(text), key, "is no day such as \"2022-12-31\", nor a time with an offset");
        }
        at.map(|at| Timestamp(at.as_millisecond()))
    }

    fn times(&mut self, line: usize, key: &str, source: &spec::Source) -> Option<Times> {
        Times::new(source, self.zone.as_deref()).map_err(|problem| self.wrong(line, key, problem)).ok()
    }

    fn days(&mut self, line: usize, key: &str, source: &spec::Source) -> Option<Times> {
        Times::of_days(source, self.zone.as_deref()).map_err(|problem| self.wrong(line, key, problem)).ok()
    }

    /// A revision made of a time of release. Of days it would be the same for all versions of a day, in silence where
    /// they come in several files.
    fn release(&mut self, line: usize, key: &str, source: &spec::Source) -> Option<Form> {
        let times = self.times(line, key, source)?;
        if times.have_a_format_of_days() {
            let problem = "`format` has no time of day, and two versions of one day would have the same revision: of them not \
                           the last one would count; export the release with its time of day and write e.g. \"%d/%m/%Y \
                           %H:%M\", or let a column that counts versions be the revision, without `format`";
            self.wrong(line, key, problem);
            return None;
        }
        Some(Form::Release(times))
    }

    fn compiled(
        &mut self,
        line: usize,
        key: String,
        path: &str,
        descriptors: Vec<FieldDescriptor>,
        form: Form,
        source: &spec::Source,
    ) -> Option<Field> {
        let faults = self.errors.len();
        self.check_options(line, &key, &form, source);
        let none = source.none.as_ref().unwrap_or(&self.none).clone();
        self.check_values(line, &key, &form, source);
        self.check_keys(line, &key, source, &none);
        let target = Target {
            form,
            none,
            values: source.values.clone(),
            unlisted: source.unlisted.unwrap_or_default(),
            empty: source.empty.clone(),
            unlisted_code: unlisted_code(path),
        };
        let source = self.source(line, &key, &target, source)?;
        (self.errors.len() == faults).then(|| Field { line, key, path: path.to_owned(), descriptors, source, target })
    }

    /// Options that could not have an effect are mistakes.
    fn check_options(&mut self, line: usize, key: &str, form: &Form, source: &spec::Source) {
        let for_times = source.format.is_some()
            || source.zone.is_some()
            || source.time_of_day.is_some()
            || source.ambiguous.is_some();
        let is_time = matches!(form, Form::Time(_) | Form::Day(_) | Form::Release(_));
        if for_times && !is_time {
            self.wrong(line, key, "`format`, `zone`, `time_of_day` and `ambiguous` are for times only");
        }
        if is_time && !source.values.is_empty() {
            self.wrong(line, key, "`values` are not for times");
        }
        let is_number = matches!(form, Form::Number(_));
        if !is_number && (source.decimal.is_some() || source.beyond.is_some()) {
            self.wrong(line, key, "`decimal` and `beyond` are for numbers with a fraction only (cycles)");
        }
        if source.unlisted.is_some() && source.values.is_empty() {
            self.wrong(line, key, "`unlisted` says what becomes of cells not in `values`, and there are no `values`");
        }
        if source.constant.is_some() && (!source.values.is_empty() || source.empty.is_some() || source.none.is_some()) {
            self.wrong(line, key, "a `constant` is never translated or empty; remove `values`, `empty` and `none`");
        }
    }

    fn check_values(&mut self, line: usize, key: &str, form: &Form, source: &spec::Source) {
        for value in source.values.values().chain(&source.empty) {
            if form.value(value).is_err() {
                self.wrong(line, key, format!("`{value}` is no value of this field{}", expected(form)));
            }
        }
    }

    /// Cells listed in vain are mistakes: they would be refused, or counted as something else.
    fn check_keys(&mut self, line: usize, key: &str, source: &spec::Source, none: &[String]) {
        for cell in source.values.keys() {
            let in_vain = match never_met(cell) {
                Some(_) if cell.is_empty() => Some("an empty cell is never looked up; say what it means by `empty`"),
                Some(problem) => Some(problem),
                None if none.iter().any(|none| none == cell) => Some(
                    "such a cell means that there is nothing (`none`); take it out there, or give this field a `none` of its own",
                ),
                None => None,
            };
            if let Some(problem) = in_vain {
                self.wrong(line, &format!("{key}.values"), format!("`{cell}` can never be met: {problem}"));
            }
        }
        for cell in source.none.iter().flatten() {
            if let Some(problem) = never_met(cell) {
                self.wrong(line, &format!("{key}.none"), format!("`{cell}` can never be met: {problem}"));
            }
        }
    }

    fn source(&mut self, line: usize, key: &str, target: &Target, source: &spec::Source) -> Option<Source> {
        match (&source.column, &source.template, &source.constant) {
            (Some(name), None, None) => Some(Source::Column(Column { name: name.clone(), at: 0, holds_time: false })),
            (None, Some(template), None) => match pieces(template) {
                Some(pieces) => Some(Source::Template(pieces)),
                None => {
                    self.wrong(line, key, "`template` needs columns in braces, e.g. \"{plate}-{well}\"");
                    None
                }
            },
            (None, None, Some(constant)) => match target.form.value(&constant.to_string()) {
                Ok(Some(value)) => Some(Source::Constant(value)),
                _ => {
                    let expected = expected(&target.form);
                    self.wrong(line, key, format!("`{constant}` is no value of this field{expected}"));
                    None
                }
            },
            _ => {
                self.wrong(line, key, "needs exactly one of `column`, `template` and `constant`");
                None
            }
        }
    }

    fn skip(&mut self, skip: &Spanned<spec::Skip>) -> Option<Skip> {
        let (line, spec::Skip { column, values, except, why }) = (self.line(skip), skip.get_ref());
        let (cells, leaves_out) = match (values, except) {
            (Some(cells), None) => (cells, true),
            (None, Some(cells)) => (cells, false),
            _ => {
                self.wrong(
                    line,
                    "skip",
                    "needs exactly one of `values` (leave out) and `except` (leave out all others)",
                );
                return None;
            }
        };
        for cell in cells.iter().filter(|cell| !cell.is_empty()) {
            if let Some(problem) = never_met(cell) {
                self.wrong(line, "skip", format!("`{cell}` can never be met: {problem}"));
            }
        }
        let column = Column { name: column.clone(), at: 0, holds_time: false };
        Some(Skip { line, column, cells: cells.clone(), leaves_out, why: why.clone() })
    }
}

fn expected(form: &Form) -> String {
    match form {
        Form::Choice(names) => format!("; it takes: {}", short_names(names).join(", ")),
        Form::Count => "; it takes a whole number from 0".to_owned(),
        Form::Number(_) => "; it takes a number, and cells that mean that there is none are named by `none`".to_owned(),
        Form::Time(_) | Form::Day(_) | Form::Release(_) => "; it takes a time as `format` says".to_owned(),
        Form::Text => String::new(),
    }
}

/// How a column's numbers are written.
fn numbers(source: &spec::Source) -> Form {
    let sign = |decimal: &Decimal| match decimal {
        Decimal::Dot => '.',
        Decimal::Comma => ',',
    };
    let decimals = source.decimal.as_ref().map_or(Vec::new(), |decimals| decimals.all().iter().map(sign).collect());
    Form::Number(Numbers { decimals, beyond: source.beyond.unwrap_or_default() })
}

/// Why a cell can never be this text: cells are read without what stands around them.
fn never_met(cell: &str) -> Option<&'static str> {
    if cell.is_empty() {
        return Some("an empty cell is nothing already");
    }
    (cell.trim() != cell).then_some("cells are read without spaces around them; write it so")
}

/// The registries answer for their own fields, an enumeration for all others.
fn unlisted_code(path: &str) -> RejectCode {
    match path {
        "area" => RejectCode::UnknownArea,
        "lab_id" => RejectCode::UnknownLab,
        "purpose" => RejectCode::UnknownPurpose,
        "target" => RejectCode::UnknownTarget,
        _ => RejectCode::UnknownEnum,
    }
}

/// `{plate}-{well}` as texts and columns; `None` when a brace is alone or there is no column.
fn pieces(template: &str) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some((text, behind)) = rest.split_once('{') {
        let (column, behind) = behind.split_once('}')?;
        if text.contains('}') || column.is_empty() || column.contains('{') {
            return None;
        }
        pieces.push(Piece::Text(text.to_owned()));
        pieces.push(Piece::Column(Column { name: column.to_owned(), at: 0, holds_time: false }));
        rest = behind;
    }
    if rest.contains('}') || pieces.is_empty() {
        return None;
    }
    pieces.push(Piece::Text(rest.to_owned()));
    Some(pieces)
}

/// The way to a field that a cell can fill: not a list, and not a message other than a time.
fn descriptors(kind: Kind, path: &str) -> Option<Vec<FieldDescriptor>> {
    let mut message = json::descriptor(kind.message());
    let mut way = Vec::new();
    let mut names = path.split('.').peekable();
    while let Some(name) = names.next() {
        let field = message.get_field_by_name(name)?;
        if field.is_list() {
            return None;
        }
        let is_last = names.peek().is_none();
        match field.kind() {
            FieldKind::Message(inner) if inner.full_name() != "google.protobuf.Timestamp" => {
                if is_last {
                    return None;
                }
                message = inner;
            }
            _ if !is_last => return None,
            _ => {}
        }
        way.push(field);
    }
    Some(way)
}

/// The contract writes civil days as texts, and names them so.
fn is_day(field: &FieldDescriptor) -> bool {
    field.name().ends_with("_day")
}

fn fields_of(kind: Kind) -> Vec<String> {
    let mut all = Vec::new();
    for field in json::descriptor(kind.message()).fields() {
        match field.kind() {
            FieldKind::Message(inner) if inner.full_name() != "google.protobuf.Timestamp" => {
                let inner = inner.fields().map(|inner| format!("\"{}.{}\"", field.name(), inner.name()));
                all.extend(inner.filter(|path| descriptors(kind, path.trim_matches('"')).is_some()));
            }
            _ if !field.is_list() => all.push(field.name().to_owned()),
            _ => {}
        }
    }
    all
}
