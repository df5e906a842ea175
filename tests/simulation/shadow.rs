//! A task that nothing ever happens to: it goes the steps of every commit that took effect, one after the other. What
//! it publishes is what a run without faults publishes, and what it holds is what a restore must find.

use super::intake;
use super::watched::Call;
use super::witness::Witness;
use super::world::{LAYOUT, MAX_RECORD_BYTES, SECRET};
use crate::support::images::images_of;
use std::collections::BTreeMap;
use std::sync::Arc;
use swabstream::model::outcome::Ledger;
use swabstream::model::record::{Output, Topic};
use swabstream::model::time::Timestamp;
use swabstream::pipeline::area::AreaHalf;
use swabstream::pipeline::effects::Effects;
use swabstream::pipeline::formats::{CURRENT, Formats};
use swabstream::pipeline::half::{Context, Half};
use swabstream::pipeline::person::PersonHalf;
use swabstream::pipeline::times::{OwnTime, Times};
use swabstream::policy::Rules;
use swabstream::state::changelog::FORMAT;
use swabstream::state::person::case_file::CaseFile;
use swabstream::state::person::row::Row;
use swabstream::state::person::{Basis, PersonState};

/// Calls since the last commit.
pub type Calls = Vec<Call>;

/// The shadows of all tasks of a half.
pub type Shadows<H> = BTreeMap<i32, Shadow<H>>;

/// A half that has shadows.
pub trait Shadowed: Half {
    fn shadows(witness: &mut Witness) -> &mut Shadows<Self>;

    /// The part of its state that is another one than what was live, value by value: no image has a say in it.
    fn differing(&self, live: &Self) -> Option<String>;
}

impl Shadowed for PersonHalf {
    fn shadows(witness: &mut Witness) -> &mut Shadows<Self> {
        &mut witness.person
    }

    fn differing(&self, live: &Self) -> Option<String> {
        let (found, live) = (self.state(), live.state());
        // What nobody is held in any more is no slot after a restore.
        let mut slots = 0..found.slots().max(live.slots());
        let differs = slots.find(|slot| person(found, *slot) != person(live, *slot)).map(|slot| format!("slot {slot}"));
        differs.or((common(found) != common(live)).then(|| "what is common to all".to_owned()))
    }
}

fn person(state: &PersonState, slot: u32) -> Option<(&[Row], Option<&CaseFile>)> {
    state.taken(slot).map(|slot| (state.rows(slot), state.case_file(slot)))
}

fn common(state: &PersonState) -> (&[String], &[String], Option<&str>) {
    (state.areas(), state.purposes(), state.basis().map(Basis::digest))
}

impl Shadowed for AreaHalf {
    fn shadows(witness: &mut Witness) -> &mut Shadows<Self> {
        &mut witness.area
    }

    fn differing(&self, live: &Self) -> Option<String> {
        (self.state() != live.state()).then(|| "its areas".to_owned())
    }
}

pub struct Shadow<H> {
    task: i32,
    rules: Arc<Rules>,
    due_at_most: usize,
    half: H,
    /// Its pages, since they were last wanted; whatever is called may change them.
    images: Option<Vec<Vec<u8>>>,
    effects: Effects,
    seq: u64,
    now: Timestamp,
    ledger: Ledger,
    /// Committed next offsets.
    next: BTreeMap<Topic, i64>,
    /// Offsets of all records applied.
    applied: BTreeMap<Topic, Vec<i64>>,
}

/// What the steps of a commit came to.
pub struct Stepped {
    pub outputs: Vec<Output>,
    /// Time passed and no record was read.
    pub tick: bool,
    /// Some people of an instant are left to the next commit.
    pub halfway: bool,
}

impl<H: Shadowed> Shadow<H> {
    pub fn new(task: i32, rules: &Arc<Rules>, due_at_most: usize) -> Self {
        let formats = Formats::default();
        let context = Context {
            task,
            layout: LAYOUT,
            secret: SECRET,
            max_record_bytes: MAX_RECORD_BYTES,
            history: true,
            formats,
            due_at_most,
        };
        Self {
            task,
            rules: Arc::clone(rules),
            due_at_most,
            half: H::new(context, Arc::clone(rules)),
            images: None,
            effects: Effects::default(),
            seq: 0,
            now: Timestamp::default(),
            ledger: Ledger::default(),
            next: BTreeMap::new(),
            applied: BTreeMap::new(),
        }
    }

    pub fn seq(&self) -> u64 {
        self.seq
    }

    pub fn half(&self) -> &H {
        &self.half
    }

    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub fn applied(&self, topic: Topic) -> &[i64] {
        self.applied.get(&topic).map_or(&[], Vec::as_slice)
    }

