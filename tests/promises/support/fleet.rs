//! Workers of one half as they run in a deployment: some at work, some dead, some believed dead.
//!
//! A fleet steps its workers in an order from a seed, lets processes die, join and leave, and at the end lets
//! everything come to rest.

use super::broker::{ModelLog, Process, Shared};
use super::images::images_of;
use super::random::Random;
use std::collections::BTreeMap;
use std::sync::Arc;
use swabstream::model::outcome::Ledger;
use swabstream::model::time::Timestamp;
use swabstream::pipeline::half::Half;
use swabstream::runtime::log::Fatal;
use swabstream::runtime::task::RulesInForce;
use swabstream::runtime::task::clock::Watermarks;
use swabstream::runtime::worker::{Settings, Worker};
use swabstream::telemetry::Telemetry;
use swabstream::view::status::WorkerStatus;

/// Some workers of one half.
pub struct Fleet<H: Half> {
    broker: Shared,
    settings: Settings,
    rules: RulesInForce,
    telemetry: Arc<Telemetry>,
    seats: Vec<Seat<H>>,
    /// Dead processes that the group still waits for.
    ghosts: Vec<Process>,
    renamed: usize,
}

/// One place a process runs in; whoever is restarted there has the same transactional id.
struct Seat<H: Half> {
    transactional_id: String,
    running: Option<(Worker<H, ModelLog>, Process)>,
}

impl<H: Half> Fleet<H> {
    /// So many workers, all started.
    pub fn start(broker: &Shared, settings: &Settings, rules: &RulesInForce, workers: usize) -> Self {
        let seat = |number| Seat { transactional_id: format!("{}-{number}", H::KIND), running: None };
        let mut fleet = Self {
            broker: broker.clone(),
            settings: settings.clone(),
            rules: rules.clone(),
            telemetry: Telemetry::new(Arc::default()),
            seats: (0..workers).map(seat).collect(),
            ghosts: Vec::new(),
            renamed: 0,
        };
        (0..workers).for_each(|number| fleet.start_seat(number));
        fleet
    }

    /// One turn of any worker. With `chaos`, now and then a process dies, is believed dead, leaves or comes instead.
    pub fn turn(&mut self, random: &mut Random, chaos: bool) {
        let number = random.below(self.seats.len());
        let event = if chaos { random.below(200) } else { usize::MAX };
        match (event, self.seats[number].running.is_some()) {
            (0, true) => self.kill(number),
            (1, true) => drop(self.leave(number)),
            (2, true) => self.seats[number].running.as_ref().expect("it runs").1.expel(),
            (..20, false) => {
                if random.chance(30) {
                    self.rename(number);
                }
                self.start_seat(number);
            }
            (20..26, _) => self.miss_ghosts(),
            (_, true) => {
                self.step(number);
            }
            (_, false) => {}
        }
    }

    /// All processes run, the group misses the dead ones.
    pub fn recover(&mut self) {
        self.miss_ghosts();
        for number in 0..self.seats.len() {
            if self.seats[number].running.is_none() {
                self.start_seat(number);
            }
        }
    }

    /// One turn of every worker. Says whether any had something to do.
    pub fn round(&mut self) -> bool {
        let steps: Vec<bool> = (0..self.seats.len()).map(|number| self.step(number)).collect();
        steps.contains(&true)
    }

    /// Every process dies; others take their place.
    pub fn replace_all(&mut self) {
        (0..self.seats.len()).for_each(|number| self.kill(number));
        self.recover();
    }

    /// Other rules are in force: workers hear of it one after the other.
    pub fn adopt(&mut self, rules: &RulesInForce) {
        self.rules = rules.clone();
        for (worker, _) in self.workers() {
            worker.adopt(rules.clone());
        }
    }

    /// How far each person task has come.
    pub fn set_come_to(&mut self, come_to: Arc<[Timestamp]>) {
        self.workers().for_each(|(worker, _)| worker.set_come_to(come_to.clone()));
    }

    /// The smallest progress of all person tasks.
    pub fn set_slowest(&mut self, slowest: Watermarks) {
        self.workers().for_each(|(worker, _)| worker.set_slowest(slowest));
    }

    /// What its workers tell of themselves.
    pub fn told(&self) -> Vec<WorkerStatus> {
        self.telemetry.status().snapshot()
    }

    /// The state of every task, as its pages.
    pub fn images(&self) -> BTreeMap<i32, Vec<Vec<u8>>> {
        self.each(|half, _| images_of(half))
    }

    /// Something about every running task.
    pub fn each<T>(&self, about: impl Fn(&H, &Ledger) -> T) -> BTreeMap<i32, T> {
        let workers = self.seats.iter().filter_map(|seat| seat.running.as_ref());
        workers
            .flat_map(|(worker, _)| worker.running())
            .map(|(number, task)| (number, about(task.half(), task.ledger())))
            .collect()
    }

    fn workers(&mut self) -> impl Iterator<Item = &mut (Worker<H, ModelLog>, Process)> {
        self.seats.iter_mut().filter_map(|seat| seat.running.as_mut())
    }

    fn step(&mut self, number: usize) -> bool {
        let at = self.broker.borrow().now();
        let Some((worker, process)) = &mut self.seats[number].running else { return false };
        match worker.step(at) {
            Ok(busy) => busy,
            Err(_) if process.is_dead() => {
                self.kill(number);
                true
            }
            Err(fatal) => panic!("a worker gave up: {fatal}"),
        }
    }

    fn start_seat(&mut self, number: usize) {
        let seat = &mut self.seats[number];
        let log = ModelLog::join::<H>(&self.broker, &seat.transactional_id);
        let process = log.process();
        let meter = self.telemetry.worker(H::KIND, H::INPUTS);
        let worker = Worker::new(log, self.settings.clone(), self.rules.clone(), meter);
        seat.running = Some((worker, process));
    }

    fn kill(&mut self, number: usize) {
        if let Some((_, process)) = self.seats[number].running.take() {
            process.kill();
            self.ghosts.push(process);
        }
    }

    /// A process ends in order; what its last commit came to.
    pub fn leave(&mut self, number: usize) -> Result<(), Fatal> {
        let at = self.broker.borrow().now();
        let Some((mut worker, process)) = self.seats[number].running.take() else { return Ok(()) };
        let end = worker.finish(at);
        if process.is_dead() {
            self.ghosts.push(process)
        } else {
            process.expel()
        }
        end
    }

    fn rename(&mut self, number: usize) {
        self.renamed += 1;
        self.seats[number].transactional_id = format!("{}-{number}-{}", H::KIND, self.renamed);
    }

    fn miss_ghosts(&mut self) {
        self.ghosts.drain(..).for_each(|ghost| ghost.expel());
    }
}
