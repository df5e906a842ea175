//! Lists of key groups, and of contacts, as their keepers send them: again each night, or in pieces.

use super::sent::{at, member, met};
use super::world::{Dice, Input, World};
use swabstream::model::time::Timestamp;
use swabstream::proto::v1::{AlertFamily, ContactRecord, GroupStatus, PersonGroup, Severity};

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
