//! An audit finds a deployment in order in which everything went wrong that may, and names each single thing that was
//! tampered with.

use crate::support::broker::{FaultRates, Stored};
use crate::support::deployment::{Deployment, LAYOUT, MAX_RECORD_BYTES, SECRET};
use crate::support::town;
use prost::Message as _;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};
use swabstream::audit::evidence::{Evidence, Setting};
use swabstream::audit::report::{Report, Verdict};
use swabstream::audit::{Cut, RulesFound};
use swabstream::demo::city::Message;
use swabstream::model::record::Topic;
use swabstream::policy::Rules;
use swabstream::policy::sample::sample_rules;
use swabstream::proto::v1::{
    Alert, AlertFamily, AlertState, AreaPositivity, AreaTier, CauseKind, Rule, Severity, StateHead, TaskHead, rule,
};

mod at_work;
mod early;
mod forgeries;
mod held;
mod ids;
mod lost;
mod unknown_labs;
mod upgrade;

/// All that an audit looks at.
#[derive(Clone)]
struct Snapshot {
    rules: Arc<Rules>,
    changed: bool,
    cut: Cut,
    /// The commits that the groups know once all was read.
    known: BTreeMap<(Topic, i32), u64>,
    records: Vec<Stored>,
    /// As the audit has it configured; the processor worked with [`MAX_RECORD_BYTES`].
    max_record_bytes: usize,
}

const LOOKED_AT: [Topic; 16] = [
    Topic::LabResults,
    Topic::ContactRecords,
    Topic::PersonGroups,
    Topic::PersonEvents,
    Topic::AreaChanges,
    Topic::PersonState,
    Topic::AreaState,
    Topic::Alerts,
    Topic::AreaAlerts,
    Topic::PersonDuties,
    Topic::AreaDuties,
    Topic::AreaPositivity,
    Topic::AreaPublished,
    Topic::AreaTiers,
    Topic::LabReceipts,
    Topic::DeadLetters,
];

impl Snapshot {
    /// A small city with every flaw, under every fault, at rest.
    fn of_seed(seed: u64) -> Self {
        Self::with_rules(seed, None)
    }

    /// The same, where other rules come into force in the middle.
    fn with_rules(seed: u64, later: Option<Arc<Rules>>) -> Self {
        let rules = Arc::new(sample_rules());
        let mut messages = town::messages(seed, 60, "2022-11-09", 9, &rules);
        forgeries::add_too_large(&mut messages);
        forgeries::add_tombstone(&mut messages);
        Self::of_messages(seed, rules, &messages, later)
    }

    /// What comes of these messages, under every fault, at rest.
    fn of_messages(seed: u64, rules: Arc<Rules>, messages: &[Message], later: Option<Arc<Rules>>) -> Self {
        let mut deployment = Deployment::start(seed, rules.clone());
        let faults = FaultRates { aborted: 4, unknown: 4, crash: 2, kicked: 2, partial: 30, ..FaultRates::NONE };
        deployment.broker.borrow_mut().set_faults(faults);
        for (at, message) in messages.iter().enumerate() {
            if let Some(later) = later.as_ref().filter(|_| at == messages.len() / 2) {
                deployment.adopt(later.clone());
            }
            deployment.publish(message);
            while deployment.random.chance(50) {
                deployment.turn(true);
            }
        }
        let last = messages.iter().map(|message| message.at).max().expect("a city sends something");
        deployment.mark_time(last.plus_days(1));
        deployment.settle();
        let changed = later.is_some();
        Self { changed, ..Self::now(&deployment, later.unwrap_or(rules)) }
    }

    /// What there is now.
    fn now(deployment: &Deployment, rules: Arc<Rules>) -> Self {
        let broker = deployment.broker.borrow();
        let records = LOOKED_AT.into_iter().flat_map(|topic| broker.committed(topic)).collect();
        let cut = broker.cut();
        let known = cut.commits.clone();
        Self { rules, changed: false, known, cut, records, max_record_bytes: MAX_RECORD_BYTES }
    }

