//! The topics of the contract: how they are made, and what is wrong with those there are.

use super::client::{Role, properties};
use super::mend::{Counts, missing};
use super::refusal::{missing_acl, reach};
use super::{Error, topic_name};
use crate::clock;
use crate::config::KafkaConfig;
use crate::model::record::{Layout, Topic};
use rdkafka::ClientContext;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::config::{ClientConfig, FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use std::collections::BTreeMap;
use std::time::Duration;

mod check;

pub use check::{Checked, Finding, check};

/// How long the broker may take to create or describe topics, once it is reached.
const ADMIN_LIMIT: Duration = Duration::from_secs(30);

/// Pause between two looks at new topics.
const SETTLE_PAUSE: Duration = Duration::from_millis(50);

/// A dead letter is its record whole, with headers on top: what was just small enough for an input must not be too
/// large here, or its task could never commit again.
const DEAD_LETTER_MESSAGE_BYTES: &str = "16777216";

/// How many partitions a topic has.
pub fn partitions_of(topic: Topic, layout: Layout) -> i32 {
    match places_of(topic) {
        Places::Person => layout.person_tasks,
        Places::Area => layout.area_tasks,
        Places::One => 1,
    }
}

/// Which half's tasks a topic is spread over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Places {
    Person,
    Area,
    One,
}

fn places_of(topic: Topic) -> Places {
    match topic {
        Topic::LabResults
        | Topic::ContactRecords
        | Topic::PersonEvents
        | Topic::PersonState
        | Topic::Alerts
        | Topic::DeadLetters => Places::Person,
        Topic::AreaState | Topic::AreaChanges | Topic::AreaAlerts | Topic::AreaPositivity | Topic::AreaTiers => {
            Places::Area
        }
        Topic::Rules | Topic::Progress => Places::One,
    }
}

/// What becomes of old records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keeping {
    /// The last record of each key, for ever.
    Compacted,
    /// Every record, for the broker's retention time; past data for ever.
    Passing,
}

fn keeping_of(topic: Topic) -> Keeping {
    match topic {
        Topic::Rules
        | Topic::PersonState
        | Topic::AreaState
        | Topic::Progress
        | Topic::Alerts
        | Topic::AreaAlerts
        | Topic::AreaPositivity
        | Topic::AreaTiers => Keeping::Compacted,
        Topic::LabResults | Topic::ContactRecords | Topic::PersonEvents | Topic::AreaChanges | Topic::DeadLetters => {
            Keeping::Passing
        }
    }
}

/// Settings by which a broker deletes records, and the value at which it deletes none.
const FOR_EVER: [&str; 2] = ["retention.ms", "retention.bytes"];
const NO_LIMIT: &str = "-1";

/// Topics of which nothing may ever be deleted. Past data are older than any retention time when they are written.
fn keeps_all(topic: Topic, history: bool) -> bool {
    history && keeping_of(topic) == Keeping::Passing
}

/// Inputs whose time of arrival the broker writes (in history mode, their publisher).
fn is_timed_input(topic: Topic) -> bool {
    matches!(topic, Topic::LabResults | Topic::ContactRecords)
}

/// How topics are to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Partitions of the two halves.
    pub layout: Layout,
    /// Replicas of each partition; -1 leaves it to the broker.
    pub replication: i32,
    /// Past data: records carry the time they really arrived.
    pub history: bool,
}

/// Settings of a topic that differ from the broker's.
fn settings_of(topic: Topic, history: bool) -> Vec<(&'static str, &'static str)> {
    let mut settings = match keeping_of(topic) {
        Keeping::Compacted => vec![("cleanup.policy", "compact")],
        Keeping::Passing => vec![("cleanup.policy", "delete")],
    };
    if keeps_all(topic, history) {
        settings.extend(FOR_EVER.map(|key| (key, NO_LIMIT)));
    }
    if is_timed_input(topic) {
        settings.push(("message.timestamp.type", timestamp_type(history)));
    }
    if topic == Topic::DeadLetters {
        settings.push(("max.message.bytes", DEAD_LETTER_MESSAGE_BYTES));
    }
    if matches!(topic, Topic::PersonState | Topic::AreaState) {
        // Deltas overwrite each other's keys all the time: small segments let the cleaner reach them.
        settings.push(("segment.bytes", "67108864"));
    }
    settings
}

fn timestamp_type(history: bool) -> &'static str {
    if history { "CreateTime" } else { "LogAppendTime" }
}

/// What creating did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Created {
    /// Made now.
    pub created: Vec<String>,
    /// There before; left as they were.
    pub existed: Vec<String>,
}

/// Creates the topics that are missing. Those there are stay as they are: see [`check()`].
pub async fn create(config: &KafkaConfig, wanted: Wanted) -> Result<Created, Error> {
    let admin = connect(config)?;
    metadata(&admin, config)?;
    let names: Vec<String> = Topic::ALL.iter().map(|topic| topic_name(&config.prefix, *topic)).collect();
    let topics: Vec<NewTopic<'_>> = Topic::ALL
        .iter()
        .zip(&names)
        .map(|(topic, name)| {
            let partitions = partitions_of(*topic, wanted.layout);
            let new = NewTopic::new(name, partitions, TopicReplication::Fixed(wanted.replication));
            settings_of(*topic, wanted.history).into_iter().fold(new, |new, (key, value)| new.set(key, value))
        })
        .collect();
    let options = AdminOptions::new().operation_timeout(Some(ADMIN_LIMIT)).request_timeout(Some(ADMIN_LIMIT));
    let results = admin.create_topics(&topics, &options).await;
    let results = results.map_err(|error| Error::new(format!("creating topics: {error}")))?;
    let mut done = Created::default();
    for result in results {
        match result {
            Ok(name) => done.created.push(name),
            Err((name, RDKafkaErrorCode::TopicAlreadyExists)) => done.existed.push(name),
            Err((name, RDKafkaErrorCode::TopicAuthorizationFailed | RDKafkaErrorCode::ClusterAuthorizationFailed)) => {
                return Err(Error::new(missing_acl("Create", &format!("--topic {name}"))));
            }
            Err((name, code)) => return Err(Error::new(format!("{name} could not be created: {code}"))),
        }
    }
    settled(&admin, config).await?;
    Ok(done)
}

