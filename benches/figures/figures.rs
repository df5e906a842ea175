//! What was measured, and the processor time it took.

use std::time::Duration;

/// Figures by name, each with a value of every run.
#[derive(Default)]
pub struct Figures(Vec<Figure>);

struct Figure {
    name: String,
    unit: &'static str,
    runs: Vec<f64>,
    /// What it is a ratio to.
    beside: Option<String>,
}

/// A ratio is judged only where what it is a ratio to varies by no more than this between runs, as a part of its median:
/// else the machine did something else meanwhile, or the broker was not warm.
const STEADY: f64 = 0.2;

impl Figures {
    /// One more run of a figure.
    pub fn add(&mut self, name: impl Into<String>, unit: &'static str, value: f64) {
        let name = name.into();
        match self.0.iter_mut().find(|figure| figure.name == name) {
            Some(figure) => figure.runs.push(value),
            None => self.0.push(Figure { name, unit, runs: vec![value], beside: None }),
        }
    }

    /// One more run of a ratio to another figure of this theme.
    pub fn add_ratio(&mut self, name: impl Into<String>, value: f64, beside: impl Into<String>) {
        let name = name.into();
        self.add(name.clone(), "1", value);
        let figure = self.0.iter_mut().find(|figure| figure.name == name).expect("it was just added");
        figure.beside = Some(beside.into());
    }

    /// One JSON line each: the median, how far the runs lie apart as a part of it, and whether a must or aim may be held
    /// against it.
    pub fn print(&self) {
        for figure in &self.0 {
            let Figure { name, unit, runs, .. } = figure;
            let rounded = |value: f64| (value * 1e4).round() / 1e4;
            let runs: Vec<f64> = runs.iter().copied().map(rounded).collect();
            let (value, spread, judged) = (rounded(figure.median()), rounded(figure.spread()), self.is_steady(figure));
            let (name, value, spread) = (serde_json::json!(name), serde_json::json!(value), serde_json::json!(spread));
            let runs = serde_json::json!(runs);
            println!(
                r#"{{"name":{name},"value":{value},"unit":"{unit}","spread":{spread},"judged":{judged},"runs":{runs}}}"#
            );
        }
    }

    fn is_steady(&self, figure: &Figure) -> bool {
        let beside = figure.beside.as_ref();
        let beside = beside.and_then(|name| self.0.iter().find(|figure| figure.name == *name));
        beside.is_none_or(|beside| beside.spread() <= STEADY)
    }
}

impl Figure {
    fn median(&self) -> f64 {
        let sorted = self.sorted();
        let middle = sorted.len() / 2;
        if sorted.len().is_multiple_of(2) { (sorted[middle - 1] + sorted[middle]) / 2.0 } else { sorted[middle] }
    }

    fn spread(&self) -> f64 {
        let (sorted, median) = (self.sorted(), self.median());
        if median == 0.0 { 0.0 } else { (sorted[sorted.len() - 1] - sorted[0]) / median }
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.runs.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }
}

/// What else the machine does, as it says itself.
pub fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!("load {}", text.split(' ').take(3).collect::<Vec<_>>().join(" "))
}

/// Waits until the machine has nothing else to do: a broker that deletes and makes a thousand partitions takes it for
/// seconds, which is no cost of a result. Where something else keeps it busy it is told, and measured all the same.
pub fn rest() {
    const LONGEST: u32 = 120;
    let mut before = busy_and_all();
    for _ in 0..LONGEST {
        std::thread::sleep(Duration::from_millis(500));
        let now = busy_and_all();
        let (busy, all) = (now.0 - before.0, now.1 - before.1);
        if busy * 20 < all {
            return;
        }
        before = now;
    }
    println!("the machine does not come to rest, {}", load());
}

/// Processor time of the machine so far, in ticks of all cores: what was used, and what there was.
fn busy_and_all() -> (u64, u64) {
    let text = std::fs::read_to_string("/proc/stat").expect("Linux tells what its cores do");
    let ticks = text.lines().next().unwrap_or_default().split_whitespace().skip(1);
    let ticks: Vec<u64> = ticks.map(|ticks| ticks.parse().expect("a number of ticks")).collect();
    let all = ticks.iter().take(8).sum::<u64>();
    (all - ticks[3] - ticks[4], all)
}

/// Processor time of this process so far, all threads, in the kernel's ticks of 10 ms.
pub fn process_time() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").expect("Linux tells a process' time");
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<u64>().expect("a number of ticks");
    Duration::from_millis(10 * (ticks(11) + ticks(12)))
}

/// A line of `/proc/self/status` or `/proc/meminfo`, in bytes.
pub fn memory(file: &str, line: &str) -> u64 {
    let text = std::fs::read_to_string(file).expect("Linux tells of memory");
    let found = text.lines().find_map(|found| found.strip_prefix(line)?.split_whitespace().next()?.parse::<u64>().ok());
    found.map(|kibibytes| kibibytes << 10).unwrap_or_default()
}
