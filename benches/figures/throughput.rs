//! How fast results are processed, exactly once and with everything on, beside what else could read the same topic in
//! the same run: the broker shares the cores with all of them, so only ratios travel.

use super::Scale;
use super::check::check;
use super::figures::{Figures, load, process_time};
use super::ours::{Ours, Run};
use super::peer::Peer;
use super::site::{LIMIT, Site};
use super::workload::Shape;
use prost::Message as _;
use std::time::{Duration, Instant};
use swabstream::kafka::reader::{From, TopicReader};
use swabstream::model::record::{Layout, Topic};
use swabstream::proto::v1::LabResult;

pub const LAYOUT: Layout = Layout { person_tasks: 4, area_tasks: 2 };

/// Everybody on the stated workload.
pub fn throughput(scale: &Scale, figures: &mut Figures) -> anyhow::Result<()> {
    let shape = Shape::default();
    println!("{} results, {shape:?}, {LAYOUT:?}, lz4", scale.records);
    let mut site = Site::loaded("throughput", LAYOUT, shape, scale.records)?;
    warm_up(&mut site)?;
    for round in 0..scale.rounds {
        println!("round {}, {}", round + 1, load());
        let bare = read_bare(&site, |_| {})?;
        let decoded = read_bare(&site, |payload| {
            std::hint::black_box(LabResult::decode(payload)).ok();
        })?;
        let ours = process(&mut site, None)?;
        for (name, run) in [("bare", bare), ("bare_decode", decoded), ("swabstream", ours)] {
            tell(figures, name, run);
        }
        figures.add_ratio("throughput_ratio_to_bare", ours.per_second() / bare.per_second(), "bare_results_per_second");
        figures.add_ratio(
            "cpu_ratio_to_bare_decode",
            ours.cpu_ns() / decoded.cpu_ns(),
            "bare_decode_cpu_ns_per_result",
        );
        for peer in Peer::ALL {
            if !peer.is_there() {
                println!("{}: skipped, benches/run builds it", peer.name());
                continue;
            }
            let run = peer.run(&site, round)?;
            tell(figures, peer.name(), run);
            let beside = format!("{}_results_per_second", peer.name());
            figures.add_ratio(format!("ratio_to_{}", peer.name()), ours.per_second() / run.per_second(), beside);
        }
    }
    site.remove()
}

/// A round that does not count: a broker that has just started, or has just written the topic, is slower.
fn warm_up(site: &mut Site) -> anyhow::Result<()> {
    println!("a round to warm up, which does not count, {}", load());
    read_bare(site, |_| {})?;
    process(site, None).map(drop)
}

/// Two workers beside one.
pub fn workers(scale: &Scale, figures: &mut Figures) -> anyhow::Result<()> {
    let mut site = Site::loaded("workers", LAYOUT, Shape::default(), scale.records)?;
    warm_up(&mut site)?;
    for round in 0..scale.rounds {
        println!("round {}, {}", round + 1, load());
        let (one, two) = (process(&mut site, Some(1))?, process(&mut site, Some(2))?);
        tell(figures, "one_worker", one);
        tell(figures, "two_workers", two);
        figures.add_ratio("two_workers_to_one", two.per_second() / one.per_second(), "one_worker_results_per_second");
    }
    site.remove()
}

/// With more partitions, beside four.
pub fn partitions(scale: &Scale, figures: &mut Figures) -> anyhow::Result<()> {
    let loaded = |person_tasks: i32| {
        let layout = Layout { person_tasks, ..LAYOUT };
        let mut site = Site::loaded(&format!("n{person_tasks}"), layout, Shape::default(), scale.records)?;
        warm_up(&mut site)?;
        anyhow::Ok(site)
    };
    let mut sites = [4, 64, 256].map(loaded).into_iter().collect::<Result<Vec<Site>, _>>()?;
    for round in 0..scale.rounds {
        println!("round {}, {}", round + 1, load());
        let mut four = None;
        for site in &mut sites {
            let (tasks, run) = (site.layout.person_tasks, process(site, None)?);
            tell(figures, &format!("n{tasks}"), run);
            let four = *four.get_or_insert(run.per_second());
            if tasks > 4 {
                figures.add_ratio(format!("n{tasks}_to_n4"), run.per_second() / four, "n4_results_per_second");
            }
        }
    }
    sites.into_iter().try_for_each(Site::remove)
}

