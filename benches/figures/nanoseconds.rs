//! Where the processor time of a result goes.
//!
//! Threads are told apart by the kernel: what the client receives and sends, people, areas. What a person thread does
//! is measured stage by stage with the core alone, one task of four; what its thread takes beyond that is the hand-over
//! to the producer, the commit's calls, and caches that broker and client share with it.

use super::city::{COMMIT, RING, Residents};
use super::figures::Figures;
use super::ours::Ours;
use super::site::Site;
use super::throughput::{LAYOUT, open, read_to_end};
use super::workload::{self, Sent, Shape, Workload};
use super::{Scale, city};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;
use swabstream::model::ids::Secret;
use swabstream::model::record::{Record, Topic, partition_of};
use swabstream::model::time::Timestamp;
use swabstream::pipeline::decode::result_view::ResultView;
use swabstream::pipeline::decode::{self, validate};
use swabstream::pipeline::effects::Effects;
use swabstream::pipeline::formats::Formats;
use swabstream::pipeline::half::{Context, DUE_AT_MOST, Half as _};
use swabstream::pipeline::person::PersonHalf;
use swabstream::pipeline::times::Times;
use swabstream::proto::v1::TaskHead;
use swabstream::state::changelog::Changelog;

const NOW: Timestamp = Timestamp(1_670_000_000_000);
const MAX_RECORD_BYTES: usize = 1_000_000;

/// The table: each row with its nanoseconds per result.
pub fn nanoseconds(scale: &Scale, figures: &mut Figures) -> anyhow::Result<()> {
    let site = Site::loaded("nanoseconds", LAYOUT, Shape::default(), scale.records)?;
    let results = site.loaded.records;
    let bare = {
        let before = Threads::now();
        let mut reader = open(&site)?;
        read_to_end(&mut reader, results, |_| {})?;
        Threads::now().since(&before, results)
    };
    let ours = {
        let before = Threads::now();
        let ours = Ours::start(&site, None)?;
        ours.process(results, site.loaded.away)?;
        let threads = Threads::now().since(&before, results);
        ours.shut_down()?;
        threads
    };
    site.remove()?;
    let core = Core::measure(results / LAYOUT.person_tasks as u64);

    let (receive, poll) = (bare.of("rdk:"), bare.of("figures"));
    let rows = [
        ("receive", "the client's thread, as in a bare consumer", receive),
        ("poll", "taking batches over, as in a bare consumer", poll),
        ("decode", "fields in place, not copied", core.decode),
        ("validate", "against the rules in force", core.validate),
        ("look_up", "a person among half a million", core.look_up),
        ("apply", "hashes, versions, specimens, counting, the operations of the delta", core.apply),
        ("changes", "changed cells into messages for areas", core.changes),
        ("delta", "records of the changelog: the operations, and as many bytes of images", core.delta),
        ("person_rest", "handing over, commit, caches that are shared", ours.of("person") - poll - core.total()),
        ("areas", "the area half", ours.of("area")),
        ("send", "the client's threads beyond what they receive", ours.of("rdk:") - receive),
        ("other", "view, metrics, the bench itself", ours.others(&["person", "area", "rdk:"])),
    ];
    println!("nanoseconds of processor time per result, {results} results, {LAYOUT:?}");
    for (name, what, nanoseconds) in rows {
        println!("{name:<12} {nanoseconds:>8.0}  {what}");
        figures.add(format!("ns_{name}"), "ns", nanoseconds);
    }
    println!("{:<12} {:>8.0}", "all", ours.others(&[]));
    figures.add("ns_all", "ns", ours.others(&[]));
    Ok(())
}

/// Nanoseconds of each thread of this process, by its name. Threads that have ended are not among them: what is
/// measured must still be there.
struct Threads(BTreeMap<String, f64>);

