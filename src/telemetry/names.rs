//! Every metric this program has: name, kind, help, unit and labels, in one table. Whoever writes a dashboard or an
//! alert rule reads this file; nothing else names a metric. No label can grow without bound: each is of a [`Label`].

/// One metric.
#[derive(Debug)]
pub struct Metric {
    /// Full name, with unit suffix.
    pub name: &'static str,
    /// What it does over time.
    pub kind: Kind,
    /// The help text.
    pub help: &'static str,
    /// Its labels, in the order their values are given.
    pub labels: &'static [Label],
}

/// What a metric does over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, until the process restarts.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts in buckets.
    Histogram,
}

/// A label. Its values come from the contract, from the code or from the registries, never from records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// `person` or `area`.
    Half,
    /// Topic of the contract, without prefix.
    Topic,
    /// Outcome of the contract.
    Outcome,
    /// Code of the contract, `none` where there is none.
    Code,
    /// `ok`, `aborted`, `fenced`, `unknown`.
    CommitResult,
    /// `assigned`, `revoked`, `lost`.
    Rebalance,
    /// One side of the books: `consumed`, `outcomes`; of messages: `sent`, `received`.
    Side,
    /// `running` or `restoring`.
    Phase,
    /// Number of a task: as many as the topics have partitions.
    Task,
    /// What is counted in the state, named in the code.
    StateKind,
    /// Lab of the registry.
    Lab,
    /// Area of the registry, of a level that keeps people.
    Area,
    /// `tests_over_tests`, `people_over_people`.
    Method,
    /// 1, 3, 7, 14.
    WindowDays,
    /// Alert family of the contract.
    Family,
    /// Alert state of the contract.
    AlertState,
    /// Target that the rules in force declare.
    Target,
    /// Version of this build.
    Version,
}

impl Label {
    /// Its name in the exposition.
    pub fn name(self) -> &'static str {
        match self {
            Label::Half => "half",
            Label::Topic => "topic",
            Label::Outcome => "outcome",
            Label::Code => "code",
            Label::CommitResult => "result",
            Label::Rebalance | Label::StateKind => "kind",
            Label::Side => "side",
            Label::Phase => "phase",
            Label::Task => "task",
            Label::Lab => "lab",
            Label::Area => "area",
            Label::Method => "method",
            Label::WindowDays => "window_days",
            Label::Family => "family",
            Label::AlertState => "state",
            Label::Target => "target",
            Label::Version => "version",
        }
    }
}

/// What a part of a metric's name says about the unit of its values, in order of precedence: the first part that the
/// name has. Base units are also the unit of OpenMetrics.
const UNITS: [(&str, &str); 25] = [
    ("timestamp_seconds", "seconds since 1970-01-01 UTC"),
    ("start_time_seconds", "seconds since 1970-01-01 UTC"),
    ("seconds", "seconds"),
    ("bytes", "bytes"),
    ("ratio", "ratio, 0 to 1"),
    ("records", "records"),
    ("outcomes", "records"),
    ("letters", "records"),
    ("messages", "messages"),
    ("commits", "commits"),
    ("rebalances", "changes of placement"),
    ("changes", "changes"),
    ("tasks", "tasks"),
    ("entries", "entries"),
    ("day_closes", "days"),
    ("reported_before_collected", "results"),
    ("alerts", "alerts"),
    ("rank", "rank, 0 is the mildest"),
    ("clients", "open streams"),
    ("fds", "file descriptors"),
    ("threads", "threads"),
    ("registered", "1 for yes"),
    ("info", "always 1"),
    ("ready", "1 for yes, 0 for no"),
    ("history_mode", "1 for yes, 0 for no"),
];

impl Metric {
    /// The unit of its values, in words; empty when the table of units does not know the name, which a test forbids.
    pub fn unit(&self) -> &'static str {
        let has = |part: &str| format!("{}_", self.name).contains(&format!("_{part}_"));
        UNITS.iter().find(|(part, _)| has(part)).map_or("", |(_, unit)| unit)
    }

    /// The base unit that the name ends with, `_total` apart; `None` for mere counts.
    pub fn base_unit(&self) -> Option<&'static str> {
        ["seconds", "bytes", "ratio"].into_iter().find(|unit| self.family().ends_with(&format!("_{unit}")))
    }

    /// Its name without `_total`: the family's, in OpenMetrics.
    pub fn family(&self) -> &'static str {
        self.name.strip_suffix("_total").unwrap_or(self.name)
    }

    /// The help text, with the unit.
    pub fn help_with_unit(&self) -> String {
        format!("{} Unit: {}.", self.help, self.unit())
    }
}

