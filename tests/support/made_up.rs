//! Made-up outputs of a city, as records: what a page can be looked at with when no processing runs.

use prost::Message;
use swabstream::clock;
use swabstream::model::interval::wilson;
use swabstream::model::outcome::{End, Ledger, Outcome, RejectCode};
use swabstream::model::record::{HalfKind, Position, Record, Topic};
use swabstream::model::time::{Day, Timestamp};
use swabstream::policy::Rules;
use swabstream::policy::areas::Area;
use swabstream::proto::v1::{
    self, Alert, AlertFamily, AlertState, AreaDuties, AreaPositivity, AreaTier, CauseKind, Channel, GroupDuties,
    MatchedContact, MeasuredDays, PooledInterval, PooledPrevalence, Progress, Proportion, PurposeNumbers, Severity,
    TierHysteresis, TierReason, WindowNumbers,
};
use swabstream::telemetry::meter::{Meter, TaskReport};
use swabstream::view::View;

/// The person every made-up alert is about: must never be seen whole.
pub const PERSON: &str = "PSEUDONYM-0123456789";

const PURPOSES: [&str; 3] = ["", "clinic", "screening"];

/// Publishes the rules in force.
pub fn rules(view: &View, rules: &Rules) {
    for (key, value) in rules.to_records().into_iter().chain([rules.manifest()]) {
        update(view, Topic::Rules, key.as_bytes(), &value, clock::now());
    }
}

/// Publishes numbers, tiers and alerts of `days` days that end on `last`.
pub fn city(view: &View, rules: &Rules, last: Day, days: i32) {
    for (at, area) in rules.areas.list.iter().enumerate() {
        for back in (0..days).rev() {
            let message = positivity(rules, area, at, last.plus(-back), days - back);
            let key = format!("{}/{}", message.area, message.day);
            update(view, Topic::AreaPositivity, key.as_bytes(), &message.encode_to_vec(), clock::now());
            let message = duties(rules, area, at, last.plus(1 - back));
            let key = format!("{}/{}", message.area, message.day);
            update(view, Topic::AreaDuties, key.as_bytes(), &message.encode_to_vec(), clock::now());
        }
        if let Some(tier) = tier(rules, area, at, last) {
            update(view, Topic::AreaTiers, area.code.as_bytes(), &tier.encode_to_vec(), clock::now());
        }
    }
    for number in 0..40_usize {
        let alert = alert(rules, number, last);
        let about_area = alert.family() == AlertFamily::TierChanged;
        let topic = if about_area { Topic::AreaAlerts } else { Topic::Alerts };
        let at = Timestamp(clock::now().0 - 1000 * (number * number * 3) as i64);
        update(view, topic, alert.alert_id.as_bytes(), &alert.encode_to_vec(), at);
    }
    for half in HalfKind::ALL.map(HalfKind::name) {
        let progress = Progress { half: half.to_owned(), now: Some(clock::now().to_wire()), ..Progress::default() };
        update(view, Topic::Progress, half.as_bytes(), &progress.encode_to_vec(), clock::now());
    }
    for (code, field) in [(&b"unknown_area"[..], &b"area"[..]), (b"invalid_id", b"person_id")] {
        let letter = |name: &str| match name {
            "swabstream-code" => Some(code),
            "swabstream-field" => Some(field),
            _ => None,
        };
        view.update(|overview| overview.absorb(&record(Topic::DeadLetters, b"", b"bytes", clock::now()), letter));
    }
    view.update(|overview| overview.set_caught_up());
}

/// Reports as two workers would that have consumed `records` each.
pub fn work(person: &mut Meter, area: &mut Meter, records: u64, labs: &[(String, String)]) {
    let now = clock::now();
    let mut ledger = Ledger::default();
    for number in 0..records {
        ledger.book(match number % 50 {
            0..38 => Outcome::Used(End::Accepted),
            38..43 => Outcome::Used(End::Forwarded),
            43..46 => Outcome::Used(End::Duplicate),
            46 => Outcome::Used(End::Corrected),
            47 => Outcome::Rejected(RejectCode::UnknownArea),
            _ => Outcome::Used(End::ContactApplied),
        });
    }
    (ledger.sent, ledger.received) = (records / 10, records / 10);
    let heard = |(at, (lab, _)): (usize, &(String, String))| (lab.clone(), Timestamp(now.0 - (at * at) as i64 * 9000));
    person.labs_heard(&labs.iter().enumerate().skip(1).map(heard).collect::<Vec<_>>());
    for (meter, topic) in [(person, Topic::LabResults), (area, Topic::AreaChanges)] {
        meter.committed(std::time::Duration::from_micros(8300), &[(topic, 1800 + records % 700)], &[]);
        let sizes = vec![("rows", records), ("bytes", 24 * records)];
        meter.task(TaskReport { task: 0, now: Some(now), ledger: &ledger, lag: Some(records % 3 * 40), sizes });
    }
}

