//! Who sees everything: what each worker sends, what of it takes effect, what is restored. It goes every effective step
//! again with [shadows](super::shadow) and compares at once.

use super::purposes;
use super::shadow::{Calls, Shadow, Shadowed, Shadows};
use super::support::broker::Observer;
use super::watched::Call;
use super::world::LAYOUT;
use prost::Message as _;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use swabstream::audit::stored::head_of;
use swabstream::model::record::{COMMIT_HEADER, HalfKind, Output, Topic};
use swabstream::model::time::{Day, Timestamp};
use swabstream::pipeline::area::AreaHalf;
use swabstream::pipeline::half::Half as _;
use swabstream::pipeline::person::PersonHalf;
use swabstream::proto::v1::{Alert, AlertFamily, AlertState, CauseKind, Duty, PersonDuties, Progress};
use swabstream::runtime::log::{Commit, CommitMark};
use swabstream::runtime::task::RulesInForce;
use swabstream::runtime::task::clock::Watermarks;
use swabstream::state::area::AreaState;

thread_local! {
    /// Of the seed that runs on this thread: a half is made by its worker and can be handed nothing.
    static WITNESS: RefCell<Option<Rc<RefCell<Witness>>>> = const { RefCell::new(None) };
}

/// A new witness on this thread, who knows the first set of rules, and of how many people something that is due is seen to
/// in one commit.
pub fn call(rules: &RulesInForce, due_at_most: usize) -> Rc<RefCell<Witness>> {
    let witness = Rc::new(RefCell::new(Witness::new(rules, due_at_most)));
    WITNESS.set(Some(Rc::clone(&witness)));
    witness
}

/// The witness of this thread.
pub fn get() -> Rc<RefCell<Witness>> {
    WITNESS.with_borrow(|witness| witness.clone().expect("a witness was called"))
}

/// A task of a half.
type TaskOf = (HalfKind, i32);

pub struct Witness {
    /// Every set that was published, the first first.
    rules: Vec<RulesInForce>,
    due_at_most: usize,
    /// Offset of the rules by which each task was committed last.
    derived_by: BTreeMap<TaskOf, i64>,
    pub person: Shadows<PersonHalf>,
    pub area: Shadows<AreaHalf>,
    /// Calls of each task up to its last flush, which were not sent yet.
    attempts: BTreeMap<TaskOf, Calls>,
    /// Commits on their way.
    sent: BTreeMap<u64, Sent>,
    /// What each restore under way must find.
    marks: BTreeMap<TaskOf, Option<CommitMark>>,
    /// Who committed last.
    owners: BTreeMap<TaskOf, String>,
    /// Times last published on `progress`.
    times: BTreeMap<TaskOf, Watermarks>,
    /// What each task has published of the days it has closed.
    said_closed: BTreeMap<TaskOf, [String; 2]>,
    /// The last day that each area task has closed.
    closed: BTreeMap<i32, Day>,
    /// What readers must see, by partition.
    published: BTreeMap<(Topic, i32), Vec<Output>>,
    pub ticks: u64,
    /// Commits that left some people of an instant to the next.
    pub halfway: u64,
    pub moves: u64,
}

/// What one task adds to a commit: its calls, and the offsets they end at.
struct Step {
    task: i32,
    calls: Calls,
    next: Vec<(Topic, i64)>,
    /// Digest and offset of the rules that its delta says it is derived by.
    rules: (String, i64),
}

struct Sent {
    half: HalfKind,
    id: String,
    steps: Vec<Step>,
    outputs: Vec<Output>,
}

impl Witness {
    fn new(rules: &RulesInForce, due_at_most: usize) -> Self {
        Self {
            rules: vec![rules.clone()],
            due_at_most,
            derived_by: BTreeMap::new(),
            person: BTreeMap::new(),
            area: BTreeMap::new(),
            attempts: BTreeMap::new(),
            sent: BTreeMap::new(),
            marks: BTreeMap::new(),
            owners: BTreeMap::new(),
            times: BTreeMap::new(),
            said_closed: BTreeMap::new(),
            closed: BTreeMap::new(),
            published: BTreeMap::new(),
            ticks: 0,
            halfway: 0,
            moves: 0,
        }
    }

