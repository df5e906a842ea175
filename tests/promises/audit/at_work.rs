//! An audit beside a processor at work: what is in flight is neither missed nor counted twice.

use super::{LOOKED_AT, Snapshot, assert_named, read};
use crate::support::broker::{FaultRates, Stored};
use crate::support::deployment::{Deployment, MAX_RECORD_BYTES};
use crate::support::town;
use prost::Message as _;
use std::sync::Arc;
use swabstream::audit::Cut;
use swabstream::audit::report::Verdict;
use swabstream::model::record::Topic;
use swabstream::policy::sample::sample_rules;
use swabstream::proto::v1::Alert;

impl Snapshot {
    /// The same at several moments at which everybody was at work, looked at when all is done.
    fn at_work(seed: u64) -> Vec<Self> {
        let rules = Arc::new(sample_rules());
        let messages = town::messages(seed, 60, "2022-11-09", 9, &rules);
        let mut deployment = Deployment::start(seed, rules.clone());
        let faults = FaultRates { aborted: 4, unknown: 4, crash: 2, kicked: 2, partial: 30, ..FaultRates::NONE };
        deployment.broker.borrow_mut().set_faults(faults);
        let mut cuts = Vec::new();
        for (at, message) in messages.iter().enumerate() {
            deployment.publish(message);
            // What is compacted after a cut, nobody can look at as it was.
            let early = at < messages.len() / 2;
            // A lab that heard nothing sends once more at once: what the first copy made known may still be in flight.
            let repeated = deployment.random.chance(30);
            if repeated {
                (0..deployment.random.below(4)).for_each(|_| deployment.turn(early));
                deployment.publish(message);
            }
            while deployment.random.chance(50) {
                deployment.turn(early);
            }
            if !early && (repeated && message.key.starts_with(b"T") || at % (messages.len() / 24) == 0) {
                cuts.push(deployment.broker.borrow().cut());
            }
        }
        let last = messages.iter().map(|message| message.at).max().expect("a city sends something");
        deployment.mark_time(last.plus_days(1));
        deployment.settle();
        let broker = deployment.broker.borrow();
        let records: Vec<Stored> = LOOKED_AT.into_iter().flat_map(|topic| broker.committed(topic)).collect();
        // Where outputs end is asked for later than what was committed; here, when all is done.
        let Cut { end, sent, commits: known, .. } = broker.cut();
        let cut = |cut| Cut { end: end.clone(), sent: sent.clone(), ..cut };
        let snapshot = |cut| Self {
            rules: rules.clone(),
            changed: false,
            cut,
            known: known.clone(),
            records: records.clone(),
            max_record_bytes: MAX_RECORD_BYTES,
        };
        cuts.into_iter().map(cut).map(snapshot).collect()
    }
}

#[test]
fn an_audit_of_a_processor_at_work_makes_every_check_exactly() {
    let (mut messages, mut batches) = (0, 0);
    for seed in 21..25 {
        for snapshot in Snapshot::at_work(seed) {
            let report = snapshot.judge();
            let lines: Vec<String> = report.checks.iter().map(ToString::to_string).collect();
            assert_eq!(report.verdict(), Verdict::Agree, "seed {seed}\n{}", lines.join("\n"));
            assert!(report.checks.iter().all(|check| check.limited.is_none()), "{}", lines.join("\n"));
            let says = |name: &str, what: &str| report.check(name).is_some_and(|check| check.compared.contains(what));
            messages += i32::from(!says("sent on", "+ 0 in flight"));
            batches += i32::from(says("numbers", "batches in flight"));
        }
    }
    assert!(messages > 10 && batches > 10, "{messages} moments with messages in flight, {batches} with batches");
}

#[test]
fn what_is_wrong_is_named_also_while_everybody_is_at_work() {
    let of_area =
        |snapshot: &Snapshot| snapshot.judge().check("numbers").is_some_and(|check| check.compared.contains("batches"));
    // Which of these cities has such a moment is chance.
    let mut moments = (21..25).filter_map(|seed| Snapshot::at_work(seed).into_iter().rfind(of_area));
    let mut snapshot = moments.next().expect("batches are in flight at some moment");
    let (record, _) = snapshot.live_alert();
    // Its first version: what the newest names as its causes may have come after the moment.
    let mut versions = snapshot.records.iter().filter(|other| other.topic == Topic::Alerts && other.key == record.key);
    let forged = Alert { alert_id: "0f".repeat(16), ..read(versions.next().expect("it has one")) };
    let key = Some(forged.alert_id.clone().into_bytes());
    let payload = Some(forged.encode_to_vec());
    snapshot.append(Stored { key, payload, headers: Vec::new(), ..record });
    assert_named(&snapshot, &["alert ids", "alerts"], &forged.alert_id);
}
