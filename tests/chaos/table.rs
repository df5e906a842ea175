//! What happened: how often each fault, and how long it took until everything went on.

use super::faults::Fault;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// The faults so far.
#[derive(Default)]
pub struct Table {
    rows: BTreeMap<Fault, Row>,
    /// Instances that ended although nobody asked them to.
    pub ended_by_themselves: usize,
}

#[derive(Default)]
struct Row {
    /// Of connections: how many connections.
    times: usize,
    stalls: Vec<Duration>,
}

impl Table {
    pub fn note(&mut self, fault: Fault, times: usize, stall: Duration) {
        let row = self.rows.entry(fault).or_default();
        row.times += times;
        row.stalls.push(stall);
    }

    /// How often a fault happened.
    pub fn times(&self, fault: Fault) -> usize {
        self.rows.get(&fault).map_or(0, |row| row.times)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<30}{:>8}{:>16}{:>16}", "fault", "times", "median stall", "longest stall")?;
        for (fault, row) in &self.rows {
            let mut stalls = row.stalls.clone();
            stalls.sort();
            let seconds = |stall: Option<&Duration>| stall.map_or(0.0, Duration::as_secs_f64);
            let (median, longest) = (seconds(stalls.get(stalls.len() / 2)), seconds(stalls.last()));
            writeln!(f, "{:<30}{:>8}{median:>14.1} s{longest:>14.1} s", fault.name(), row.times)?;
        }
        write!(f, "{:<30}{:>8}", "instances that gave up", self.ended_by_themselves)
    }
}
