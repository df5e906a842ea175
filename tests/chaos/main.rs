//! Chaos on a real Kafka: instances are killed, stopped and go on as zombies, come and go; the broker restarts;
//! connections are cut, go deaf and slow. All the while labs publish. After every fault everything must go on, and at
//! the end `swabstream audit` is the judge: nothing lost, nothing doubled.
//!
//! An outage of the broker that lasts has a test of its own.
//!
//! `cargo test --test chaos` takes four to five minutes; `tests/chaos-long` has the numbers of a bad year. The faults
//! of a run follow from its seed (`SWABSTREAM_SEED`), what they meet does not.

#[path = "../support/own_kafka.rs"]
mod own_kafka;
#[path = "../support/random.rs"]
mod random;
#[path = "../support/rules.rs"]
mod rules;

mod backlog;
mod faults;
mod instance;
mod outage;
mod progress;
mod proxy;
mod site;
mod table;

use faults::{Fault, Plan};
use random::Random;
use site::Site;
use std::sync::{Mutex, PoisonError};

/// One after the other: each has a broker and instances of its own, and measures what these do.
static TURN: Mutex<()> = Mutex::new(());

#[test]
fn nothing_is_lost_and_nothing_doubled() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let long = is_long();
    let seed = std::env::var("SWABSTREAM_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let mut random = Random::new(seed);
    let mut site = Site::start(if long { 100 } else { 200 }, seed);
    for Plan { instances, faults } in plans(long) {
        site.scale(instances);
        let mut faults: Vec<Fault> =
            faults.iter().flat_map(|(fault, times)| std::iter::repeat_n(*fault, *times)).collect();
        random.shuffle(&mut faults);
        for fault in faults {
            site.suffer(fault, &mut random);
        }
    }
    site.finish();
    site.assert_all_happened(long);
}

/// Whether the numbers are those of `tests/chaos-long`.
fn is_long() -> bool {
    std::env::var("SWABSTREAM_CHAOS").is_ok_and(|text| text == "long")
}

/// From one instance to three and back to two.
fn plans(long: bool) -> [Plan; 3] {
    use Fault::{BrokerKilled, BrokerRestarted, Cut, Deaf, Kill, Leave, Slow, Stop};
    let times = |short: [(Fault, usize); 8], long_run: [(Fault, usize); 8]| if long { long_run } else { short }.into();
    let all = |times: [usize; 8]| {
        let kinds = [Kill, Stop, Leave, BrokerKilled, BrokerRestarted, Cut, Deaf, Slow];
        std::array::from_fn(|at| (kinds[at], times[at]))
    };
    [
        Plan { instances: 1, faults: times(all([1, 0, 0, 0, 0, 1, 0, 0]), all([6, 0, 0, 1, 1, 6, 2, 1])) },
        Plan { instances: 3, faults: times(all([1, 1, 1, 1, 0, 1, 1, 1]), all([14, 10, 5, 3, 2, 22, 10, 2])) },
        Plan { instances: 2, faults: times(all([1, 0, 0, 0, 1, 1, 0, 0]), all([10, 5, 3, 1, 2, 8, 4, 1])) },
    ]
}
