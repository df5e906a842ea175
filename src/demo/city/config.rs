//! What can be chosen about the simulated city: size, time, epidemic, and how often each flaw occurs.

use crate::model::time::Timestamp;

/// Everything that shapes a city. Equal configurations and rules give equal bytes.
#[derive(Clone, Debug)]
pub struct CityConfig {
    /// Seed of all chance.
    pub seed: u64,
    /// People in the city, spread over the finest areas by their population.
    pub people: u32,
    /// When it happens.
    pub clock: CityClock,
    /// The outbreak.
    pub epidemic: Epidemic,
    /// Who is tested how often.
    pub testing: Testing,
    /// How often each flaw occurs.
    pub rates: Rates,
}

impl CityConfig {
    /// A city of the past with everyday rates: `days` days from `start`.
    pub fn past(seed: u64, people: u32, start: Timestamp, days: u32) -> Self {
        Self::with_clock(seed, people, CityClock::Past { start, days })
    }

    /// A city up to now and on: `past_days` days of backlog, then endlessly today.
    pub fn live(seed: u64, people: u32, now: Timestamp, past_days: u32) -> Self {
        Self::with_clock(seed, people, CityClock::Live { now, past_days })
    }

    fn with_clock(seed: u64, people: u32, clock: CityClock) -> Self {
        let (epidemic, testing, rates) = (Epidemic::default(), Testing::default(), Rates::everyday());
        Self { seed, people, clock, epidemic, testing, rates }
    }
}

/// When a city happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CityClock {
    /// A stretch of time of its own: `at` of a message is when it arrives. Ends when the last message is out.
    Past {
        /// First moment.
        start: Timestamp,
        /// Days on which specimens are taken; what is under way then still arrives.
        days: u32,
    },
    /// Around the wall clock: the backlog of the days before `now`, then rounds of tests taken in the last hours, for
    /// ever. No specimen is younger than `now` as last given, so a broker that stamps arrival accepts all. `at` of a
    /// message is then only its place in the order.
    Live {
        /// The wall clock when the city begins.
        now: Timestamp,
        /// Days of backlog; fewer than the horizon.
        past_days: u32,
    },
}

/// The outbreak: each infectious person meets people every day.
#[derive(Clone, Copy, Debug)]
pub struct Epidemic {
    /// Share of the people infected before the first day, most of them in a few neighbourhoods.
    pub seeded: f64,
    /// Chance per day that an infectious person infects one member of the household.
    pub household: f64,
    /// People of the own neighbourhood met per day closely enough to infect.
    pub neighbours: u32,
    /// People of the neighbourhoods around met per day closely enough to infect.
    pub colleagues: u32,
    /// People of anywhere met per day closely enough to infect.
    pub strangers: u32,
    /// Chance of infection per such meeting.
    pub transmission: f64,
    /// People who come back infected from elsewhere, per day, whatever is done in the city.
    pub imported: f64,
    /// First day, counted from 0, on which people stay at home: they meet nobody but their household from then on.
    pub lockdown: Option<u32>,
}

impl Default for Epidemic {
    fn default() -> Self {
        Self {
            seeded: 0.000_4,
            household: 0.25,
            neighbours: 2,
            colleagues: 4,
            strangers: 1,
            transmission: 0.14,
            imported: 0.0,
            lockdown: None,
        }
    }
}

/// Who is tested how often.
#[derive(Clone, Copy, Debug)]
pub struct Testing {
    /// Chance per person and day of a screening swab.
    pub screening: f64,
    /// Chance per day that somebody without the infection goes to a clinic.
    pub clinic: f64,
    /// Chance per day that somebody with symptoms does.
    pub symptomatic: f64,
    /// Share of people in key occupations, who are tested every third day.
    pub occupation: f64,
    /// Share of positives that are false among the uninfected.
    pub false_positive: f64,
}

impl Default for Testing {
    fn default() -> Self {
        Self { screening: 0.1, clinic: 0.002, symptomatic: 0.25, occupation: 0.02, false_positive: 0.000_2 }
    }
}

