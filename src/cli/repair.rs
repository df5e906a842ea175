//! `swabstream repair`: rebuilds the counts of areas from people, where they differ.
//!
//! In: the state of all tasks at one moment. Out: one more batch of signed changes on `area-changes`, in one
//! transaction, which the area half adds like any other.

use super::reading::{self, PATIENCE, Stretches};
use crate::audit::cells::{Cells, CountKey};
use crate::audit::compare::area_and_day;
use crate::audit::duties::sums::{self as duty_sums, DutySums};
use crate::audit::stored::{AreaTask, Stored};
use crate::audit::{Cut, RulesFound, changes};
use crate::config::{Config, KafkaConfig};
use crate::kafka::cut;
use crate::kafka::publisher::Exclusive;
use crate::kafka::topics;
use crate::model::ids::Secret;
use crate::model::record::{Layout, Topic};
use crate::model::target;
use crate::model::time::{Day, Timestamp};
use crate::pipeline::formats::{Formats, Newer};
use crate::pipeline::half::{Context, DUE_AT_MOST, Half};
use crate::pipeline::person::PersonHalf;
use crate::policy::Rules;
use crate::proto::v1::{AreaChanges, AreaDuties, AreaPositivity, TaskHead};
use crate::repair::{self, Corrections};
use crate::state::changelog::Restorer;
use crate::terminal::output::Duty;
use crate::terminal::signals::{self, Hangup};
use anyhow::{Context as _, bail, ensure};
use prost::Message;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Differences shown: the first few tell the rest.
const SHOWN: usize = 10;

/// Rebuild the counts of areas from people, where they differ
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = "Examples:
  swabstream repair --config swabstream.toml --dry-run     what differs, and nothing is written
  swabstream repair --config swabstream.toml
  swabstream audit --config swabstream.toml                and now?

Areas hold sums of signed changes that person tasks have sent them, of tests and cases and of what has to be done; what \
people are held for is the truth. Where an area holds something else, or has published other numbers than it holds, this \
sends the difference to its task as one more batch of changes, in one transaction. The processor adds it like any other, \
states the numbers again, and updates tiers and alerts with their chain of cause. It may work meanwhile; if it is stopped, \
it does so when it runs again.

Days whose people are no longer held (longer ago than the horizon and 15 days) cannot be rebuilt and stay as they are. \
Only one repair at a time can write: an earlier one that is still reading is fenced off.

Exit codes:
  0    nothing differed
  1    differences were found and, without --dry-run, sent
  2    it could not be done, or with --dry-run what differs could not be listed
  141  with --dry-run: its output was closed before the end (as by | head), and nothing differed")]
pub struct RepairArgs {
    /// Settings of the deployment
    #[arg(long, value_name = "FILE", env = "SWABSTREAM_CONFIG")]
    config: PathBuf,
    /// Say what differs and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Seconds to wait for a moment without a commit
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    wait: u64,
}

impl RepairArgs {
    /// Whether it changes something.
    pub(super) fn duty(&self) -> Duty {
        if self.dry_run { Duty::Looks } else { Duty::Changes }
    }
}

/// Runs the command; what it has to say goes to `out`, the progress to the terminal.
pub fn run(args: &RepairArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    signals::listen(Hangup::Ends)?;
    let config = Config::read(&args.config)?;
    let secret = config.secret()?;
    let kafka = &config.kafka;
    let (layout, RulesFound { rules, .. }) =
        signals::before_the_work(|| Ok::<_, anyhow::Error>((topics::layout(kafka)?, reading::rules_in_force(kafka)?)))?;
    // Before anything is read: from now on no other repair can write what this one has not seen.
    let id = format!("{}-repair", config.kafka.group);
    let (writer, cut) = signals::before_the_work(|| {
        let writer = (!args.dry_run).then(|| Exclusive::open(kafka, &id)).transpose()?;
        Ok::<_, anyhow::Error>((writer, cut::find(kafka, layout, Duration::from_secs(args.wait))?))
    })?;
    ensure!(!cut.commits.is_empty(), "nothing was ever committed by group {}", config.kafka.group);

    let ring = u64::from(config.processing.changelog_ring.get());
    let place = Site { kafka: &config.kafka, layout, secret, rules: &rules, cut: &cut, ring };
    let areas = place.areas()?;
    let (people, slowest) = place.people()?;
    let first = repair::first_whole_day(slowest, &rules);
    let corrections = place.corrections(&areas, &people, first)?;
    let said = say(&corrections, first, out);
    if corrections.is_empty() {
        return said.map(|()| ExitCode::SUCCESS).map_err(Into::into);
    }
    match writer {
        // What differs does so, whether or not it could be listed; the output knows.
        None => drop(said.and_then(|()| writeln!(out, "nothing was written (--dry-run)"))),
        Some(writer) => {
            let (seq, format) = (areas.newest_repair + 1, config.processing.write_format);
            let batches = repair::batches(&corrections, &rules, layout, seq, format);
            writer.write(&batches)?;
            writeln!(out, "sent {} batches; the processor adds them, then: swabstream audit", batches.len())?;
        }
    }
    Ok(ExitCode::FAILURE)
}

