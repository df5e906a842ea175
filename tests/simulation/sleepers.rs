//! Instances that were stopped and taken for dead: another has been started under their name when they wake up. For a
//! while both are at work and fence each other, until somebody ends the older.

use super::instance::Instance;
use super::support::broker::Shared;
use swabstream::model::time::Timestamp;
use swabstream::runtime::task::RulesInForce;

pub struct Sleeper {
    pub name: String,
    pub instance: Box<Instance>,
    pub wakes: Timestamp,
    pub ends: Timestamp,
}

#[derive(Default)]
pub struct Sleepers {
    all: Vec<Sleeper>,
}

impl Sleepers {
    pub fn push(&mut self, sleeper: Sleeper) {
        self.all.push(sleeper);
    }

    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// One of them has its turn: it sleeps, works, or is ended.
    pub fn turn(&mut self, number: usize, broker: &Shared) {
        let now = broker.borrow().now();
        let Sleeper { name, instance, wakes, ends } = &mut self.all[number];
        if now < *wakes {
            return;
        }
        broker.borrow().say(|| format!("instance {name} has its turn although another has its name"));
        instance.hear(broker);
        if now >= *ends || instance.step(now).is_err() {
            instance.kill();
            self.all.swap_remove(number);
        }
    }

    /// They read all rules, as just before they fell asleep.
    pub fn read_rules(&mut self, published: &[RulesInForce]) {
        for sleeper in &mut self.all {
            while sleeper.instance.read_rules(published) {}
        }
    }

    pub fn end_all(&mut self) {
        self.all.drain(..).for_each(|sleeper| sleeper.instance.kill());
    }
}