    fn judge(&self) -> Report {
        let rules = RulesFound { rules: self.rules.clone(), changed: self.changed };
        let setting = Setting { layout: LAYOUT, rules, secret: SECRET, max_record_bytes: self.max_record_bytes };
        let mut evidence = Evidence::new(setting, self.cut.clone());
        for record in &self.records {
            evidence.take(&record.as_record(), |name| record.header(name));
        }
        evidence.require_secret().expect("the secret is the same");
        assert_eq!(evidence.why_no_moment(), None);
        evidence.judge(&self.known)
    }

    /// Whether alerts have causes of every kind that is forged here.
    fn has_every_cause(&self) -> bool {
        let causes = |of: Topic| {
            let alerts = self.records.iter().filter(move |record| record.topic == of).map(read::<Alert>);
            alerts.flat_map(|alert| alert.causes).map(|cause| cause.kind()).collect::<BTreeSet<_>>()
        };
        let wanted = [CauseKind::Result, CauseKind::Moved, CauseKind::Contact, CauseKind::Index];
        let (people, areas) = (causes(Topic::Alerts), causes(Topic::AreaAlerts));
        wanted.iter().all(|kind| people.contains(kind)) && areas.contains(&CauseKind::Area)
    }

    /// The last record of a topic that is like this.
    fn last(&mut self, topic: Topic, like: impl Fn(&Stored) -> bool) -> &mut Stored {
        let found = self.records.iter_mut().rev().find(|record| record.topic == topic && like(record));
        found.expect("there is one")
    }

    /// Changes the head of a person task's last commit.
    fn change_head(&mut self, task: i32, change: impl Fn(&mut TaskHead)) {
        let seq = self.cut.commits[&(Topic::PersonState, task)];
        let is_newest = |record: &Stored| record.partition == task && head(record).is_some_and(|head| head.seq == seq);
        let newest = self.last(Topic::PersonState, is_newest);
        let mut rest = newest.payload.as_deref().expect("a payload");
        let mut head = StateHead::decode_length_delimited(&mut rest).expect("a head");
        change(head.task.as_mut().expect("a delta"));
        newest.payload = Some([head.encode_length_delimited_to_vec(), rest.to_vec()].concat());
    }

    /// Another record at the end of its partition.
    fn append(&mut self, record: Stored) {
        let end = self.cut.end.entry((record.topic, record.partition)).or_default();
        let record = Stored { offset: *end, ..record };
        *end += 1;
        self.records.push(record);
    }

    fn remove(&mut self, topic: Topic, like: impl Fn(&Stored) -> bool) -> Stored {
        let at = self.records.iter().rposition(|record| record.topic == topic && like(record)).expect("there is one");
        self.records.remove(at)
    }

    /// The newest state of an alert that is live, with its record.
    fn live_alert(&self) -> (Stored, Alert) {
        self.live_alert_that(|_| true)
    }

    fn live_alert_that(&self, is: impl Fn(&Alert) -> bool) -> (Stored, Alert) {
        let last_of = |key: &Option<Vec<u8>>| {
            let mut alerts = self.records.iter().filter(|record| record.topic == Topic::Alerts);
            alerts.rfind(|record| record.key == *key).expect("it is one of them").clone()
        };
        let alerts = self.records.iter().filter(|record| record.topic == Topic::Alerts);
        let newest = alerts.map(|record| last_of(&record.key)).map(|record| (record.clone(), read::<Alert>(&record)));
        let mut live = newest.filter(|(_, alert)| alert.state() != AlertState::Withdrawn);
        live.find(|(_, alert)| alert.family() == AlertFamily::Positive && is(alert)).expect("some alert is live")
    }
}

fn read<M: prost::Message + Default>(record: &Stored) -> M {
    M::decode(record.payload.as_deref().expect("a payload")).expect("a message of the contract")
}

#[test]
fn what_earlier_rules_took_counts_as_far_as_those_of_now_know_its_place() {
    let report = Snapshot::with_rules(5, Some(Arc::new(narrow_rules()))).judge();
    assert_eq!(report.verdict(), Verdict::Agree, "{report:?}");
    let letters = report.check("dead letters").and_then(|check| check.limited.clone());
    assert!(letters.is_some_and(|limit| limit.contains("no longer in force")), "some were judged otherwise");
}

