//! `swabstream publish`: a file into its topic.
//!
//! In: a file, the settings of the deployment, the rules in force. Out: every valid row as a record whose delivery the
//! broker confirmed. The whole file is checked before the first record is sent, and held in memory until the last is.

use super::check::rules_of;
use super::file::{FileArgs, Report};
use super::interrupt;
use super::rules;
use crate::clock;
use crate::config::Config;
use crate::intake::check::{Checker, Judged, Received, Summary, Verdict};
use crate::model::time::Timestamp;
use crate::policy::Rules;
use anyhow::{Context as _, anyhow, bail};
use std::io::Write;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

mod parcels;
mod send;

use parcels::Parcels;

/// Send a file into its topic, after checking all of it
///
/// Refused rows are listed by line, field and code and are not sent; the others are, and each delivery is confirmed.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = "Examples:
  A lab's own CSV export, by a map:
    swabstream publish results.csv --map lab.toml --config swabstream.toml
  Contact records as JSON, one per line, at most 500 a second:
    swabstream publish contacts.ndjson --kind contacts --config swabstream.toml --rate 500
  Past data as they arrived then (topics with CreateTime, `history = true` in the settings):
    swabstream publish 2020.csv.gz --map ee.toml --config past.toml --history \\
        --until 2020-06-01T00:00:00Z

Exit code: 0 every row was sent, 1 some rows were refused and not sent, 2 it could not be done.")]
pub struct PublishCommand {
    #[command(flatten)]
    file: FileArgs,
    /// Settings of the deployment
    #[arg(long, value_name = "FILE", env = "SWABSTREAM_CONFIG")]
    config: PathBuf,
    /// Folder of rules to check against; without it those in force
    #[arg(long, value_name = "DIR", conflicts_with = "no_rules")]
    rules: Option<PathBuf>,
    /// Check only what the contract itself demands
    #[arg(long)]
    no_rules: bool,
    /// Records per second at most
    #[arg(long, value_name = "N")]
    rate: Option<NonZeroU32>,
    /// Send refused rows too, as far as they are records: the processor will set them aside with the same codes
    #[arg(long)]
    force: bool,
    /// Past data: in order of arrival, with that time as the record's, and marks of time into every partition
    #[arg(long)]
    history: bool,
    /// Time of the last mark (RFC 3339), and the latest arrival: rows that arrived later are refused, earlier ones are
    /// believed, also in the future or years from the others. Without it the last mark is the last arrival
    #[arg(long, value_name = "TIME", requires = "history", value_parser = time)]
    until: Option<Timestamp>,
    /// Minutes of past time between marks
    #[arg(long, value_name = "N", requires = "history", default_value = "60")]
    mark_every: NonZeroU32,
}

fn time(text: &str) -> Result<Timestamp, String> {
    let at: jiff::Timestamp = text.parse().map_err(|_| "not a time such as 2020-06-01T00:00:00Z".to_owned())?;
    Ok(Timestamp(at.as_millisecond()))
}

/// Runs the command; what it has to say goes to `out`, the progress to the terminal.
pub fn run(command: &PublishCommand, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let config = Config::read(&command.config)?;
    match (command.history, config.processing.history) {
        (true, false) => bail!("--history is for deployments with `history = true` in [processing]; this one is live"),
        (false, true) => {
            bail!("this deployment has `history = true` in [processing]: it takes records by --history only")
        }
        _ => {}
    }
    let rules = rules_for(command, &config)?;
    let (parcels, summary) = check(command, &config, rules.as_deref(), out)?;
    let marks = command
        .history
        .then(|| send::Marks { every_ms: i64::from(command.mark_every.get()) * 60_000, until: command.until });
    // Until here nothing was sent, and Ctrl-C needs no word.
    let interrupted = interrupt::flag()?;
    let sent = send::all(&config.kafka, &parcels, command.rate, marks, &interrupted)?;
    let unsent = summary.valid + summary.refused_total() - parcels.len() as u64;
    writeln!(out, "{} records delivered to {}; rows not sent: {unsent}", sent.records, sent.topic)?;
    if sent.marks > 0 {
        writeln!(out, "{} marks of time, the last at {}", sent.marks, sent.last_mark)?;
    }
    Ok(if unsent == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn rules_for(command: &PublishCommand, config: &Config) -> anyhow::Result<Option<Arc<Rules>>> {
    if command.no_rules {
        return Ok(None);
    }
    if let Some(folder) = &command.rules {
        return rules_of(folder).map(Arc::new).map(Some);
    }
    let held = rules::read_topic(config).context("the rules in force cannot be read")?;
    let none =
        || anyhow!("no rules are in force: `swabstream rules apply DIR` first, or check by --rules or --no-rules");
    held.in_force.ok_or_else(none).map(Some)
}

/// Reads and judges the whole file, and keeps what is to be sent.
fn check(
    command: &PublishCommand,
    config: &Config,
    rules: Option<&Rules>,
    out: &mut dyn Write,
) -> anyhow::Result<(Parcels, Summary)> {
    let limit = config.processing.max_record_bytes.get();
    let mut opened = command.file.open(limit)?;
    if command.history && !opened.tells_arrival {
        bail!("the map does not say when rows arrived; add `[history]` with `arrived_at`");
    }
    let now = clock::now();
    let received = if command.history { Received::OnArrival { now, until: command.until } } else { Received::At(now) };
    let checker = Checker { kind: opened.kind, rules, limit, received };
    let mut parcels = Parcels::new(opened.kind.topic());
    let mut report = Report::new(&command.file, false, out);
    let summary = checker
        .run(&mut opened.reader, &mut |judged| {
            report.row(judged.line, &judged.verdict);
            keep(&mut parcels, &judged, command.force);
        })
        .with_context(|| format!("cannot read on in {}; nothing was sent", command.file.file.display()))?;
    report.close(&summary, &opened.skip_reasons)?;
    parcels.leave_out(&summary.outliers);
    Ok((parcels, summary))
}

fn keep(parcels: &mut Parcels, judged: &Judged<'_>, force: bool) {
    let wanted = judged.verdict == Verdict::Valid || force;
    if let Some(parcel) = judged.parcel.as_ref().filter(|_| wanted)
        && let Some(received_at) = parcel.received_at
    {
        parcels.push(&parcel.key, parcel.message, received_at);
    }
}
