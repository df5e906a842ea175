//! What must hold when a seed has come to rest.

use super::shadow::{Shadow, Shadowed};
use super::support::broker::{Broker, Shared, Stored};
use super::witness::Witness;
use super::world::{LAYOUT, MAX_RECORD_BYTES, SECRET};
use prost::Message as _;
use std::collections::BTreeMap;
use std::rc::Rc;
use swabstream::audit::RulesFound;
use swabstream::audit::evidence::{Evidence, Setting};
use swabstream::audit::report::Verdict;
use swabstream::model::record::Topic;
use swabstream::proto::v1::{Alert, AlertFamily, AlertState, Cause, CauseKind};
use swabstream::runtime::task::RulesInForce;
use xxhash_rust::xxh3::Xxh3;

/// What only workers publish, state apart.
const PUBLISHED: [Topic; 12] = [
    Topic::PersonEvents,
    Topic::AreaChanges,
    Topic::Alerts,
    Topic::AreaAlerts,
    Topic::PersonDuties,
    Topic::AreaDuties,
    Topic::AreaPositivity,
    Topic::AreaPublished,
    Topic::AreaTiers,
    Topic::LabReceipts,
    Topic::DeadLetters,
    Topic::Progress,
];

/// Of these, each partition has one writer: also their order must be right.
const ONE_WRITER: [Topic; 8] = [
    Topic::Alerts,
    Topic::AreaAlerts,
    Topic::PersonDuties,
    Topic::AreaDuties,
    Topic::AreaPositivity,
    Topic::AreaPublished,
    Topic::AreaTiers,
    Topic::LabReceipts,
];

pub fn judge(broker: &Shared, witness: &Witness) {
    let broker = broker.borrow();
    assert_readers_see_what_was_committed(&broker, witness);
    witness.person.iter().for_each(|(task, shadow)| assert_read_in_order(&broker, *task, shadow));
    witness.area.iter().for_each(|(task, shadow)| assert_read_in_order(&broker, *task, shadow));
    let ledgers = witness.person.values().map(Shadow::ledger);
    let (sent, received) =
        ledgers.fold((0, 0), |(sent, received), ledger| (sent + ledger.sent, received + ledger.received));
    assert_eq!(sent, received, "sent = received");
    assert_an_audit_agrees(&broker, witness.rules());
}

/// A `read_committed` reader sees the records of all commits that took effect, and nothing else.
fn assert_readers_see_what_was_committed(broker: &Broker, witness: &Witness) {
    for topic in PUBLISHED {
        let mut seen: BTreeMap<i32, Vec<Rc<Stored>>> = BTreeMap::new();
        broker.read_all(topic).into_iter().for_each(|record| seen.entry(record.partition).or_default().push(record));
        for partition in 0..broker.partitions_of(topic) {
            let seen = seen.remove(&partition).unwrap_or_default();
            let mut seen: Vec<_> =
                seen.iter().map(|record| (record.key.as_deref(), record.payload.as_deref())).collect();
            let committed = witness.published().get(&(topic, partition)).map_or(&[][..], Vec::as_slice);
            let mut committed: Vec<_> =
                committed.iter().map(|output| (Some(&output.key[..]), output.payload.as_deref())).collect();
            if !ONE_WRITER.contains(&topic) {
                seen.sort_unstable();
                committed.sort_unstable();
            }
            let (found, wanted) = (seen.len(), committed.len());
            assert!(
                seen == committed,
                "{} {partition}: readers see {found} records, commits have {wanted}",
                topic.name()
            );
        }
    }
}

/// Each record of a task's inputs was read once, in order.
fn assert_read_in_order<H: Shadowed>(broker: &Broker, task: i32, shadow: &Shadow<H>) {
    for topic in H::INPUTS {
        let there: Vec<i64> = broker.read_on(*topic, task, 0).0.iter().map(|record| record.offset).collect();
        assert!(shadow.applied(*topic) == there, "{} task {task}: records of {} were skipped", H::KIND, topic.name());
    }
    assert!(shadow.ledger().balances(), "{} task {task}: consumed = sum of outcomes", H::KIND);
}