    /// Other rules are published.
    pub fn note_rules(&mut self, rules: RulesInForce) {
        self.rules.push(rules);
    }

    /// Somebody who is no worker sends what workers send.
    pub fn note_sent(&mut self, output: Output) {
        self.published.entry((output.topic, output.partition)).or_default().push(output);
    }

    /// How many numbers that an abandoned purpose had are another's, if there was so little room.
    pub fn purposes_renamed(&self, room: Option<u32>) -> u64 {
        let Some(room) = room else { return 0 };
        let abandoned = |shadow: &Shadow<AreaHalf>| {
            let names = shadow.half().state().purposes().iter();
            names.filter(|name| name.starts_with(purposes::ABANDONED)).count()
        };
        self.area.values().map(|shadow| purposes::abandoned_names(room) - abandoned(shadow) as u64).sum()
    }

    /// What alerts about pools said on the way.
    pub fn pools(&self) -> [(&'static str, u64); 5] {
        let alerts = self.published.iter().filter(|((topic, _), _)| *topic == Topic::Alerts).flat_map(|(_, all)| all);
        let alerts = alerts.filter_map(|output| Alert::decode(output.payload.as_deref()?).ok());
        let about: Vec<Alert> = alerts.filter(|alert| alert.family() == AlertFamily::PoolPositive).collect();
        let count = |what: &dyn Fn(&Alert) -> bool| about.iter().filter(|alert| what(alert)).count() as u64;
        let by = |kind: CauseKind| count(&|alert| alert.causes.last().is_some_and(|cause| cause.kind() == kind));
        [
            ("pool raised", count(&|alert| alert.state() == AlertState::Raised)),
            ("pool withdrawn", count(&|alert| alert.state() == AlertState::Withdrawn)),
            ("member of a pool settled", by(CauseKind::Member)),
            ("false pool", count(&|alert| alert.all_negative)),
            ("tube told of by another pool", by(CauseKind::Tube)),
        ]
    }

    /// Days that area tasks have closed in the end.
    pub fn closes(&self) -> [(&'static str, u64); 2] {
        let states = || self.area.values().map(|shadow| shadow.half().state());
        let closed = |state: &AreaState| {
            let last = state.closes().last_closed();
            let days = last.into_iter().flat_map(|last| (0..200).map(move |back| last.plus(-back)));
            days.filter_map(|day| state.closes().of(day)).map(|close| close.without.len()).collect::<Vec<_>>()
        };
        let all: Vec<usize> = states().flat_map(closed).collect();
        let without = all.iter().filter(|without| **without > 0).count();
        [("day closed", all.len() as u64), ("day closed without a task", without as u64)]
    }

    /// What was told of people's duties and groups on the way.
    pub fn duties(&self) -> [(&'static str, u64); 6] {
        let mut told: BTreeMap<&[u8], Option<PersonDuties>> = BTreeMap::new();
        let (mut first, mut taken_back, mut moved, mut overdue) = (0, 0, 0, 0);
        let (mut joined, mut left) = (0, 0);
        let all = self.published.iter().filter(|((topic, _), _)| *topic == Topic::PersonDuties);
        for output in all.flat_map(|(_, all)| all) {
            let said = output.payload.as_deref().map(|said| PersonDuties::decode(said).expect("duties"));
            let before = told.insert(&output.key, said.clone()).flatten();
            let groups = |said: &Option<PersonDuties>| said.as_ref().map_or(0, |said| said.groups.len());
            joined += u64::from(groups(&said) > groups(&before));
            left += u64::from(groups(&said) < groups(&before));
            let is_overdue = |duty: &Duty| duty.overdue_since.is_some();
            overdue += said.iter().filter(|said| said.duties.iter().any(is_overdue)).count() as u64;
            match (before, said) {
                (None, Some(_)) => first += 1,
                (Some(_), None) => taken_back += 1,
                (Some(before), Some(said)) => moved += u64::from(before.area != said.area),
                (None, None) => {}
            }
        }
        [
            ("duties told", first),
            ("duties taken back", taken_back),
            ("duties in another area", moved),
            ("duty overdue", overdue),
            ("in a group", joined),
            ("in a group no more", left),
        ]
    }

    /// Every set that was published, the first first.
    pub fn rules(&self) -> &[RulesInForce] {
        &self.rules
    }

    /// A task is about to commit what came of these calls.
    pub fn attempted(&mut self, half: HalfKind, task: i32, calls: Calls) {
        self.attempts.insert((half, task), calls);
    }

    /// What readers must see of each partition.
    pub fn published(&self) -> &BTreeMap<(Topic, i32), Vec<Output>> {
        &self.published
    }

    /// Of the task that has the fewest.
    pub fn fewest_commits(&self) -> u64 {
        let tasks = LAYOUT.person_tasks + LAYOUT.area_tasks;
        let commits: Vec<u64> =
            self.person.values().map(Shadow::seq).chain(self.area.values().map(Shadow::seq)).collect();
        if commits.len() < tasks as usize { 0 } else { commits.into_iter().min().unwrap_or(0) }
    }

    pub fn compare_restored<H: Shadowed>(&mut self, task: i32, restored: &H) {
        let mark = self.marks.get(&(H::KIND, task)).copied().flatten();
        let mark = mark.expect("only what was committed once is restored");
        let shadow = H::shadows(self).get_mut(&task).expect("a commit took effect");
        shadow.compare_restored(mark.seq, restored);
    }

    fn step<H: Shadowed>(&mut self, sent: &mut Sent) -> Vec<Output> {
        let slowest = self.slowest();
        let mut outputs = Vec::new();
        let (first, naively) = (Arc::clone(&self.rules[0].rules), self.rules.len() > 1);
        let most = self.due_at_most;
        for Step { task, calls, next, rules } in sent.steps.drain(..) {
            let shadow = H::shadows(self).entry(task).or_insert_with(|| Shadow::new(task, &first, most));
            let mut stepped = shadow.step(&calls, &next, slowest, naively);
            let commit = format!("{}/{task}/{}", H::KIND, shadow.seq()).into_bytes();
            stepped.outputs.iter_mut().for_each(|output| output.headers.push((COMMIT_HEADER, commit.clone())));
            let digest = shadow.rules_digest().to_owned();
            self.note_derived(H::KIND, task, &digest, rules);
            outputs.extend(stepped.outputs);
            self.ticks += u64::from(stepped.tick);
            self.halfway += u64::from(stepped.halfway);
            let before = self.owners.insert((H::KIND, task), sent.id.clone());
            self.moves += u64::from(before.is_some_and(|before| before != sent.id));
        }
        outputs
    }

    /// What a task's state was derived by is what its delta says, and no older rules come after newer ones.
    fn note_derived(&mut self, half: HalfKind, task: i32, digest: &str, (said, offset): (String, i64)) {
        assert_eq!(said, digest, "{half} task {task} says that other rules made it");
        let known = self.rules.iter().any(|rules| rules.offset == offset && rules.rules.digest == said);
        assert!(known, "{half} task {task} takes its rules for others, read before {offset}");
        let before = self.derived_by.insert((half, task), offset).unwrap_or(0);
        assert!(before <= offset, "{half} task {task} goes back from rules {before} to {offset}");
    }

    /// Smallest time published by any person task, once all have published theirs.
    fn slowest(&self) -> Option<Timestamp> {
        let published = |task| self.times.get(&(PersonHalf::KIND, task)).map(|times| times.watermark);
        (0..LAYOUT.person_tasks).map(published).collect::<Option<Vec<_>>>()?.into_iter().min()
    }

    /// A day is closed when every person task has published that it has come to its close, by the most generous of all
    /// rules, or some rules have it closed without the task.
    fn note_closes(&mut self) {
        for (number, shadow) in &self.area {
            let closes = shadow.half().state().closes();
            let (Some(last), known) = (closes.last(), self.closed.get(number).copied()) else { continue };
            let first = known.map_or(last.plus(-200), |known| known.plus(1));
            for (day, close) in (first.0..=last.0).map(Day).filter_map(|day| Some((day, closes.of(day)?))) {
                let due = self.rules.iter().map(|rules| rules.rules.closes_at(day)).min();
                for task in (0..LAYOUT.person_tasks).filter(|task| !close.without.contains(task)) {
                    let come_to = self.times.get(&(PersonHalf::KIND, task)).map(|times| times.watermark);
                    assert!(come_to >= due, "area task {number}: {day} is closed, and task {task} is at {come_to:?}");
                }
                let is_without = |rules: &RulesInForce, task| {
                    rules.rules.incomplete(day).is_some_and(|mark| mark.without.contains(task))
                };
                let said = close.without.iter().all(|task| self.rules.iter().any(|rules| is_without(rules, task)));
                assert!(said, "area task {number}: nobody said that {day} closes without {:?}", close.without);
            }
            self.closed.insert(*number, last);
        }
    }

    fn note_progress(&mut self, output: &Output) {
        let progress = Progress::decode(output.payload.as_deref().unwrap_or_default()).expect("it is ours");
        let time = |at: &Option<prost_types::Timestamp>| at.as_ref().and_then(Timestamp::from_wire);
        let [now, drop_now] = [&progress.now, &progress.drop_now].map(|at| time(at).expect("progress has its times"));
        let half = HalfKind::named(&progress.half).expect("progress is of a half");
        let times = Watermarks { watermark: now, drop_before: drop_now };
        let before = self.times.insert((half, progress.task), times).unwrap_or_default();
        // What it says of closed days is news as well.
        let said = [progress.closed_day, progress.closed_from];
        let is_news = self.said_closed.insert((half, progress.task), said.clone()).unwrap_or_default() != said;
        let forward = (before != times || is_news) && before.max(times) == times && drop_now <= now;
        assert!(forward, "{half} task {} published {times:?} after {before:?}", progress.task);
    }
}

impl Observer for Witness {
    fn sent(&mut self, number: u64, half: HalfKind, id: &str, commit: &Commit) {
        let steps = commit.tasks().iter().map(|task| {
            let calls = self.attempts.remove(&(half, task.task)).expect("what is committed was flushed");
            let seq =
                calls.iter().rev().find_map(|call| if let Call::Flush(seq, _) = call { Some(*seq) } else { None });
            assert_eq!(seq, Some(task.mark.seq), "a commit is numbered as its task says");
            let head = task.changes.iter().find_map(|change| head_of(change.payload.as_deref()).ok().flatten()?.task);
            let head = head.expect("a delta says what its task is");
            Step { task: task.task, calls, next: task.next.clone(), rules: (head.rules_digest, head.rules_offset) }
        });
        let steps = steps.collect();
        self.sent.insert(number, Sent { half, id: id.to_owned(), steps, outputs: commit.outputs().to_vec() });
    }

    fn took_effect(&mut self, number: u64) {
        let mut sent = self.sent.remove(&number).expect("a commit takes effect once");
        let wanted = match sent.half {
            HalfKind::Person => self.step::<PersonHalf>(&mut sent),
            HalfKind::Area => self.step::<AreaHalf>(&mut sent),
        };
        let (progress, outputs): (Vec<Output>, Vec<Output>) =
            sent.outputs.into_iter().partition(|output| output.topic == Topic::Progress);
        progress.iter().for_each(|output| self.note_progress(output));
        self.note_closes();
        assert_same(number, &outputs, &wanted);
        for output in outputs.into_iter().chain(progress) {
            self.published.entry((output.topic, output.partition)).or_default().push(output);
        }
    }

    fn restored(&mut self, half: HalfKind, task: i32, mark: Option<CommitMark>) {
        self.marks.insert((half, task), mark);
    }
}

fn assert_same(number: u64, published: &[Output], wanted: &[Output]) {
    let first = published.iter().zip(wanted).find(|(found, wanted)| found != wanted);
    let first = first.map(|(found, _)| format!("{} {}", found.topic.name(), String::from_utf8_lossy(&found.key)));
    let (found, without) = (published.len(), wanted.len());
    assert!(
        published == wanted,
        "commit {number} publishes {found} records, without faults {without}; the first that differs: {first:?}"
    );
}
