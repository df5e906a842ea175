//! What was deleted from inputs before its task had read it, by retention or by hand.
//!
//! In: committed offsets and the beginnings of inputs. Out: the gaps between. Whether such a gap is given up is decided
//! by an operator, never here.

use super::client::{Role, properties};
use super::topics::Quiet;
use super::{Error, cut, mend};
use crate::config::KafkaConfig;
use crate::model::record::{Layout, Topic};
use crate::pipeline::area::AreaHalf;
use crate::pipeline::half::Half as _;
use rdkafka::config::{ClientConfig, FromClientConfigAndContext as _};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use std::time::Duration;

/// How long the broker may take to describe a group.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// The session of a member whose settings name none.
const LIBRARYS_SESSION_MS: u64 = 45_000;

/// Offsets of an input that a task should have read next, and that are no longer there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lost {
    /// The input.
    pub topic: Topic,
    /// The task, which is its partition.
    pub task: i32,
    /// The first of them: the committed offset.
    pub from: i64,
    /// The first offset there still is.
    pub to: i64,
}

impl Lost {
    /// How many. Some may have been markers of transactions: so many records at most.
    pub fn offsets(&self) -> u64 {
        (self.to - self.from).unsigned_abs()
    }

    /// Whether it is of the area half. What is lost of one half and task is given up together.
    pub fn is_of_areas(&self) -> bool {
        AreaHalf::INPUTS.contains(&self.topic)
    }
}

/// The command that gives up all that is lost of one half and task.
pub fn command(lost: &[Lost], config: &KafkaConfig) -> String {
    mend::skip_lost(config, lost)
}

/// How long a member that was killed, or could not say that it left, counts for one.
pub fn session(config: &KafkaConfig) -> Result<Duration, Error> {
    let settings = properties(config, &Role::Member { group: String::new() })?;
    let millis = settings.get("session.timeout.ms").and_then(|text| text.parse().ok());
    Ok(Duration::from_millis(millis.unwrap_or(LIBRARYS_SESSION_MS)))
}

/// Everything that was lost so far, in order of topics and tasks.
pub fn find(config: &KafkaConfig, layout: Layout) -> Result<Vec<Lost>, Error> {
    // The beginnings first: what lies before them was gone when the offsets are asked for.
    let cut = cut::now(config, layout)?;
    let lost = cut.committed.iter().filter_map(|(&(topic, task), &from)| {
        let to = *cut.first.get(&(topic, task))?;
        (to > from).then_some(Lost { topic, task, from, to })
    });
    Ok(lost.collect())
}

/// How many members a group has. One that was killed counts until its session ends.
pub fn members(config: &KafkaConfig, group: &str) -> Result<usize, Error> {
    let mut settings = ClientConfig::new();
    settings.extend(properties(config, &Role::Reader { group: group.to_owned() })?);
    let client = BaseConsumer::from_config_and_context(&settings, Quiet);
    let client: BaseConsumer<Quiet> = client.map_err(|error| Error::new(format!("kafka settings: {error}")))?;
    let groups = client.fetch_group_list(Some(group), ANSWER_LIMIT);
    let groups = groups.map_err(|error| Error::new(format!("asking for the members of group {group}: {error}")))?;
    Ok(groups.groups().iter().filter(|known| known.name() == group).map(|known| known.members().len()).sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Property;

    #[test]
    fn a_dead_member_is_waited_for_as_long_as_its_session_was_set_to() {
        let mut config = KafkaConfig::new("kafka:9092", "");
        assert_eq!(session(&config), Ok(Duration::from_secs(6)));
        config.properties.insert("session.timeout.ms".to_owned(), Property::Text("30000".to_owned()));
        assert_eq!(session(&config), Ok(Duration::from_secs(30)));
    }
}
