//! Random histories, by seed: what is true at the end depends on what was read, not on when.

use super::sent::{at, member, met, ordered, pool, swab};
use super::world::{Dice, Input, World, rules_with};
use prost::Message as _;
use std::collections::BTreeMap;
use swabstream::audit::cells::Cells;
use swabstream::audit::changes;
use swabstream::audit::duties::sums::DutySums;
use swabstream::model::record::Layout;
use swabstream::model::time::Timestamp;
use swabstream::policy::sample::sample_rules;
use swabstream::proto::v1::{
    AlertFamily, AlertState, AreaChanges, AreaPeriod, Cause, ContactKind, ContactRecord, ContactStatus, Finding,
    GroupStatus, LabResult, PersonGroup, ResultStatus, TimePrecision,
};

const PEOPLE: [&str; 6] = ["P1", "P2", "P3", "P4", "P5", "P6"];
const AREAS: [&str; 8] = ["D1S1", "D1S2", "D2S1", "D2S2", "D3S1", "D1", "D3", "C"];

/// Ids and an alias; no case policy is for the last.
const TARGETS: [&str; 6] = ["sars-cov-2", "sars-cov-2", "SARS-CoV-2", "influenza-a", "FLU-A", "rsv"];

/// An area that exists on a day: the third district went into the others on 1 December.
fn area_on(day: i64, area: &'static str) -> &'static str {
    if day >= 30 && area == "D3" { "D3S1" } else { area }
}

/// A version's time and specimen mostly follow from its result and revision. Two of one rank may differ in finding,
/// area and purpose all the same: then the hash of their content says which of them stands.
fn result(dice: &mut Dice) -> Input {
    let (number, revision) = (dice.roll(30), dice.roll(4) as u32);
    let mut fixed = Dice(number * 7919 + u64::from(revision / 2) * 104_729 + 1);
    fixed.roll(2);
    // Around the border change of 15 November and the merger of 1 December.
    let (day, hour) = ((number % 10) as i64 * 3 + fixed.roll(3) as i64 + 5, fixed.roll(24) as i64);
    let collected_at = at(day, hour);
    let finding = dice.pick(&[
        Finding::Negative,
        Finding::Negative,
        Finding::Negative,
        Finding::Positive,
        Finding::Positive,
        Finding::Inconclusive,
        Finding::Invalid,
    ]);
    let status = dice.pick(&[
        ResultStatus::Final,
        ResultStatus::Final,
        ResultStatus::Final,
        ResultStatus::Corrected,
        ResultStatus::Preliminary,
        ResultStatus::Cancelled,
        ResultStatus::EnteredInError,
    ]);
    let person = PEOPLE[(number % 6) as usize];
    let moved = revision >= 2 && fixed.roll(4) == 0;
    let to = if moved { fixed.pick(&PEOPLE) } else { person };
    let replaces = fixed.roll(4) == 0;
    // Where only the day is known, no hour of it means anything: another one is none.
    let day_only = fixed.roll(4) == 0;
    let collected_at = if day_only { collected_at.plus_hours(dice.roll(3) as i64 % (24 - hour)) } else { collected_at };
    let result = LabResult {
        collected_precision: if day_only { TimePrecision::Day as i32 } else { 0 },
        lab_id: ["LAB-1", "LAB-1", "LAB-2"][fixed.roll(3) as usize].into(),
        revision,
        status: status as i32,
        // The others of the same person; now and then in a circle.
        replaces_result_id: if replaces { format!("R{}", (number + 6 * fixed.roll(5)) % 30) } else { String::new() },
        previous_person_id: if moved { person.into() } else { String::new() },
        // Some results share their specimen with another one, of the same person and mostly for the same target.
        specimen_id: format!("S{}", number % 24),
        area: area_on(day, if dice.roll(4) == 0 { dice.pick(&AREAS) } else { fixed.pick(&AREAS) }).into(),
        purpose: fixed.pick(&["screening", "clinic"]).into(),
        target: if fixed.roll(4) == 0 { fixed.pick(&TARGETS) } else { TARGETS[number as usize % 24 % 6] }.into(),
        ..swab(to, &format!("R{number}"), collected_at, finding)
    };
    let late = dice.roll(6) as i64;
    Input::Result(result, collected_at.plus_days(late).plus_hours(1))
}

fn contact(dice: &mut Dice) -> Input {
    let (number, revision) = (dice.roll(8), dice.roll(3) as u32);
    let mut fixed = Dice(number * 6271 + u64::from(revision) * 15_485_863 + 1);
    fixed.roll(2);
    let person = PEOPLE[(number % 6) as usize];
    let index = PEOPLE[((number + 1 + fixed.roll(5)) % 6) as usize];
    if person == index {
        return contact(dice);
    }
    let day = 5 + fixed.roll(30) as i64;
    let kind =
        fixed.pick(&[ContactKind::Close, ContactKind::Secondary, ContactKind::Secondary, ContactKind::CoExposed]);
    let status = if dice.roll(5) == 0 { ContactStatus::Withdrawn } else { ContactStatus::Active };
    let record = met(&format!("C{number}"), person, index, day);
    let target = if fixed.roll(2) == 0 { "" } else { fixed.pick(&TARGETS) }.into();
    let record = ContactRecord { revision, kind: kind as i32, status: status as i32, target, ..record };
    let record = if fixed.roll(2) == 0 { ordered(record, at(day + 1, 0), day, day + 10) } else { record };
    // Some are known late: what they make due is old news then.
    Input::Contact(record, at(day + dice.pick(&[0, 1, 5, 30]), 20))
}

/// Records of key groups, of which some say different things at one revision.
fn group(dice: &mut Dice) -> Input {
    let (number, revision) = (dice.roll(18), dice.roll(3) as u32);
    let mut fixed = Dice(number * 7_561 + u64::from(revision) * 49_979_687 + 1);
    fixed.roll(2);
    let status = if dice.roll(5) == 0 { GroupStatus::Withdrawn } else { GroupStatus::Active };
    // Three records of each person: some overlap, some leave no day between, some do.
    let first = 1 + 3 * fixed.roll(7) as i64;
    let last_day = fixed.pick(&[None, Some(1), Some(2), Some(2), Some(5), Some(8)]);
    let last_day = last_day.map_or_else(String::new, |days| format!("2022-11-{:02}", first + days));
    let record =
        member(&format!("G{number}"), PEOPLE[number as usize % 6], fixed.pick(&["drivers", "arrivals"]), first);
    let area = area_on(first, if dice.roll(3) == 0 { dice.pick(&AREAS) } else { "" }).into();
    // Versions that say the same are known of by the first, also where it was overtaken.
    let received = at(first + dice.pick(&[0, 1, 5, 30]), 9);
    Input::Group(PersonGroup { revision, status: status as i32, area, last_day, ..record }, received)
}

/// Tubes, some of which have two results, of people who are in several.
fn tube(dice: &mut Dice) -> Input {
    let (number, revision) = (dice.roll(10), dice.roll(4) as u32);
    let mut fixed = Dice(number * 5381 + u64::from(revision / 2) * 32_452_843 + 1);
    fixed.roll(2);
    let (tube, day) = (number % 7, 5 + 4 * (number % 7) as i64 + fixed.roll(2) as i64);
    let collected_at = at(day, fixed.roll(24) as i64);
    let finding =
        dice.pick(&[Finding::Negative, Finding::Negative, Finding::Positive, Finding::Inconclusive, Finding::Invalid]);
    let status = dice.pick(&[
        ResultStatus::Final,
        ResultStatus::Final,
        ResultStatus::Corrected,
        ResultStatus::Preliminary,
        ResultStatus::Cancelled,
        ResultStatus::EnteredInError,
    ]);
    let people: Vec<&str> = PEOPLE.into_iter().filter(|_| fixed.roll(3) > 0).collect();
    let people = if people.is_empty() { PEOPLE.to_vec() } else { people };
    let of = pool(&format!("T{tube}"), &format!("Q{number}"), collected_at, finding, &people);
    let mut result = LabResult {
        collected_precision: if fixed.roll(4) == 0 { TimePrecision::Day as i32 } else { 0 },
        revision,
        status: status as i32,
        area: area_on(day, fixed.pick(&AREAS)).into(),
        target: TARGETS[tube as usize % TARGETS.len()].into(),
        // It is no part of what is said, but says by when members are to be tested.
        reported_at: (dice.roll(2) == 0).then(|| collected_at.plus_hours(dice.roll(9) as i64).to_wire()),
        ..of
    };
    for member in result.pool.iter_mut().flat_map(|pool| &mut pool.members) {
        member.area = if dice.roll(8) == 0 { area_on(day, dice.pick(&AREAS)) } else { "" }.into();
    }
    Input::Result(result, collected_at.plus_days(dice.roll(6) as i64).plus_hours(1))
}

fn history(dice: &mut Dice, length: usize) -> Vec<Input> {
    let one = |dice: &mut Dice| match dice.roll(14) {
        0 | 1 => contact(dice),
        2 | 3 => tube(dice),
        4 | 5 => group(dice),
        _ => result(dice),
    };
    (0..length).map(|_| one(dice)).collect()
}

/// Sends records, some to a wrong partition, with messages between tasks waiting as long as it pleases.
pub fn run(world: &mut World, history: &[Input], dice: &mut Dice, mut step: impl FnMut(&mut World, &mut Dice)) {
    for input in history {
        let partition = (dice.roll(10) == 0).then(|| dice.roll(world.layout.person_tasks as u64) as i32);
        world.send(input, partition);
        while dice.roll(3) == 0 {
            world.deliver(dice.roll(world.layout.person_tasks as u64) as usize);
        }
        step(world, dice);
    }
    world.settle();
}

pub fn random_history(seed: u64, length: usize) -> Vec<Input> {
    history(&mut Dice(seed * 2_654_435_761 + 1), length)
}

#[test]
fn after_every_step_the_sum_of_changes_is_a_full_recount() {
    for seed in 1..=6 {
        let mut world = World::new();
        for input in random_history(seed, 120) {
            world.send(&input, None);
            world.settle();
            let counted = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                world.check();
                world.check_duties();
            }));
            assert!(counted.is_ok(), "seed {seed}, after {input:?}");
        }
        assert!(world.numbers.len() > 100, "seed {seed} counted something");
    }
}