const fn counter(name: &'static str, labels: &'static [Label], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, help, labels }
}

const fn gauge(name: &'static str, labels: &'static [Label], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, help, labels }
}

/// Records consumed.
pub const RECORDS_CONSUMED: Metric = counter(
    "swabstream_records_consumed_total",
    &[Label::Half, Label::Topic],
    "Records consumed by this process, counted when their commit succeeded.",
);
/// Records written.
pub const RECORDS_WRITTEN: Metric = counter(
    "swabstream_records_written_total",
    &[Label::Half, Label::Topic],
    "Records written by this process in successful commits, state changes apart.",
);
/// Where records ended.
pub const OUTCOMES: Metric = counter(
    "swabstream_outcomes_total",
    &[Label::Half, Label::Outcome, Label::Code],
    "Consumed records by the one outcome each ended in, counted when their commit succeeded.",
);
/// What came too late.
pub const CLOSED_CHANGES: Metric = counter(
    "swabstream_closed_changes_total",
    &[Label::Half],
    "Changes of numbers of days that are closed, counted when their commit succeeded: they count nowhere.",
);
/// Results reported before they were collected.
pub const REPORTED_EARLY: Metric = counter(
    "swabstream_reported_before_collected_total",
    &[],
    "Results that say they were reported before they were collected, by more than clocks differ; they count all the same.",
);
/// From a result to the alert it raises.
pub const RESULT_TO_ALERT: Metric = Metric {
    name: "swabstream_result_to_alert_seconds",
    kind: Kind::Histogram,
    help: "From the broker's receipt of a result to the commit of an alert that it raised, changed or withdrew; of live \
           work only.",
    labels: &[],
};
/// Commits.
pub const COMMITS: Metric = counter(
    "swabstream_commits_total",
    &[Label::Half, Label::CommitResult],
    "Commits by how they ended; all but ok make the worker restore its tasks.",
);
/// Commit duration.
pub const COMMIT_DURATION: Metric = Metric {
    name: "swabstream_commit_duration_seconds",
    kind: Kind::Histogram,
    help: "Time one successful commit took, from the first write to the broker's answer.",
    labels: &[Label::Half],
};
/// Rebalances.
pub const REBALANCES: Metric = counter(
    "swabstream_rebalances_total",
    &[Label::Half, Label::Rebalance],
    "Changes of placement this process was told of.",
);
/// Both sides of the books.
pub const LEDGER_RECORDS: Metric = gauge(
    "swabstream_ledger_records",
    &[Label::Half, Label::Side],
    "The books of the tasks held here since their first record: consumed, and the sum of outcomes.",
);
/// Messages between tasks.
pub const LEDGER_MESSAGES: Metric = gauge(
    "swabstream_ledger_messages",
    &[Label::Half, Label::Side],
    "Messages between tasks in the books of the tasks held here; over all instances sent = received + in flight.",
);
/// What does not balance.
pub const LEDGER_IMBALANCE: Metric = gauge(
    "swabstream_ledger_imbalance_records",
    &[Label::Half],
    "Records consumed that have no outcome, in the tasks held here: anything but 0 is a fault.",
);
/// Whether a broker answers.
pub const BROKER_SILENCE: Metric = gauge(
    "swabstream_broker_silence_seconds",
    &[],
    "Time since a broker last answered this process, which asks every other second.",
);
/// Tasks.
pub const TASKS: Metric =
    gauge("swabstream_tasks", &[Label::Half, Label::Phase], "Tasks held here, running or being restored.");
