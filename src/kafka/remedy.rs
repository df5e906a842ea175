//! What errors tell an operator to do: commands that fit the deployment, ready to be copied.

use super::error::Error;
use super::lost::range::Lost;
use super::names::{group_of, topic_name};
use super::native::Unreached;
use crate::config::KafkaConfig;
use crate::model::record::Topic;
use crate::pipeline::area::AreaHalf;
use crate::pipeline::person::PersonHalf;

/// Partitions that topics of the two halves have already, person and area.
pub(super) type Counts = [Option<i32>; 2];

/// No broker answered within so many seconds, or one refused us before.
pub(super) fn no_broker(config: &KafkaConfig, seconds: u64, why: &Unreached) -> Error {
    let Unreached { error, refusal } = why;
    Error::new(match refusal {
        Some(refusal) => refusal.explain(config),
        None => format!(
            "no Kafka broker answered at {} within {seconds} s ({error}); check kafka.brokers and, with TLS or SASL, \
             kafka.properties",
            config.brokers
        ),
    })
}

/// The state cannot go on, whatever is done: how to compute everything anew.
pub(super) fn start_anew(config: &KafkaConfig) -> String {
    format!(
        "to compute everything anew from what the inputs still hold, stop all instances, delete the groups of both \
         halves ({groups} --delete --group {persons} --group {areas}), delete every topic but the inputs (lab-results, \
         contact-records, person-groups, rules), and create them with {create} (and --area-tasks, where they were \
         not 4){hint}. What days were closed with, in area-published, nothing can compute again: copy it away first, \
         all days there still are will be closed anew with what is known now",
        persons = group_of::<PersonHalf>(config),
        areas = group_of::<AreaHalf>(config),
        groups = tool(config, "kafka-consumer-groups.sh"),
        create = create_topics(config, [None, None], false),
        hint = hint(config),
    )
}

/// A topic is another one of the same name: what is lost with the old one, and how to go on.
pub(super) fn made_anew(config: &KafkaConfig, topic: Topic) -> Error {
    let again = "start the processor again";
    let lost = match topic {
        Topic::LabResults | Topic::ContactRecords | Topic::PersonGroups => format!(
            "what it held is lost unless it is published again, and so are the offsets committed for it, without which \
             the state cannot go on; {}",
            start_anew(config)
        ),
        Topic::PersonEvents | Topic::AreaChanges => format!(
            "what tasks had sent each other in it is lost as far as it was not read, and so are the offsets committed \
             for it, without which the state cannot go on; {}",
            start_anew(config)
        ),
        Topic::PersonState | Topic::AreaState => {
            format!("the state kept in it is lost for the next start; {}", start_anew(config))
        }
        Topic::Rules => format!(
            "the rules in it are lost for the next start; publish the same ones again (swabstream rules apply DIR), \
             then {again}"
        ),
        Topic::Retried => {
            format!("which dead letters were sent again is forgotten, and they can be sent once more; {again}")
        }
        Topic::RulesHistory => {
            format!("which rules were in force before is forgotten; those in force are not touched by it; {again}")
        }
        Topic::Progress => {
            format!("what it held is lost, and is told anew by the tasks as time goes on; {again}")
        }
        Topic::Alerts
        | Topic::AreaAlerts
        | Topic::PersonDuties
        | Topic::AreaDuties
        | Topic::AreaPositivity
        | Topic::AreaPublished
        | Topic::AreaTiers
        | Topic::LabReceipts
        | Topic::DeadLetters => format!(
            "what was published in it is gone for its readers, and is not published again by itself; to go on without \
             it, {again}; {}",
            start_anew(config)
        ),
    };
    let name = topic_name(&config.prefix, topic);
    Error::new(format!("topic {name} was deleted and created anew while the processor ran: {lost}"))
}

/// Records of inputs of one task were deleted before they were read: how to go on without them, and how not to lose the
/// next.
pub(super) fn lost_records(config: &KafkaConfig, lost: &[Lost]) -> Error {
    let each = |Lost { topic, task, from, to }: &Lost| {
        format!("{} [{task}]: offsets {from} to {to}", topic_name(&config.prefix, *topic))
    };
    let gaps: Vec<String> = lost.iter().map(each).collect();
    Error::new(format!(
        "{gaps} were deleted before they were read, by the topic's retention.ms or by hand: at most {offsets} records. If \
         their senders can send them again, let them do so once the processor runs. To go on without them, with all state \
         there is, stop all instances and run: {skip}. Lengthen retention.ms to more than the processor is ever stopped for",
        gaps = gaps.join(" and "),
        offsets = lost.iter().map(Lost::offsets).sum::<u64>(),
        skip = skip_lost(config, lost),
    ))
}

/// Gives up all that was deleted unread of the inputs of one task: they are committed together, or not at all.
pub(super) fn skip_lost(config: &KafkaConfig, lost: &[Lost]) -> String {
    let file = config.file.as_ref().map_or_else(|| "FILE".to_owned(), |file| file.display().to_string());
    let mut command = format!("swabstream skip-lost --config {file}");
    if let Some(first) = lost.first() {
        command.push_str(&format!(" --task {}", first.task));
    }
    for Lost { topic, to, .. } in lost {
        command.push_str(&format!(" --to {}={to}", topic.name()));
    }
    command
}