    /// Goes the steps of the next commit, which ends at these offsets. No task has published a time before `slowest`.
    /// `naively`: what each input is by the rules in force is read once more, as an audit does.
    pub fn step(
        &mut self,
        calls: &[Call],
        next: &[(Topic, i64)],
        slowest: Option<Timestamp>,
        naively: bool,
    ) -> Stepped {
        let (before, mut records) = (self.now, 0);
        for call in calls {
            let images = self.images.take();
            match call {
                Call::Begun(rules) => self.begin(rules),
                Call::Restored => self.reload(images),
                Call::Resume(passed) => {
                    assert_eq!(*passed, self.half.passed(), "{}: goes on at another time", self.name());
                    self.images = images; // it was reloaded just now
                }
                Call::Adopt(rules) => {
                    self.rules = Arc::clone(rules);
                    self.half.adopt(Arc::clone(rules), &mut self.effects);
                }
                Call::Apply(record) => {
                    records += 1;
                    self.note_applied(record.position.topic, record.position.offset);
                    let outcome = self.half.apply(&record.as_record(), &mut self.effects).expect("of this version");
                    if naively {
                        intake::assert_judged(&record.as_record(), outcome, &self.rules);
                    }
                    self.ledger.book(outcome);
                    self.ledger.received += u64::from(record.position.topic == Topic::PersonEvents);
                }
                Call::Advance(times) => {
                    let Times { own, everywhere, drop_before, .. } = *times;
                    assert!(own >= self.now, "{}: time ran backwards", self.name());
                    for time in [everywhere, drop_before] {
                        assert!(time <= slowest, "{}: {time:?} is said to have come everywhere", self.name());
                    }
                    let of_others = H::OWN_TIME == OwnTime::SlowestPersonTask;
                    let published = own == Timestamp::default() || Some(own) <= slowest;
                    assert!(!of_others || published, "{}: {own} is said to have come everywhere", self.name());
                    assert!(!of_others || everywhere.is_none_or(|time| time <= own), "{}: {times:?}", self.name());
                    self.now = own;
                    self.half.advance(times, &mut self.effects);
                    let due = self.half.passed().due;
                    assert!(due <= slowest, "{}: {due:?} is passed, and has not come everywhere", self.name());
                }
                Call::Flush(seq, times) => {
                    assert_eq!(*seq, self.seq + 1, "{}: commits follow each other", self.name());
                    self.seq = *seq;
                    self.half.flush(*seq, times, &mut self.effects);
                }
            }
        }
        for (topic, offset) in next {
            let read = self.applied(*topic).last().map_or(0, |last| last + 1);
            let committed = self.next.insert(*topic, *offset).unwrap_or(0);
            assert!(*offset >= read.max(committed), "{}: {} {offset} is committed", self.name(), topic.name());
        }
        self.effects.changes.clear();
        self.ledger.sent += std::mem::take(&mut self.effects.sent);
        let (tick, halfway) = (records == 0 && self.now > before, self.half.passed().unseen.is_some());
        Stepped { outputs: std::mem::take(&mut self.effects.outputs), tick, halfway }
    }

    /// A task without history begins by the rules of whoever got it first.
    fn begin(&mut self, rules: &Arc<Rules>) {
        assert_eq!(self.seq, 0, "{}: what was committed is restored", self.name());
        if self.rules.digest != rules.digest {
            *self = Self::new(self.task, rules, self.due_at_most);
        }
    }

    /// Digest of the rules that its state is derived by.
    pub fn rules_digest(&self) -> &str {
        self.half.rules_digest()
    }

    /// What a restart without faults does: what is no state begins anew, as the time the slowest was at. Whatever else an
    /// image might lack is lost here too, which is why [`compare_restored`](Self::compare_restored) compared values.
    fn reload(&mut self, images: Option<Vec<Vec<u8>>>) {
        let images = images.unwrap_or_else(|| images_of(&self.half));
        let passed = self.half.passed();
        self.half = Self::new(self.task, &self.rules, self.due_at_most).half;
        for (page, image) in (0..).zip(&images) {
            self.half.load(page, image, FORMAT).expect("it was written just now");
        }
        self.half.restored().expect("it was whole");
        self.half.resume(passed, CURRENT);
    }

    fn note_applied(&mut self, topic: Topic, offset: i64) {
        let next = self.next.get(&topic).copied().unwrap_or(0);
        assert!(offset >= next, "{}: {} {offset} was read after {next} was committed", self.name(), topic.name());
        self.applied.entry(topic).or_default().push(offset);
    }

    /// A state that was restored as of this commit must be this one. Whoever was expelled meanwhile restores what
    /// others have gone on from.
    pub fn compare_restored(&mut self, seq: u64, restored: &H) {
        assert!(self.seq >= seq, "{}: commit {seq} was restored and never took effect", self.name());
        if self.seq > seq {
            return;
        }
        assert_eq!(restored.pages(), self.half.pages(), "{}: restored at {seq} with other pages", self.name());
        let (name, mut found) = (self.name(), Vec::new());
        let images = self.images.get_or_insert_with(|| images_of(&self.half));
        for (page, live) in (0..).zip(images) {
            found.clear();
            restored.image(page, &mut found);
            assert!(found == *live, "{name}: page {page} restored at {seq} is not what was live");
        }
        let differing = restored.differing(&self.half);
        assert!(differing.is_none(), "{name}: restored at {seq} with other values: {differing:?}");
    }

    fn name(&self) -> String {
        format!("{} task {}", H::KIND, self.task)
    }
}
