//! Days of an area: its numbers and tiers as they are known now, and as each day was closed with.
//!
//! In: records of `area-positivity`, `area-published` and `area-tiers`, in the order of their partitions. Out: the days.

use crate::cli::asked;
use crate::cli::reading;
use crate::cli::watch::moment;
use crate::config::Config;
use crate::model::record::{Record, Topic};
use crate::model::target;
use crate::model::time::{Day, Timestamp};
use crate::policy::{Rules, TargetIndex};
use crate::proto::v1::{AreaPositivity, AreaPublished, AreaTier, DayClose};
use crate::terminal::signals::{self, Hangup};
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

/// Days that people are shown where none is named.
const DAYS: usize = 14;

/// The topics it is made of.
const TOPICS: [Topic; 3] = [Topic::AreaPositivity, Topic::AreaPublished, Topic::AreaTiers];

/// What days of an area are asked for, as it is written.
#[derive(Clone, Debug, clap::Args)]
pub struct SeriesArgs {
    /// Code of the area
    pub area: String,
    /// Settings of the deployment
    #[arg(long, value_name = "FILE", env = "SWABSTREAM_CONFIG")]
    pub config: PathBuf,
    /// The civil day (windows end on it), YYYY-MM-DD; where none is named the last 14 there are, or all in a table
    #[arg(long, value_name = "DAY")]
    pub day: Option<String>,
    /// Only what was on record then: 2022-11-15T09:00:00+08:00, or a civil day, of which it is the end
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<String>,
    /// For what: the id of a target; the first of the deployment where none is named
    #[arg(long, value_name = "ID")]
    pub target: Option<String>,
    /// A table for a spreadsheet
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
    /// One JSON object per line, by the contract's JSON mapping
    #[arg(long)]
    pub json: bool,
}

/// Reads what there is now; `None` where nobody reads any more what comes of it.
pub(super) fn read(args: &SeriesArgs) -> anyhow::Result<Option<Series>> {
    signals::listen(Hangup::Ends)?;
    let config = Config::read(&args.config)?;
    let rules = asked::rules(&config.kafka, "which say what areas there are")?;
    let times = (args.day.as_deref(), args.as_of.as_deref());
    let wanted = Wanted::new(&rules, &args.area, args.target.as_deref(), times, config.processing.history)?;
    let mut series = Series::new(wanted, rules);
    if !reading::to_the_end(&config.kafka, &TOPICS, &mut |record| series.take(record))? {
        return Ok(None);
    }
    series.require_known()?;
    Ok(Some(series))
}

/// What is asked for.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// Code of the area.
    pub area: String,
    /// For what.
    pub target: TargetIndex,
    /// The day; the last ones where none is named.
    pub day: Option<Day>,
    /// Only what was on record then.
    pub as_of: Option<Timestamp>,
    /// Days of the past are closed by their own time, whenever they are read: what was written later was on record then.
    pub history: bool,
}

impl Wanted {
    /// In the words of the rules.
    pub(super) fn new(
        rules: &Rules,
        area: &str,
        target: Option<&str>,
        (day, as_of): (Option<&str>, Option<&str>),
        history: bool,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            area: area.to_owned(),
            target: asked::target(rules, target)?,
            day: day.map(asked::day).transpose()?,
            as_of: as_of.map(|text| asked::moment(rules, text)).transpose()?,
            history,
        })
    }
}

/// What is known of the area so far.
pub(super) struct Series {
    pub(super) wanted: Wanted,
    rules: Arc<Rules>,
    live: BTreeMap<Day, AreaPositivity>,
    published: BTreeMap<Day, Kept>,
    /// The newest tier.
    pub(super) tier: Option<AreaTier>,
}

/// What a day was closed with.
#[derive(Clone, Debug)]
struct Kept {
    published: AreaPublished,
    /// Since when it is on record: a processor that was down closes days by the time that they had come to.
    since: Option<Timestamp>,
}

/// One day.
#[derive(Clone, Copy, Debug)]
pub(super) struct OfDay<'s> {
    /// As it is known now; none where that is not asked for, or nothing is counted any more.
    pub live: Option<&'s AreaPositivity>,
    /// As it was when the day was closed; none while it is not, or was not by the time asked for.
    pub published: Option<&'s AreaPublished>,
}

impl Series {
    pub(super) fn new(wanted: Wanted, rules: Arc<Rules>) -> Self {
        Self { wanted, rules, live: BTreeMap::new(), published: BTreeMap::new(), tier: None }
    }

