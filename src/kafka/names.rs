//! Names in a deployment: of groups and topics.

use crate::config::KafkaConfig;
use crate::model::record::{HalfKind, Topic};
use crate::pipeline::half::Half;
use std::ffi::{CStr, CString};

/// The consumer group of a half.
pub fn group_of<H: Half>(config: &KafkaConfig) -> String {
    match H::KIND {
        HalfKind::Person => config.group.clone(),
        HalfKind::Area => format!("{}-areas", config.group),
    }
}

/// A topic's name in a deployment.
pub fn topic_name(prefix: &str, topic: Topic) -> String {
    format!("{prefix}{}", topic.name())
}

/// The topics of a client by both names.
#[derive(Clone, Debug)]
pub(super) struct Names(Vec<(Topic, CString)>);

impl Names {
    /// Of all topics of a deployment.
    ///
    /// # Panics
    /// When the prefix holds a zero byte; the configuration refuses that.
    pub(super) fn new(prefix: &str) -> Self {
        let name = |topic| CString::new(topic_name(prefix, topic)).expect("no zero byte in a prefix");
        Self(Topic::ALL.into_iter().map(|topic| (topic, name(topic))).collect())
    }

    /// The name in Kafka.
    pub(super) fn of(&self, topic: Topic) -> &CStr {
        &self.0[topic as usize].1
    }

    /// The topic of a name in Kafka.
    pub(super) fn topic(&self, name: &CStr) -> Option<Topic> {
        self.0.iter().find(|(_, known)| known.as_c_str() == name).map(|(topic, _)| *topic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_carry_the_prefix_both_ways() {
        let names = Names::new("cq.");
        for topic in Topic::ALL {
            assert_eq!(names.topic(names.of(topic)), Some(topic));
        }
        assert_eq!(names.of(Topic::Alerts), c"cq.alerts");
        assert_eq!(names.topic(c"alerts"), None);
    }
}
