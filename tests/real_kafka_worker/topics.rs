//! Topics that are deleted or changed under a running processor: it ends, and says what to do.

use crate::deployment::{Deployment, LAYOUT, LIMIT, block_on};
use crate::rules;
use crate::waiting::wait_until;
use rdkafka::Offset;
use rdkafka::admin::{AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication};
use std::time::{Duration, Instant};
use swabstream::config::ProcessingConfig;
use swabstream::kafka::topics::partitions_of;
use swabstream::model::ids::Secret;
use swabstream::model::record::{Layout, Topic};
use swabstream::pipeline::formats::Formats;
use swabstream::policy::sample::sample_rules;
use swabstream::processor::{Job, Processor};
use swabstream::telemetry::Telemetry;

/// Starts a processor, does something to its topics when it is at work, and returns what it says at its end.
fn end_of_a_processor(deployment: &Deployment, change: impl FnOnce()) -> String {
    rules::publish(&deployment.config, &sample_rules());
    let (kafka, secret) = (deployment.config.clone(), Secret::new([7; 16]));
    let (processing, formats) = (ProcessingConfig::default(), Formats::default());
    let job = Job { kafka, processing, secret, layout: LAYOUT, formats };
    let telemetry = Telemetry::new(std::sync::Arc::default());
    let mut processor = Processor::start(&job, &telemetry).expect("started");
    let at_work = || {
        let workers = telemetry.status().snapshot();
        let tasks: Vec<_> = workers.iter().flat_map(|worker| worker.tasks.values()).collect();
        tasks.len() as i32 == LAYOUT.person_tasks + LAYOUT.area_tasks
            && tasks.iter().all(|task| task.restoring.is_none())
    };
    let began = Instant::now();
    while !at_work() {
        assert!(began.elapsed() < LIMIT, "it does not get to work");
        std::thread::sleep(Duration::from_millis(50));
    }
    change();
    let fault = block_on(async { tokio::time::timeout(LIMIT, processor.failed()).await });
    let fault = fault.expect("it goes on as if nothing had happened").expect("it ended for a reason");
    let _ = processor.shut_down();
    fault.to_string()
}

#[test]
fn a_processor_whose_input_gets_more_partitions_ends_and_says_why() {
    let deployment = Deployment::create("grown");
    let name = deployment.topic(Topic::LabResults);
    let fault = end_of_a_processor(&deployment, || {
        let grown = NewPartitions::new(&name, 4);
        block_on(deployment.admin().create_partitions([&grown], &AdminOptions::new())).expect("grown");
    });
    // Either the watch of the topics sees it first, or the worker that the group gives a new partition.
    let seen = [format!("{name} has 4 partitions now, and had 2"), "of lab-results, which had 2".to_owned()];
    assert!(seen.iter().any(|seen| fault.contains(seen)), "{fault}");
}

#[test]
fn a_processor_whose_topic_is_deleted_ends_and_names_it() {
    for topic in [Topic::LabResults, Topic::PersonState, Topic::Alerts] {
        let deployment = Deployment::create("deleted");
        let name = deployment.topic(topic);
        let fault = end_of_a_processor(&deployment, || delete(&deployment, topic));
        assert!(fault.contains(&name), "{fault}");
        assert!(fault.contains("swabstream topics"), "{fault}");
    }
}

#[test]
fn a_processor_whose_topic_is_created_anew_ends_and_says_what_is_lost() {
    for (topic, lost) in [(Topic::Alerts, "is gone for its readers"), (Topic::Progress, "is told anew by the tasks")] {
        let deployment = Deployment::create("replaced");
        let name = deployment.topic(topic);
        let fault = end_of_a_processor(&deployment, || {
            assert!(make_anew(&deployment, topic).as_secs() < 2, "the looks for deleted topics could have seen it");
        });
        let what = format!("topic {name} was deleted and created anew while the processor ran");
        assert!(fault.contains(&what) && fault.contains(lost), "{fault}");
        assert!(fault.contains("start the processor again"), "{fault}");
    }
}

/// Deletes a topic and creates it again with as many partitions, as soon as the broker, which deletes in the background, has
/// the name free: how long that took.
fn make_anew(deployment: &Deployment, topic: Topic) -> Duration {
    let partitions = partitions_of(topic, LAYOUT);
    let ends = || -> Option<Vec<(i64, i64)>> {
        (0..partitions).map(|partition| deployment.served(topic, partition).ok()).collect()
    };
    let before = ends().expect("it is there");
    let began = Instant::now();
    delete(deployment, topic);
    let name = deployment.topic(topic);
    let anew = NewTopic::new(&name, partitions, TopicReplication::Fixed(1));
    let created = || block_on(deployment.admin().create_topics([&anew], &AdminOptions::new())).expect("asked");
    while created()[0].is_err() {
        assert!(began.elapsed() < LIMIT, "the name is not free");
        std::thread::sleep(Duration::from_millis(50));
    }
    let took = began.elapsed();
    // A broker under load serves the old one for a moment longer, and the new one not at once. A processor may have written
    // to it already.
    let is_old = |ends: Vec<(i64, i64)>| ends.iter().zip(&before).any(|(now, old)| now == old && old.1 > 0);
    while ends().is_none_or(is_old) {
        assert!(began.elapsed() < LIMIT, "the old one is still served, or none");
        std::thread::sleep(Duration::from_millis(50));
    }
    took
}