/// How often each flaw occurs, as a share of results (or of contact records where it says so).
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// The lab corrects its call.
    pub corrected_finding: f64,
    /// The same, of positives only.
    pub corrected_positive: f64,
    /// The lab corrects the area.
    pub corrected_area: f64,
    /// The result is moved to another person.
    pub moved_person: f64,
    /// No result can be obtained after all.
    pub cancelled: f64,
    /// The result was never true.
    pub entered_in_error: f64,
    /// A version that changes an earlier one is itself changed, or set in force again.
    pub changed_again: f64,
    /// A later version arrives before the earlier one.
    pub overtaken: f64,
    /// A preliminary version comes first.
    pub preliminary: f64,
    /// A drill.
    pub training: f64,
    /// The same result again.
    pub repeated: f64,
    /// The same specimen with the same call by another result id.
    pub second_entry: f64,
    /// The same specimen with the other call by another result id; most are resolved later.
    pub contradiction: f64,
    /// The same revision and status with another meaning.
    pub conflict: f64,
    /// Arrives days late, yet within the horizon.
    pub late: f64,
    /// Swabbed in, or living in, an area that is not the usual one.
    pub elsewhere: f64,
    /// Names an area of a coarser level.
    pub coarse_area: f64,
    /// Lies in the partition of another person (all records).
    pub mis_keyed: f64,
    /// Cannot be used (all records).
    pub broken: f64,
    /// Is JSON (all records).
    pub json: f64,
    /// The specimen is tested for everything else that is declared too: a panel. Of contact records, whether they name
    /// a target.
    pub panel: f64,
    /// Of screening swabs: those that go into tubes with others'.
    pub pooled: f64,
    /// A contact record is revised, or one of a key group.
    pub contact_revised: f64,
    /// A contact record is withdrawn, or one of a key group.
    pub contact_withdrawn: f64,
}

impl Rates {
    /// What a city lives with that does well: its labs call a negative positive once in ten thousand results. Ten times
    /// as many, and most of its alerts would be about nobody's illness.
    pub fn quiet() -> Self {
        Self { corrected_finding: 0.000_1, contradiction: 0.000_05, conflict: 0.000_05, ..Self::everyday() }
    }

    /// What a city lives with every day.
    pub fn everyday() -> Self {
        Self {
            corrected_finding: 0.002,
            corrected_positive: 0.03,
            corrected_area: 0.002,
            moved_person: 0.001,
            cancelled: 0.001,
            entered_in_error: 0.001,
            changed_again: 0.2,
            overtaken: 0.1,
            preliminary: 0.03,
            training: 0.002,
            repeated: 0.01,
            second_entry: 0.005,
            contradiction: 0.000_5,
            conflict: 0.000_5,
            late: 0.02,
            elsewhere: 0.02,
            coarse_area: 0.005,
            mis_keyed: 0.05,
            broken: 0.01,
            json: 0.05,
            panel: 0.02,
            pooled: 0.1,
            contact_revised: 0.05,
            contact_withdrawn: 0.03,
        }
    }

    /// A bad week: every flaw often enough to occur several times in a few thousand messages.
    pub fn harsh() -> Self {
        Self {
            corrected_finding: 0.02,
            corrected_positive: 0.08,
            corrected_area: 0.02,
            moved_person: 0.02,
            cancelled: 0.01,
            entered_in_error: 0.01,
            changed_again: 0.3,
            overtaken: 0.2,
            preliminary: 0.08,
            training: 0.01,
            repeated: 0.04,
            second_entry: 0.03,
            contradiction: 0.01,
            conflict: 0.01,
            late: 0.08,
            elsewhere: 0.05,
            coarse_area: 0.02,
            mis_keyed: 0.05,
            broken: 0.04,
            json: 0.1,
            panel: 0.15,
            pooled: 0.5,
            contact_revised: 0.15,
            contact_withdrawn: 0.1,
        }
    }

    /// Only valid, timely records in their places.
    pub fn flawless() -> Self {
        Self {
            corrected_finding: 0.0,
            corrected_positive: 0.0,
            corrected_area: 0.0,
            moved_person: 0.0,
            cancelled: 0.0,
            entered_in_error: 0.0,
            changed_again: 0.0,
            overtaken: 0.0,
            preliminary: 0.0,
            training: 0.0,
            repeated: 0.0,
            second_entry: 0.0,
            contradiction: 0.0,
            conflict: 0.0,
            late: 0.0,
            elsewhere: 0.0,
            coarse_area: 0.0,
            mis_keyed: 0.0,
            broken: 0.0,
            json: 0.0,
            panel: 0.0,
            pooled: 0.0,
            contact_revised: 0.0,
            contact_withdrawn: 0.0,
        }
    }
}