fn say(corrections: &Corrections, first: Day, out: &mut dyn Write) -> io::Result<()> {
    let Corrections { counts, restated, duties, duties_restated } = corrections;
    for (CountKey { area, purpose, day, name, .. }, count) in counts.iter().take(SHOWN) {
        let purpose = if purpose.is_empty() { String::new() } else { format!(" for {purpose}") };
        writeln!(out, "{area} {day}: {name}{purpose} {count:+}")?;
    }
    for ((area, day), counts) in duties.iter().take(SHOWN) {
        for (name, count) in counts.named() {
            writeln!(out, "{area} {day}: {name} {count:+}")?;
        }
    }
    for (area, day) in restated.iter().take(SHOWN) {
        writeln!(out, "{area} {day}: published otherwise than held")?;
    }
    for (area, day) in duties_restated.iter().take(SHOWN) {
        writeln!(out, "{area} {day}: what has to be done is published otherwise than held")?;
    }
    let duties: usize = duties.values().map(|counts| counts.named().len()).sum();
    let (counts, restated) = (counts.len() + duties, restated.len() + duties_restated.len());
    writeln!(out, "{counts} counts differ from {first} on, {restated} numbers are published otherwise than held")
}

/// What is looked at.
struct Site<'a> {
    kafka: &'a KafkaConfig,
    layout: Layout,
    secret: Secret,
    rules: &'a Arc<Rules>,
    cut: &'a Cut,
    ring: u64,
}

/// What area tasks hold, and what is on its way to them.
#[derive(Default)]
struct Areas {
    tasks: BTreeMap<i32, AreaTask>,
    /// Held, with what is sent and not yet added.
    counts: Cells,
    /// The same of what has to be done.
    duties: DutySums,
    /// Batches not yet added.
    waiting: u64,
    /// Number of the last repair.
    newest_repair: u64,
}

/// What people add up to.
#[derive(Default)]
struct People {
    counts: Cells,
    duties: DutySums,
}

