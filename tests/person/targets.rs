//! Several pathogens are several numbers: what is found of one target says nothing of another.

use super::sent::{at, met, ordered, revised, swab};
use super::world::World;
use std::collections::BTreeSet;
use swabstream::audit::cells::CountKey;
use swabstream::model::outcome::{End, Outcome, RejectCode};
use swabstream::model::time::Day;
use swabstream::policy::Rules;
use swabstream::policy::sample::sample_rules;
use swabstream::proto::v1::rule::Rule as Kind;
use swabstream::proto::v1::{
    self, AlertFamily, AlertState, Channel, ContactKind, ContactRecord, Finding, LabResult, ResultStatus,
};

/// The result of one specimen for one target.
fn of(target: &str, person: &str, id: &str, day: i64, finding: Finding) -> LabResult {
    let result = swab(person, id, at(day, 8), finding);
    LabResult { target: target.into(), specimen_id: format!("S-{person}-{day}"), ..result }
}

/// What was counted in the city in total, by target, of some kind.
fn counted(world: &World, key: &str, what: &str) -> i64 {
    // By the registry of the day itself: windows that end after its next change count the day once more.
    let border = Day::parse("2022-11-15").expect("a day");
    let is_it = |of: &CountKey| of.area == key && of.period < border && of.name == what;
    let counts = world.numbers.iter().filter(|(of, _)| is_it(of));
    counts.map(|(_, count)| count).sum()
}

/// The sample's rules, with changed records.
fn changed(change: impl Fn(&mut Kind) -> bool) -> Rules {
    let records = sample_rules().to_records().into_iter().filter_map(|(key, value)| {
        let mut rule = <v1::Rule as prost::Message>::decode(&value[..]).expect("a rule").rule?;
        change(&mut rule).then(|| (key, prost::Message::encode_to_vec(&v1::Rule { rule: Some(rule) })))
    });
    Rules::from_records(&records.collect::<Vec<_>>()).expect("they are right")
}

#[test]
fn a_panel_with_influenza_alone_is_no_case_of_the_first_target() {
    let mut world = World::new();
    for (number, person) in ["P1", "P2", "P3"].into_iter().enumerate() {
        for (target, finding) in
            [("sars-cov-2", Finding::Negative), ("influenza-a", Finding::Positive), ("rsv", Finding::Negative)]
        {
            assert_eq!(
                world.lab(&of(target, person, &format!("R{number}-{target}"), 3, finding)),
                Outcome::Used(End::Accepted)
            );
        }
    }
    assert_eq!((counted(&world, "C", "positive"), counted(&world, "C", "negative")), (0, 3));
    assert_eq!((counted(&world, "C", "cases"), counted(&world, "C/influenza-a", "cases")), (0, 3));
    assert_eq!(counted(&world, "C/influenza-a", "positive"), 3);
    assert_eq!((counted(&world, "C/rsv", "negative"), counted(&world, "C/rsv", "positive")), (3, 0));
    let live = world.live();
    assert_eq!(live.len(), 3, "one for each case of influenza");
    assert!(live.values().all(|alert| alert.target == "influenza-a" && alert.policy == "sample-influenza@2020-01-01"));
}

#[test]
fn people_are_distinct_within_a_target_and_gaps_do_not_see_other_targets() {
    let mut world = World::new();
    world.lab(&of("sars-cov-2", "P1", "R1", 3, Finding::Negative));
    world.lab(&of("influenza-a", "P1", "R2", 4, Finding::Negative));
    world.lab(&of("sars-cov-2", "P1", "R3", 6, Finding::Negative));
    // Twice for each purpose and in total: the city's people of the total and of the purpose.
    assert_eq!(counted(&world, "C", "people tested, again in 3 days"), 2);
    assert_eq!(counted(&world, "C", "people tested, again in 1 day"), 0);
    assert_eq!(counted(&world, "C/influenza-a", "people tested, not again in 14 days"), 2);
}

#[test]
fn an_alias_means_what_the_id_means() {
    let mut world = World::new();
    let result = of("FLU-A", "P1", "R1", 3, Finding::Positive);
    assert_eq!(world.lab(&result), Outcome::Used(End::Accepted));
    let again = LabResult { target: "influenza-a".into(), ..result.clone() };
    assert_eq!(world.lab(&again), Outcome::Used(End::Duplicate));
    assert_eq!(
        world.lab(&LabResult { result_id: "R2".into(), ..again.clone() }),
        Outcome::Used(End::DuplicateSpecimen)
    );
    let against = LabResult { result_id: "R3".into(), finding: Finding::Negative as i32, ..again };
    assert_eq!(world.lab(&against), Outcome::Used(End::Contradiction), "one specimen, whatever the target is called");
    assert_eq!(world.only(AlertFamily::Positive).target, "influenza-a");
    assert_eq!(world.only(AlertFamily::Contradiction).target, "influenza-a");
}

