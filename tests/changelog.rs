//! A task restored from its changelog is the task that wrote it, whatever the broker compacted meanwhile.

use prost::Message as _;
use std::collections::BTreeMap;
use std::sync::Arc;
use swabstream::model::ids::Secret;
use swabstream::model::outcome::{End, Outcome, Reject};
use swabstream::model::record::{HalfKind, Layout, Output, Position, Record, Topic};
use swabstream::model::time::Timestamp;
use swabstream::pipeline::decode::dead_letter;
use swabstream::pipeline::effects::Effects;
use swabstream::pipeline::formats::{Formats, Newer};
use swabstream::pipeline::half::{Context, DUE_AT_MOST, Half};
use swabstream::pipeline::times::{OwnTime, Times};
use swabstream::policy::Rules;
use swabstream::policy::sample::sample_rules;
use swabstream::proto::v1::{Progress, TaskHead};
use swabstream::runtime::log::Committed;
use swabstream::runtime::task::{RulesInForce, Task};
use swabstream::state::changelog::{Changelog, FORMAT, Restorer};
use swabstream::state::paged::{Changes, Corrupt, Paged, Unusable};

const RING: u64 = 8;

/// The smallest thing with pages: numbers, four to a page, added to.
#[derive(Clone, Debug, Default, PartialEq)]
struct Numbers(Vec<u64>);

impl Numbers {
    fn add(&mut self, at: usize, amount: u64, changes: &mut Changes) {
        self.0.resize(self.0.len().max(at + 1), 0);
        self.0[at] += amount;
        changes.push((at / 4) as u32, |bytes| bytes.extend([(at % 4) as u8, amount as u8]));
    }
}

impl Half for Numbers {
    const KIND: HalfKind = HalfKind::Person;
    const INPUTS: &'static [Topic] = &[Topic::LabResults];
    const CHANGELOG: Topic = Topic::PersonState;
    const OWN_TIME: OwnTime = OwnTime::Receipts;

    fn new(_: Context, _: Arc<Rules>) -> Self {
        Self::default()
    }
    fn apply(&mut self, _: &Record<'_>, _: &mut Effects) -> Result<Outcome, Newer> {
        Ok(Outcome::Used(End::TimeMark))
    }
    fn set_aside(&self, record: &Record<'_>, reject: &Reject) -> Output {
        dead_letter::output(record, reject, 0)
    }
    fn advance(&mut self, _: &Times, _: &mut Effects) {}
    fn adopt(&mut self, _: Arc<Rules>, _: &mut Effects) {}
    fn flush(&mut self, _: u64, _: &Times, _: &mut Effects) {}
    fn rules_digest(&self) -> &str {
        ""
    }
    fn sizes(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }
}

impl Paged for Numbers {
    fn pages(&self) -> u32 {
        self.0.len().div_ceil(4) as u32
    }
    fn image(&self, page: u32, into: &mut Vec<u8>) {
        for number in self.0.iter().skip(page as usize * 4).take(4) {
            into.extend(number.to_le_bytes());
        }
    }
    fn load(&mut self, page: u32, image: &[u8], _: u32) -> Result<(), Corrupt> {
        for (at, bytes) in image.chunks_exact(8).enumerate() {
            let at = page as usize * 4 + at;
            self.0.resize(self.0.len().max(at + 1), 0);
            self.0[at] = u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
        }
        Ok(())
    }
    fn replay(&mut self, page: u32, operation: &[u8], _: u32) -> Result<(), Corrupt> {
        let at = page as usize * 4 + operation[0] as usize;
        self.add(at, u64::from(operation[1]), &mut Changes::default());
        Ok(())
    }
    fn restored(&mut self) -> Result<(), Corrupt> {
        Ok(())
    }
}

/// A small generator of its own: tests must print a seed that says everything.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

fn restore(log: &[Output]) -> Result<(Numbers, TaskHead, Changelog), Unusable> {
    restore_with(RING, log)
}

fn restore_with(ring: u64, log: &[Output]) -> Result<(Numbers, TaskHead, Changelog), Unusable> {
    let mut restorer = Restorer::new(Topic::PersonState, 0, ring);
    for record in log {
        restorer.take(&record.key, record.payload.as_deref())?;
    }
    let mut half = Numbers::default();
    let (head, changelog) = restorer.finish(&mut half)?;
    Ok((half, head, changelog))
}

