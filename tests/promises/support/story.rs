//! Stories: what labs and tracers sent, when it was received, and what must come of it.
//!
//! A story is told three ways, and each time its end must be what a recount says: in order without a fault, in order
//! with faults and processes that die, and in another order. It is then asked about its first telling.

use super::broker::FaultRates;
use super::deployment::{Deployment, LAYOUT, SECRET};
use super::oracle::{Arrived, Published, Truth, Usable, assert_same, recount};
use super::records::{close_contact, final_result};
use prost::Message as _;
use std::collections::BTreeSet;
use std::sync::Arc;
use swabstream::audit::targets::by_id;
use swabstream::demo::city::{Kind, Message};
use swabstream::model::outcome::RejectCode;
use swabstream::model::record::Topic;
use swabstream::model::time::{Day, Timestamp};
use swabstream::policy::Rules;
use swabstream::policy::records::record;
use swabstream::policy::sample::sample_rules;
use swabstream::proto::v1::rule::Rule;
use swabstream::proto::v1::{
    self, Alert, AlertFamily, AlertState, AreaDuties, ContactRecord, Duty, Finding, LabResult, ManagementOrder,
    PersonGroup, WindowNumbers,
};

/// Records in the order they are received.
#[derive(Clone, Debug)]
pub struct Story {
    rules: Arc<Rules>,
    messages: Vec<Message>,
}

/// How a story ended.
#[derive(Debug)]
pub struct Ending {
    published: Published,
    /// Every state of every alert about people, in order.
    alerts: Vec<Alert>,
    dead_letters: Vec<String>,
}

/// A moment in Shanghai, e.g. `2022-11-10 08:00`, or to the second.
pub fn time(text: &str) -> Timestamp {
    let seconds = if text.len() == "2022-11-10 08:00".len() { ":00" } else { "" };
    let at: jiff::Timestamp = format!("{}{seconds}+08:00", text.replace(' ', "T")).parse().expect("a date and a time");
    Timestamp(at.as_millisecond())
}

/// A record in the partition of its key.
pub fn message(topic: Topic, key: &str, payload: Option<Vec<u8>>, at: Timestamp, kind: Kind) -> Message {
    let key = key.as_bytes().to_vec();
    Message { topic, partition_key: key.clone(), key, payload, content_type: None, at, kind, mis_keyed: false }
}

/// A final result of a swab taken in the old town for screening.
pub fn result(id: &str, person: &str, finding: Finding, swabbed: &str) -> LabResult {
    final_result(id, person, finding, time(swabbed))
}

/// A close contact of `index` on one day, without an order.
pub fn contact(id: &str, person: &str, index: &str, day: &str) -> ContactRecord {
    close_contact(id, person, index, time(&format!("{day} 10:00")), time(&format!("{day} 11:00")))
}

/// A management order for a week.
pub fn order(from: &str, ordered: &str) -> Option<ManagementOrder> {
    Some(ManagementOrder {
        from: Some(time(from).to_wire()),
        to: Some(time(from).plus_days(7).to_wire()),
        ordered_at: Some(time(ordered).to_wire()),
    })
}

/// The sample's rules with every record made into others: itself, a changed one, several, or none.
pub fn sample_rules_with(change: impl Fn(Rule) -> Vec<Rule>) -> Rules {
    let records = sample_rules().to_records();
    let records = records.iter().map(|(_, bytes)| v1::Rule::decode(&bytes[..]).expect("a rule"));
    let rules = records.flat_map(|record| change(record.rule.expect("it says something")));
    let mut records: Vec<_> = rules.map(|rule| record(rule).expect("no manifest is among them")).collect();
    records.sort();
    Rules::from_records(&records).expect("valid rules")
}

impl Story {
    pub fn begin() -> Self {
        Self::by(sample_rules())
    }

    /// By other rules than the sample's.
    pub fn by(rules: Rules) -> Self {
        Self { rules: Arc::new(rules), messages: Vec::new() }
    }

