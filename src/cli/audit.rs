//! `swabstream audit`: counts again from the inputs what must have come out, and says where it did not.
//!
//! In: the topics of a deployment, `read_committed`, as they were at one moment. Out: a line per check and an exit
//! code. Nothing is written and no group is joined: it can be run beside the processor, on any day, however busy that
//! is.

use super::reading::{self, Stretches};
use crate::audit::Cut;
use crate::audit::evidence::{Evidence, Setting};
use crate::audit::report::{Report, Verdict};
use crate::config::{Config, KafkaConfig};
use crate::kafka::cut;
use crate::kafka::topics;
use crate::model::record::{Layout, Topic};
use crate::terminal::signals::{self, Hangup};
use anyhow::{bail, ensure};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Changelogs: read before everything else.
const STATES: [Topic; 2] = [Topic::PersonState, Topic::AreaState];

/// How often a moment is looked for.
const ATTEMPTS: usize = 5;

/// Count again from the inputs what must have come out, and say where it did not
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = "Examples:
  swabstream audit --config swabstream.toml
  swabstream audit --config swabstream.toml --json | jq '.checks[] | select(.differences > 0)'

It reads all inputs up to the committed offsets and all outputs, and checks, each with its counts and the first few \
differences (areas, days, positions and alert ids, never a person):

  contract         everything read is what its topic holds, in a form that is known
  commits          each task's changelog ends with the commit its group knows
  unread           nothing was deleted before it was read; what was given up (skip-lost) is named
  consumed         records consumed = sum of outcomes = records in the inputs
  sent on          messages sent between tasks = received + in flight
  dead letters     every record that had to be refused lies there once, with place, code and bytes
  rejections       what tasks have booked as rejected is what they have set aside
  alert histories  raised first, no update without a change, nothing after withdrawn but raised
  alert ids        each alert has the id of what it is about
  causes           every record that an alert names as a cause is there, and is what it says
  alerts           exactly the alerts that must be live, with what they must say
  numbers          every number of every area, day, window and purpose
  area state       what area tasks have counted, from which later numbers are made
  tiers            today's tiers with their reasons, and one alert for every change of one
  day closes       each once, in order, at its time, and as the task says that closed it
  receipts         every record of a lab is told of once: receipts, those to come, and the inputs
  duties           what has to be done with each person, on which day and why
  area duties      what that, and pools to recall, add up to in areas, as held and as published

It may run beside the processor at any time, however busy that is: it judges the moment at which it starts. Every record \
that a task writes names its commit, so what came later is told apart; messages that were on their way between tasks at \
that moment are read, and what they say is not expected of their receivers yet. Of alerts about people who were about to \
be told of a contact, all but the lists of contacts is compared; it is said how many.

Inputs that retention has deleted cannot be counted again. What is limited by that is said and is no difference; for \
whole audits keep lab-results and contact-records longer than an episode may last, and person-groups for as long as \
anybody is in a group.

Every usable input is held in memory. The rules in force are applied to all of them; where other \
rules were in force before, what those refused is taken from dead-letters, and so is what was too large.

What an earlier version took and this one refuses (ids that are nobody's such as N/A, characters without a picture, years \
that cannot be) counts as it was taken: each task keeps from which offset on it judges as this version does. Such records \
are named by position beside the dead letters, and are no difference. Behind that offset the same is one.

Exit codes:
  0    all agrees
  1    something differs
  2    it could not be done, or not all of it, or the report could not be written
  141  its output was closed before the end (as by | head), and nothing differed

With --json one object is \
printed in any case: verdict and checks or, where it could not be done, {\"error\": \"why\"}.")]
pub struct AuditArgs {
    /// Settings of the deployment
    #[arg(long, value_name = "FILE", env = "SWABSTREAM_CONFIG")]
    config: PathBuf,
    /// One JSON object instead of lines
    #[arg(long)]
    json: bool,
    /// Seconds to wait for a transaction that a killed instance left open
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    wait: u64,
}

/// Runs the command; what it has to say goes to `out`, the progress to the terminal.
pub fn run(args: &AuditArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    signals::listen(Hangup::Ends)?;
    let judged = judge(args);
    // Whoever reads JSON is told why there is no report by JSON, too.
    if let (true, Err(error)) = (args.json, &judged) {
        write_json(&serde_json::json!({ "error": format!("{error:#}") }), out)?;
    }
    let (report, records) = judged?;
    let written = match args.json {
        true => write_json(&serde_json::json!({ "verdict": report.verdict(), "checks": report.checks }), out),
        false => write_lines(&report, records, out),
    };
    match report.verdict() {
        Verdict::Agree => written.map(|()| ExitCode::SUCCESS),
        // What differs does so, whether or not it could be written; the output knows.
        Verdict::Differ => Ok(ExitCode::FAILURE),
        Verdict::Incomplete => Ok(ExitCode::from(2)),
    }
}

/// The report, and over how many inputs it was made.
fn judge(args: &AuditArgs) -> anyhow::Result<(Report, usize)> {
    let config = Config::read(&args.config)?;
    let evidence = read_all(&config, Duration::from_secs(args.wait))?;
    let known = cut::commits(&config.kafka, evidence.layout())?;
    let records = evidence.records();
    Ok((evidence.judge(&known), records))
}

