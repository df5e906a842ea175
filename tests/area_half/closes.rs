//! Days are closed once each, in order, when their time has come everywhere.

use crate::bench::{Bench, context, heard};
use crate::city::{Finding, Test, batch};
use crate::numbers::{day, live_alerts};
use prost::Message as _;
use std::collections::BTreeMap;
use std::sync::Arc;
use swabstream::model::record::{Output, Position, Record, Topic};
use swabstream::model::time::{Day, Timestamp};
use swabstream::pipeline::area::AreaHalf;
use swabstream::pipeline::half::Half as _;
use swabstream::pipeline::times::Times;
use swabstream::policy::Rules;
use swabstream::policy::records::record;
use swabstream::policy::sample::sample_rules;
use swabstream::proto::v1::{AreaPositivity, AreaPublished, DayClose, DayIncomplete, Progress, rule};
use swabstream::runtime::log::Committed;
use swabstream::runtime::task::clock::Look;
use swabstream::runtime::task::{RulesInForce, Task};
use swabstream::state::changelog::{FORMAT, Restorer};
use swabstream::state::paged::Paged as _;

fn tested(on: Day) -> Test {
    Test { area: "D1S1", purpose: 0, day: on, finding: Finding::Negative }
}

fn noon(on: Day) -> Timestamp {
    Timestamp(i64::from(on.0) * 86_400_000 + 4 * 3_600_000)
}

fn marked(on: Day, without: &[i32]) -> Rules {
    let mark = DayIncomplete {
        day: on.to_string(),
        without: without.to_vec(),
        by: "Zhang Wei".into(),
        reason: "its disk is lost".into(),
        at: "2022-03-05T00:00:00Z".into(),
    };
    let mut records = sample_rules().to_records();
    records.push(record(rule::Rule::DayIncomplete(mark)).expect("a rule"));
    Rules::from_records(&records).expect("valid rules")
}

/// The first time that each day of the city is said to be closed, in the order of the outputs; none is closed twice.
fn closes(outputs: &[Output]) -> Vec<(Day, DayClose)> {
    let mut closes: Vec<(Day, DayClose)> = Vec::new();
    for output in outputs.iter().filter(|output| output.topic == Topic::AreaPositivity) {
        let Some(payload) = output.payload.as_deref() else { continue };
        let numbers = AreaPositivity::decode(payload).expect("ours");
        let (Some(close), "C") = (numbers.close, numbers.area.as_str()) else { continue };
        let on = day(&numbers.day);
        match closes.iter().find(|(known, _)| *known == on) {
            Some((_, known)) => assert_eq!(*known, close, "{on} is closed once"),
            None => closes.push((on, close)),
        }
    }
    closes
}

fn days(closes: &[(Day, DayClose)]) -> Vec<Day> {
    closes.iter().map(|(day, _)| *day).collect()
}

#[test]
fn a_day_is_closed_at_its_hour_and_what_arrives_later_is_told_apart() {
    let rules = Arc::new(sample_rules());
    let first = day("2022-03-01");
    let mut bench = Bench::new(&rules);
    bench.read(&batch(&rules, 0, 1, &[], &[tested(first), tested(first)]));
    bench.commit(Some(first));
    bench.commit(Some(first.plus(1)));
    assert_eq!(closes(&bench.outputs), [], "24 hours after its end");
    bench.commit(Some(first.plus(2)));
    let close = DayClose { closed_at: Some(noon(first.plus(2)).to_wire()), tests: 2, without: Vec::new() };
    assert_eq!(closes(&bench.outputs), [(first, close.clone())]);
    // A late result counts, and the close stays as it was.
    bench.read(&batch(&rules, 0, 2, &[], &[tested(first)]));
    bench.commit(Some(first.plus(2)));
    assert_eq!(bench.numbers()["C/2022-03-01"].purposes[0].windows[0].conclusive_tests, 3);
    assert_eq!(closes(&bench.outputs), [(first, close)]);
    assert_eq!(bench.half.closed(), Some(first));
}

/// What each day was closed with, by key, in the order of the outputs.
fn frozen(outputs: &[Output]) -> Vec<(String, AreaPublished)> {
    let of = |output: &Output| {
        let payload = output.payload.as_deref().expect("it is never taken back");
        (String::from_utf8(output.key.clone()).expect("text"), AreaPublished::decode(payload).expect("ours"))
    };
    outputs.iter().filter(|output| output.topic == Topic::AreaPublished).map(of).collect()
}

