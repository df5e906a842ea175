//! A simulated city: people, an outbreak, laboratories, tracers, and everything that goes wrong between them.
//!
//! In: a seed, a configuration and the rules in force. Out: the messages its laboratories and tracers publish, in order
//! of arrival. Equal seeds, configurations and rules give equal bytes on every machine; no clock is read here.

mod broken;
mod config;
mod desk;
mod flaws;
mod groups;
mod message;
mod outbreak;
mod pools;
mod results;
mod town;
mod tracing;

pub use config::{CityClock, CityConfig, Epidemic, Rates, Testing};
pub use message::{FRAMING, JSON, Kind, Message};

use crate::model::time::{Day, Timestamp};
use crate::policy::Rules;
use crate::proto::v1::Finding;
use desk::{DAY, Desk};
use outbreak::Outbreak;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use results::{Names, Place, Reason, Swab};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use town::{PersonIndex, Town};

/// Share of invitations that contacts follow.
const KEPT: f64 = 0.9;

/// The city. As an iterator it gives every message, in order of arrival.
pub struct City {
    config: CityConfig,
    rules: Arc<Rules>,
    town: Town,
    outbreak: Outbreak,
    names: Names,
    desk: Desk,
    /// Days planned so far; also the number of the next day.
    day: i32,
    /// Contacts to be tested, by day.
    due: BTreeMap<i32, BTreeSet<PersonIndex>>,
    /// The wall clock as last given (a live city only).
    now: Timestamp,
}

