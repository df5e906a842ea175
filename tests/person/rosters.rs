//! Lists of key groups, and of contacts, as their keepers send them: again each night, or in pieces.

use super::sent::{at, member, met, swab};
use super::world::{Dice, Input, World};
use swabstream::model::time::Timestamp;
use swabstream::proto::v1::{AlertFamily, ContactRecord, DutyKind, Finding, GroupStatus, PersonGroup, Severity};

/// Whether an alert of a family is old news, and how grave.
fn said(world: &World, family: AlertFamily) -> Vec<(bool, Severity)> {
    world.check_alerts();
    world.check_duties();
    let live = world.live();
    live.values().filter(|alert| alert.family() == family).map(|alert| (alert.historic, alert.severity())).collect()
}

#[test]
fn a_list_that_is_sent_again_with_other_revisions_makes_nothing_old_news_in_whatever_order() {
    let group = |revision| PersonGroup { revision, ..member("G1", "P1", "arrivals", 1) };
    let withdrawn = PersonGroup { status: GroupStatus::Withdrawn as i32, ..group(2) };
    let contact = |revision| ContactRecord { revision, ..met("C1", "P2", "I1", 1) };
    // The last test after entry was due on the 8th: it is old news from the 13th on.
    let mut inputs: Vec<Input> = (0..5).map(|day| Input::Group(group(day as u32 * 3), at(4 + 4 * day, 3))).collect();
    inputs.push(Input::Group(withdrawn, at(9, 0)));
    inputs.extend((0..5).map(|day| Input::Contact(contact(day as u32), at(2 + 4 * day, 3))));
    for seed in 0..20 {
        let dice = &mut Dice(seed * 7_919 + 1);
        let mut world = World::new();
        let mut hours = 0;
        for input in &inputs {
            hours += dice.roll(35) as i64;
            world.pass(at(2, hours));
            world.send(input, None);
            world.settle();
        }
        world.pass(at(18, 0));
        assert_eq!(said(&world, AlertFamily::GroupOverdue), [(false, Severity::Moderate)], "seed {seed}");
        let of_contact = said(&world, AlertFamily::ContactOverdue);
        assert!(!of_contact.is_empty() && of_contact.iter().all(|said| *said == (false, Severity::Moderate)));
        dice.shuffle(&mut inputs);
    }
}

#[test]
fn a_live_alert_says_nothing_more_when_its_list_is_sent_again() {
    let mut world = World::new();
    let list = |revision, received: Timestamp| {
        let group = PersonGroup { revision, ..member("G1", "P1", "arrivals", 1) };
        let contact = ContactRecord { revision, ..met("C1", "P2", "I1", 1) };
        [Input::Group(group, received), Input::Contact(contact, received)]
    };
    for input in list(0, at(2, 0)) {
        world.send(&input, None);
    }
    world.settle();
    world.pass(at(10, 0));
    let (alerts, to_do) = (world.alerts.len(), world.to_do.clone());
    assert!(alerts > 1);
    for night in 0..12 {
        for input in list(night as u32 + 1, at(11 + night, 3)) {
            world.send(&input, None);
        }
        world.settle();
    }
    assert_eq!((world.alerts.len(), &world.to_do), (alerts, &to_do));
}

/// A record of one piece of a list.
fn piece(number: i64, group: &str, first: i64, last: i64) -> PersonGroup {
    let (record, last_day) = (format!("G{number}"), format!("2022-11-{last:02}"));
    PersonGroup { last_day, ..member(&record, "P1", group, first) }
}

/// The days on which tests are due, with how many records ask for each.
fn due(world: &World) -> Vec<(String, usize)> {
    world.check_duties();
    let duties = world.to_do.get("P1").map(|said| said.duties.clone()).unwrap_or_default();
    let tests = duties.into_iter().filter(|duty| duty.kind() == DutyKind::GroupTest);
    tests.map(|duty| (duty.day[8..].to_owned(), duty.record_ids.len() + duty.record_ids_omitted as usize)).collect()
}

