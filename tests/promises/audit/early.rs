//! An audit beside a processor that has only just begun.

use super::Snapshot;
use crate::support::deployment::Deployment;
use crate::support::story::{Story, result};
use std::sync::Arc;
use swabstream::audit::report::Verdict;
use swabstream::model::record::Topic;
use swabstream::policy::sample::sample_rules;
use swabstream::proto::v1::Finding;

#[test]
fn areas_that_do_not_know_the_time_yet_need_not_have_published() {
    let rules = Arc::new(sample_rules());
    let story = Story::begin().result("2022-11-10 12:00", result("R1", "P1", Finding::Negative, "2022-11-10 08:00"));
    let mut deployment = Deployment::start(7, rules.clone());
    for message in story.messages() {
        deployment.publish(message);
    }
    // Only the task of this person has a time: the others have never read anything.
    deployment.settle();
    let snapshot = Snapshot::now(&deployment, rules);
    let of = |topic| snapshot.records.iter().filter(|record| record.topic == topic).count();
    assert!(of(Topic::AreaState) > 0 && of(Topic::AreaPositivity) == 0, "areas have counted, and published nothing");
    let report = snapshot.judge();
    assert_eq!(report.verdict(), Verdict::Agree, "{report:?}");
}
