//! What is true now, laid out anew for each scrape: a task that has left leaves no series behind, and a label value
//! is there only while the registry or the placement has it.

use super::names::{
    ALERTS, AREA_POSITIVITY, AREA_TIER, BROKER_SILENCE, BUILD, DAY_CLOSES_WAITING, DEAD_LETTERS, EVENT_CLIENTS,
    EXPECTED_TASKS, HISTORY_MODE, LAB_NEWEST, LAB_REGISTERED, LEDGER_IMBALANCE, LEDGER_MESSAGES, LEDGER_RECORDS,
    MIN_PROGRESS, PROCESS_CPU, PROCESS_MAX_FDS, PROCESS_OPEN_FDS, PROCESS_RESIDENT, PROCESS_START, PROCESS_THREADS,
    PROCESS_VIRTUAL, PROCESS_VIRTUAL_MAX, READY, RESTORE_REMAINING, SLOWEST_BEHIND, STARTED, STATE_BYTES,
    STATE_ENTRIES, TASK_LAG_RECORDS, TASK_LAG_SECONDS, TASK_NOW, TASK_PROGRESS, TASKS, VIEW_RECORDS,
};
use super::process::Process;
use super::series::Series;
use crate::model::outcome::{code_text, codes};
use crate::model::record::HalfKind;
use crate::model::target;
use crate::model::time::Timestamp;
use crate::pipeline::alerting::families;
use crate::proto::v1::{AlertState, WindowNumbers};
use crate::view::areas::{AreaOverview, total};
use crate::view::overview::Overview;
use crate::view::status::{Books, ProcessStatus, TaskStatus, WorkerStatus};
use crate::view::texts;
use std::collections::HashMap;
use std::sync::atomic::Ordering;

/// The gauges about this process as of now. `now` is the wall clock: lag is measured against it.
pub(super) fn of_process(series: &Series, process: &Process, now: Timestamp) {
    let history = process.status.history_mode();
    series.gauge(&BUILD, &[env!("CARGO_PKG_VERSION")]).set(1.0);
    series.gauge(&STARTED, &[]).set(seconds(process.started));
    series.gauge(&HISTORY_MODE, &[]).set(f64::from(u8::from(history)));
    if let Some(silence) = process.status.broker_silence() {
        series.gauge(&BROKER_SILENCE, &[]).set(silence.as_secs_f64());
    }
    series.gauge(&READY, &[]).set(f64::from(u8::from(process.status.unready().is_empty())));
    if let Some(layout) = process.status.layout() {
        for half in HalfKind::ALL {
            series.gauge(&EXPECTED_TASKS, &[half.name()]).set(f64::from(layout.tasks(half)));
        }
    }
    series.gauge(&EVENT_CLIENTS, &[]).set(process.event_clients.load(Ordering::Relaxed) as f64);
    let workers = process.status.snapshot();
    for half in HalfKind::ALL {
        let workers: Vec<&WorkerStatus> = workers.iter().filter(|worker| worker.half == half).collect();
        books(series, half.name(), &workers);
        for worker in workers {
            for (task, status) in &worker.tasks {
                task_gauges(series, half.name(), *task, status, (!history).then_some(now));
            }
        }
    }
}

/// What the operating system says of this process: what it does not say, or does not limit, is absent.
pub(super) fn of_the_system(series: &Series, system: &metrics_process::collector::Metrics) {
    let limit = |limit: Option<u64>| limit.filter(|limit| *limit > 0);
    for (metric, value) in [
        (&PROCESS_RESIDENT, system.resident_memory_bytes),
        (&PROCESS_VIRTUAL, system.virtual_memory_bytes),
        (&PROCESS_VIRTUAL_MAX, limit(system.virtual_memory_max_bytes)),
        (&PROCESS_OPEN_FDS, system.open_fds),
        (&PROCESS_MAX_FDS, limit(system.max_fds)),
        (&PROCESS_START, system.start_time_seconds),
        (&PROCESS_THREADS, system.threads),
    ] {
        if let Some(value) = value {
            series.gauge(metric, &[]).set(value as f64);
        }
    }
    // A counter of the library holds whole numbers only; what it is is said by the table, not by the library.
    if let Some(seconds) = system.cpu_seconds_total {
        series.gauge(&PROCESS_CPU, &[]).set(seconds);
    }
}

