//! Results that were deleted before anybody read them, on a real Kafka: the start names them, the audit differs, and an
//! operator goes on without them and with everybody's state.

use crate::outputs::{Reader, slow, unread};
use crate::support::real::RealDeployment;
use crate::waiting::wait_until;
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Output, Stdio};
use swabstream::model::record::Topic;

fn said(done: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr))
}

#[track_caller]
fn assert_ends(deployment: &RealDeployment, command: &[&str], code: i32, says: &[&str]) {
    let done = deployment.command(command);
    let said = said(&done);
    assert_eq!(done.status.code(), Some(code), "{command:?}: {said}");
    for words in says {
        assert!(said.contains(words), "{command:?} does not say {words:?}: {said}");
    }
}

fn unread_check(report: &Value) -> &Value {
    let checks = report["checks"].as_array().expect("checks");
    checks.iter().find(|check| check["name"] == "unread").expect("the check")
}

#[test]
fn what_was_deleted_unread_is_given_up_by_an_operator_and_everybodys_state_stays() {
    let mut deployment = RealDeployment::that_ran("skip", 7, 4);
    let before = deployment.published();
    assert_ends(&deployment, &["skip-lost"], 0, &["nothing is lost"]);
    assert_ends(&deployment, &["skip-lost", "--task", "1", "--to", "5"], 2, &["nothing is lost there"]);

    // Ten more that nobody reads, of which six are gone when somebody comes. Empty ones: each ends in a letter.
    let next = deployment.next_offset(Topic::LabResults, 1);
    for _ in 0..10 {
        deployment.forge(Topic::LabResults, 1, b"unread", b"");
    }
    let start = next + 6;
    deployment.delete_before(Topic::LabResults, 1, start);
    let (from_to, to) = (format!("offsets {next} to {start}"), start.to_string());
    let command = format!("--task 1 --to lab-results={to}");
    assert_ends(&deployment, &["run"], 2, &[&from_to, "swabstream skip-lost --config", &command]);
    let (code, report) = deployment.audit();
    assert_eq!(code, Some(1), "{report:#}");
    let first = unread_check(&report)["first"][0].as_str().expect("a difference");
    assert!(first.contains(&format!("lab-results [1]: {from_to}")) && first.contains("at most 6"), "{first}");

    assert_ends(&deployment, &["skip-lost"], 1, &[&from_to, &command]);
    let (less, more) = ((start - 1).to_string(), (start + 1).to_string());
    assert_ends(&deployment, &["skip-lost", "--task", "1", "--to", &more], 2, &["still there"]);
    assert_ends(&deployment, &["skip-lost", "--task", "1", "--to", &less], 2, &["goes on behind"]);
    assert_ends(&deployment, &["skip-lost", "--task", "0", "--to", &to], 2, &["nothing is lost there"]);
    assert_ends(&deployment, &["skip-lost", "--task", "1", "--to", &to], 0, &["given up as lost", "at most 6"]);
    assert_ends(&deployment, &["skip-lost", "--task", "1", "--to", &to], 2, &["nothing is lost there"]);

    deployment.start();
    deployment.settle();
    assert_ends(&deployment, &["skip-lost", "--task", "1", "--to", &to], 2, &["nothing is lost there"]);
    let after = deployment.published();
    assert_eq!(after.alerts.len(), before.alerts.len());
    assert_eq!(after.positivity, before.positivity, "nobody is forgotten");
    let mut letters = 0;
    deployment.letters(|key, _, _| letters += i32::from(key == "unread"));
    assert_eq!(letters, 4, "those that were left are read");
    let (code, report) = deployment.audit();
    assert_eq!(code, Some(0), "{report:#}");
    let named = unread_check(&report)["limited"].as_str().expect("it is named ever after");
    assert!(named.contains(&format!("lab-results [1] {next} to {start} at 20")), "{named}");
}

