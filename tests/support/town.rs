//! A small city for tests: what it sends, and what of that is usable, as the oracle wants it.

use super::oracle::{Arrived, Usable};
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage};
use std::collections::BTreeSet;
use std::sync::Arc;
use swabstream::audit::targets::by_id;
use swabstream::demo::city::{City, CityConfig, FRAMING, JSON, Kind, Message, Rates};
use swabstream::model::record::Topic;
use swabstream::model::time::{Day, Timestamp};
use swabstream::policy::Rules;

/// Everything a small city sends in some days: an outbreak in full swing, and every flaw more often than anywhere.
pub fn messages(seed: u64, people: u32, first_day: &str, days: u32, rules: &Arc<Rules>) -> Vec<Message> {
    city(seed, people, first_day, days, rules).collect()
}

/// The same, one after the other.
pub fn city(
    seed: u64,
    people: u32,
    first_day: &str,
    days: u32,
    rules: &Arc<Rules>,
) -> impl Iterator<Item = Message> + use<> {
    let first = Day::parse(first_day).expect("a day");
    // 16:00 of the day before, UTC: midnight in Shanghai.
    let start = Timestamp(i64::from(first.0) * 86_400_000 - 8 * 3_600_000);
    let mut config = CityConfig::past(seed, people, start, days);
    config.rates = Rates::harsh();
    config.epidemic.seeded = 0.03;
    config.epidemic.transmission = 0.3;
    config.testing.false_positive = 0.02;
    City::new(config, rules.clone()).filter(is_decidable)
}

/// Which of two contact records, or records of a group, with one revision and status stands is decided by a hash: no recount
/// can tell. (Of results it can: such conflicts differ in their finding.)
pub fn is_decidable(message: &Message) -> bool {
    message.kind != Kind::Conflict || message.topic == Topic::LabResults
}

/// Messages that must have an effect, or be known already: all but those that cannot be used.
pub fn usable(messages: &[Message], rules: &Rules) -> Vec<Arrived> {
    let usable = messages.iter().filter(|message| message.expected_code().is_none());
    let arrived = |message: &Message| Arrived {
        at: message.at,
        record: by_id(rules, decode(message)),
        content: 0,
        move_in_flight: false,
        unheard_by: BTreeSet::new(),
        by_pool: false,
    };
    usable.map(arrived).collect()
}

/// Reads what the city wrote, without our decoder.
fn decode(message: &Message) -> Usable {
    let payload = message.payload.as_deref().expect("usable messages have a payload");
    let name = match message.topic {
        Topic::LabResults => "swabstream.v1.LabResult",
        Topic::PersonGroups => "swabstream.v1.PersonGroup",
        _ => "swabstream.v1.ContactRecord",
    };
    let bytes = match message.content_type {
        Some(JSON) => from_json(name, payload.strip_prefix(FRAMING).unwrap_or(payload)),
        _ => payload.to_vec(),
    };
    match message.topic {
        Topic::LabResults => Usable::Result(prost::Message::decode(&bytes[..]).expect("a result")),
        Topic::PersonGroups => Usable::Group(prost::Message::decode(&bytes[..]).expect("a record of a group")),
        _ => Usable::Contact(prost::Message::decode(&bytes[..]).expect("a contact record")),
    }
}

fn from_json(name: &str, payload: &[u8]) -> Vec<u8> {
    let pool = DescriptorPool::decode(swabstream::proto::DESCRIPTORS).expect("the embedded contract");
    let descriptor = pool.get_message_by_name(name).expect("a message of the contract");
    let mut json = serde_json::Deserializer::from_slice(payload);
    DynamicMessage::deserialize(descriptor, &mut json).expect("JSON of the contract").encode_to_vec()
}
