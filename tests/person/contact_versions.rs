//! Versions of one contact record that say different things, in any order, while what they cause is on its way.

use super::sent::{at, met, ordered, swab};
use super::world::{Dice, Input, LAYOUT, World, context};
use swabstream::pipeline::decode::validate;
use swabstream::pipeline::person::contacts;
use swabstream::policy::sample::sample_rules;
use swabstream::proto::v1::{ContactKind, ContactRecord, ContactStatus, Finding};

/// The first name of some that lives in a task and was not taken before.
fn somebody(task: i32, taken: &mut Vec<String>) -> String {
    let lives_here = |name: &String| LAYOUT.person_task(name) == task && !taken.contains(name);
    let name = (0..).map(|number| format!("P{number}")).find(lives_here).expect("somebody lives everywhere");
    taken.push(name.clone());
    name
}

/// One record that some tracer cannot make up its mind about: mostly one revision, two people as index.
fn versions(dice: &mut Dice, person: &str, indexes: [&str; 2]) -> Vec<ContactRecord> {
    let version = |dice: &mut Dice| {
        let day = dice.pick(&[0, 3, 4, 5]);
        let kinds = [ContactKind::Close, ContactKind::Secondary, ContactKind::CoExposed];
        let record = ContactRecord {
            revision: dice.pick(&[0, 0, 0, 0, 1]),
            kind: dice.pick(&kinds) as i32,
            status: dice.pick(&[ContactStatus::Active, ContactStatus::Active, ContactStatus::Withdrawn]) as i32,
            ..met("C1", person, dice.pick(&indexes), day)
        };
        if dice.roll(3) == 0 { ordered(record, at(day + 1, 0), day, day + 10) } else { record }
    };
    (0..3 + dice.roll(3)).map(|_| version(dice)).collect()
}

/// The version that stands in the end: only it must matter.
fn greatest(versions: &[ContactRecord]) -> &ContactRecord {
    let rank = |version: &&ContactRecord| {
        let version = validate::well_formed_contact(version).expect("it is valid");
        contacts::of_contact(&version, None, at(0, 0), &sample_rules(), &context(0).secret).rank()
    };
    versions.iter().max_by_key(rank).expect("there is one")
}

#[test]
fn only_the_greatest_version_of_a_contact_record_matters_whatever_came_first() {
    let (mut listed, mut not_listed) = (0, 0);
    for seed in 1..=400 {
        let dice = &mut Dice(seed * 7_919 + 3);
        let mut taken = Vec::new();
        let [person, one, other] = [0; 3].map(|_| somebody(dice.roll(2) as i32, &mut taken));
        let versions = versions(dice, &person, [&one, &other]);
        let positive = |who: &str, day| Input::Result(swab(who, who, at(day, 8), Finding::Positive), at(day, 13));
        let results = [positive(&one, 5), positive(&other, 6), positive(&person, 16)];

        let mut expected = World::new();
        for result in &results {
            expected.send(result, None);
        }
        expected.contact(greatest(&versions));
        let expected = expected.live();

        let mut inputs = results.to_vec();
        inputs.extend(versions.iter().map(|version| Input::Contact(version.clone(), at(7, 0))));
        for _ in 0..dice.roll(4) {
            let again = dice.roll(inputs.len() as u64) as usize;
            inputs.push(inputs[again].clone());
        }
        dice.shuffle(&mut inputs);
        let mut world = World::new();
        for input in &inputs {
            world.send(input, None);
            while dice.roll(3) != 0 && world.deliver_any(dice) {}
        }
        while world.deliver_any(dice) {}
        assert_eq!(world.live(), expected, "seed {seed}: {versions:#?}");
        *if expected.values().any(|alert| !alert.to_trace.is_empty()) { &mut listed } else { &mut not_listed } += 1;
    }
    assert!(listed > 50 && not_listed > 50, "{listed} standing versions have somebody to trace, {not_listed} none");
}
