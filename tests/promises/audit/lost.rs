//! Topics that were deleted, or made anew, while nothing ran: what an audit needs of them is gone, and it says so.

use super::{Snapshot, assert_named, read, snapshot};
use swabstream::model::record::Topic;
use swabstream::proto::v1::{Alert, Outcome, OutcomeCount};

#[test]
fn a_changelog_that_holds_nothing_is_named_by_its_task() {
    let mut people = snapshot();
    people.records.retain(|record| (record.topic, record.partition) != (Topic::PersonState, 1));
    assert_named(&people, &["commits", "sent on", "rejections"], "person-state [1] holds nothing");

    let mut areas = snapshot();
    areas.records.retain(|record| record.topic != Topic::AreaState);
    assert_named(&areas, &["commits"], "area-state [0] holds nothing");
    let report = areas.judge();
    let left_out = report.checks.iter().filter(|check| check.left_out.is_some()).map(|check| check.name);
    let names = ["alerts", "numbers", "area state", "tiers", "day closes", "receipts", "duties", "area duties"];
    assert_eq!(left_out.collect::<Vec<_>>(), names);
}

/// Whether an alert about an area names a batch: tiers of influenza go by tests, and so no record of a case is behind them.
fn names_a_batch(snapshot: &Snapshot) -> bool {
    let alerts = snapshot.records.iter().filter(|record| record.topic == Topic::AreaAlerts).map(read::<Alert>);
    let origins = alerts.flat_map(|alert| alert.causes).filter_map(|cause| cause.origin);
    origins.into_iter().any(|origin| origin.topic == Topic::AreaChanges.name())
}

#[test]
fn outputs_of_tasks_that_nobody_remembers_are_named() {
    let mut snapshot = (12..).map(Snapshot::of_seed).find(names_a_batch).expect("some do");
    snapshot.records.retain(|record| record.topic != Topic::AreaState);
    snapshot.cut.commits.retain(|(changelog, _), _| *changelog != Topic::AreaState);
    snapshot.known = snapshot.cut.commits.clone();
    snapshot.cut.committed.retain(|(topic, _), _| *topic != Topic::AreaChanges);
    assert_named(&snapshot, &["commits"], "an output has commit");

    // An earlier version did not say which commit wrote an output.
    let of_areas = [
        Topic::AreaAlerts,
        Topic::AreaPositivity,
        Topic::AreaPublished,
        Topic::AreaTiers,
        Topic::AreaDuties,
        Topic::LabReceipts,
    ];
    let outputs = snapshot.records.iter_mut().filter(|record| of_areas.contains(&record.topic));
    outputs.for_each(|record| record.headers.clear());
    // Of the batches that alerts name none was read any more.
    assert_named(
        &snapshot,
        &["causes", "numbers", "tiers", "receipts", "area duties"],
        "names a record that is not there",
    );
}

#[test]
fn an_output_topic_made_anew_lacks_what_must_be_in_it() {
    for (topic, names) in [
        // Pools are recalled by their alerts.
        (Topic::Alerts, &["alerts", "area duties"][..]),
        (Topic::PersonDuties, &["duties"]),
        (Topic::AreaDuties, &["area duties"]),
        (Topic::AreaAlerts, &["tiers"]),
        (Topic::AreaPositivity, &["numbers"]),
        (Topic::AreaTiers, &["tiers"]),
    ] {
        let mut snapshot = snapshot();
        snapshot.records.retain(|record| record.topic != topic);
        assert_named(&snapshot, names, "");
    }
    // What was refused by a limit that nothing records any more now counts: in the numbers, and perhaps in a tier.
    let mut snapshot = snapshot();
    snapshot.records.retain(|record| record.topic != Topic::DeadLetters);
    let report = snapshot.judge();
    let differing = report.checks.iter().filter(|check| check.differences > 0).map(|check| check.name);
    let perhaps = ["alerts", "tiers", "duties", "area duties"];
    let differing: Vec<&str> = differing.filter(|name| !perhaps.contains(name)).collect();
    assert_eq!(differing, ["dead letters", "rejections", "numbers", "area state"], "{report:?}");
}

#[test]
fn what_was_deleted_before_it_was_read_is_named_until_an_operator_has_given_it_up() {
    let mut snapshot = snapshot();
    let input = (Topic::LabResults, 1);
    let next = snapshot.cut.committed[&input];
    snapshot.cut.first.insert(input, next + 6);
    let gap = format!("lab-results [1]: offsets {next} to {} were deleted before they were read", next + 6);
    assert_named(&snapshot, &["unread"], &gap);

    // What is booked as lost was given up by somebody, at some time.
    let mut booked = super::snapshot();
    booked.change_head(1, |head| {
        head.consumed += 6;
        head.outcomes.push(OutcomeCount { outcome: Outcome::Lost as i32, code: 0, records: 6 });
    });
    assert_named(&booked, &["unread", "consumed"], "person task 1: 0 offsets were given up, 6 are booked as lost");
}
