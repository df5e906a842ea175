//! What the city promises to the demo and to the tests that are built on it.

use super::*;
use crate::model::outcome::{Reject, RejectCode};
use crate::model::record::{Layout, Position, Record, Topic};
use crate::pipeline::decode::{self, groups, pool, validate};
use crate::policy::sample::sample_rules;
use crate::proto::v1::LabResult;
use prost::Message as _;
use std::collections::{HashMap, HashSet};

const LIMIT: usize = 64 * 1024;

fn start() -> Timestamp {
    Timestamp(1_668_009_600_000) // 2022-11-10T00:00 in Shanghai
}

fn harsh(seed: u64) -> CityConfig {
    let testing = Testing { screening: 0.15, ..Testing::default() };
    let epidemic = Epidemic { seeded: 0.003, ..Epidemic::default() };
    CityConfig { rates: Rates::harsh(), testing, epidemic, ..CityConfig::past(seed, 2_000, start(), 10) }
}

fn messages(config: CityConfig) -> Vec<Message> {
    City::new(config, Arc::new(sample_rules())).collect()
}

/// What decode and validate make of a message that arrives at some time.
fn refusal(message: &Message, received_at: Timestamp, rules: &Rules) -> Option<RejectCode> {
    let record = Record {
        position: Position { topic: message.topic, partition: 0, offset: 0 },
        received_at,
        key: Some(&message.key),
        payload: message.payload.as_deref(),
        content_type: message.content_type.map(str::as_bytes),
    };
    let checked: Result<(), Reject> = match message.topic {
        Topic::LabResults => {
            let read = decode::result_in_place(&record, LIMIT);
            read.and_then(|read| match read.pool() {
                Some((wire, pool)) => pool::pooled(wire, pool, received_at, rules).map(drop),
                None => validate::result(&read.view(), received_at, rules).map(drop),
            })
        }
        Topic::PersonGroups => {
            decode::group(&record, LIMIT).and_then(|wire| groups::group(&wire, received_at, rules).map(|_| ()))
        }
        _ => decode::contact(&record, LIMIT).and_then(|wire| validate::contact(&wire, received_at, rules).map(|_| ())),
    };
    checked.err().map(|reject| reject.code)
}

fn share(of: &[Message], what: impl Fn(&Message) -> bool) -> f64 {
    of.iter().filter(|message| what(message)).count() as f64 / of.len() as f64
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let (one, same, other) = (messages(harsh(7)), messages(harsh(7)), messages(harsh(8)));
    assert!(one == same);
    assert!(one != other);
}

#[test]
fn messages_come_in_order_of_arrival_and_in_batches_as_one_by_one() {
    let all = messages(harsh(1));
    assert!(all.is_sorted_by_key(|message| message.at));
    let mut city = City::new(harsh(1), Arc::new(sample_rules()));
    let mut batched = Vec::new();
    for hour in 0..24 * 20 {
        batched.extend(city.next_batch(start().plus_hours(hour)));
    }
    assert!(batched == all);
}

#[test]
fn what_is_valid_is_taken_and_what_is_broken_ends_in_its_code() {
    let rules = sample_rules();
    for seed in 0..5 {
        for message in messages(harsh(seed)) {
            assert_eq!(refusal(&message, message.at, &rules), message.expected_code(), "{message:?}");
        }
    }
}

#[test]
fn messages_of_a_live_city_are_within_the_horizon_from_the_first_second() {
    let rules = sample_rules();
    let mut now = Timestamp(start().0 + 12_345_678);
    let config = CityConfig { rates: Rates::harsh(), ..CityConfig::live(3, 2_000, now, 6) };
    let mut city = City::new(config, Arc::new(sample_rules()));
    for _ in 0..100 {
        let batch: Vec<Message> = city.by_ref().take(200).collect();
        for message in batch {
            assert_eq!(refusal(&message, now, &rules), message.expected_code(), "{message:?}");
        }
        now = Timestamp(now.0 + 100);
        city.set_now(now);
    }
    assert!(city.days() > 10, "the backlog is out and rounds of today go on: {}", city.days());
}

#[test]
fn every_flaw_occurs() {
    let all: Vec<Message> = (0..4).flat_map(|seed| messages(harsh(seed))).collect();
    let kinds: HashSet<Kind> = all.iter().map(|message| message.kind).collect();
    for kind in [
        Kind::Result,
        Kind::Preliminary,
        Kind::CorrectedFinding,
        Kind::CorrectedArea,
        Kind::MovedPerson,
        Kind::Cancelled,
        Kind::EnteredInError,
        Kind::Reinstated,
        Kind::Training,
        Kind::Repeated,
        Kind::SecondEntry,
        Kind::Contradiction,
        Kind::Resolution,
        Kind::Conflict,
        Kind::Contact,
        Kind::ContactRevised,
        Kind::ContactWithdrawn,
        Kind::Group,
        Kind::GroupRevised,
        Kind::GroupWithdrawn,
    ] {
        assert!(kinds.contains(&kind), "{kind:?}");
    }
    let broken: HashSet<RejectCode> = all.iter().filter_map(Message::expected_code).collect();
    assert_eq!(broken.len(), 24, "{broken:?}");
    assert!(pools::BROKEN.iter().all(|code| broken.contains(code)), "{broken:?}");
    assert!(all.iter().any(|message| message.content_type == Some(JSON) && message.kind == Kind::Contact));
    let of_groups: HashSet<RejectCode> =
        all.iter().filter(|message| message.topic == Topic::PersonGroups).filter_map(Message::expected_code).collect();
    assert!(of_groups.len() > 5, "{of_groups:?}");
}

