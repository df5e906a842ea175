//! The one workload that everything is measured with: a city in a mass screening.
//!
//! 2 million people of 38 districts in 1,000 streets, 5 purposes, 20 labs. One result in a thousand is positive, two in
//! a hundred correct an earlier result, one in a hundred is keyed by its specimen instead of its person. Everything
//! comes from the seed: two runs see the same records.

pub mod rounds;

use prost::Message as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use std::collections::HashSet;
use std::fmt::Write as _;
use swabstream::model::record::Topic;
use swabstream::model::time::Timestamp;
use swabstream::policy::Rules;
use swabstream::policy::source::{self, SourceFile};
use swabstream::proto::v1::{ContactRecord, Finding, LabResult, Pool, PoolMember, ResultStatus};

/// What is varied between runs.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// People there are.
    pub people: u32,
    /// Streets they live in.
    pub streets: u32,
    /// In hundredths.
    pub corrected: u32,
    /// In hundredths.
    pub mis_keyed: u32,
    /// Of people's results, those that come by a pool of [`IN_A_POOL`], in hundredths.
    pub pooled: u32,
}

/// People in a pool.
pub const IN_A_POOL: u32 = 10;

impl Default for Shape {
    fn default() -> Self {
        Self { people: 2_000_000, streets: 1_000, corrected: 2, mis_keyed: 1, pooled: 0 }
    }
}

const DISTRICTS: u32 = 38;
const LABS: u32 = 20;
const PURPOSES: [&str; 5] = ["screening", "clinic", "contact", "key_occupation", "inbound"];
/// Results that may still be corrected.
const RECENT: usize = 100_000;

/// An endless stream of results.
pub struct Workload {
    shape: Shape,
    random: ChaCha8Rng,
    now: Timestamp,
    number: u64,
    recent: Vec<LabResult>,
    truth: Truth,
}

/// A record as a lab or a tracer would send it.
pub struct Sent {
    /// Where it goes.
    pub topic: Topic,
    /// What it is keyed by.
    pub key: Vec<u8>,
    /// Whose it is.
    pub person_id: String,
    /// Who else is told of it.
    pub told: Option<String>,
    /// The message.
    pub payload: Vec<u8>,
    /// People it is a result of.
    pub people: u32,
    /// Id of the result where it is positive and not sent before: somebody is waiting for an alert.
    pub newly_positive: Option<String>,
}

/// What anybody who has processed all of it must say.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    /// Results with a call, each in whatever version: a negative pool is one of each of its people.
    pub results: u64,
    /// Pools that are positive.
    pub positive_pools: u64,
    /// Those that are positive.
    pub positive: u64,
    /// People with a positive.
    pub positive_people: HashSet<String>,
}

impl Workload {
    /// From a seed; `now` is when results are reported.
    pub fn new(shape: Shape, now: Timestamp, seed: u64) -> Self {
        Self {
            shape,
            random: ChaCha8Rng::seed_from_u64(seed),
            now,
            number: 0,
            recent: Vec::new(),
            truth: Truth::default(),
        }
    }

    /// What is true of everything taken so far.
    pub fn truth(&self) -> &Truth {
        &self.truth
    }

    fn next_result(&mut self) -> LabResult {
        if self.random.random_range(0..100) < self.shape.corrected && !self.recent.is_empty() {
            let at = self.random.random_range(0..self.recent.len());
            let earlier = &mut self.recent[at];
            earlier.revision += 1;
            earlier.status = ResultStatus::Corrected as i32;
            let other = PURPOSES.iter().position(|purpose| *purpose == earlier.purpose).unwrap_or(0) + 1;
            earlier.purpose = PURPOSES[other % PURPOSES.len()].into();
            return earlier.clone();
        }
        let result = if self.is_pool() { self.pool() } else { self.single() };
        match self.recent.len() {
            RECENT => self.recent[(self.number % RECENT as u64) as usize] = result.clone(),
            _ => self.recent.push(result.clone()),
        }
        result
    }

    /// Whether the next record is one of a pool: that is fewer of the records than of the results.
    fn is_pool(&mut self) -> bool {
        let results = f64::from(self.shape.pooled) / 100.0;
        let records = results / (f64::from(IN_A_POOL) - results * f64::from(IN_A_POOL - 1));
        self.shape.pooled > 0 && self.random.random_bool(records)
    }

    /// Neighbours in one tube; one tube in a hundred is positive.
    fn pool(&mut self) -> LabResult {
        let one = self.fresh();
        let positive = self.random.random_range(0..100) == 0;
        match positive {
            true => self.truth.positive_pools += 1,
            false => self.truth.results += u64::from(IN_A_POOL),
        }
        let first = self.random.random_range(0..self.shape.people - IN_A_POOL * self.shape.streets);
        let member =
            |at: u32| PoolMember { person_id: person_id(first + at * self.shape.streets), ..PoolMember::default() };
        let pool = Pool {
            pool_id: format!("t{:011}", self.number),
            size: IN_A_POOL,
            members: (0..IN_A_POOL).map(member).collect(),
        };
        LabResult {
            person_id: String::new(),
            area: street(first % self.shape.streets),
            finding: if positive { Finding::Positive } else { Finding::Negative } as i32,
            pool: Some(pool),
            ..one
        }
    }

