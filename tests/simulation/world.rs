//! One seed: a small city sends what it sends, instances come and go, time passes as it likes, and in the end all comes
//! to rest and is judged.

use super::instance::{Instance, Setup};
use super::judgement;
use super::plan::Plan;
use super::purposes;
use super::rules;
use super::sleepers::{Sleeper, Sleepers};
use super::support::broker::{Broker, FaultRates, Shared, Timeouts};
use super::support::random::Random;
use super::support::town;
use super::witness::{self, Witness};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use swabstream::demo::city::Message;
use swabstream::model::ids::Secret;
use swabstream::model::record::{HalfKind, Layout, Output, Topic};
use swabstream::model::time::Timestamp;
use swabstream::pipeline::formats::Formats;
use swabstream::policy::Rules;
use swabstream::runtime::task::RulesInForce;
use swabstream::runtime::worker::Settings;
use swabstream::telemetry::Telemetry;

pub const LAYOUT: Layout = Layout { person_tasks: 4, area_tasks: 2 };
pub const SECRET: Secret = Secret::new([42; 16]);
pub const MAX_RECORD_BYTES: usize = 100_000;

/// Records of a seed.
const RECORDS: usize = 500;

/// Times that the ring of each changelog wraps, at least.
const WRAPS: u64 = 5;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// Time runs fast here: days go by in a few thousand turns, and everything else keeps its proportion.
const TIMEOUTS: Timeouts = Timeouts { transaction_ms: 3 * HOUR, session_ms: 2 * HOUR, stuck_ms: HOUR };
const COMMIT_INTERVAL_MS: i64 = HOUR;

/// Half commit intervals without anything to do after which all is at rest: each task's turn comes within ten whole ones.
const QUIET: usize = 24;

/// How often in a hundred turns an instance reads on in the rules: it may work for long by older ones than others do.
const READ_RULES: u32 = 1;

/// How long a transaction of somebody else hangs at most.
const LONGEST_HANG: i64 = 10 * HOUR;

/// Starts in a hundred that come just before the newest rules.
const START_LATE: u32 = 30;

/// Stopped instances in a hundred that are taken for dead: another goes on under their name before they wake up.
const TAKEN_FOR_DEAD: u32 = 40;

/// Turns in which rules change when everything else is there from the beginning, or in which a task stalls.
const FEW_TURNS: usize = 100;

/// The border changes on 2022-11-15, in the middle of it.
const FIRST_DAY: &str = "2022-11-13";
const MOST_DAYS: u32 = 14;
const PEOPLE: u32 = 150;

const INPUTS: [Topic; 3] = [Topic::LabResults, Topic::ContactRecords, Topic::PersonGroups];

/// What a seed came to.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How often what happened.
    pub happened: BTreeMap<&'static str, u64>,
    /// Hash of everything in the log.
    pub log: u64,
}

/// Where an instance is.
enum Place {
    Up(Box<Instance>),
    /// Stopped: it does not know, and wakes up later.
    Asleep(Box<Instance>, Timestamp),
    Down(Timestamp),
}

pub struct World {
    plan: Plan,
    setup: Setup,
    broker: Shared,
    witness: Rc<RefCell<Witness>>,
    random: Random,
    places: Vec<(String, Place)>,
    taken_for_dead: Sleepers,
    renamed: usize,
    /// Transactions of others that are still to hang.
    hangs_left: usize,
    /// Sets of rules that are still to be published, the last first.
    rules_to_come: Vec<Arc<Rules>>,
    /// Those that were published, the first first.
    rules: Vec<RulesInForce>,
    /// Everybody has read them.
    rules_published: bool,
}

/// Runs a seed to its end and judges it.
pub fn run(seed: u64, telling: bool) -> Outcome {
    let messages: Vec<Message> = town::city(seed, PEOPLE, FIRST_DAY, MOST_DAYS, rules::first()).take(RECORDS).collect();
    assert_eq!(messages.len(), RECORDS, "the city sent too little");
    let mut world = World::start(seed, messages[0].at, telling);
    world.fill_up(messages[0].at);
    world.go_through(&messages);
    world.wrap_rings();
    world.settle();
    judgement::judge(&world.broker, &world.witness.borrow());
    world.restart_all();
    world.settle();
    world.outcome()
}

