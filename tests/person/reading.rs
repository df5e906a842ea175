//! Reading ahead makes no difference: many records at once come to what they come to one by one.

use super::properties::random_history;
use super::sent::{at, swab};
use super::world::{Dice, Input, LAYOUT, context, rules_with};
use crate::images::images_of;
use prost::Message as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use swabstream::model::outcome::Outcome;
use swabstream::model::record::{Position, Record, Topic};
use swabstream::model::time::Timestamp;
use swabstream::pipeline::effects::Effects;
use swabstream::pipeline::half::{Context, Half};
use swabstream::pipeline::person::PersonHalf;
use swabstream::pipeline::times::Times;
use swabstream::policy::sample::sample_rules;
use swabstream::proto::v1::{ContactRecord, Finding, LabResult, ProcessingMode};

use Finding::{Inconclusive, Negative, Positive};

/// A record as it lies in its partition.
struct Sent {
    topic: Topic,
    payload: Vec<u8>,
    received_at: Timestamp,
}

impl Sent {
    fn of(input: &Input) -> Self {
        let (topic, payload, received_at) = match input {
            Input::Result(result, at) => (Topic::LabResults, result.encode_to_vec(), *at),
            Input::Contact(contact, at) => (Topic::ContactRecords, contact.encode_to_vec(), *at),
            Input::Group(group, at) => (Topic::PersonGroups, group.encode_to_vec(), *at),
        };
        Self { topic, payload, received_at }
    }
}

/// Mostly first negatives of many people, as in a city, some of them with several results; and what is out of the ordinary.
fn history(dice: &mut Dice, length: usize) -> Vec<Sent> {
    let mut odd = random_history(dice.roll(1 << 30), length).into_iter();
    let records = (0..length).map(|_| {
        if dice.roll(4) == 0 {
            return Sent::of(&odd.next().expect("as many"));
        }
        let number = dice.roll(3 * length as u64 / 2);
        let (person, day) = (format!("P{}", number % 40), (number % 30) as i64);
        let finding = if number.is_multiple_of(37) { Positive } else { dice.pick(&[Negative, Negative, Inconclusive]) };
        let result = LabResult {
            revision: dice.roll(2) as u32,
            specimen_id: format!("S{}", number - number % 2),
            mode: if dice.roll(30) == 0 { ProcessingMode::Training } else { ProcessingMode::Production } as i32,
            purpose: dice.pick(&["screening", "clinic", "unheard"]).into(),
            ..swab(&person, &format!("N{number}"), at(day, 8), finding)
        };
        let received_at = at(day + dice.roll(9) as i64, 12);
        let mut sent = Sent::of(&Input::Result(result, received_at));
        if dice.roll(20) == 0 {
            let at = dice.roll(sent.payload.len() as u64) as usize;
            sent.payload[at] ^= 1 << dice.roll(8);
        }
        sent
    });
    records.collect()
}

/// All that a task has said and holds.
#[derive(Debug, PartialEq)]
struct Said {
    outcomes: Vec<(i64, Outcome)>,
    outputs: Vec<String>,
    changes: Vec<u8>,
    images: Vec<Vec<u8>>,
}

