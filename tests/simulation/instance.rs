//! One instance of the processor: a worker of each half in one process, which reads `progress` for itself.

use super::shadow::Shadowed;
use super::support::broker::{ModelLog, Process, Shared};
use super::watched::Watched;
use super::world::LAYOUT;
use std::sync::Arc;
use swabstream::model::record::{HalfKind, Topic};
use swabstream::model::time::Timestamp;
use swabstream::pipeline::area::AreaHalf;
use swabstream::pipeline::person::PersonHalf;
use swabstream::runtime::globals::Globals;
use swabstream::runtime::task::RulesInForce;
use swabstream::runtime::worker::{Settings, Worker};
use swabstream::telemetry::Telemetry;

/// What all instances are started with.
#[derive(Clone)]
pub struct Setup {
    pub broker: Shared,
    pub settings: Settings,
    pub telemetry: Arc<Telemetry>,
}

pub struct Instance {
    person: Member<PersonHalf>,
    area: Member<AreaHalf>,
    globals: Globals,
    progress_read: i64,
    /// The offset of the rules it has read.
    rules_read: i64,
}

struct Member<H: Shadowed> {
    worker: Worker<Watched<H>, ModelLog>,
    process: Process,
}

impl<H: Shadowed> Member<H> {
    fn start(setup: &Setup, name: &str, rules: &RulesInForce) -> Self {
        let log = ModelLog::join::<H>(&setup.broker, &format!("{}-{name}", H::KIND));
        let (process, meter) = (log.process(), setup.telemetry.worker(H::KIND, H::INPUTS));
        Self { worker: Worker::new(log, setup.settings.clone(), rules.clone(), meter), process }
    }

    /// Whether there was something to do; an error is the end of the process.
    fn step(&mut self, at: Timestamp) -> Result<bool, ()> {
        match self.worker.step(at) {
            _ if self.process.is_dead() => Err(()),
            Ok(busy) => Ok(busy),
            Err(fatal) => panic!("a worker gave up: {fatal}"),
        }
    }
}

impl Instance {
    pub fn start(setup: &Setup, name: &str, rules: &RulesInForce) -> Self {
        Self {
            person: Member::start(setup, name, rules),
            area: Member::start(setup, name, rules),
            globals: Globals::default(),
            progress_read: 0,
            rules_read: rules.offset,
        }
    }

    /// One turn of both workers. Whether there was something to do; an error is the end of the process.
    pub fn step(&mut self, at: Timestamp) -> Result<bool, ()> {
        let stepped = (self.person.step(at), self.area.step(at));
        match stepped {
            (Ok(person), Ok(area)) => Ok(person | area),
            _ => {
                self.kill();
                Err(())
            }
        }
    }

    /// It ends without a word.
    pub fn kill(&self) {
        self.person.process.kill();
        self.area.process.kill();
    }

    /// The group drops one of its members, and does not tell it.
    pub fn expel(&self, half: HalfKind) {
        match half {
            HalfKind::Person => self.person.process.expel(),
            HalfKind::Area => self.area.process.expel(),
        }
    }

    /// It commits what there is and leaves.
    pub fn leave(mut self, at: Timestamp) {
        // A last commit that fails is told to whoever ends the process; it leaves the group all the same.
        let _ = self.person.worker.finish(at);
        if !self.person.process.is_dead() {
            self.person.process.expel();
        }
        let _ = self.area.worker.finish(at);
        if !self.area.process.is_dead() {
            self.area.process.expel();
        }
        self.kill();
    }

    /// Reads on in `progress`; whether there was anything new.
    pub fn hear(&mut self, broker: &Shared) -> bool {
        let (fresh, next) = broker.borrow().read_on(Topic::Progress, 0, self.progress_read);
        self.progress_read = next;
        for record in &fresh {
            self.globals.take(&record.as_record()).expect("progress is no rule");
        }
        if let Some(slowest) = self.globals.slowest(LAYOUT.person_tasks) {
            self.person.worker.set_slowest(slowest);
            self.area.worker.set_slowest(slowest);
        }
        self.area.worker.set_come_to(self.globals.come_to(LAYOUT.person_tasks).unwrap_or_default().into());
        !fresh.is_empty()
    }

    /// Reads the next of the sets of rules that it has not read yet; whether there was one.
    pub fn read_rules(&mut self, published: &[RulesInForce]) -> bool {
        let Some(next) = published.iter().find(|rules| rules.offset > self.rules_read) else { return false };
        self.rules_read = next.offset;
        self.person.worker.adopt(next.clone());
        self.area.worker.adopt(next.clone());
        true
    }

    /// Tasks at work, of both halves.
    pub fn running(&self) -> usize {
        self.person.worker.running().count() + self.area.worker.running().count()
    }
}