impl Site<'_> {
    fn stretch(&self, key: (Topic, i32), from: i64) -> Stretches {
        let end = self.cut.end.get(&key).copied().unwrap_or(0);
        [(key, from..end)].into()
    }

    fn restore_from(&self, key: (Topic, i32)) -> i64 {
        self.cut.restore_from.get(&key).copied().unwrap_or(0)
    }

    /// A task's head must be of the commit its group knows, by these rules and this secret.
    fn require(&self, key: (Topic, i32), seq: u64, head: &TaskHead) -> anyhow::Result<()> {
        let (topic, task) = (key.0.name(), key.1);
        ensure!(self.cut.commits.get(&key) == Some(&seq), "{topic} [{task}] is not at the commit of its group: audit");
        ensure!(
            head.secret_fingerprint == self.secret.fingerprint(),
            "{topic} [{task}] was written with another secret"
        );
        ensure!(
            head.rules_digest == self.rules.digest,
            "{topic} [{task}] is counted by other rules than those in force: let the processor take them up first"
        );
        Ok(())
    }

    fn areas(&self) -> anyhow::Result<Areas> {
        let mut areas = Areas::default();
        for task in 0..self.layout.area_tasks {
            let key = (Topic::AreaState, task);
            let (mut stored, mut fault) = (Stored::default(), None);
            reading::all(self.kafka, &self.stretch(key, self.restore_from(key)), PATIENCE, &mut |record, _| {
                let taken = stored.take(record.key.unwrap_or_default(), record.payload);
                fault = fault.take().or(taken.err());
            })?;
            ensure!(fault.is_none(), "{} [{task}]: {}", key.0.name(), fault.unwrap_or_default());
            if let Some((seq, head)) = stored.newest() {
                self.require(key, *seq, head)?;
            }
            let task_state = stored.area_task().map_err(anyhow::Error::msg)?;
            areas.newest_repair =
                areas.newest_repair.max(task_state.seen.get(&self.layout.person_tasks).copied().unwrap_or(0));
            areas.counts.extend(task_state.cells.clone());
            areas.duties.extend(task_state.duties.clone());
            areas.tasks.insert(task, task_state);
        }
        self.add_what_is_on_its_way(&mut areas)?;
        Ok(areas)
    }

    fn add_what_is_on_its_way(&self, areas: &mut Areas) -> anyhow::Result<()> {
        let key = |task| (Topic::AreaChanges, task);
        let from = |task| self.cut.committed.get(&key(task)).or_else(|| self.cut.first.get(&key(task))).copied();
        let ends = |task| self.cut.sent.get(&key(task)).copied();
        let stretches: Stretches = (0..self.layout.area_tasks)
            .filter_map(|task| Some((key(task), from(task).unwrap_or(0)..ends(task)?)))
            .collect();
        let (mut broken, mut newer) = (0, None);
        let mut take = |payload: &[u8]| match AreaChanges::decode(payload) {
            Ok(changes) => {
                areas.waiting += 1;
                if changes.person_task == self.layout.person_tasks {
                    areas.newest_repair = areas.newest_repair.max(changes.seq);
                }
                changes::add(&mut areas.counts, &changes);
                changes::add_duties(&mut areas.duties, &changes);
            }
            Err(_) => broken += 1,
        };
        reading::all(self.kafka, &stretches, PATIENCE, &mut |record, _| {
            let payload = record.payload.unwrap_or_default();
            match Formats::default().require(payload) {
                Ok(()) => take(payload),
                Err(found) => newer = Some(found),
            }
        })?;
        if let Some(newer) = newer {
            let Newer { format, newest } = newer;
            bail!(
                "a batch of format {format} waits for its task, and this version reads up to {newest}: repair with the one \
                 that runs"
            );
        }
        ensure!(broken == 0, "{broken} records of area-changes cannot be read");
        Ok(())
    }

    /// What everybody adds up to, and the time the slowest task has come to. One task's people at a time.
    fn people(&self) -> anyhow::Result<(People, Timestamp)> {
        let (mut sums, mut slowest) = (People::default(), None::<Timestamp>);
        for task in 0..self.layout.person_tasks {
            let key = (Topic::PersonState, task);
            if !self.cut.commits.contains_key(&key) {
                continue;
            }
            let (mut restorer, mut fault) = (Restorer::new(key.0, task, self.ring), None);
            reading::all(self.kafka, &self.stretch(key, self.restore_from(key)), PATIENCE, &mut |record, _| {
                let taken = restorer.take(record.key.unwrap_or_default(), record.payload);
                fault = fault.take().or(taken.err());
            })?;
            let context = || format!("{} [{task}]", key.0.name());
            fault.map_or(Ok(()), Err).with_context(context)?;
            let (secret, layout) = (self.secret, self.layout);
            let (max_record_bytes, formats) = (usize::MAX, Formats::default());
            let half =
                Context { task, layout, secret, max_record_bytes, history: false, formats, due_at_most: DUE_AT_MOST };
            let mut half = PersonHalf::new(half, self.rules.clone());
            let (head, changelog) = restorer.finish(&mut half).with_context(context)?;
            self.require(key, changelog.seq(), &head)?;
            let now = head.now.as_ref().and_then(Timestamp::from_wire).unwrap_or_default();
            slowest = Some(slowest.map_or(now, |slowest| slowest.min(now)));
            for output in half.all_counted() {
                let changes = AreaChanges::decode(&output.payload.unwrap_or_default()[..])?;
                changes::add(&mut sums.counts, &changes);
                changes::add_duties(&mut sums.duties, &changes);
            }
        }
        Ok((sums, slowest.unwrap_or_default()))
    }

    fn corrections(&self, areas: &Areas, people: &People, first: Day) -> anyhow::Result<Corrections> {
        let counts = repair::difference(&people.counts, &areas.counts, first);
        let duties = repair::duty_difference(&people.duties, &areas.duties, first);
        // What is on its way is stated again in any case.
        if areas.waiting > 0 {
            return Ok(Corrections { counts, duties, ..Corrections::default() });
        }
        let task = |area: &str| areas.tasks.get(&self.layout.area_task(target::parts(area).0));
        let kept = |area: &str| {
            let task = task(area)?;
            Some(task.kept_from?..=self.rules.day(task.published_at?))
        };
        let numbers = self.published::<AreaPositivity>(Topic::AreaPositivity)?;
        let restated = repair::misstated(self.rules, &areas.counts, &numbers, kept);
        let said = self.published::<AreaDuties>(Topic::AreaDuties)?;
        let said = said.into_iter().map(|(key, said)| (key, duty_sums::counts_of(&said))).collect();
        let duties_restated = repair::duties_misstated(&areas.duties, &said, |area| task(area)?.kept_from);
        Ok(Corrections { counts, restated, duties, duties_restated })
    }

    /// What a topic of numbers of areas and days holds.
    fn published<M: Message + Default>(&self, topic: Topic) -> anyhow::Result<BTreeMap<(String, Day), M>> {
        let mut published = BTreeMap::new();
        let key = |task| (topic, task);
        let from = |task| self.cut.first.get(&key(task)).copied().unwrap_or(0);
        let stretches = (0..self.layout.area_tasks).flat_map(|task| self.stretch(key(task), from(task))).collect();
        reading::all(self.kafka, &stretches, PATIENCE, &mut |record, _| {
            let key = std::str::from_utf8(record.key.unwrap_or_default()).ok();
            let Some((area, day)) = key.and_then(area_and_day) else { return };
            match record.message() {
                Some(numbers) => drop(published.insert((area, day), numbers)),
                None => drop(published.remove(&(area, day))),
            }
        })?;
        Ok(published)
    }
}
