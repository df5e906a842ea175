//! The newest alerts, and how many there are by family and state. Bounded: [`NEWEST`] alerts in full, of all others
//! only their family and state, and of those at most [`MOST_COUNTED`].

use crate::model::time::Timestamp;
use crate::proto::v1::{Alert, AlertFamily, AlertState};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// Alerts kept in full.
pub const NEWEST: usize = 200;

/// Alerts whose state is kept; beyond it new ids are shown but not counted, and the picture says so.
pub const MOST_COUNTED: usize = 1_000_000;

/// The book of alerts.
#[derive(Debug, Default)]
pub struct Alerts {
    newest: VecDeque<AlertLine>,
    states: HashMap<u128, (i32, i32)>,
    counts: BTreeMap<(i32, i32), u64>,
    uncounted: u64,
}

/// One alert as last published.
#[derive(Clone, Debug)]
pub struct AlertLine {
    /// Version of the picture that brought it.
    pub changed: u64,
    /// When the broker received this state of it.
    pub at: Timestamp,
    /// The alert itself, its chain of cause left out.
    pub alert: Alert,
    /// How long the chain of cause is.
    pub causes: usize,
}

impl Alerts {
    /// Newest first.
    pub fn newest(&self) -> impl Iterator<Item = &AlertLine> {
        self.newest.iter()
    }

    /// Alerts that are in a state now, by family and state.
    pub fn counts(&self) -> impl Iterator<Item = (AlertFamily, AlertState, u64)> {
        self.counts.iter().filter_map(|((family, state), count)| {
            Some((AlertFamily::try_from(*family).ok()?, AlertState::try_from(*state).ok()?, *count))
        })
    }

    /// Alerts that hold now.
    pub fn live(&self) -> u64 {
        self.counts().filter(|(_, state, _)| *state != AlertState::Withdrawn).map(|(.., count)| count).sum()
    }

    /// Alerts that are not in the counts.
    pub fn uncounted(&self) -> u64 {
        self.uncounted
    }

    /// Takes one state of one alert.
    pub(super) fn absorb(&mut self, mut alert: Alert, at: Timestamp, version: u64) {
        self.count(&alert);
        let causes = alert.causes.len() + alert.causes_omitted as usize;
        alert.causes = Vec::new();
        self.newest.retain(|line| line.alert.alert_id != alert.alert_id);
        // Partitions are read one after another at first: order by time, not by arrival.
        let place = self.newest.partition_point(|line| line.at > at);
        self.newest.insert(place, AlertLine { changed: version, at, alert, causes });
        self.newest.truncate(NEWEST);
    }

    fn count(&mut self, alert: &Alert) {
        let Ok(id) = u128::from_str_radix(&alert.alert_id, 16) else { return };
        let now = (alert.family, alert.state);
        let full = self.states.len() >= MOST_COUNTED;
        match self.states.get_mut(&id) {
            Some(state) => {
                if let Some(count) = self.counts.get_mut(state) {
                    *count -= 1;
                }
                *state = now;
            }
            None if full => {
                self.uncounted += 1;
                return;
            }
            None => {
                self.states.insert(id, now);
            }
        }
        *self.counts.entry(now).or_default() += 1;
    }
}
