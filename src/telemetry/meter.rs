//! What a worker reports, per batch and per commit: it costs some additions, never a look-up per record.

use super::names::{
    CLOSED_CHANGES, COMMIT_DURATION, COMMITS, OUTCOMES, REBALANCES, RECORDS_CONSUMED, RECORDS_WRITTEN, REPORTED_EARLY,
    RESTORE_DURATION, RESTORED_BYTES, RESTORED_RECORDS, RESULT_TO_ALERT,
};
use super::series::Series;
use crate::model::outcome::{Ledger, code_text, codes};
use crate::model::record::{HalfKind, Topic};
use crate::model::time::Timestamp;
use crate::proto::v1::{Outcome, OutcomeCount, RejectCode};
use crate::view::status::{Seat, TaskStatus};
use crate::view::texts;
use metrics::{Counter, Histogram};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// How a commit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitEnd {
    /// It is there.
    Ok,
    /// Nothing of it is there.
    Aborted,
    /// Somebody else owns the tasks.
    Fenced,
    /// Nobody can tell yet.
    Unknown,
}

impl CommitEnd {
    const ALL: [Self; 4] = [Self::Ok, Self::Aborted, Self::Fenced, Self::Unknown];

    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Aborted => "aborted",
            Self::Fenced => "fenced",
            Self::Unknown => "unknown",
        }
    }
}

/// What a task is after a commit.
#[derive(Clone, Debug)]
pub struct TaskReport<'a> {
    /// The task.
    pub task: i32,
    /// Its own time, if it has read anything yet.
    pub now: Option<Timestamp>,
    /// Its books.
    pub ledger: &'a Ledger,
    /// Records not yet read; `None` while unknown.
    pub lag: Option<u64>,
    /// What its state holds, as `Half::sizes` tells.
    pub sizes: Vec<(&'static str, u64)>,
}

/// The reporting end of one worker: process counters and its place in the status.
#[derive(Debug)]
pub struct Meter {
    seat: Seat,
    consumed: Vec<(Topic, Counter)>,
    written: Vec<(Topic, Counter)>,
    outcomes: HashMap<(i32, i32), Counter>,
    /// Of the half that reads results.
    reported_early: Option<Counter>,
    result_to_alert: Option<Histogram>,
    commits: [Counter; 4],
    duration: Histogram,
    rebalances: [Counter; 3],
    restored_records: Counter,
    restored_bytes: Counter,
    restore_duration: Histogram,
    /// Only areas have days that close.
    closed: Option<Counter>,
    /// The books as last reported, per task: what they grew by is what the counters grow by.
    known: BTreeMap<i32, Vec<OutcomeCount>>,
}

impl Meter {
    pub(super) fn new(series: &Series, seat: Seat, half: HalfKind, inputs: &[Topic]) -> Self {
        let name = half.name();
        let topics = |metric, topics: &[Topic]| -> Vec<(Topic, Counter)> {
            topics.iter().map(|topic| (*topic, series.counter(metric, &[name, topic.name()]))).collect()
        };
        Self {
            seat,
            consumed: topics(&RECORDS_CONSUMED, inputs),
            written: topics(&RECORDS_WRITTEN, written_by(half)),
            outcomes: outcomes(series, name),
            reported_early: inputs.contains(&Topic::LabResults).then(|| series.counter(&REPORTED_EARLY, &[])),
            result_to_alert: inputs.contains(&Topic::LabResults).then(|| series.histogram(&RESULT_TO_ALERT, &[])),
            commits: CommitEnd::ALL.map(|end| series.counter(&COMMITS, &[name, end.name()])),
            duration: series.histogram(&COMMIT_DURATION, &[name]),
            rebalances: ["assigned", "revoked", "lost"].map(|kind| series.counter(&REBALANCES, &[name, kind])),
            restored_records: series.counter(&RESTORED_RECORDS, &[name]),
            restored_bytes: series.counter(&RESTORED_BYTES, &[name]),
            restore_duration: series.histogram(&RESTORE_DURATION, &[name]),
            closed: (half == HalfKind::Area).then(|| series.counter(&CLOSED_CHANGES, &[name])),
            known: BTreeMap::new(),
        }
    }