/// Tasks there are.
pub const EXPECTED_TASKS: Metric = gauge(
    "swabstream_expected_tasks",
    &[Label::Half],
    "Tasks there are, over all instances: as many must be held by somebody.",
);
/// Readiness.
pub const READY: Metric = gauge(
    "swabstream_ready",
    &[],
    "1 while /readyz says so: a broker answers, every worker was placed, every task held here is restored.",
);
/// Restore progress.
pub const RESTORE_REMAINING: Metric = gauge(
    "swabstream_restore_remaining_records",
    &[Label::Half],
    "Changelog records still to be read before all tasks held here run, at most.",
);
/// Records read by restores.
pub const RESTORED_RECORDS: Metric = counter(
    "swabstream_restored_records_total",
    &[Label::Half],
    "Changelog records read by restores: while one runs and this stands still, the log says what it waits for.",
);
/// Bytes read by restores.
pub const RESTORED_BYTES: Metric =
    counter("swabstream_restored_bytes_total", &[Label::Half], "Bytes of changelog records read by restores.");
/// Restore duration.
pub const RESTORE_DURATION: Metric = Metric {
    name: "swabstream_restore_duration_seconds",
    kind: Kind::Histogram,
    help: "Time from the assignment of a task, or a failed commit, to its state being whole again.",
    labels: &[Label::Half],
};
/// Lag in records.
pub const TASK_LAG_RECORDS: Metric = gauge(
    "swabstream_task_lag_records",
    &[Label::Half, Label::Task],
    "Input records of the task that were not yet read.",
);
/// Lag in time.
pub const TASK_LAG_SECONDS: Metric = gauge(
    "swabstream_task_lag_seconds",
    &[Label::Half, Label::Task],
    "Age of the newest record the task has read, 0 when nothing is left to read; absent in history mode.",
);
/// A task's time.
pub const TASK_NOW: Metric = gauge(
    "swabstream_task_now_timestamp_seconds",
    &[Label::Half, Label::Task],
    "The task's own time: the highest time of receipt among its inputs.",
);
/// Progress of one task.
pub const TASK_PROGRESS: Metric = gauge(
    "swabstream_task_progress_timestamp_seconds",
    &[Label::Half, Label::Task],
    "The time the task has reached by what it published, whoever holds it.",
);
/// The smallest progress.
pub const MIN_PROGRESS: Metric = gauge(
    "swabstream_min_progress_timestamp_seconds",
    &[Label::Half],
    "The smallest time any task of the half has reached, over all instances: day closes wait for it.",
);
/// Days that wait.
pub const DAY_CLOSES_WAITING: Metric = gauge(
    "swabstream_day_closes_waiting",
    &[Label::Task],
    "Days whose close waits for the person task, which has not come so far while others have.",
);
/// How far the slowest task is behind the fastest.
pub const SLOWEST_BEHIND: Metric = gauge(
    "swabstream_slowest_task_behind_seconds",
    &[],
    "How far the slowest person task is behind the fastest, by what both published.",
);
/// State, in entries.
pub const STATE_ENTRIES: Metric =
    gauge("swabstream_state_entries", &[Label::Half, Label::StateKind], "What the tasks held here keep, by kind.");
/// State, in bytes.
pub const STATE_BYTES: Metric = gauge(
    "swabstream_state_bytes",
    &[Label::Half, Label::StateKind],
    "Memory of what the tasks held here keep, by kind.",
);
/// Labs heard.
pub const LAB_NEWEST: Metric = gauge(
    "swabstream_lab_newest_result_timestamp_seconds",
    &[Label::Lab],
    "Receipt of the newest result of the lab that this process read since it started; absent before the first.",
);
/// Labs that are to be heard.
pub const LAB_REGISTERED: Metric =
    gauge("swabstream_lab_registered", &[Label::Lab], "Always 1, for each lab of the registry in force.");
/// Alerts.
pub const ALERTS: Metric = gauge(
    "swabstream_alerts",
    &[Label::Family, Label::AlertState, Label::Target],
    "Alerts by the state they are in now.",
);
/// Positivity.
pub const AREA_POSITIVITY: Metric = gauge(
    "swabstream_area_positivity_ratio",
    &[Label::Area, Label::Target, Label::Method, Label::WindowDays],
    "Newest positivity of the area, 0 to 1, of levels of the registry with at most 100 areas; absent while its \
     denominator is empty.",
);
/// Tier.
pub const AREA_TIER: Metric = gauge(
    "swabstream_area_tier_rank",
    &[Label::Area, Label::Target],
    "Rank of the area's tier, 0 is the mildest; of the same levels.",
);
/// Dead letters.
pub const DEAD_LETTERS: Metric =
    gauge("swabstream_dead_letters", &[Label::Code], "Records in the topic dead-letters, by code.");
