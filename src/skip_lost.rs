//! Going on behind records that were deleted before they were read, with all state there is.
//!
//! In: what was lost, and that an operator gives it up. Out: one commit of the task, as the processor itself would
//! write it: its next offset lies behind the gap, and its books say what became of the offsets in it. It is fenced as
//! every commit of that task is: this is a member of the group for a moment, under the same rules as a worker.

use crate::config::KafkaConfig;
use crate::kafka::group_of;
use crate::kafka::log::{KafkaLog, Settings};
use crate::kafka::lost::Lost;
use crate::model::ids::Secret;
use crate::model::record::Layout;
use crate::model::time::Timestamp;
use crate::pipeline::formats::Formats;
use crate::pipeline::half::{Context, DUE_AT_MOST, Half};
use crate::runtime::log::{Commit, CommitError, Committed, Fatal, Log, Polled, Restore};
use crate::runtime::task::{RulesInForce, Task};
use crate::state::changelog::Restorer;
use std::time::Duration;

/// How long the group may take to place its only member.
const PLACED_IN: Duration = Duration::from_secs(60);

/// How long nothing of the state may come. A log that is held up says why after a minute, and what to do.
const READ_ON_IN: Duration = Duration::from_secs(120);

/// Between two looks while something is waited for.
const PAUSE: Duration = Duration::from_millis(5);

/// Why the loss was not given up. Whoever reads it learns whether anything was changed.
#[derive(Debug, thiserror::Error)]
pub enum SkipError {
    /// Kafka, or the stored state.
    #[error(transparent)]
    Kafka(#[from] Fatal),
    /// Somebody else has the task.
    #[error(
        "nothing was given up: the group did not give this command task {0}: a processor was started meanwhile; stop all \
         instances and try again"
    )]
    NotOurs(i32),
    /// Nobody has it.
    #[error(
        "nothing was given up: the group has placed nobody within {} s: its coordinator is away, or still waits for a member \
         that was killed; look after the brokers and try again", PLACED_IN.as_secs()
    )]
    NotPlaced,
    /// The state cannot be read to its end.
    #[error("nothing was given up: of the state of task {task} nothing came for {} s{why}; try again", READ_ON_IN.as_secs())]
    Stuck {
        /// The task.
        task: i32,
        /// What it waited for, if the log said so.
        why: String,
    },
    /// Somebody else has given it up.
    #[error(
        "nothing was given up: task {0} goes on behind that by now, as somebody else has given it up meanwhile; ask again what \
         is lost: swabstream skip-lost"
    )]
    Overtaken(i32),
    /// The process was asked to end.
    #[error("interrupted; nothing was given up")]
    Interrupted,
    /// Nothing of the commit is there.
    #[error("nothing was given up: {0}; try again")]
    Refused(CommitError),
    /// Nobody knows whether it is there.
    #[error("it is not known whether it was given up ({0}); ask again what is lost: swabstream skip-lost")]
    Unknown(CommitError),
}

impl From<CommitError> for SkipError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Aborted(_) | CommitError::Fenced(_) => Self::Refused(error),
            CommitError::Unknown(_) => Self::Unknown(error),
        }
    }
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

/// Whoever gives it up, and waits.
#[derive(Clone, Copy)]
pub struct Operator<'a> {
    /// Whether it is to end: until the commit is written it does, and has changed nothing.
    pub asks_to_end: &'a dyn Fn() -> bool,
    /// Hears what is waited for.
    pub hears: &'a dyn Fn(&str),
}

/// Becomes a member of the group, to give this up. Blocks until the broker has reported the inputs.
pub fn join<H: Half>(site: &Site, lost: &[Lost]) -> Result<KafkaLog, Fatal> {
    let group = group_of::<H>(&site.kafka);
    let id = format!("{group}-skip-lost");
    let settings = Settings::new(&site.kafka, group, id, H::INPUTS, H::CHANGELOG);
    KafkaLog::join(Settings { given_up: lost.to_vec(), ..settings })
}