/// The sample's rules without one of its labs and one of its purposes.
fn narrow_rules() -> Rules {
    let mut records = sample_rules().to_records();
    records.retain(|(key, _)| key != "lab/LAB-3");
    for (_, bytes) in &mut records {
        let mut record: Rule = Rule::decode(&bytes[..]).expect("a rule");
        if let Some(rule::Rule::Deployment(deployment)) = &mut record.rule {
            deployment.purposes.retain(|purpose| purpose != "clinic");
            *bytes = record.encode_to_vec();
        }
    }
    Rules::from_records(&records).expect("valid rules")
}

fn snapshot() -> Snapshot {
    static SNAPSHOT: LazyLock<Snapshot> = LazyLock::new(|| Snapshot::of_seed(12));
    SNAPSHOT.clone()
}

/// One whose alerts have causes of every kind.
fn snapshot_with_every_cause() -> Snapshot {
    static SNAPSHOT: LazyLock<Snapshot> =
        LazyLock::new(|| (12..).map(Snapshot::of_seed).find(Snapshot::has_every_cause).expect("some do"));
    SNAPSHOT.clone()
}

#[track_caller]
fn assert_named(snapshot: &Snapshot, names: &[&str], what: &str) {
    let report = snapshot.judge();
    let lines: Vec<String> = report.checks.iter().map(ToString::to_string).collect();
    let differing: Vec<&str> =
        report.checks.iter().filter(|check| check.differences > 0).map(|check| check.name).collect();
    assert_eq!(differing, names, "{}", lines.join("\n"));
    let first = &report.check(names[0]).expect("it differs").first;
    assert!(first.iter().any(|line| line.contains(what)), "{what}: {}", lines.join("\n"));
}

#[test]
fn whatever_failed_an_audit_finds_all_in_order() {
    for seed in [11, 12, 13] {
        let snapshot = Snapshot::of_seed(seed);
        let report = snapshot.judge();
        let lines: Vec<String> = report.checks.iter().map(ToString::to_string).collect();
        assert_eq!(report.verdict(), Verdict::Agree, "seed {seed}\n{}", lines.join("\n"));
        assert_eq!(report.checks.len(), 18);
        assert!(report.checks.iter().all(|check| check.limited.is_none()), "{}", lines.join("\n"));
    }
}

#[test]
fn a_message_that_is_received_before_it_is_sent_is_no_moment() {
    let mut snapshot = snapshot();
    let sent = |record: &Stored| record.topic == Topic::PersonEvents;
    let message = snapshot.records.iter().rev().find(|record| sent(record)).expect("a message").clone();
    let commit = String::from_utf8(message.header("swabstream-commit").expect("it says so").to_vec()).expect("text");
    let [_, task, seq] = commit.split('/').collect::<Vec<_>>()[..] else { panic!("{commit}") };
    let (task, seq): (i32, u64) = (task.parse().expect("a task"), seq.parse().expect("a number"));
    snapshot.cut.commits.insert((Topic::PersonState, task), seq - 1);
    let rules = RulesFound { rules: snapshot.rules.clone(), changed: false };
    let setting = Setting { layout: LAYOUT, rules, secret: SECRET, max_record_bytes: MAX_RECORD_BYTES };
    let mut evidence = Evidence::new(setting, snapshot.cut.clone());
    evidence.take(&message.as_record(), |name| message.header(name));
    assert!(evidence.why_no_moment().is_some_and(|message| message.contains("person-events")));
}

/// An area as an audit names it: with its target, where that is not the first.
fn named(area: &str, target: &str) -> String {
    if target == "sars-cov-2" { area.to_owned() } else { format!("{area}/{target}") }
}

