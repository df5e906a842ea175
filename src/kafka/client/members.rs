//! Members of a group, as its coordinator knows them.

use super::quiet::Quiet;
use super::{Role, properties};
use crate::config::KafkaConfig;
use crate::kafka::error::Error;
use rdkafka::config::{ClientConfig, FromClientConfigAndContext as _};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use std::time::Duration;

/// How long the broker may take to describe a group.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// The session of a member whose settings name none.
const LIBRARYS_SESSION_MS: u64 = 45_000;

/// How long a member that was killed, or could not say that it left, counts for one.
pub fn session(config: &KafkaConfig) -> Result<Duration, Error> {
    let settings = properties(config, &Role::Member { group: String::new() })?;
    let millis = settings.get("session.timeout.ms").and_then(|text| text.parse().ok());
    Ok(Duration::from_millis(millis.unwrap_or(LIBRARYS_SESSION_MS)))
}

/// How many members a group has. One that was killed counts until its session ends.
pub fn count(config: &KafkaConfig, group: &str) -> Result<usize, Error> {
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
