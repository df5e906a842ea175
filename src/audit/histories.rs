//! Whether every alert has a legal history: raised first, no update without a change, nothing after withdrawn but
//! raised.
//!
//! In: every state of every alert that is still there, in order. An alert carries its own history as its chain of
//! causes, so the last state holds the others also where the broker's compaction has taken them.

use super::report::Check;
use crate::model::record::{Layout, Topic};
use crate::proto::v1::{Alert, AlertFamily, AlertState};
use std::collections::BTreeMap;

/// Histories of all alerts.
#[derive(Debug)]
pub struct Histories {
    last: BTreeMap<(Topic, String), Alert>,
    states: u64,
    compacted: u64,
    check: Check,
}

impl Default for Histories {
    fn default() -> Self {
        Self { last: BTreeMap::new(), states: 0, compacted: 0, check: Check::new("alert histories") }
    }
}

impl Histories {
    /// Takes the next state of an alert; `partition` is where it lies.
    pub fn take(&mut self, topic: Topic, partition: i32, layout: Layout, alert: Alert) {
        self.states += 1;
        let Self { last, compacted, check, .. } = self;
        let mut wrong =
            |what: &str| check.differs(|| format!("alert {} version {}: {what}", alert.alert_id, alert.version));
        let home = match topic {
            Topic::Alerts if is_about_pool(&alert) => layout.person_task(&alert.pool_id),
            Topic::Alerts => layout.person_task(&alert.person_id),
            _ => layout.area_task(&alert.area),
        };
        if home != partition {
            wrong("lies in the partition of another task");
        }
        if let Some(what) = fault_of_chain(&alert) {
            wrong(what);
        }
        match last.get(&(topic, alert.alert_id.clone())) {
            None => *compacted += u64::from(alert.version.saturating_sub(1)),
            Some(before) if alert.version > before.version + 1 => {
                *compacted += u64::from(alert.version - before.version - 1);
            }
            Some(before) => {
                if let Some(what) = fault_of_step(before, &alert) {
                    wrong(what);
                }
            }
        }
        last.insert((topic, alert.alert_id.clone()), alert);
    }

    /// The check over all that was taken.
    pub fn finish(self) -> Check {
        let Self { last, states, compacted, check } = self;
        let gone = if compacted > 0 { format!(", {compacted} earlier ones compacted away") } else { String::new() };
        check.compared(format!("{states} states of {} alerts{gone}", last.len()))
    }
}

/// Whether an alert lies with its pool, and not with a person.
fn is_about_pool(alert: &Alert) -> bool {
    matches!(alert.family(), AlertFamily::PoolPositive | AlertFamily::PoolOverdue)
}

/// What is wrong with the steps in an alert's own chain.
fn fault_of_chain(alert: &Alert) -> Option<&'static str> {
    let steps = &alert.causes;
    if steps.len() as u32 + alert.causes_omitted != alert.version {
        return Some("its causes are not as many as its version says");
    }
    if steps.last().map(|cause| cause.state) != Some(alert.state) {
        return Some("its last cause led to another state");
    }
    if steps[0].state() != AlertState::Raised {
        return Some("it was not raised first");
    }
    // What was left out lies in the middle: nothing is known of that step.
    let omitted_after = if alert.causes_omitted > 0 { steps.len() / 2 } else { 0 };
    let known = (1..steps.len()).filter(|at| omitted_after != *at);
    let legal = |at: usize| is_legal(steps[at - 1].state(), steps[at].state());
    if known.into_iter().all(legal) { None } else { Some("its causes are no legal history") }
}

fn is_legal(before: AlertState, after: AlertState) -> bool {
    match after {
        AlertState::Raised => before == AlertState::Withdrawn,
        AlertState::Updated | AlertState::Withdrawn => before != AlertState::Withdrawn,
        AlertState::Unspecified => false,
    }
}

/// What is wrong with a state that follows another at once.
fn fault_of_step(before: &Alert, after: &Alert) -> Option<&'static str> {
    let said = |alert: &Alert| Alert { version: 0, state: 0, causes: Vec::new(), causes_omitted: 0, ..alert.clone() };
    if after.version <= before.version {
        return Some("its version was there before");
    }
    if !is_legal(before.state(), after.state()) {
        return Some("no state may follow the one before like this");
    }
    if after.state() == AlertState::Updated && said(before) == said(after) {
        return Some("an update that says nothing new");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::v1::Cause;

    const LAYOUT: Layout = Layout { person_tasks: 1, area_tasks: 1 };

    fn state(states: &[AlertState], last_day: &str) -> Alert {
        let cause = |state: &AlertState| Cause { state: *state as i32, ..Cause::default() };
        Alert {
            alert_id: "a".into(),
            version: states.len() as u32,
            state: states.last().map_or(0, |state| *state as i32),
            last_day: last_day.into(),
            causes: states.iter().map(cause).collect(),
            ..Alert::default()
        }
    }

    fn differences(alerts: &[Alert]) -> u64 {
        let mut histories = Histories::default();
        alerts.iter().for_each(|alert| histories.take(Topic::Alerts, 0, LAYOUT, alert.clone()));
        histories.finish().differences
    }

    #[test]
    fn only_legal_histories_pass() {
        use AlertState::{Raised, Updated, Withdrawn};
        let whole = [
            state(&[Raised], "1"),
            state(&[Raised, Updated], "2"),
            state(&[Raised, Updated, Withdrawn], "2"),
            state(&[Raised, Updated, Withdrawn, Raised], "2"),
        ];
        assert_eq!(differences(&whole), 0);
        assert_eq!(differences(&whole[3..]), 0, "compaction leaves the last");
        assert_eq!(differences(&[whole[0].clone(), whole[0].clone()]), 1, "raised twice");
        assert_eq!(differences(&[whole[0].clone(), state(&[Raised, Updated], "1")]), 1, "nothing new");
        assert_eq!(differences(&[state(&[Updated], "1")]), 1, "not raised first");
        assert_eq!(differences(&[state(&[Raised, Withdrawn, Updated], "1")]), 1, "updated after withdrawn");
        assert_eq!(differences(&[state(&[Raised, Withdrawn, Withdrawn], "1")]), 1, "withdrawn twice");
        assert_eq!(differences(&[Alert { version: 7, ..whole[0].clone() }]), 1, "a version without its causes");
    }
}
