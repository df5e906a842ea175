//! Commits: one transaction with outputs, state changes and offsets, by one producer per worker.
//!
//! A producer lives as long as everything it does succeeds at once. After any doubt it is replaced: a delayed request
//! of the old one could otherwise end a later transaction.

use super::acl::{denied, principal};
use super::client::{Role, properties};
use super::error::Error;
use super::group::Group;
use super::names::Names;
use super::native::{
    Ending, ErrorCode, PartitionList, TransactionEnd, TransactionError, TransactionalProducer, Unended,
};
use super::publisher::produce_all;
use crate::clock;
use crate::config::KafkaConfig;
use crate::runtime::log::{Commit, CommitError, REVOKE_COMMIT_LIMIT};
use std::collections::BTreeMap;
use std::ffi::CString;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

mod fences;

use fences::Fences;

/// A new producer that the broker has not taken after so long is worth a word in the log.
const WORTH_A_WORD: Duration = Duration::from_secs(5);

/// How long a commit may take. The broker itself ends a transaction that is older than its own limit.
const COMMIT_LIMIT: Duration = Duration::from_secs(15);

/// How long an abort may take; a new producer of the same id makes the broker do it in any case.
const ABORT_LIMIT: Duration = Duration::from_secs(5);

/// A commit that took longer may have been sent twice.
const SUSPICIOUS: Duration = Duration::from_secs(1);

/// Commits refused because of a rebalance under way are tried so often: nothing of them was written.
const ATTEMPTS: usize = 3;

/// Writes the commits of a worker.
#[derive(Debug)]
pub(super) struct Committer {
    producer: Option<TransactionalProducer>,
    /// Since when the broker is asked to take the producer; `None` once it has.
    waiting: Option<Waiting>,
    /// `transactional.id`.
    id: String,
    fences: Fences,
    properties: BTreeMap<String, String>,
    notify: Arc<Notify>,
    under_way: Option<UnderWay>,
    /// A commit failed: nothing more before the rewind.
    failed: bool,
}

#[derive(Debug)]
struct Waiting {
    since: Instant,
    logged: bool,
}

/// A commit that was begun and not yet told the end of.
#[derive(Debug)]
struct UnderWay {
    commit: Commit,
    /// Including this one.
    attempts: usize,
    sent: Result<Sent, CommitError>,
}

/// A transaction whose end the broker was asked for.
#[derive(Debug)]
struct Sent {
    ending: Ending,
    began: Instant,
    /// Of the producer, before anything was written.
    disturbances: u64,
}

impl Committer {
    /// A producer that will fence whoever used the id before.
    pub(super) fn new(config: &KafkaConfig, id: &str, notify: &Arc<Notify>) -> Result<Self, Error> {
        let properties = properties(config, &Role::Transactional { id: id.to_owned() })?;
        let mut committer = Self {
            producer: None,
            waiting: None,
            id: id.to_owned(),
            fences: Fences::default(),
            properties,
            notify: notify.clone(),
            under_way: None,
            failed: false,
        };
        committer.renew()?;
        Ok(committer)
    }

    /// A new producer of the same id. Once it [is ready](Self::get_ready), late requests of the old one are refused. Of a
    /// commit under way nobody hears any more.
    pub(super) fn renew(&mut self) -> Result<(), Error> {
        // A thread may still wait for the end of what is under way: it is not waited for, so that the new producer can end it.
        if let (Some(UnderWay { sent: Ok(_), .. }), Some(producer)) = (self.under_way.take(), &self.producer) {
            producer.leave_behind();
        }
        self.producer = None;
        self.producer = Some(TransactionalProducer::new(&self.properties, self.notify.clone())?);
        self.waiting = Some(Waiting { since: clock::monotonic(), logged: false });
        self.failed = false;
        Ok(())
    }

    /// Whether the broker has taken the producer.
    pub(super) fn is_ready(&self) -> bool {
        self.waiting.is_none()
    }

    /// Asks the broker to take the producer, if it has not: whether it has now, and with it ended what an earlier one
    /// of its id left open. As long as the broker is away it has not: to be asked again.
    pub(super) fn get_ready(&mut self, limit: Duration) -> Result<bool, Error> {
        let (Some(waiting), Some(producer)) = (&mut self.waiting, &self.producer) else { return Ok(true) };
        producer.serve();
        if self.fences.pausing(clock::monotonic()) {
            waiting.since = clock::monotonic();
            return Ok(false);
        }
        let Err(error) = producer.init(limit) else {
            if waiting.logged {
                tracing::info!("the broker has taken the producer");
            }
            self.waiting = None;
            return Ok(true);
        };
        if !waiting.logged && waiting.since.elapsed() > WORTH_A_WORD {
            tracing::warn!("waiting for the broker to take a producer: {}", error.text);
            waiting.logged = true;
        }
        match error.code {
            code if is_refused(code) => {
                let acl = denied(&principal(&self.properties), "Write", &format!("--transactional-id {}", self.id));
                let acl = if code == TRANSACTIONAL_ID_DENIED { format!("; {acl}") } else { String::new() };
                Err(Error::new(format!("no transactions with this transactional.id: {}{acl}", error.text)))
            }
            // Somebody else of the same id came between, or the library gave up: with another one from the beginning.
            _ if !error.retriable => {
                note_fence(&mut self.fences, &self.id, error.code);
                self.renew().map(|()| false)
            }
            _ => Ok(false),
        }
    }