/// Hands a history to a task in the given pieces, with commits between them.
fn said(history: &[Sent], pieces: &[usize], task: i32, one_by_one: bool) -> Said {
    let mut half = PersonHalf::new(context(task), Arc::new(sample_rules()));
    let (mut outcomes, mut outputs, mut changes) = (Vec::new(), Vec::new(), Vec::new());
    let (mut first, mut newest) = (0, Timestamp::default());
    for (seq, length) in (1..).zip(pieces) {
        let sent = &history[first..first + length];
        let records: Vec<Record<'_>> =
            (first as i64..).zip(sent).map(|(offset, sent)| record(task, offset, sent)).collect();
        let mut effects = Effects::default();
        let mut ended = |record: &Record<'_>, outcome: Outcome| outcomes.push((record.position.offset, outcome));
        for group in records.chunk_by(|one, next| one.position.topic == next.position.topic) {
            if one_by_one {
                for record in group {
                    let outcome = half.apply(record, &mut effects).expect("of this version");
                    ended(record, outcome);
                }
            } else {
                half.apply_all(group, &mut effects, &mut ended).expect("of this version");
            }
        }
        newest = sent.iter().map(|sent| sent.received_at).fold(newest, Timestamp::max);
        let times = Times { own: newest, everywhere: Some(newest), ..Times::default() };
        let times = Times { drop_before: Some(newest.plus_days(-5)), ..times };
        half.advance(&times, &mut effects);
        half.flush(seq, &times, &mut effects);
        if seq == 7 {
            half.adopt(
                Arc::new(rules_with(|area| area.periods.iter_mut().for_each(|period| period.population += 1))),
                &mut effects,
            );
        }
        outputs.extend(effects.outputs.iter().map(|output| format!("{output:?}")));
        outputs.push(format!("{} {} {:?}", effects.urgent, effects.reported_early, effects.labs_heard));
        changes.extend_from_slice(effects.changes.as_bytes());
        first += length;
    }
    Said { outcomes, outputs, changes, images: images_of(&half) }
}

fn record(task: i32, offset: i64, sent: &Sent) -> Record<'_> {
    let position = Position { topic: sent.topic, partition: task, offset };
    Record { position, received_at: sent.received_at, key: None, payload: Some(&sent.payload), content_type: None }
}

#[test]
fn many_records_at_once_are_what_they_are_one_by_one() {
    for seed in 1..=30 {
        let mut dice = Dice(seed * 2_654_435_761 + 1);
        let history = history(&mut dice, 600);
        let (mut pieces, mut left) = (Vec::new(), history.len());
        while left > 0 {
            pieces.push((1 + dice.roll(150) as usize).min(left));
            left -= pieces[pieces.len() - 1];
        }
        let task = dice.roll(LAYOUT.person_tasks as u64) as i32;
        let (ahead, alone) = (said(&history, &pieces, task, false), said(&history, &pieces, task, true));
        assert_eq!(ahead.outcomes, alone.outcomes, "seed {seed}");
        assert_eq!(ahead.outputs, alone.outputs, "seed {seed}");
        assert!(ahead == alone, "seed {seed}: other changes of state");
    }
}

#[test]
fn how_long_an_alert_took_is_noted_of_live_work_and_of_no_past_data() {
    for (history, expected) in [(false, vec![at(3, 9)]), (true, Vec::new())] {
        let task = LAYOUT.person_task("P1");
        let mut half = PersonHalf::new(Context { history, ..context(task) }, Arc::new(sample_rules()));
        let mut effects = Effects::default();
        for (id, finding) in [("R1", Negative), ("R2", Positive)] {
            let sent = Sent::of(&Input::Result(swab("P1", id, at(3, 8), finding), at(3, 9)));
            half.apply(&record(task, 0, &sent), &mut effects).expect("of this version");
        }
        assert_eq!(effects.alerted, expected, "history: {history}");
    }
}

/// A fault of ours that is met while reading ahead is not laid on the first record of those read together.
#[test]
fn a_fault_while_reading_is_met_again_at_its_own_record() {
    let mut rules = sample_rules();
    rules.cases.clear(); // asked for a policy of results and of contact records, they panic
    let mut half = PersonHalf::new(context(0), Arc::new(rules));
    let contact = ContactRecord::default();
    let unread = Sent { payload: contact.encode_to_vec(), ..Sent::of(&Input::Contact(contact, at(3, 9))) };
    let unread = Sent { topic: Topic::LabResults, ..unread };
    let at_fault = Sent::of(&Input::Result(swab("P1", "R1", at(3, 8), Negative), at(3, 9)));
    let history = [&unread, &unread, &at_fault, &unread];
    let records: Vec<Record<'_>> = (0..).zip(history).map(|(offset, sent)| record(0, offset, sent)).collect();
    let mut ended = Vec::new();
    let mut note = |record: &Record<'_>, _: Outcome| ended.push(record.position.offset);
    let applied = catch_unwind(AssertUnwindSafe(|| half.apply_all(&records, &mut Effects::default(), &mut note)));
    assert!(applied.is_err());
    assert_eq!(ended, [0, 1]);
}