    /// A result is received.
    pub fn result(mut self, received: &str, result: LabResult) -> Self {
        let subject = result.pool.as_ref().map_or(&result.person_id, |pool| &pool.pool_id).clone();
        self.push(Topic::LabResults, received, &subject, Some(result.encode_to_vec()), Kind::Result);
        self
    }

    /// A result is received in the partition of somebody else.
    pub fn mis_keyed(mut self, received: &str, result: LabResult) -> Self {
        self = self.result(received, result);
        let last = self.messages.last_mut().expect("just told");
        let home = last.partition(LAYOUT);
        last.partition_key = (0..)
            .map(|n| format!("K{n}").into_bytes())
            .find(|key| swabstream::model::record::partition_of(key, LAYOUT.person_tasks) != home)
            .expect("there are other partitions");
        self
    }

    /// A contact record is received.
    pub fn contact(mut self, received: &str, contact: ContactRecord) -> Self {
        let person = contact.person_id.clone();
        self.push(Topic::ContactRecords, received, &person, Some(contact.encode_to_vec()), Kind::Contact);
        self
    }

    /// A record of a key group is received.
    pub fn group(mut self, received: &str, group: PersonGroup) -> Self {
        let person = group.person_id.clone();
        self.push(Topic::PersonGroups, received, &person, Some(group.encode_to_vec()), Kind::Group);
        self
    }

    /// Bytes are received that cannot be used.
    pub fn broken(mut self, received: &str, payload: Option<&[u8]>, code: RejectCode) -> Self {
        self.push(Topic::LabResults, received, "P", payload.map(<[u8]>::to_vec), Kind::Broken(code));
        self
    }

    /// What is received, in order.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Tells it to its end, when time has come to a moment everywhere.
    pub fn end(self, at: &str) -> Ending {
        let straight = self.tell(1, at, &self.messages, false);
        self.tell(2, at, &self.messages, true);
        let mut otherwise = self.messages.clone();
        otherwise.reverse();
        self.tell(3, at, &otherwise, true);
        let alerts = straight.history(Topic::Alerts);
        Ending {
            published: straight.published(),
            alerts: alerts.iter().map(|record| decode_alert(record.payload.as_deref())).collect(),
            dead_letters: straight
                .history(Topic::DeadLetters)
                .iter()
                .filter_map(|letter| Some(String::from_utf8_lossy(letter.header("swabstream-code")?).into_owned()))
                .collect(),
        }
    }

    fn tell(&self, seed: u64, at: &str, messages: &[Message], faults: bool) -> Deployment {
        let mut deployment = Deployment::start(seed, self.rules.clone());
        if faults {
            let rates = FaultRates { aborted: 15, unknown: 15, crash: 5, kicked: 5, partial: 30, ..FaultRates::NONE };
            deployment.broker.borrow_mut().set_faults(rates);
        }
        for message in messages {
            deployment.publish(message);
            (0..20).for_each(|_| deployment.turn(faults));
        }
        deployment.mark_time(time(at));
        deployment.settle();
        assert_same(&self.truth(&deployment), &deployment.published());
        deployment
    }

    fn truth(&self, deployment: &Deployment) -> Truth {
        let usable = self.messages.iter().filter(|message| message.expected_code().is_none());
        let arrived = |message: &Message| Arrived {
            at: message.at,
            record: by_id(&self.rules, decode(message)),
            content: 0,
            move_in_flight: false,
            unheard_by: BTreeSet::new(),
            by_pool: false,
        };
        let arrived: Vec<Arrived> = usable.map(arrived).collect();
        recount(&self.rules, &SECRET, &arrived, deployment.today(), deployment.passed())
    }

    fn push(&mut self, topic: Topic, received: &str, key: &str, payload: Option<Vec<u8>>, kind: Kind) {
        self.messages.push(message(topic, key, payload, time(received), kind));
    }
}

