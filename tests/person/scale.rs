//! Many people, and one with many results.

use super::sent::{at, met, swab};
use super::world::{Dice, Input, LAYOUT, World};
use std::collections::BTreeSet;
use swabstream::audit::cells::{CountKey, people};
use swabstream::model::outcome::{End, Outcome};
use swabstream::pipeline::half::Half;
use swabstream::proto::v1::{Finding, LabResult, ResultStatus};
use swabstream::state::paged::Paged;

#[test]
fn people_fill_pages_and_leave_their_slots_to_others() {
    let mut world = World::new();
    let people = 3_400;
    for day in [0, 2] {
        for person in 0..people {
            let swab = swab(&format!("P{person}"), &format!("R{person}-{day}"), at(day, 8), Finding::Negative);
            assert_eq!(world.send(&Input::Result(swab, at(day, 9)), None), Outcome::Used(End::Accepted));
        }
    }
    let held = |world: &World, what: &str| -> u64 {
        let sizes = world.halves.iter().flat_map(Half::sizes);
        sizes.filter(|(name, _)| *name == what).map(|(_, size)| size).sum()
    };
    let pages = |world: &World| world.halves.iter().map(Paged::pages).sum::<u32>();
    assert_eq!((held(&world, "people"), held(&world, "rows")), (people, 2 * people));
    let before = pages(&world);
    assert!(before > 2 * LAYOUT.person_tasks as u32);
    // One look at a part of the people each time that time goes on.
    for _ in 0..100 {
        world.advance(at(60, 0));
    }
    assert_eq!((held(&world, "people"), held(&world, "rows")), (0, 0));
    for person in 0..people {
        let swab = swab(&format!("Q{person}"), &format!("R{person}"), at(60, 8), Finding::Negative);
        world.send(&Input::Result(swab, at(60, 9)), None);
    }
    assert_eq!((held(&world, "people"), pages(&world)), (people, before), "slots are used again");
}

#[test]
fn nobody_is_capped() {
    let mut world = World::new();
    for number in 0..1_200 {
        let day = number % 7;
        let swab = swab("P1", &format!("R{number}"), at(day, number % 24), Finding::Negative);
        let purpose = if number % 3 == 0 { "clinic" } else { "screening" };
        world.send(&Input::Result(LabResult { purpose: purpose.into(), ..swab }, at(day + 2, 0)), None);
    }
    world.check();
    let last_day = world.rules.day(at(6, 0));
    let of = CountKey {
        area: "D1S1".to_owned(),
        period: world.rules.areas.periods[world.rules.areas.period(last_day)],
        purpose: String::new(),
        day: last_day,
        name: people(false, 15),
    };
    let people = world.numbers.get(&of);
    assert_eq!(people, Some(&1), "one person, however often tested");
}

#[test]
fn a_person_with_very_many_results_is_counted_like_any_other() {
    let dice = &mut Dice(11);
    let mut world = World::new();
    let mut revisions = vec![0_u32; 420];
    let mut sent = Vec::new();
    for step in 0..900 {
        let number = dice.roll(revisions.len() as u64) as usize;
        revisions[number] += 1;
        let collected_at = at(dice.roll(20) as i64 + 5, dice.roll(24) as i64);
        let finding =
            if dice.roll(20) == 0 { Finding::Positive } else { dice.pick(&[Finding::Negative, Finding::Invalid]) };
        let result = LabResult {
            revision: revisions[number],
            status: if dice.roll(15) == 0 { ResultStatus::Cancelled as i32 } else { ResultStatus::Final as i32 },
            specimen_id: format!("S{}", dice.roll(400)),
            area: dice.pick(&["D1S1", "D1S2", "D2S2", "D3"]).into(),
            purpose: dice.pick(&["clinic", "screening"]).into(),
            ..swab("P1", &format!("R{number}"), collected_at, finding)
        };
        sent.push(Input::Result(result, collected_at.plus_hours(3)));
        world.send(&sent[step], None);
        if step % 100 == 99 {
            world.check();
        }
        if step == 700 {
            // Old rows are dropped meanwhile: none is old enough, but all are looked at.
            world.advance(at(20, 0));
        }
    }
    world.check();
    // Alerts are those that all results with a share in a positive specimen make alone: few enough to look at all rows.
    let results =
        || sent.iter().filter_map(|input| if let Input::Result(result, _) = input { Some(result) } else { None });
    let positive = results().filter(|result| result.finding() == Finding::Positive);
    let specimens: BTreeSet<&str> = positive.map(|result| result.specimen_id.as_str()).collect();
    let shared = results().filter(|result| specimens.contains(result.specimen_id.as_str()));
    let ids: BTreeSet<&str> = shared.map(|result| result.result_id.as_str()).collect();
    assert!((20..200).contains(&ids.len()), "{}", ids.len());
    let mut few = World::new();
    for input in &sent {
        if matches!(input, Input::Result(result, _) if ids.contains(result.result_id.as_str())) {
            few.send(input, None);
        }
    }
    assert!(!few.live().is_empty());
    assert_eq!(world.live(), few.live());
}

/// Bytes logged by all tasks for each of many contacts of one index.
fn logged(contacts: usize, positive: bool) -> Vec<usize> {
    let mut world = World::new();
    if positive {
        world.send(&Input::Result(swab("I1", "R1", at(5, 8), Finding::Positive), at(5, 13)), None);
    }
    let logged = |number: usize| {
        // In no order of their ids.
        let id = number * 7_919 % contacts;
        world.operations.iter_mut().for_each(Vec::clear);
        world.send(&Input::Contact(met(&format!("C{id:05}"), &format!("P{id}"), "I1", 4), at(6, 0)), None);
        world.settle();
        world.operations.iter().map(Vec::len).sum()
    };
    (0..contacts).map(logged).collect()
}

#[test]
fn another_contact_of_somebody_with_many_logs_what_the_first_ones_did() {
    for positive in [false, true] {
        let logged = logged(300, positive);
        // The alert's chain of cause grows to its full length first.
        let (early, late) = (logged[40], *logged[41..].iter().max().expect("some"));
        assert!(late < early + early / 4, "{early} bytes, then {late} (positive: {positive})");
    }
}
