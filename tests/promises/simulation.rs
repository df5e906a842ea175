//! Whatever fails, in whatever order things happen: in the end everything published is what a naive recount of all
//! records says, the books balance, and a restored state is the live one.

use crate::support::broker::FaultRates;
use crate::support::deployment::{Deployment, SECRET};
use crate::support::histories::{
    assert_alerts_have_legal_histories, assert_dead_letters_say_why, assert_time_goes_forward,
};
use crate::support::oracle::{assert_same, recount};
use crate::support::seeds::each_seed_of;
use crate::support::town;
use std::sync::Arc;
use swabstream::policy::sample::sample_rules;

const FAULTS: FaultRates = FaultRates { aborted: 4, unknown: 4, crash: 2, kicked: 2, partial: 30, ..FaultRates::NONE };

#[test]
fn whatever_fails_the_end_is_what_a_recount_says() {
    let rules = Arc::new(sample_rules());
    each_seed_of(25, |seed| {
        // The border changes on 2022-11-15, in the middle of it.
        let messages = town::messages(seed, 80, "2022-11-09", 9, &rules);
        let mut deployment = Deployment::start(seed, rules.clone());
        deployment.broker.borrow_mut().set_faults(FAULTS);
        let mut published = Vec::new();
        for message in &messages {
            published.push((deployment.publish(message), message.expected_code()));
            while deployment.random.chance(50) {
                deployment.turn(true);
            }
        }
        let last = messages.iter().map(|message| message.at).max().expect("a city sends something");
        deployment.mark_time(last.plus_days(1));
        for _ in 0..200 {
            deployment.turn(true);
        }
        deployment.settle();

        let truth = recount(&rules, &SECRET, &town::usable(&messages, &rules), deployment.today(), deployment.passed());
        assert_same(&truth, &deployment.published());
        assert_alerts_have_legal_histories(&deployment);
        assert_time_goes_forward(&deployment);
        assert_dead_letters_say_why(&deployment, &published);
        deployment.assert_restored_equals_live();
        assert_same(&truth, &deployment.published());
    });
}