    /// Takes the next record: of numbers the newest of each day holds, of what was published the first.
    pub(super) fn take(&mut self, record: &Record<'_>) {
        let Some(key) = record.key.and_then(|key| std::str::from_utf8(key).ok()) else { return };
        match record.position.topic {
            Topic::AreaPositivity => {
                let Some(day) = self.day_of(key) else { return };
                self.live.remove(&day);
                self.live.extend(record.message().map(|numbers| (day, numbers)));
            }
            Topic::AreaPublished => {
                let (Some(day), Some(published)) = (self.day_of(key), record.message()) else { return };
                let written = Some(record.received_at).filter(|_| !self.wanted.history);
                let since = closed_at(&published).max(written);
                self.published.entry(day).or_insert(Kept { published, since });
            }
            Topic::AreaTiers if key == target::keyed(&self.wanted.area, self.target()) => self.tier = record.message(),
            _ => {}
        }
    }

    fn target(&self) -> &str {
        self.rules.stored_target(self.wanted.target)
    }

    /// The zone whose days these are.
    pub(super) fn zone(&self) -> TimeZone {
        asked::zone(Some(&self.rules))
    }

    /// What it is, as a heading.
    pub(super) fn title(&self) -> String {
        let (code, target) = (&self.wanted.area, self.rules.target_id(self.wanted.target));
        match self.rules.areas.index(code) {
            Some(area) => format!("{code} {}, {target}", self.rules.areas.list[area as usize].name),
            None => format!("{code}, which the rules in force do not know, {target}"),
        }
    }

    /// An area that nobody knows, and of which nothing was ever published, is a mistyped one.
    pub(super) fn require_known(&self) -> anyhow::Result<()> {
        let is_known = !self.live.is_empty() || !self.published.is_empty();
        if is_known { Ok(()) } else { asked::area(&self.rules, &self.wanted.area).map(drop) }
    }

    fn day_of(&self, key: &str) -> Option<Day> {
        let (area, day, of) = target::parts_of_day(key)?;
        Some(day).filter(|_| area == self.wanted.area && of == self.target())
    }

    /// All days that are asked for and of which there is something, the newest last.
    pub(super) fn days(&self) -> Vec<(Day, OfDay<'_>)> {
        let all: BTreeSet<Day> = self.live.keys().chain(self.published.keys()).copied().collect();
        let asked = all.into_iter().filter(|day| self.wanted.day.is_none_or(|asked| asked == *day));
        let is_there = |of: &OfDay<'_>| of.live.is_some() || of.published.is_some();
        asked.map(|day| (day, self.of(day))).filter(|(_, of)| is_there(of)).collect()
    }

    /// Why nothing is shown.
    pub(super) fn nothing(&self) -> String {
        match (self.wanted.as_of, self.wanted.day) {
            (Some(_), Some(day)) => format!("{day} was not closed by then, or nothing was counted"),
            (Some(_), None) => "no day was closed by then of which anything was counted".to_owned(),
            (None, Some(day)) => format!("nothing is published of {day}"),
            (None, None) => "nothing is published yet".to_owned(),
        }
    }

    fn of(&self, day: Day) -> OfDay<'_> {
        let as_of = self.wanted.as_of;
        let by_then = |kept: &&Kept| as_of.is_none_or(|then| kept.since <= Some(then));
        OfDay {
            live: self.live.get(&day).filter(|_| as_of.is_none()),
            published: self.published.get(&day).filter(by_then).map(|kept| &kept.published),
        }
    }
}

/// The last of them, as many as people look through.
pub(super) fn last<T>(mut all: Vec<T>) -> Vec<T> {
    all.split_off(all.len().saturating_sub(DAYS))
}

/// Lines of a table whose columns are as wide as their widest cell.
pub(super) fn aligned<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).filter(|(_, width)| *width > 0);
        let line: String = cells.map(|(cell, width)| format!("{cell:<width$}  ")).collect();
        line.trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// When a day was closed, and without which tasks.
pub(super) fn told(close: &DayClose, zone: &TimeZone) -> String {
    let at = close.closed_at.as_ref().and_then(Timestamp::from_wire);
    let at = at.map_or_else(|| "–".to_owned(), |at| moment(at, zone));
    let without: Vec<String> = close.without.iter().map(ToString::to_string).collect();
    if without.is_empty() { at } else { format!("{at} without task {}", without.join(", ")) }
}

/// The same for a table: two cells, empty where a day was not closed.
pub(super) fn cells(close: Option<&DayClose>) -> [String; 2] {
    let Some(close) = close else { return Default::default() };
    let at = close.closed_at.as_ref().and_then(Timestamp::from_wire).map(|at| at.to_string());
    [at.unwrap_or_default(), close.without.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")]
}

/// Lines of a table for a spreadsheet.
pub(super) fn table<const N: usize>(
    head: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> anyhow::Result<Vec<String>> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(head)?;
    rows.into_iter().try_for_each(|row| table.write_record(row))?;
    let text = String::from_utf8(table.into_inner().map_err(|error| error.into_error())?)?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// The close of a day that was published.
pub(super) fn close(published: &AreaPublished) -> Option<&DayClose> {
    published.numbers.as_ref()?.close.as_ref()
}

fn closed_at(published: &AreaPublished) -> Option<Timestamp> {
    close(published)?.closed_at.as_ref().and_then(Timestamp::from_wire)
}
