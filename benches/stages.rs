//! What each stage of a result's path costs, alone, over the one workload.
//!
//!     cargo bench --bench stages               # all stages
//!     cargo bench --bench stages -- decode     # those with this in their name
//!
//! Elements are results. What a broker takes part in (poll, produce, the transaction) is in `benches/run throughput`.

use city::{City, LAYOUT, Residents};
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime};
use std::hint::black_box;
use std::time::Duration;
use swabstream::model::record::Record;
use swabstream::model::time::Timestamp;
use swabstream::pipeline::decode::result_view::ResultView;
use swabstream::pipeline::decode::{self, validate};
use workload::{Sent, Shape, Workload};

#[allow(dead_code, reason = "other benches need more of it")]
mod city;
#[allow(dead_code, reason = "other benches need more of it")]
mod workload;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NOW: Timestamp = Timestamp(1_670_000_000_000);
/// Results of one measured step: a commit of every task.
const STEP: usize = city::COMMIT * LAYOUT.person_tasks as usize;
/// Results read before anything is measured, so that state has a size.
const BEFORE: usize = 2_000_000;
const MAX_RECORD_BYTES: usize = 1_000_000;

criterion_group!(stages, reading, looking_up, running);
criterion_main!(stages);

/// Bytes to a checked result.
fn reading(criterion: &mut Criterion) {
    let mut group = group(criterion, "read", STEP);
    let sent: Vec<Sent> = Workload::new(Shape::default(), NOW, 1).take(STEP).collect();
    let records: Vec<Record<'_>> = sent.iter().map(|sent| city::result(0, sent, NOW)).collect();
    group.bench_function("decode", |bencher| {
        bencher.iter(|| {
            for record in &records {
                black_box(decode::result_in_place(record, MAX_RECORD_BYTES).is_ok());
            }
        });
    });
    group.bench_function("decode_prost", |bencher| {
        bencher.iter(|| {
            for record in &records {
                black_box(decode::result(record, MAX_RECORD_BYTES).is_ok());
            }
        });
    });
    let rules = workload::rules(Shape::default());
    let views: Vec<ResultView<'_>> = sent.iter().filter_map(|sent| ResultView::parse(&sent.payload)).collect();
    group.bench_function("validate", |bencher| {
        bencher.iter(|| {
            for view in &views {
                black_box(validate::result(view, NOW, &rules).is_ok());
            }
        });
    });
    group.finish();
}

/// Where a person is held, among many.
fn looking_up(criterion: &mut Criterion) {
    let mut group = group(criterion, "look_up", STEP);
    let residents = Residents::new(Shape::default());
    group.bench_function("find", |bencher| {
        bencher.iter(|| {
            for at in 0..STEP as u64 {
                black_box(residents.find(at));
            }
        });
    });
    group.finish();
}

/// What a step spent on one part.
type Part = fn(&City) -> Duration;

/// What a task does: apply, then changes, delta and images for a commit; the same for areas.
fn running(criterion: &mut Criterion) {
    let mut group = group(criterion, "task", STEP);
    let mut workload = Workload::new(Shape::default(), NOW, 1);
    let mut city = City::new(Shape::default(), NOW);
    let mut read = |city: &mut City, results: usize| {
        city.spent = Default::default();
        let sent: Vec<Sent> = workload.by_ref().take(results).collect();
        city.read(&sent);
    };
    (0..BEFORE / STEP).for_each(|_| read(&mut city, STEP));
    let parts: [(&str, Part); 3] = [
        ("apply", |city| city.spent.apply),
        ("commit", |city| city.spent.commit),
        // Areas commit less often: their cost is that of many steps together.
        ("areas", |city| city.spent.area_apply + city.spent.area_commit),
    ];
    for (name, part) in parts {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|times| {
                let step = |_| {
                    read(&mut city, STEP);
                    part(&city)
                };
                (0..times).map(step).sum()
            });
        });
    }
    group.finish();
}

fn group<'c>(criterion: &'c mut Criterion, name: &str, results: usize) -> BenchmarkGroup<'c, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(results as u64)).sample_size(20);
    group
}
