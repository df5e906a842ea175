//! Real bytes of every kind: what a small city sends, and what two tasks make of it.

use std::sync::Arc;
use swabstream::demo::city::{City, CityConfig, Message, Rates};
use swabstream::model::ids::Secret;
use swabstream::model::record::{Layout, Output, Position, Record, Topic};
use swabstream::model::time::{Day, Timestamp};
use swabstream::pipeline::area::AreaHalf;
use swabstream::pipeline::formats::Formats;
use swabstream::pipeline::half::{Context, DUE_AT_MOST, Half};
use swabstream::pipeline::person::PersonHalf;
use swabstream::policy::Rules;
use swabstream::policy::sample::sample_rules;
use swabstream::runtime::task::{RulesInForce, Task};

pub const LAYOUT: Layout = Layout { person_tasks: 2, area_tasks: 1 };
pub const RING: u64 = 16;

/// Keys and payloads, by what they are.
pub struct Corpus {
    pub rules: Arc<Rules>,
    pub inputs: Vec<Message>,
    pub events: Vec<Output>,
    pub batches: Vec<Output>,
    pub progress: Vec<Output>,
    /// Changelogs of a task of each half, in order.
    pub person_state: Vec<Output>,
    pub area_state: Vec<Output>,
    pub rule_records: Vec<(String, Vec<u8>)>,
    /// A lab's workbook.
    pub workbook: Vec<u8>,
}

impl Corpus {
    pub fn new() -> Self {
        let rules = Arc::new(sample_rules());
        let first = Day::parse("2022-11-12").expect("a day");
        let mut config = CityConfig::past(1, 60, Timestamp(i64::from(first.0) * 86_400_000), 5);
        config.rates = Rates::harsh();
        config.epidemic.seeded = 0.1;
        let inputs: Vec<Message> = City::new(config, rules.clone()).collect();
        let (mut person, mut area) = (fresh::<PersonHalf>(&rules), fresh::<AreaHalf>(&rules));
        let mut rule_records = rules.to_records();
        rule_records.push(rules.manifest());
        let mut corpus = Self {
            rules,
            inputs: Vec::new(),
            events: Vec::new(),
            batches: Vec::new(),
            progress: Vec::new(),
            person_state: Vec::new(),
            area_state: Vec::new(),
            rule_records,
            workbook: workbook(),
        };
        for (commit, some) in inputs.chunks(30).enumerate() {
            for (at, message) in some.iter().enumerate() {
                person.apply(&record_of(message, (30 * commit + at) as i64)).expect("of this version");
            }
            let (outputs, part) = person.commit(person.wants_changelog_end().then_some(0));
            corpus.person_state.extend(part.changes);
            corpus.keep(outputs, &mut area);
            let (outputs, part) = area.commit(area.wants_changelog_end().then_some(0));
            corpus.area_state.extend(part.changes);
            corpus.keep(outputs, &mut area);
        }
        corpus.inputs = inputs;
        corpus
    }

    fn keep(&mut self, outputs: Vec<Output>, area: &mut Task<AreaHalf>) {
        for output in outputs {
            match output.topic {
                Topic::PersonEvents => self.events.push(output),
                Topic::Progress => self.progress.push(output),
                Topic::AreaChanges => {
                    area.apply(&record(&output, self.batches.len() as i64)).expect("of this version");
                    self.batches.push(output);
                }
                _ => {}
            }
        }
    }
}

/// A task that has read nothing.
pub fn half<H: Half>(rules: &Arc<Rules>) -> H {
    H::new(context(), rules.clone())
}

fn fresh<H: Half>(rules: &Arc<Rules>) -> Task<H> {
    let rules = RulesInForce { rules: rules.clone(), offset: 1 };
    Task::fresh(context(), &rules, H::INPUTS.iter().map(|topic| (*topic, 0)).collect(), RING)
}

pub fn context() -> Context {
    Context {
        task: 0,
        layout: LAYOUT,
        secret: Secret::new([7; 16]),
        max_record_bytes: 100_000,
        history: true,
        formats: Formats::default(),
        due_at_most: DUE_AT_MOST,
    }
}

fn record_of(message: &Message, offset: i64) -> Record<'_> {
    Record {
        position: Position { topic: message.topic, partition: 0, offset },
        received_at: message.at,
        key: Some(&message.key),
        payload: message.payload.as_deref(),
        content_type: message.content_type.map(str::as_bytes),
    }
}

/// An output as its reader sees it.
pub fn record(output: &Output, offset: i64) -> Record<'_> {
    Record {
        position: Position { topic: output.topic, partition: output.partition, offset },
        received_at: Timestamp(1_668_500_000_000),
        key: Some(&output.key),
        payload: output.payload.as_deref(),
        content_type: None,
    }
}

/// A sheet with cells of several types.
fn workbook() -> Vec<u8> {
    let mut workbook = rust_xlsxwriter::Workbook::new();
    let sheet = workbook.add_worksheet();
    for (column, name) in (0..).zip(["plate", "well", "call", "taken", "ct"]) {
        sheet.write_string(0, column, name).expect("memory");
    }
    for row in 1..20 {
        sheet.write_string(row, 0, "P1").expect("memory");
        sheet.write_number(row, 1, row).expect("memory");
        sheet.write_string(row, 2, "pos").expect("memory");
        sheet.write_string(row, 3, "11.11.2022 08:00").expect("memory");
        sheet.write_number(row, 4, 31.5).expect("memory");
    }
    workbook.save_to_buffer().expect("memory")
}