/// Gives up what was lost of the inputs of one task, at a time. Returns the number of the commit that says so. A task has
/// one commit for all its inputs, and is not restored while any of them lacks something that is not given up.
pub fn give_up<H: Half, L: Log>(
    log: &mut L,
    site: &Site,
    (number, lost): (i32, &[Lost]),
    at: Timestamp,
    operator: Operator<'_>,
) -> Result<u64, SkipError> {
    await_task(log, number, operator)?;
    let mut task = restored::<H, L>(log, site, number, operator)?;
    if !lost.iter().all(|lost| task.give_up(lost.topic, lost.to, at)) {
        return Err(SkipError::Overtaken(number));
    }
    let next = task.next().to_vec();
    log.start(number, &next)?;
    let (outputs, part) = task.commit(None);
    // The last moment: whoever asks later finds it done.
    if (operator.asks_to_end)() {
        return Err(SkipError::Interrupted);
    }
    log.commit(Commit::new(outputs, vec![part]))?;
    Ok(task.seq())
}

/// Waits for the group, in which nobody else is to be.
fn await_task<L: Log>(log: &mut L, task: i32, operator: Operator<'_>) -> Result<(), SkipError> {
    let began = log.elapsed();
    loop {
        if (operator.asks_to_end)() {
            return Err(SkipError::Interrupted);
        }
        match log.poll(1, &mut |_| {})? {
            Polled::Assigned(tasks) if tasks.contains(&task) => return Ok(()),
            Polled::Nothing if log.elapsed().saturating_sub(began) < PLACED_IN => std::thread::sleep(PAUSE),
            Polled::Nothing => return Err(SkipError::NotPlaced),
            _ => return Err(SkipError::NotOurs(task)),
        }
    }
}

/// The task as its last commit left it.
fn restored<H: Half, L: Log>(
    log: &mut L,
    site: &Site,
    task: i32,
    operator: Operator<'_>,
) -> Result<Task<H>, SkipError> {
    let mut changelog = Restorer::new(H::CHANGELOG, task, site.ring);
    let committed = read(log, task, &mut changelog, operator)?;
    let Site { layout, secret, history, formats, rules, ring, .. } = site.clone();
    let context =
        Context { task, layout, secret, max_record_bytes: usize::MAX, history, formats, due_at_most: DUE_AT_MOST };
    let restored = Task::restored(context, &rules, committed, changelog, ring);
    Ok(restored.map_err(|why| Fatal::State(log.explain(task, &why)))?)
}