impl Threads {
    fn now() -> Self {
        let mut threads: BTreeMap<String, f64> = BTreeMap::new();
        let read = |path: std::path::PathBuf| std::fs::read_to_string(path).unwrap_or_default();
        for task in std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
            let (name, times) = (read(task.path().join("comm")), read(task.path().join("schedstat")));
            let nanoseconds = times.split(' ').next().and_then(|text| text.parse::<f64>().ok());
            // The thread may have ended meanwhile.
            *threads.entry(name.trim().to_owned()).or_default() += nanoseconds.unwrap_or_default();
        }
        Self(threads)
    }

    /// What was added since, per result.
    fn since(self, before: &Self, results: u64) -> Self {
        let added = |(name, time): (String, f64)| {
            let already = before.0.get(&name).copied().unwrap_or_default();
            (name, (time - already).max(0.0) / results as f64)
        };
        Self(self.0.into_iter().map(added).collect())
    }

    fn of(&self, start: &str) -> f64 {
        self.0.iter().filter(|(name, _)| name.starts_with(start)).map(|(_, time)| time).sum()
    }

    fn others(&self, starts: &[&str]) -> f64 {
        let others = self.0.iter().filter(|(name, _)| !starts.iter().any(|start| name.starts_with(start)));
        others.map(|(_, time)| time).sum()
    }
}

/// Nanoseconds per result of each stage of one person task.
#[derive(Default)]
struct Core {
    decode: f64,
    validate: f64,
    look_up: f64,
    /// Without the three above.
    apply: f64,
    changes: f64,
    delta: f64,
}

impl Core {
    /// Goes through the results of one task, a commit's worth at a time, as a worker would.
    fn measure(results: u64) -> Self {
        let rules = workload::rules(Shape::default());
        let context = Context {
            task: 0,
            layout: LAYOUT,
            secret: Secret::new([7; 16]),
            max_record_bytes: MAX_RECORD_BYTES,
            history: false,
            formats: Formats::default(),
            due_at_most: DUE_AT_MOST,
        };
        let mut half = PersonHalf::new(context, Arc::new(rules.clone()));
        let mut changelog = Changelog::new(Topic::PersonState, 0, RING);
        let (mut effects, mut spent) = (Effects::default(), [Duration::ZERO; 5]);
        let of_task = |sent: &Sent| partition_of(&sent.key, LAYOUT.person_tasks) == 0;
        let mut workload = Workload::new(Shape::default(), NOW, 1).filter(of_task);
        let times = Times { own: NOW, ..Times::default() };
        let (mut seq, mut measured) = (0, 0);
        while measured < results {
            let sent: Vec<Sent> = workload.by_ref().take(COMMIT).collect();
            let records: Vec<Record<'_>> =
                (measured as i64..).zip(&sent).map(|(at, sent)| city::result(at, sent, NOW)).collect();
            let views: Vec<ResultView<'_>> = sent.iter().filter_map(|sent| ResultView::parse(&sent.payload)).collect();
            (seq, measured) = (seq + 1, measured + sent.len() as u64);
            let mut stage = Stages::begin(&mut spent);
            each(&records, |record| decode::result_in_place(record, MAX_RECORD_BYTES).is_ok());
            stage.ends(0);
            each(&views, |view| validate::result(view, NOW, &rules).is_ok());
            stage.ends(1);
            each(&records, |record| half.apply(record, &mut effects).expect("of this version"));
            stage.ends(2);
            half.flush(seq, &times, &mut effects);
            stage.ends(3);
            if changelog.wants_end() {
                changelog.begin_cycle(0);
            }
            black_box(changelog.write(&half, TaskHead::default(), effects.changes.as_bytes()));
            stage.ends(4);
            effects = Effects::default();
        }
        let per = |time: Duration| time.as_nanos() as f64 / measured as f64;
        let [decode, validate, apply, changes, delta] = spent.map(per);
        let look_up = look_up(measured);
        Self { decode, validate, look_up, apply: apply - decode - validate - look_up, changes, delta }
    }

    fn total(&self) -> f64 {
        self.decode + self.validate + self.look_up + self.apply + self.changes + self.delta
    }
}

/// A stage of all of them.
fn each<T, R>(all: &[T], mut stage: impl FnMut(&T) -> R) {
    for one in all {
        black_box(stage(one));
    }
}

/// Books processor time by stage.
struct Stages<'s> {
    spent: &'s mut [Duration; 5],
    began: Duration,
}

impl<'s> Stages<'s> {
    fn begin(spent: &'s mut [Duration; 5]) -> Self {
        Self { spent, began: city::processor_time() }
    }

    fn ends(&mut self, stage: usize) {
        let now = city::processor_time();
        self.spent[stage] += now - self.began;
        self.began = now;
    }
}

/// People of a task looked for in an order that no cache foresees.
fn look_up(times: u64) -> f64 {
    let residents = Residents::new(Shape::default());
    let began = city::processor_time();
    for at in 0..times {
        black_box(residents.find(at));
    }
    (city::processor_time() - began).as_nanos() as f64 / times as f64
}