/// Waits until every partition has a leader: whoever creates topics uses them next, and would be told that there are
/// none.
async fn settled(admin: &AdminClient<Quiet>, config: &KafkaConfig) -> Result<(), Error> {
    let began = clock::monotonic();
    loop {
        let known = admin.inner().fetch_metadata(None, ADMIN_LIMIT);
        let known = known.map_err(|error| Error::new(format!("looking for the new topics: {error}")))?;
        let led = |topic: &&Topic| {
            let name = topic_name(&config.prefix, **topic);
            let partitions = known.topics().iter().find(|known| known.name() == name).map(|known| known.partitions());
            partitions.is_some_and(|all| !all.is_empty() && all.iter().all(|partition| partition.leader() >= 0))
        };
        let Some(topic) = Topic::ALL.iter().find(|topic| !led(topic)) else { return Ok(()) };
        if began.elapsed() > ADMIN_LIMIT {
            let name = topic_name(&config.prefix, *topic);
            return Err(Error::new(format!("{name} was created, but the brokers have not made a leader for it")));
        }
        tokio::time::sleep(SETTLE_PAUSE).await;
    }
}

/// Partitions of the two halves by their first inputs, without looking at anything else. For a broker that cannot
/// describe its topics, as the embedded one.
pub fn layout(config: &KafkaConfig) -> Result<Layout, Error> {
    let admin = connect(config)?;
    let counts = metadata(&admin, config)?;
    let count = |topic| match counts.get(&topic) {
        Some(count) => Ok(*count),
        None => require_shown(&admin, config, &[topic]).and(Err(missing(config, topic))),
    };
    Ok(Layout { person_tasks: count(Topic::LabResults)?, area_tasks: count(Topic::AreaChanges)? })
}

/// The broker leaves topics out that the user may not describe, as if they were not there.
fn require_shown(admin: &AdminClient<Quiet>, config: &KafkaConfig, missing: &[Topic]) -> Result<(), Error> {
    let mut hidden = Vec::new();
    for topic in missing {
        let name = topic_name(&config.prefix, *topic);
        let found = admin.inner().fetch_metadata(Some(&name), ADMIN_LIMIT);
        let found = found.map_err(|error| Error::new(format!("asking for topic {name}: {error}")))?;
        let error = found.topics().iter().find_map(|topic| topic.error()).map(RDKafkaErrorCode::from);
        hidden.extend((error == Some(RDKafkaErrorCode::TopicAuthorizationFailed)).then(|| format!("--topic {name}")));
    }
    if hidden.is_empty() { Ok(()) } else { Err(Error::new(missing_acl("Describe", &hidden.join(" ")))) }
}

/// Partitions that the topics there are have: those created beside them must have as many.
pub async fn existing(config: &KafkaConfig) -> Result<[Option<i32>; 2], Error> {
    Ok(counts_of_halves(&metadata(&connect(config)?, config)?))
}

fn counts_of_halves(counts: &BTreeMap<Topic, i32>) -> Counts {
    [Places::Person, Places::Area].map(|half| model_of(counts, half).map(|(_, count)| count))
}

/// The topic that the others of its half are held against, with its partitions: the input if it is there, else any.
fn model_of(counts: &BTreeMap<Topic, i32>, half: Places) -> Option<(Topic, i32)> {
    let first = match half {
        Places::Person => Topic::LabResults,
        Places::Area => Topic::AreaChanges,
        Places::One => return None,
    };
    let others = Topic::ALL.into_iter().filter(|topic| places_of(*topic) == half);
    std::iter::once(first).chain(others).find_map(|topic| Some((topic, *counts.get(&topic)?)))
}

/// Says once what all clients say.
pub(super) struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        super::native::logs::tell(level as i32, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!("kafka: {error}: {reason}");
    }
}

impl ConsumerContext for Quiet {}

fn connect(config: &KafkaConfig) -> Result<AdminClient<Quiet>, Error> {
    let mut settings = ClientConfig::new();
    settings.extend(properties(config, &Role::Admin)?);
    AdminClient::from_config_and_context(&settings, Quiet)
        .map_err(|error| Error::new(format!("kafka settings: {error}")))
}

/// Partition counts of the topics there are.
fn metadata(admin: &AdminClient<Quiet>, config: &KafkaConfig) -> Result<BTreeMap<Topic, i32>, Error> {
    let limit = Duration::from_secs(u64::from(config.connect_timeout_s.get()));
    reach(config, limit)?;
    let all = admin.inner().fetch_metadata(None, limit);
    let all = all.map_err(|error| Error::new(format!("asking for the topics: {error}")))?;
    let known = |name: &str| Topic::named(name.strip_prefix(config.prefix.as_str())?);
    let counts = all.topics().iter().filter(|topic| !topic.partitions().is_empty());
    Ok(counts.filter_map(|topic| Some((known(topic.name())?, topic.partitions().len() as i32))).collect())
}