#[test]
fn a_forged_number_is_named() {
    let mut snapshot = snapshot();
    let record = snapshot.last(Topic::AreaPositivity, |record| record.payload.is_some());
    let mut numbers: AreaPositivity = read(record);
    numbers.purposes[0].windows[2].conclusive_tests += 1;
    record.payload = Some(numbers.encode_to_vec());
    let what = format!(
        "{} {}: conclusive tests in total in 7 days must be",
        named(&numbers.area, &numbers.target),
        numbers.day
    );
    assert_named(&snapshot, &["numbers"], &what);
}

#[test]
fn a_second_alert_for_one_case_is_named() {
    let mut snapshot = snapshot();
    let (record, alert) = snapshot.live_alert();
    let forged = Alert { alert_id: "0f".repeat(16), ..alert };
    let key = Some(forged.alert_id.clone().into_bytes());
    snapshot.append(Stored { key, payload: Some(forged.encode_to_vec()), ..record });
    assert_named(&snapshot, &["alert ids", "alerts"], &forged.alert_id);
}

#[test]
fn a_missing_alert_is_named_and_its_person_is_not() {
    let mut snapshot = snapshot();
    let (record, alert) = snapshot.live_alert();
    snapshot.append(Stored { payload: None, ..record });
    assert_named(&snapshot, &["alerts"], &format!("missing: ALERT_FAMILY_POSITIVE of {}", alert.first_day));
    let lines = snapshot.judge().checks.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(!lines.contains(&alert.person_id), "{lines}");
}

#[test]
fn an_alert_that_says_something_else_is_named_with_what_differs() {
    let mut snapshot = snapshot();
    let (record, mut alert) = snapshot.live_alert();
    alert.severity = 4 - alert.severity;
    alert.to_trace.pop();
    alert.positive_specimens += 1;
    let newest = snapshot.last(Topic::Alerts, |other| other.key == record.key);
    newest.payload = Some(alert.encode_to_vec());
    assert_named(&snapshot, &["alerts"], &format!("alert {}: differs in", alert.alert_id));
}

#[test]
fn a_state_of_an_alert_published_twice_is_named() {
    let mut snapshot = snapshot();
    let (record, alert) = snapshot.live_alert();
    snapshot.append(record);
    assert_named(&snapshot, &["alert histories"], &format!("alert {} version {}", alert.alert_id, alert.version));
}

/// Whether a record was set aside for what it says itself, whatever else there is: a city has some of these.
fn is_of_its_own_fault(letter: &Stored) -> bool {
    let codes = ["unknown_area", "unknown_purpose", "unknown_target", "missing_field", "invalid_id", "same_person"];
    letter.header("swabstream-code").is_some_and(|code| codes.iter().any(|known| known.as_bytes() == code))
}

#[test]
fn a_missing_dead_letter_is_named_by_the_position_of_its_record() {
    let mut snapshot = snapshot();
    let letter = snapshot.remove(Topic::DeadLetters, is_of_its_own_fault);
    let text = |name: &str| String::from_utf8_lossy(letter.header(name).unwrap_or_default()).into_owned();
    let [topic, partition, offset] = ["topic", "partition", "offset"].map(|name| text(&format!("swabstream-{name}")));
    assert_named(&snapshot, &["dead letters", "rejections"], &format!("{topic} [{partition}] {offset} is not there"));
}

#[test]
fn a_dead_letter_twice_or_with_another_code_is_named() {
    let mut twice = snapshot();
    let letter = twice.last(Topic::DeadLetters, |_| true).clone();
    twice.append(letter);
    assert_named(&twice, &["dead letters", "rejections"], "set aside twice");
    let mut otherwise = snapshot();
    let letter = otherwise.last(Topic::DeadLetters, is_of_its_own_fault);
    let code = String::from_utf8_lossy(letter.header("swabstream-code").expect("a code")).into_owned();
    let header = letter.headers.iter_mut().find(|(name, _)| *name == "swabstream-code").expect("a code");
    header.1 = b"out_of_range".to_vec();
    assert_named(&otherwise, &["dead letters", "rejections"], &format!("must be as {code}"));
}

