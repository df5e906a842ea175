//! Floods: much of one thing that is bad, endless or far too large. Each must be worked off, as fast as anything else and
//! without memory that grows with it.

use super::Scale;
use super::figures::{Figures, memory};
use super::ours::Ours;
use super::site::Site;
use super::throughput::LAYOUT;
use super::workload::{Sent, Shape, Workload, lab, person_id, street};
use prost::Message as _;
use swabstream::clock;
use swabstream::model::time::{DAY_MS, Timestamp};
use swabstream::proto::v1::{Finding, LabResult, ResultStatus};

/// Largest record taken, less what key and fields need.
const PADDING: usize = 256 * 1024 - 1_024;
/// A field that the contract does not have, with bytes: taken, and passed over.
const UNKNOWN_FIELD: u32 = 1_000;

type Flood = Box<dyn Iterator<Item = Sent>>;

/// Results per second and memory of each flood.
pub fn floods(scale: &Scale, figures: &mut Figures) -> anyhow::Result<()> {
    let many = if scale.quick { 20_000 } else { 1_000_000 };
    let one_area = Shape { streets: 1, ..Shape::default() };
    let mis_keyed = Shape { mis_keyed: 100, ..Shape::default() };
    let floods: [(&str, Shape, Flood); 8] = [
        ("ordinary", Shape::default(), Box::new(workload(Shape::default()).take(many))),
        ("only_bad", Shape::default(), Box::new((0..many).map(bad))),
        ("only_duplicates", Shape::default(), Box::new((0..many).map(|number| sent(&result(number as u32 % 1_000))))),
        ("one_person", Shape::default(), Box::new((0..many / 10).map(|number| sent(&of_one_person(number as u32))))),
        ("one_area", one_area, Box::new(workload(one_area).take(many))),
        ("at_the_size_limit", Shape::default(), Box::new((0..many / 250).map(|number| large(number as u32)))),
        ("corrections_of_one", Shape::default(), Box::new((0..many).map(|number| sent(&correction(number as u32))))),
        ("all_mis_keyed", mis_keyed, Box::new(workload(mis_keyed).take(many))),
    ];
    println!("{:<20} {:>10} {:>12} {:>12} {:>14}", "flood", "records", "per second", "MB/s", "grown by MiB");
    for (name, shape, flood) in floods {
        measure(name, shape, flood, figures)?;
    }
    Ok(())
}

fn measure(name: &str, shape: Shape, flood: Flood, figures: &mut Figures) -> anyhow::Result<()> {
    let mut site = Site::new(&format!("flood-{name}"), LAYOUT, shape)?;
    let mut bytes = 0;
    site.publish(flood.inspect(|sent| bytes += sent.payload.len()))?;
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

fn workload(shape: Shape) -> Workload {
    Workload::new(shape, clock::now(), 1)
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

fn bad(number: usize) -> Sent {
    Sent { payload: b"not a result".to_vec(), ..sent(&result(number as u32)) }
}

fn large(number: u32) -> Sent {
    let mut large = sent(&result(number));
    prost::encoding::bytes::encode(UNKNOWN_FIELD, &vec![b'x'; PADDING], &mut large.payload);
    large
}