#[test]
fn what_a_day_was_closed_with_is_published_once_whatever_comes_later() {
    let rules = Arc::new(sample_rules());
    let first = day("2022-03-01");
    let mut bench = Bench::new(&rules);
    let positive = || Test { finding: Finding::Positive, ..tested(first) };
    bench.read(&batch(&rules, 0, 1, &[], &[tested(first), positive()]));
    bench.commit(Some(first));
    bench.commit(Some(first.plus(1)));
    assert_eq!(frozen(&bench.outputs), []);
    bench.commit(Some(first.plus(2)));
    let published = frozen(&bench.outputs);
    let keys: Vec<&str> = published.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["C/2022-03-01", "D1/2022-03-01", "D1S1/2022-03-01"]);
    for (key, AreaPublished { numbers, tier }) in &published {
        let numbers = numbers.as_ref().expect("numbers");
        let of_day = &numbers.purposes[0].windows[0];
        assert_eq!((of_day.positive_tests, of_day.conclusive_tests), (1, 2), "{key}");
        assert_eq!(numbers.close.as_ref().map(|close| close.tests), Some(2), "{key}");
        let known = AreaPositivity { now: None, close: None, ..numbers.clone() };
        let live = AreaPositivity { close: None, ..bench.numbers()[key].clone() };
        assert_eq!(known, live, "it is what is known when it is closed");
        // On the city no policy decides.
        assert_eq!(tier.as_ref().map(|tier| tier.day.as_str()), Some("2022-03-01").filter(|_| !key.starts_with('C')));
    }
    // Late results, a correction, other days and other rules change what is known, and nothing that was published.
    bench.read(&batch(&rules, 0, 2, &[positive()], &[tested(first), tested(first), tested(first)]));
    bench.commit(Some(first.plus(2)));
    assert_eq!(bench.numbers()["C/2022-03-01"].purposes[0].windows[0].conclusive_tests, 4);
    bench.commit(Some(first.plus(3)));
    bench.adopt(&Arc::new(marked(first, &[0])));
    bench.commit(Some(first.plus(3)));
    let all = frozen(&bench.outputs);
    assert_eq!(all[..3], published);
    let later: Vec<&str> = all[3..].iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(later, ["C/2022-03-02", "D1/2022-03-02", "D1S1/2022-03-02"], "the next day, which was closed as well");
}

#[test]
fn after_an_outage_of_weeks_every_day_is_closed_once_and_in_order() {
    let rules = Arc::new(sample_rules());
    let first = day("2022-03-01");
    let last = first.plus(60);
    let mut bench = Bench::new(&rules);
    let tests: Vec<Test> = (0..=60).map(|after| tested(first.plus(after))).collect();
    bench.read(&batch(&rules, 0, 1, &[], &tests[..1]));
    bench.commit(Some(first));
    bench.read(&batch(&rules, 0, 2, &tests[..1], &tests));
    let come = Times { everywhere: Some(noon(last)), closing: Some(noon(last)), ..Times::default() };
    while bench.half.owes(&come) {
        bench.commit(Some(last));
    }
    let closed = closes(&bench.outputs);
    assert_eq!(days(&closed), (0..59).map(|after| first.plus(after)).collect::<Vec<_>>());
    assert!(closed.iter().all(|(_, close)| close.tests == 1));
    let of_city = frozen(&bench.outputs).into_iter().filter(|(key, _)| key.starts_with("C/")).map(|(key, _)| key);
    assert_eq!(
        of_city.collect::<Vec<_>>(),
        (0..59).map(|after| format!("C/{}", first.plus(after))).collect::<Vec<_>>()
    );
    let said = bench.outputs.len();
    bench.commit(Some(last));
    assert_eq!(bench.outputs.len(), said, "nothing is closed again");
}

#[test]
fn no_close_is_of_an_earlier_time_than_the_one_before_whatever_its_owner_knows() {
    let rules = Arc::new(sample_rules());
    let first = day("2022-03-01");
    let mut bench = Bench::new(&rules);
    bench.read(&batch(&rules, 0, 1, &[], &[tested(first), tested(first.plus(1))]));
    bench.commit(Some(first));
    let times = |everywhere, closing| Times {
        everywhere: Some(noon(first.plus(everywhere))),
        closing: Some(noon(first.plus(closing))),
        ..Times::default()
    };
    bench.commit_at(times(2, 9));
    // Another owner has not heard yet how far the tasks have come.
    bench.commit_at(times(3, 3));
    let closed: Vec<_> = closes(&bench.outputs).into_iter().map(|(day, close)| (day, close.closed_at)).collect();
    let at = Some(noon(first.plus(9)).to_wire());
    assert_eq!(closed, [(first, at), (first.plus(1), at)]);
}