fn record<'a>(topic: Topic, key: &'a [u8], payload: &'a [u8], at: Timestamp) -> Record<'a> {
    let position = Position { topic, partition: 0, offset: 0 };
    Record { position, received_at: at, key: Some(key), payload: Some(payload), content_type: None }
}

fn update(view: &View, topic: Topic, key: &[u8], payload: &[u8], at: Timestamp) {
    view.absorb(&[record(topic, key, payload, at)]);
}

fn positivity(rules: &Rules, area: &Area, at: usize, day: Day, age: i32) -> AreaPositivity {
    let population = area.facts(day).map_or(0, |facts| facts.population);
    let purposes = PURPOSES.iter().zip([1.0, 0.2, 0.8]).map(|(purpose, part)| PurposeNumbers {
        purpose: (*purpose).to_owned(),
        windows: [1, 3, 7, 14].map(|days| window(days, population as f64 * part, at, age)).to_vec(),
    });
    AreaPositivity {
        area: area.code.clone(),
        day: day.to_string(),
        now: Some(clock::now().to_wire()),
        population,
        purposes: purposes.collect(),
        rules_digest: rules.digest.clone(),
        target: rules.target_id(0).to_owned(),
        close: None,
    }
}

fn of_group(group: &str, people: &impl Fn(i32) -> i64) -> GroupDuties {
    let (tests_due, tests_taken, tests_overdue) = (20 + people(15), people(20), people(3));
    GroupDuties { group: group.to_owned(), members: 60 + people(40), tests_due, tests_taken, tests_overdue }
}

/// Days to come are there too.
fn duties(rules: &Rules, area: &Area, at: usize, day: Day) -> AreaDuties {
    let people = |many: i32| i64::from((at as i32 * 7 + day.0).rem_euclid(many));
    AreaDuties {
        area: area.code.clone(),
        day: day.to_string(),
        target: rules.target_id(0).to_owned(),
        now: Some(clock::now().to_wire()),
        rules_digest: rules.digest.clone(),
        to_isolate: people(9),
        managed: 40 + people(30),
        to_release: people(7),
        tests_due: 20 + people(11),
        tests_taken: people(20),
        tests_overdue: people(2),
        pools_to_recall: people(3),
        members_to_recall: 4 * people(3),
        groups: ["cold-chain", "drivers"].map(|group| of_group(group, &people)).to_vec(),
    }
}

fn window(days: i32, population: f64, at: usize, age: i32) -> WindowNumbers {
    let share = |age: i32| (0.0004 * (1 + at * 7 % 11) as f64 * 1.06_f64.powi(age % 70 - (at % 9) as i32)).min(0.4);
    let of_days = || (age - days + 1..=age).filter(|age| *age > 0);
    let noise = |age: i32| 0.6 + 0.4 * f64::from((age * 37 + at as i32 * 11) % 10) / 10.0;
    let tests: i64 = of_days().map(|age| (population / 900.0 * noise(age)) as i64).sum();
    let positive: i64 = of_days().map(|age| (population / 900.0 * noise(age) * share(age)) as i64).sum();
    let (people, found) = (tests * 9 / 10, positive * 9 / 10);
    let proportion =
        |found, all| wilson(found, all).map(|of| Proportion { value: of.value, low: of.low, high: of.high });
    WindowNumbers {
        days: days as u32,
        positive_tests: positive,
        conclusive_tests: tests,
        other_tests: tests / 200,
        people_positive: Some(found),
        people_tested: Some(people),
        cases: found,
        community_cases: found * 6 / 10,
        tests_over_tests: proportion(positive, tests),
        people_over_people: proportion(found, people),
        people_over_tests: (tests > 0).then(|| found as f64 / tests as f64),
        cases_per_100k: (population > 0.0).then(|| found as f64 * 100_000.0 / population),
        tests_per_100k: (population > 0.0).then(|| tests as f64 * 100_000.0 / population),
        pooled: Some(pooled(tests / 10, positive.min(tests / 10))),
        positive_tubes: Some(positive),
        conclusive_tubes: Some(tests / 5),
        tubes_over_tubes: proportion(positive.min(tests / 5), tests / 5),
    }
}