#[test]
fn what_two_inputs_of_a_task_have_lost_is_given_up_in_one_commit() {
    let mut deployment = RealDeployment::that_ran("skip-two", 9, 3);
    let before = deployment.published();
    let inputs = [(Topic::LabResults, 3), (Topic::ContactRecords, 2)];
    let lost = inputs.map(|(topic, count)| {
        let next = deployment.next_offset(topic, 2);
        for _ in 0..=count {
            deployment.forge(topic, 2, b"unread", b"");
        }
        deployment.delete_before(topic, 2, next + count);
        (topic.name(), next, next + count)
    });
    let both = lost.map(|(name, _, to)| format!("--to {name}={to}")).join(" ");
    let gaps = lost.map(|(name, from, to)| format!("{name} [2]: offsets {from} to {to}"));
    // Each would refuse because of the other: the start and the listing name one command for both.
    assert_ends(&deployment, &["run"], 2, &[&gaps[0], &gaps[1], &both, "at most 5"]);
    assert_ends(&deployment, &["skip-lost"], 1, &[&gaps[0], &gaps[1], &both]);
    let ends = lost.map(|(name, _, to)| format!("{name}={to}"));
    for few in &ends {
        assert_ends(&deployment, &["skip-lost", "--task", "2", "--to", few], 2, &["at once", &both]);
    }
    let (bare, one) = (lost[0].2.to_string(), ["skip-lost", "--task", "2", "--to"]);
    assert_ends(&deployment, &[&one[..], &[&bare]].concat(), 2, &["at once", &both]);
    let all = [&one[..], &[&ends[0], "--to", &ends[1]]].concat();
    assert_ends(&deployment, &all, 0, &["given up as lost, at most 3", "given up as lost, at most 2"]);
    assert_ends(&deployment, &all, 2, &["nothing is lost there"]);

    deployment.start();
    deployment.settle();
    assert_eq!(deployment.published().positivity, before.positivity, "nobody is forgotten");
    let (code, report) = deployment.audit();
    assert_eq!(code, Some(0), "{report:#}");
    let named = unread_check(&report)["limited"].as_str().expect("both are named ever after");
    for (name, from, to) in lost {
        assert!(named.contains(&format!("{name} [2] {from} to {to} at 20")), "{named}");
    }
}

#[test]
fn nothing_is_given_up_while_a_processor_runs() {
    let mut deployment = RealDeployment::that_ran("skip-runs", 8, 2);
    let next = deployment.next_offset(Topic::ContactRecords, 0);
    deployment.forge(Topic::ContactRecords, 0, b"unread", b"");
    deployment.forge(Topic::ContactRecords, 0, b"unread", b"");
    deployment.delete_before(Topic::ContactRecords, 0, next + 1);
    // A member that has no processor: what it would do with the task is not to be found out.
    let member = deployment.join();
    let to = (next + 1).to_string();
    let arguments = ["skip-lost", "--task", "0", "--to", to.as_str()];
    assert_ends(&deployment, &arguments, 2, &["waiting up to 10 s", "members", "stop all instances"]);
    // Whoever does not wait so long has changed nothing, and is told so.
    let mut asked = deployment.prepared(&arguments);
    let mut asked = asked.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program runs");
    let mut said = BufReader::new(asked.stderr.take().expect("piped")).lines().map_while(Result::ok);
    said.find(|line| line.starts_with("waiting up to 10 s")).expect("it waits");
    let signal = Command::new("kill").args(["-TERM", &asked.id().to_string()]).status().expect("kill");
    assert!(signal.success());
    assert_eq!(said.collect::<Vec<_>>(), ["error: interrupted; nothing was given up"]);
    assert_eq!(asked.wait().expect("it ends").code(), Some(2));
    drop(member);
    assert_ends(&deployment, &arguments, 0, &["given up as lost"]);
    deployment.start();
    deployment.settle();
    let (code, report) = deployment.audit();
    assert_eq!(code, Some(0), "{report:#}");
}

#[test]
fn what_is_lost_is_given_up_whoever_reads_of_it() {
    let deployment = RealDeployment::that_ran("skip-unread", 9, 2);
    let lose = || {
        let next = deployment.next_offset(Topic::ContactRecords, 0);
        deployment.forge(Topic::ContactRecords, 0, b"unread", b"");
        deployment.delete_before(Topic::ContactRecords, 0, next + 1);
        (next + 1).to_string()
    };
    // The processor that was killed is a member until its session ends.
    let to = lose();
    wait_until("it is given up as lost", || {
        said(&deployment.command(&["skip-lost", "--task", "0", "--to", &to])).contains("given up as lost")
    });
    for reader in Reader::ALL {
        let to = lose();
        let looked = unread(deployment.prepared(&["skip-lost"]), reader);
        let (code, error) = if reader == Reader::Gone { (1, "") } else { (2, "error: standard output ") };
        assert!(looked.0 == code && looked.1.contains(error), "{reader:?}: {looked:?}");
        let (code, errors) = unread(deployment.prepared(&["skip-lost", "--task", "0", "--to", &to]), reader);
        assert!(code == 0 && errors.contains(reader.says()) && errors.contains(" given up as lost"), "{errors}");
        assert_ends(&deployment, &["skip-lost"], 0, &["nothing is lost"]);
    }
    let to = lose();
    let (code, text) = slow(deployment.prepared(&["skip-lost"]), || ());
    assert!(code == 1 && text.contains("were deleted unread"), "{text}");
    let (code, text) = slow(deployment.prepared(&["skip-lost", "--task", "0", "--to", &to]), || {
        wait_until("nothing is lost", || deployment.command(&["skip-lost"]).status.code() == Some(0));
    });
    assert!(code == 0 && text.contains(" given up as lost"), "{text}");
}
