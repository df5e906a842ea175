//! Creates the topics that are missing.

use super::admin::{ADMIN_LIMIT, connect, metadata};
use super::settings::{partitions_of, settings_of};
use crate::clock;
use crate::config::KafkaConfig;
use crate::kafka::acl::missing_acl;
use crate::kafka::client::quiet::Quiet;
use crate::kafka::error::Error;
use crate::kafka::names::topic_name;
use crate::model::record::{Layout, Topic};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::error::RDKafkaErrorCode;
use std::time::Duration;

/// Pause between two looks at new topics.
const SETTLE_PAUSE: Duration = Duration::from_millis(50);

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

/// What creating did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Created {
    /// Made now.
    pub created: Vec<String>,
    /// There before; left as they were.
    pub existed: Vec<String>,
}

/// Creates the topics that are missing. Those there are stay as they are: see [`check`](super::check()).
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

/// Waits until every partition has a leader: whoever creates topics uses them next, and would be answered that there are
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