impl World {
    fn start(seed: u64, first: Timestamp, telling: bool) -> Self {
        let mut random = Random::new(seed);
        let plan = Plan::of(&mut random);
        let broker = Broker::new(LAYOUT, Timestamp(first.0 - HOUR), random.next());
        let first = RulesInForce { rules: rules::first().clone(), offset: 1 };
        let witness = witness::call(&first, plan.due_at_most);
        {
            let mut broker = broker.borrow_mut();
            broker.set_timeouts(TIMEOUTS);
            broker.set_observer(witness.clone());
            broker.set_faults(Plan::faults(&mut random));
            if telling {
                broker.tell();
            }
        }
        let settings = Settings {
            layout: LAYOUT,
            secret: SECRET,
            max_record_bytes: MAX_RECORD_BYTES,
            ring: plan.ring,
            commit_interval_ms: COMMIT_INTERVAL_MS,
            commit_records: plan.commit_records,
            commit_floor: plan.commit_floor,
            due_at_most: plan.due_at_most,
            history: plan.history,
            formats: Formats::default(),
        };
        let setup = Setup { broker: broker.clone(), settings, telemetry: Telemetry::new(Arc::default()) };
        let now = broker.borrow().now();
        let rules_to_come = plan.rules.iter().rev().cloned().collect();
        let places = (0..plan.instances).map(|number| (number.to_string(), Place::Down(now))).collect();
        let rules = vec![first];
        let hangs_left = plan.hangs;
        Self {
            plan,
            setup,
            broker,
            witness,
            random,
            places,
            taken_for_dead: Sleepers::default(),
            renamed: 0,
            hangs_left,
            rules_to_come,
            rules,
            rules_published: false,
        }
    }

    /// Leaves little room for purposes.
    fn fill_up(&mut self, at: Timestamp) {
        let rules = rules::first();
        for output in self.plan.room.into_iter().flat_map(|room| purposes::abandoned(rules, room, rules.day(at))) {
            self.broker.borrow_mut().publish(output.clone(), at);
            self.witness.borrow_mut().note_sent(output);
        }
    }

    /// The city sends, everybody works, nothing goes well.
    fn go_through(&mut self, messages: &[Message]) {
        let last = messages.iter().map(|message| message.at).max().expect("a city sends something");
        let end = last.plus_days(self.plan.days_after);
        for (message, left) in messages.iter().zip((1..=messages.len()).rev()) {
            if !self.plan.backlog {
                self.change_rules_perhaps(left);
            }
            if self.plan.history {
                self.publish(message);
                while !self.plan.backlog && self.random.chance(70) {
                    self.turn();
                }
            } else {
                self.live_until(message.at);
                self.publish(message);
                self.turn();
            }
        }
        if !self.rules_to_come.is_empty() {
            for left in (1..=FEW_TURNS).rev() {
                self.change_rules_perhaps(left);
                self.turn();
            }
        }
        self.tell_rules();
        if self.plan.history {
            self.stall_perhaps(last, end);
            // Some tasks are far ahead of the others for a while.
            let ahead = 1 + self.random.below(LAYOUT.person_tasks as usize - 1) as i32;
            self.mark_time(0..ahead, end);
            self.mark_time(ahead..LAYOUT.person_tasks, last.plus_days(1));
            self.mark_time(0..LAYOUT.person_tasks, end);
        } else {
            self.live_until(last.plus_days(1));
            self.broker.borrow_mut().set_latest(Timestamp(i64::MAX));
            self.advance_to(end.max(self.now()));
        }
        (0..100).for_each(|_| self.turn());
    }

    /// A task stands still while the others go on to the end: days are let close without it.
    fn stall_perhaps(&mut self, last: Timestamp, end: Timestamp) {
        let Some(task) = self.plan.stalled else { return };
        self.mark_time(task..task + 1, last);
        self.mark_time(0..task, end);
        self.mark_time(task + 1..LAYOUT.person_tasks, end);
        (0..FEW_TURNS).for_each(|_| self.turn());
        self.publish_rules(rules::marked(&self.newest_rules().rules, last, self.plan.marked, task));
        self.tell_rules();
        (0..FEW_TURNS).for_each(|_| self.turn());
    }

    /// Publishes the next set of rules at one of the moments that are left.
    fn change_rules_perhaps(&mut self, left: usize) {
        let due = self.random.below(left) < self.rules_to_come.len();
        let Some(next) = due.then(|| self.rules_to_come.pop()).flatten() else { return };
        self.publish_rules(next);
    }

    fn publish_rules(&mut self, next: Arc<Rules>) {
        let offset = self.rules.last().map_or(1, |last| last.offset + next.to_records().len() as i64 + 1);
        self.broker.borrow_mut().note("rules changed", || format!("{} from offset {offset}", next.digest));
        let rules = RulesInForce { rules: next, offset };
        self.witness.borrow_mut().note_rules(rules.clone());
        self.rules.push(rules);
    }

    /// Everybody has read all rules: those who are asleep just before they fell asleep. Days may close from now on, and
    /// what is closed is not derived again.
    fn tell_rules(&mut self) {
        self.rules_published = true;
        self.taken_for_dead.read_rules(&self.rules);
        for (_, place) in &mut self.places {
            if let Place::Up(instance) | Place::Asleep(instance, _) = place {
                while instance.read_rules(&self.rules) {}
            }
        }
    }