impl City {
    /// Founds a city.
    ///
    /// # Panics
    /// When the rules have no area on the first day, or no purpose: there is nothing such a city could publish.
    pub fn new(config: CityConfig, rules: Arc<Rules>) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
        let (start, now) = match config.clock {
            CityClock::Past { start, .. } => (start, start),
            CityClock::Live { now, past_days } => (now.plus_days(-i64::from(past_days)), now),
        };
        let today = rules.day(start);
        let town = Town::build(&rules, today, config.people.max(1), &mut rng);
        let outbreak = Outbreak::seed(config.epidemic, &town, &mut rng);
        let names = Names::of(&rules, config.testing.false_positive);
        let horizon = i64::from(rules.intake_policy(0, today).horizon_days).max(2);
        let desk = Desk::new(rng, &config, town.people(), &rules, horizon);
        Self { config, rules, town, outbreak, names, desk, day: 0, due: BTreeMap::new(), now }
    }

    /// Tells a live city the wall clock: specimens planned from here on are taken up to then.
    pub fn set_now(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

    /// The messages that arrive before a moment and have not been given yet.
    pub fn next_batch(&mut self, until: Timestamp) -> Vec<Message> {
        let mut batch = Vec::new();
        while self.plan_up_to_next() && self.desk.next_at().is_some_and(|at| at < until) {
            batch.extend(self.desk.pop());
        }
        batch
    }

    /// Days planned so far: those of a live city's backlog come first.
    pub fn days(&self) -> u32 {
        self.day.unsigned_abs()
    }

    /// Plans days until the next message is certain; `false` when there is none and never will be.
    fn plan_up_to_next(&mut self) -> bool {
        while !self.ended() && self.desk.next_at().is_none_or(|at| at.0 >= self.next_day_start()) {
            self.plan_day();
        }
        self.desk.next_at().is_some()
    }

    fn ended(&self) -> bool {
        matches!(self.config.clock, CityClock::Past { days, .. } if self.day.unsigned_abs() >= days)
    }

    fn next_day_start(&self) -> i64 {
        match self.config.clock {
            CityClock::Past { start, .. } => start.0 + i64::from(self.day) * DAY,
            CityClock::Live { now, past_days } => now.0 + (i64::from(self.day) - i64::from(past_days)) * DAY,
        }
    }

    /// Everything of one day: infections, swabs, results, tracing.
    fn plan_day(&mut self) {
        self.desk.open_day(self.now);
        let day = self.day;
        self.day += 1;
        let start = self.desk.day_start();
        let civil = self.rules.day(self.desk.stamp(start));
        self.town.follow_registry(&self.rules, civil, &mut self.desk.rng);
        for infection in self.outbreak.step(&self.town, day, &mut self.desk.rng) {
            tracing::before_the_positive(infection, start, &mut self.desk);
        }
        self.keep_lists(civil);
        let (mut in_line, pooled) = (Vec::new(), self.config.rates.pooled);
        for (person, reason) in self.tests_due(day) {
            if reason == Reason::Screening && pooled > 0.0 && self.desk.chance(pooled) {
                in_line.push(person);
            } else {
                self.swab(person, reason, day);
            }
        }
        for tube in pools::tubes(&in_line, &mut self.desk) {
            self.tube(&tube, day);
        }
    }

    /// Who is on the lists of key groups from this day on.
    fn keep_lists(&mut self, civil: Day) {
        let today = groups::Today { town: &self.town, rules: &self.rules, civil };
        if self.day == 1 {
            groups::founded(is_employed(self.config.testing), today, &mut self.desk);
        }
        groups::arrived(today, &mut self.desk);
    }

    /// One tube with all that follows from it.
    fn tube(&mut self, people: &[PersonIndex], day: i32) {
        let place = Place { town: &self.town, rules: &self.rules, names: &self.names };
        let Some(released) = pools::analyse(people, day, place, &self.outbreak, &mut self.desk) else { return };
        flaws::publish(&released, place, &mut self.desk);
        let also = pools::swabbed_alone_too(people, &mut self.desk);
        let called = pools::called_back(people, &released, &mut self.desk);
        self.due.entry(day + 1).or_default().extend(called);
        for person in also {
            self.swab(person, Reason::Clinic, day);
        }
    }

    /// Who is swabbed on a day, and why.
    fn tests_due(&mut self, day: i32) -> Vec<(PersonIndex, Reason)> {
        let contacts = self.due.remove(&day).unwrap_or_default();
        let mut tested: Vec<_> = contacts.into_iter().map(|person| (person, Reason::Contact)).collect();
        for person in self.outbreak.symptomatic(day) {
            if self.desk.chance(self.config.testing.symptomatic) {
                tested.push((person, Reason::Clinic));
            }
        }
        let people = self.town.people();
        let testing = self.config.testing;
        tested.extend(self.sample(testing.screening).into_iter().map(|person| (person, Reason::Screening)));
        tested.extend(self.sample(testing.clinic).into_iter().map(|person| (person, Reason::Clinic)));
        // A third of those in key occupations has its turn.
        let is_employed = is_employed(testing);
        let turn = |person: &PersonIndex| is_employed(person) && person % 3 == day.unsigned_abs() % 3;
        tested.extend((0..people).filter(turn).map(|person| (person, Reason::Occupation)));
        tested
    }

    /// Every person with the same chance.
    fn sample(&mut self, chance: f64) -> Vec<PersonIndex> {
        (0..self.town.people()).filter(|_| self.desk.chance(chance)).collect()
    }

    /// One swab with all that follows from it.
    fn swab(&mut self, person: PersonIndex, reason: Reason, day: i32) {
        let taken = results::moment(&mut self.desk);
        let swab = Swab { person, reason, day, taken };
        let analysed = results::analyse(&swab, &self.town, &self.outbreak, &self.rules, &self.names, &mut self.desk);
        let Some(released) = analysed else { return };
        let place = Place { town: &self.town, rules: &self.rules, names: &self.names };
        flaws::publish(&released, place, &mut self.desk);
        for further in results::panel(&released, &mut self.desk) {
            flaws::publish(&further, place, &mut self.desk);
        }
        if released.result.finding == Finding::Positive as i32 && self.outbreak.find(person) {
            let traced = tracing::after_the_positive(person, released.at, &self.town, &mut self.desk);
            self.invite(&traced, day);
        }
    }

    /// Contacts are tested on the days that are due by policy once they were traced, or on three of the days after that where
    /// it names none. Not all of them come.
    fn invite(&mut self, traced: &[tracing::Traced], day: i32) {
        let start = self.desk.day_start();
        let of = |at: Timestamp| day + (at.0 - start.0).div_euclid(DAY) as i32;
        let policy = self.rules.intake_policy(0, self.rules.day(self.desk.stamp(start)));
        for contact in traced {
            let (first, ended) = (day.max(of(contact.at)) + 1, of(contact.ended));
            let days = match policy.test_days.of(contact.kind) {
                [] => [0, 2, 4].map(|after| first + after).to_vec(),
                due => due.iter().map(|after| ended + after).filter(|due| *due >= first).collect(),
            };
            for day in days {
                if self.desk.chance(KEPT) {
                    self.due.entry(day).or_default().insert(contact.person);
                }
            }
        }
    }
}

/// Those in key occupations have the lowest numbers of every thousand.
fn is_employed(testing: Testing) -> impl Fn(&PersonIndex) -> bool {
    let employed = (testing.occupation * 1000.0).round() as u32;
    move |person| person % 1000 < employed
}

impl Iterator for City {
    type Item = Message;

    fn next(&mut self) -> Option<Message> {
        if self.plan_up_to_next() { self.desk.pop() } else { None }
    }
}

#[cfg(test)]
mod tests;