    /// The loop has turned: to be called at least every few seconds, also while restoring.
    pub fn beat(&self) {
        self.seat.update(|_| ());
    }

    /// The group has placed tasks here, which are to be restored, or has none for this worker.
    pub fn assigned(&mut self, tasks: &[i32]) {
        self.rebalances[0].increment(u64::from(!tasks.is_empty()));
        self.restarted(tasks);
    }

    /// Tasks whose state was dropped and is to be restored, after a failed commit.
    pub fn restarted(&mut self, tasks: &[i32]) {
        for task in tasks {
            self.known.remove(task);
        }
        self.seat.update(|status| {
            status.placed = true;
            let restoring = || TaskStatus { restoring: Some(0), ..TaskStatus::default() };
            status.tasks.extend(tasks.iter().map(|task| (*task, restoring())));
        });
    }

    /// A restore has come on: so many changelog records are left, at most.
    pub fn restoring(&self, task: i32, remaining: u64) {
        self.seat.update(|status| {
            let status = status.tasks.entry(task).or_default();
            (status.restoring, status.waits_for) = (Some(remaining), None);
        });
    }

    /// A restore cannot go on for now, for this reason.
    pub fn stuck(&self, task: i32, why: &str) {
        self.seat.update(|status| status.tasks.entry(task).or_default().waits_for = Some(why.to_owned()));
    }

    /// A restore has read so much more.
    pub fn restore_read(&self, records: u64, bytes: u64) {
        self.restored_records.increment(records);
        self.restored_bytes.increment(bytes);
    }

    /// A restore is done.
    pub fn restore_took(&self, seconds: f64) {
        self.restore_duration.record(seconds);
    }

    /// A restored task runs: its books so far were counted by whoever held it before.
    pub fn restored(&mut self, report: TaskReport<'_>) {
        self.known.insert(report.task, report.ledger.counts());
        self.seat.update(|status| {
            status.tasks.insert(report.task, task_status(&report));
        });
    }

    /// Tasks were given back after their last commit.
    pub fn revoked(&mut self, tasks: &[i32]) {
        self.rebalances[1].increment(1);
        self.left(tasks);
    }

    /// Tasks had already been given to others.
    pub fn lost(&mut self, tasks: &[i32]) {
        self.rebalances[2].increment(1);
        self.left(tasks);
        // The group does not know this worker any more: it is to be placed anew.
        self.seat.update(|status| status.placed = false);
    }

    fn left(&mut self, tasks: &[i32]) {
        for task in tasks {
            self.known.remove(task);
        }
        self.seat.update(|status| status.tasks.retain(|task, _| !tasks.contains(task)));
    }

    /// A commit succeeded: what it consumed and wrote, by topic, and what each touched task now is.
    pub fn committed(&mut self, took: Duration, consumed: &[(Topic, u64)], written: &[(Topic, u64)]) {
        self.commits[CommitEnd::Ok as usize].increment(1);
        self.duration.record(took.as_secs_f64());
        add(&self.consumed, consumed);
        add(&self.written, written);
        self.seat.update(|status| {
            status.commits += 1;
            status.last_commit = Some(took);
            status.records += consumed.iter().map(|(_, records)| records).sum::<u64>();
            status.written += written.iter().map(|(_, records)| records).sum::<u64>();
        });
    }

    /// A commit did not succeed.
    pub fn failed(&self, end: CommitEnd) {
        self.commits[end as usize].increment(1);
        self.beat();
    }

    /// A task after a commit that touched it.
    pub fn task(&mut self, report: TaskReport<'_>) {
        let counts = report.ledger.counts();
        let known = self.known.entry(report.task).or_default();
        for count in &counts {
            let before = known.iter().find(|known| (known.outcome, known.code) == (count.outcome, count.code));
            let grown = count.records.saturating_sub(before.map_or(0, |before| before.records));
            if let Some(counter) = self.outcomes.get(&(count.outcome, count.code)) {
                counter.increment(grown);
            }
        }
        *known = counts;
        self.seat.update(|status| {
            status.tasks.insert(report.task, task_status(&report));
        });
    }

