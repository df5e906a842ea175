//! Floods: much of one thing that is bad, endless or far too large. Each must be worked off, as fast as anything else and
//! without memory that grows with it, and so must all of them together. None may stall the others: beside all of them, on
//! the same topic, ordinary results come at a steady rate, and every one of their alerts must come; how soon is measured
//! with the floods and without.

use super::figures::{Figures, memory};
use super::ours::Ours;
use super::site::Site;
use super::throughput::LAYOUT;
use super::workload::{Sent, Shape, Workload, lab, person_id, street};
use super::{Scale, latency};
use prost::Message as _;
use swabstream::clock;
use swabstream::model::time::{DAY_MS, Timestamp};
use swabstream::proto::v1::{Finding, LabResult, ResultStatus};

/// Largest record taken, less what key and fields need.
const PADDING: usize = 256 * 1024 - 1_024;
/// A field that the contract does not have, with bytes: taken, and passed over.
const UNKNOWN_FIELD: u32 = 1_000;

/// Ordinary results a second, beside which all floods come together.
const RATE: usize = 5_000;

/// Much of one thing.
struct Flood {
    name: &'static str,
    shape: Shape,
    many: usize,
    records: Box<dyn Iterator<Item = Sent>>,
}

/// Results per second and memory of each flood and of all together, and what the others notice of them.
pub fn floods(scale: &Scale, figures: &mut Figures) -> anyhow::Result<()> {
    let many = if scale.quick { 20_000 } else { 1_000_000 };
    println!("{:<20} {:>10} {:>12} {:>12} {:>14}", "flood", "records", "per second", "MB/s", "grown by MiB");
    let ordinary = Flood::new("ordinary", Shape::default(), many, workload(Shape::default(), 1));
    for flood in [ordinary].into_iter().chain(kinds(many)) {
        measure(flood, figures)?;
    }
    let all = kinds(many);
    let sum = all.iter().map(|flood| flood.many).sum();
    measure(Flood::new("all_together", Shape::default(), sum, together(all)), figures)?;
    beside_all(scale, figures)
}

/// Each kind of flood.
fn kinds(many: usize) -> Vec<Flood> {
    let plain = Shape::default();
    let one_area = Shape { streets: 1, ..plain };
    let mis_keyed = Shape { mis_keyed: 100, ..plain };
    vec![
        Flood::new("only_bad", plain, many, (0..).map(bad)),
        Flood::new("only_duplicates", plain, many, (0..).map(|number| sent(&result(number % 1_000)))),
        Flood::new("one_person", plain, many / 10, (0..).map(|number| sent(&of_one_person(number)))),
        Flood::new("one_area", one_area, many, workload(one_area, 2)),
        Flood::new("at_the_size_limit", plain, many / 250, (0..).map(large)),
        Flood::new("corrections_of_one", plain, many, (0..).map(|number| sent(&correction(number)))),
        Flood::new("all_mis_keyed", mis_keyed, many, workload(mis_keyed, 3)),
    ]
}

impl Flood {
    fn new(name: &'static str, shape: Shape, many: usize, records: impl Iterator<Item = Sent> + 'static) -> Self {
        Self { name, shape, many, records: Box::new(records.take(many)) }
    }
}

/// All at once, each spread evenly from the first record to the last.
fn together(floods: Vec<Flood>) -> impl Iterator<Item = Sent> {
    let mut floods: Vec<(usize, Flood)> = floods.into_iter().map(|flood| (0, flood)).collect();
    std::iter::from_fn(move || {
        let unfinished = floods.iter_mut().filter(|(taken, flood)| *taken < flood.many);
        let (taken, flood) =
            unfinished.min_by_key(|(taken, flood)| (*taken as u64 * 1_000_000_000) / flood.many as u64)?;
        *taken += 1;
        flood.records.next()
    })
}