fn books(series: &Series, half: &str, workers: &[&WorkerStatus]) {
    let mut books = Books::default();
    let (mut running, mut restoring, mut remaining) = (0_u32, 0_u32, 0_u64);
    for task in workers.iter().flat_map(|worker| worker.tasks.values()) {
        books.add(&task.ledger);
        match task.restoring {
            Some(left) => (restoring, remaining) = (restoring + 1, remaining + left),
            None => running += 1,
        }
    }
    series.gauge(&LEDGER_RECORDS, &[half, "consumed"]).set(books.consumed as f64);
    series.gauge(&LEDGER_RECORDS, &[half, "outcomes"]).set(books.outcomes as f64);
    series.gauge(&LEDGER_MESSAGES, &[half, "sent"]).set(books.sent as f64);
    series.gauge(&LEDGER_MESSAGES, &[half, "received"]).set(books.received as f64);
    series.gauge(&LEDGER_IMBALANCE, &[half]).set(books.consumed as f64 - books.outcomes as f64);
    series.gauge(&TASKS, &[half, "running"]).set(f64::from(running));
    series.gauge(&TASKS, &[half, "restoring"]).set(f64::from(restoring));
    series.gauge(&RESTORE_REMAINING, &[half]).set(remaining as f64);
}

fn task_gauges(series: &Series, half: &str, task: i32, status: &TaskStatus, wall: Option<Timestamp>) {
    let labels: [&str; 2] = [half, &task.to_string()];
    if let Some(lag) = status.lag {
        series.gauge(&TASK_LAG_RECORDS, &labels).set(lag as f64);
    }
    if let Some(lag) = wall.and_then(|wall| lag_seconds(status, wall)) {
        series.gauge(&TASK_LAG_SECONDS, &labels).set(lag);
    }
    if let Some(now) = status.now {
        series.gauge(&TASK_NOW, &labels).set(seconds(now));
    }
    for (kind, value) in &status.sizes {
        let (metric, kind) = match kind.strip_suffix("bytes") {
            Some("") => (&STATE_BYTES, "all"),
            Some(kind) => (&STATE_BYTES, kind.trim_end_matches('_')),
            None => (&STATE_ENTRIES, *kind),
        };
        series.gauge(metric, &[half, kind]).increment(*value as f64);
    }
}

/// How old the newest record read is while others wait; 0 when none waits.
pub fn lag_seconds(status: &TaskStatus, wall: Timestamp) -> Option<f64> {
    match (status.lag?, status.now) {
        (0, _) => Some(0.0),
        (_, Some(now)) => Some((seconds(wall) - seconds(now)).max(0.0)),
        (_, None) => None,
    }
}

/// The gauges about what was published, by whatever instance.
pub(super) fn of_outputs(series: &Series, overview: &Overview, status: &ProcessStatus) {
    for (topic, records) in overview.read() {
        series.counter(&VIEW_RECORDS, &[topic.name()]).absolute(*records);
    }
    for ((half, task), now) in overview.progress() {
        series.gauge(&TASK_PROGRESS, &[half.name(), &task.to_string()]).set(seconds(*now));
    }
    for half in HalfKind::ALL {
        if let Some(now) = overview.min_progress(half) {
            series.gauge(&MIN_PROGRESS, &[half.name()]).set(seconds(now));
        }
    }
    days(series, overview, status);
    for code in codes().map(code_text) {
        let count = overview.dead_letters.counts().get(&code).copied().unwrap_or(0);
        series.gauge(&DEAD_LETTERS, &[&code]).set(count as f64);
    }
    alert_gauges(series, overview);
    labs(series, overview, status);
    let in_metrics = overview.registry().in_metrics();
    for (key, area) in overview.areas.iter() {
        let (code, target) = target::parts(key);
        if in_metrics(code)
            && let Some(target) = overview.registry().target(target)
        {
            area_gauges(series, [code, target], area);
        }
    }
}

