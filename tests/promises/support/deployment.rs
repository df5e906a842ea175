//! A whole deployment on the model: both halves with several workers each, the rules, and what everybody reads whole.

use super::broker::{Broker, FaultRates, Shared, Stored};
use super::fleet::Fleet;
use super::oracle::{self, Published, TimePassed};
use super::random::Random;
use std::sync::Arc;
use swabstream::demo::city::Message;
use swabstream::model::ids::Secret;
use swabstream::model::outcome::Ledger;
use swabstream::model::record::{Layout, Output, Topic};
use swabstream::model::time::{Day, Timestamp};
use swabstream::pipeline::area::AreaHalf;
use swabstream::pipeline::formats::Formats;
use swabstream::pipeline::half::Half;
use swabstream::pipeline::person::PersonHalf;
use swabstream::pipeline::times::Passed;
use swabstream::policy::Rules;
use swabstream::runtime::globals::Globals;
use swabstream::runtime::task::RulesInForce;
use swabstream::runtime::worker::Settings;

/// Few tasks, so that every one is busy; not the same number, so that mixing them up is seen.
pub const LAYOUT: Layout = Layout { person_tasks: 4, area_tasks: 3 };

/// Of the tests only.
pub const SECRET: Secret = Secret::new([42; 16]);

/// Larger records are refused.
pub const MAX_RECORD_BYTES: usize = 100_000;

/// Inputs whose time is that of the world.
const INPUTS: [Topic; 3] = [Topic::LabResults, Topic::ContactRecords, Topic::PersonGroups];

/// Everything that runs.
pub struct Deployment {
    pub broker: Shared,
    pub random: Random,
    person: Fleet<PersonHalf>,
    area: Fleet<AreaHalf>,
    globals: Globals,
    progress_read: i64,
    rules: Arc<Rules>,
}

impl Deployment {
    /// All workers started, in history mode: time comes from the records.
    pub fn start(seed: u64, rules: Arc<Rules>) -> Self {
        Self::begin(seed, rules, Timestamp(1_700_000_000_000), true)
    }

    /// All workers started at a moment, in live work: time goes on with the clock.
    pub fn start_live(seed: u64, rules: Arc<Rules>, at: Timestamp) -> Self {
        Self::begin(seed, rules, at, false)
    }

    fn begin(seed: u64, rules: Arc<Rules>, at: Timestamp, history: bool) -> Self {
        let random = Random::new(seed);
        let broker = Broker::new(LAYOUT, at, seed);
        let settings = Settings {
            layout: LAYOUT,
            secret: SECRET,
            max_record_bytes: MAX_RECORD_BYTES,
            ring: 16,
            commit_interval_ms: 100,
            commit_records: 200,
            commit_floor: 10,
            due_at_most: 2,
            history,
            formats: Formats::default(),
        };
        let in_force = RulesInForce { rules: rules.clone(), offset: 1 };
        Self {
            person: Fleet::start(&broker, &settings, &in_force, 3),
            area: Fleet::start(&broker, &settings, &in_force, 2),
            broker,
            random,
            globals: Globals::default(),
            progress_read: 0,
            rules,
        }
    }

    /// Other rules are published: every worker hears of them, later ones begin with them.
    pub fn adopt(&mut self, rules: Arc<Rules>) {
        let in_force = RulesInForce { rules: rules.clone(), offset: 2 };
        self.person.adopt(&in_force);
        self.area.adopt(&in_force);
        self.rules = rules;
    }

    /// Publishes what the city sends, with the time it arrives as its timestamp. Returns where it lies.
    pub fn publish(&mut self, message: &Message) -> (Topic, i32, i64) {
        let partition = message.partition(LAYOUT);
        let content_type = message.content_type.map(|text| ("content-type", text.as_bytes().to_vec()));
        let output = Output {
            topic: message.topic,
            partition,
            key: message.key.clone(),
            payload: message.payload.clone(),
            headers: content_type.into_iter().collect(),
        };
        (message.topic, partition, self.broker.borrow_mut().publish(output, message.at))
    }

    /// Marks in every partition of the inputs that nothing earlier follows.
    pub fn mark_time(&mut self, at: Timestamp) {
        self.mark_time_of(|_| true, at);
    }

    /// The same in the partitions of some tasks.
    pub fn mark_time_of(&mut self, tasks: impl Fn(i32) -> bool, at: Timestamp) {
        for topic in INPUTS {
            for partition in (0..LAYOUT.person_tasks).filter(|task| tasks(*task)) {
                let headers = vec![("content-type", b"application/vnd.swabstream.time-mark".to_vec())];
                let mark = Output { topic, partition, key: b"mark".to_vec(), payload: Some(Vec::new()), headers };
                self.broker.borrow_mut().publish(mark, at);
            }
        }
    }