/// What compaction may leave: any record that is not the newest of its key may be gone.
fn compacted(log: &[Output], dice: &mut Dice) -> Vec<Output> {
    let newest: BTreeMap<&[u8], usize> = log.iter().enumerate().map(|(at, record)| (&record.key[..], at)).collect();
    let stays = |at: &usize| newest[&log[*at].key[..]] == *at;
    let kept: Vec<usize> = (0..log.len()).filter(|at| stays(at) || dice.roll(2) == 0).collect();
    kept.into_iter().map(|at| log[at].clone()).collect()
}

fn head(seq: u64) -> TaskHead {
    TaskHead { consumed: seq, ..TaskHead::default() }
}

fn write(changelog: &mut Changelog, numbers: &Numbers, changes: &Changes, end: usize) -> Vec<Output> {
    if changelog.wants_end() {
        changelog.begin_cycle(end as i64);
    }
    let seq = changelog.seq() + 1;
    changelog.write(numbers, head(seq), changes.as_bytes())
}

#[test]
fn a_restore_is_the_live_state_at_every_commit_under_any_compaction() {
    for seed in 1..=60_u64 {
        let mut dice = Dice(seed * 7_919 + 1);
        let (mut numbers, mut changelog) = (Numbers::default(), Changelog::new(Topic::PersonState, 0, RING));
        let mut log = Vec::new();
        let mut asked = None;
        for commit in 1..=120 {
            let mut changes = Changes::default();
            for _ in 0..dice.roll(4) {
                let at = dice.roll(1 + numbers.0.len().min(40) as u64 + 1) as usize;
                numbers.add(at, dice.roll(9), &mut changes);
            }
            // The broker answers some commits later, with the end as of when it was asked, or was asked again.
            if changelog.wants_end() {
                let known = *asked.get_or_insert(log.len());
                match dice.roll(4) {
                    0 => changelog.begin_cycle(known as i64),
                    1 => asked = None,
                    _ => {}
                }
            } else {
                asked = None;
            }
            log.extend(changelog.write(&numbers, head(commit), changes.as_bytes()));

            let from = changelog.restore_from() as usize;
            let left = compacted(&log[from..], &mut dice);
            let (restored, head, next) = restore(&left).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            assert_eq!((restored.0, head.consumed), (numbers.0.clone(), commit), "seed {seed}");
            assert_eq!(next.seq(), commit);
            if dice.roll(5) == 0 {
                changelog = next; // a new owner goes on
            }
        }
        assert!(changelog.restore_from() > 0, "seed {seed}: no cycle was ever whole");
    }
}

/// The keys of deltas repeat after R: with another R they would take those of deltas that are still needed.
#[test]
fn a_changelog_keeps_its_ring_whatever_its_next_owner_is_set_to() {
    for (before, after) in [(8, 5), (8, 13), (8, 20)] {
        for seed in 1..=20 {
            let mut dice = Dice(seed * 7_919 + 1);
            let (mut numbers, mut changelog) = (Numbers::default(), Changelog::new(Topic::PersonState, 0, before));
            let mut log = Vec::new();
            for commit in 1..=60 {
                let mut changes = Changes::default();
                for _ in 0..dice.roll(4) {
                    let at = dice.roll(1 + numbers.0.len().min(40) as u64 + 1) as usize;
                    numbers.add(at, dice.roll(9), &mut changes);
                }
                log.extend(write(&mut changelog, &numbers, &changes, log.len()));
                let left = compacted(&log[changelog.restore_from() as usize..], &mut dice);
                let (restored, _, next) = restore_with(if commit < 30 { before } else { after }, &left)
                    .unwrap_or_else(|error| panic!("{before} to {after}, seed {seed}, commit {commit}: {error}"));
                assert_eq!(restored.0, numbers.0, "{before} to {after}, seed {seed}, commit {commit}");
                if commit == 30 {
                    changelog = next;
                }
            }
        }
    }
}

#[test]
fn a_missing_delta_is_a_fault_and_not_a_smaller_state() {
    let (mut numbers, mut changelog) = (Numbers::default(), Changelog::new(Topic::PersonState, 0, RING));
    let mut log = Vec::new();
    for commit in 0..5 {
        let mut changes = Changes::default();
        (0..40).for_each(|at| numbers.add(at + commit, 1, &mut changes));
        log.extend(write(&mut changelog, &numbers, &changes, log.len()));
    }
    let lost = log.iter().position(|record| record.key.starts_with(b"d/5")).expect("the fifth delta");
    log.remove(lost);
    // Delta 5 was the newest: its absence is seen by comparing with the group's commit number. Delta 3 is in between.
    assert_eq!(restore(&log).expect("an older state").2.seq(), 4);
    log.retain(|record| !record.key.starts_with(b"d/3") && !record.key.starts_with(b"p/"));
    let error = restore(&log).expect_err("delta 3 is needed");
    assert!(error.to_string().contains("delta 3 is missing"), "{error}");
}

