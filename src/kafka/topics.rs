//! The topics of the contract: how they are made, and what is wrong with those there are.
//!
//! Nothing is changed by the check: each finding names the topic, the value found and the command that mends it.

use super::client::{Role, properties};
use super::{Error, topic_name};
use crate::clock;
use crate::config::KafkaConfig;
use crate::model::record::{Layout, Topic};
use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::{ClientConfig, FromClientConfig};
use rdkafka::error::RDKafkaErrorCode;
use std::collections::BTreeMap;
use std::time::Duration;

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

/// What an error says when the state cannot go on, whatever is done: how to compute everything anew.
pub(super) fn start_anew(config: &KafkaConfig) -> String {
    let KafkaConfig { brokers, group, .. } = config;
    format!(
        "to compute everything anew from the inputs, stop all instances, delete the groups of both halves \
         (kafka-consumer-groups.sh --bootstrap-server {brokers} --delete --group {group} --group {group}-areas), delete \
         every topic but the inputs (lab-results, contact-records, rules, area-indicators), and create them with \
         swabstream topics create"
    )
}

/// What an error says when a topic is not there.
pub(super) fn missing(config: &KafkaConfig, topic: Topic) -> Error {
    Error::new(format!(
        "there is no topic {} at {}; if that is the right broker and prefix, create the topics: {}",
        topic_name(&config.prefix, topic),
        config.brokers,
        create_command(config, &BTreeMap::new(), false)
    ))
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
        Topic::AreaState
        | Topic::AreaChanges
        | Topic::LabChanges
        | Topic::AreaAlerts
        | Topic::AreaPositivity
        | Topic::AreaPublished
        | Topic::AreaTiers
        | Topic::LabReceipts => Places::Area,
        Topic::Rules | Topic::AreaIndicators | Topic::Progress | Topic::LabStatus => Places::One,
    }
}

/// What becomes of old records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keeping {
    /// The last record of each key, for ever.
    Compacted,
    /// Every record, for ever.
    All,
    /// Every record, for the broker's retention time.
    Passing,
}

fn keeping_of(topic: Topic) -> Keeping {
    match topic {
        Topic::Rules
        | Topic::AreaIndicators
        | Topic::PersonState
        | Topic::AreaState
        | Topic::Progress
        | Topic::LabStatus
        | Topic::Alerts
        | Topic::AreaAlerts
        | Topic::AreaPositivity
        | Topic::AreaTiers => Keeping::Compacted,
        // What is past is still needed to say what was known when; its size is small.
        Topic::AreaPublished | Topic::LabReceipts => Keeping::All,
        Topic::LabResults
        | Topic::ContactRecords
        | Topic::PersonEvents
        | Topic::AreaChanges
        | Topic::LabChanges
        | Topic::DeadLetters => Keeping::Passing,
    }
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
        Keeping::All => vec![("cleanup.policy", "delete"), ("retention.ms", "-1")],
        Keeping::Passing if history => vec![("cleanup.policy", "delete"), ("retention.ms", "-1")],
        Keeping::Passing => vec![("cleanup.policy", "delete")],
    };
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

/// Creates the topics that are missing. Those there are stay as they are: see [`check`].
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
            Err((name, code)) => return Err(Error::new(format!("{name} could not be created: {code}"))),
        }
    }
    settled(&admin, config).await?;
    Ok(done)
}

/// Waits until every partition has a leader: whoever creates topics uses them next, and would be told that there are
/// none.
async fn settled(admin: &AdminClient<DefaultClientContext>, config: &KafkaConfig) -> Result<(), Error> {
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

/// Something wrong with a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The topic's name in Kafka.
    pub topic: String,
    /// What was found and what was expected.
    pub found: String,
    /// The command that mends it.
    pub mend: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}\n    mend: {}", self.topic, self.found, self.mend)
    }
}

/// The topics as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Partitions of the two halves, when all topics agree.
    pub layout: Option<Layout>,
    /// What is wrong; empty means that a worker can start.
    pub findings: Vec<Finding>,
}

