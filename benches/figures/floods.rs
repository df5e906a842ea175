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
use swabstream::clock;
use swabstream::model::time::{DAY_MS, Timestamp};
use swabstream::proto::v1::{ContactKind, ContactRecord, ContactStatus, Finding, LabResult, ResultStatus};

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
        Flood::new("only_nobodys", plain, many, (0..).map(|number| Sent::result(&nobodys(number)))),
        Flood::new("only_duplicates", plain, many, (0..).map(|number| Sent::result(&result(number % 1_000)))),
        Flood::new("panels", plain, many, (0..).map(|number| Sent::result(&of_a_panel(number)))),
        Flood::new("contacts", plain, many / 10, (0..).map(|number| Sent::contact(&contact(number, 1)))),
        Flood::new("missed_tests", plain, many / 50, (0..).map(|number| Sent::contact(&contact(number, 6)))),
        Flood::new("one_person", plain, many / 10, (0..).map(|number| Sent::result(&of_one_person(number)))),
        Flood::new("one_area", one_area, many, workload(one_area, 2)),
        Flood::new("at_the_size_limit", plain, many / 250, (0..).map(large)),
        Flood::new("corrections_of_one", plain, many, (0..).map(|number| Sent::result(&correction(number)))),
        Flood::new("replacements", plain, many, (0..).map(|number| Sent::result(&replacement(number)))),
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
        latency::tell(figures, name, rate, latency::one_run(&site, &records, rate, latency::said_by_alert)?);
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

/// Each specimen for every target of the deployment, one in ten thousand with influenza.
fn of_a_panel(number: u32) -> LabResult {
    const TARGETS: [&str; 4] = ["sars-cov-2", "influenza-a", "influenza-b", "rsv"];
    let (specimen, target) = (number / 4, TARGETS[number as usize % 4]);
    let positive = target == "influenza-a" && specimen.is_multiple_of(10_000);
    LabResult {
        result_id: format!("panel{number:011}"),
        specimen_id: format!("panel{specimen:011}"),
        target: target.into(),
        finding: if positive { Finding::Positive } else { Finding::Negative } as i32,
        ..result(specimen)
    }
}

/// Every second result replaces the one before, under an id of its own.
fn replacement(number: u32) -> LabResult {
    let (replaced, own) = (format!("old{:011}", number / 2), format!("new{:011}", number / 2));
    let result = LabResult { result_id: replaced.clone(), specimen_id: own.clone(), ..result(number / 2) };
    match number % 2 {
        0 => result,
        _ => LabResult { result_id: own, replaces_result_id: replaced, purpose: "clinic".into(), ..result },
    }
}

/// What a spreadsheet leaves of an id.
fn nobodys(number: u32) -> LabResult {
    LabResult { person_id: "5.00103E+17".into(), ..result(number) }
}

/// Exposed so many days ago to somebody who lives in another task as likely as not; every second record names its target.
/// Of an exposure long ago, tests were due that are missed.
fn contact(number: u32, days_ago: i64) -> ContactRecord {
    let at = Timestamp(clock::now().0 - days_ago * DAY_MS);
    ContactRecord {
        record_id: format!("c{days_ago}-{number:09}"),
        status: ContactStatus::Active as i32,
        person_id: person_id(number),
        index_person_id: person_id(number / 10 + 1_000_000),
        kind: ContactKind::Close as i32,
        exposure_start: Some(at.to_wire()),
        exposure_end: Some(at.plus_hours(1).to_wire()),
        target: if number.is_multiple_of(2) { "influenza-a".into() } else { String::new() },
        ..ContactRecord::default()
    }
}

fn bad(number: u32) -> Sent {
    Sent { payload: b"not a result".to_vec(), ..Sent::result(&result(number)) }
}

fn large(number: u32) -> Sent {
    let mut large = Sent::result(&result(number));
    prost::encoding::bytes::encode(UNKNOWN_FIELD, &vec![b'x'; PADDING], &mut large.payload);
    large
}