#[test]
fn a_lost_input_or_message_is_named_by_its_task() {
    let mut input = snapshot();
    let lost = input.remove(Topic::LabResults, |record| record.content_type_is_mark());
    assert_named(&input, &["consumed"], &format!("person task {}", lost.partition));
    let mut message = snapshot();
    let lost = message.remove(Topic::PersonEvents, |_| true);
    assert_named(&message, &["consumed", "sent on"], &format!("person task {}", lost.partition));
}

#[test]
fn a_changelog_at_another_commit_than_its_group_is_named() {
    let mut snapshot = snapshot();
    *snapshot.cut.commits.get_mut(&(Topic::AreaState, 1)).expect("task 1 has committed") += 1;
    assert_named(&snapshot, &["commits"], "area task 1");
}

/// The head of a delta.
fn head(record: &Stored) -> Option<StateHead> {
    let head = StateHead::decode_length_delimited(record.payload.as_deref()?).ok()?;
    head.task.is_some().then_some(head)
}

#[test]
fn a_forged_tier_is_named() {
    let mut snapshot = snapshot();
    let record = snapshot.last(Topic::AreaTiers, |record| record.payload.is_some());
    let mut tier: AreaTier = read(record);
    (tier.rank, tier.tier) = (tier.rank + 1, "forged".to_owned());
    record.payload = Some(tier.encode_to_vec());
    assert_named(&snapshot, &["tiers"], &format!("{}: must be", named(&tier.area, &tier.target)));
}

#[test]
fn an_alert_about_a_tier_of_another_severity_is_named() {
    let mut snapshot = snapshot();
    let record = snapshot.last(Topic::AreaAlerts, |record| read::<Alert>(record).state() != AlertState::Withdrawn);
    let mut alert: Alert = read(record);
    alert.set_severity(if alert.severity() == Severity::High { Severity::Info } else { Severity::High });
    record.payload = Some(alert.encode_to_vec());
    assert_named(
        &snapshot,
        &["tiers"],
        &format!("{} {}: the alert must say", named(&alert.area, &alert.target), alert.first_day),
    );
}

#[test]
fn outputs_that_are_not_of_the_contract_are_named() {
    let mut snapshot = snapshot();
    let record = snapshot.last(Topic::AreaTiers, |_| true).clone();
    snapshot.append(Stored { key: Some(b"?".to_vec()), payload: Some(vec![0xff]), ..record });
    assert_named(&snapshot, &["contract"], "area-tiers");
}

#[test]
fn books_that_do_not_balance_are_named() {
    let mut snapshot = snapshot();
    snapshot
        .change_head(2, |task| *task = TaskHead { sent: task.sent + 1, consumed: task.consumed + 1, ..task.clone() });
    assert_named(&snapshot, &["consumed", "sent on"], "person task 2");
}

#[test]
fn with_inputs_deleted_an_audit_says_what_it_leaves_out_and_cries_no_wolf() {
    let mut deleted = snapshot();
    for topic in [Topic::LabResults, Topic::ContactRecords, Topic::PersonGroups, Topic::DeadLetters] {
        for partition in 0..LAYOUT.person_tasks {
            let end = deleted.cut.end_of(topic, partition).unwrap_or(0);
            deleted.cut.first.insert((topic, partition), end / 3);
            let is_gone =
                |record: &Stored| (record.topic, record.partition) == (topic, partition) && record.offset < end / 3;
            deleted.records.retain(|record| !is_gone(record));
        }
    }
    let report = deleted.judge();
    let lines: Vec<String> = report.checks.iter().map(ToString::to_string).collect();
    assert_eq!(report.verdict(), Verdict::Agree, "{}", lines.join("\n"));
    let limited: Vec<&str> =
        report.checks.iter().filter(|check| check.limited.is_some()).map(|check| check.name).collect();
    let recounted = ["alerts", "numbers", "area state", "tiers", "receipts", "duties", "area duties"];
    // In this city the id of a contradiction rests on a result that is gone.
    let read = ["consumed", "dead letters", "rejections", "alert ids", "causes"];
    assert_eq!(limited, [&read[..], &recounted].concat());
}
