//! A generated city through the real program and a real Kafka: every number of every area, level, purpose, day, window
//! and method, every alert and tier is what a naive recount says; also with records shuffled and repeated, and when
//! the processor is killed in the middle.

use crate::support::oracle::{assert_same, recount};
use crate::support::random::Random;
use crate::support::real::RealDeployment;
use crate::support::town::{is_decidable, usable};
use std::sync::Arc;
use swabstream::demo::city::{City, CityConfig, Message, Rates};
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
    assert_same(&recount(rules, &usable(messages), rules.day(end)), &deployment.published());
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
