//! The asynchronous shell around a worker: waits for records, time or the end, and calls [`Worker::step`].
//!
//! It runs on a current-thread runtime of the worker's own thread, where the log's calls may block.

use super::log::{Fatal, Log};
use super::task::RulesInForce;
use super::task::clock::Watermarks;
use super::worker::Worker;
use crate::clock;
use crate::model::time::Timestamp;
use crate::pipeline::half::Half;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// No wait is longer: a lost wake-up, an alert that may go out now and a due commit are found within it.
const LONGEST_WAIT: Duration = Duration::from_millis(5);

/// How often lag and time are reported while nothing is committed.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// What all workers of a process hear.
#[derive(Clone, Debug)]
pub struct News {
    /// Rules in force.
    pub rules: watch::Receiver<RulesInForce>,
    /// Smallest progress of all person tasks, once all have published theirs.
    pub slowest: watch::Receiver<Option<Watermarks>>,
    /// How far each person task has come, once all have published it.
    pub come_to: watch::Receiver<Arc<[Timestamp]>>,
    /// True when the process is to end.
    pub shutdown: watch::Receiver<bool>,
}

/// Drives a worker until the process is to end; its last commit is made before it leaves the group.
pub async fn drive<H: Half, L: Log>(mut worker: Worker<H, L>, mut news: News) -> Result<(), Fatal> {
    let mut wait = interval(LONGEST_WAIT);
    wait.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut reported = Instant::now();
    while !*news.shutdown.borrow() {
        tokio::select! {
            () = worker.ready() => {}
            _ = wait.tick() => {}
            _ = news.shutdown.changed() => break,
        }
        // All there is, before waiting again: under load the loop never waits.
        while worker.step(clock::now())? && !*news.shutdown.borrow() {
            hear(&mut worker, &mut news);
        }
        hear(&mut worker, &mut news);
        if reported.elapsed() >= REPORT_EVERY {
            worker.report();
            reported = Instant::now();
        }
    }
    worker.finish(clock::now())
}

fn hear<H: Half, L: Log>(worker: &mut Worker<H, L>, news: &mut News) {
    if news.rules.has_changed().unwrap_or(false) {
        worker.adopt(news.rules.borrow_and_update().clone());
    }
    if let Some(slowest) = *news.slowest.borrow_and_update() {
        worker.set_slowest(slowest);
    }
    worker.set_come_to(news.come_to.borrow_and_update().clone());
}