/// Stored state that was read back whole and is not what was written: what may have become of it, and how to go on.
pub(super) fn damaged_state(config: &KafkaConfig, changelog: Topic, task: i32, group: &str) -> String {
    format!(
        "likely {} [{task}] was deleted and created anew, lost records (to a cleanup.policy other than compact, to an \
         unclean election, by hand: swabstream topics check says whether its settings are right), or was written to by \
         another deployment, which needs a prefix of its own (group {group} is of this one); {}",
        topic_name(&config.prefix, changelog),
        start_anew(config)
    )
}

/// There is state that the group does not know of.
pub(super) fn without_offsets(config: &KafkaConfig, changelog: Topic, task: i32, group: &str) -> String {
    format!(
        "{} [{task}] holds state, but group {group} has no committed offsets: they were deleted, or the group was empty \
         for longer than the brokers' offsets.retention.minutes (7 days by default); {}",
        topic_name(&config.prefix, changelog),
        start_anew(config)
    )
}

/// The group knows of state that is not there.
pub(super) fn without_state(config: &KafkaConfig, changelog: Topic, task: i32, group: &str) -> String {
    format!(
        "group {group} has committed offsets, but {} [{task}] is empty: the topic was deleted or made anew; {}",
        topic_name(&config.prefix, changelog),
        start_anew(config)
    )
}

/// A topic is not there.
pub(super) fn missing(config: &KafkaConfig, topic: Topic) -> Error {
    Error::new(format!(
        "there is no topic {} at {}; if that is the right broker and prefix, create the topics: {}",
        topic_name(&config.prefix, topic),
        config.brokers,
        create_topics(config, [None, None], false)
    ))
}

/// Creates what is missing, with as many partitions as the topics there are have.
pub(super) fn create_topics(config: &KafkaConfig, counts: Counts, history: bool) -> String {
    let mut command = "swabstream topics create".to_owned();
    match &config.file {
        // It also tells how clients identify themselves, and whether data are past.
        Some(file) => command.push_str(&format!(" --config {}", file.display())),
        None => {
            command.push_str(&format!(" --brokers {}", config.brokers));
            if !config.prefix.is_empty() {
                command.push_str(&format!(" --prefix {}", config.prefix));
            }
            if history {
                command.push_str(" --history");
            }
        }
    }
    for (option, count) in ["--person-tasks", "--area-tasks"].iter().zip(counts) {
        if let Some(count) = count {
            command.push_str(&format!(" {option} {count}"));
        }
    }
    command
}

/// The beginning of a command of Kafka's own tools. Say [`hint`] after it.
pub(super) fn tool(config: &KafkaConfig, name: &str) -> String {
    let secured = if is_secured(config) { " --command-config client.properties" } else { "" };
    format!("{name} --bootstrap-server {}{secured}", config.brokers)
}

/// What the file is that [`tool`] names, if it names one.
pub(super) fn hint(config: &KafkaConfig) -> &'static str {
    match is_secured(config) {
        true => " (client.properties: how Kafka's own tools connect, the same security as in [kafka.properties])",
        false => "",
    }
}

fn is_secured(config: &KafkaConfig) -> bool {
    let security = ["security.", "ssl.", "sasl."];
    config.properties.keys().any(|name| security.iter().any(|beginning| name.starts_with(beginning)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Property;

    #[test]
    fn a_command_can_be_copied_where_the_broker_wants_to_know_who_asks() {
        let mut config = KafkaConfig::new("kafka:9093", "cq.");
        assert_eq!(
            create_topics(&config, [Some(8), None], true),
            "swabstream topics create --brokers kafka:9093 --prefix cq. --history --person-tasks 8"
        );
        assert_eq!(
            (tool(&config, "kafka-topics.sh"), hint(&config)),
            ("kafka-topics.sh --bootstrap-server kafka:9093".to_owned(), "")
        );

        config.file = Some("cq.toml".into());
        config.properties.insert("security.protocol".to_owned(), Property::Text("ssl".to_owned()));
        assert_eq!(
            create_topics(&config, [Some(8), Some(3)], true),
            "swabstream topics create --config cq.toml --person-tasks 8 --area-tasks 3"
        );
        let lost = |topic, to| Lost { topic, task: 3, from: 4, to };
        assert_eq!(
            skip_lost(&config, &[lost(Topic::LabResults, 10), lost(Topic::ContactRecords, 7)]),
            "swabstream skip-lost --config cq.toml --task 3 --to lab-results=10 --to contact-records=7"
        );
        let anew = start_anew(&config);
        let groups = "kafka-consumer-groups.sh --bootstrap-server kafka:9093 --command-config client.properties";
        assert!(anew.contains(groups) && anew.contains("(client.properties: "), "{anew}");
        assert!(anew.contains("swabstream topics create --config cq.toml"), "{anew}");
    }
}
