//! Asks the brokers for the topics there are.

use super::settings::{Places, places_of};
use crate::config::KafkaConfig;
use crate::kafka::acl::missing_acl;
use crate::kafka::client::quiet::Quiet;
use crate::kafka::client::reach::reach;
use crate::kafka::client::{Role, properties};
use crate::kafka::error::Error;
use crate::kafka::names::topic_name;
use crate::kafka::remedy::{Counts, missing};
use crate::model::record::{Layout, Topic};
use rdkafka::admin::AdminClient;
use rdkafka::config::{ClientConfig, FromClientConfigAndContext};
use rdkafka::error::RDKafkaErrorCode;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long the broker may take to create or describe topics, once it is reached.
pub(super) const ADMIN_LIMIT: Duration = Duration::from_secs(30);

/// Partitions of the two halves by their first inputs, without looking at anything else. For a broker that cannot
/// describe its topics, as the embedded one.
pub fn layout(config: &KafkaConfig) -> Result<Layout, Error> {
    let [person_tasks, area_tasks] = counts_of(config, [Topic::LabResults, Topic::AreaChanges])?;
    Ok(Layout { person_tasks, area_tasks })
}

/// Person tasks alone: whoever asks for no more needs to see no other topic.
pub fn person_tasks(config: &KafkaConfig) -> Result<i32, Error> {
    counts_of(config, [Topic::LabResults]).map(|[count]| count)
}

/// Partitions of all topics that there are and that may be looked at.
pub fn partition_counts(config: &KafkaConfig) -> Result<BTreeMap<Topic, i32>, Error> {
    metadata(&connect(config)?, config)
}

fn counts_of<const N: usize>(config: &KafkaConfig, topics: [Topic; N]) -> Result<[i32; N], Error> {
    let admin = connect(config)?;
    let known = metadata(&admin, config)?;
    let mut counts = [0; N];
    for (count, topic) in counts.iter_mut().zip(topics) {
        *count = match known.get(&topic) {
            Some(count) => *count,
            None => require_shown(&admin, config, &[topic]).and(Err(missing(config, topic)))?,
        };
    }
    Ok(counts)
}

/// The broker leaves topics out that the user may not describe, as if they were not there.
pub(super) fn require_shown(admin: &AdminClient<Quiet>, config: &KafkaConfig, missing: &[Topic]) -> Result<(), Error> {
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

pub(super) fn counts_of_halves(counts: &BTreeMap<Topic, i32>) -> Counts {
    [Places::Person, Places::Area].map(|half| model_of(counts, half).map(|(_, count)| count))
}

/// The topic that the others of its half are held against, with its partitions: the input if it is there, else any.
pub(super) fn model_of(counts: &BTreeMap<Topic, i32>, half: Places) -> Option<(Topic, i32)> {
    let first = match half {
        Places::Person => Topic::LabResults,
        Places::Area => Topic::AreaChanges,
        Places::One => return None,
    };
    let others = Topic::ALL.into_iter().filter(|topic| places_of(*topic) == half);
    std::iter::once(first).chain(others).find_map(|topic| Some((topic, *counts.get(&topic)?)))
}

pub(super) fn connect(config: &KafkaConfig) -> Result<AdminClient<Quiet>, Error> {
    let mut settings = ClientConfig::new();
    settings.extend(properties(config, &Role::Admin)?);
    AdminClient::from_config_and_context(&settings, Quiet)
        .map_err(|error| Error::new(format!("kafka settings: {error}")))
}

/// Partition counts of the topics there are.
pub(super) fn metadata(admin: &AdminClient<Quiet>, config: &KafkaConfig) -> Result<BTreeMap<Topic, i32>, Error> {
    let limit = Duration::from_secs(u64::from(config.connect_timeout_s.get()));
    reach(config, limit)?;
    let all = admin.inner().fetch_metadata(None, limit);
    let all = all.map_err(|error| Error::new(format!("asking for the topics: {error}")))?;
    let known = |name: &str| Topic::named(name.strip_prefix(config.prefix.as_str())?);
    let counts = all.topics().iter().filter(|topic| !topic.partitions().is_empty());
    Ok(counts.filter_map(|topic| Some((known(topic.name())?, topic.partitions().len() as i32))).collect())
}
