//! What is wrong with the topics there are. Nothing is changed: each finding names the topic, the value found and the
//! command that mends it.

use super::admin::{ADMIN_LIMIT, connect, counts_of_halves, metadata, model_of, require_shown};
use super::settings::{
    DEAD_LETTER_MESSAGE_BYTES, FOR_EVER, Keeping, NO_LIMIT, keeping_of, keeps_all, places_of, timestamp_type,
};
use crate::config::KafkaConfig;
use crate::kafka::acl::missing_acl;
use crate::kafka::client::quiet::Quiet;
use crate::kafka::error::Error;
use crate::kafka::names::topic_name;
use crate::kafka::remedy::{create_topics, hint, tool};
use crate::model::record::{Layout, Topic};
use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, ResourceSpecifier};
use rdkafka::error::RDKafkaErrorCode;
use std::collections::BTreeMap;

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
    let missing: Vec<Topic> = Topic::ALL.into_iter().filter(|topic| !counts.contains_key(topic)).collect();
    require_shown(&admin, config, &missing)?;
    let present: Vec<Topic> = Topic::ALL.into_iter().filter(|topic| counts.contains_key(topic)).collect();
    for (topic, settings) in describe(&admin, config, &present).await? {
        check_settings(config, topic, &settings, history, &mut findings);
    }
    Ok(Checked { layout, findings })
}

/// Missing topics and partition counts that differ.
fn check_counts(
    config: &KafkaConfig,
    counts: &BTreeMap<Topic, i32>,
    history: bool,
    findings: &mut Vec<Finding>,
) -> Option<Layout> {
    let create = create_topics(config, counts_of_halves(counts), history);
    for topic in Topic::ALL.into_iter().filter(|topic| !counts.contains_key(topic)) {
        findings.push(Finding {
            topic: topic_name(&config.prefix, topic),
            found: "is missing".to_owned(),
            mend: create.clone(),
        });
    }
    for (topic, count) in counts {
        let (like, expected) = model_of(counts, places_of(*topic)).unwrap_or((*topic, 1));
        if expected != *count {
            findings.push(wrong_count(config, *topic, *count, (like, expected), &create));
        }
    }
    Some(Layout { person_tasks: *counts.get(&Topic::LabResults)?, area_tasks: *counts.get(&Topic::AreaChanges)? })
}

fn wrong_count(
    config: &KafkaConfig,
    topic: Topic,
    count: i32,
    (like, expected): (Topic, i32),
    create: &str,
) -> Finding {
    let name = topic_name(&config.prefix, topic);
    let because = match like == topic {
        true => String::new(),
        false => format!(", as {} has", topic_name(&config.prefix, like)),
    };
    let (tool, hint) = (tool(config, "kafka-topics.sh"), hint(config));
    // Partitions cannot be taken away; added ones would tear keys from their order, unless the topic is still empty.
    let mend = match count < expected {
        true => format!("{tool} --alter --topic {name} --partitions {expected} (only while it is empty){hint}"),
        false => format!("{tool} --delete --topic {name} (only while it is empty), then {create}{hint}"),
    };
    Finding { topic: name, found: format!("has {count} partitions, must have {expected}{because}"), mend }
}

/// The settings of topics that matter here.
async fn describe(
    admin: &AdminClient<Quiet>,
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
        let name = topic_name(&config.prefix, *topic);
        let resource: ConfigResource = result.map_err(|code| match code {
            RDKafkaErrorCode::TopicAuthorizationFailed => {
                Error::new(missing_acl("DescribeConfigs", &format!("--topic {name}")))
            }
            code => Error::new(format!("{name} cannot be described: {code}")),
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
                "{} --alter --entity-type topics --entity-name {name} --add-config {key}={expected}{}",
                tool(config, "kafka-configs.sh"),
                hint(config)
            ),
        });
    };
    let compacted = found("cleanup.policy").contains("compact");
    match keeping_of(topic) {
        Keeping::Compacted if found("cleanup.policy") != "compact" => {
            wrong("cleanup.policy", "compact", "the last record of each key must be kept for ever");
        }
        Keeping::Whole | Keeping::Passing if compacted => {
            wrong("cleanup.policy", "delete", "compaction would remove records that count");
        }
        _ => {}
    }
    for key in FOR_EVER.into_iter().filter(|_| keeps_all(topic, history)) {
        if settings.get(key).is_some_and(|value| value != NO_LIMIT) {
            wrong(key, NO_LIMIT, "what is past is still needed, and would be deleted");
        }
    }
    let takes = |key: &str, bytes: &str| found(key).parse().unwrap_or(0) >= bytes.parse().unwrap_or(u64::MAX);
    if topic == Topic::DeadLetters && !takes("max.message.bytes", DEAD_LETTER_MESSAGE_BYTES) {
        wrong("max.message.bytes", DEAD_LETTER_MESSAGE_BYTES, "dead letters are larger than the records they hold");
    }
    if topic.moves_time() && found("message.timestamp.type") != timestamp_type(history) {
        let why = match history {
            true => "in history mode records carry the time they really arrived",
            false => "the time of receipt is the broker's",
        };
        wrong("message.timestamp.type", timestamp_type(history), why);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> KafkaConfig {
        KafkaConfig::new("kafka:9092", "cq.")
    }

    fn found_in(topic: Topic, settings: &[(&str, &str)], history: bool) -> Vec<String> {
        let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let mut findings = Vec::new();
        check_settings(&config(), topic, &settings, history, &mut findings);
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_command_that_creates_anew_creates_what_fits() {
        let mut counts: BTreeMap<Topic, i32> =
            Topic::ALL.into_iter().map(|topic| (topic, crate::kafka::topics::partitions_of(topic, LAYOUT))).collect();
        let mut findings = Vec::new();
        assert_eq!(check_counts(&config(), &counts, false, &mut findings), Some(LAYOUT));
        assert_eq!(findings, []);

        counts.insert(Topic::Alerts, 7);
        counts.remove(&Topic::LabResults);
        assert_eq!(check_counts(&config(), &counts, false, &mut findings), None);
        let texts: Vec<String> = findings.iter().map(ToString::to_string).collect();
        let create = "swabstream topics create --brokers kafka:9092 --prefix cq. --person-tasks 4 --area-tasks 2";
        assert!(texts[0].contains("cq.lab-results: is missing") && texts[0].ends_with(create), "{texts:?}");
        assert!(texts[1].contains("has 7 partitions, must have 4, as cq.contact-records has"), "{texts:?}");
        assert!(texts[1].ends_with(&format!("(only while it is empty), then {create}")), "{texts:?}");
    }

    const LAYOUT: Layout = Layout { person_tasks: 4, area_tasks: 2 };

    #[test]
    fn a_topic_that_would_lose_what_is_needed_is_refused() {
        let week = [("cleanup.policy", "delete"), ("retention.ms", "604800000"), ("retention.bytes", "-1")];
        assert_eq!(found_in(Topic::PersonEvents, &week, false), [""; 0], "an operator's choice");
        let [past] = &found_in(Topic::PersonEvents, &week, true)[..] else { panic!("past data are older than a week") };
        assert!(past.contains("retention.ms is 604800000, must be -1"), "{past}");
        assert!(past.contains("--entity-name cq.person-events --add-config retention.ms=-1"), "{past}");
        let small = [("cleanup.policy", "delete"), ("retention.ms", "1000"), ("retention.bytes", "1000000")];
        let found = found_in(Topic::AreaChanges, &small, true);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[1].contains("retention.bytes is 1000000, must be -1"), "{found:?}");
    }
}
