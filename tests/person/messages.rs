//! Records that lie elsewhere, messages between tasks, and records that are no use.

use super::sent::{at, met, swab};
use super::world::{Input, LAYOUT, World};
use prost::Message as _;
use swabstream::model::outcome::{End, Outcome, RejectCode};
use swabstream::model::record::{Position, Record, Topic};
use swabstream::pipeline::formats::{CURRENT, Newer};
use swabstream::proto::v1::person_event::Event;
use swabstream::proto::v1::{Finding, ForwardedRecord, LabResult, Origin, PersonEvent, ResultMoved};

use Finding::{Negative, Positive};

fn record<'a>(topic: Topic, task: i32, key: &'a str, payload: Option<&'a [u8]>) -> Record<'a> {
    let position = Position { topic, partition: task, offset: 0 };
    Record { position, received_at: at(3, 9), key: Some(key.as_bytes()), payload, content_type: None }
}

#[test]
fn a_record_in_another_partition_is_sent_on_and_ends_the_same() {
    let positive = swab("P1", "R1", at(3, 8), Positive);
    let mut straight = World::new();
    straight.lab(&positive);
    let mut world = World::new();
    let elsewhere = (LAYOUT.person_task("P1") + 1) % LAYOUT.person_tasks;
    let outcome = world.send(&Input::Result(positive.clone(), at(3, 13)), Some(elsewhere));
    assert_eq!(outcome, Outcome::Used(End::Forwarded));
    world.settle();
    assert_eq!(world.outcomes, [Outcome::Used(End::Forwarded), Outcome::Used(End::Accepted)]);
    assert_eq!((world.live(), &world.numbers), (straight.live(), &straight.numbers));
}

#[test]
fn what_its_own_task_refuses_is_set_aside_as_the_record_it_was() {
    let result = include_bytes!("../../proto/examples/LabResult.json");
    let contact = include_bytes!("../../proto/examples/ContactRecord.json");
    let other = |text: &[u8], from: &str, to: &str| String::from_utf8_lossy(text).replace(from, to).into_bytes();
    for (topic, first, person, second) in [
        (Topic::LabResults, &result[..], "p-7f3a90c2", other(result, "FINDING_NEGATIVE", "FINDING_POSITIVE")),
        (Topic::ContactRecords, contact, "p-09be11d4", other(contact, "KIND_CLOSE", "KIND_SECONDARY")),
    ] {
        let (home, elsewhere) = (LAYOUT.person_task(person), (LAYOUT.person_task(person) + 1) % LAYOUT.person_tasks);
        let json = Some(&b"application/json; charset=utf-8"[..]);
        let received_at = at(10, 12);
        let mut world = World::new();
        world.record(Record { content_type: json, received_at, ..record(topic, home, person, Some(first)) });
        let misplaced = record(topic, elsewhere, "by accession number", Some(&second));
        let sent_on = world.record(Record { content_type: json, received_at, ..misplaced });
        world.settle();
        assert_eq!(
            (sent_on, world.outcomes.last()),
            (Outcome::Used(End::Forwarded), Some(&Outcome::Rejected(RejectCode::Conflict)))
        );
        let [letter] = &world.dead_letters[..] else { panic!("one dead letter") };
        assert_eq!((&letter.key[..], letter.payload.as_ref()), (&b"by accession number"[..], Some(&second)));
        let partition = elsewhere.to_string();
        for (name, value) in [
            ("content-type", "application/json; charset=utf-8"),
            ("swabstream-topic", topic.name()),
            ("swabstream-partition", &partition),
            ("swabstream-offset", "2"),
            ("swabstream-received-at", &received_at.to_string()),
        ] {
            assert!(letter.headers.contains(&(name, value.into())), "{name}: {:?}", letter.headers);
        }
    }
}

#[test]
fn a_contact_record_in_another_partition_reaches_both_people() {
    let mut world = World::new();
    world.lab(&swab("I1", "R1", at(3, 8), Positive));
    let elsewhere = (LAYOUT.person_task("P1") + 1) % LAYOUT.person_tasks;
    let outcome = world.send(&Input::Contact(met("C1", "P1", "I1", 2), at(3, 9)), Some(elsewhere));
    assert_eq!(outcome, Outcome::Used(End::Forwarded));
    world.settle();
    let alert = world.live().into_values().next().expect("an alert");
    assert_eq!(alert.to_trace.len(), 1);
    assert_eq!(alert.exposed_to.len(), 0);
}

#[test]
fn a_message_sent_on_too_often_is_set_aside() {
    let result = swab("P1", "R1", at(3, 8), Positive).encode_to_vec();
    let sent = ForwardedRecord { key: b"P1".into(), payload: result.clone(), content_type: None };
    let elsewhere = (LAYOUT.person_task("P1") + 1) % LAYOUT.person_tasks;
    let mut world = World::new();
    for (hop, expected) in [
        (2, Outcome::Used(End::Forwarded)),
        (3, Outcome::Rejected(RejectCode::HopLimit)),
        (9, Outcome::Rejected(RejectCode::HopLimit)),
    ] {
        let event = PersonEvent { hop, ..event(Event::Record(sent.clone())) };
        let bytes = event.encode_to_vec();
        assert_eq!(world.record(record(Topic::PersonEvents, elsewhere, "P1", Some(&bytes))), expected, "hop {hop}");
    }
    let letter = &world.dead_letters[0];
    assert!(letter.headers.contains(&("swabstream-offset", b"7".to_vec())), "where the lab put it");
    assert_eq!(letter.payload.as_ref(), Some(&result));
}