    /// See [`Log::begin_commit`](crate::runtime::log::Log::begin_commit).
    pub(super) fn begin(&mut self, names: &Names, commit: Commit, group: &mut Group) {
        assert!(self.under_way.is_none(), "one commit ends before the next begins");
        self.attempt(names, commit, group, 1);
    }

    fn attempt(&mut self, names: &Names, commit: Commit, group: &mut Group, attempts: usize) {
        let sent = match self.failed {
            true => Err(CommitError::Aborted("an earlier commit failed and was not rewound".to_owned())),
            false => self.send(names, &commit, group),
        };
        self.under_way = Some(UnderWay { commit, attempts, sent });
    }

    /// Hands everything over and asks for the end.
    fn send(&mut self, names: &Names, commit: &Commit, group: &mut Group) -> Result<Sent, CommitError> {
        let tasks: Vec<i32> = commit.tasks().iter().map(|task| task.task).collect();
        // Before the work, since a refusal then costs nothing.
        group.fence(&tasks)?;
        let limit = if group.is_revoking() { REVOKE_COMMIT_LIMIT } else { COMMIT_LIMIT };
        let ready = self.get_ready(limit);
        let Some(producer) = self.producer.as_mut().filter(|_| ready == Ok(true)) else {
            let why = ready.err().map_or("the broker has not taken the new producer".to_owned(), |error| error.0);
            return Err(CommitError::Aborted(why));
        };
        producer.serve();
        let (began, disturbances) = (clock::monotonic(), producer.handle().disturbances());
        if let Err(error) = write(producer, names, commit) {
            note_fence(&mut self.fences, &self.id, error.code);
            return Err(abort(producer, &error));
        }
        // Fresh again: writing may have taken a while. The offsets go last, and with them the fence.
        let membership = group.fence(&tasks).inspect_err(|_| {
            let _ = producer.abort(ABORT_LIMIT);
        })?;
        Ok(Sent { ending: producer.end(offsets_of(names, commit), membership, limit), began, disturbances })
    }

    /// See [`Log::end_commit`](crate::runtime::log::Log::end_commit); with how it ended, when.
    pub(super) fn end(
        &mut self,
        names: &Names,
        group: &mut Group,
        wait: Duration,
    ) -> Option<(Result<(), CommitError>, Instant)> {
        let Some(under_way) = self.under_way.take() else {
            // Its producer had to be replaced meanwhile.
            self.failed = true;
            return Some((Err(CommitError::Unknown("its producer is gone".to_owned())), clock::monotonic()));
        };
        let (result, at) = match (&under_way.sent, &self.producer) {
            (Err(error), _) => (Err(Failure::Final(error.clone())), clock::monotonic()),
            (Ok(_), None) => unreachable!("whoever takes the producer takes what it has under way"),
            (Ok(sent), Some(producer)) => match producer.ended(&sent.ending, wait) {
                None => {
                    self.under_way = Some(under_way);
                    return None;
                }
                Some(TransactionEnd { result: Ok(()), at }) => {
                    self.renew_if_suspicious(sent, at);
                    (Ok(()), at)
                }
                Some(TransactionEnd { result: Err(why), at }) => (Err(self.unended(&why)), at),
            },
        };
        let result = match result {
            Err(Failure::Stale(why)) if under_way.attempts < ATTEMPTS => {
                tracing::info!("a commit met a rebalance and is tried again: {why}");
                return self.again(names, under_way, group).map(|failed| (failed, at));
            }
            result => result.map_err(CommitError::from),
        };
        self.failed |= result.is_err();
        Some((result, at))
    }

    fn again(&mut self, names: &Names, was: UnderWay, group: &mut Group) -> Option<Result<(), CommitError>> {
        if let Err(error) = self.renew() {
            self.failed = true;
            return Some(Err(CommitError::Aborted(error.0)));
        }
        self.attempt(names, was.commit, group, was.attempts + 1);
        None
    }

    fn unended(&mut self, why: &Unended) -> Failure {
        let Some(producer) = &self.producer else { unreachable!("it said why") };
        let (Unended::Offsets(error) | Unended::Commit(error)) = why;
        note_fence(&mut self.fences, &self.id, error.code);
        let explained = explained(error.clone(), producer, &self.properties);
        match why {
            Unended::Commit(_) => Failure::Final(uncommitted(producer, explained)),
            Unended::Offsets(_) => {
                let aborted = abort(producer, &explained);
                if is_stale(error.code) { Failure::Stale(explained.text) } else { Failure::Final(aborted) }
            }
        }
    }