/// Reads the changelog to its end, and stays in the group meanwhile.
fn read<L: Log>(
    log: &mut L,
    task: i32,
    changelog: &mut Restorer,
    operator: Operator<'_>,
) -> Result<Committed, SkipError> {
    let (mut moved, mut held_up) = (log.elapsed(), None::<String>);
    loop {
        if (operator.asks_to_end)() {
            return Err(SkipError::Interrupted);
        }
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
        fault.map_err(|why| Fatal::State(log.explain(task, &why)))?;
        match found {
            Restore::Done(committed) => return Ok(committed),
            Restore::Reading { .. } => (moved, held_up) = (log.elapsed(), None),
            Restore::Stuck(_) | Restore::Pending if log.elapsed().saturating_sub(moved) > READ_ON_IN => {
                let why = held_up.map_or_else(String::new, |why| format!(": {why}"));
                return Err(SkipError::Stuck { task, why });
            }
            Restore::Stuck(why) => {
                if held_up.is_none() {
                    (operator.hears)(&format!("waiting: {why}"));
                }
                held_up = Some(why);
                std::thread::sleep(PAUSE);
            }
            Restore::Pending => std::thread::sleep(PAUSE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::{Record, Topic};
    use crate::pipeline::person::PersonHalf;
    use crate::policy::sample::sample_rules;
    use crate::runtime::log::Ended;
    use crate::state::paged::Unusable;
    use std::cell::{Cell, RefCell};
    use std::collections::VecDeque;
    use std::sync::Arc;

    /// Between two looks at it, by its own clock.
    const ROUND: Duration = Duration::from_secs(10);

    /// A log that says what is written here, and then nothing; it keeps what is committed.
    #[derive(Default)]
    struct Scripted {
        polls: VecDeque<Polled>,
        restores: VecDeque<Restore>,
        refuses: Option<CommitError>,
        committed: Vec<Commit>,
        elapsed: Duration,
    }

    impl Log for Scripted {
        async fn ready(&self) {}

        fn poll(&mut self, _: usize, _: &mut dyn FnMut(&[Record<'_>])) -> Result<Polled, Fatal> {
            self.elapsed += ROUND;
            Ok(self.polls.pop_front().unwrap_or(Polled::Nothing))
        }

        fn restore(&mut self, _: i32, _: &mut dyn FnMut(&[Record<'_>])) -> Result<Restore, Fatal> {
            Ok(self.restores.pop_front().unwrap_or(Restore::Pending))
        }

        fn explain(&self, _: i32, why: &Unusable) -> String {
            why.to_string()
        }

        fn start(&mut self, _: i32, _: &[(Topic, i64)]) -> Result<(), Fatal> {
            Ok(())
        }

        fn release(&mut self, _: &[i32]) -> Result<(), Fatal> {
            Ok(())
        }

        fn begin_commit(&mut self, commit: Commit) {
            self.committed.push(commit);
        }

        fn end_commit(&mut self, _: Duration) -> Option<Ended> {
            Some(Ended { result: self.refuses.clone().map_or(Ok(()), Err), at: self.elapsed })
        }

        fn rewind(&mut self) -> Result<(), Fatal> {
            Ok(())
        }

        fn changelog_end(&mut self, _: i32) -> Option<i64> {
            None
        }

        fn idle_since(&mut self, _: i32) -> Option<Timestamp> {
            None
        }

        fn reached(&mut self, _: i32) -> Option<Vec<(Topic, i64)>> {
            None
        }

        fn lag(&mut self, _: i32) -> Option<u64> {
            None
        }

        fn elapsed(&self) -> Duration {
            self.elapsed
        }
    }

    const LOST: Lost = Lost { topic: Topic::LabResults, task: 1, from: 0, to: 7 };

    fn ours() -> Polled {
        Polled::Assigned(vec![0, 1])
    }

    fn done() -> Restore {
        let next = PersonHalf::INPUTS.iter().map(|topic| (*topic, 0)).collect();
        Restore::Done(Committed { next, begin: Vec::new(), mark: None })
    }

    fn stuck() -> Restore {
        Restore::Stuck("a transaction is open".to_owned())
    }

    /// Who has enough after so many looks; what came of it, and what was said meanwhile.
    fn given_up(log: &mut Scripted, patience: usize) -> (Result<u64, String>, Vec<String>) {
        let rules = RulesInForce { rules: Arc::new(sample_rules()), offset: 0 };
        let layout = Layout { person_tasks: 2, area_tasks: 1 };
        let secret = Secret::new([7; 16]);
        let site = Site {
            kafka: KafkaConfig::new("", ""),
            layout,
            secret,
            history: false,
            formats: Formats::default(),
            rules,
            ring: 8,
        };
        let (looks, heard) = (Cell::new(0), RefCell::new(Vec::new()));
        let operator = Operator {
            asks_to_end: &|| looks.replace(looks.get() + 1) >= patience,
            hears: &|what| heard.borrow_mut().push(what.to_owned()),
        };
        let ended = give_up::<PersonHalf, _>(log, &site, (1, &[LOST]), Timestamp(1), operator);
        (ended.map_err(|error| error.to_string()), heard.into_inner())
    }

    #[track_caller]
    fn assert_refused(log: &mut Scripted, patience: usize, says: &[&str]) -> Vec<String> {
        let (ended, heard) = given_up(log, patience);
        let said = ended.expect_err("nothing was given up");
        for words in says.iter().chain(&["nothing was given up"]) {
            assert!(said.contains(words), "{words}: {said}");
        }
        heard
    }

    #[test]
    fn the_commit_goes_on_behind_what_was_lost() {
        let mut log =
            Scripted { polls: [ours()].into(), restores: [Restore::Pending, done()].into(), ..Scripted::default() };
        assert_eq!(given_up(&mut log, usize::MAX), (Ok(1), Vec::new()));
        let [commit] = &log.committed[..] else { panic!("one commit: {:?}", log.committed) };
        assert_eq!(commit.tasks()[0].task, 1);
        assert!(commit.tasks()[0].next.contains(&(Topic::LabResults, 7)), "{:?}", commit.tasks()[0].next);
    }

    #[test]
    fn what_somebody_else_has_given_up_meanwhile_is_told_and_not_booked_twice() {
        for next in [7, 9] {
            let committed = Committed { next: vec![(Topic::LabResults, next)], begin: Vec::new(), mark: None };
            let restores = [Restore::Done(committed)].into();
            let mut log = Scripted { polls: [ours()].into(), restores, ..Scripted::default() };
            assert_refused(&mut log, usize::MAX, &["task 1 goes on behind that by now", "ask again what is lost"]);
            assert!(log.committed.is_empty());
        }
    }

    #[test]
    fn a_group_that_places_nobody_is_not_taken_for_another_processor() {
        assert_refused(&mut Scripted::default(), usize::MAX, &["placed nobody within 60 s"]);
        // A task that goes to another, at once or while its state is read.
        for polls in [vec![Polled::Assigned(vec![0])], vec![ours(), Polled::Revoked(vec![1])]] {
            let mut log = Scripted { polls: polls.into(), ..Scripted::default() };
            assert_refused(&mut log, usize::MAX, &["did not give this command task 1", "stop all instances"]);
            assert!(log.committed.is_empty());
        }
    }

    #[test]
    fn state_that_cannot_be_read_on_ends_with_what_holds_it_up() {
        let polls = || VecDeque::from([ours()]);
        let mut log = Scripted { polls: polls(), restores: vec![stuck(); 1_000].into(), ..Scripted::default() };
        let heard = assert_refused(&mut log, usize::MAX, &["task 1 nothing came for 120 s: a transaction is open"]);
        assert_eq!(heard, ["waiting: a transaction is open"], "once");
        let mut log = Scripted { polls: polls(), ..Scripted::default() };
        assert_refused(&mut log, usize::MAX, &["task 1 nothing came for 120 s; try again"]);
        // As long as something comes it is read on: three minutes here.
        let reading = std::iter::repeat_n([stuck(), Restore::Reading { remaining: 1 }], 9).flatten();
        let mut log = Scripted { polls: polls(), restores: reading.chain([done()]).collect(), ..Scripted::default() };
        assert_eq!(given_up(&mut log, usize::MAX).0, Ok(1));
    }

    #[test]
    fn whoever_asks_it_to_end_before_the_commit_finds_nothing_changed() {
        // Looks: for the group, twice while it reads, before the commit.
        for patience in 0..4 {
            let restores = [Restore::Pending, done()].into();
            let mut log = Scripted { polls: [ours()].into(), restores, ..Scripted::default() };
            assert_refused(&mut log, patience, &["interrupted"]);
            assert!(log.committed.is_empty(), "{patience}");
        }
        let mut log = Scripted::default();
        assert_refused(&mut log, 3, &["interrupted"]);
    }

    #[test]
    fn a_commit_that_failed_says_whether_anything_was_changed() {
        let log = |refuses| Scripted {
            polls: [ours()].into(),
            restores: [done()].into(),
            refuses: Some(refuses),
            ..Scripted::default()
        };
        for error in [CommitError::Aborted("why".into()), CommitError::Fenced("why".into())] {
            assert_refused(&mut log(error), usize::MAX, &["why"]);
        }
        let (ended, _) = given_up(&mut log(CommitError::Unknown("why".into())), usize::MAX);
        let said = ended.expect_err("not known");
        assert!(said.starts_with("it is not known whether it was given up (") && said.contains("why"), "{said}");
    }
}