/// It counts again from the inputs, by the rules in force in the end: alerts, numbers, tiers, books, histories, dead
/// letters.
fn assert_an_audit_agrees(broker: &Broker, published: &[RulesInForce]) {
    let newest = published.last().expect("a seed begins with rules");
    let rules = RulesFound { rules: newest.rules.clone(), changed: published.len() > 1 };
    let setting = Setting { layout: LAYOUT, rules, secret: SECRET, max_record_bytes: MAX_RECORD_BYTES };
    assert!(broker.is_stable(), "nobody is at work");
    let cut = broker.cut();
    let mut evidence = Evidence::new(setting, cut.clone());
    for topic in everything() {
        for record in &broker.read_all(topic) {
            evidence.take(&record.as_record(), |name| record.header(name));
        }
    }
    let report = evidence.judge(&cut.commits);
    let lines: Vec<String> = report.checks.iter().map(ToString::to_string).collect();
    assert!(report.verdict() == Verdict::Agree, "the audit differs:\n{}", lines.join("\n"));
    // By the same labs from the first record on, all of them are told of.
    let receipts = report.checks.iter().find(|check| check.name == "receipts").expect("it is checked");
    assert!(published.len() > 1 || receipts.limited.is_none(), "{receipts}");
}

fn everything() -> impl Iterator<Item = Topic> {
    const OTHERS: [Topic; 5] =
        [Topic::LabResults, Topic::ContactRecords, Topic::PersonGroups, Topic::PersonState, Topic::AreaState];
    OTHERS.into_iter().chain(PUBLISHED)
}

/// What was told of contacts and people in groups who missed a test, and of recalls that were missed, by what caused it.
pub fn missed_tests(broker: &Broker) -> BTreeMap<&'static str, u64> {
    let mut told = BTreeMap::new();
    for record in broker.read_all(Topic::Alerts) {
        let alert = Alert::decode(record.payload.as_deref().unwrap_or_default()).expect("an alert");
        let cause = alert.causes.last().map(Cause::kind);
        let what = match (alert.family(), alert.state(), cause) {
            (AlertFamily::ContactOverdue, AlertState::Raised, Some(CauseKind::Deadline)) => "test missed",
            (AlertFamily::ContactOverdue, AlertState::Raised, _) => "test missed, known later",
            (AlertFamily::ContactOverdue, AlertState::Withdrawn, Some(CauseKind::Result)) => "test came late",
            (AlertFamily::ContactOverdue, AlertState::Withdrawn, Some(CauseKind::Contact)) => "contact was none",
            (AlertFamily::ContactOverdue, AlertState::Withdrawn, Some(CauseKind::Rules)) => "test due no more",
            (AlertFamily::GroupOverdue, AlertState::Raised, Some(CauseKind::Deadline)) => "group missed its test",
            (AlertFamily::GroupOverdue, AlertState::Raised, _) => "group missed its test, known later",
            (AlertFamily::GroupOverdue, AlertState::Withdrawn, Some(CauseKind::Result)) => "group was swabbed",
            (AlertFamily::GroupOverdue, AlertState::Withdrawn, Some(CauseKind::Group)) => "was in no group",
            (AlertFamily::GroupOverdue, AlertState::Withdrawn, Some(CauseKind::Deadline)) => "left its group",
            (AlertFamily::GroupOverdue, AlertState::Withdrawn, Some(CauseKind::Rules)) => "group watched no more",
            (AlertFamily::PoolOverdue, AlertState::Raised, Some(CauseKind::Deadline)) => "recall missed",
            (AlertFamily::PoolOverdue, AlertState::Raised, _) => "recall missed, known later",
            (AlertFamily::PoolOverdue, AlertState::Updated, Some(CauseKind::Member)) => "member came late",
            (AlertFamily::PoolOverdue, AlertState::Withdrawn, Some(CauseKind::Member)) => "last member came late",
            (AlertFamily::PoolOverdue, AlertState::Withdrawn, Some(CauseKind::Result)) => "recall taken back late",
            _ => continue,
        };
        *told.entry(what).or_default() += 1;
    }
    told
}

/// Of everything there is.
pub fn hash(broker: &Broker) -> u64 {
    let mut hash = Xxh3::new();
    for topic in everything() {
        for record in broker.read_all(topic) {
            hash.update(&record.offset.to_le_bytes());
            hash.update(record.key.as_deref().unwrap_or_default());
            hash.update(record.payload.as_deref().unwrap_or_default());
        }
    }
    hash.digest()
}