/// Looks at all topics. An error means that the broker could not be asked.
pub async fn check(config: &KafkaConfig, history: bool) -> Result<Checked, Error> {
    let admin = connect(config)?;
    let counts = metadata(&admin, config)?;
    let mut findings = Vec::new();
    let layout = check_counts(config, &counts, history, &mut findings);
    let present: Vec<Topic> = Topic::ALL.into_iter().filter(|topic| counts.contains_key(topic)).collect();
    for (topic, settings) in describe(&admin, config, &present).await? {
        check_settings(config, topic, &settings, history, &mut findings);
    }
    Ok(Checked { layout, findings })
}

/// Partitions of the two halves by their first inputs, without looking at anything else. For a broker that cannot
/// describe its topics, as the embedded one.
pub fn layout(config: &KafkaConfig) -> Result<Layout, Error> {
    let counts = metadata(&connect(config)?, config)?;
    let count = |topic| counts.get(&topic).copied().ok_or_else(|| missing(config, topic));
    Ok(Layout { person_tasks: count(Topic::LabResults)?, area_tasks: count(Topic::AreaChanges)? })
}

fn connect(config: &KafkaConfig) -> Result<AdminClient<DefaultClientContext>, Error> {
    let mut settings = ClientConfig::new();
    settings.extend(properties(config, &Role::Admin)?);
    AdminClient::from_config(&settings).map_err(|error| Error::new(format!("kafka settings: {error}")))
}

/// Partition counts of the topics there are.
fn metadata(admin: &AdminClient<DefaultClientContext>, config: &KafkaConfig) -> Result<BTreeMap<Topic, i32>, Error> {
    let seconds = config.connect_timeout_s.get();
    let all = admin.inner().fetch_metadata(None, Duration::from_secs(u64::from(seconds))).map_err(|error| {
        Error::new(format!(
            "no Kafka broker answered at {} within {seconds} s ({error}); check kafka.brokers and, with TLS or SASL, \
             kafka.properties",
            config.brokers
        ))
    })?;
    let known = |name: &str| Topic::named(name.strip_prefix(config.prefix.as_str())?);
    let counts = all.topics().iter().filter(|topic| !topic.partitions().is_empty());
    Ok(counts.filter_map(|topic| Some((known(topic.name())?, topic.partitions().len() as i32))).collect())
}

/// Missing topics and partition counts that differ.
fn check_counts(
    config: &KafkaConfig,
    counts: &BTreeMap<Topic, i32>,
    history: bool,
    findings: &mut Vec<Finding>,
) -> Option<Layout> {
    for topic in Topic::ALL.into_iter().filter(|topic| !counts.contains_key(topic)) {
        findings.push(Finding {
            topic: topic_name(&config.prefix, topic),
            found: "is missing".to_owned(),
            mend: create_command(config, counts, history),
        });
    }
    let (person_tasks, area_tasks) = (counts.get(&Topic::LabResults), counts.get(&Topic::AreaChanges));
    for (topic, count) in counts {
        let (expected, like) = match places_of(*topic) {
            Places::Person => (person_tasks, Topic::LabResults),
            Places::Area => (area_tasks, Topic::AreaChanges),
            Places::One => (Some(&1), *topic),
        };
        if let Some(expected) = expected.filter(|expected| *expected != count) {
            findings.push(wrong_count(config, *topic, *count, *expected, like));
        }
    }
    Some(Layout { person_tasks: *person_tasks?, area_tasks: *area_tasks? })
}

fn wrong_count(config: &KafkaConfig, topic: Topic, count: i32, expected: i32, like: Topic) -> Finding {
    let name = topic_name(&config.prefix, topic);
    let because = match like == topic {
        true => String::new(),
        false => format!(", as {} has", topic_name(&config.prefix, like)),
    };
    let brokers = &config.brokers;
    // Partitions cannot be taken away; added ones would tear keys from their order, unless the topic is still empty.
    let mend = match count < expected {
        true => format!(
            "kafka-topics.sh --bootstrap-server {brokers} --alter --topic {name} --partitions {expected} (only while \
             it is empty)"
        ),
        false => format!(
            "kafka-topics.sh --bootstrap-server {brokers} --delete --topic {name} (only while it is empty), then \
             swabstream topics create"
        ),
    };
    Finding { topic: name, found: format!("has {count} partitions, must have {expected}{because}"), mend }
}