#[test]
fn flaws_occur_at_their_stated_rates() {
    let testing = Testing { screening: 0.3, ..Testing::default() };
    let all = messages(CityConfig { testing, ..CityConfig::past(11, 20_000, start(), 7) });
    let rates = Rates::everyday();
    for (stated, found) in [
        (rates.mis_keyed, share(&all, |message| message.mis_keyed)),
        (rates.broken, share(&all, |message| message.expected_code().is_some())),
        (rates.preliminary, share(&all, |message| message.kind == Kind::Preliminary)),
        (rates.repeated, share(&all, |message| message.kind == Kind::Repeated)),
        (rates.second_entry, share(&all, |message| message.kind == Kind::SecondEntry)),
        (rates.corrected_area, share(&all, |message| message.kind == Kind::CorrectedArea)),
        (rates.json, share(&all, |message| message.content_type == Some(JSON))),
    ] {
        assert!(found > stated * 0.7 && found < stated * 1.4, "stated {stated}, found {found} of {}", all.len());
    }
}

#[test]
fn a_mis_keyed_record_lies_in_another_persons_partition() {
    let layout = Layout { person_tasks: 1_000_003, area_tasks: 1 };
    let (mut wrong_key, mut wrong_partition) = (0, 0);
    for message in messages(harsh(2)).into_iter().filter(|message| message.kind == Kind::Result) {
        let result = match message.content_type {
            None => LabResult::decode(message.payload.as_deref().unwrap_or_default()).expect("a valid result"),
            Some(_) => continue,
        };
        if result.pool.is_some() {
            continue;
        }
        let right = layout.person_task(&result.person_id) == message.partition(layout);
        assert!(right != message.mis_keyed || message.partition_key == result.person_id.as_bytes());
        wrong_key += u32::from(message.key != result.person_id.as_bytes());
        wrong_partition += u32::from(!right && message.key == result.person_id.as_bytes());
    }
    assert!(wrong_key > 10 && wrong_partition > 10, "{wrong_key} {wrong_partition}");
}

#[test]
fn contact_records_come_before_and_after_their_index_is_found() {
    let mut found: HashMap<String, Timestamp> = HashMap::new();
    let (mut before, mut after, mut managed) = (0, 0, 0);
    let all = messages(CityConfig { rates: Rates::flawless(), ..harsh(4) });
    for message in all.iter().filter(|message| message.topic == Topic::LabResults) {
        let result = LabResult::decode(message.payload.as_deref().unwrap_or_default()).expect("a valid result");
        if result.finding == Finding::Positive as i32 {
            found.entry(result.person_id).or_insert(message.at);
        }
    }
    for message in all.iter().filter(|message| message.topic == Topic::ContactRecords) {
        let bytes = message.payload.as_deref().unwrap_or_default();
        let contact = crate::proto::v1::ContactRecord::decode(bytes).expect("a valid contact record");
        managed += u32::from(contact.order.is_some() && found.contains_key(&contact.person_id));
        match found.get(&contact.index_person_id) {
            Some(at) if message.at < *at => before += 1,
            Some(_) => after += 1,
            None => {}
        }
    }
    assert!(before > 5 && after > 50 && managed > 5, "{before} before, {after} after, {managed} managed and positive");
}

#[test]
fn the_outbreak_grows() {
    let all = messages(CityConfig { rates: Rates::flawless(), ..harsh(5) });
    let mut positives = [0u32; 10];
    for message in all.iter().filter(|message| message.topic == Topic::LabResults) {
        let result = LabResult::decode(message.payload.as_deref().unwrap_or_default()).expect("a valid result");
        let day = (message.at.0 - start().0) / DAY;
        if result.finding == Finding::Positive as i32 && day < 10 {
            positives[day as usize] += 1;
        }
    }
    let (first, last): (u32, u32) = (positives[..3].iter().sum(), positives[7..].iter().sum());
    assert!(last > 3 * first.max(1), "{positives:?}");
}

#[test]
fn people_live_where_the_census_says() {
    let config = CityConfig { rates: Rates::flawless(), ..harsh(6) };
    let all = messages(CityConfig { people: 20_000, ..config });
    let mut areas: HashMap<String, f64> = HashMap::new();
    let mut results = 0.0;
    for message in all.iter().filter(|message| message.topic == Topic::LabResults) {
        let result = LabResult::decode(message.payload.as_deref().unwrap_or_default()).expect("a valid result");
        // Contacts are tested where the outbreak is; screening is everywhere.
        if result.purpose == "screening" {
            *areas.entry(result.area).or_default() += 1.0;
            results += 1.0;
        }
    }
    // University street has 30,000 of 100,000.
    let university = areas["D2S1"] / results;
    assert!((0.27..0.33).contains(&university), "{areas:?}");
}