#[test]
fn what_is_not_declared_is_set_aside() {
    let mut world = World::new();
    for (number, target) in ["adenovirus", "Influenza-A", "sars-cov-2 ", "c/rsv"].into_iter().enumerate() {
        let outcome = world.send(
            &super::world::Input::Result(of(target, "P1", &format!("R{number}"), 3, Finding::Positive), at(3, 12)),
            None,
        );
        assert_eq!(outcome, Outcome::Rejected(RejectCode::UnknownTarget), "{target}");
    }
    let record = ContactRecord { target: "adenovirus".into(), ..met("C1", "P1", "P2", 3) };
    let outcome = world.send(&super::world::Input::Contact(record, at(3, 12)), None);
    assert_eq!(outcome, Outcome::Rejected(RejectCode::UnknownTarget));
    assert_eq!(world.dead_letters.len(), 5);
    assert!(world.numbers.is_empty() && world.alerts.is_empty());
}

#[test]
fn each_target_has_episodes_by_its_own_policy_and_an_alert_of_its_own() {
    let mut world = World::new();
    world.lab(&of("sars-cov-2", "P1", "R1", 3, Finding::Positive));
    world.lab(&of("influenza-a", "P1", "R2", 3, Finding::Positive));
    // 20 days later: the same episode of one (90 days), another of the other (14 days).
    world.lab(&of("sars-cov-2", "P1", "R3", 23, Finding::Positive));
    world.lab(&of("influenza-a", "P1", "R4", 23, Finding::Positive));
    let live: Vec<(String, String, u32)> = {
        let mut live: Vec<_> = world.live().into_values().collect();
        live.sort_by_key(|alert| (alert.target.clone(), alert.first_day.clone()));
        live.into_iter().map(|alert| (alert.target, alert.first_day, alert.positive_specimens)).collect()
    };
    let of_one = |target: &str, day: &str, specimens| (target.to_owned(), day.to_owned(), specimens);
    assert_eq!(
        live,
        [
            of_one("influenza-a", "2022-11-04", 1),
            of_one("influenza-a", "2022-11-24", 1),
            of_one("sars-cov-2", "2022-11-04", 2),
        ]
    );
    let days = |key: &str| {
        let cases = world.numbers.keys().filter(|of| of.area == key && of.name == "cases");
        cases.map(|of| of.day).collect::<BTreeSet<Day>>().len()
    };
    assert_eq!((days("C"), days("C/influenza-a")), (1, 2), "days on which a case begins");
}

#[test]
fn a_result_corrected_to_another_target_takes_its_alert_and_numbers_along() {
    let mut world = World::new();
    let wrong = of("sars-cov-2", "P1", "R1", 3, Finding::Positive);
    world.lab(&wrong);
    let right = LabResult { target: "FLU-A".into(), ..revised(&wrong, 1, ResultStatus::Corrected, Finding::Positive) };
    assert_eq!(world.lab(&right), Outcome::Used(End::Corrected));
    assert_eq!(world.only(AlertFamily::Positive).target, "influenza-a");
    let withdrawn = world.alerts.iter().find(|alert| alert.state() == AlertState::Withdrawn).expect("it was another's");
    assert_eq!((withdrawn.target.as_str(), withdrawn.replaced_by.as_str()), ("sars-cov-2", ""));
    assert!(world.numbers.keys().all(|key| key.area.ends_with("/influenza-a")), "nothing is left of the first");
}

#[test]
fn a_target_without_a_case_policy_has_tests_but_no_cases_and_its_contradictions_are_published() {
    let mut world = World::new();
    world.lab(&of("rsv", "P1", "R1", 3, Finding::Positive));
    assert!(world.live().is_empty());
    assert_eq!((counted(&world, "C/rsv", "positive"), counted(&world, "C/rsv", "cases")), (1, 0));
    assert_eq!(world.lab(&of("rsv", "P1", "R2", 3, Finding::Negative)), Outcome::Used(End::Contradiction));
    let alert = world.only(AlertFamily::Contradiction);
    assert_eq!((alert.target.as_str(), alert.policy.as_str()), ("rsv", "sample-case@2020-01-01"));
}

