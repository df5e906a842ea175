//! More workers than tasks.

use crate::deployment::{Deployment, LAYOUT, LIMIT};
use std::time::Instant;

#[test]
fn a_worker_without_a_task_is_placed_all_the_same() {
    let deployment = Deployment::create("spare");
    let mut workers: Vec<_> = ["a", "b", "c"].map(|name| deployment.start_as(name, LAYOUT)).into();
    let began = Instant::now();
    loop {
        workers.iter_mut().for_each(|worker| worker.turn().expect("no fatal error"));
        let mut tasks: Vec<Option<usize>> = workers.iter().map(|worker| worker.placed()).collect();
        tasks.sort_unstable();
        if tasks == [Some(0), Some(1), Some(1)] {
            return;
        }
        assert!(began.elapsed() < LIMIT, "not everybody is placed: {tasks:?}");
    }
}
