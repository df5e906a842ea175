//! `swabstream check`: what the processor would say of a file, without Kafka.
//!
//! In: a file, rules or none. Out: line, field and code of every row that would be refused, and what to do
//! about each code. Nothing is sent.

use super::file::{FileArgs, Opened, default_limit};
use super::report::Report;
use super::{rules, unfinished};
use crate::clock;
use crate::intake::check::{Checker, Received};
use crate::intake::map::Map;
use crate::policy::Rules;
use crate::terminal::progress::Progress;
use crate::terminal::signals::{self, Hangup};
use anyhow::bail;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Check a file without sending anything: line, field, code, and what to do
///
/// Every row goes through the processor's own decoding and validation. Without --rules only what the contract itself
/// demands is checked; areas, labs, purposes and times of collection need the rules. What results of the file say to
/// each other (two meanings of one version, a later version that will not stand, a negative against a positive) is told
/// as a warning. At the end every row is counted as valid, refused or left out, and every line of the file by what it
/// was.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = "Examples:
  A lab's own export, CSV or a workbook, by a map:
    swabstream check results.csv --map lab.toml --rules deploy/rules/chongqing
    swabstream check results.xlsx --map lab.toml --rules deploy/rules/chongqing
  Messages as JSON, one per line, from another program:
    export-results | swabstream check - --kind results --format ndjson
  Past data, each row as of when it arrived:
    swabstream check 2020.csv.gz --map estonia.toml --rules rules --received arrival

  Against the rules in force where the file is, without access to Kafka there:
    swabstream rules show --json --config swabstream.toml > rules.json
    swabstream check results.csv --map lab.toml --rules rules.json

Of each cause (code, field and what is known beyond) the first three rows are listed, and how many more there are; --all \
lists each row.

Exit codes:
  0    all rows are valid, whatever is warned of
  1    some are refused
  2    a file cannot be read, it was interrupted, or what was found could not be written
  141  its output was closed before the end (as by | head), and no row was refused until then")]
pub struct CheckCommand {
    #[command(flatten)]
    file: FileArgs,
    /// Rules to hold the rows against: a folder, or a file that `swabstream rules show --json` has written
    #[arg(long, value_name = "DIR|FILE")]
    rules: Option<PathBuf>,
    /// When the rows count as received
    #[arg(long, value_enum, default_value_t = ReceivedArg::Now)]
    received: ReceivedArg,
    /// One JSON object per refused row, and a last one with the counts
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum ReceivedArg {
    /// Now
    Now,
    /// When each arrived: the map's `[history]`, or of messages their `reported_at`
    #[value(alias = "column")]
    Arrival,
}

/// Runs the command; what it has to say goes to `out`.
pub fn run(command: &CheckCommand, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let rules = command.rules.as_deref().map(rules_of).transpose()?;
    let limit = default_limit();
    signals::listen(Hangup::Ends)?;
    let opened = command.file.open(limit)?;
    let received = match command.received {
        ReceivedArg::Now => Received::At(clock::now()),
        ReceivedArg::Arrival if opened.tells_arrival => Received::OnArrival { now: clock::now(), until: None },
        ReceivedArg::Arrival => bail!("the map does not say when rows arrived; add `[history]` with `arrived_at`"),
    };
    let Opened { kind, mut reader, skip_reasons, way, .. } = opened;
    let has_history = reader.map().is_some_and(Map::has_history);
    let checker = Checker { kind, rules: rules.as_ref(), limit, received, stop: signals::asked };
    let mut report = Report::new(&command.file, command.json, out);
    let mut progress = Progress::new("rows checked", way.whole());
    let mut rows = 0;
    let judged = checker.run(&mut reader, &mut |judged| {
        rows += 1;
        progress.at(rows, way.read());
        report.row(judged.line, &judged.verdict, &progress);
        // Nobody reads what would be found.
        way.stop_if(report.has_failed());
    });
    drop(progress);
    if report.has_failed() {
        // What was found wrong until then is so; of the rest nothing is known.
        return Ok(ExitCode::from(u8::from(report.has_refused())));
    }
    let mut summary = judged.map_err(|error| unfinished::why(error, rows, &reader.tally(), &command.file, ""))?;
    if has_history && command.received == ReceivedArg::Now {
        let note = "all rows were judged as if they were received now; `--received arrival` judges them by the map's [history]";
        summary.file.notes.push(note.to_owned());
    }
    let is_good = summary.refused_total() == 0;
    match report.close(&summary, &skip_reasons) {
        Err(error) if is_good => Err(error.into()),
        // That the last of it could not be written, the output knows.
        _ => Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::from(1) }),
    }
}

/// The rules of a folder, or those that `rules show --json` has written; wrong ones cannot be checked against.
pub(super) fn rules_of(place: &Path) -> anyhow::Result<Rules> {
    if !place.is_dir() {
        return rules::read_export(place);
    }
    match rules::read_folder(place)? {
        Ok(rules) => Ok(rules),
        Err(errors) => {
            let lines: Vec<String> = errors.iter().map(|error| format!("{}/{error}", place.display())).collect();
            bail!("{}", lines.join("\n"))
        }
    }
}