/// Streets and districts that go into one another, some twice, around which everybody is tested everywhere: people are
/// counted once, by brute force, in every area and window, and the city loses nobody.
#[test]
fn mergers_count_everybody_once_where_they_lie_now() {
    let gone = |from: &str, into: &str| AreaPeriod {
        effective_from: from.into(),
        abolished: true,
        merged_into: into.into(),
        ..AreaPeriod::default()
    };
    let rules = rules_with(|area| match area.code.as_str() {
        "D1S2" => area.periods.push(gone("2022-11-20", "D1S1")),
        "D1S1" => area.periods.push(gone("2022-11-27", "D2S1")),
        "D2S2" => area.periods.push(gone("2022-11-24", "D1")),
        _ => {}
    });
    for seed in 1..=8 {
        let mut world = World::with(rules.clone());
        let existed = |input: &Input| match input {
            Input::Result(result, _) => {
                let collected = result.collected_at.as_ref().and_then(Timestamp::from_wire).expect("a time");
                let members = result.pool.iter().flat_map(|pool| &pool.members).map(|member| &member.area);
                let mut areas = members.filter(|area| !area.is_empty()).chain([&result.area]);
                areas.all(|area| {
                    let area = rules.areas.index(area).expect("an area");
                    rules.areas.exists(area, rules.day(collected))
                })
            }
            Input::Contact(..) | Input::Group(..) => true,
        };
        let history: Vec<Input> = random_history(seed, 200).into_iter().filter(existed).collect();
        run(&mut world, &history, &mut Dice(seed), |_, _| ());
        world.check();
        assert!(world.numbers.len() > 100, "seed {seed} counted something");
    }
}

