//! A few person tasks and what they publish, held side by side with what was sent to them.

use super::sent::at;
use prost::Message as _;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use swabstream::audit::arrived::{Arrived, Usable};
use swabstream::audit::cells::Cells;
use swabstream::audit::changes;
use swabstream::audit::content;
use swabstream::audit::duties::sums::DutySums;
use swabstream::audit::duties::sums_of;
use swabstream::audit::passed::TimePassed;
use swabstream::audit::recount::{self, LiveAlert, Truth};
use swabstream::audit::targets;
use swabstream::model::ids::Secret;
use swabstream::model::outcome::Outcome;
use swabstream::model::record::{Layout, Output, Position, Record, Topic};
use swabstream::model::time::{Day, Timestamp};
use swabstream::pipeline::effects::Effects;
use swabstream::pipeline::formats::{Formats, Newer};
use swabstream::pipeline::half::{Context, Half};
use swabstream::pipeline::person::PersonHalf;
use swabstream::pipeline::times::{Passed, Times};
use swabstream::policy::Rules;
use swabstream::policy::sample::sample_rules;
use swabstream::proto::v1::{
    Alert, AlertFamily, AlertState, Area, AreaChanges, ContactRecord, Finding, LabResult, LabTally, PersonDuties,
    PersonEvent, PersonGroup, Rule, person_event::Event, rule,
};

const SECRET: Secret = Secret::new([7; 16]);

pub const LAYOUT: Layout = Layout { person_tasks: 3, area_tasks: 2 };

/// The sample's rules with other facts of areas.
pub fn rules_with(change: impl Fn(&mut Area)) -> Rules {
    let changed = sample_rules().to_records().into_iter().map(|(key, value)| {
        let mut record = Rule::decode(&value[..]).expect("a rule");
        if let Some(rule::Rule::Area(area)) = &mut record.rule {
            change(area);
        }
        (key, record.encode_to_vec())
    });
    Rules::from_records(&changed.collect::<Vec<_>>()).expect("valid rules")
}

/// One input record.
#[derive(Clone, Debug)]
pub enum Input {
    Result(LabResult, Timestamp),
    Contact(ContactRecord, Timestamp),
    Group(PersonGroup, Timestamp),
}

pub struct World {
    pub layout: Layout,
    pub rules: Arc<Rules>,
    pub halves: Vec<PersonHalf>,
    mail: Vec<VecDeque<Output>>,
    offset: i64,
    seq: u64,
    /// Outcomes of everything consumed, in order.
    pub outcomes: Vec<Outcome>,
    /// Every state of every alert.
    pub alerts: Vec<Alert>,
    /// Sum of all changes.
    pub numbers: Cells,
    /// Sum of all changes of what has to be done.
    pub duties: DutySums,
    /// What has to be done with people, as it was published last.
    pub to_do: BTreeMap<String, PersonDuties>,
    /// How often that was published.
    pub told: usize,
    /// Records named as being behind changes: area, day, topic, offset.
    pub causes: BTreeSet<(String, i32, String, i64)>,
    pub dead_letters: Vec<Output>,
    /// Newest receipt per lab.
    pub labs_heard: BTreeMap<String, Timestamp>,
    /// What labs are to be told.
    pub labs: Vec<LabTally>,
    /// Results reported before they were collected.
    pub reported_early: u64,
    /// State operations per task since they were last taken.
    pub operations: Vec<Vec<u8>>,
    read: Vec<Arrived>,
}

impl World {
    pub fn new() -> Self {
        Self::with(sample_rules())
    }

    pub fn with(rules: Rules) -> Self {
        Self::split(rules, LAYOUT)
    }

