//! Rules in a real Kafka, published as `swabstream rules apply` publishes them.

use swabstream::cli::rules::outputs;
use swabstream::config::KafkaConfig;
use swabstream::kafka::publisher::publish_all;
use swabstream::policy::Rules;
use swabstream::policy::plan::Plan;
use swabstream::policy::set::RuleSetReader;

/// Publishes the first set of rules of a deployment.
pub fn publish(config: &KafkaConfig, rules: &Rules) {
    let plan = Plan::new(&RuleSetReader::default(), rules);
    publish_all(config, &format!("{}rules", config.prefix), &outputs(&plan)).expect("rules are published");
}