/// All that there is to be looked at, as it was at one moment. `wait` is for transactions that a killed instance left open.
pub(super) fn read_all(config: &Config, wait: Duration) -> anyhow::Result<Evidence> {
    let secret = config.secret()?;
    let layout = topics::layout(&config.kafka)?;
    let rules = reading::rules_in_force(&config.kafka)?;
    let max_record_bytes = config.processing.max_record_bytes.get();
    let setting = Setting { layout, rules, secret, max_record_bytes };
    let reading = Reading { kafka: &config.kafka, layout, patience: wait };
    let (cut, mut evidence) = reading.moment(&setting)?;
    // Outputs first: the sooner, the less the broker has compacted since the cut.
    reading.read(outputs(&cut), &mut evidence)?;
    evidence.require_secret().map_err(anyhow::Error::msg)?;
    reading.read(inputs(&cut), &mut evidence)?;
    evidence.forget_before(cut::firsts(&config.kafka, layout)?);
    Ok(evidence)
}

fn write_json(whole: &serde_json::Value, out: &mut dyn Write) -> anyhow::Result<()> {
    serde_json::to_writer_pretty(&mut *out, whole)?;
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

/// What is compacted soonest, and what shows whether a cut is a moment.
fn states_and_messages(cut: &Cut) -> Stretches {
    let first = |key: &(Topic, i32)| cut.first.get(key).copied().unwrap_or(0);
    let states = cut.end.iter().filter(|((topic, _), _)| *topic == Topic::AreaState);
    let states = states.map(|(key, end)| (*key, cut.restore_from.get(key).copied().unwrap_or(0)..*end));
    states.chain(cut.sent.iter().map(|(key, end)| (*key, first(key)..*end))).collect()
}

/// Outputs from their beginning.
fn outputs(cut: &Cut) -> Stretches {
    let outputs = cut.end.iter().filter(|((topic, _), _)| !STATES.contains(topic));
    outputs.map(|(key, end)| (*key, cut.first.get(key).copied().unwrap_or(0)..*end)).collect()
}

/// Inputs of the world up to the committed offsets.
fn inputs(cut: &Cut) -> Stretches {
    let inputs = cut.committed.iter().filter(|(key, _)| !cut.sent.contains_key(key));
    inputs.map(|(key, end)| (*key, cut.first.get(key).copied().unwrap_or(0)..*end)).collect()
}

/// Reads from a deployment.
struct Reading<'a> {
    kafka: &'a KafkaConfig,
    layout: Layout,
    patience: Duration,
}

impl Reading<'_> {
    /// A moment, with everything read that lies between tasks and in their state.
    fn moment(&self, setting: &Setting) -> anyhow::Result<(Cut, Evidence)> {
        let mut why = String::new();
        for _ in 0..ATTEMPTS {
            let cut = cut::now(self.kafka, self.layout)?;
            ensure!(!cut.commits.is_empty(), "nothing was ever committed by group {}", self.kafka.group);
            let mut evidence = Evidence::new(setting.clone(), cut.clone());
            self.read(states_and_messages(&cut), &mut evidence)?;
            if let Some(newer) = evidence.newer() {
                bail!("{newer}, which this version cannot read: audit with the one that runs");
            }
            if let Some(message) = evidence.why_no_moment() {
                why = message.to_owned();
                continue;
            }
            self.read_heads(&cut, &mut evidence)?;
            return Ok((cut, evidence));
        }
        bail!("{why} was received before it was sent, as often as it was looked at: the brokers are too slow to tell");
    }

    /// Of a person task only the head at the cut is needed: it lies near the end of its changelog.
    fn read_heads(&self, cut: &Cut, evidence: &mut Evidence) -> anyhow::Result<()> {
        let ends = || cut.end.iter().filter(|((topic, _), _)| *topic == Topic::PersonState);
        let mut back = 256;
        loop {
            let start =
                |key: &(Topic, i32), end: i64| (end - back).max(cut.restore_from.get(key).copied().unwrap_or(0));
            let stretches: Stretches = ends().map(|(key, end)| (*key, start(key, *end)..*end)).collect();
            let whole = ends().all(|(key, end)| end - back <= cut.restore_from.get(key).copied().unwrap_or(0));
            self.read(stretches, evidence)?;
            if whole || evidence.has_all_heads() {
                return Ok(());
            }
            back *= 8;
        }
    }

    /// Reads stretches into the evidence.
    fn read(&self, stretches: Stretches, evidence: &mut Evidence) -> anyhow::Result<()> {
        reading::all(self.kafka, &stretches, self.patience, &mut |record, headers| {
            evidence.take(record, |name| headers.get(name));
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_audit_that_cannot_be_done_says_so_in_json_too() {
        let mut out = Vec::new();
        let args = AuditArgs { config: "nowhere.toml".into(), json: true, wait: 0 };
        let error = run(&args, &mut out).expect_err("there is no configuration");
        let written: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
        assert_eq!(written, serde_json::json!({ "error": format!("{error:#}") }));
        out.clear();
        assert!(run(&AuditArgs { json: false, ..args }, &mut out).is_err());
        assert!(out.is_empty(), "the error is reported by the program");
    }
}