fn delete(deployment: &Deployment, topic: Topic) {
    let name = deployment.topic(topic);
    block_on(deployment.admin().delete_topics(&[&name], &AdminOptions::new())).expect("asked")[0]
        .as_ref()
        .expect("deleted");
}

#[test]
fn an_input_that_was_made_anew_is_not_taken_for_the_old_one() {
    let deployment = Deployment::that_counted("anew", 10);
    make_anew(&deployment, Topic::LabResults);
    // The broker has deleted its committed offsets as well.
    let name = deployment.topic(Topic::LabResults);
    let refusal = deployment.start().run_until_refused();
    // Whichever of the tasks comes first.
    assert!(refusal.contains(&format!("none of {name} [")), "{refusal}");
    assert!(refusal.contains("stop all instances"), "{refusal}");
}

#[test]
fn state_that_lost_records_is_refused_with_what_may_have_happened_and_what_to_do() {
    let deployment = Deployment::create("damaged");
    let mut first = deployment.start();
    for round in 1..=5 {
        deployment.publish(["a".to_owned()]);
        first.run_until_counted(round);
    }
    first.stop();
    // With another cleanup.policy the broker deletes what it kept: here all but the last delta and the marker after it.
    let name = deployment.topic(Topic::PersonState);
    let policy = AlterConfig::new(ResourceSpecifier::Topic(&name)).set("cleanup.policy", "delete");
    block_on(deployment.admin().alter_configs([&policy], &AdminOptions::new())).expect("altered");
    let kept = Offset::Offset(deployment.ends(Topic::PersonState, 0).1 - 2);
    // The broker learns its new settings in the background.
    wait_until("records can be deleted", || deployment.delete_records(Topic::PersonState, 0, kept).is_ok());
    let refusal = deployment.start().run_until_refused();
    assert!(refusal.contains("task 0: stored state cannot be read"), "{refusal}");
    assert!(refusal.contains(&format!("likely {name} [0] was deleted and created anew, lost records")), "{refusal}");
    assert!(refusal.contains("stop all instances"), "{refusal}");
}

#[test]
fn state_whose_offsets_expired_is_refused_with_the_setting_that_keeps_them() {
    let deployment = Deployment::that_counted("expired", 1);
    let group = deployment.config.group.as_str();
    let deleted = || block_on(deployment.admin().delete_groups(&[group], &AdminOptions::new())).expect("asked");
    // The member that has left may still be on its way out.
    wait_until("the group is gone", || deleted()[0].is_ok());
    let refusal = deployment.start().run_until_refused();
    assert!(refusal.contains("holds state, but group"), "{refusal}");
    assert!(refusal.contains("longer than the brokers' offsets.retention.minutes"), "{refusal}");
    assert!(refusal.contains("stop all instances"), "{refusal}");
}

#[test]
fn state_whose_topic_was_made_anew_between_two_starts_is_refused() {
    let deployment = Deployment::that_counted("gone", 1);
    make_anew(&deployment, Topic::PersonState);
    let name = deployment.topic(Topic::PersonState);
    let refusal = deployment.start().run_until_refused();
    // Of whichever task is restored first, and whichever is seen first of it.
    let lacks = |task| {
        refusal.contains(&format!("has committed offsets, but {name} [{task}] is empty"))
            || refusal.contains(&format!("{name} [{task}] ends at offset 0, but the last commit knew it up to"))
    };
    assert!(lacks(0) || lacks(1), "{refusal}");
    assert!(refusal.contains("stop all instances"), "{refusal}");
}

#[test]
fn an_input_that_ends_before_what_was_read_of_it_is_refused() {
    let deployment = Deployment::that_counted("truncated", 10);
    // As after an unclean election, which cuts off what was written last.
    deployment.move_committed(Topic::LabResults, 0, 15);
    let name = deployment.topic(Topic::LabResults);
    let refusal = deployment.start().run_until_refused();
    let gap = format!("{name} [0] ends at offset 10, but the last commit knew it up to 15");
    assert!(refusal.contains(&gap), "{refusal}");
}

#[test]
fn state_of_other_numbers_of_tasks_is_refused() {
    let deployment = Deployment::that_counted("numbers", 10);
    // As after somebody added partitions to all topics alike.
    let refusal = deployment.start_as("worker", Layout { person_tasks: 4, ..LAYOUT }).run_until_refused();
    assert!(refusal.contains("written with 2 person tasks"), "{refusal}");
    assert!(refusal.contains("compute everything anew"), "{refusal}");
}

#[test]
fn a_partition_that_was_not_there_at_the_start_is_refused() {
    let deployment = Deployment::create("beyond");
    let refusal = deployment.start_as("worker", Layout { person_tasks: 1, ..LAYOUT }).run_until_refused();
    assert!(refusal.contains("partition 1 of lab-results, which had 1"), "{refusal}");
}
