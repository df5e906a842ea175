//! What a result costs in the core alone: both halves with their changelogs, one thread, no Kafka.
//!
//!     cargo bench --bench core
//!     SWABSTREAM_BENCH_RECORDS=1000000 cargo bench --bench core
//!     SWABSTREAM_BENCH_POOLED=80 cargo bench --bench core          of a hundred results, by pools of ten
//!
//! Records are made beforehand; what is timed is applying them and preparing commits, as a worker does. Prints
//! nanoseconds of processor time and bytes written, per result of a person.

use city::{COMMIT, City, LAYOUT};
use swabstream::model::time::Timestamp;
use workload::{Sent, Shape, Workload};

#[allow(dead_code, reason = "other benches need more of it")]
mod city;
#[allow(dead_code, reason = "other benches need more of it")]
mod workload;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NOW: Timestamp = Timestamp(1_670_000_000_000);
/// Results made at once.
const CHUNK: usize = 100_000;

fn main() {
    let number = |name: &str, usual: usize| std::env::var(name).map_or(usual, |text| text.parse().expect("a number"));
    let records = number("SWABSTREAM_BENCH_RECORDS", 4_000_000);
    let shape = Shape { pooled: number("SWABSTREAM_BENCH_POOLED", 0) as u32, ..Shape::default() };
    let mut city = City::new(shape, NOW);
    let mut workload = Workload::new(shape, NOW, 1);
    println!("{records} results, {shape:?}, {LAYOUT:?}, a commit every {COMMIT} results of a task");
    let mut done = 0;
    while done < records {
        let sent: Vec<Sent> = workload.by_ref().take(CHUNK).collect();
        city.read(&sent);
        done += CHUNK;
        if done.is_multiple_of(1_000_000) || done >= records {
            report(&mut city, done);
        }
    }
}

/// Bytes of this process that lie in memory.
fn resident() -> usize {
    const PAGE: usize = 4096;
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux tells a process's memory");
    text.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("a number of pages") * PAGE
}

fn report(city: &mut City, done: usize) {
    let spent = std::mem::take(&mut city.spent);
    let bytes: Vec<String> = spent
        .bytes
        .iter()
        .map(|(topic, bytes)| format!("{} {:.1}", topic.name(), *bytes as f64 / spent.results as f64))
        .collect();
    let held = ["bytes", "people", "rows", "side_records"].map(|what| format!("{what} {}", city.held(what)));
    println!("after {done}: {} MB resident; held: {}", resident() / 1_000_000, held.join(", "));
    println!(
        "after {done}: ns per result: apply {:.0}, commit {:.0}, area apply {:.0}, area commit {:.0}; bytes: {}",
        spent.per_result(spent.apply),
        spent.per_result(spent.commit),
        spent.per_result(spent.area_apply),
        spent.per_result(spent.area_commit),
        bytes.join(", ")
    );
}