#[test]
fn whoever_restores_a_task_closes_no_day_again_and_leaves_none_out() {
    let rules = RulesInForce { rules: Arc::new(sample_rules()), offset: 1 };
    let first = day("2022-03-01");
    let mut task = Task::<AreaHalf>::fresh(context(), &rules, vec![(Topic::AreaChanges, 0)], 8);
    let mut outputs: Vec<Output> = Vec::new();
    let mut changelog = Vec::new();
    let mut told: Vec<String> = Vec::new();
    for after in 0..12 {
        let payload = batch(&rules.rules, 0, after as u64 + 1, &[], &[tested(first.plus(after))]).encode_to_vec();
        let position = Position { topic: Topic::AreaChanges, partition: 0, offset: i64::from(after) };
        let (received_at, payload) = (Timestamp(0), Some(&payload[..]));
        task.apply(&Record { position, received_at, key: None, payload, content_type: None }).expect("of this version");
        let look = heard(noon(first.plus(after)));
        task.pass_time(&Look { at: Timestamp(i64::from(after)), read_until: None, ..look.clone() });
        task.pass_time(&Look { at: Timestamp(100), read_until: Some(Timestamp(100)), ..look });
        let (published, commit) = task.commit(None);
        let progress = published.iter().filter(|output| output.topic == Topic::Progress);
        told.extend(
            progress
                .map(|output| Progress::decode(output.payload.as_deref().expect("progress")).expect("ours").closed_day),
        );
        outputs.extend(published);
        changelog.extend(commit.changes.iter().cloned());
        // Another owner takes it over after each commit.
        let mut restorer = Restorer::new(Topic::AreaState, 0, 8);
        for Output { key, payload, .. } in &changelog {
            restorer.take(key, payload.as_deref()).expect("ours");
        }
        let committed = Committed { next: commit.next, begin: Vec::new(), mark: Some(commit.mark) };
        task = Task::restored(context(), &rules, committed, restorer, 8).expect("it was whole");
    }
    assert_eq!(days(&closes(&outputs)), (0..10).map(|after| first.plus(after)).collect::<Vec<_>>());
    let told: Vec<String> = told.into_iter().filter(|day| !day.is_empty()).collect();
    assert!(told.is_sorted() && told.last().is_some_and(|last| *last == first.plus(9).to_string()), "{told:?}");
}

#[test]
fn no_day_is_closed_while_a_task_is_behind_unless_it_is_marked_and_then_it_says_without_whom() {
    let first = day("2022-03-01");
    let plain = Arc::new(sample_rules());
    // Task 1 is at noon of the second day, the others are days further.
    let noon_of_second = Some(noon(first.plus(1)));
    let stalled = Times { everywhere: noon_of_second, closing: noon_of_second, ..Times::default() };
    let commit = |bench: &mut Bench, times: Times| bench.commit_at(times);
    let mut bench = Bench::new(&plain);
    bench.read(&batch(&plain, 0, 1, &[], &[tested(first), tested(first.plus(1))]));
    commit(&mut bench, stalled);
    assert_eq!(closes(&bench.outputs), []);
    let rules = Arc::new(marked(first, &[1]));
    let come_to = [noon(first.plus(4)), noon(first.plus(1))];
    let closing = rules.closing(&come_to);
    bench.adopt(&rules);
    let passed = Times { closing, ..stalled };
    assert!(bench.half.owes(&passed));
    while bench.half.owes(&passed) {
        commit(&mut bench, passed);
    }
    let closed = closes(&bench.outputs);
    assert_eq!(days(&closed), [first], "the day after is not marked");
    assert_eq!((closed[0].1.tests, &closed[0].1.without), (1, &vec![1]));
    // It has come on: the next day is whole.
    bench.read(&batch(&rules, 1, 1, &[], &[tested(first)]));
    let come = Times { everywhere: Some(noon(first.plus(4))), closing: Some(noon(first.plus(4))), ..Times::default() };
    while bench.half.owes(&come) {
        commit(&mut bench, come);
    }
    let closed: BTreeMap<Day, DayClose> = closes(&bench.outputs).into_iter().collect();
    assert_eq!(closed[&first].without, [1]);
    assert_eq!((closed[&first.plus(1)].tests, closed[&first.plus(1)].without.len()), (1, 0));
    let live = &bench.numbers()["C/2022-03-01"].purposes[0].windows[0];
    assert_eq!(live.conclusive_tests, 2, "what came late counts");
}

