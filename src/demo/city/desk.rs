//! Where messages are handed in: ids, chance, the order of arrival, and the flaws of transport (JSON, wrong partition).

use super::config::{CityClock, CityConfig, Rates};
use super::message::{Body, FRAMING, JSON, JsonWriter, Kind, Message};
use super::town::PersonIndex;
use crate::model::time::Timestamp;
use crate::policy::{Rules, Target};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Milliseconds of an hour.
pub(super) const HOUR: i64 = 3_600_000;
/// Milliseconds of a day.
pub(super) const DAY: i64 = 24 * HOUR;
/// Rounds of a live city lie in the last six hours …
const ROUND_FROM: i64 = 6 * HOUR;
/// … up to the last minute: a specimen is not younger than its record, whatever the clocks.
const ROUND_TO: i64 = 60_000;

/// Everything that is needed to hand in a message.
pub(super) struct Desk {
    pub(super) rng: ChaCha8Rng,
    pub(super) rates: Rates,
    /// Days a specimen may be old when it arrives.
    pub(super) horizon_days: i64,
    /// What the deployment looks for, the first first: each with all texts that name it.
    targets: Vec<Vec<String>>,
    seed: u64,
    people: u32,
    ids: u64,
    json: JsonWriter,
    frames: Frames,
    queue: BinaryHeap<Reverse<Due>>,
    handed_in: u64,
}

impl Desk {
    pub(super) fn new(rng: ChaCha8Rng, config: &CityConfig, people: u32, rules: &Rules, horizon: i64) -> Self {
        let texts = |target: &Target| [std::slice::from_ref(&target.id), &target.aliases].concat();
        let CityConfig { rates, seed, clock, .. } = *config;
        Self {
            targets: rules.deployment.targets.iter().map(texts).collect(),
            rng,
            rates,
            horizon_days: horizon,
            seed,
            people,
            ids: 0,
            json: JsonWriter::new(),
            frames: Frames::new(clock),
            queue: BinaryHeap::new(),
            handed_in: 0,
        }
    }

    /// Whether something of this probability happens.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.rng.random_bool(probability.clamp(0.0, 1.0))
    }

    /// A number of milliseconds between two numbers of hours.
    pub(super) fn hours(&mut self, from: f64, to: f64) -> i64 {
        (self.rng.random_range(from..to) * HOUR as f64) as i64
    }

    /// How many targets there are.
    pub(super) fn targets(&self) -> usize {
        self.targets.len()
    }

    /// A text that names a target: mostly its id.
    pub(super) fn target(&mut self, at: usize) -> String {
        let texts = self.targets[at].len();
        let text = if self.chance(0.8) { 0 } else { self.rng.random_range(0..texts) };
        self.targets[at][text].clone()
    }

    /// A text that names the same target as this one.
    pub(super) fn target_again(&mut self, text: &str) -> String {
        let at = self.targets.iter().position(|texts| texts.iter().any(|known| known == text));
        at.map_or(text.to_owned(), |at| self.target(at))
    }

    /// A new id with a letter before it; unique in the city.
    pub(super) fn id(&mut self, letter: char) -> String {
        self.ids += 1;
        format!("{letter}{:08}", self.ids)
    }

    /// How many messages were handed in: where things take turns, nothing is left to chance.
    pub(super) fn turn(&self) -> usize {
        self.handed_in as usize
    }

    /// The pseudonym of a person.
    pub(super) fn pseudonym(&self, person: PersonIndex) -> String {
        format!("{:016x}", scramble(self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(person)))
    }

    /// The pseudonym of anybody.
    pub(super) fn any_pseudonym(&mut self) -> String {
        let person = self.rng.random_range(0..self.people);
        self.pseudonym(person)
    }

    /// Opens a day; `now` is the wall clock as last given.
    pub(super) fn open_day(&mut self, now: Timestamp) {
        self.frames.open(now);
    }

    /// First moment of the day that was opened last, in the order of arrival.
    pub(super) fn day_start(&self) -> Timestamp {
        self.frames.order(self.frames.opened.len() as i64 - 1)
    }

    /// What a moment in the order of arrival is by the clock.
    pub(super) fn stamp(&self, order: Timestamp) -> Timestamp {
        self.frames.stamp(order)
    }

    /// Latest moment, in the order of arrival, at which a specimen taken at `collected` is surely accepted.
    pub(super) fn deadline(&self, collected: Timestamp) -> Timestamp {
        Timestamp(collected.0 + (self.horizon_days - 1) * DAY)
    }

    /// A moment that is in the future when a message of `at` arrives.
    pub(super) fn future(&mut self, at: Timestamp) -> Timestamp {
        let base = self.frames.arrival(at);
        Timestamp(base.0 + self.hours(3.0, 72.0))
    }

    /// A moment before the horizon when a message of `at` arrives.
    pub(super) fn too_old(&mut self, at: Timestamp) -> Timestamp {
        let base = self.frames.arrival(at);
        Timestamp(base.0 - (self.horizon_days + 2) * DAY - self.hours(0.0, 72.0))
    }

    /// Hands in a message of the contract, with the flaws of transport.
    pub(super) fn send(&mut self, body: &Body, at: Timestamp, kind: Kind) {
        let json = self.chance(self.rates.json);
        let payload = match json {
            // Some of those that write JSON use a schema registry.
            true if self.handed_in.is_multiple_of(4) => [FRAMING, &self.json.json(body)].concat(),
            true => self.json.json(body),
            false => body.encode(),
        };
        self.send_bytes(body, Some(payload), json.then_some(JSON), at, kind);
    }

    /// Hands in any bytes in the place of a message.
    pub(super) fn send_bytes(
        &mut self,
        body: &Body,
        payload: Option<Vec<u8>>,
        content_type: Option<&'static str>,
        at: Timestamp,
        kind: Kind,
    ) {
        let mut key = body.person().as_bytes().to_vec();
        let mut partition_key = key.clone();
        let mis_keyed = self.chance(self.rates.mis_keyed);
        if mis_keyed {
            partition_key = self.any_pseudonym().into_bytes();
            // Half of them have a wrong key, the others the right one and a publisher with another partitioner.
            if self.chance(0.5) {
                key.clone_from(&partition_key);
            }
        }
        self.push(Message { topic: body.topic(), key, partition_key, payload, content_type, at, kind, mis_keyed });
    }

    /// The message as JSON, for flaws only JSON can have.
    pub(super) fn json_of(&self, body: &Body) -> Vec<u8> {
        self.json.json(body)
    }

    fn push(&mut self, message: Message) {
        self.handed_in += 1;
        self.queue.push(Reverse(Due { at: message.at, number: self.handed_in, message }));
    }

    /// When the next message arrives.
    pub(super) fn next_at(&self) -> Option<Timestamp> {
        self.queue.peek().map(|Reverse(due)| due.at)
    }

    /// The next message.
    pub(super) fn pop(&mut self) -> Option<Message> {
        self.queue.pop().map(|Reverse(due)| due.message)
    }
}