/// How soon the alerts of ordinary results come, without any flood and with all of them on the same topic.
fn beside_all(scale: &Scale, figures: &mut Figures) -> anyhow::Result<()> {
    let (seconds, many) = if scale.quick { (12, 10_000) } else { (40, 200_000) };
    let site = Site::new("flood-beside", LAYOUT, Shape::default())?;
    let ours = Ours::start(&site, None)?;
    let mut ordinary = workload(Shape::default(), 1);
    let alone: Vec<Sent> = ordinary.by_ref().take(RATE * seconds).collect();
    let mut all = kinds(many);
    for flood in &mut all {
        // Nobody waits for theirs.
        let records = std::mem::replace(&mut flood.records, Box::new(std::iter::empty()));
        flood.records = Box::new(records.map(|sent| Sent { newly_positive: None, ..sent }));
    }
    all.push(Flood::new("ordinary", Shape::default(), RATE * seconds, ordinary));
    let beside: Vec<Sent> = together(all).collect();
    for (name, records) in [("alert_without_floods", alone), ("alert_beside_floods", beside)] {
        let rate = records.len() as f64 / seconds as f64;
        latency::tell(figures, name, rate, latency::one_run(&site, &records, rate)?);
    }
    ours.shut_down()?;
    site.remove()
}

fn measure(flood: Flood, figures: &mut Figures) -> anyhow::Result<()> {
    let Flood { name, shape, records, .. } = flood;
    let mut site = Site::new(&format!("flood-{name}"), LAYOUT, shape)?;
    let mut bytes = 0;
    site.publish(records.inspect(|sent| bytes += sent.payload.len()))?;
    let before = memory("/proc/self/status", "VmRSS:");
    let ours = Ours::start(&site, None)?;
    let run = ours.process(site.loaded.records, site.loaded.away)?;
    let grown = memory("/proc/self/status", "VmRSS:").saturating_sub(before) as f64 / f64::from(1 << 20);
    ours.shut_down()?;
    let megabytes = bytes as f64 / 1e6 / run.wall.as_secs_f64();
    println!("{name:<20} {:>10} {:>12.0} {megabytes:>12.1} {grown:>14.0}", site.loaded.records, run.per_second());
    figures.add(format!("flood_{name}_per_second"), "1/s", run.per_second());
    figures.add(format!("flood_{name}_grown_mib"), "MiB", grown);
    site.remove()
}

/// Another seed, other people: floods that come together must not repeat each other's results.
fn workload(shape: Shape, seed: u64) -> Workload {
    Workload::new(shape, clock::now(), seed)
}

/// The plain negative of a number.
fn result(number: u32) -> LabResult {
    let yesterday = Timestamp((clock::now().0 / DAY_MS - 1) * DAY_MS);
    LabResult {
        lab_id: lab(number % 20),
        result_id: format!("r{number:011}"),
        status: ResultStatus::Final as i32,
        person_id: person_id(number),
        specimen_id: format!("s{number:011}"),
        target: "sars-cov-2".into(),
        // The same in every repetition.
        collected_at: Some(yesterday.to_wire()),
        area: street(number % 1_000),
        purpose: "screening".into(),
        finding: Finding::Negative as i32,
        ..LabResult::default()
    }
}

fn of_one_person(number: u32) -> LabResult {
    LabResult { person_id: person_id(1), area: street(1), ..result(number) }
}

fn correction(revision: u32) -> LabResult {
    let finding = if revision.is_multiple_of(2) { Finding::Negative } else { Finding::Positive };
    let status = if revision == 0 { ResultStatus::Final } else { ResultStatus::Corrected };
    LabResult { revision, finding: finding as i32, status: status as i32, ..result(1) }
}

fn sent(result: &LabResult) -> Sent {
    let (key, payload) = (result.person_id.clone().into_bytes(), result.encode_to_vec());
    Sent { key, payload, newly_positive: None, person_id: result.person_id.clone() }
}

fn bad(number: u32) -> Sent {
    Sent { payload: b"not a result".to_vec(), ..sent(&result(number)) }
}

fn large(number: u32) -> Sent {
    let mut large = sent(&result(number));
    prost::encoding::bytes::encode(UNKNOWN_FIELD, &vec![b'x'; PADDING], &mut large.payload);
    large
}