    /// With other numbers of tasks.
    pub fn split(rules: Rules, layout: Layout) -> Self {
        let rules = Arc::new(rules);
        let tasks = layout.person_tasks as usize;
        let begun = |task| PersonHalf::new(Context { layout, ..context(task) }, rules.clone());
        Self {
            layout,
            halves: (0..layout.person_tasks).map(begun).collect(),
            rules,
            mail: vec![VecDeque::new(); tasks],
            offset: 0,
            seq: 0,
            outcomes: Vec::new(),
            alerts: Vec::new(),
            numbers: Cells::new(),
            duties: DutySums::new(),
            to_do: BTreeMap::new(),
            told: 0,
            causes: BTreeSet::new(),
            dead_letters: Vec::new(),
            labs: Vec::new(),
            labs_heard: BTreeMap::new(),
            reported_early: 0,
            operations: vec![Vec::new(); tasks],
            read: Vec::new(),
        }
    }

    /// From now on the tasks are of live work, and begin anew.
    pub fn in_live_work(&mut self) {
        let tasks = 0..self.layout.person_tasks;
        let live = |task| {
            PersonHalf::new(Context { history: false, layout: self.layout, ..context(task) }, self.rules.clone())
        };
        self.halves = tasks.map(live).collect();
    }

    /// A result, five hours after its swab, in its person's partition; everything it causes is done, and all numbers
    /// are those of a recount.
    pub fn lab(&mut self, result: &LabResult) -> Outcome {
        let collected = result.collected_at.as_ref().and_then(Timestamp::from_wire).expect("a swab has a time");
        self.lab_at(result, collected.plus_hours(5))
    }

    pub fn lab_at(&mut self, result: &LabResult, received_at: Timestamp) -> Outcome {
        let outcome = self.send(&Input::Result(result.clone(), received_at), None);
        self.settle();
        self.check();
        outcome
    }

    pub fn contact(&mut self, record: &ContactRecord) -> Outcome {
        let outcome = self.send(&Input::Contact(record.clone(), at(0, 0)), None);
        self.settle();
        self.check();
        outcome
    }

    pub fn group(&mut self, record: &PersonGroup) -> Outcome {
        let outcome = self.send(&Input::Group(record.clone(), at(0, 0)), None);
        self.settle();
        self.check_duties();
        outcome
    }

    /// Hands a record to the task of a partition (by default its person's), and nothing else.
    pub fn send(&mut self, input: &Input, partition: Option<i32>) -> Outcome {
        let (topic, person, payload, received_at) = match input {
            Input::Result(result, at) => {
                self.note(Usable::Result(result.clone()), *at);
                let subject = result.pool.as_ref().map_or(&result.person_id, |pool| &pool.pool_id);
                (Topic::LabResults, subject, result.encode_to_vec(), *at)
            }
            Input::Contact(contact, at) => {
                self.note(Usable::Contact(contact.clone()), *at);
                (Topic::ContactRecords, &contact.person_id, contact.encode_to_vec(), *at)
            }
            Input::Group(group, at) => {
                self.note(Usable::Group(group.clone()), *at);
                (Topic::PersonGroups, &group.person_id, group.encode_to_vec(), *at)
            }
        };
        let task = partition.unwrap_or_else(|| self.layout.person_task(person));
        let key = person.clone().into_bytes();
        self.apply(topic, task, &key, &payload, received_at)
    }

    /// Hands one waiting message to a task; tells whether there was one.
    pub fn deliver(&mut self, task: usize) -> bool {
        let Some(mail) = self.mail[task].pop_front() else { return false };
        let payload = mail.payload.expect("a message has a payload");
        self.apply(Topic::PersonEvents, task as i32, &mail.key, &payload, at(0, 0));
        true
    }

    /// Hands over any one waiting message, also one that others were sent before; tells whether there was one.
    pub fn deliver_any(&mut self, dice: &mut Dice) -> bool {
        let waiting = (0..self.mail.len()).filter(|task| !self.mail[*task].is_empty()).collect::<Vec<_>>();
        if waiting.is_empty() {
            return false;
        }
        let task = dice.pick(&waiting);
        let at = dice.roll(self.mail[task].len() as u64) as usize;
        let message = self.mail[task].remove(at).expect("one that waits");
        self.mail[task].push_front(message);
        self.deliver(task)
    }

