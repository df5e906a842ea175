//! Outbreaks that were traced and published: who had it from whom is in the alerts, and in the lists of whom to trace.

use crate::support::deployment::Deployment;
use crate::support::open_data;
use crate::support::oracle::Published;
use crate::support::records::{close_contact, final_result};
use crate::support::story::{message, time};
use prost::Message as _;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use swabstream::demo::city::{Kind, Message};
use swabstream::model::record::Topic;
use swabstream::model::time::{Day, Timestamp};
use swabstream::policy::sample::sample_rules;
use swabstream::proto::v1::{Alert, AlertFamily, Finding, MatchedContact};

/// The days of the files, put where the sample's rules are in force.
const LATER: i32 = 1_033;

/// A close contact is observed for so many days after the exposure, by those rules.
const OBSERVED: i32 = 14;

/// Somebody exposed, and to whom.
type Pair = (String, String);

#[test]
fn every_link_of_tianjins_cases_is_in_the_alerts_if_it_lies_in_the_observation_and_no_other_is() {
    let found = |name| open_data::find_in("contacts", name);
    let (Some(cases), Some(contacts)) = (found("tianjin_cases.csv"), found("tianjin_contacts.csv")) else { return };
    let confirmed: BTreeMap<String, Day> =
        open_data::rows(&cases).into_iter().map(|row| (row["case_id"].clone(), day(&row["confirm_date"]))).collect();
    let links = open_data::rows(&contacts);
    let exposure = |row: &BTreeMap<String, String>| {
        let last = if row["exposure_end"].is_empty() { &row["index_confirmed"] } else { &row["exposure_end"] };
        let first = if row["exposure_start"].is_empty() { last } else { &row["exposure_start"] };
        (day(first), day(last))
    };
    let positives = confirmed.iter().map(|(case, day)| positive(case, *day));
    let records = links.iter().map(|row| {
        let (first, last) = exposure(row);
        contact(&row["contact_id"], &row["index_id"], first, last)
    });
    let published = publish(positives.chain(records).collect());

    let lies_in_observation = |row: &&BTreeMap<String, String>| {
        let (first, last) = exposure(row);
        (first.0..=last.0 + OBSERVED).contains(&confirmed[&row["contact_id"]].0)
    };
    let pair = |row: &BTreeMap<String, String>| (row["contact_id"].clone(), row["index_id"].clone());
    let wanted: BTreeSet<Pair> = links.iter().filter(lies_in_observation).map(pair).collect();
    assert_eq!(exposed(&published), wanted);
    assert_eq!((confirmed.len(), links.len()), (135, 91), "the whole file");
    assert!(wanted.len() > 60 && wanted.len() < links.len(), "{} links lie in it", wanted.len());
}

/// Xu et al. 2020: 1,407 pairs in 643 clusters. The file has no days of exposure: here all of it lies on one.
#[test]
fn the_published_clusters_of_china_are_found_from_both_ends_of_each_link() {
    let Some(file) = open_data::find_in("contacts", "china_transmission_pairs.csv") else { return };
    let links: BTreeSet<Pair> =
        open_data::rows(&file).into_iter().map(|row| (row["contact_id"].clone(), row["index_id"].clone())).collect();
    let people: BTreeSet<&String> = links.iter().flat_map(|(person, index)| [person, index]).collect();
    let together = day("2020-01-20");
    let positives = people.iter().map(|person| positive(person, together.plus(2)));
    let records = links.iter().map(|(person, index)| contact(person, index, together, together));
    let published = publish(positives.chain(records).collect());

    assert_eq!(exposed(&published), links, "where an infection came from");
    let positives = published.live().filter(|alert| alert.family() == AlertFamily::Positive);
    let traced = |alert: &Alert| {
        let to = |contact: &MatchedContact| (contact.person_id.clone(), alert.person_id.clone());
        alert.to_trace.iter().map(to).collect::<Vec<_>>()
    };
    assert_eq!(positives.flat_map(traced).collect::<BTreeSet<_>>(), links, "whom to trace");
    assert_eq!((links.len(), clusters(&exposed(&published))), (1_407, 643), "as published");
}

fn day(text: &str) -> Day {
    Day::parse(text).expect("a day").plus(LATER)
}

/// A moment of a day in Shanghai.
fn at(day: Day, hour: i64) -> Timestamp {
    Timestamp(time(&format!("{day} 00:00")).0 + hour * 3_600_000)
}

/// Somebody's positive of a day, received in its evening.
fn positive(person: &str, of: Day) -> Message {
    let result = final_result(&format!("R-{person}"), person, Finding::Positive, at(of, 9));
    message(Topic::LabResults, person, Some(result.encode_to_vec()), at(of, 20), Kind::Result)
}

/// Somebody's exposure, received when it is over.
fn contact(person: &str, index: &str, first: Day, last: Day) -> Message {
    let record = close_contact(&format!("C-{person}-{index}"), person, index, at(first, 8), at(last, 21));
    message(Topic::ContactRecords, person, Some(record.encode_to_vec()), at(last, 22), Kind::Contact)
}

/// What comes of messages that are received in the order of their times.
fn publish(mut messages: Vec<Message>) -> Published {
    messages.sort_by_key(|message| message.at);
    let mut deployment = Deployment::start(1, Arc::new(sample_rules()));
    for message in &messages {
        deployment.publish(message);
        deployment.turn(false);
    }
    deployment.settle();
    deployment.published()
}

/// Who was exposed to whom, by the live alerts about those found positive.
fn exposed(published: &Published) -> BTreeSet<Pair> {
    let positives = published.live().filter(|alert| alert.family() == AlertFamily::Positive);
    let sources = |alert: &Alert| {
        let from = |contact: &MatchedContact| (alert.person_id.clone(), contact.person_id.clone());
        alert.exposed_to.iter().map(from).collect::<Vec<_>>()
    };
    positives.flat_map(sources).collect()
}

/// Groups of people that hang together.
fn clusters(links: &BTreeSet<Pair>) -> usize {
    let mut cluster: BTreeMap<&str, usize> = BTreeMap::new();
    for (number, (one, other)) in links.iter().enumerate() {
        let joined: Vec<usize> =
            [one, other].iter().filter_map(|person| cluster.get(person.as_str()).copied()).collect();
        cluster.values_mut().filter(|of| joined.contains(of)).for_each(|of| *of = number);
        cluster.extend([(one.as_str(), number), (other.as_str(), number)]);
    }
    cluster.values().collect::<BTreeSet<_>>().len()
}
