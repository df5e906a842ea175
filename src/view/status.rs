//! What the workers of this process say about themselves: tasks, books, lag, commits. A worker writes after each
//! commit, behind a lock of its own that readers hold only to copy. Never here: anything a record says.

use crate::model::outcome::Ledger;
use crate::model::record::{HalfKind, Layout};
use crate::model::time::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Brokers are asked every other second; one that takes this long to answer is away.
const BROKER_SILENCE: Duration = Duration::from_secs(10);

/// All workers of this process.
#[derive(Debug, Default)]
pub struct ProcessStatus {
    workers: Mutex<Vec<Arc<Mutex<WorkerStatus>>>>,
    expected: AtomicUsize,
    layout: Mutex<Option<Layout>>,
    history_mode: AtomicBool,
    /// When a broker last answered, once it is watched.
    broker_answered: Mutex<Option<Instant>>,
}

impl ProcessStatus {
    /// How many workers there will be here, how many tasks there are anywhere, and whether past data are read:
    /// readiness waits for all of the workers.
    pub fn expect(&self, workers: usize, layout: Layout, history_mode: bool) {
        self.expected.store(workers, Ordering::Relaxed);
        *locked(&self.layout) = Some(layout);
        self.history_mode.store(history_mode, Ordering::Relaxed);
    }

    /// All workers have ended, and others begin in their place.
    pub fn start_over(&self) {
        locked(&self.workers).clear();
    }

    /// Tasks there are, over all instances; `None` where nothing is expected to work.
    pub fn layout(&self) -> Option<Layout> {
        *locked(&self.layout)
    }

    /// What keeps this process from being ready, in lines: a broker that does not answer, a worker that was not placed
    /// by its group yet, a task that is being restored. Empty when it is ready.
    pub fn unready(&self) -> Vec<String> {
        let (workers, expected) = (self.snapshot(), self.expected.load(Ordering::Relaxed));
        let mut lines = Vec::new();
        if workers.len() < expected {
            lines.push(format!("{} of {expected} workers have started", workers.len()));
        }
        if let Some(silence) = self.broker_silence().filter(|silence| *silence > BROKER_SILENCE) {
            lines.push(format!("no broker has answered for {} s", silence.as_secs()));
        }
        for half in HalfKind::ALL {
            let here = || workers.iter().filter(|worker| worker.half == half);
            let waiting = here().filter(|worker| !worker.placed && !worker.ended).count();
            let ended = here().filter(|worker| worker.ended).count();
            let restoring: Vec<u64> =
                here().flat_map(|worker| worker.tasks.values()).filter_map(|task| task.restoring).collect();
            if waiting > 0 {
                lines.push(format!("{half}: {waiting} workers wait for the group to place their tasks"));
            }
            if !restoring.is_empty() {
                let left: u64 = restoring.iter().sum();
                lines.push(format!("{half}: {} tasks are being restored, {left} records left", restoring.len()));
            }
            for (task, status) in here().flat_map(|worker| &worker.tasks) {
                if let Some(why) = &status.waits_for {
                    lines.push(format!("{half}: task {task} waits: {why}"));
                }
            }
            if ended > 0 {
                lines.push(format!("{half}: {ended} workers have ended"));
            }
        }
        lines
    }

    /// A broker has answered just now.
    pub fn hear_of_broker(&self) {
        *locked(&self.broker_answered) = Some(Instant::now());
    }

    /// How long no broker has answered; `None` when nobody asks.
    pub fn broker_silence(&self) -> Option<Duration> {
        locked(&self.broker_answered).map(|answered| answered.elapsed())
    }

    /// Whether past data are read as if they arrived now.
    pub fn history_mode(&self) -> bool {
        self.history_mode.load(Ordering::Relaxed)
    }

    /// A place for one more worker.
    pub fn worker(&self, half: HalfKind) -> Seat {
        let numbers = Arc::new(Mutex::new(WorkerStatus::new(half)));
        locked(&self.workers).push(Arc::clone(&numbers));
        Seat(numbers)
    }

    /// The state of all workers right now.
    pub fn snapshot(&self) -> Vec<WorkerStatus> {
        let workers = locked(&self.workers).clone();
        workers.iter().map(|worker| locked(worker).clone()).collect()
    }
}

/// A worker's own place in the [`ProcessStatus`].
#[derive(Debug)]
pub struct Seat(Arc<Mutex<WorkerStatus>>);

impl Seat {
    /// Changes the worker's numbers; each change is a sign of life.
    pub fn update(&self, change: impl FnOnce(&mut WorkerStatus)) {
        let mut numbers = locked(&self.0);
        numbers.beat = Instant::now();
        change(&mut numbers);
    }
}

/// A panic while somebody held the lock leaves whole numbers behind: each field is set in one step.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One worker.
#[derive(Clone, Debug)]
pub struct WorkerStatus {
    /// Which half it works for.
    pub half: HalfKind,
    /// Last sign of life.
    pub beat: Instant,
    /// Whether the group has placed this worker, and knows it still; a worker without a task is also placed.
    pub placed: bool,
    /// Whether it ended by itself, as asked.
    pub ended: bool,
    /// Its tasks.
    pub tasks: BTreeMap<i32, TaskStatus>,
    /// Records consumed by successful commits since it started.
    pub records: u64,
    /// Messages and decisions written by successful commits since it started.
    pub written: u64,
    /// Successful commits since it started.
    pub commits: u64,
    /// How long the last successful commit took.
    pub last_commit: Option<Duration>,
    /// Newest receipt per lab, as far as it read results of it since it started.
    pub labs: HashMap<String, Timestamp>,
}

impl WorkerStatus {
    fn new(half: HalfKind) -> Self {
        Self {
            half,
            beat: Instant::now(),
            placed: false,
            ended: false,
            tasks: BTreeMap::new(),
            records: 0,
            written: 0,
            commits: 0,
            last_commit: None,
            labs: HashMap::new(),
        }
    }

    /// The books of all its tasks: consumed, sum of outcomes, sent, received.
    pub fn books(&self) -> Books {
        let mut books = Books::default();
        for task in self.tasks.values() {
            books.add(&task.ledger);
        }
        books
    }
}

/// One task.
#[derive(Clone, Debug, Default)]
pub struct TaskStatus {
    /// Changelog records left to read, at most, while it is being restored; `None` once it runs.
    pub restoring: Option<u64>,
    /// What its restore waits for, if it has not come on for long. Names topics and commands, nothing of a record.
    pub waits_for: Option<String>,
    /// Its own time.
    pub now: Option<Timestamp>,
    /// Input records not yet read; `None` while unknown.
    pub lag: Option<u64>,
    /// Its books.
    pub ledger: Ledger,
    /// What its state holds, by kind.
    pub sizes: Vec<(&'static str, u64)>,
}

/// Both sides of the books of some tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Books {
    /// Records consumed.
    pub consumed: u64,
    /// Sum of outcomes.
    pub outcomes: u64,
    /// Messages sent to other tasks.
    pub sent: u64,
    /// Messages received from other tasks.
    pub received: u64,
}

impl Books {
    /// Adds the books of a task.
    pub fn add(&mut self, ledger: &Ledger) {
        self.consumed += ledger.consumed;
        self.outcomes += ledger.counts().iter().map(|count| count.records).sum::<u64>();
        self.sent += ledger.sent;
        self.received += ledger.received;
    }
}
