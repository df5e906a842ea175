//! The smallest half there is: it counts records by payload. Whatever is lost or doubled by a worker is seen in its
//! numbers at once.
//!
//! A record's payload names a counter. A counter lives in the task its name hashes to: a record that lies elsewhere is
//! sent on through `person-events`. Each step of a counter is published on `alerts`, so that a reader sees 1, 2, 3, …

use std::collections::BTreeMap;
use std::sync::Arc;
use swabstream::model::outcome::{End, Outcome, Reject};
use swabstream::model::record::{HalfKind, Output, Record, Topic};
use swabstream::pipeline::decode::dead_letter;
use swabstream::pipeline::effects::Effects;
use swabstream::pipeline::formats::Newer;
use swabstream::pipeline::half::{Context, Half};
use swabstream::pipeline::times::{OwnTime, Times};
use swabstream::policy::Rules;
use swabstream::state::paged::{Corrupt, Paged};

/// Pages, so that images come in turns.
const PAGES: u32 = 5;

/// The payload that the half panics on, in the middle of its work.
pub const POISON: &str = "poison";

/// Counters by name, in pages.
#[derive(Debug)]
pub struct Counting {
    context: Context,
    rules: Arc<Rules>,
    pages: Vec<BTreeMap<String, u64>>,
}

impl Counting {
    /// All counters.
    pub fn counters(&self) -> BTreeMap<String, u64> {
        self.pages.iter().flatten().map(|(name, count)| (name.clone(), *count)).collect()
    }

    fn count(&mut self, page: u32, name: &str) -> u64 {
        let count = self.pages[page as usize].entry(name.to_owned()).or_default();
        *count += 1;
        *count
    }
}

impl Half for Counting {
    const KIND: HalfKind = HalfKind::Person;
    const INPUTS: &'static [Topic] = &[Topic::LabResults, Topic::ContactRecords, Topic::PersonEvents];
    const CHANGELOG: Topic = Topic::PersonState;
    const OWN_TIME: OwnTime = OwnTime::Receipts;

    fn new(context: Context, rules: Arc<Rules>) -> Self {
        Self { context, rules, pages: vec![BTreeMap::new(); PAGES as usize] }
    }

    fn apply(&mut self, record: &Record<'_>, effects: &mut Effects) -> Result<Outcome, Newer> {
        let bytes = record.payload.expect("counted records have a payload");
        let name = std::str::from_utf8(bytes).expect("counters have names of letters");
        assert!(name != POISON, "a fault of the program");
        let home = self.context.layout.person_task(name);
        if home != self.context.task {
            effects.sent += 1;
            effects.outputs.push(output(Topic::PersonEvents, home, name, bytes.to_vec()));
            return Ok(Outcome::Used(End::Forwarded));
        }
        let page = name.len() as u32 % PAGES;
        effects.changes.push(page, |into| into.extend_from_slice(bytes));
        let count = self.count(page, name);
        effects.urgent |= count.is_multiple_of(7);
        effects.outputs.push(output(Topic::Alerts, home, name, count.to_string().into_bytes()));
        Ok(Outcome::Used(End::Accepted))
    }

    fn set_aside(&self, record: &Record<'_>, reject: &Reject) -> Output {
        dead_letter::output(record, reject, self.context.task)
    }

    fn advance(&mut self, _: &Times, _: &mut Effects) {}

    fn adopt(&mut self, rules: Arc<Rules>, _: &mut Effects) {
        self.rules = rules;
    }

    fn flush(&mut self, _: u64, _: &Times, _: &mut Effects) {}

    fn rules_digest(&self) -> &str {
        &self.rules.digest
    }

    fn sizes(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }
}

impl Paged for Counting {
    fn pages(&self) -> u32 {
        PAGES
    }

    fn image(&self, page: u32, into: &mut Vec<u8>) {
        for (name, count) in &self.pages[page as usize] {
            into.extend_from_slice(format!("{name} {count}\n").as_bytes());
        }
    }

    fn load(&mut self, page: u32, image: &[u8], _: u32) -> Result<(), Corrupt> {
        let text = std::str::from_utf8(image).expect("written above");
        let counter = |line: &str| {
            let (name, count) = line.split_once(' ').expect("written above");
            (name.to_owned(), count.parse().expect("written above"))
        };
        self.pages[page as usize] = text.lines().map(counter).collect();
        Ok(())
    }

    fn replay(&mut self, page: u32, operation: &[u8], _: u32) -> Result<(), Corrupt> {
        self.count(page, std::str::from_utf8(operation).expect("written above"));
        Ok(())
    }

    fn restored(&mut self) -> Result<(), Corrupt> {
        Ok(())
    }
}

fn output(topic: Topic, partition: i32, key: &str, payload: Vec<u8>) -> Output {
    Output { topic, partition, key: key.as_bytes().to_vec(), payload: Some(payload), headers: Vec::new() }
}