/// When a day of November begins.
fn november(day: i64) -> Timestamp {
    at(day - 1, 0)
}

/// First days of the alerts of groups that are live.
fn entries(world: &World) -> Vec<String> {
    world.check_alerts();
    let live = world.live();
    let of_groups = live.values().filter(|alert| alert.family() == AlertFamily::GroupOverdue);
    of_groups.map(|alert| alert.first_day[8..].to_owned()).collect()
}

#[test]
fn whoever_is_listed_day_by_day_is_tested_as_whoever_is_listed_once() {
    for group in ["drivers", "arrivals", "cold-chain", "hospitals"] {
        let (mut once, mut daily) = (World::new(), World::new());
        once.group(&piece(0, group, 3, 20));
        for day in 3..=20 {
            daily.group(&piece(day, group, day, day));
        }
        for day in 4..24 {
            for world in [&mut once, &mut daily] {
                if day == 9 {
                    world.lab(&swab("P1", "R1", at(9, 8), Finding::Negative));
                }
                world.pass(at(day, 20));
            }
            let days = |world| due(world).into_iter().map(|(day, _)| day).collect::<Vec<_>>();
            assert_eq!(days(&daily), days(&once), "{group} on day {day}");
            assert!(day != 15 || !days(&once).is_empty(), "{group}");
            assert_eq!(daily.live().keys().collect::<Vec<_>>(), once.live().keys().collect::<Vec<_>>(), "{group}");
            assert!(due(&daily).iter().all(|(_, records)| *records == 1), "the one of its day");
        }
        daily.check_alerts();
    }
}

#[test]
fn a_renewed_list_goes_on_with_the_alert_and_a_gap_enters_anew() {
    let mut world = World::new();
    world.group(&piece(1, "drivers", 3, 8));
    world.pass(november(8));
    assert_eq!(entries(&world), ["03"]);
    world.group(&piece(2, "drivers", 9, 14));
    world.pass(november(12));
    assert_eq!((entries(&world), world.alerts.len()), (vec!["03".to_owned()], 1), "renewed in time, and no word more");
    world.pass(november(15));
    assert!(entries(&world).is_empty(), "it has left");
    world.group(&piece(4, "drivers", 16, 25));
    world.pass(november(19));
    assert_eq!(entries(&world), ["16"], "of the 15th nobody said anything");
    let (alone, both) = (due(&world), piece(3, "drivers", 13, 15));
    world.group(&both);
    assert_eq!(entries(&world), ["03"], "said late, it is one stay all the same");
    assert!(due(&world).len() > alone.len() && due(&world).contains(&("14".to_owned(), 2)));
    world.group(&PersonGroup { revision: 1, status: GroupStatus::Withdrawn as i32, ..both });
    assert_eq!((entries(&world), due(&world)), (vec!["16".to_owned()], alone));
}

#[test]
fn the_day_of_entry_of_a_list_in_pieces_outlasts_what_is_forgotten() {
    let mut world = World::new();
    let first = world.rules.day(november(3));
    for week in 0..60 {
        let day = first.plus(7 * week);
        let days = PersonGroup {
            first_day: day.to_string(),
            last_day: day.plus(6).to_string(),
            ..member(&format!("G{week}"), "P1", "drivers", 3)
        };
        let begins = november(3 + 7 * i64::from(week));
        world.advance(begins);
        world.send(&Input::Group(days, begins), None);
    }
    world.advance(november(3 + 7 * 59 + 4));
    assert_eq!(entries(&world), ["03"]);
    let raised: std::collections::BTreeSet<&str> = world.alerts.iter().map(|alert| &*alert.first_day).collect();
    assert_eq!(raised.into_iter().collect::<Vec<_>>(), ["2022-11-03"], "one alert, from the first week to the last");
}