/// History mode.
pub const HISTORY_MODE: Metric =
    gauge("swabstream_history_mode", &[], "1 when past data are read as if they arrived now.");
/// Open event streams.
pub const EVENT_CLIENTS: Metric = gauge("swabstream_event_clients", &[], "Pages that follow the event stream.");
/// Start.
pub const STARTED: Metric = gauge("swabstream_start_timestamp_seconds", &[], "When this process started.");
/// Build.
pub const BUILD: Metric = gauge("swabstream_build_info", &[Label::Version], "Always 1; the label tells the version.");

/// Records the view has read.
pub const VIEW_RECORDS: Metric = counter(
    "swabstream_view_records_total",
    &[Label::Topic],
    "Records of the outputs that this process has read for its page and these numbers.",
);

/// Processor time.
pub const PROCESS_CPU: Metric =
    counter("process_cpu_seconds_total", &[], "User and system processor time this process has spent.");
/// Resident memory.
pub const PROCESS_RESIDENT: Metric =
    gauge("process_resident_memory_bytes", &[], "Memory of this process that is resident.");
/// Virtual memory.
pub const PROCESS_VIRTUAL: Metric = gauge("process_virtual_memory_bytes", &[], "Virtual memory of this process.");
/// Limit of virtual memory.
pub const PROCESS_VIRTUAL_MAX: Metric = gauge(
    "process_virtual_memory_max_bytes",
    &[],
    "Most virtual memory this process may have; absent while it is not limited.",
);
/// Open files.
pub const PROCESS_OPEN_FDS: Metric = gauge("process_open_fds", &[], "Files and sockets this process has open.");
/// Limit of open files.
pub const PROCESS_MAX_FDS: Metric = gauge(
    "process_max_fds",
    &[],
    "Most files and sockets this process may have open; absent while they are not limited.",
);
/// Start of the process.
pub const PROCESS_START: Metric =
    gauge("process_start_time_seconds", &[], "When this process started, by the operating system.");
/// Threads.
pub const PROCESS_THREADS: Metric = gauge("process_threads", &[], "Threads of this process.");

/// The whole table.
pub const ALL: [&Metric; 48] = [
    &RECORDS_CONSUMED,
    &RECORDS_WRITTEN,
    &OUTCOMES,
    &CLOSED_CHANGES,
    &REPORTED_EARLY,
    &RESULT_TO_ALERT,
    &COMMITS,
    &COMMIT_DURATION,
    &REBALANCES,
    &LEDGER_RECORDS,
    &LEDGER_MESSAGES,
    &LEDGER_IMBALANCE,
    &BROKER_SILENCE,
    &TASKS,
    &EXPECTED_TASKS,
    &READY,
    &RESTORE_REMAINING,
    &RESTORED_RECORDS,
    &RESTORED_BYTES,
    &RESTORE_DURATION,
    &TASK_LAG_RECORDS,
    &TASK_LAG_SECONDS,
    &TASK_NOW,
    &TASK_PROGRESS,
    &MIN_PROGRESS,
    &DAY_CLOSES_WAITING,
    &SLOWEST_BEHIND,
    &STATE_ENTRIES,
    &STATE_BYTES,
    &LAB_NEWEST,
    &LAB_REGISTERED,
    &ALERTS,
    &AREA_POSITIVITY,
    &AREA_TIER,
    &DEAD_LETTERS,
    &HISTORY_MODE,
    &EVENT_CLIENTS,
    &STARTED,
    &BUILD,
    &VIEW_RECORDS,
    &PROCESS_CPU,
    &PROCESS_RESIDENT,
    &PROCESS_VIRTUAL,
    &PROCESS_VIRTUAL_MAX,
    &PROCESS_OPEN_FDS,
    &PROCESS_MAX_FDS,
    &PROCESS_START,
    &PROCESS_THREADS,
];
