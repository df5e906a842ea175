//! What was measured, and the processor time it took.

use std::time::Duration;

/// Figures by name, each with a value of every run.
#[derive(Default)]
pub struct Figures(Vec<Figure>);

struct Figure {
    name: String,
    unit: &'static str,
    runs: Vec<f64>,
}

impl Figures {
    /// One more run of a figure.
    pub fn add(&mut self, name: impl Into<String>, unit: &'static str, value: f64) {
        let name = name.into();
        match self.0.iter_mut().find(|figure| figure.name == name) {
            Some(figure) => figure.runs.push(value),
            None => self.0.push(Figure { name, unit, runs: vec![value] }),
        }
    }

    /// One JSON line each; the value is the median.
    pub fn print(&self) {
        for Figure { name, unit, runs } in &self.0 {
            let mut sorted = runs.clone();
            sorted.sort_by(f64::total_cmp);
            let rounded = |value: f64| (value * 1e4).round() / 1e4;
            let runs: Vec<f64> = runs.iter().copied().map(rounded).collect();
            let value = rounded(sorted[sorted.len() / 2]);
            let (name, value) = (serde_json::json!(name), serde_json::json!(value));
            let runs = serde_json::json!(runs);
            println!(r#"{{"name":{name},"value":{value},"unit":"{unit}","runs":{runs}}}"#);
        }
    }
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
