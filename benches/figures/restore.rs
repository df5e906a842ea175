//! How long a task takes to be restored from its changelog on the real Kafka: with a million people, and over a history
//! that grows while what is held does not.

use super::Scale;
use super::figures::Figures;
use super::ours::Ours;
use super::site::{LIMIT, Site};
use super::workload::Shape;
use super::workload::rounds::Round;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;
use swabstream::clock;
use swabstream::kafka::reader::{From, TopicReader};
use swabstream::model::record::{Layout, Topic};

/// All of it in one task.
const LAYOUT: Layout = Layout { person_tasks: 1, area_tasks: 1 };
const RESULTS_EACH: u32 = 7;
const STREETS: u32 = 1_000;
/// Lengths of history, in rounds of corrections to all results.
const LENGTHS: [u32; 6] = [1, 2, 4, 8, 16, 32];

/// The figure and the graph.
pub fn restore(scale: &Scale, figures: &mut Figures) -> anyhow::Result<()> {
    million(scale, figures)?;
    graph(scale, figures)
}

fn million(scale: &Scale, figures: &mut Figures) -> anyhow::Result<()> {
    let people = if scale.quick { 20_000 } else { 1_000_000 };
    let mut site = Site::new("restore", LAYOUT, Shape { people, ..Shape::default() })?;
    let now = clock::now();
    for day in 0..RESULTS_EACH {
        let collected_at = now.plus_hours(-3).plus_days(i64::from(day + 1) - i64::from(RESULTS_EACH));
        site.publish(Round { people, every: 1, streets: STREETS, number: day, revision: 0, collected_at }.results())?;
    }
    process(&mut site, u64::from(people * RESULTS_EACH))?;
    for _ in 0..scale.rounds {
        let took = restored(&site)?;
        println!("{people} people with {RESULTS_EACH} results each: {:.2} s", took.as_secs_f64());
        figures.add("restore_seconds_1m_people", "s", took.as_secs_f64());
    }
    site.remove()
}

/// The same results are corrected over and over: history grows, state does not.
fn graph(scale: &Scale, figures: &mut Figures) -> anyhow::Result<()> {
    let people = if scale.quick { 10_000 } else { 200_000 };
    let mut site = Site::new("history", LAYOUT, Shape { people, ..Shape::default() })?;
    let collected_at = clock::now().plus_hours(-3);
    let rounds = (0..).map(|revision| Round { people, every: 1, streets: STREETS, number: 0, revision, collected_at });
    let (mut points, mut rounds, mut done) = (Vec::new(), rounds, 0);
    println!("{:>12} {:>16} {:>10}", "results", "changelog bytes", "restore s");
    for length in LENGTHS {
        rounds.by_ref().take((length - done) as usize).try_for_each(|round| site.publish(round.results()))?;
        process(&mut site, u64::from((length - done) * people))?;
        done = length;
        let runs = (0..scale.rounds).map(|_| Ok(restored(&site)?.as_secs_f64()));
        let mut runs = runs.collect::<anyhow::Result<Vec<f64>>>()?;
        runs.sort_by(f64::total_cmp);
        let seconds = runs[runs.len() / 2];
        let results = length * people;
        println!("{results:>12} {:>16} {seconds:>10.2}", bytes_of(&site, Topic::PersonState)?);
        figures.add(format!("restore_seconds_after_{length}_rounds"), "s", seconds);
        points.push((f64::from(results), seconds));
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench/restore.svg");
    std::fs::create_dir_all(file.parent().expect("a folder"))?;
    std::fs::write(&file, drawn(&points))?;
    println!("drawn in target/bench/restore.svg");
    site.remove()
}

/// Lets a processor read results, and ends it.
fn process(site: &mut Site, results: u64) -> anyhow::Result<()> {
    let ours = Ours::start(site, Some(1))?;
    ours.process(results, 0)?;
    ours.shut_down()
}

fn restored(site: &Site) -> anyhow::Result<Duration> {
    let ours = Ours::start(site, Some(1))?;
    let took = ours.restored()?;
    ours.shut_down()?;
    Ok(took)
}

/// What lies in a topic.
fn bytes_of(site: &Site, topic: Topic) -> anyhow::Result<usize> {
    let (mut reader, mut bytes) = (TopicReader::open(&site.config, &[topic], From::Beginning)?, 0);
    reader.read_to_end(LIMIT, &mut |records| {
        bytes += records.iter().map(|record| record.payload.map_or(0, <[u8]>::len)).sum::<usize>();
    })?;
    Ok(bytes)
}

/// Restore time over history, as a picture.
fn drawn(points: &[(f64, f64)]) -> String {
    let (width, height, margin) = (720.0, 360.0, 60.0);
    let longest = points.iter().map(|(results, _)| *results).fold(1.0, f64::max);
    let slowest = points.iter().map(|(_, seconds)| *seconds).fold(1.0, f64::max);
    let x = |results: f64| margin + results / longest * (width - 2.0 * margin);
    let y = |seconds: f64| height - margin - seconds / slowest * (height - 2.0 * margin);
    let (line, mut marks) =
        (points.iter().map(|(results, seconds)| format!("{:.1},{:.1} ", x(*results), y(*seconds))), String::new());
    for (results, seconds) in points {
        let (x, y) = (x(*results), y(*seconds));
        let _ = write!(
            marks,
            "<circle cx='{x:.1}' cy='{y:.1}' r='3'/><text x='{x:.1}' y='{:.1}'>{seconds:.2} s</text><text x='{x:.1}' \
             y='{:.1}'>{:.1}</text>",
            y - 8.0,
            height - margin + 16.0,
            results / 1e6
        );
    }
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' font-family='sans-serif' \
         font-size='11' text-anchor='middle'><rect width='{width}' height='{height}' fill='white'/>\
         <path d='M{margin} {margin}V{bottom}H{right}' fill='none' stroke='gray'/>\
         <polyline points='{line}' fill='none' stroke='steelblue' stroke-width='2'/>{marks}\
         <text x='{middle}' y='30' font-size='14'>Restore of one task over the length of its history</text>\
         <text x='{middle}' y='{below}'>million results read since the beginning</text></svg>\n",
        bottom = height - margin,
        right = width - margin,
        middle = width / 2.0,
        below = height - margin + 40.0,
        line = line.collect::<String>(),
    )
}
