//! `swabstream audit`: counts again from the inputs what must have come out, and says where it did not.
//!
//! In: the topics of a deployment, `read_committed`, up to the committed offsets. Out: a line per check and an exit
//! code. Nothing is written and no group is joined: it can be run beside the processor, on any day.

use super::reading::{self, Stretches};
use crate::audit::Cut;
use crate::audit::evidence::{Evidence, Setting};
use crate::audit::report::{Report, Verdict};
use crate::config::{Config, KafkaConfig};
use crate::kafka::cut;
use crate::kafka::topics;
use crate::model::record::Topic;
use anyhow::ensure;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Count again from the inputs what must have come out, and say where it did not
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = "Examples:
  swabstream audit --config swabstream.toml
  swabstream audit --config swabstream.toml --json | jq '.checks[] | select(.differences > 0)'
  swabstream audit --config swabstream.toml --wait 300     on a busy system

It reads all inputs up to the committed offsets and all outputs, and checks, each with its counts and the first few \
differences (areas, days, positions and alert ids, never a person):

  commits          each task's changelog ends with the commit its group knows
  consumed         records consumed = sum of outcomes = records in the inputs
  sent on          messages sent between tasks = received + in flight
  dead letters     every record that had to be refused lies there once, with position and code
  rejections       what tasks have booked as rejected is what they have set aside
  alert histories  raised first, no update without a change, nothing after withdrawn but raised
  alerts           exactly the alerts that must be live, with what they must say
  numbers          every number of every area, day, window and purpose
  area state       what area tasks have counted, from which later numbers are made
  tiers            today's tiers, and an alert for every change of one

It may run beside the processor: it waits for a moment without a commit and with no message between tasks in flight, at \
most --wait seconds; if there is none, checks that need it are left out and the exit code is 2. With the processor \
stopped in the middle of things, messages stay in flight: start it, let it finish.

Inputs that retention has deleted cannot be counted again. What is limited by that is said and is no difference; for \
whole audits keep lab-results and contact-records longer than an episode may last.

Every usable input is held in memory. The rules in force are applied to all of them; where other \
rules were in force before, what those refused is taken from dead-letters.

Exit code: 0 all agrees, 1 something differs, 2 it could not be done, or not all of it.")]
pub struct AuditArgs {
    /// Settings of the deployment
    #[arg(long, value_name = "FILE", env = "SWABSTREAM_CONFIG")]
    config: PathBuf,
    /// One JSON object instead of lines
    #[arg(long)]
    json: bool,
    /// Seconds to wait for a moment at which nothing is in flight
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    wait: u64,
}

/// Runs the command; what it has to say goes to `out`, the progress to the terminal.
pub fn run(args: &AuditArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let config = Config::read(&args.config)?;
    let secret = config.secret.read()?;
    let layout = topics::layout(&config.kafka)?;
    let rules = reading::rules_in_force(&config.kafka)?;
    let cut = cut::find(&config.kafka, layout, Duration::from_secs(args.wait))?;
    ensure!(!cut.commits.is_empty(), "nothing was ever committed by group {}", config.kafka.group);

    let max_record_bytes = config.processing.max_record_bytes.get();
    let mut evidence = Evidence::new(Setting { layout, rules, secret, max_record_bytes }, cut.clone());
    // Outputs first: the sooner, the less the broker has compacted since the cut.
    read(&config.kafka, outputs(&cut), &mut evidence)?;
    read_heads(&config.kafka, &cut, &mut evidence)?;
    evidence.require_secret().map_err(anyhow::Error::msg)?;
    read(&config.kafka, inputs(&cut), &mut evidence)?;
    let first = cut::firsts(&config.kafka, layout)?;
    ensure!(first == cut.first, "retention deleted records while they were read: try again");

    let records = evidence.records();
    let report = evidence.judge();
    match args.json {
        true => write_json(&report, out)?,
        false => write_lines(&report, records, out)?,
    }
    Ok(match report.verdict() {
        Verdict::Agree => ExitCode::SUCCESS,
        Verdict::Differ => ExitCode::FAILURE,
        Verdict::Incomplete => ExitCode::from(2),
    })
}

fn write_json(report: &Report, out: &mut dyn Write) -> anyhow::Result<()> {
    let whole = serde_json::json!({ "verdict": report.verdict(), "checks": report.checks });
    serde_json::to_writer_pretty(&mut *out, &whole)?;
    writeln!(out)?;
    Ok(())
}

fn write_lines(report: &Report, records: usize, out: &mut dyn Write) -> anyhow::Result<()> {
    for check in &report.checks {
        writeln!(out, "{check}")?;
    }
    let differing = report.checks.iter().filter(|check| check.differences > 0).count();
    let left_out = report.checks.iter().filter(|check| check.left_out.is_some()).count();
    match report.verdict() {
        Verdict::Agree => writeln!(out, "all agrees: {} checks over {records} inputs", report.checks.len())?,
        Verdict::Differ => writeln!(out, "{differing} of {} checks differ", report.checks.len())?,
        Verdict::Incomplete => writeln!(out, "{left_out} of {} checks could not be done", report.checks.len())?,
    }
    Ok(())
}

/// Outputs from their beginning, the state of area tasks from where it is whole.
fn outputs(cut: &Cut) -> Stretches {
    let from = |key: &(Topic, i32)| match key.0 {
        Topic::AreaState => cut.restore_from.get(key).copied().unwrap_or(0),
        _ => cut.first.get(key).copied().unwrap_or(0),
    };
    let wanted = cut.end.iter().filter(|((topic, _), _)| *topic != Topic::PersonState);
    wanted.map(|(key, end)| (*key, from(key)..*end)).collect()
}

/// Inputs up to the committed offsets.
fn inputs(cut: &Cut) -> Stretches {
    let from = |key: &(Topic, i32)| cut.first.get(key).copied().unwrap_or(0);
    cut.committed.iter().map(|(key, end)| (*key, from(key)..*end)).collect()
}

/// Of a person task only the last head is needed: it lies near the end of its changelog.
fn read_heads(kafka: &KafkaConfig, cut: &Cut, evidence: &mut Evidence) -> anyhow::Result<()> {
    let ends = || cut.end.iter().filter(|((topic, _), _)| *topic == Topic::PersonState);
    let mut back = 256;
    loop {
        let start = |key: &(Topic, i32), end: i64| (end - back).max(cut.restore_from.get(key).copied().unwrap_or(0));
        let stretches: Stretches = ends().map(|(key, end)| (*key, start(key, *end)..*end)).collect();
        let whole = ends().all(|(key, end)| end - back <= cut.restore_from.get(key).copied().unwrap_or(0));
        read(kafka, stretches, evidence)?;
        if whole || evidence.has_all_heads() {
            return Ok(());
        }
        back *= 8;
    }
}

/// Reads stretches into the evidence.
fn read(kafka: &KafkaConfig, stretches: Stretches, evidence: &mut Evidence) -> anyhow::Result<()> {
    reading::all(kafka, &stretches, &mut |record, headers| evidence.take(record, |name| headers.get(name)))
}