    /// Lag of a task that had nothing to commit.
    pub fn lag(&self, task: i32, lag: Option<u64>, now: Option<Timestamp>) {
        self.seat.update(|status| {
            if let Some(status) = status.tasks.get_mut(&task) {
                (status.lag, status.now) = (lag, now);
            }
        });
    }

    /// A commit passed over so many changes of days that are closed.
    pub fn closed(&self, task: i32, changes: u64) {
        if let Some(counter) = self.closed.as_ref().filter(|_| changes > 0) {
            counter.increment(changes);
            tracing::warn!(task, changes, "changes of days that are closed came too late to count anywhere");
        }
    }

    /// Newest receipts of registered labs, as gathered in the effects of a commit.
    pub fn labs_heard(&self, labs: &[(String, Timestamp)]) {
        self.seat.update(|status| {
            for (lab, at) in labs {
                match status.labs.get_mut(lab) {
                    Some(newest) => *newest = (*newest).max(*at),
                    None => {
                        status.labs.insert(lab.clone(), *at);
                    }
                }
            }
        });
    }

    /// Results of a commit that say they were reported before they were collected.
    pub fn reported_early(&self, results: u64) {
        if let Some(counter) = &self.reported_early {
            counter.increment(results);
        }
    }

    /// Alerts of a commit that was done at a time, by when the results behind them were received. A broker's clock that is
    /// ahead of ours makes it shorter, down to no time at all.
    pub fn alerted(&self, received: &[Timestamp], done: Timestamp) {
        if let Some(histogram) = &self.result_to_alert {
            received.iter().for_each(|at| histogram.record((done.0 - at.0).max(0) as f64 / 1000.0));
        }
    }

    /// The worker ends as asked: nothing is held here any more.
    pub fn ended(&mut self) {
        self.known.clear();
        self.seat.update(|status| {
            status.ended = true;
            status.tasks.clear();
        });
    }
}

fn task_status(report: &TaskReport<'_>) -> TaskStatus {
    TaskStatus {
        restoring: None,
        waits_for: None,
        now: report.now,
        lag: report.lag,
        ledger: report.ledger.clone(),
        sizes: report.sizes.clone(),
    }
}

fn add(counters: &[(Topic, Counter)], records: &[(Topic, u64)]) {
    for (topic, records) in records {
        if let Some((_, counter)) = counters.iter().find(|(known, _)| known == topic) {
            counter.increment(*records);
        }
    }
}

fn written_by(half: HalfKind) -> &'static [Topic] {
    match half {
        HalfKind::Person => &[
            Topic::Alerts,
            Topic::PersonDuties,
            Topic::PersonEvents,
            Topic::AreaChanges,
            Topic::DeadLetters,
            Topic::Progress,
        ],
        HalfKind::Area => &[
            Topic::AreaPositivity,
            Topic::AreaPublished,
            Topic::AreaTiers,
            Topic::AreaDuties,
            Topic::AreaAlerts,
            Topic::LabReceipts,
            Topic::Progress,
            Topic::DeadLetters,
        ],
    }
}

/// Numbers of the contract's enumerations are below.
const NUMBERS: i32 = 256;

/// Every outcome and code there can be, at 0: a rate over them works from the start.
fn outcomes(series: &Series, half: &str) -> HashMap<(i32, i32), Counter> {
    let all = (1..NUMBERS).filter_map(|outcome| Outcome::try_from(outcome).ok());
    let mut counters = HashMap::new();
    for outcome in all {
        let codes: Vec<RejectCode> = match outcome {
            Outcome::Rejected => codes().collect(),
            _ => vec![RejectCode::Unspecified],
        };
        for code in codes {
            let labels = [half, &texts::outcome(outcome), &code_label(code)];
            counters.insert((outcome as i32, code as i32), series.counter(&OUTCOMES, &labels));
        }
    }
    counters
}

fn code_label(code: RejectCode) -> String {
    if code == RejectCode::Unspecified { "none".to_owned() } else { code_text(code) }
}
