//! What is true now depends on the set of records read: any permutation and repetition ends the same.

use crate::support::deployment::{Deployment, SECRET};
use crate::support::oracle::{assert_same, recount};
use crate::support::seeds::each_seed_of;
use crate::support::town;
use std::sync::Arc;
use swabstream::demo::city::Message;
use swabstream::policy::Rules;
use swabstream::policy::sample::sample_rules;

/// Shorter than what is kept of people: a permutation may bring any record last.
const DAYS: u32 = 8;

#[test]
fn any_permutation_and_repetition_ends_the_same() {
    let rules = Arc::new(sample_rules());
    each_seed_of(10, |seed| {
        let messages = town::messages(seed, 70, "2022-11-10", DAYS, &rules);
        let mut otherwise = messages.clone();
        let mut end = Deployment::start(seed, rules.clone());
        for _ in 0..messages.len() / 5 {
            otherwise.push(end.random.pick(&messages).clone());
        }
        end.random.shuffle(&mut otherwise);
        read(&mut end, &otherwise);
        assert_ends_as_recounted(&end, &messages, &rules);
    });
}

#[test]
fn other_rules_in_the_middle_end_as_if_they_had_always_held() {
    let (first, second) = (Arc::new(sample_rules()), Arc::new(other_rules()));
    each_seed_of(10, |seed| {
        let messages = town::messages(seed, 70, "2022-11-10", DAYS, &first);
        let mut end = Deployment::start(seed, first.clone());
        let (early, late) = messages.split_at(end.random.below(messages.len()));
        read(&mut end, early);
        end.adopt(second.clone());
        read(&mut end, late);
        assert_ends_as_recounted(&end, &messages, &second);
        end.assert_restored_equals_live();
    });
}

fn assert_ends_as_recounted(end: &Deployment, messages: &[Message], rules: &Rules) {
    let truth = recount(rules, &SECRET, &town::usable(messages, rules), end.today(), end.passed());
    assert_same(&truth, &end.published());
}

/// Publishes all, turn by turn, up to the end of time.
fn read(deployment: &mut Deployment, messages: &[Message]) {
    for message in messages {
        deployment.publish(message);
        if deployment.random.chance(30) {
            deployment.turn(false);
        }
    }
    let last = messages.iter().map(|message| message.at).max().unwrap_or_default();
    deployment.mark_time(last);
    deployment.settle();
}

/// The sample's rules with a shorter episode gap from the first positive, without preliminary alerts, and milder
/// thresholds: nearly every number and alert means something else.
fn other_rules() -> Rules {
    use prost::Message as _;
    use swabstream::proto::v1::{EpisodeForm, Rule, rule};
    let changed = sample_rules().to_records().into_iter().map(|(key, bytes)| {
        let mut record = Rule::decode(&bytes[..]).expect("a rule");
        match &mut record.rule {
            Some(rule::Rule::CasePolicy(policy)) => {
                policy.episode_gap_days = 2;
                policy.episode_form = EpisodeForm::FromFirstPositive as i32;
                policy.preliminary_alerts = false;
                policy.observation_days_close = 3;
                policy.test_days_close = vec![2];
                policy.trace_days_before = 1;
                policy.historic_after_hours = 24;
            }
            Some(rule::Rule::TierPolicy(policy)) => {
                if let Some(swabstream::proto::v1::tier_policy::Engine::CleanDay(engine)) = &mut policy.engine {
                    engine.steps.iter_mut().for_each(|step| step.clean_days = 1);
                }
            }
            _ => {}
        }
        (key, record.encode_to_vec())
    });
    Rules::from_records(&changed.collect::<Vec<_>>()).expect("valid rules")
}