    fn renew_if_suspicious(&mut self, sent: &Sent, ended: Instant) {
        let Some(producer) = &self.producer else { return };
        producer.serve();
        let is_disturbed = producer.handle().disturbances() != sent.disturbances;
        if ended.saturating_duration_since(sent.began) > SUSPICIOUS || is_disturbed {
            tracing::info!("a commit went through with delay or a broken connection: using a new producer");
            if let Err(error) = self.renew() {
                tracing::warn!("there is no new producer: {error}");
                self.failed = true;
            }
        }
    }
}

/// How an attempt failed.
enum Failure {
    /// The member's generation had just passed: again with a fresh one.
    Stale(String),
    Final(CommitError),
}

impl From<Failure> for CommitError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Stale(why) => Self::Fenced(why),
            Failure::Final(error) => error,
        }
    }
}

/// An error with what an operator can do about it, where it is that we are not allowed something. It may be allowed again
/// while the processor runs, so it is not the end.
fn explained(
    error: TransactionError,
    producer: &TransactionalProducer,
    properties: &BTreeMap<String, String>,
) -> TransactionError {
    let topics = producer.handle().denied();
    let text = match error.code {
        // What comes after the refusal, within the same transaction, fails for its own reasons.
        code if code == ErrorCode::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED || !topics.is_empty() => {
            let topics: Vec<String> = topics.iter().map(|topic| format!("--topic {topic}")).collect();
            let all = || "--topic with the name of each topic that the role writes to".to_owned();
            let topics = if topics.is_empty() { all() } else { topics.join(" ") };
            denied(&principal(properties), "Write", &topics)
        }
        ErrorCode::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED => {
            denied(&principal(properties), "Read", "--group with the name of [kafka] group, and with -areas behind it")
        }
        _ => return error,
    };
    TransactionError { text, ..error }
}

fn write(producer: &mut TransactionalProducer, names: &Names, commit: &Commit) -> Result<(), TransactionError> {
    producer.begin()?;
    let changes = commit.tasks().iter().flat_map(|task| &task.changes);
    produce_all(producer, names, commit.outputs().iter().chain(changes))
}

fn offsets_of(names: &Names, commit: &Commit) -> PartitionList {
    let mut offsets = PartitionList::new();
    for task in commit.tasks() {
        let mark = CString::new(task.mark.to_text()).unwrap_or_default();
        for (topic, next) in &task.next {
            offsets.add_with_text(names.of(*topic), task.task, *next, mark.clone());
        }
    }
    offsets
}

/// The group refused us.
fn is_stale(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION
            | ErrorCode::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID
            | ErrorCode::RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID
            | ErrorCode::RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS
    )
}

const TRANSACTIONAL_ID_DENIED: ErrorCode = ErrorCode::RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED;

/// The broker does not let us write: nothing to wait for.
fn is_refused(code: ErrorCode) -> bool {
    matches!(
        code,
        TRANSACTIONAL_ID_DENIED
            | ErrorCode::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED
            | ErrorCode::RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT
            | ErrorCode::RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE
            | ErrorCode::RD_KAFKA_RESP_ERR__AUTHENTICATION
    )
}

/// Somebody else has our transactional id.
fn is_fenced(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::RD_KAFKA_RESP_ERR__FENCED
            | ErrorCode::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH
            | ErrorCode::RD_KAFKA_RESP_ERR_PRODUCER_FENCED
    )
}

/// Somebody else of our id again and again is a mistake in the configuration: it is logged, and not answered at once.
fn note_fence(fences: &mut Fences, id: &str, code: ErrorCode) {
    if !is_fenced(code) {
        return;
    }
    if let Some(pause) = fences.note(clock::monotonic()) {
        tracing::warn!(
            "another process seems to use the name of this instance: both write as {id} (group-instance-worker) and \
             fence each other; give each its own [processing] instance; trying again in {} s",
            pause.as_secs()
        );
    }
}

/// Before the commit was asked for, nothing can have been committed, whether or not the abort succeeds.
fn abort(producer: &TransactionalProducer, error: &TransactionError) -> CommitError {
    if !error.fatal {
        let _ = producer.abort(ABORT_LIMIT);
    }
    match is_stale(error.code) || is_fenced(error.code) {
        true => CommitError::Fenced(error.text.clone()),
        false => CommitError::Aborted(error.text.clone()),
    }
}

/// Once the commit was asked for, only the library's word that it can be aborted, and the abort, say that it did not
/// happen.
fn uncommitted(producer: &TransactionalProducer, error: TransactionError) -> CommitError {
    if error.abortable && producer.abort(ABORT_LIMIT).is_ok() {
        return CommitError::Aborted(error.text);
    }
    CommitError::Unknown(error.text)
}