    /// Until no task has anything to tell another.
    pub fn settle(&mut self) {
        while (0..self.halves.len()).any(|task| self.deliver(task)) {}
    }

    fn apply(&mut self, topic: Topic, task: i32, key: &[u8], payload: &[u8], received_at: Timestamp) -> Outcome {
        let position = Position { topic, partition: task, offset: 0 };
        self.record(Record { position, received_at, key: Some(key), payload: Some(payload), content_type: None })
    }

    /// Hands a record to the task of its partition.
    pub fn record(&mut self, record: Record<'_>) -> Outcome {
        self.try_record(record).expect("of this version")
    }

    /// The same, also of a record that may be for a newer version.
    pub fn try_record(&mut self, mut record: Record<'_>) -> Result<Outcome, Newer> {
        self.offset += 1;
        record.position.offset = self.offset;
        let task = record.position.partition;
        let mut effects = Effects::default();
        let mut outcome = None;
        self.halves[task as usize].apply_all(&[record], &mut effects, &mut |_, ended| outcome = Some(ended))?;
        let outcome = outcome.expect("a record has an end");
        let letters = effects.outputs.iter().filter(|output| output.topic == Topic::DeadLetters).count();
        assert_eq!(
            usize::from(outcome.code().is_some()),
            letters,
            "what is rejected lies in dead-letters: {outcome:?}"
        );
        self.outcomes.push(outcome);
        self.take(task, effects);
        self.commit(task);
        Ok(outcome)
    }

    pub fn commit(&mut self, task: i32) {
        let mut effects = Effects::default();
        self.seq += 1;
        self.halves[task as usize].flush(self.seq, &Times::default(), &mut effects);
        self.take(task, effects);
    }

    pub fn advance(&mut self, now: Timestamp) {
        self.advance_all(&Times { own: now, everywhere: Some(now), drop_before: Some(now), ..Times::default() });
    }

    /// Time has come everywhere to a moment, and no rows are dropped for it.
    pub fn pass(&mut self, now: Timestamp) {
        self.advance_all(&Times { own: now, everywhere: Some(now), ..Times::default() });
    }

    fn advance_all(&mut self, times: &Times) {
        for task in 0..self.layout.person_tasks {
            self.advance_one(task, times);
            while self.halves[task as usize].owes(times) {
                self.advance_one(task, times);
            }
        }
    }

    /// As far as one commit goes.
    pub fn advance_one(&mut self, task: i32, times: &Times) {
        let mut effects = Effects::default();
        self.halves[task as usize].advance(times, &mut effects);
        let is_overdue = |output: &Output| {
            let alert = output.payload.as_deref().map(Alert::decode).and_then(Result::ok);
            let overdue = [AlertFamily::ContactOverdue, AlertFamily::PoolOverdue, AlertFamily::GroupOverdue];
            output.topic == Topic::Alerts && alert.is_some_and(|alert| overdue.contains(&alert.family()))
        };
        let is_duty = |output: &Output| output.topic == Topic::PersonDuties;
        assert!(effects.outputs.iter().all(|output| is_overdue(output) || is_duty(output)), "no more is said");
        self.take(task, effects);
        self.commit(task);
    }

    pub fn adopt(&mut self, rules: Rules) {
        self.rules = Arc::new(rules);
        for task in 0..self.layout.person_tasks {
            let mut effects = Effects::default();
            self.halves[task as usize].adopt(self.rules.clone(), &mut effects);
            self.take(task, effects);
            self.commit(task);
        }
        self.settle();
    }