fn decode(message: &Message) -> Usable {
    let payload = message.payload.as_deref().expect("usable messages have a payload");
    match message.topic {
        Topic::LabResults => Usable::Result(LabResult::decode(payload).expect("a result")),
        Topic::PersonGroups => Usable::Group(PersonGroup::decode(payload).expect("a record of a group")),
        _ => Usable::Contact(ContactRecord::decode(payload).expect("a contact record")),
    }
}

fn decode_alert(payload: Option<&[u8]>) -> Alert {
    Alert::decode(payload.expect("alerts are never deleted")).expect("an alert")
}

impl Ending {
    /// The live alert of a family about a person, if there is one.
    pub fn live(&self, family: AlertFamily, person: &str) -> Option<&Alert> {
        self.published.live().find(|alert| alert.family() == family && alert.person_id == person)
    }

    /// Live alerts of all families and people.
    pub fn live_count(&self) -> usize {
        self.published.live().count()
    }

    /// The live alert of a family about a pool, if there is one.
    pub fn pool(&self, family: AlertFamily, pool_id: &str) -> Option<&Alert> {
        self.published.live().find(|alert| alert.family() == family && alert.pool_id == pool_id)
    }

    /// States of all that was published about a person, in order.
    pub fn states(&self, person: &str) -> Vec<AlertState> {
        self.alerts.iter().filter(|alert| alert.person_id == person).map(Alert::state).collect()
    }

    /// Everything published about a person, in order.
    pub fn alerts(&self, person: &str) -> Vec<&Alert> {
        self.alerts.iter().filter(|alert| alert.person_id == person).collect()
    }

    /// What has to be done in an area on a day; nothing where nothing was published.
    pub fn duties(&self, area: &str, day: &str) -> AreaDuties {
        let key = (area.to_owned(), Day::parse(day).expect("a day"));
        self.published.duties.get(&key).cloned().unwrap_or_default()
    }

    /// The groups that a person is told to be in.
    pub fn groups(&self, person: &str) -> Vec<String> {
        let said = self.published.person_duties.get(person);
        said.into_iter().flat_map(|said| &said.groups).map(|one| one.group.clone()).collect()
    }

    /// What has to be done with a person.
    pub fn to_do(&self, person: &str) -> Vec<Duty> {
        self.published.person_duties.get(person).map(|said| said.duties.clone()).unwrap_or_default()
    }

    /// The total of an area in the window of so many days that ends on a day; zeros where nothing was published.
    pub fn numbers(&self, area: &str, day: &str, days: u32) -> WindowNumbers {
        self.purpose(area, day, days, "")
    }

    /// The same of one purpose.
    pub fn purpose(&self, area: &str, day: &str, days: u32, purpose: &str) -> WindowNumbers {
        let key = (area.to_owned(), Day::parse(day).expect("a day"));
        let purposes = self.published.positivity.get(&key).map(|numbers| numbers.purposes.clone()).unwrap_or_default();
        let windows = purposes.into_iter().find(|numbers| numbers.purpose == purpose).map(|numbers| numbers.windows);
        windows.unwrap_or_default().into_iter().find(|window| window.days == days).unwrap_or_default()
    }

    /// Name of an area's tier today.
    pub fn tier(&self, area: &str) -> &str {
        self.published.tiers.get(area).map_or("", |tier| &tier.tier)
    }

    /// First day on which it can step down.
    pub fn steps_down(&self, area: &str) -> &str {
        self.published.tiers.get(area).map_or("", |tier| &tier.earliest_step_down)
    }

    /// The last state of an area's alert about its tier on a day.
    pub fn tier_alert(&self, area: &str, day: &str) -> Option<&Alert> {
        self.published.area_alerts.values().find(|alert| alert.area == area && alert.first_day == day)
    }

    /// Codes of all that was set aside.
    pub fn dead_letters(&self) -> &[String] {
        &self.dead_letters
    }
}