#[test]
fn a_page_whose_birth_and_image_are_gone_is_a_fault() {
    let (mut numbers, mut changelog) = (Numbers::default(), Changelog::new(Topic::PersonState, 0, RING));
    let mut log = Vec::new();
    for _ in 0..3 {
        let mut changes = Changes::default();
        numbers.add(0, 1, &mut changes);
        log.extend(write(&mut changelog, &numbers, &changes, log.len()));
    }
    log.retain(|record| record.key.starts_with(b"d/2") || record.key.starts_with(b"d/3"));
    assert!(restore(&log).expect_err("no birth, no image").to_string().contains("neither an image nor a birth"));
}

#[test]
fn large_pages_and_deltas_are_split_and_joined() {
    let (mut numbers, mut changelog) = (Numbers::default(), Changelog::new(Topic::PersonState, 0, RING));
    let mut changes = Changes::default();
    (0..500_000).for_each(|at| numbers.add(at % 400, (at % 7) as u64, &mut changes));
    let log = write(&mut changelog, &numbers, &changes, 0);
    assert!(log.iter().any(|record| record.key == b"d/1/2"), "the delta has several parts");
    assert!(log.iter().all(|record| record.payload.as_ref().is_some_and(|value| value.len() < 600 * 1024)));
    assert_eq!(restore(&log).expect("whole").0, numbers);
}

#[test]
fn a_newer_format_is_refused_and_so_is_one_that_no_release_wrote() {
    let (numbers, mut changelog) = (Numbers(vec![1]), Changelog::new(Topic::PersonState, 0, RING));
    let log = write(&mut changelog, &numbers, &Changes::default(), 0);
    for (format, says) in
        [(FORMAT as u8 + 1, "run the version that wrote it, or a newer one"), (4, "the build that wrote it")]
    {
        let mut log = log.clone();
        // StateHead.format is its first field: tag 0x08, then the number; the length comes before.
        let value = log[0].payload.as_mut().expect("a value");
        assert_eq!(value[1..3], [0x08, FORMAT as u8]);
        value[2] = format;
        let error = restore(&log).expect_err("a format that is not read").to_string();
        assert!(error.contains(&format!("in format {format}")) && error.contains(says), "{error}");
    }
}

#[test]
fn a_restored_task_never_tells_an_earlier_time_than_it_told() {
    let rules = RulesInForce { rules: Arc::new(sample_rules()), offset: 1 };
    let layout = Layout { person_tasks: 1, area_tasks: 1 };
    let (secret, formats) = (Secret::new([7; 16]), Formats::default());
    let context = || Context {
        task: 0,
        layout,
        secret,
        max_record_bytes: 1_000,
        history: false,
        formats,
        due_at_most: DUE_AT_MOST,
    };
    let mut task: Task<Numbers> = Task::fresh(context(), &rules, vec![(Topic::LabResults, 0)], RING);
    // In history mode records of a later offset may have arrived earlier.
    let told = |task: &mut Task<Numbers>, offset: i64, at: i64| {
        let position = Position { topic: Topic::LabResults, partition: 0, offset };
        let (received_at, none) = (Timestamp(at), None);
        task.apply(&Record { position, received_at, key: none, payload: none, content_type: none })
            .expect("of this version");
        let (outputs, commit) = task.commit(None);
        let progress = outputs.into_iter().find(|output| output.topic == Topic::Progress);
        let progress = progress.and_then(|output| Progress::decode(&output.payload?[..]).ok()?.now);
        (progress.as_ref().and_then(Timestamp::from_wire), commit)
    };
    let (first, commit) = told(&mut task, 0, 9_000_000);
    assert_eq!(first, Some(Timestamp(9_000_000)));

    let mut restorer = Restorer::new(Topic::PersonState, 0, RING);
    for record in &commit.changes {
        restorer.take(&record.key, record.payload.as_deref()).expect("it was just written");
    }
    let committed = Committed { next: commit.next, begin: Vec::new(), mark: Some(commit.mark) };
    let mut again = Task::restored(context(), &rules, committed, restorer, RING).expect("its own changelog");
    assert_eq!(told(&mut again, 1, 5_000_000).0, None);
    assert_eq!(told(&mut again, 2, 9_000_500).0, None, "a second has not passed");
    assert_eq!(told(&mut again, 3, 9_001_000).0, Some(Timestamp(9_001_000)));
}