/// A message in the queue: by arrival, then as handed in.
struct Due {
    at: Timestamp,
    number: u64,
    message: Message,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// How the days of the simulation lie on the clock. In the past they are the clock; in a live city the backlog is too,
/// and each later day is pressed into the last hours.
struct Frames {
    clock: CityClock,
    start: Timestamp,
    /// Per day: first moment by the clock, and length.
    opened: Vec<(i64, i64)>,
    now: Timestamp,
}

impl Frames {
    fn new(clock: CityClock) -> Self {
        let (start, now) = match clock {
            CityClock::Past { start, .. } => (start, start),
            CityClock::Live { now, past_days } => (now.plus_days(-i64::from(past_days)), now),
        };
        Self { clock, start, opened: Vec::new(), now }
    }

    fn open(&mut self, now: Timestamp) {
        self.now = now;
        let number = self.opened.len() as i64;
        let frame = match self.clock {
            CityClock::Live { past_days, .. } if number >= i64::from(past_days) => {
                (now.0 - ROUND_FROM, ROUND_FROM - ROUND_TO)
            }
            _ => (self.order(number).0, DAY),
        };
        self.opened.push(frame);
    }

    fn order(&self, number: i64) -> Timestamp {
        self.start.plus_days(number)
    }

    fn stamp(&self, order: Timestamp) -> Timestamp {
        let since = order.0 - self.start.0;
        let number = since.div_euclid(DAY);
        match usize::try_from(number).ok().and_then(|number| self.opened.get(number)) {
            Some((from, length)) => Timestamp(from + since.rem_euclid(DAY) * length / DAY),
            // Before the first day, or after the last opened one: as far from its neighbour as in the simulation.
            None if number < 0 => order,
            None => {
                let (from, length) = self.opened.last().copied().unwrap_or((self.start.0, 0));
                let end = self.order(self.opened.len() as i64);
                Timestamp(from + length + (order.0 - end.0))
            }
        }
    }

    /// The clock when a message of `at` arrives.
    fn arrival(&self, at: Timestamp) -> Timestamp {
        match self.clock {
            CityClock::Past { .. } => at,
            CityClock::Live { .. } => self.now,
        }
    }
}

/// SplitMix64: one number from another, with no pattern to see.
fn scramble(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
