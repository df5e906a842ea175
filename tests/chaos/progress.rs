//! Whether it goes on: every record that was there must be committed past, by both halves, within a bound.

use rdkafka::TopicPartitionList;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;
use std::time::{Duration, Instant};
use swabstream::config::KafkaConfig;
use swabstream::kafka::topic_name;
use swabstream::kafka::topics::partitions_of;
use swabstream::model::record::{Layout, Topic};

/// How long one question may take; then it is asked again.
const ANSWER_LIMIT: Duration = Duration::from_secs(3);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// Looks at one input of one group.
struct Half {
    topic: Topic,
    partitions: i32,
    name: String,
    client: BaseConsumer,
}

/// Looks at both halves.
pub struct Progress {
    halves: [Half; 2],
}

impl Progress {
    pub fn new(config: &KafkaConfig, layout: Layout) -> Self {
        let half = |topic: Topic, suffix: &str| {
            let mut settings = ClientConfig::new();
            settings.set("bootstrap.servers", &config.brokers).set("group.id", format!("{}{suffix}", config.group));
            // Its connections suffer like all others.
            settings.set("socket.timeout.ms", "5000").set("reconnect.backoff.max.ms", "500");
            Half {
                topic,
                partitions: partitions_of(topic, layout),
                name: topic_name(&config.prefix, topic),
                client: settings.create().expect("a consumer"),
            }
        };
        Self { halves: [half(Topic::LabResults, ""), half(Topic::AreaChanges, "-areas")] }
    }

    /// Waits until everything that is there now is committed past, by one half after the other. Says how long it took.
    pub fn resumes(&self, limit: Duration, mut meanwhile: impl FnMut()) -> Result<Duration, String> {
        let began = Instant::now();
        for half in &self.halves {
            let goal = loop {
                match half.ends() {
                    Ok(ends) => break ends,
                    Err(why) if began.elapsed() > limit => return Err(format!("the broker does not answer: {why}")),
                    Err(_) => {
                        half.look_for_leaders();
                        meanwhile();
                    }
                }
            };
            loop {
                let committed = half.committed().unwrap_or_default();
                let behind: Vec<String> = (0..half.partitions)
                    .filter(|at| committed.get(*at as usize).is_none_or(|next| *next < goal[*at as usize]))
                    .map(|at| format!("{at} at {:?} of {}", committed.get(at as usize), goal[at as usize]))
                    .collect();
                if behind.is_empty() {
                    break;
                }
                if began.elapsed() > limit {
                    return Err(format!("{} does not go on: {}", half.topic.name(), behind.join(", ")));
                }
                std::thread::sleep(PAUSE);
                meanwhile();
            }
        }
        Ok(began.elapsed())
    }

    /// Records of the labs so far.
    pub fn published(&self) -> i64 {
        self.halves[0].ends().map_or(0, |ends| ends.iter().sum())
    }
}

impl Half {
    fn ends(&self) -> KafkaResult<Vec<i64>> {
        let end = |at| Ok(self.client.fetch_watermarks(&self.name, at, ANSWER_LIMIT)?.1);
        (0..self.partitions).map(end).collect()
    }

    /// A partition that had no leader once has none for the client until it looks anew, which it does by itself only
    /// minutes later.
    fn look_for_leaders(&self) {
        std::thread::sleep(PAUSE);
        // Without an answer the next question fails as well, and all is tried again.
        let _ = self.client.fetch_metadata(Some(&self.name), ANSWER_LIMIT);
    }

    /// Committed offsets; -1 where there is none.
    fn committed(&self) -> Option<Vec<i64>> {
        let mut wanted = TopicPartitionList::new();
        wanted.add_partition_range(&self.name, 0, self.partitions - 1);
        let found = self.client.committed_offsets(wanted, ANSWER_LIMIT).ok()?;
        Some(found.elements().iter().map(|part| part.offset().to_raw().unwrap_or(-1)).collect())
    }
}
