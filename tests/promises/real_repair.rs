//! Counts of areas that were tampered with in stored state, on a real Kafka: an audit finds them, a repair rebuilds
//! them from people, and the audit agrees again.

use crate::outputs::{Reader, slow, unread};
use crate::support::real::{LAYOUT, RealDeployment};
use crate::waiting::wait_until;
use prost::Message as _;
use rdkafka::producer::Producer as _;
use std::process::{Command, Stdio};
use std::time::Duration;
use swabstream::model::record::Topic;
use swabstream::model::time::Day;
use swabstream::proto::v1::StateHead;

#[test]
fn counts_forged_in_stored_state_are_found_and_rebuilt_from_people() {
    let mut deployment = RealDeployment::that_ran("repair", 3, 5);
    assert_finds(&deployment, "agree", None);
    assert_repairs(&deployment, 0, "0 counts differ");

    forge(&deployment);
    assert_finds(&deployment, "differ", Some("area state"));
    // What nobody reads of is done all the same: the audit below agrees.
    repair_whoever_reads(&deployment);

    // The processor restores the forged state, adds the repair, and states the numbers again.
    deployment.start();
    deployment.settle();
    assert_finds(&deployment, "agree", None);
    assert_repairs(&deployment, 0, "0 counts differ");

    // A number that was published otherwise than it is held is stated again, with the processor at work.
    let ((area, day), numbers) = deployment.published().positivity.pop_first().expect("a number");
    let forged = swabstream::proto::v1::AreaPositivity { population: 7, ..numbers };
    let key = format!("{area}/{day}");
    deployment.forge(Topic::AreaPositivity, LAYOUT.area_task(&area), key.as_bytes(), &forged.encode_to_vec());
    assert_finds(&deployment, "differ", Some("numbers"));
    assert_repairs(&deployment, 1, &format!("{area} {day}: published otherwise than held"));
    deployment.settle();
    assert_finds(&deployment, "agree", None);
}

#[test]
fn a_repair_that_waits_for_a_pause_of_the_commits_ends_when_it_is_asked_to() {
    let deployment = RealDeployment::that_ran("repair-waits", 3, 2);
    let transaction = deployment.hang(Topic::AreaPositivity, 0);
    let mut command = deployment.prepared(&["repair", "--wait", "100"]);
    let asked = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program runs");
    // By then it mostly waits for a moment without a commit; before that it can be asked as well.
    std::thread::sleep(Duration::from_secs(5));
    let signal = Command::new("kill").args(["-TERM", &asked.id().to_string()]).status().expect("kill");
    assert!(signal.success());
    let ended = asked.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(said.contains("interrupted while waiting for the Kafka broker; nothing was done"), "{said}");
    assert_eq!(ended.status.code(), Some(2));
    transaction.abort_transaction(Duration::from_secs(60)).expect("aborted");
    assert_repairs(&deployment, 0, "0 counts differ");
}

#[track_caller]
fn assert_finds(deployment: &RealDeployment, verdict: &str, differing: Option<&str>) {
    let (_, report) = deployment.audit();
    assert_eq!(report["verdict"], verdict, "{report:#}");
    let checks = report["checks"].as_array().expect("checks");
    let found: Vec<_> = checks.iter().filter(|check| check["differences"] != 0).map(|check| &check["name"]).collect();
    assert_eq!(found, differing.into_iter().collect::<Vec<_>>(), "{report:#}");
}

#[track_caller]
fn assert_repairs(deployment: &RealDeployment, code: i32, says: &str) {
    let done = deployment.command(&["repair"]);
    let (said, error) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert_eq!(done.status.code(), Some(code), "{said}{error}");
    assert!(said.contains(says), "{says}: {said}");
}

/// Repairs a forged count with standard output closed, and each further one with another output that is not read.
fn repair_whoever_reads(deployment: &RealDeployment) {
    for reader in Reader::ALL {
        let looked = unread(deployment.prepared(&["repair", "--dry-run"]), reader);
        let (code, error) = if reader == Reader::Gone { (1, "") } else { (2, "error: standard output ") };
        assert!(looked.0 == code && looked.1.contains(error), "{reader:?}: {looked:?}");
        let (code, errors) = unread(deployment.prepared(&["repair"]), reader);
        assert_eq!(code, 1, "{errors}");
        assert!(errors.contains(reader.says()) && errors.contains(" 2022-11-14: positive for"), "{errors}");
        assert!(errors.contains("\n  sent 1 batches; the processor adds them"), "{errors}");
        assert_repairs(deployment, 0, "0 counts differ");
        forge(deployment);
    }
    let (code, text) = slow(deployment.prepared(&["repair", "--dry-run"]), || ());
    assert!(code == 1 && text.contains("nothing was written (--dry-run)"), "{text}");
    let changes = || {
        let mut count = 0;
        deployment.each(Topic::AreaChanges, |_| count += 1);
        count
    };
    let before = changes();
    let (code, text) = slow(deployment.prepared(&["repair"]), || {
        wait_until("a batch was sent", || changes() != before);
    });
    assert!(code == 1 && text.contains("sent 1 batches"), "{text}");
}

/// Commits one more positive of some area into the state of its task, as a worker gone mad might.
fn forge(deployment: &RealDeployment) {
    let mut newest: Option<(i32, StateHead)> = None;
    deployment.each(Topic::AreaState, |record| {
        let head = StateHead::decode_length_delimited(record.payload.unwrap_or_default()).expect("a head");
        let newer = newest.as_ref().is_none_or(|(_, known)| known.seq < head.seq);
        if newer && head.task.is_some() {
            newest = Some((record.position.partition, head));
        }
    });
    let (task, head) = newest.expect("some task has committed");
    let seq = head.seq + 1;
    let offsets = head.task.as_ref().expect("the head of a delta").inputs.clone();
    let mut value = StateHead { seq, part: 0, parts: 1, ..head.clone() }.encode_length_delimited_to_vec();
    value.extend(one_more_positive(Day::parse("2022-11-14").expect("a day")));
    deployment.forge(Topic::AreaState, task, format!("d/{}/0", seq % 4096).as_bytes(), &value);

    let restore_from = head.task.map_or(0, |task| task.restore_from);
    let mark = format!("seq={seq} from={restore_from}");
    deployment.commit("-areas", Topic::AreaChanges, task, offsets[0].offset, &mark);
}

/// An operation that adds a positive for the first purpose to the first area of the first page.
fn one_more_positive(day: Day) -> Vec<u8> {
    let day = day.0 as u64 * 2;
    let day = [(day & 0x7f) as u8 | 0x80, (day >> 7 & 0x7f) as u8 | 0x80, (day >> 14) as u8];
    let mut operation = vec![0, 2, 0];
    operation.extend(day);
    operation.extend([1, 1, 2, 0]);
    [vec![1, operation.len() as u8], operation].concat()
}
