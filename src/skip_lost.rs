//! Going on behind records that were deleted before they were read, with all state there is.
//!
//! In: what was lost, and that an operator gives it up. Out: one commit of the task, as the processor itself would
//! write it: its next offset lies behind the gap, and its books say what became of the offsets in it. It is fenced as
//! every commit of that task is: this is a member of the group for a moment, under the same rules as a worker.

use crate::clock;
use crate::config::KafkaConfig;
use crate::kafka::group_of;
use crate::kafka::log::{KafkaLog, Settings};
use crate::kafka::lost::Lost;
use crate::model::ids::Secret;
use crate::model::record::Layout;
use crate::model::time::Timestamp;
use crate::pipeline::formats::Formats;
use crate::pipeline::half::{Context, Half};
use crate::runtime::log::{Commit, CommitError, Committed, Fatal, Log as _, Polled, Restore};
use crate::runtime::task::{RulesInForce, Task};
use crate::state::changelog::Restorer;
use std::time::{Duration, Instant};

/// How long the group may take to place its only member.
const PLACED_IN: Duration = Duration::from_secs(60);

/// Between two looks while something is waited for.
const PAUSE: Duration = Duration::from_millis(5);

/// Why nothing was given up.
#[derive(Debug, thiserror::Error)]
pub enum SkipError {
    /// Kafka, or the stored state.
    #[error(transparent)]
    Kafka(#[from] Fatal),
    /// Somebody else has the task.
    #[error(
        "the group did not give this command task {0}: a processor was started meanwhile; stop all instances and try again"
    )]
    NotOurs(i32),
    /// The commit did not succeed.
    #[error(
        "nothing was given up, or it is not known whether it was ({0}); ask again what is lost: swabstream skip-lost"
    )]
    Commit(#[from] CommitError),
}

/// Where a task's state is.
#[derive(Clone, Debug)]
pub struct Site {
    /// The deployment.
    pub kafka: KafkaConfig,
    /// How many tasks there are.
    pub layout: Layout,
    /// Key of all hashes.
    pub secret: Secret,
    /// Whether data are past.
    pub history: bool,
    /// Formats of messages between tasks.
    pub formats: Formats,
    /// Rules to read the state by.
    pub rules: RulesInForce,
    /// R of the changelogs.
    pub ring: u64,
}

/// Gives up what was lost of the inputs of one task, at a time. Returns the number of the commit that says so. A task has
/// one commit for all its inputs, and is not restored while any of them lacks something that is not given up.
pub fn skip<H: Half>(site: &Site, (number, lost): (i32, &[Lost]), at: Timestamp) -> Result<u64, SkipError> {
    let group = group_of::<H>(&site.kafka);
    let id = format!("{group}-skip-lost");
    let settings = Settings::new(&site.kafka, group, id, H::INPUTS, H::CHANGELOG);
    let settings = Settings { given_up: lost.to_vec(), ..settings };
    let mut log = KafkaLog::join(settings)?;
    await_task(&mut log, number)?;
    let mut task = restored::<H>(&mut log, site, number)?;
    lost.iter().for_each(|lost| task.give_up(lost.topic, lost.to, at));
    let next = task.next().to_vec();
    log.start(number, &next)?;
    let (outputs, part) = task.commit(None);
    log.commit(&Commit::new(outputs, vec![part]))?;
    Ok(task.seq())
}

/// Waits for the group, in which nobody else is to be.
fn await_task(log: &mut KafkaLog, task: i32) -> Result<(), SkipError> {
    let began = clock::monotonic();
    loop {
        match log.poll(1, &mut |_| {})? {
            Polled::Assigned(tasks) if tasks.contains(&task) => return Ok(()),
            Polled::Nothing if began.elapsed() < PLACED_IN => std::thread::sleep(PAUSE),
            _ => return Err(SkipError::NotOurs(task)),
        }
    }
}

/// The task as its last commit left it.
fn restored<H: Half>(log: &mut KafkaLog, site: &Site, task: i32) -> Result<Task<H>, SkipError> {
    let mut changelog = Restorer::new(H::CHANGELOG, task, site.ring);
    let committed = read(log, task, &mut changelog)?;
    let Site { layout, secret, history, formats, rules, ring, .. } = site.clone();
    let context = Context { task, layout, secret, max_record_bytes: usize::MAX, history, formats };
    let restored = Task::restored(context, &rules, committed, changelog, ring);
    Ok(restored.map_err(|why| Fatal(log.explain(task, &why)))?)
}

/// Reads the changelog to its end, and stays in the group meanwhile.
fn read(log: &mut KafkaLog, task: i32, changelog: &mut Restorer) -> Result<Committed, SkipError> {
    let mut told: Option<Instant> = None;
    loop {
        if !matches!(log.poll(1, &mut |_| {})?, Polled::Nothing) {
            return Err(SkipError::NotOurs(task));
        }
        let mut fault = Ok(());
        let found = log.restore(task, &mut |records| {
            for record in records {
                let taken = changelog.take(record.key.unwrap_or_default(), record.payload);
                fault = std::mem::replace(&mut fault, Ok(())).and(taken);
            }
        })?;
        fault.map_err(|why| Fatal(log.explain(task, &why)))?;
        match found {
            Restore::Done(committed) => return Ok(committed),
            Restore::Reading { .. } => {}
            Restore::Stuck(why) if told.is_none_or(|told| told.elapsed() > PLACED_IN) => {
                tracing::warn!("waiting: {why}");
                told = Some(clock::monotonic());
            }
            Restore::Stuck(_) | Restore::Pending => std::thread::sleep(PAUSE),
        }
    }
}