#[test]
fn contact_records_and_orders_are_about_the_target_they_name_or_what_the_policies_say() {
    // Unnamed, of the second target, of the first.
    for (target, first, second) in [
        ("", (1, Channel::Managed), (0, Channel::Community)),
        ("FLU-A", (0, Channel::Community), (1, Channel::Managed)),
        ("sars-cov-2", (1, Channel::Managed), (0, Channel::Community)),
    ] {
        let mut world = World::new();
        let record = ContactRecord { target: target.into(), ..ordered(met("C1", "P1", "P2", 2), at(2, 12), 2, 9) };
        world.contact(&record);
        world.lab(&of("sars-cov-2", "P1", "R1", 3, Finding::Positive));
        world.lab(&of("influenza-a", "P1", "R2", 3, Finding::Positive));
        world.lab(&of("influenza-a", "P2", "R3", 3, Finding::Positive));
        world.lab(&of("sars-cov-2", "P2", "R4", 3, Finding::Positive));
        let live = world.live();
        let about = |person: &str, target: &str| {
            live.values().find(|alert| alert.person_id == person && alert.target == target).expect("a case").clone()
        };
        for (of, (matches, channel)) in [("sars-cov-2", first), ("influenza-a", second)] {
            let contact = about("P1", of);
            assert_eq!((contact.exposed_to.len(), contact.channel()), (matches, channel), "`{target}` for {of}");
            assert_eq!(about("P2", of).to_trace.len(), matches, "`{target}` for {of}, as index");
        }
    }
}

#[test]
fn a_policy_may_let_records_without_a_target_be_about_its_own() {
    let mut world = World::with(changed(|rule| {
        if let Kind::CasePolicy(policy) = rule
            && policy.id == "sample-influenza"
        {
            policy.unnamed_contacts = Some(true);
        }
        true
    }));
    world.contact(&met("C1", "P1", "P2", 2));
    world.lab(&of("influenza-a", "P1", "R1", 3, Finding::Positive));
    assert_eq!(world.only(AlertFamily::Positive).exposed_to.len(), 1);
}

/// Closeness is of a record: where it is about several targets, whoever is found positive for one of them makes those
/// close whom the record names, for all of them.
#[test]
fn a_secondary_contact_is_close_for_every_target_that_its_record_is_about() {
    for (named, kinds) in [
        ("", [Some(ContactKind::Close), Some(ContactKind::Close)]),
        // Of the target that the index was not found positive for, and of the other one.
        ("sars-cov-2", [Some(ContactKind::Secondary), None]),
        ("influenza-a", [None, Some(ContactKind::Close)]),
    ] {
        let mut world = World::with(changed(|rule| {
            if let Kind::CasePolicy(policy) = rule {
                policy.unnamed_contacts = Some(true);
            }
            true
        }));
        let record = ContactRecord { target: named.into(), ..met("C1", "P1", "P2", 2) };
        world.contact(&ContactRecord { kind: ContactKind::Secondary as i32, ..record });
        world.lab(&of("influenza-a", "P2", "R1", 3, Finding::Positive));
        for (number, target) in ["sars-cov-2", "influenza-a"].into_iter().enumerate() {
            world.lab(&of(target, "P1", &format!("R{}", number + 2), 3, Finding::Positive));
        }
        let live = world.live();
        let kind_for = |target: &str| {
            let is_it = |alert: &&v1::Alert| alert.person_id == "P1" && alert.target == target;
            let alert = live.values().find(is_it).expect("a case");
            alert.exposed_to.first().map(|matched| matched.kind())
        };
        assert_eq!(["sars-cov-2", "influenza-a"].map(kind_for), kinds, "`{named}`");
    }
}

#[test]
fn a_target_that_is_declared_no_more_takes_its_numbers_back_and_its_alerts_with_it() {
    let mut world = World::new();
    world.lab(&of("sars-cov-2", "P1", "R1", 3, Finding::Positive));
    let before = world.numbers.clone();
    world.lab(&of("influenza-a", "P1", "R2", 3, Finding::Positive));
    world.lab(&of("rsv", "P2", "R3", 3, Finding::Negative));
    world.adopt(changed(|rule| match rule {
        Kind::Deployment(deployment) => {
            deployment.targets.truncate(1);
            true
        }
        Kind::CasePolicy(policy) => policy.id != "sample-influenza",
        Kind::TierPolicy(policy) => policy.id != "sample-influenza",
        _ => true,
    }));
    assert_eq!(world.numbers, before);
    assert_eq!(world.only(AlertFamily::Positive).target, "sars-cov-2");
    world.adopt(sample_rules());
    world.check();
    assert_eq!(world.live().len(), 2, "what is declared again counts again");
}

#[test]
fn a_deployment_that_declares_no_target_has_one() {
    let mut world = World::with(changed(|rule| match rule {
        Kind::Deployment(deployment) => {
            deployment.targets.clear();
            true
        }
        Kind::CasePolicy(policy) => policy.id != "sample-influenza",
        Kind::TierPolicy(policy) => policy.id != "sample-influenza",
        _ => true,
    }));
    assert_eq!(world.lab(&of("sars-cov-2", "P1", "R1", 3, Finding::Positive)), Outcome::Used(End::Accepted));
    assert_eq!(world.only(AlertFamily::Positive).target, "sars-cov-2");
    let other = super::world::Input::Result(of("influenza-a", "P1", "R2", 3, Finding::Positive), at(3, 12));
    assert_eq!(world.send(&other, None), Outcome::Rejected(RejectCode::UnknownTarget));
}