    fn newest_rules(&self) -> RulesInForce {
        self.rules.last().expect("there are rules from the beginning").clone()
    }

    fn now(&self) -> Timestamp {
        self.broker.borrow().now()
    }

    fn advance_to(&self, at: Timestamp) {
        self.broker.borrow_mut().advance_to(at);
    }

    /// Turns until a moment, which no jump of time goes beyond.
    fn live_until(&mut self, at: Timestamp) {
        self.broker.borrow_mut().set_latest(at);
        while self.now() < at {
            self.turn();
        }
    }

    fn publish(&self, message: &Message) {
        let content_type = message.content_type.map(|text| ("content-type", text.as_bytes().to_vec()));
        let output = Output {
            topic: message.topic,
            partition: message.partition(LAYOUT),
            key: message.key.clone(),
            payload: message.payload.clone(),
            headers: content_type.into_iter().collect(),
        };
        self.broker.borrow_mut().publish(output, message.at);
    }

    /// Marks in partitions of the inputs that nothing earlier follows.
    fn mark_time(&self, partitions: Range<i32>, at: Timestamp) {
        for topic in INPUTS {
            for partition in partitions.clone() {
                let headers = vec![("content-type", b"application/vnd.swabstream.time-mark".to_vec())];
                let mark = Output { topic, partition, key: b"mark".to_vec(), payload: Some(Vec::new()), headers };
                self.broker.borrow_mut().publish(mark, at);
            }
        }
    }

    /// Time passes, or stands still, or jumps; something happens to one of the instances, or it has its turn.
    fn turn(&mut self) {
        let step = match self.random.below(1000) {
            0..2 => self.random.between(0, 3 * TIMEOUTS.session_ms),
            2..300 => 0,
            _ => self.random.between(0, 20 * MINUTE),
        };
        let latest = self.broker.borrow().latest_moment();
        self.advance_to(Timestamp(self.now().0 + step).min(latest).max(self.now()));
        if self.random.chance(2) {
            let changelog = *self.random.pick(&[Topic::PersonState, Topic::AreaState]);
            self.broker.borrow_mut().compact(changelog);
        }
        if self.hangs_left > 0 && self.random.chance(1) {
            self.hang();
        }
        let number = self.random.below(self.places.len() + self.taken_for_dead.len());
        match number.checked_sub(self.places.len()) {
            None => self.happen(number),
            Some(sleeper) => self.taken_for_dead.turn(sleeper, &self.broker),
        }
    }

    /// Somebody else's transaction hangs in a changelog for a while.
    fn hang(&mut self) {
        self.hangs_left -= 1;
        let (changelog, tasks) = match self.random.chance(50) {
            true => (Topic::PersonState, LAYOUT.person_tasks),
            false => (Topic::AreaState, LAYOUT.area_tasks),
        };
        let task = self.random.below(tasks as usize) as i32;
        let until = Timestamp(self.now().0 + self.random.between(HOUR, LONGEST_HANG));
        self.broker.borrow_mut().hang((changelog, task), until);
    }

    fn happen(&mut self, number: usize) {
        let now = self.now();
        let until = Timestamp(now.0 + self.random.between(0, 2 * TIMEOUTS.session_ms));
        let event = self.random.below(400);
        let (name, place) = &mut self.places[number];
        let name = name.clone();
        // Now and then the newest rules come after it has read them.
        let late = usize::from(self.rules.len() > 1 && !self.rules_published && self.random.chance(START_LATE));
        let read = &self.rules[self.rules.len() - 1 - late];
        let tell = |what: &str| self.broker.borrow().say(|| format!("instance {name} {what}"));
        match std::mem::replace(place, Place::Down(until)) {
            Place::Down(since) if now < since => *place = Place::Down(since),
            Place::Down(_) => {
                tell("starts");
                *place = Place::Up(Box::new(Instance::start(&self.setup, &name, read)));
            }
            Place::Asleep(instance, since) if now < since => *place = Place::Asleep(instance, since),
            Place::Asleep(instance, _) => {
                tell("wakes up");
                *place = Place::Up(instance);
            }
            Place::Up(instance) => match event {
                0 => {
                    tell("dies");
                    instance.kill();
                    self.rename_perhaps(number);
                }
                1 => {
                    tell("leaves");
                    instance.leave(now);
                    self.rename_perhaps(number);
                }
                2 | 3 if self.random.chance(TAKEN_FOR_DEAD) => {
                    tell("is stopped and taken for dead");
                    let wakes = Timestamp(now.0 + self.random.between(0, 2 * TIMEOUTS.session_ms));
                    let ends = Timestamp(wakes.0 + self.random.between(0, 2 * TIMEOUTS.session_ms));
                    self.taken_for_dead.push(Sleeper { name, instance, wakes, ends });
                }
                2 | 3 => {
                    tell("is stopped");
                    *place = Place::Asleep(instance, until);
                }
                4 => {
                    let half = if self.random.chance(50) { HalfKind::Person } else { HalfKind::Area };
                    instance.expel(half);
                    *place = Place::Up(instance);
                }
                _ => self.work(number, instance),
            },
        }
    }