fn pooled(pools: i64, positive: i64) -> PooledPrevalence {
    PooledPrevalence {
        pools,
        positive_pools: positive,
        members: 10 * pools,
        most_likely: 0.0012,
        low: 0.0007,
        high: 0.0019,
        firth: 0.0012,
        method: PooledInterval::Exact as i32,
        ..PooledPrevalence::default()
    }
}

fn tier(rules: &Rules, area: &Area, at: usize, day: Day) -> Option<AreaTier> {
    let policy = rules.tier_policy(area.level, 0, day)?;
    let rank = at * 5 % 7 % policy.tiers.len();
    let name = policy.tiers[rank].clone();
    let reason = |measure: &str, denominator, value, decided| TierReason {
        measure: measure.to_owned(),
        window_days: 7,
        numerator: 123,
        denominator,
        value: Some(value),
        tier: name.clone(),
        decided,
        ..TierReason::default()
    };
    Some(AreaTier {
        area: area.code.clone(),
        day: day.to_string(),
        tier: name.clone(),
        rank: rank as u32,
        policy_id: policy.id.clone(),
        policy_version: policy.version.clone(),
        reasons: vec![reason("cases_per_100k", 1_000_000, 12.3, true), reason("tests_over_tests", 4100, 0.03, false)],
        earliest_step_down: if rank > 0 { day.plus(5).to_string() } else { String::new() },
        previous_tier: policy.tiers[0].clone(),
        now: Some(clock::now().to_wire()),
        target: rules.target_id(0).to_owned(),
        hysteresis: Some(TierHysteresis { rise_days: 3, fall_days: 5, days: measured(&policy.tiers[rank], day) }),
    })
}

/// Of a tier that some days have measured, after milder ones.
fn measured(tier: &str, day: Day) -> Vec<MeasuredDays> {
    let stretch = |first: i32, last: i32, tier: &str| MeasuredDays {
        first_day: day.plus(first).to_string(),
        last_day: day.plus(last).to_string(),
        tier: tier.to_owned(),
    };
    vec![stretch(-22, -4, ""), stretch(-3, 0, tier)]
}

fn alert(rules: &Rules, number: usize, day: Day) -> Alert {
    let area = &rules.areas.list[(number * 13 + 1) % rules.areas.list.len()];
    let states = [AlertState::Raised, AlertState::Updated, AlertState::Raised, AlertState::Withdrawn];
    let contact = MatchedContact { record_id: "C-1".to_owned(), person_id: PERSON.to_owned(), ..Default::default() };
    let mut alert = Alert {
        alert_id: format!("{:032x}", (number as u128 + 1) << 100),
        version: 1,
        state: states[number % 4] as i32,
        area: area.code.clone(),
        first_day: day.to_string(),
        ..Alert::default()
    };
    if number % 9 == 4 {
        alert.set_family(AlertFamily::TierChanged);
        alert.set_severity(Severity::Moderate);
        (alert.tier_before, alert.tier_after) = ("low".to_owned(), "high".to_owned());
        return alert;
    }
    let contradiction = number % 11 == 7;
    alert.set_family(if contradiction { AlertFamily::Contradiction } else { AlertFamily::Positive });
    alert.set_severity([Severity::High, Severity::High, Severity::Moderate, Severity::Info][number % 4]);
    alert.set_channel(if number.is_multiple_of(3) { Channel::Managed } else { Channel::Community });
    alert.person_id = PERSON.to_owned();
    // Every fifth is about another target than the first, as far as there are several.
    alert.target = rules.target_id((usize::from(number % 5 == 4) % rules.deployment.targets.len()) as u8).to_owned();
    alert.purpose = "screening".to_owned();
    alert.historic = number % 8 == 3;
    alert.positive_specimens = 1;
    alert.exposed_to = vec![contact.clone(); number % 3];
    alert.to_trace = vec![contact; number % 5];
    alert.policy = "cn-cases@2022-11-11".to_owned();
    alert.causes = vec![v1::Cause {
        kind: CauseKind::Result as i32,
        state: alert.state,
        lab_id: rules.labs[number % rules.labs.len()].0.clone(),
        record_id: format!("R-{number}"),
        revision: u32::from(alert.state() == AlertState::Withdrawn),
        // A correction under an id of its own.
        replaces_result_id: if number % 6 == 5 { "R-0".to_owned() } else { String::new() },
        ..v1::Cause::default()
    }];
    alert
}
