//! What labs that nobody registered sent is applied where the rules say so, and booked apart.

use super::{Snapshot, assert_named, head};
use crate::support::deployment::LAYOUT;
use crate::support::story::sample_rules_with;
use crate::support::town;
use prost::Message as _;
use std::sync::Arc;
use swabstream::audit::report::Verdict;
use swabstream::model::record::Topic;
use swabstream::policy::sample::sample_rules;
use swabstream::proto::v1::{CasePolicy, Outcome, OutcomeCount, StateHead, UnknownLab, rule::Rule};

/// One of the city's labs, and those its mistyped ids name, are in no registry.
fn city() -> Snapshot {
    let accepting = sample_rules_with(|rule| match rule {
        Rule::CasePolicy(policy) => {
            vec![Rule::CasePolicy(CasePolicy { unknown_lab: UnknownLab::Accept as i32, ..policy })]
        }
        Rule::Lab(lab) if lab.id == "LAB-2" => Vec::new(),
        rule => vec![rule],
    });
    let messages = town::messages(18, 60, "2022-11-09", 9, &Arc::new(sample_rules()));
    Snapshot::of_messages(18, Arc::new(accepting), &messages, None)
}

/// Changes the books of every person task; returns how many records they have of unknown labs.
fn rewrite(snapshot: &mut Snapshot, change: impl Fn(&mut Vec<OutcomeCount>)) -> u64 {
    let mut apart = 0;
    for task in 0..LAYOUT.person_tasks {
        let seq = snapshot.cut.commits[&(Topic::PersonState, task)];
        let newest = snapshot.last(Topic::PersonState, |record| {
            record.partition == task && head(record).is_some_and(|head| head.seq == seq)
        });
        let mut rest = newest.payload.as_deref().expect("a payload");
        let mut head = StateHead::decode_length_delimited(&mut rest).expect("a head");
        let outcomes = &mut head.task.as_mut().expect("a delta").outcomes;
        let unknown = outcomes.iter().filter(|count| count.outcome() == Outcome::AcceptedUnknownLab);
        apart += unknown.map(|count| count.records).sum::<u64>();
        change(outcomes);
        newest.payload = Some([head.encode_length_delimited_to_vec(), rest.to_vec()].concat());
    }
    apart
}

#[test]
fn results_of_unknown_labs_are_booked_apart_or_it_is_named() {
    let mut snapshot = city();
    let report = snapshot.judge();
    let lines: Vec<String> = report.checks.iter().map(ToString::to_string).collect();
    assert!(report.verdict() == Verdict::Agree, "{}", lines.join("\n"));
    assert!(rewrite(&mut snapshot, |_| ()) > 10, "a third of the city's results");
    // As if they were like any other.
    let mut hidden = snapshot.clone();
    rewrite(&mut hidden, |outcomes| {
        outcomes.iter_mut().for_each(|count| {
            if count.outcome() == Outcome::AcceptedUnknownLab {
                count.set_outcome(Outcome::Accepted);
            }
        });
    });
    assert_named(&hidden, &["consumed"], "0 are booked as of unknown labs");
    // Or as if more had come.
    let mut more = snapshot.clone();
    rewrite(&mut more, |outcomes| {
        outcomes.iter_mut().for_each(|count| {
            if count.outcome() == Outcome::Accepted {
                count.set_outcome(Outcome::AcceptedUnknownLab);
            }
        });
    });
    assert_named(&more, &["consumed"], "are booked as of unknown labs");
}
