//! The figures of swabstream: how fast, how soon, how large, beside what somebody would use instead.
//!
//!     benches/run                                       # everything, with a Kafka of its own; --help says more
//!     cargo bench --bench figures -- throughput --quick # one theme alone
//!
//! Each theme prints what it does and one JSON line per figure. Nothing is asserted about time; that the outputs are
//! right is.

use figures::Figures;

mod check;
mod figures;
mod floods;
mod instance;
mod latency;
mod midnight;
mod nanoseconds;
mod ours;
mod peer;
mod recovery;
mod relay;
mod restore;
mod site;
mod sizes;
mod throughput;

#[path = "../city/mod.rs"]
mod city;

#[path = "../../tests/support/kafka.rs"]
mod kafka;
#[path = "../workload/mod.rs"]
mod workload;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// Shows that everything works; its figures mean nothing.
    quick: bool,
    /// Results on a topic.
    records: u64,
    /// People of the largest state.
    people: u32,
    /// Times that everything is repeated.
    rounds: u64,
    /// Share of full load at which latency is measured.
    load: f64,
}

impl Scale {
    fn new(quick: bool) -> Self {
        let (records, people, rounds) = if quick { (200_000, 200_000, 1) } else { (4_000_000, 32_000_000, 5) };
        let given = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
        Self {
            quick,
            records: given("SWABSTREAM_BENCH_RECORDS").unwrap_or(records),
            people: given("SWABSTREAM_BENCH_PEOPLE").map_or(people, |people| people as u32),
            rounds: given("SWABSTREAM_BENCH_ROUNDS").unwrap_or(rounds),
            load: given("SWABSTREAM_BENCH_LOAD").map_or(0.5, |hundredths| hundredths as f64 / 100.0),
        }
    }
}

type Theme = fn(&Scale, &mut Figures) -> anyhow::Result<()>;

const THEMES: [(&str, Theme); 11] = [
    ("throughput", throughput::throughput),
    ("nanoseconds", nanoseconds::nanoseconds),
    ("workers", throughput::workers),
    ("partitions", throughput::partitions),
    ("latency", latency::latency),
    ("pressure", latency::pressure),
    ("recovery", recovery::recovery),
    ("restore", restore::restore),
    ("sizes", sizes::sizes),
    ("variants", throughput::variants),
    ("floods", floods::floods),
];

fn main() -> anyhow::Result<()> {
    swabstream::memory::keep_freed();
    // `cargo bench` adds `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let (options, names): (Vec<_>, Vec<_>) = arguments.into_iter().partition(|argument| argument.starts_with("--"));
    let known = || THEMES.map(|(name, _)| name).join(" ");
    let are_right = options.iter().all(|option| option == "--quick")
        && names.iter().all(|name| THEMES.iter().any(|(known, _)| known == name));
    anyhow::ensure!(are_right && !names.is_empty(), "usage: figures [--quick] THEME...; themes: {}", known());
    let scale = Scale::new(options.iter().any(|option| option == "--quick"));
    for (name, theme) in THEMES.iter().filter(|(name, _)| names.iter().any(|wanted| wanted == name)) {
        println!("== {name}");
        let mut figures = Figures::default();
        theme(&scale, &mut figures)?;
        figures.print();
    }
    Ok(())
}
