//! One area task, driven by hand: batches in, a log of what it wrote, and the same task restored from that.

use crate::images::images_of;
use prost::Message as _;
use std::collections::BTreeMap;
use std::sync::Arc;
use swabstream::model::ids::Secret;
use swabstream::model::outcome::Outcome;
use swabstream::model::record::{Layout, Output, Position, Record, Topic};
use swabstream::model::time::{Day, Timestamp};
use swabstream::pipeline::area::AreaHalf;
use swabstream::pipeline::effects::Effects;
use swabstream::pipeline::formats::{Formats, Newer};
use swabstream::pipeline::half::{Context, DUE_AT_MOST, Half as _};
use swabstream::pipeline::times::Times;
use swabstream::policy::Rules;
use swabstream::proto::v1::{Alert, AreaChanges, AreaPositivity, AreaTier};
use swabstream::runtime::task::clock::{Look, Watermarks};
use swabstream::state::changelog::FORMAT;
use swabstream::state::paged;

pub const LAYOUT: Layout = Layout { person_tasks: 2, area_tasks: 1 };

/// All person tasks have come so far, and what they sent by then was read.
pub fn heard(watermark: Timestamp) -> Look {
    let slowest = Some(Watermarks { watermark, drop_before: watermark });
    Look { at: Timestamp(0), read_until: Some(Timestamp(1)), slowest, come_to: [watermark; 2].into() }
}

/// A task and all it wrote.
pub struct Bench {
    pub half: AreaHalf,
    pub outputs: Vec<Output>,
    /// Operations of each commit.
    pub operations: Vec<Vec<u8>>,
    effects: Effects,
    pub offset: i64,
    seq: u64,
}

impl Bench {
    pub fn new(rules: &Arc<Rules>) -> Self {
        let half = AreaHalf::new(context(), Arc::clone(rules));
        Self { half, outputs: Vec::new(), operations: Vec::new(), effects: Effects::default(), offset: 0, seq: 0 }
    }

    pub fn read(&mut self, batch: &AreaChanges) -> Outcome {
        self.read_bytes(Some(&batch.encode_to_vec()))
    }

    pub fn read_bytes(&mut self, payload: Option<&[u8]>) -> Outcome {
        self.try_bytes(payload).expect("of this version")
    }

    /// The same, also of a batch that may be for a newer version.
    pub fn try_bytes(&mut self, payload: Option<&[u8]>) -> Result<Outcome, Newer> {
        let position = Position { topic: Topic::AreaChanges, partition: 0, offset: self.offset };
        self.offset += 1;
        let record = Record { position, received_at: Timestamp(0), key: None, payload, content_type: None };
        self.half.apply(&record, &mut self.effects)
    }

    pub fn adopt(&mut self, rules: &Arc<Rules>) {
        self.half.adopt(Arc::clone(rules), &mut self.effects);
    }

    /// Commits at noon of a day, or before any person task's progress is known.
    pub fn commit(&mut self, day: Option<Day>) -> Vec<Output> {
        let everywhere = day.map(|day| Timestamp(i64::from(day.0) * 86_400_000 + 4 * 3_600_000));
        self.commit_at(Times { everywhere, closing: everywhere, ..Times::default() })
    }

    /// Commits at these times.
    pub fn commit_at(&mut self, times: Times) -> Vec<Output> {
        self.half.advance(&times, &mut self.effects);
        self.seq += 1;
        self.half.flush(self.seq, &times, &mut self.effects);
        let effects = std::mem::take(&mut self.effects);
        self.operations.push(effects.changes.as_bytes().to_vec());
        self.outputs.extend(effects.outputs.iter().cloned());
        effects.outputs
    }

    pub fn images(&self) -> Vec<Vec<u8>> {
        images_of(&self.half)
    }

    /// The newest record of every key.
    pub fn latest(&self, topic: Topic) -> BTreeMap<String, Vec<u8>> {
        let mut latest = BTreeMap::new();
        for output in self.outputs.iter().filter(|output| output.topic == topic) {
            let key = String::from_utf8(output.key.clone()).expect("keys are texts");
            match &output.payload {
                Some(payload) => drop(latest.insert(key, payload.clone())),
                None => drop(latest.remove(&key)),
            }
        }
        latest
    }

    /// Live numbers, their time apart, and when their day was closed.
    pub fn numbers(&self) -> BTreeMap<String, AreaPositivity> {
        let numbers = |(key, payload): (String, Vec<u8>)| {
            let numbers = AreaPositivity::decode(payload.as_slice()).expect("ours");
            (key, AreaPositivity { now: None, close: None, ..numbers })
        };
        self.latest(Topic::AreaPositivity).into_iter().map(numbers).collect()
    }

    /// Tiers, their time apart.
    pub fn tiers(&self) -> BTreeMap<String, AreaTier> {
        let tier = |(key, payload): (String, Vec<u8>)| {
            (key, AreaTier { now: None, ..AreaTier::decode(payload.as_slice()).expect("ours") })
        };
        self.latest(Topic::AreaTiers).into_iter().map(tier).collect()
    }

    /// Every state of every alert, oldest first.
    pub fn alerts(&self) -> Vec<Alert> {
        let alerts = self.outputs.iter().filter(|output| output.topic == Topic::AreaAlerts);
        alerts.map(|output| Alert::decode(output.payload.as_deref().expect("never deleted")).expect("ours")).collect()
    }
}

pub fn context() -> Context {
    Context {
        task: 0,
        layout: LAYOUT,
        secret: Secret::new([7; 16]),
        max_record_bytes: 1 << 20,
        history: false,
        formats: Formats::default(),
        due_at_most: DUE_AT_MOST,
    }
}

/// Operations of one commit with their pages.
pub fn operations(bytes: &[u8]) -> Vec<(u32, &[u8])> {
    paged::operations(bytes, FORMAT).collect::<Result<_, _>>().expect("operations of ours")
}
