//! State from images and operations is the state that was.

use super::properties::{random_history, run};
use super::sent::at;
use super::world::{Dice, World, context};
use crate::images::images_of;
use swabstream::pipeline::formats::CURRENT;
use swabstream::pipeline::half::Half;
use swabstream::pipeline::person::PersonHalf;
use swabstream::state::changelog::FORMAT;
use swabstream::state::paged::{Paged as _, operations};

/// What the changelog of one task holds: per page its newest image, per commit its operations.
#[derive(Default)]
struct Stored {
    images: Vec<(u64, Vec<u8>)>,
    commits: Vec<(u64, Vec<u8>)>,
}

impl Stored {
    fn operations(&self) -> impl Iterator<Item = (u64, u32, &[u8])> {
        self.commits.iter().flat_map(|(seq, bytes)| {
            let operations = operations(bytes, FORMAT).map(|operation| operation.expect("an operation of ours"));
            operations.map(|(page, operation)| (*seq, page, operation))
        })
    }

    fn restore(&self, task: i32, world: &World) -> PersonHalf {
        let mut half = PersonHalf::new(context(task), world.rules.clone());
        for (page, (lsn, image)) in self.images.iter().enumerate().filter(|(_, (lsn, _))| *lsn > 0) {
            half.load(page as u32, image, FORMAT).unwrap_or_else(|error| panic!("page {page} of {lsn}: {error}"));
        }
        for (seq, page, operation) in self.operations() {
            if self.images.get(page as usize).is_none_or(|(lsn, _)| seq > *lsn) {
                half.replay(page, operation, FORMAT).unwrap_or_else(|error| panic!("page {page} at {seq}: {error}"));
            }
        }
        half.restored().expect("a whole state");
        half.resume(world.halves[task as usize].passed(), CURRENT);
        half
    }
}

/// Takes what the task wrote since, and images a random page of it.
fn store(stored: &mut Stored, world: &mut World, task: usize, seq: u64, dice: &mut Dice) {
    stored.commits.push((seq, std::mem::take(&mut world.operations[task])));
    let images = images_of(&world.halves[task]);
    stored.images.resize(images.len(), (0, Vec::new()));
    let page = dice.roll(images.len() as u64) as usize;
    if dice.roll(8) == 0 {
        stored.images[page] = (seq, images[page].clone());
    }
}

#[test]
fn images_of_any_age_and_later_operations_are_the_live_state() {
    for seed in 1..=5 {
        let mut world = World::new();
        let mut stored: Vec<Stored> = Vec::new();
        stored.resize_with(world.halves.len(), Stored::default);
        let (mut seq, mut now) = (0, at(0, 0));
        run(&mut world, &random_history(seed, 250), &mut Dice(seed), |world, dice| {
            seq += 1;
            if dice.roll(20) == 0 {
                // Time goes on faster than the records' own: rows are dropped, and their people.
                now = now.plus_days(6);
                world.advance(now);
            }
            for (task, stored) in stored.iter_mut().enumerate() {
                store(stored, world, task, seq, dice);
                if dice.roll(10) != 0 {
                    continue;
                }
                let restored = stored.restore(task as i32, world);
                assert_eq!(images_of(&restored), images_of(&world.halves[task]), "seed {seed}, commit {seq}");
                assert_eq!(restored.rules_digest(), world.halves[task].rules_digest());
                if dice.roll(2) == 0 {
                    world.halves[task] = restored; // and goes on from there
                }
            }
        });
    }
}

#[test]
fn a_restored_task_goes_on_as_if_nothing_had_happened() {
    for seed in 1..=4 {
        let history = random_history(seed, 150);
        let mut straight = World::new();
        run(&mut straight, &history, &mut Dice(seed), |_, _| ());
        let mut world = World::new();
        let mut stored: Vec<Stored> = Vec::new();
        stored.resize_with(world.halves.len(), Stored::default);
        let mut seq = 0;
        let mut crashes = Dice(seed + 99);
        run(&mut world, &history, &mut Dice(seed), |world, _| {
            seq += 1;
            for (task, stored) in stored.iter_mut().enumerate() {
                store(stored, world, task, seq, &mut crashes);
                if crashes.roll(6) == 0 {
                    world.halves[task] = stored.restore(task as i32, world);
                }
            }
        });
        assert_eq!((&world.alerts, &world.numbers), (&straight.alerts, &straight.numbers), "seed {seed}");
        assert_eq!(world.outcomes, straight.outcomes);
    }
}

#[test]
fn bytes_that_are_not_ours_are_refused_without_panic() {
    let mut world = World::new();
    run(&mut world, &random_history(3, 150), &mut Dice(3), |_, _| ());
    let dice = &mut Dice(5);
    let mut refused = 0;
    for page in [0, 1] {
        let mut image = Vec::new();
        world.halves[0].image(page, &mut image);
        for _ in 0..300 {
            let mut broken = image.clone();
            for _ in 0..=dice.roll(3) {
                let at = dice.roll(broken.len() as u64) as usize;
                broken[at] = dice.roll(256) as u8;
            }
            broken.truncate(broken.len() - dice.roll(3) as usize);
            let mut half = PersonHalf::new(context(0), world.rules.clone());
            refused += u32::from(half.load(page, &broken, FORMAT).and_then(|()| half.restored()).is_err());
        }
    }
    for (_, bytes) in [(0, std::mem::take(&mut world.operations[0]))] {
        for _ in 0..300 {
            let start = dice.roll(bytes.len() as u64) as usize;
            let end = (start + dice.roll(60) as usize).min(bytes.len());
            let mut half = PersonHalf::new(context(0), world.rules.clone());
            refused += u32::from(half.replay(dice.roll(3) as u32, &bytes[start..end], FORMAT).is_err());
        }
    }
    assert!(refused > 300, "most of it is refused: {refused}");
}