/// A message about a result that lay in another partition.
fn event(event: Event) -> PersonEvent {
    let origin = Origin { topic: "lab-results".into(), partition: 2, offset: 7, received_at: Some(at(3, 9).to_wire()) };
    PersonEvent { origin: Some(origin), hop: 1, event: Some(event), format: 1 }
}

#[test]
fn nothing_is_read_of_a_message_of_a_newer_version() {
    let mut world = World::new();
    let task = LAYOUT.person_task("P1");
    let moved = Event::Moved(ResultMoved { result: Some(swab("P1", "R1", at(3, 8), Positive)) });
    let newer = PersonEvent { format: CURRENT + 1, ..event(moved) }.encode_to_vec();
    // As it may look to us: of a kind that is not known here, and with a field of another form.
    let unknown =
        [&PersonEvent { event: None, format: CURRENT + 1, ..Default::default() }.encode_to_vec()[..], b"\x0a\x01\xff"]
            .concat();
    for bytes in [newer, unknown] {
        let record = record(Topic::PersonEvents, task, "P1", Some(&bytes));
        assert_eq!(world.try_record(record), Err(Newer { format: CURRENT + 1, newest: CURRENT }));
    }
    assert!(world.dead_letters.is_empty() && world.outcomes.is_empty());
}

#[test]
fn what_an_earlier_version_sent_on_is_read() {
    let result = swab("P1", "R1", at(3, 8), Positive);
    let contact = met("C1", "P1", "I1", 2);
    let mut straight = World::new();
    straight.send(&Input::Result(result.clone(), at(3, 9)), None);
    straight.contact(&contact);
    let mut world = World::new();
    for sent in [event(Event::Result(result)), event(Event::Contact(contact))] {
        let topic = if matches!(sent.event, Some(Event::Contact(_))) { "contact-records" } else { "lab-results" };
        let origin = sent.origin.clone().map(|origin| Origin { topic: topic.into(), ..origin });
        let bytes = PersonEvent { origin, ..sent }.encode_to_vec();
        world.record(record(Topic::PersonEvents, LAYOUT.person_task("P1"), "P1", Some(&bytes)));
        world.settle();
    }
    assert_eq!(world.outcomes[..2], [Outcome::Used(End::Accepted), Outcome::Used(End::ContactApplied)]);
    assert_eq!((world.live(), &world.numbers), (straight.live(), &straight.numbers));
}

#[test]
fn what_is_no_use_is_set_aside_with_its_code_and_the_rest_goes_on() {
    let mut world = World::new();
    for topic in [Topic::LabResults, Topic::ContactRecords, Topic::PersonGroups, Topic::PersonEvents] {
        for (payload, code) in [
            (None, RejectCode::Tombstone),
            (Some(&b""[..]), RejectCode::Empty),
            (Some(&b"\xff"[..]), RejectCode::Malformed),
        ] {
            assert_eq!(world.record(record(topic, 0, "P1", payload)), Outcome::Rejected(code), "{topic:?}");
        }
    }
    let nothing = PersonEvent::default().encode_to_vec();
    assert_eq!(
        world.record(record(Topic::PersonEvents, 0, "P1", Some(&nothing))),
        Outcome::Rejected(RejectCode::Empty)
    );
    let no_origin = PersonEvent { hop: 1, ..Default::default() }.encode_to_vec();
    assert_eq!(
        world.record(record(Topic::PersonEvents, 0, "P1", Some(&no_origin))),
        Outcome::Rejected(RejectCode::MissingField)
    );
    assert_eq!(world.dead_letters.len(), 14);
    assert_eq!(world.lab(&swab("P1", "R1", at(3, 8), Negative)), Outcome::Used(End::Accepted));
}

#[test]
fn a_mark_of_time_is_nothing_but_time() {
    let mut world = World::new();
    let mark = Record {
        content_type: Some(b"application/vnd.swabstream.time-mark"),
        ..record(Topic::LabResults, 1, "", Some(b""))
    };
    assert_eq!(world.record(mark), Outcome::Used(End::TimeMark));
    assert!(world.dead_letters.is_empty() && world.numbers.is_empty());
}

#[test]
fn a_result_that_says_it_is_a_mark_of_time_is_set_aside() {
    let mut world = World::new();
    let bytes = swab("P1", "R1", at(3, 8), Positive).encode_to_vec();
    let refused = Outcome::Rejected(RejectCode::UnknownContentType);
    let mark = |payload| Record {
        content_type: Some(b"application/vnd.swabstream.time-mark"),
        ..record(Topic::LabResults, 0, "P1", payload)
    };
    assert_eq!(world.record(mark(Some(&bytes[..]))), refused, "what holds something is no mark");
    world.in_live_work();
    assert_eq!(world.record(mark(Some(&bytes[..]))), refused);
    assert_eq!(world.record(mark(Some(b""))), refused, "in live work nothing is a mark");
    let letters: Vec<_> = world.dead_letters.iter().map(|letter| letter.payload.as_deref()).collect();
    assert_eq!(letters, [Some(&bytes[..]), Some(&bytes[..]), Some(&b""[..])], "as they came");
}

#[test]
fn what_is_set_aside_says_nothing_of_the_person() {
    let mut world = World::new();
    let secret = LabResult { area: "NOWHERE".into(), ..swab("secret-person", "R1", at(3, 8), Positive) };
    world.send(&Input::Result(secret, at(3, 9)), None);
    for (name, value) in &world.dead_letters[0].headers {
        let value = String::from_utf8_lossy(value);
        assert!(!value.contains("secret-person") && !value.contains("NOWHERE"), "{name}: {value}");
    }
}