fn is_replacing(cause: &Cause) -> bool {
    !cause.replaces_result_id.is_empty() && cause.state() == AlertState::Withdrawn
}

/// When the last deadline of a history has passed.
const LAST: Timestamp = Timestamp(1_667_232_000_000 + 60 * 86_400_000);

/// What a run came to, by kind of record and of alert, and how much of each.
#[derive(Debug, Default)]
struct Tally(BTreeMap<&'static str, usize>);

impl Tally {
    fn add(&mut self, what: &'static str, number: usize) {
        *self.0.entry(what).or_default() += number;
    }

    fn inputs(&mut self, history: &[Input]) {
        for input in history {
            let kind = match input {
                Input::Result(result, _) if result.pool.is_some() => "pools",
                Input::Result(result, _) if !result.previous_person_id.is_empty() => "moved results",
                Input::Result(result, _) if !result.replaces_result_id.is_empty() => "replacing results",
                Input::Result(..) => "results",
                Input::Contact(..) => "contact records",
                Input::Group(..) => "group records",
            };
            self.add(kind, 1);
        }
    }

    fn world(&mut self, world: &World) {
        let live = world.live();
        for (what, family) in [
            ("missed tests", AlertFamily::ContactOverdue),
            ("missed tests of groups", AlertFamily::GroupOverdue),
            ("missed recalls", AlertFamily::PoolOverdue),
            ("positives", AlertFamily::Positive),
            ("positive pools", AlertFamily::PoolPositive),
            ("contradictions", AlertFamily::Contradiction),
        ] {
            self.add(what, live.values().filter(|alert| alert.family() == family).count());
        }
        let causes = world.alerts.iter().flat_map(|alert| &alert.causes);
        self.add("alerts withdrawn by a result that replaces", causes.filter(|cause| is_replacing(cause)).count());
        self.add("duties", world.to_do.values().map(|said| said.duties.len()).sum());
    }

    /// Of everything there was something: what never happens proves nothing.
    fn require(&self, least: usize) {
        assert!(self.0.len() >= 14 && self.0.values().all(|number| *number >= least), "{self:?}");
    }
}

/// Any interleaving, any repetition, any split over tasks, and deadlines that pass before or after what they are about is
/// known.
#[test]
fn any_order_repetition_and_split_over_tasks_ends_with_the_same_alerts_and_numbers() {
    let (mut tally, mut runs) = (Tally::default(), 0);
    for seed in 1..=12 {
        let history = random_history(seed, 100);
        tally.inputs(&history);
        let mut straight = World::new();
        run(&mut straight, &history, &mut Dice(seed), |_, _| ());
        straight.pass(LAST);
        straight.check();
        for (shuffle, person_tasks) in (1..).zip([1, 2, 3, 5, 16]) {
            let dice = &mut Dice(seed * 31 + shuffle);
            let mut again = history.clone();
            let repeated: Vec<Input> = history.iter().filter(|_| dice.roll(4) == 0).cloned().collect();
            again.extend(repeated);
            dice.shuffle(&mut again);
            let layout = Layout { person_tasks, area_tasks: 1 + dice.roll(4) as i32 };
            let mut world = World::split(sample_rules(), layout);
            let mut now = at(0, 0);
            run(&mut world, &again, dice, |world, dice| {
                now = now.plus_hours(dice.roll(24) as i64).min(LAST);
                world.pass(now);
            });
            world.pass(LAST);
            assert_same(&world, &straight, &format!("seed {seed}, shuffle {shuffle}"));
            world.check_duties();
            world.check_alerts();
            tally.world(&world);
            runs += 1;
        }
    }
    tally.require(12);
    assert_eq!(runs, 60);
}

fn assert_same(one: &World, other: &World, which: &str) {
    assert_eq!(one.live(), other.live(), "{which}");
    assert_eq!(one.numbers, other.numbers, "{which}");
    assert_eq!(one.to_do, other.to_do, "{which}");
    assert_eq!(one.duties, other.duties, "{which}");
}

#[test]
fn what_people_are_held_for_adds_up_to_what_was_sent() {
    for seed in 1..=6 {
        let mut world = World::new();
        run(&mut world, &random_history(seed, 150), &mut Dice(seed), |_, _| ());
        let (mut held, mut duties) = (Cells::new(), DutySums::new());
        for half in &mut world.halves {
            for output in half.all_counted() {
                let payload = output.payload.expect("changes");
                let said = AreaChanges::decode(&payload[..]).expect("changes");
                changes::add(&mut held, &said);
                changes::add_duties(&mut duties, &said);
            }
        }
        assert_eq!(held, world.numbers, "seed {seed}");
        assert_eq!(duties, world.duties, "seed {seed}");
    }
}

/// Whatever a record said in between, once it says again what it said, nothing is left of that: not in numbers, in no alert, and
/// in nothing that has to be done, whatever came due meanwhile.
#[test]
fn a_correction_followed_by_its_reverse_leaves_no_trace_in_any_number_alert_or_duty() {
    let (mut tally, mut undone) = (Tally::default(), 0);
    for seed in 1..=10 {
        let dice = &mut Dice(seed * 6_700_417);
        let history = random_history(seed, 80);
        for input in dice_picks(dice, &history) {
            let (other, back) = (otherwise(dice, &input, 100), same_again(&input, 101));
            let mut world = World::new();
            let mut all = history.clone();
            all.extend([other, back]);
            if dice.roll(2) == 0 {
                dice.shuffle(&mut all);
            }
            let mut now = at(0, 0);
            run(&mut world, &all, dice, |world, dice| {
                now = now.plus_hours(dice.roll(30) as i64).min(LAST);
                world.pass(now);
            });
            world.pass(LAST);
            // The last version stands in both: the one that is compared with must say so at last, too.
            let mut last = World::new();
            let mut straight = history.clone();
            straight.push(same_again(&input, 101));
            run(&mut last, &straight, &mut Dice(seed), |_, _| ());
            last.pass(LAST);
            assert_same(&world, &last, &format!("seed {seed}, {input:?}"));
            tally.inputs(&[input]);
            undone += 1;
        }
    }
    assert!(undone >= 100, "{undone} corrections were taken back");
    assert!(tally.0.len() == 6 && tally.0.values().all(|number| *number >= 5), "{tally:?}");
}

fn dice_picks(dice: &mut Dice, history: &[Input]) -> Vec<Input> {
    (0..12).map(|_| history[dice.roll(history.len() as u64) as usize].clone()).collect()
}

/// A later version that says something else.
fn otherwise(dice: &mut Dice, input: &Input, revision: u32) -> Input {
    match same_again(input, revision) {
        Input::Result(result, at) => {
            let finding = dice.pick(&[Finding::Negative, Finding::Positive, Finding::Inconclusive]) as i32;
            let area = ["D2S1", "D1S2"][dice.roll(2) as usize].to_owned();
            Input::Result(LabResult { finding, area, ..result }, at)
        }
        Input::Contact(record, at) => {
            Input::Contact(ContactRecord { status: ContactStatus::Withdrawn as i32, ..record }, at)
        }
        Input::Group(record, at) => Input::Group(PersonGroup { status: GroupStatus::Withdrawn as i32, ..record }, at),
    }
}

/// A later version that says the same.
fn same_again(input: &Input, revision: u32) -> Input {
    match input.clone() {
        Input::Result(result, at) => Input::Result(LabResult { revision, ..result }, at),
        Input::Contact(record, at) => Input::Contact(ContactRecord { revision, ..record }, at),
        Input::Group(record, at) => Input::Group(PersonGroup { revision, ..record }, at),
    }
}
