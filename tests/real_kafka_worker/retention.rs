//! What was read may be deleted, and nobody misses it.

use crate::deployment::{Deployment, LAYOUT, LIMIT};
use std::time::Instant;
use swabstream::model::record::Topic;

#[test]
fn an_input_that_fell_silent_and_was_deleted_is_gone_on_with() {
    let deployment = Deployment::create("silent");
    // One letter each: half of them live in task 1, and reach it in transactions, each of which ends in a marker.
    let names = || ('a'..='z').map(String::from);
    deployment.publish(names());
    let mut first = deployment.start();
    first.run_until_counted(26);
    let began = Instant::now();
    while !is_committed_to_the_end(&deployment) {
        assert!(began.elapsed() < LIMIT, "committed offsets stop before the ends of the inputs");
        let look = Instant::now();
        first.run_until(|_| look.elapsed().as_millis() > 200);
    }
    let counters = first.counters();
    drop(first);

    assert!(deployment.ends(Topic::PersonEvents, 1).1 > 0, "something was sent on");
    for partition in 0..LAYOUT.person_tasks {
        deployment.delete_all_records(Topic::PersonEvents, partition);
    }
    let (start, end) = deployment.ends(Topic::PersonEvents, 1);
    assert_eq!(start, end, "all of it was deleted, the last marker too");
    let mut second = deployment.start();
    second.run_until_counted(26);
    assert_eq!(second.counters(), counters);
    deployment.publish(names());
    second.run_until_counted(52);
    assert!(second.counters().values().all(|count| *count == 2), "{:?}", second.counters());
}

fn is_committed_to_the_end(deployment: &Deployment) -> bool {
    [Topic::LabResults, Topic::PersonEvents].into_iter().all(|topic| {
        (0..LAYOUT.person_tasks)
            .all(|partition| deployment.committed(topic, partition) == Some(deployment.ends(topic, partition).1))
    })
}

#[test]
fn what_was_deleted_unread_is_named_and_not_passed_over() {
    let deployment = Deployment::that_counted("unread", 10);
    assert_eq!(deployment.committed(Topic::LabResults, 0), Some(10));
    deployment.publish((0..5).map(|_| "a".to_owned()));
    deployment.delete_all_records(Topic::LabResults, 0);
    let error = deployment.start().run_until_refused();
    let gap = format!("{} [0]: offsets 10 to 15 were deleted", deployment.topic(Topic::LabResults));
    assert!(error.contains(&gap), "{error}");
    let command = "swabstream skip-lost --config FILE --task 0 --to lab-results=15";
    assert!(error.contains("retention.ms") && error.contains(command), "{error}");
}