    /// One turn of any worker, and time passes a little. With `chaos`, processes come and go.
    pub fn turn(&mut self, chaos: bool) {
        let passed = self.random.between(0, 60);
        self.pass_time(passed);
        if self.random.chance(70) {
            self.person.turn(&mut self.random, chaos);
        } else {
            self.area.turn(&mut self.random, chaos);
        }
        if self.random.chance(20) {
            self.hear_progress();
        }
        if chaos && self.random.chance(1) {
            let changelog = *self.random.pick(&[Topic::PersonState, Topic::AreaState]);
            self.broker.borrow_mut().compact(changelog);
        }
    }

    /// Faults end, everybody comes back, and everything there is gets done.
    pub fn settle(&mut self) {
        self.broker.borrow_mut().set_faults(FaultRates::NONE);
        self.person.recover();
        self.area.recover();
        let mut quiet = 0;
        for _ in 0..20_000 {
            self.pass_time(200);
            let busy = self.person.round() | self.area.round();
            let heard = self.hear_progress();
            quiet = if busy || heard { 0 } else { quiet + 1 };
            if quiet > 80 {
                return self.assert_books_balance();
            }
        }
        panic!("the workers never come to rest");
    }

    /// Everybody works until a moment, a tenth of a second after the other.
    pub fn run_until(&mut self, at: Timestamp) {
        while self.broker.borrow().now() < at {
            let left = at.0 - self.broker.borrow().now().0;
            self.pass_time(left.min(100));
            self.person.round();
            self.area.round();
            self.hear_progress();
        }
    }

    /// Nobody works until a moment.
    pub fn rest_until(&mut self, at: Timestamp) {
        self.broker.borrow_mut().advance_to(at);
    }

    /// All processes die and others restore their tasks: nothing may differ afterwards.
    pub fn assert_restored_equals_live(&mut self) {
        let live = (self.person.images(), self.area.images());
        self.person.replace_all();
        self.area.replace_all();
        self.settle();
        assert!((self.person.images(), self.area.images()) == live, "what is restored is what was live");
    }

    /// What a reader of the outputs ends up with.
    pub fn published(&self) -> Published {
        oracle::published(|topic| self.broker.borrow().latest(topic))
    }

    /// Every record ever published in a topic, in order per partition.
    pub fn history(&self, topic: Topic) -> Vec<Stored> {
        self.broker.borrow().committed(topic)
    }

    /// The day of the smallest progress.
    pub fn today(&self) -> Day {
        self.rules.day(self.globals.slowest(LAYOUT.person_tasks).expect("every task has published its time").watermark)
    }

    /// How far time has come for a person.
    pub fn passed(&self) -> impl Fn(&str) -> TimePassed {
        let tasks = self.person.each(|half, _| half.passed());
        move |person| {
            let Passed { due, unseen, held_from } = tasks[&LAYOUT.person_task(person)];
            TimePassed { due, waiting: unseen.map(|unseen| (unseen.from, unseen.due)), held_from }.of(person)
        }
    }

    fn pass_time(&mut self, ms: i64) {
        let now = self.broker.borrow().now();
        self.broker.borrow_mut().advance_to(Timestamp(now.0 + ms));
    }

    /// Reads on in `progress`; says whether there was anything new.
    fn hear_progress(&mut self) -> bool {
        let (fresh, next) = self.broker.borrow().read_on(Topic::Progress, 0, self.progress_read);
        self.progress_read = next;
        for record in &fresh {
            self.globals.take(&record.as_record()).expect("progress is no rule");
        }
        if let Some(slowest) = self.globals.slowest(LAYOUT.person_tasks) {
            self.person.set_slowest(slowest);
            self.area.set_slowest(slowest);
        }
        self.area.set_come_to(self.globals.come_to(LAYOUT.person_tasks).unwrap_or_default().into());
        !fresh.is_empty()
    }

    /// Law 1, for both halves.
    fn assert_books_balance(&self) {
        let person = self.assert_consumed(&self.person, LAYOUT.person_tasks);
        let area = self.assert_consumed(&self.area, LAYOUT.area_tasks);
        let sum = |books: &[Ledger], side: fn(&Ledger) -> u64| books.iter().map(side).sum::<u64>();
        assert_eq!(sum(&person, |books| books.sent), sum(&person, |books| books.received), "sent = received");
        assert_eq!(sum(&area, |books| books.sent), 0, "areas send nothing on");
    }

    fn assert_consumed<H: Half>(&self, fleet: &Fleet<H>, tasks: i32) -> Vec<Ledger> {
        let books: Vec<Ledger> = fleet.each(|_, ledger| ledger.clone()).into_values().collect();
        assert_eq!(books.len() as i32, tasks, "every {} task runs", H::KIND);
        assert!(books.iter().all(Ledger::balances), "consumed = sum of outcomes ({})", H::KIND);
        let there: usize = H::INPUTS.iter().map(|topic| self.broker.borrow().committed(*topic).len()).sum();
        let consumed: u64 = books.iter().map(|books| books.consumed).sum();
        assert_eq!(consumed, there as u64, "every record was consumed once ({})", H::KIND);
        books
    }
}
