//! Who infects whom, day by day: susceptible, exposed, infectious, recovered.
//!
//! In: the town. Out: infections, and what a swab of a person would find. Tests and contact records are made of these
//! elsewhere.

use super::config::Epidemic;
use super::town::{PersonIndex, Town};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Days after infection on which a person infects others.
const INFECTIOUS: std::ops::RangeInclusive<i32> = 1..=6;
/// Days after infection on which a swab finds the virus.
const DETECTABLE: std::ops::RangeInclusive<i32> = 1..=11;
/// Days after infection with symptoms.
const SYMPTOMATIC: std::ops::RangeInclusive<i32> = 2..=7;
/// Not infected yet.
const NEVER: i16 = i16::MIN;

/// One person infected another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Infection {
    pub(super) by: PersonIndex,
    pub(super) person: PersonIndex,
}

/// The state of the outbreak.
#[derive(Debug)]
pub(super) struct Outbreak {
    epidemic: Epidemic,
    /// Day of infection per person.
    since: Vec<i16>,
    /// People who may still infect others or be detected.
    active: Vec<PersonIndex>,
    /// Found positive, and so isolated.
    found: Vec<bool>,
}

impl Outbreak {
    /// Infects the first few on days before the first: half of them in one neighbourhood, a quarter in another, and so
    /// on, so that some places are ahead of others.
    pub(super) fn seed(epidemic: Epidemic, town: &Town, rng: &mut ChaCha8Rng) -> Self {
        let people = town.people() as usize;
        let since = vec![NEVER; people];
        let mut outbreak = Self { epidemic, since, active: Vec::new(), found: vec![false; people] };
        let seeds = ((f64::from(town.people()) * epidemic.seeded).ceil() as u32).clamp(1, town.people());
        let centres: Vec<PersonIndex> = (0..8).map(|_| town.anybody(rng)).collect();
        for number in 1..=seeds {
            let centre = centres[number.trailing_zeros() as usize % centres.len()];
            let person = town.neighbour(centre, rng);
            outbreak.infect(person, rng.random_range(-4..=0));
        }
        outbreak
    }

    fn infect(&mut self, person: PersonIndex, day: i32) -> bool {
        let susceptible = self.since[person as usize] == NEVER;
        if susceptible {
            self.since[person as usize] = day as i16;
            self.active.push(person);
        }
        susceptible
    }

    /// One day: everybody infectious and not isolated meets people.
    pub(super) fn step(&mut self, town: &Town, day: i32, rng: &mut ChaCha8Rng) -> Vec<Infection> {
        self.active.retain(|person| day - i32::from(self.since[*person as usize]) <= *DETECTABLE.end());
        self.import(town, day, rng);
        let mut infections = Vec::new();
        for by in self.active.clone() {
            if self.found[by as usize] || !INFECTIOUS.contains(&self.age(by, day)) {
                continue;
            }
            for (person, chance) in self.meetings(town, by, day, rng) {
                if rng.random_bool(chance) && self.infect(person, day) {
                    infections.push(Infection { by, person });
                }
            }
        }
        infections
    }

    /// Some come back infected, wherever they live.
    fn import(&mut self, town: &Town, day: i32, rng: &mut ChaCha8Rng) {
        let whole = self.epidemic.imported.floor();
        // No dice where nobody travels.
        let rest = self.epidemic.imported - whole;
        let people = whole as u32 + u32::from(rest > 0.0 && rng.random_bool(rest));
        for _ in 0..people {
            self.infect(town.anybody(rng), day);
        }
    }

    /// Whom a person meets in a day, with the chance to infect each.
    fn meetings(&self, town: &Town, by: PersonIndex, day: i32, rng: &mut ChaCha8Rng) -> Vec<(PersonIndex, f64)> {
        let Epidemic { household, transmission, neighbours, colleagues, strangers, lockdown, .. } = self.epidemic;
        let mut met: Vec<_> = town.household(by).filter(|person| *person != by).map(|p| (p, household)).collect();
        if lockdown.is_some_and(|from| day.unsigned_abs() >= from && day >= 0) {
            return met;
        }
        met.extend((0..neighbours).map(|_| (town.neighbour(by, rng), transmission)));
        met.extend((0..colleagues).map(|_| (town.colleague(by, rng), transmission)));
        met.extend((0..strangers).map(|_| (town.anybody(rng), transmission)));
        met
    }

    fn age(&self, person: PersonIndex, day: i32) -> i32 {
        match self.since[person as usize] {
            NEVER => -1,
            since => day - i32::from(since),
        }
    }

    /// Whether a good swab taken on a day would find the virus.
    pub(super) fn detectable(&self, person: PersonIndex, day: i32) -> bool {
        DETECTABLE.contains(&self.age(person, day))
    }

    /// Days since infection: the younger, the lower the cycle threshold.
    pub(super) fn days_ill(&self, person: PersonIndex, day: i32) -> i32 {
        self.age(person, day).max(0)
    }

    /// People with symptoms who do not know yet why.
    pub(super) fn symptomatic(&self, day: i32) -> Vec<PersonIndex> {
        let ill = |person: &PersonIndex| SYMPTOMATIC.contains(&self.age(*person, day)) && !self.found[*person as usize];
        self.active.iter().copied().filter(ill).collect()
    }

    /// Notes that a person was found positive; `true` the first time.
    pub(super) fn find(&mut self, person: PersonIndex) -> bool {
        !std::mem::replace(&mut self.found[person as usize], true)
    }
}