/// It is the rules in force that let a day close, also where closes could have gone further by those before.
#[test]
fn a_mark_that_was_narrowed_in_time_lets_nothing_close_by_the_wider_one() {
    let first = day("2022-03-01");
    let in_force = |without: &[i32], offset| RulesInForce { rules: Arc::new(marked(first, without)), offset };
    let mut task = Task::<AreaHalf>::fresh(context(), &in_force(&[1, 2], 1), vec![(Topic::AreaChanges, 0)], 8);
    let payload = batch(&sample_rules(), 0, 1, &[], &[tested(first)]).encode_to_vec();
    let position = Position { topic: Topic::AreaChanges, partition: 0, offset: 0 };
    let (received_at, payload) = (Timestamp(0), Some(&payload[..]));
    task.apply(&Record { position, received_at, key: None, payload, content_type: None }).expect("of this version");
    // Of three person tasks two are at noon of the second day.
    let behind = noon(first.plus(1));
    task.pass_time(&Look { come_to: [noon(first.plus(4)), behind, behind].into(), ..heard(behind) });
    task.adopt(&in_force(&[1], 2));
    let mut outputs = task.commit(None).0;
    assert!(closes(&outputs).is_empty() && !task.owes(), "task 2 is waited for");
    task.adopt(&in_force(&[1, 2], 3));
    while task.owes() {
        outputs.extend(task.commit(None).0);
    }
    let closed = closes(&outputs);
    assert_eq!((days(&closed), &closed[0].1.without), (vec![first], &vec![1, 2]));
    // What was closed stays so.
    task.adopt(&in_force(&[1], 4));
    outputs.extend(task.commit(None).0);
    assert_eq!((closes(&outputs), task.half().closed(), task.owes()), (closed, Some(first), false));
}

/// An operator lets days close without person task 1, which stands still on the second of them.
#[test]
fn while_days_close_without_a_task_an_area_goes_up_and_not_down() {
    let rules = Arc::new(sample_rules());
    let first = day("2022-03-01");
    let (behind, far) = (noon(first.plus(1)), noon(first.plus(20)));
    let at = |own, closing| Times { own, everywhere: Some(own), closing: Some(closing), ..Times::default() };
    let positive = |area, on| Test { area, finding: Finding::Positive, ..tested(on) };
    let mut bench = Bench::new(&rules);
    let go_on = |bench: &mut Bench, times: Times| {
        bench.commit_at(times);
        while bench.half.owes(&times) {
            bench.commit_at(times);
        }
    };
    let tier = |bench: &Bench, area: &str| {
        let tier = bench.tiers()[area].clone();
        (tier.tier, day(&tier.day), tier.earliest_step_down)
    };
    bench.read(&batch(&rules, 0, 1, &[], &[positive("D1S1", first)]));
    go_on(&mut bench, at(behind, behind));
    assert_eq!(tier(&bench, "D1S1"), ("high".into(), first.plus(1), "2022-03-09".into()));
    // Seven clean days go by, of which nobody knows whether they are.
    go_on(&mut bench, at(behind, far));
    assert_eq!(tier(&bench, "D1S1"), ("high".into(), first.plus(7), String::new()), "the last day of the gravest");
    let of = |bench: &Bench, area: &str| live_alerts(bench).into_iter().filter(|alert| alert.0 == area).count();
    assert_eq!(of(&bench, "D1S1"), 1, "raised, and not lowered");
    bench.read(&batch(&rules, 0, 2, &[], &[positive("D2S2", first.plus(15))]));
    go_on(&mut bench, at(behind, far));
    assert_eq!(tier(&bench, "D2S2"), ("high".into(), first.plus(20), String::new()), "it goes up at once");
    // Whoever takes the task over goes on so.
    let mut restored = AreaHalf::new(context(), rules.clone());
    for (page, image) in (0..).zip(bench.images()) {
        restored.load(page, &image, FORMAT).expect("ours");
    }
    restored.restored().expect("whole");
    bench.half = restored;
    go_on(&mut bench, at(behind, far));
    assert_eq!(tier(&bench, "D1S1").0, "high");
    // The task has come on, and nothing new was found.
    go_on(&mut bench, at(far, far));
    assert_eq!(tier(&bench, "D1S1"), ("low".into(), first.plus(20), String::new()));
    assert_eq!(of(&bench, "D1S1"), 3, "raised, and lowered in two steps");
    assert_eq!(tier(&bench, "D2S2"), ("high".into(), first.plus(20), "2022-03-24".into()));
}

/// Closes go on as far as was once known, but not over a day whose mark was taken back before it was closed.
#[test]
fn a_mark_that_was_taken_back_in_time_lets_nothing_close() {
    let first = day("2022-03-01");
    let rules = Arc::new(sample_rules());
    let mut bench = Bench::new(&rules);
    bench.read(&batch(&rules, 0, 1, &[], &[tested(first)]));
    let times = Times { everywhere: Some(noon(first)), closing: Some(noon(first.plus(2))), ..Times::default() };
    bench.commit_at(times);
    assert_eq!(closes(&bench.outputs), []);
    assert_eq!(bench.half.closed(), None);
}
