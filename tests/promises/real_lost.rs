//! Topics of a real Kafka that were made anew while nothing ran: an audit says which, and what to do.

use crate::support::real::RealDeployment;
use serde_json::Value;
use swabstream::model::record::Topic;

#[test]
fn an_audit_says_of_topics_made_anew_that_they_were() {
    let deployment = RealDeployment::that_ran("lost", 5, 4);
    assert_eq!(deployment.audit().1["verdict"], "agree");

    deployment.make_anew(Topic::AreaPositivity);
    assert_told(&deployment, 1, "numbers", "missing");
    deployment.make_anew(Topic::AreaState);
    assert_told(&deployment, 1, "commits", "area-state [0] holds nothing");
    // With an input the broker forgets the offsets that were committed for it.
    deployment.make_anew(Topic::AreaChanges);
    assert_told(&deployment, 1, "commits", "area task 0: an output has commit ");
    deployment.make_anew(Topic::LabResults);
    assert_told(&deployment, 1, "commits", "name different offsets of lab-results");
    deployment.make_anew(Topic::PersonState);
    assert_told(&deployment, 1, "commits", "person-state [0] holds nothing");
    deployment.commit("", Topic::ContactRecords, 0, 1_000_000, "seq=1 from=0");
    let (code, told) = deployment.audit();
    let error = told["error"].as_str().unwrap_or_default();
    assert_eq!(code, Some(2), "{told:#}");
    assert!(error.contains("contact-records [0] was read up to offset 1000000 and has only "), "{told:#}");
    assert!(error.contains("stop all instances"), "{told:#}");
}

#[track_caller]
fn assert_told(deployment: &RealDeployment, exit: i32, name: &str, what: &str) {
    let (code, report) = deployment.audit();
    assert_eq!(code, Some(exit), "{report:#}");
    let checks = report["checks"].as_array().expect("checks");
    let check = checks.iter().find(|check| check["name"] == name).expect("a check");
    let first = check["first"].as_array().expect("differences");
    let names = |line: &Value| line.as_str().is_some_and(|line| line.contains(what));
    assert!(first.iter().any(names), "{what}: {report:#}");
}
