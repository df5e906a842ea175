//! How each topic of the contract must be: partitions, what is kept, settings.

use crate::model::record::{Layout, Topic};

/// A dead letter is its record whole, with headers on top: what was just small enough for an input must not be too
/// large here, or its task could never commit again.
pub(super) const DEAD_LETTER_MESSAGE_BYTES: &str = "16777216";

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
pub(super) enum Places {
    Person,
    Area,
    One,
}

pub(super) fn places_of(topic: Topic) -> Places {
    match topic {
        Topic::LabResults
        | Topic::ContactRecords
        | Topic::PersonGroups
        | Topic::PersonEvents
        | Topic::PersonState
        | Topic::Alerts
        | Topic::PersonDuties
        | Topic::DeadLetters => Places::Person,
        Topic::AreaState
        | Topic::AreaChanges
        | Topic::AreaAlerts
        | Topic::AreaDuties
        | Topic::AreaPositivity
        | Topic::AreaPublished
        | Topic::AreaTiers
        | Topic::LabReceipts => Places::Area,
        Topic::Rules | Topic::Progress | Topic::Retried | Topic::RulesHistory => Places::One,
    }
}

/// What becomes of old records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeping {
    /// The last record of each key, for ever.
    Compacted,
    /// Every record, for ever.
    Whole,
    /// Every record, for the broker's retention time; past data for ever.
    Passing,
}

pub(super) fn keeping_of(topic: Topic) -> Keeping {
    match topic {
        Topic::Rules
        | Topic::PersonState
        | Topic::AreaState
        | Topic::Progress
        | Topic::Alerts
        | Topic::AreaAlerts
        | Topic::PersonDuties
        | Topic::AreaDuties
        | Topic::AreaPositivity
        | Topic::AreaTiers
        | Topic::Retried => Keeping::Compacted,
        Topic::AreaPublished | Topic::RulesHistory => Keeping::Whole,
        Topic::LabResults
        | Topic::ContactRecords
        | Topic::PersonGroups
        | Topic::PersonEvents
        | Topic::AreaChanges
        | Topic::LabReceipts
        | Topic::DeadLetters => Keeping::Passing,
    }
}

/// Settings by which a broker deletes records, and the value at which it deletes none.
pub(super) const FOR_EVER: [&str; 2] = ["retention.ms", "retention.bytes"];
pub(super) const NO_LIMIT: &str = "-1";

/// Topics of which nothing may ever be deleted. Past data are older than any retention time when they are written.
pub(super) fn keeps_all(topic: Topic, history: bool) -> bool {
    match keeping_of(topic) {
        Keeping::Whole => true,
        Keeping::Passing => history,
        Keeping::Compacted => false,
    }
}

/// Settings of a topic that differ from the broker's.
pub(super) fn settings_of(topic: Topic, history: bool) -> Vec<(&'static str, &'static str)> {
    let mut settings = match keeping_of(topic) {
        Keeping::Compacted => vec![("cleanup.policy", "compact")],
        Keeping::Whole | Keeping::Passing => vec![("cleanup.policy", "delete")],
    };
    if keeps_all(topic, history) {
        settings.extend(FOR_EVER.map(|key| (key, NO_LIMIT)));
    }
    // The broker writes when these arrived (in history mode, their publisher).
    if topic.moves_time() {
        settings.push(("message.timestamp.type", timestamp_type(history)));
    }
    if topic == Topic::DeadLetters {
        settings.push(("max.message.bytes", DEAD_LETTER_MESSAGE_BYTES));
    }
    if is_changelog(topic) {
        // Deltas overwrite each other's keys all the time: small segments let the cleaner reach them.
        settings.push(("segment.bytes", "67108864"));
    }
    if let Some(bytes) = index_interval_of(topic) {
        settings.push(("index.interval.bytes", bytes));
    }
    settings
}

fn is_changelog(topic: Topic) -> bool {
    matches!(topic, Topic::PersonState | Topic::AreaState)
}

/// After how many bytes the broker notes in a partition's two indexes where they are. It does so in files that it has
/// mapped, where the file system makes it wait, and by its own 4 KiB every commit does it for each partition that it
/// touches: with 256 person tasks that was half of the broker's time. Whoever begins to read looks through as much at
/// most: changelogs are read from their beginnings by restores, the others by readers that keep up.
fn index_interval_of(topic: Topic) -> Option<&'static str> {
    match topic {
        topic if is_changelog(topic) => Some("1048576"),
        // Publishers write these, and mostly not in transactions: few commits touch them (`rules apply`, `deadletters retry`).
        Topic::LabResults | Topic::ContactRecords | Topic::PersonGroups | Topic::Rules => None,
        _ => Some("65536"),
    }
}

pub(super) fn timestamp_type(history: bool) -> &'static str {
    if history { "CreateTime" } else { "LogAppendTime" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tasks_write_is_noted_less_often_in_the_indexes_and_what_others_write_as_the_broker_is_told() {
        let interval = |topic| settings_of(topic, false).into_iter().find(|(key, _)| *key == "index.interval.bytes");
        let of = |bytes| Some(("index.interval.bytes", bytes));
        assert_eq!(interval(Topic::PersonState), of("1048576"));
        assert_eq!(interval(Topic::PersonEvents), of("65536"));
        assert_eq!(interval(Topic::AreaPositivity), of("65536"));
        for topic in [Topic::LabResults, Topic::ContactRecords, Topic::PersonGroups, Topic::Rules] {
            assert_eq!(interval(topic), None, "{topic:?}");
        }
    }
}
