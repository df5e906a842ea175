//! All seeds on all cores, and what happened in them.

use super::world::{self, Outcome};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Seeds without being asked for more.
const USUAL: u64 = 50;

/// From so many seeds on, what must have happened is asserted.
const MANY: u64 = 100;

/// What must have happened in a tenth of the seeds, and which notes of the model are it: each of them somewhere.
const MUST_HAPPEN: [(&str, &[&str]); 25] = [
    ("fences", &["fenced as no member", "fenced by generation", "fenced by epoch", "late end fenced"]),
    ("unknown commits", &["unknown, took effect", "unknown, did not take effect"]),
    ("zombies after take-over", &["zombie after take-over"]),
    (
        "commits that are waited for in vain, or tried again",
        &["revocation ran out of time", "stale commit tried again"],
    ),
    ("restores", &["restored"]),
    ("slow or failed restores", &["slow restore", "crash in a restore"]),
    ("stuck restores", &["restore stuck"]),
    ("restores overtaken by another owner", &["restore overtaken"]),
    ("commits beside a stuck restore", &["commit beside a stuck restore"]),
    ("compactions", &["compaction"]),
    ("ticks", &["tick"]),
    ("instants in several commits", &["instant in several commits"]),
    ("moved tasks", &["task moved"]),
    ("changes of rules", &["rules changed"]),
    ("numbers of purposes used again", &["purpose took another's number"]),
    ("tasks waiting for rules", &["task waits for rules"]),
    (
        "missed tests of contacts",
        &["test missed", "test missed, known later", "test came late", "contact was none", "test due no more"],
    ),
    (
        "missed tests of key groups",
        &[
            "group missed its test",
            "group missed its test, known later",
            "group was swabbed",
            "was in no group",
            "left its group",
            "group watched no more",
        ],
    ),
    ("people in key groups", &["in a group", "in a group no more"]),
    ("duties", &["duties told", "duties taken back", "duties in another area", "duty overdue"]),
    ("pools that leave members open", &["pool raised", "pool withdrawn"]),
    ("closed days", &["day closed", "day closed without a task"]),
    ("members of pools settled", &["member of a pool settled", "false pool"]),
    ("tubes under several pool ids", &["tube told of by another pool"]),
    (
        "missed recalls of pools",
        &[
            "recall missed",
            "recall missed, known later",
            "member came late",
            "last member came late",
            "recall taken back late",
        ],
    ),
];

/// Runs as many seeds as the environment says.
pub fn run_all() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number of seeds"));
    if let Some(seed) = number("SWABSTREAM_SEED") {
        world::run(seed, true);
        return;
    }
    let seeds = number("SWABSTREAM_SEEDS").unwrap_or(USUAL);
    let began = Instant::now();
    let (next, outcomes) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    let broken = Mutex::new(None);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds || broken.lock().expect("no lock is held by a broken seed").is_some() {
                return;
            }
            match catch_unwind(AssertUnwindSafe(|| world::run(seed, false))) {
                Ok(outcome) => outcomes.lock().expect("no lock is held by a broken seed").push(outcome),
                Err(_) => {
                    broken.lock().expect("no lock is held by a broken seed").get_or_insert(seed);
                }
            }
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..cores).for_each(|_| drop(scope.spawn(work))));
    if let Some(seed) = broken.into_inner().expect("no lock is held by a broken seed") {
        panic!("broken by seed {seed}; its history: SWABSTREAM_SEED={seed} cargo test --test simulation every_seed");
    }
    let outcomes = outcomes.into_inner().expect("no lock is held by a broken seed");
    say(&format!("{seeds} seeds in {:.1} s", began.elapsed().as_secs_f64()));
    tell(&outcomes);
    assert_enough_happened(&outcomes);
}

/// In how many seeds each thing happened, and how often in all.
fn tell(outcomes: &[Outcome]) {
    let mut table: BTreeMap<&str, (usize, u64)> = BTreeMap::new();
    for (what, times) in outcomes.iter().flat_map(|outcome| &outcome.happened).filter(|(_, times)| **times > 0) {
        let (seeds, all) = table.entry(what).or_default();
        (*seeds, *all) = (*seeds + 1, *all + times);
    }
    for (what, (seeds, times)) in table {
        say(&format!("  {what:<40} {times:>9} times in {seeds:>6} seeds"));
    }
    for (name, notes) in MUST_HAPPEN {
        say(&format!("{name:<42} in {:>5.1} % of the seeds", share(outcomes, notes)));
    }
}

fn assert_enough_happened(outcomes: &[Outcome]) {
    for (name, notes) in MUST_HAPPEN.iter().filter(|_| outcomes.len() as u64 >= MANY) {
        assert!(share(outcomes, notes) >= 10.0, "{name} happened in less than a tenth of the seeds");
        for note in *notes {
            assert!(share(outcomes, &[note]) > 0.0, "{name}: '{note}' happened in no seed");
        }
    }
}

fn share(outcomes: &[Outcome], notes: &[&str]) -> f64 {
    let happened = |outcome: &&Outcome| notes.iter().any(|note| outcome.happened.get(note).is_some_and(|n| *n > 0));
    100.0 * outcomes.iter().filter(happened).count() as f64 / outcomes.len().max(1) as f64
}

/// Past the capture of the test's output: the counts are what the run is for.
fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("the counts can be written");
}
