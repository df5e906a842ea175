//! Episodes that late positives cut anew, over more than a year in which rows are dropped: at every moment they are what a
//! recount says that keeps everything, and every alert that is replaced says by which, both ways.

use super::sent::{at, revised, swab};
use super::world::{Dice, Input, World};
use std::collections::BTreeMap;
use swabstream::model::time::Timestamp;
use swabstream::pipeline::half::Half as _;
use swabstream::pipeline::person::PersonHalf;
use swabstream::policy::EpisodeForm::{self, FromFirstPositive, FromLastPositive};
use swabstream::policy::Rules;
use swabstream::policy::sample::sample_rules;
use swabstream::proto::v1::{Alert, AlertState, Finding, ResultStatus};

/// Results may be so late.
const HORIZON: i32 = 30;

/// Of all people.
const RESULTS: u64 = 60;

const PEOPLE: [&str; 3] = ["P1", "P2", "P3"];

fn rules(form: EpisodeForm, gap: i32) -> Rules {
    let mut rules = sample_rules();
    for policy in &mut rules.cases {
        (policy.episode_form, policy.episode_gap_days, policy.horizon_days) = (form, gap, HORIZON);
    }
    rules
}

/// Positives of more than a year, some of them taken back, in the order of their receipt.
fn history(dice: &mut Dice) -> Vec<(Timestamp, Input)> {
    let mut all = Vec::new();
    for number in 0..RESULTS {
        let taken = at(dice.roll(500) as i64, dice.roll(24) as i64);
        let first = swab(dice.pick(&PEOPLE), &format!("R{number}"), taken, Finding::Positive);
        let received = |dice: &mut Dice| taken.plus_days(dice.roll(HORIZON as u64 - 1) as i64).plus_hours(1);
        let at = received(dice);
        all.push((at, Input::Result(first.clone(), at)));
        if dice.roll(4) == 0 {
            let undone = revised(&first, 1, ResultStatus::Corrected, Finding::Negative);
            let at = received(dice);
            all.push((at, Input::Result(undone, at)));
        }
    }
    all.sort_by_key(|(at, _)| *at);
    all
}

/// The newest state of every alert.
fn newest(world: &World) -> BTreeMap<&str, &Alert> {
    world.alerts.iter().map(|alert| (alert.alert_id.as_str(), alert)).collect()
}

/// Where an alert says that another took its place, that one says so as well, and the other way round; it says what they
/// say now, or was itself replaced. Returns how many did.
fn links(world: &World) -> usize {
    let newest = newest(world);
    let mut links = 0;
    for alert in world.alerts.iter().filter(|alert| !alert.replaced_by.is_empty()) {
        let by = newest[alert.replaced_by.as_str()];
        assert_eq!(alert.state(), AlertState::Withdrawn);
        assert!(by.replaces.contains(&alert.alert_id), "{} does not say what it replaces", by.alert_id);
        assert_eq!((&by.person_id, by.family), (&alert.person_id, alert.family));
        links += 1;
    }
    for alert in newest.values() {
        for replaced in &alert.replaces {
            let states = world.alerts.iter().filter(|other| other.alert_id == *replaced);
            let by: Vec<&str> = states.map(|other| other.replaced_by.as_str()).collect();
            assert!(by.contains(&alert.alert_id.as_str()), "{replaced} does not say what replaced it");
        }
    }
    links
}

#[test]
fn late_positives_cut_episodes_anew_as_a_recount_does_that_drops_nothing() {
    let (mut cut, mut dropped) = (0, 0);
    for (form, gap) in
        [FromLastPositive, FromFirstPositive].into_iter().flat_map(|form| [(form, 10), (form, 25), (form, 90)])
    {
        for seed in 1..=8 {
            let dice = &mut Dice(seed * 7_919 + gap as u64);
            let history = history(dice);
            let mut world = World::with(rules(form, gap));
            for (received, input) in &history {
                world.send(input, None);
                world.settle();
                // Rows are dropped at any time up to what was read.
                if dice.roll(2) == 0 {
                    world.advance(*received);
                }
                world.check_alerts();
            }
            world.check();
            cut += links(&world);
            let rows =
                |half: &PersonHalf| half.sizes().iter().find(|(name, _)| *name == "rows").expect("they are counted").1;
            dropped += usize::from(world.halves.iter().map(rows).sum::<u64>() < RESULTS);
            // In another order, as far as the horizon lets records come: the same.
            let mut again = World::with(rules(form, gap));
            let mut otherwise = history.clone();
            otherwise.chunks_mut(6).for_each(|some| dice.shuffle(some));
            for (at, (_, input)) in otherwise.iter().enumerate() {
                again.send(input, None);
                again.settle();
                let left = otherwise[at + 1..].iter().map(|(received, _)| *received).min();
                again.advance(left.unwrap_or(history[at].0));
            }
            assert_eq!(again.live(), world.live(), "{form:?}, {gap} days, seed {seed}");
            links(&again);
        }
    }
    assert!(cut > 100 && dropped > 0, "{cut} alerts were replaced, {dropped} worlds");
}