    fn work(&mut self, number: usize, mut instance: Box<Instance>) {
        if self.random.chance(40) {
            instance.hear(&self.broker);
        }
        if self.random.chance(READ_RULES) && instance.read_rules(&self.rules) {
            self.broker.borrow().say(|| format!("instance {} reads other rules", self.places[number].0));
        }
        match instance.step(self.now()) {
            Ok(_) => self.places[number].1 = Place::Up(instance),
            Err(()) => {
                self.broker.borrow().say(|| format!("instance {} has died", self.places[number].0));
                self.rename_perhaps(number);
            }
        }
    }

    /// Whoever is started next in a place has another transactional id now and then.
    fn rename_perhaps(&mut self, number: usize) {
        if self.random.chance(40) {
            self.renamed += 1;
            self.places[number].0 = format!("{number}-{}", self.renamed);
        }
    }

    /// Time goes on in small steps until every changelog has wrapped often enough.
    fn wrap_rings(&mut self) {
        for _ in 0..400 {
            if self.witness.borrow().fewest_commits() >= WRAPS * self.plan.ring {
                return;
            }
            let at = self.newest();
            if self.plan.history {
                self.mark_time(0..LAYOUT.person_tasks, Timestamp(at.0 + 10 * MINUTE));
            }
            (0..12).for_each(|_| self.turn());
        }
        panic!("the changelogs never wrap");
    }

    /// Time of the newest input.
    fn newest(&self) -> Timestamp {
        let broker = self.broker.borrow();
        let newest = |topic: Topic| broker.newest(topic).unwrap_or_default();
        INPUTS.into_iter().map(newest).max().unwrap_or_default()
    }

    /// Faults end, everybody comes back, and everything there is gets done.
    fn settle(&mut self) {
        self.broker.borrow_mut().set_faults(FaultRates::NONE);
        self.broker.borrow_mut().end_hanging(Timestamp(i64::MAX));
        self.taken_for_dead.end_all();
        let mut quiet = 0;
        for _ in 0..2_000 {
            self.advance_to(Timestamp(self.now().0 + COMMIT_INTERVAL_MS / 2));
            let busy = (0..self.places.len()).map(|number| self.settle_some(number)).fold(false, |a, b| a | b);
            quiet = if busy { 0 } else { quiet + 1 };
            // What a deadline makes known in the last of these intervals is still to be read by others.
            if quiet > QUIET && !self.broker.borrow().has_unread() {
                return;
            }
        }
        panic!("the workers never come to rest");
    }

    fn settle_some(&mut self, number: usize) -> bool {
        let (now, newest) = (self.now(), self.newest_rules());
        let (name, place) = &mut self.places[number];
        match std::mem::replace(place, Place::Down(now)) {
            Place::Down(_) => {
                *place = Place::Up(Box::new(Instance::start(&self.setup, name, &newest)));
                true
            }
            Place::Asleep(instance, _) => {
                *place = Place::Up(instance);
                true
            }
            Place::Up(mut instance) => {
                let heard = instance.hear(&self.broker) | instance.read_rules(&self.rules);
                let Ok(busy) = instance.step(now) else { return true };
                *place = Place::Up(instance);
                busy || heard && self.plan.history
            }
        }
    }

    /// All die, and others restore what they had.
    fn restart_all(&mut self) {
        for (_, place) in &mut self.places {
            if let Place::Up(instance) | Place::Asleep(instance, _) =
                std::mem::replace(place, Place::Down(Timestamp(0)))
            {
                instance.kill();
            }
        }
    }

    fn outcome(&self) -> Outcome {
        let running: usize =
            self.places.iter().map(|(_, place)| if let Place::Up(up) = place { up.running() } else { 0 }).sum();
        assert_eq!(running as i32, LAYOUT.person_tasks + LAYOUT.area_tasks, "every task runs");
        let broker = self.broker.borrow();
        let mut happened = broker.happened().clone();
        let witness = self.witness.borrow();
        happened.insert("tick", witness.ticks);
        happened.insert("instant in several commits", witness.halfway);
        happened.insert("task moved", witness.moves);
        happened.insert("purpose took another's number", witness.purposes_renamed(self.plan.room));
        happened.extend(judgement::missed_tests(&broker));
        happened.extend(witness.pools());
        happened.extend(witness.closes().into_iter().chain(witness.duties()));
        Outcome { happened, log: judgement::hash(&broker) }
    }
}