    pub fn take(&mut self, task: i32, effects: Effects) {
        self.operations[task as usize].extend_from_slice(effects.changes.as_bytes());
        let sent = effects.outputs.iter().filter(|output| output.topic == Topic::PersonEvents).count();
        assert_eq!(effects.sent, sent as u64, "every message is counted");
        self.reported_early += effects.reported_early;
        for (lab, heard) in effects.labs_heard {
            let newest = self.labs_heard.entry(lab).or_insert(heard);
            *newest = heard.max(*newest);
        }
        let alerts = effects.outputs.iter().any(|output| output.topic == Topic::Alerts);
        let positive = effects.outputs.iter().any(is_positive_sent_on);
        assert_eq!(
            effects.urgent,
            alerts || positive,
            "somebody waits for alerts, and for what they come from elsewhere"
        );
        for output in effects.outputs {
            let payload = output.payload.clone().unwrap_or_default();
            match output.topic {
                Topic::PersonEvents => self.mail[output.partition as usize].push_back(output),
                Topic::DeadLetters => self.dead_letters.push(output),
                Topic::Alerts => {
                    assert_eq!(output.partition, task);
                    let alert = Alert::decode(&payload[..]).expect("an alert");
                    assert_eq!(output.key, alert.alert_id.as_bytes());
                    self.legal(&alert);
                    self.alerts.push(alert);
                }
                Topic::AreaChanges => {
                    let changes = AreaChanges::decode(&payload[..]).expect("changes");
                    assert!(changes.areas.iter().all(|area| self.layout.area_task(area) == output.partition));
                    let all = changes.cells.len() + changes.pools.len() + changes.duties.len() + changes.groups.len();
                    assert!(all + changes.labs.len() > 0, "nothing is sent when nothing changed");
                    self.labs.extend(changes.labs.iter().cloned());
                    changes::add(&mut self.numbers, &changes);
                    changes::add_duties(&mut self.duties, &changes);
                    self.causes.extend(changes.causes.iter().map(|cause| {
                        let origin = cause.origin.clone().expect("a record");
                        (changes.areas[cause.area as usize].clone(), cause.day, origin.topic, origin.offset)
                    }));
                }
                Topic::PersonDuties => {
                    assert_eq!((output.partition, self.layout.person_task(&text(&output.key))), (task, task));
                    self.told += 1;
                    self.to_do.remove(&text(&output.key));
                    let said = output.payload.map(|_| PersonDuties::decode(&payload[..]).expect("duties"));
                    assert!(said.iter().all(|said| said.person_id.as_bytes() == output.key
                        && !(said.duties.is_empty() && said.groups.is_empty())));
                    self.to_do.extend(said.map(|said| (said.person_id.clone(), said)));
                }
                topic => panic!("{topic:?} is none of this half's"),
            }
        }
    }

    /// Raised first, versions without a gap, no update without a change, nothing after withdrawn but raised.
    fn legal(&self, alert: &Alert) {
        let before = self.alerts.iter().rev().find(|before| before.alert_id == alert.alert_id);
        assert_eq!(alert.version, before.map_or(0, |before| before.version) + 1);
        let was_live = before.is_some_and(|before| before.state() != AlertState::Withdrawn);
        match alert.state() {
            AlertState::Raised => assert!(!was_live, "raised twice"),
            AlertState::Updated => {
                assert!(was_live, "updated, but not raised");
                assert_ne!(before.map(content), Some(content(alert)), "updated, but nothing changed");
            }
            _ => assert!(was_live, "withdrawn, but not raised"),
        }
        let last = alert.causes.last().expect("every state has a cause");
        assert_eq!(last.state, alert.state);
    }

    /// The alerts that are live, without their history.
    pub fn live(&self) -> BTreeMap<String, Alert> {
        let mut newest = BTreeMap::new();
        for alert in &self.alerts {
            newest.insert(alert.alert_id.clone(), alert);
        }
        newest.retain(|_, alert| alert.state() != AlertState::Withdrawn);
        newest.into_iter().map(|(id, alert)| (id, content(alert))).collect()
    }