/// The same with other workloads, beside a bare consumer of each.
pub fn variants(scale: &Scale, figures: &mut Figures) -> anyhow::Result<()> {
    let variants = [
        ("100k_areas", LAYOUT, Shape { streets: 100_000, ..Shape::default() }),
        // Of a hundred results eighty come by pools of ten: of records it is a quarter.
        ("pooled_80", LAYOUT, Shape { pooled: 80, ..Shape::default() }),
        ("all_mis_keyed", LAYOUT, Shape { mis_keyed: 100, ..Shape::default() }),
    ];
    for (name, layout, shape) in variants {
        println!("{name}: {} results, {shape:?}, {layout:?}", scale.records / 2);
        let mut site = Site::loaded(name, layout, shape, scale.records / 2)?;
        warm_up(&mut site)?;
        for round in 0..scale.rounds {
            println!("round {}, {}", round + 1, load());
            let (bare, ours) = (read_bare(&site, |_| {})?, process(&mut site, None)?);
            let bare_name = format!("bare_{name}");
            tell(figures, &bare_name, bare);
            tell(figures, &format!("swabstream_{name}"), ours);
            let ratio = ours.per_second() / bare.per_second();
            let beside = format!("{bare_name}_results_per_second");
            figures.add_ratio(format!("throughput_ratio_to_bare_{name}"), ratio, beside);
        }
        site.remove()?;
    }
    Ok(())
}

fn tell(figures: &mut Figures, name: &str, run: Run) {
    println!("{name}: {:.0} results/s, {:.0} ns of processor time each", run.per_second(), run.cpu_ns());
    figures.add(format!("{name}_results_per_second"), "1/s", run.per_second());
    figures.add(format!("{name}_cpu_ns_per_result"), "ns", run.cpu_ns());
}

/// The least anybody can do with the topic: read it `read_committed` in batches, and look at each payload or not.
fn read_bare(site: &Site, look: impl Fn(&[u8])) -> anyhow::Result<Run> {
    let mut reader = open(site)?;
    // As for the others, the clock starts when records come: the way to the broker is no cost per result.
    let first = read_some(&mut reader, &look, LIMIT)?;
    let (began, cpu) = (Instant::now(), process_time());
    let records = site.loaded.records - first;
    read_to_end(&mut reader, records, look)?;
    Ok(Run { records, wall: began.elapsed(), cpu: process_time() - cpu })
}

/// A bare consumer at the beginning of the topic.
pub fn open(site: &Site) -> anyhow::Result<TopicReader> {
    Ok(TopicReader::open(&site.config, &[Topic::LabResults], From::Beginning)?)
}

/// Reads that many records, which must be all there are.
pub fn read_to_end(reader: &mut TopicReader, records: u64, look: impl Fn(&[u8])) -> anyhow::Result<()> {
    let (mut seen, began) = (0, Instant::now());
    while seen < records {
        seen += read_some(reader, &look, LIMIT.saturating_sub(began.elapsed()))?;
    }
    anyhow::ensure!(seen == records, "the bare consumer saw {seen} of {records}");
    Ok(())
}

/// Reads the next batch.
fn read_some(reader: &mut TopicReader, look: &impl Fn(&[u8]), limit: Duration) -> anyhow::Result<u64> {
    let began = Instant::now();
    loop {
        let seen = reader.poll_within(10_000, Duration::from_millis(100), &mut |found| {
            found.iter().for_each(|record| look(record.payload.unwrap_or_default()));
        })?;
        if seen > 0 {
            return Ok(seen as u64);
        }
        anyhow::ensure!(began.elapsed() < limit, "the bare consumer stalled");
    }
}

/// A whole processor from nothing, from its first commit to its last.
fn process(site: &mut Site, workers: Option<usize>) -> anyhow::Result<Run> {
    site.renew()?;
    let ours = Ours::start(site, workers)?;
    let run = ours.process(site.loaded.records, site.loaded.away)?;
    check(&site.config, &site.loaded)?;
    ours.shut_down()?;
    Ok(run)
}