/// Days that are held up, by the tasks that hold them up: 0 for all others.
fn days(series: &Series, overview: &Overview, status: &ProcessStatus) {
    let (days, tasks) = (overview.days(), overview.person_tasks(status));
    (0..tasks).for_each(|task| series.gauge(&DAY_CLOSES_WAITING, &[&task.to_string()]).set(0.0));
    let waiting = overview.registry().rules().map(|rules| days.waiting(rules, tasks)).unwrap_or_default();
    for waits_for in waiting.iter().flat_map(|(_, tasks)| tasks) {
        series.gauge(&DAY_CLOSES_WAITING, &[&waits_for.task.to_string()]).increment(1.0);
    }
    if let Some((newest, slowest)) = days.newest().zip(days.slowest(tasks)) {
        series.gauge(&SLOWEST_BEHIND, &[]).set(seconds(newest) - seconds(slowest));
    }
}

fn alert_gauges(series: &Series, overview: &Overview) {
    let targets = overview.registry().targets();
    // Those that something raises: a series of another would say that all is well with what nobody looks at.
    for family in families::raised() {
        for state in [AlertState::Raised, AlertState::Updated, AlertState::Withdrawn] {
            for target in targets {
                series.gauge(&ALERTS, &[families::name(family), &texts::state(state), &target.id]).set(0.0);
            }
        }
    }
    for (family, state, target, count) in overview.alerts.counts().chain(overview.area_alerts.counts()) {
        // Of what is declared no more only withdrawn ones are left.
        let Some(target) = overview.registry().target(target) else { continue };
        series.gauge(&ALERTS, &[families::name(family), &texts::state(state), target]).increment(count as f64);
    }
}

fn labs(series: &Series, overview: &Overview, status: &ProcessStatus) {
    let mut heard: HashMap<String, Timestamp> = HashMap::new();
    for (lab, at) in status.snapshot().into_iter().flat_map(|worker| worker.labs) {
        let newest = heard.entry(lab).or_default();
        *newest = (*newest).max(at);
    }
    // Of the registry only: a name that a record made up never becomes a label.
    for (lab, _) in overview.registry().labs() {
        series.gauge(&LAB_REGISTERED, &[lab]).set(1.0);
        // Absent until heard of: a zero would read as an age of half a century.
        if let Some(at) = heard.get(lab) {
            series.gauge(&LAB_NEWEST, &[lab]).set(seconds(*at));
        }
    }
}

fn area_gauges(series: &Series, [code, target]: [&str; 2], area: &AreaOverview) {
    if let Some(tier) = &area.tier {
        series.gauge(&AREA_TIER, &[code, target]).set(f64::from(tier.rank));
    }
    let numbers = area.newest.as_ref().and_then(total);
    for window in numbers.map_or(&[][..], |total| &total.windows) {
        window_gauges(series, [code, target], window);
    }
}

fn window_gauges(series: &Series, [code, target]: [&str; 2], window: &WindowNumbers) {
    let days = window.days.to_string();
    let methods = [("tests_over_tests", &window.tests_over_tests), ("people_over_people", &window.people_over_people)];
    for (method, proportion) in methods {
        if let Some(proportion) = proportion {
            series.gauge(&AREA_POSITIVITY, &[code, target, method, &days]).set(proportion.value);
        }
    }
}

fn seconds(at: Timestamp) -> f64 {
    at.0 as f64 / 1000.0
}
