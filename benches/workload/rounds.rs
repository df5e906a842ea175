//! Rounds of a mass screening: everybody of a part of the people is swabbed once, in an order that has nothing to do
//! with who they are. Made quickly, so that tens of millions of people can be.

use super::{DISTRICTS, PURPOSES, Sent, lab, person_id, street};
use prost::Message as _;
use swabstream::model::time::Timestamp;
use swabstream::proto::v1::{Finding, LabResult, ResultStatus};

/// Larger than any number of people, and a prime: steps of it visit everybody once.
const STEP: u64 = 2_654_435_761;

/// One round.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// People there are.
    pub people: u32,
    /// One in so many is swabbed, another one each round.
    pub every: u32,
    /// Streets they live in.
    pub streets: u32,
    /// Number of the round: part of ids.
    pub number: u32,
    /// Revision of its results.
    pub revision: u32,
    /// When they were swabbed.
    pub collected_at: Timestamp,
}

impl Round {
    /// The results of the round.
    pub fn results(self) -> impl Iterator<Item = Sent> {
        let of = |finding| PURPOSES.map(|purpose| Template::new(&self, purpose, finding));
        let (negative, positive) = (of(Finding::Negative), of(Finding::Positive));
        (0..u64::from(self.people)).filter_map(move |at| {
            let person = (at * STEP % u64::from(self.people)) as u32;
            let is_swabbed = (person + self.number).is_multiple_of(self.every);
            let is_positive = mixed(u64::from(person) << 32 | u64::from(self.number)).is_multiple_of(1_000);
            // A person is tested for one purpose, and another one with each revision.
            let purpose = (mixed(u64::from(person)) as u32).wrapping_add(self.revision) as usize % PURPOSES.len();
            is_swabbed.then(|| if is_positive { &positive } else { &negative }[purpose].sent(person, &self))
        })
    }
}

fn mixed(number: u64) -> u64 {
    let mixed = (number ^ number >> 31).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb) >> 8
}

/// An encoded result in which the parts that differ are overwritten in place.
struct Template {
    payload: Vec<u8>,
    person: usize,
    result: usize,
    specimen: usize,
    area: usize,
}

impl Template {
    fn new(round: &Round, purpose: &str, finding: Finding) -> Self {
        let (person, area) = (person_id(0), street(0));
        let (result, specimen) = (format!("r{:05}{:010}", round.number, 0), format!("s{:05}{:010}", round.number, 0));
        let status = if round.revision == 0 { ResultStatus::Final } else { ResultStatus::Corrected };
        let payload = LabResult {
            lab_id: lab(0),
            result_id: result.clone(),
            revision: round.revision,
            status: status as i32,
            person_id: person.clone(),
            specimen_id: specimen.clone(),
            target: "sars-cov-2".into(),
            collected_at: Some(round.collected_at.to_wire()),
            area: area.clone(),
            purpose: purpose.into(),
            finding: finding as i32,
            ..LabResult::default()
        }
        .encode_to_vec();
        let find = |text: &str| {
            payload.windows(text.len()).position(|found| found == text.as_bytes()).expect("it was written")
        };
        let (person, area, result, specimen) = (find(&person), find(&area), find(&result), find(&specimen));
        Self { payload, person, result, specimen, area }
    }

    fn sent(&self, person: u32, round: &Round) -> Sent {
        let mut payload = self.payload.clone();
        write(&mut payload[self.person + 1..][..15], person);
        write(&mut payload[self.result + 6..][..10], person);
        write(&mut payload[self.specimen + 6..][..10], person);
        let live = person % round.streets;
        write(&mut payload[self.area + 4..][..2], live % DISTRICTS);
        write(&mut payload[self.area + 6..][..6], live);
        let person_id = String::from_utf8_lossy(&payload[self.person..][..16]).into_owned();
        Sent::encoded(person_id, payload)
    }
}

/// Decimal digits, with leading zeros.
fn write(into: &mut [u8], mut number: u32) {
    for digit in into.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}
