//! More workers than tasks, and workers that come and go.

use crate::deployment::{Deployment, LAYOUT, LIMIT, Running};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

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

/// Results are published meanwhile, so that there is always something to commit.
const PUBLISH_EVERY: Duration = Duration::from_millis(50);

#[test]
fn a_task_that_stays_works_on_while_another_one_moves_away_and_back() {
    let deployment = Deployment::create("stays");
    let mut stays = deployment.start_as("stays", LAYOUT);
    stays.run_until(|worker| worker.commits().len() == LAYOUT.person_tasks as usize);

    let before = stays.commits();
    let mut guest = deployment.start_as("guest", LAYOUT);
    let always = work(&deployment, &mut stays, Some(&mut guest), |here, there| (here.len(), there) == (1, 1));
    let task = *stays.commits().first_key_value().expect("one task stayed").0;
    assert_worked_on(task, &before, &stays.commits(), &always);

    let before = stays.commits();
    guest.stop();
    // A member that leaves by itself may be gone before there is anything to commit.
    let worked = |here: &BTreeMap<i32, u64>| here.get(&task) != before.get(&task);
    let always = work(&deployment, &mut stays, None, |here, _| here.len() == 2 && worked(here));
    assert_worked_on(task, &before, &stays.commits(), &always);
}

/// Both work until they have so many tasks. Returns the tasks that ran here after every single turn: whatever is
/// restored does not for many.
fn work(
    deployment: &Deployment,
    here: &mut Running,
    mut there: Option<&mut Running>,
    done: impl Fn(&BTreeMap<i32, u64>, usize) -> bool,
) -> BTreeSet<i32> {
    let (began, mut published) = (Instant::now(), 0);
    let mut always: BTreeSet<i32> = here.commits().into_keys().collect();
    loop {
        here.turn().expect("no fatal error");
        always.retain(|task| here.commits().contains_key(task));
        let mut others = 0;
        if let Some(there) = &mut there {
            there.turn().expect("no fatal error");
            others = there.commits().len();
        }
        if done(&here.commits(), others) {
            return always;
        }
        assert!(began.elapsed() < LIMIT, "the tasks are not placed so: {:?}, {others} elsewhere", here.commits());
        if began.elapsed() > PUBLISH_EVERY * published {
            deployment.publish((0..20).map(|name| format!("{name}")));
            published += 1;
        }
    }
}

#[track_caller]
fn assert_worked_on(task: i32, before: &BTreeMap<i32, u64>, after: &BTreeMap<i32, u64>, always: &BTreeSet<i32>) {
    assert!(always.contains(&task), "task {task} was dropped and restored: only {always:?} always ran");
    assert!(after[&task] > before[&task], "task {task} committed nothing meanwhile: {before:?}, {after:?}");
}