    /// One of a person.
    fn single(&mut self) -> LabResult {
        let result = self.fresh();
        self.truth.results += 1;
        if result.finding() == Finding::Positive {
            self.truth.positive += 1;
            self.truth.positive_people.insert(result.person_id.clone());
        }
        result
    }

    /// A first version, collected within the last two days.
    fn fresh(&mut self) -> LabResult {
        self.number += 1;
        let number = self.number;
        let person = self.random.random_range(0..self.shape.people);
        let collected_at = self.now.plus_hours(-self.random.random_range(1..48));
        let positive = self.random.random_range(0..1000) == 0;
        LabResult {
            lab_id: lab(number as u32 % LABS),
            result_id: format!("r{number:011}"),
            status: ResultStatus::Final as i32,
            person_id: person_id(person),
            specimen_id: format!("s{number:011}"),
            target: "sars-cov-2".into(),
            collected_at: Some(collected_at.to_wire()),
            reported_at: Some(self.now.to_wire()),
            area: street(person % self.shape.streets),
            purpose: PURPOSES[self.random.random_range(0..PURPOSES.len())].into(),
            finding: if positive { Finding::Positive } else { Finding::Negative } as i32,
            ..LabResult::default()
        }
    }
}

impl Sent {
    /// A result under its person's key, whose alert nobody waits for.
    pub fn result(result: &LabResult) -> Self {
        let subject = result.pool.as_ref().map_or(&result.person_id, |pool| &pool.pool_id);
        let people = result.pool.as_ref().map_or(1, |pool| pool.size);
        Self { people, ..Self::encoded(subject.clone(), result.encode_to_vec()) }
    }

    /// The same, encoded.
    pub fn encoded(person_id: String, payload: Vec<u8>) -> Self {
        let key = person_id.clone().into_bytes();
        Self { topic: Topic::LabResults, key, person_id, told: None, payload, people: 1, newly_positive: None }
    }

    /// A contact record under its contact's key.
    pub fn contact(record: &ContactRecord) -> Self {
        let told = Some(record.index_person_id.clone());
        Self { topic: Topic::ContactRecords, told, ..Self::encoded(record.person_id.clone(), record.encode_to_vec()) }
    }
}

impl Iterator for Workload {
    type Item = Sent;

    fn next(&mut self) -> Option<Sent> {
        let result = self.next_result();
        let mis_keyed = self.random.random_range(0..100) < self.shape.mis_keyed;
        let sent = Sent::result(&result);
        let key = if mis_keyed { &result.specimen_id } else { &sent.person_id };
        let newly_positive = result.finding() == Finding::Positive && result.revision == 0;
        let key = key.clone().into_bytes();
        let newly_positive = newly_positive.then(|| result.result_id.clone());
        Some(Sent { key, newly_positive, ..sent })
    }
}

/// The rules of the workload: its registries, and the policies of Chongqing.
pub fn rules(shape: Shape) -> Rules {
    rules_and(shape, "")
}

/// The same, by which a key group is tested every day, and told of whoever is not.
pub fn rules_with_group(shape: Shape, group: &str) -> Rules {
    rules_and(shape, &format!("\n[[groups]]\ngroup = \"{group}\"\nevery_days = 1\nalert = true\n"))
}

fn rules_and(shape: Shape, of_cases: &str) -> Rules {
    let cases = include_str!("../../deploy/rules/chongqing/case-2022-11-11.toml").to_owned() + of_cases;
    let file = |name: &str, text: &str| SourceFile { name: name.into(), text: text.into() };
    let files = [
        file("deployment.toml", include_str!("../../deploy/rules/chongqing/deployment.toml")),
        file("case-2022-11-11.toml", &cases),
        file("tier-20-measures.toml", include_str!("../../deploy/rules/chongqing/tier-20-measures.toml")),
        file("tier-cdc-transmission.toml", include_str!("../../deploy/rules/chongqing/tier-cdc-transmission.toml")),
        file("areas.csv", &areas(shape.streets)),
        file("labs.csv", &labs()),
    ];
    source::rules(&files).expect("the workload's rules are right")
}

/// The registry of areas, as a file of a rules folder.
pub fn areas(streets: u32) -> String {
    let mut text = String::from("code,name,level,effective_from,parent,population,column,row,abolished\n");
    text.push_str("500000,City,city,2017-01-01,,32054159,,,\n");
    for number in 0..DISTRICTS {
        let district = district(number);
        let _ = writeln!(text, "{district},District {number},district,2017-01-01,500000,843530,,,");
    }
    for number in 0..streets {
        let (street, district) = (street(number), district(number % DISTRICTS));
        let _ = writeln!(text, "{street},Street {number},street,2017-01-01,{district},32054,,,");
    }
    text
}

/// The registry of labs, likewise.
pub fn labs() -> String {
    (0..LABS).fold(String::from("id,name\n"), |text, number| text + &format!("{},Lab {number}\n", lab(number)))
}

/// A person's pseudonym.
pub fn person_id(number: u32) -> String {
    format!("p{number:015}")
}

/// Id of a lab.
pub fn lab(number: u32) -> String {
    format!("LAB-{number:02}")
}

fn district(number: u32) -> String {
    format!("5001{number:02}")
}

/// Code of a street.
pub fn street(number: u32) -> String {
    format!("5001{:02}{number:06}", number % DISTRICTS)
}