fn create_command(config: &KafkaConfig, counts: &BTreeMap<Topic, i32>, history: bool) -> String {
    let mut command = format!("swabstream topics create --brokers {}", config.brokers);
    if !config.prefix.is_empty() {
        command.push_str(&format!(" --prefix {}", config.prefix));
    }
    // As many as the topics there are have, so that what is created fits them.
    for (option, topic) in [("--person-tasks", Topic::LabResults), ("--area-tasks", Topic::AreaChanges)] {
        if let Some(count) = counts.get(&topic) {
            command.push_str(&format!(" {option} {count}"));
        }
    }
    if history {
        command.push_str(" --history");
    }
    command
}

/// The settings of topics that matter here.
async fn describe(
    admin: &AdminClient<DefaultClientContext>,
    config: &KafkaConfig,
    topics: &[Topic],
) -> Result<Vec<(Topic, BTreeMap<String, String>)>, Error> {
    let names: Vec<String> = topics.iter().map(|topic| topic_name(&config.prefix, *topic)).collect();
    let resources: Vec<ResourceSpecifier<'_>> = names.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
    if resources.is_empty() {
        return Ok(Vec::new());
    }
    let options = AdminOptions::new().request_timeout(Some(ADMIN_LIMIT));
    let results = admin.describe_configs(&resources, &options).await;
    let results = results.map_err(|error| Error::new(format!("describing topics: {error}")))?;
    let mut all = Vec::new();
    for (topic, result) in topics.iter().zip(results) {
        let resource: ConfigResource = result.map_err(|code| {
            Error::new(format!("{} cannot be described: {code}", topic_name(&config.prefix, *topic)))
        })?;
        let entries = resource.entries.into_iter();
        all.push((*topic, entries.filter_map(|entry| Some((entry.name, entry.value?))).collect()));
    }
    Ok(all)
}

fn check_settings(
    config: &KafkaConfig,
    topic: Topic,
    settings: &BTreeMap<String, String>,
    history: bool,
    findings: &mut Vec<Finding>,
) {
    let name = topic_name(&config.prefix, topic);
    let found = |key: &str| settings.get(key).map_or("", String::as_str);
    let mut wrong = |key: &str, expected: &str, why: &str| {
        findings.push(Finding {
            topic: name.clone(),
            found: format!("{key} is {}, must be {expected}: {why}", found(key)),
            mend: format!(
                "kafka-configs.sh --bootstrap-server {} --alter --entity-type topics --entity-name {name} \
                 --add-config {key}={expected}",
                config.brokers
            ),
        });
    };
    let compacted = found("cleanup.policy").contains("compact");
    match keeping_of(topic) {
        Keeping::Compacted if found("cleanup.policy") != "compact" => {
            wrong("cleanup.policy", "compact", "the last record of each key must be kept for ever");
        }
        Keeping::All | Keeping::Passing if compacted => {
            wrong("cleanup.policy", "delete", "compaction would remove records that count");
        }
        _ => {}
    }
    let takes = |key: &str, bytes: &str| found(key).parse().unwrap_or(0) >= bytes.parse().unwrap_or(u64::MAX);
    if topic == Topic::DeadLetters && !takes("max.message.bytes", DEAD_LETTER_MESSAGE_BYTES) {
        wrong("max.message.bytes", DEAD_LETTER_MESSAGE_BYTES, "dead letters are larger than the records they hold");
    }
    if is_timed_input(topic) && found("message.timestamp.type") != timestamp_type(history) {
        let why = match history {
            true => "in history mode records carry the time they really arrived",
            false => "the time of receipt is the broker's",
        };
        wrong("message.timestamp.type", timestamp_type(history), why);
    }
}