    /// The one live alert of a family.
    pub fn only(&self, family: AlertFamily) -> Alert {
        let live = self.live();
        let mut of_family = live.values().filter(|alert| alert.family() == family);
        let only = of_family.next().expect("there is one").clone();
        assert_eq!(of_family.next(), None, "and no other");
        only
    }

    fn note(&mut self, record: Usable, at: Timestamp) {
        let record = targets::by_id(&self.rules, record);
        let content = content::of(&record, &SECRET, &self.rules);
        self.read.push(Arrived {
            at,
            record,
            content,
            move_in_flight: false,
            unheard_by: BTreeSet::new(),
            by_pool: false,
        });
    }

    /// The alerts that must be live by a recount of everything that was sent.
    pub fn due(&self) -> BTreeSet<LiveAlert> {
        self.truth().alerts
    }

    /// What has to be done with people and in areas is what a recount says, as long as no rows were dropped.
    pub fn check_duties(&self) {
        let truth = self.truth().duties;
        let all: BTreeMap<String, PersonDuties> =
            truth.into_iter().map(|(person, to_do)| (person, to_do.duties)).collect();
        let passed = |person: &str| self.passed(person);
        assert_eq!(self.duties, sums_of(&self.rules, all.values(), self.live().values(), passed));
        let expected: BTreeMap<String, PersonDuties> =
            all.into_iter().map(|(person, all)| (person, recount::listed(all))).collect();
        assert_eq!(self.to_do, expected);
    }

    fn truth(&self) -> Truth {
        recount::recount(&self.rules, &SECRET, &self.read, Day(0), |person| self.passed(person))
    }

    fn passed(&self, person: &str) -> TimePassed {
        let Passed { due, unseen, held_from } = self.halves[self.layout.person_task(person) as usize].passed();
        TimePassed { due, waiting: unseen.map(|unseen| (unseen.from, unseen.due)), held_from }.of(person)
    }

    /// The alerts that are live are those that must be, by a recount.
    pub fn check_alerts(&self) {
        let said: BTreeSet<LiveAlert> = self.live().values().map(LiveAlert::of).collect();
        assert_eq!(said, self.due());
    }

    /// All numbers are those of a recount of everything that was sent.
    pub fn check(&self) {
        assert_eq!(self.numbers, recount::cells(&self.rules, &self.read));
    }
}

fn is_positive_sent_on(output: &Output) -> bool {
    let payload = output.payload.as_deref().unwrap_or_default();
    let event = (output.topic == Topic::PersonEvents).then(|| PersonEvent::decode(payload).expect("an event"));
    let sent = match event.and_then(|event| event.event) {
        Some(Event::Record(sent)) => sent,
        // Which pool tells of a tube.
        Some(Event::TubeTold(_)) => return true,
        _ => return false,
    };
    let in_json = String::from_utf8_lossy(&sent.payload).contains("FINDING_POSITIVE");
    let alerts = |result: LabResult| match result.finding() {
        Finding::Positive => true,
        Finding::Inconclusive => result.pool.is_some(),
        _ => false,
    };
    in_json || LabResult::decode(&sent.payload[..]).is_ok_and(alerts)
}

fn text(key: &[u8]) -> String {
    String::from_utf8_lossy(key).into_owned()
}

/// An alert without its history.
pub fn content(alert: &Alert) -> Alert {
    Alert { version: 0, state: 0, causes: Vec::new(), replaces: Vec::new(), causes_omitted: 0, ..alert.clone() }
}

pub fn context(task: i32) -> Context {
    Context {
        task,
        layout: LAYOUT,
        secret: SECRET,
        max_record_bytes: 100_000,
        history: true,
        formats: Formats::default(),
        due_at_most: 2,
    }
}

/// A small generator: a seed says everything.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len() as u64) as usize]
    }

    pub fn shuffle<T>(&mut self, all: &mut [T]) {
        for end in (1..all.len()).rev() {
            all.swap(end, self.roll(end as u64 + 1) as usize);
        }
    }
}
