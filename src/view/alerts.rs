//! The newest alerts, and how many there are by family and state. Bounded: [`NEWEST`] alerts without their lists, of
//! all others only their family and state, and of those at most [`MOST_COUNTED`].

use super::texts::{self, Withdrawal};
use crate::model::time::Timestamp;
use crate::proto::v1::{Alert, AlertFamily, AlertState};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// Alerts kept: days of those of a city that does well, hours of one that does not. Of an area the newest among them
/// are shown.
pub const NEWEST: usize = 2_000;

/// Alerts whose state is kept; beyond it new ids are shown but not counted, and the overview says so.
pub const MOST_COUNTED: usize = 1_000_000;

/// The book of alerts.
#[derive(Debug, Default)]
pub struct Alerts {
    newest: VecDeque<AlertLine>,
    states: HashMap<u128, State>,
    counts: BTreeMap<State, u64>,
    /// What alerts are of, as they name it.
    targets: Vec<String>,
    uncounted: u64,
}

/// Family, state, and place of the target.
type State = (i32, i32, u8);

/// Targets kept apart at most: more than a deployment can declare.
const MOST_TARGETS: usize = 255;

/// One alert as last published.
#[derive(Clone, Debug)]
pub struct AlertLine {
    /// Version of the overview that brought it.
    pub changed: u64,
    /// When the broker received this state of it.
    pub at: Timestamp,
    /// The alert itself, its chain of cause, its lists of contacts and its members left out.
    pub alert: Alert,
    /// How long the chain of cause is.
    pub causes: usize,
    /// Contact records that put the person in touch with others before.
    pub exposed_to: usize,
    /// Contacts to be traced.
    pub to_trace: usize,
    /// People in the tube, where it is about a pool.
    pub members: usize,
    /// What was measured of its first positives, and of how many more.
    pub measured: (Vec<String>, usize),
    /// What withdrew it; `None` while it holds.
    pub withdrawal: Option<Withdrawal>,
}

impl Alerts {
    /// Newest first.
    pub fn newest(&self) -> impl Iterator<Item = &AlertLine> {
        self.newest.iter()
    }

    /// Alerts that are in a state now, by family, state and target.
    pub fn counts(&self) -> impl Iterator<Item = (AlertFamily, AlertState, &str, u64)> {
        self.counts.iter().filter_map(|((family, state, target), count)| {
            let target = self.targets.get(usize::from(*target)).map_or("", String::as_str);
            Some((AlertFamily::try_from(*family).ok()?, AlertState::try_from(*state).ok()?, target, *count))
        })
    }

    /// Alerts that hold now.
    pub fn live(&self) -> u64 {
        self.counts().filter(|(_, state, ..)| *state != AlertState::Withdrawn).map(|(.., count)| count).sum()
    }

    /// Alerts that are not in the counts.
    pub fn uncounted(&self) -> u64 {
        self.uncounted
    }

    /// Takes one state of one alert.
    pub(super) fn absorb(&mut self, mut alert: Alert, at: Timestamp, version: u64) {
        let new = self.count(&alert);
        let causes = alert.causes.len() + alert.causes_omitted as usize;
        let exposed_to = alert.exposed_to.len() + alert.exposed_to_omitted as usize;
        let to_trace = alert.to_trace.len() + alert.to_trace_omitted as usize;
        let withdrawal = texts::withdrawal(&alert);
        let measured = texts::first_measured(&alert);
        let members = alert.members.len() + alert.members_omitted as usize;
        (alert.causes, alert.exposed_to, alert.to_trace) = (Vec::new(), Vec::new(), Vec::new());
        (alert.positives, alert.members) = (Vec::new(), Vec::new());
        // Most are new while all is read for the first time: nothing is looked for then.
        if !new {
            self.newest.retain(|line| line.alert.alert_id != alert.alert_id);
        }
        // Partitions are read one after another at first: order by time, not by arrival.
        let place = self.newest.partition_point(|line| line.at > at);
        if place < NEWEST {
            let line =
                AlertLine { changed: version, at, alert, causes, exposed_to, to_trace, members, measured, withdrawal };
            self.newest.insert(place, line);
            self.newest.truncate(NEWEST);
        }
    }

    /// The place of a target; that behind the last, which has no name, where there are too many.
    fn target(&mut self, name: &str) -> u8 {
        let known = self.targets.iter().position(|known| known == name);
        let at = known.unwrap_or(self.targets.len());
        if known.is_none() && at < MOST_TARGETS {
            self.targets.push(name.to_owned());
        }
        u8::try_from(at).unwrap_or(u8::MAX)
    }

    /// Counts an alert in its state; says whether it was seen for the first time.
    fn count(&mut self, alert: &Alert) -> bool {
        let Ok(id) = u128::from_str_radix(&alert.alert_id, 16) else { return false };
        let now = (alert.family, alert.state, self.target(&alert.target));
        let full = self.states.len() >= MOST_COUNTED;
        let new = match self.states.get_mut(&id) {
            Some(state) => {
                if let Some(count) = self.counts.get_mut(state) {
                    *count -= 1;
                }
                *state = now;
                false
            }
            None if full => {
                self.uncounted += 1;
                return false;
            }
            None => {
                self.states.insert(id, now);
                true
            }
        };
        *self.counts.entry(now).or_default() += 1;
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(id: u128, state: AlertState) -> Alert {
        let mut alert = Alert { alert_id: format!("{id:032x}"), ..Alert::default() };
        alert.set_family(AlertFamily::Positive);
        alert.set_state(state);
        alert
    }

    #[test]
    fn an_alert_counts_once_in_the_state_it_is_in() {
        let mut alerts = Alerts::default();
        alerts.absorb(alert(1, AlertState::Raised), Timestamp(1), 1);
        alerts.absorb(alert(2, AlertState::Raised), Timestamp(2), 2);
        alerts.absorb(alert(1, AlertState::Updated), Timestamp(3), 3);
        assert_eq!(alerts.live(), 2);
        alerts.absorb(alert(1, AlertState::Withdrawn), Timestamp(4), 4);
        assert_eq!(alerts.live(), 1);
        let counts: Vec<_> = alerts.counts().filter(|(.., count)| *count > 0).collect();
        let positive = AlertFamily::Positive;
        assert_eq!(counts, [(positive, AlertState::Raised, "", 1), (positive, AlertState::Withdrawn, "", 1)]);
        let influenza = Alert { target: "influenza-a".into(), ..alert(3, AlertState::Raised) };
        alerts.absorb(influenza, Timestamp(5), 5);
        assert!(alerts.counts().any(|count| count == (positive, AlertState::Raised, "influenza-a", 1)));
    }

    #[test]
    fn the_newest_alerts_are_kept_whatever_the_order_they_are_read_in() {
        let mut alerts = Alerts::default();
        for at in (0..NEWEST as i64 + 50).rev() {
            alerts.absorb(alert(at as u128, AlertState::Raised), Timestamp(at), 1);
        }
        let kept: Vec<i64> = alerts.newest().map(|line| line.at.0).collect();
        let newest: Vec<i64> = (50..NEWEST as i64 + 50).rev().collect();
        assert_eq!(kept, newest);
        assert_eq!(alerts.live(), NEWEST as u64 + 50, "those that are not kept are counted");
    }
}
