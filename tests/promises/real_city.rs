//! A generated city through the real program and a real Kafka: every number of every area, level, purpose, day, window
//! and method, every alert and tier is what a naive recount says; also with records shuffled and repeated, and when
//! the processor is killed in the middle.

use crate::support::oracle::{TimePassed, assert_same, recount};
use crate::support::random::Random;
use crate::support::real::{self, LAYOUT, RealDeployment};
use crate::support::town::{is_decidable, usable};
use prost::Message as _;
use std::collections::BTreeSet;
use std::sync::Arc;
use swabstream::demo::city::{City, CityConfig, Message, Rates};
use swabstream::model::record::Topic;
use swabstream::model::time::{Day, Timestamp};
use swabstream::policy::Rules;
use swabstream::policy::sample::chongqing_rules;

const PEOPLE: u32 = 2_000;
const DAYS: u32 = 9;

#[test]
fn a_city_ends_as_a_recount_says_although_the_processor_is_killed() {
    let (rules, messages) = city();
    let mut deployment = RealDeployment::create("city", &rules);
    let parts: Vec<&[Message]> = messages.chunks(messages.len() / 4 + 1).collect();
    deployment.start();
    for part in parts {
        deployment.publish(part);
        deployment.kill_after(part.len() as i64 / 8);
        deployment.start();
    }
    assert_ends_as_recounted(&mut deployment, &rules, &messages);
    assert_nobody_is_in_the_logs(&deployment, &messages);
}

/// Whatever went wrong meanwhile: keys are the ids of people.
fn assert_nobody_is_in_the_logs(deployment: &RealDeployment, messages: &[Message]) {
    let logs = deployment.logs();
    assert!(logs.matches("restored").count() > 4, "{logs}");
    let people: BTreeSet<&str> =
        messages.iter().filter_map(|message| str::from_utf8(&message.key).ok()).filter(|id| id.len() > 5).collect();
    assert!(people.len() > PEOPLE as usize / 2, "{} people", people.len());
    for person in people {
        assert!(!logs.contains(person), "{person} is in the logs");
    }
}

#[test]
fn a_city_ends_the_same_with_its_records_shuffled_and_repeated() {
    let (rules, messages) = city();
    let mut random = Random::new(7);
    let mut otherwise = messages.clone();
    for _ in 0..messages.len() / 10 {
        otherwise.push(random.pick(&messages).clone());
    }
    random.shuffle(&mut otherwise);
    let mut deployment = RealDeployment::create("shuffled", &rules);
    deployment.publish(&otherwise);
    deployment.start();
    assert_ends_as_recounted(&mut deployment, &rules, &messages);
}

fn assert_ends_as_recounted(deployment: &mut RealDeployment, rules: &Rules, messages: &[Message]) {
    let end = messages.iter().map(|message| message.at).max().expect("a city sends something");
    deployment.mark_time(end);
    deployment.settle();
    let passed = |_: &str| TimePassed { due: Some(end), ..TimePassed::default() };
    let truth = recount(rules, &real::secret(), &usable(messages, rules), rules.day(end), passed);
    assert_same(&truth, &deployment.published());
    assert_audit_agrees_and_finds_a_forgery(deployment);
}

/// The command beside the running processor: all agrees; then one number is forged, and it is that one.
fn assert_audit_agrees_and_finds_a_forgery(deployment: &RealDeployment) {
    let (code, report) = deployment.audit();
    assert_eq!((code, &report["verdict"]), (Some(0), &"agree".into()), "{report:#}");
    let published = deployment.published();
    let ((area, day), numbers) = published.positivity.last_key_value().expect("some number was published");
    let mut forged = numbers.clone();
    forged.purposes[0].windows[0].other_tests += 1;
    // Of another target than the first, its name comes last.
    let (code, target) = area.split_once('/').map_or((area.as_str(), None), |(code, of)| (code, Some(of)));
    let key = [Some(code), Some(&day.to_string()), target].into_iter().flatten().collect::<Vec<_>>().join("/");
    let partition = LAYOUT.area_task(code);
    deployment.forge(Topic::AreaPositivity, partition, key.as_bytes(), &forged.encode_to_vec());
    let (code, report) = deployment.audit();
    assert_eq!((code, &report["verdict"]), (Some(1), &"differ".into()), "{report:#}");
    let all = report["checks"].as_array().expect("checks");
    let differing: Vec<_> = all.iter().filter(|check| check["differences"] != 0).collect();
    assert_eq!((differing.len(), &differing[0]["name"]), (1, &"numbers".into()), "{report:#}");
    let first = differing[0]["first"][0].as_str().expect("a line");
    assert!(first.starts_with(&format!("{area} {day}: other tests in total in 1 days must be")), "{first}");
}

/// A part of Chongqing in a bad week: every flaw often, one record in twenty under a wrong key.
fn city() -> (Arc<Rules>, Vec<Message>) {
    let rules = Arc::new(chongqing_rules());
    let first = Day::parse("2022-11-08").expect("a day");
    let mut config = CityConfig::past(5, PEOPLE, Timestamp(i64::from(first.0) * 86_400_000 - 8 * 3_600_000), DAYS);
    config.rates = Rates::harsh();
    config.epidemic.seeded = 0.01;
    let messages: Vec<Message> = City::new(config, rules.clone()).filter(is_decidable).collect();
    let mis_keyed = messages.iter().filter(|message| message.mis_keyed).count();
    assert!(mis_keyed * 100 >= messages.len() * 4, "one record in twenty lies with somebody else");
    (rules, messages)
}
