//! The demonstration in numbers: what was published, what became of it, and whether the books balance.
//!
//! In: the status of this process's workers, the overview of the outputs, what the city published. Out: plain data for
//! the screen and the summary. No person id gets in here unmasked.

use crate::model::ids::masked;
use crate::model::outcome::code_text;
use crate::model::record::HalfKind;
use crate::model::time::Timestamp;
use crate::pipeline::alerting::families;
use crate::proto::v1::{AlertFamily, AlertState, AreaTier, Channel, RejectCode, Severity};
use crate::view::alerts::{AlertLine, Alerts};
use crate::view::overview::Overview;
use crate::view::registry::Registry;
use crate::view::status::{Books, WorkerStatus};
use crate::view::texts::outcome as outcome_text;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

/// Everything the screen and the summary show.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Since the first message was published.
    pub elapsed: Duration,
    /// Messages the broker confirmed.
    pub published: u64,
    /// Books of the person half.
    pub person: Books,
    /// Books of the area half.
    pub area: Books,
    /// Input records by outcome, with what other tasks sent on; those of the person half.
    pub outcomes: BTreeMap<String, u64>,
    /// Rejected records by code.
    pub codes: BTreeMap<String, u64>,
    /// Input records not yet read.
    pub lag: u64,
    /// Tasks that run, and all that are held.
    pub tasks: (usize, usize),
    /// Commits of all workers.
    pub commits: u64,
    /// Alerts that hold, and that were withdrawn, by family.
    pub alerts: BTreeMap<&'static str, AlertCount>,
    /// Newest alerts first.
    pub newest: Vec<NewestAlert>,
    /// Drawn areas by tier, gravest first.
    pub tiers: Vec<TierGroup>,
}

/// Alerts of one family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AlertCount {
    /// Hold now.
    pub live: u64,
    /// Hold no more.
    pub withdrawn: u64,
}

/// One alert for eyes.
#[derive(Clone, Debug)]
pub struct NewestAlert {
    /// When its newest state was received.
    pub at: Timestamp,
    /// `positive`, …
    pub family: &'static str,
    /// `raised`, …
    pub state: &'static str,
    /// How grave.
    pub severity: Severity,
    /// Masked person, or tier before and after.
    pub subject: String,
    /// Name of the area.
    pub area: String,
    /// What else matters, in words.
    pub note: String,
}

/// Areas in one tier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TierGroup {
    /// Name of the tier.
    pub tier: String,
    /// Rank, 0 the mildest.
    pub rank: u32,
    /// Share of the way to the gravest tier of its policy, in percent: what it is coloured by.
    pub gravity: u32,
    /// Names of its areas, those with most cases first.
    pub areas: Vec<String>,
}

impl Figures {
    /// Reads everything once.
    pub fn gather(elapsed: Duration, published: u64, workers: &[WorkerStatus], overview: &Overview) -> Self {
        let mut figures = Self { elapsed, published, ..Self::default() };
        workers.iter().for_each(|worker| figures.add_worker(worker));
        figures.count_alerts(&overview.alerts);
        figures.count_alerts(&overview.area_alerts);
        figures.newest = newest(overview, 30);
        figures.tiers = tiers(overview);
        figures
    }

    /// Input records that were read: all that was consumed but what tasks sent each other.
    pub fn consumed(&self) -> u64 {
        self.person.consumed.saturating_sub(self.person.received)
    }

    /// Whether everything published was read and everything sent on has arrived.
    pub fn drained(&self) -> bool {
        self.consumed() >= self.published && self.person.received >= self.person.sent && self.lag == 0
    }

    /// What does not balance, in words; nothing when all does.
    pub fn imbalances(&self) -> Vec<String> {
        let sides = [
            ("published and consumed", self.published, self.consumed()),
            ("consumed and outcomes of the person half", self.person.consumed, self.person.outcomes),
            ("consumed and outcomes of the area half", self.area.consumed, self.area.outcomes),
            ("messages sent and received between tasks", self.person.sent, self.person.received),
        ];
        let differ = sides.into_iter().filter(|(_, left, right)| left != right);
        differ.map(|(what, left, right)| format!("{what} differ: {left} and {right}")).collect()
    }

    fn add_worker(&mut self, worker: &WorkerStatus) {
        self.commits += worker.commits;
        self.tasks.1 += worker.tasks.len();
        for task in worker.tasks.values() {
            self.tasks.0 += usize::from(task.restoring.is_none());
            self.lag += task.lag.unwrap_or_default();
            match worker.half {
                HalfKind::Person => {
                    self.person.add(&task.ledger);
                    self.add_outcomes(&task.ledger.counts());
                }
                HalfKind::Area => self.area.add(&task.ledger),
            }
        }
    }

    fn add_outcomes(&mut self, counts: &[crate::proto::v1::OutcomeCount]) {
        for count in counts {
            *self.outcomes.entry(outcome_text(count.outcome())).or_default() += count.records;
            if count.code() != RejectCode::Unspecified {
                *self.codes.entry(code_text(count.code())).or_default() += count.records;
            }
        }
    }

    fn count_alerts(&mut self, alerts: &Alerts) {
        for (family, state, _, count) in alerts.counts() {
            let entry = self.alerts.entry(families::name(family)).or_default();
            if state == AlertState::Withdrawn {
                entry.withdrawn += count;
            } else {
                entry.live += count;
            }
        }
    }
}

fn newest(overview: &Overview, most: usize) -> Vec<NewestAlert> {
    let mut lines: Vec<&AlertLine> = overview.alerts.newest().chain(overview.area_alerts.newest()).collect();
    lines.sort_by_key(|line| Reverse((line.at, line.changed)));
    lines.into_iter().take(most).map(|line| for_eyes(line, overview.registry())).collect()
}

fn for_eyes(line: &AlertLine, registry: &Registry) -> NewestAlert {
    let alert = &line.alert;
    let subject = match alert.family() {
        AlertFamily::TierChanged => format!("{} → {}", or_dash(&alert.tier_before), or_dash(&alert.tier_after)),
        AlertFamily::PoolOverdue => format!("{} still awaited", alert.awaited),
        AlertFamily::PoolPositive => format!("{} of {} awaited", alert.awaited, line.members),
        _ if alert.person_id.is_empty() => String::new(),
        _ => masked(&alert.person_id),
    };
    NewestAlert {
        at: line.at,
        family: families::name(alert.family()),
        state: state_text(alert.state()),
        severity: alert.severity(),
        subject,
        area: registry.name(&alert.area).to_owned(),
        note: note(line),
    }
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "–" } else { text }
}

/// What an officer would ask next.
fn note(line: &AlertLine) -> String {
    let alert = &line.alert;
    let mut words = Vec::new();
    match alert.channel() {
        Channel::Community => words.push("community".to_owned()),
        Channel::Managed => words.push("under management".to_owned()),
        Channel::Unspecified => {}
    }
    if alert.historic {
        words.push("historic".to_owned());
    }
    if alert.preliminary {
        words.push("preliminary".to_owned());
    }
    if line.exposed_to > 0 {
        words.push(format!("exposed to {}", line.exposed_to));
    }
    if line.to_trace > 0 {
        words.push(format!("{} to trace", line.to_trace));
    }
    words.join(", ")
}

/// One drawn area with its tier.
struct Placed<'a> {
    tier: &'a AreaTier,
    cases: i64,
    name: &'a str,
}

/// The drawn areas by tier, gravest first; those without a tier are left out.
fn tiers(overview: &Overview) -> Vec<TierGroup> {
    let registry = overview.registry();
    let mut all: Vec<Placed<'_>> = Vec::new();
    for drawn in registry.tiles() {
        let Some(area) = overview.areas.get(&drawn.code) else { continue };
        let Some(tier) = &area.tier else { continue };
        let week = area.newest.as_ref().and_then(|numbers| numbers.purposes.first()?.windows.get(2));
        all.push(Placed { tier, cases: week.map_or(0, |window| window.cases), name: registry.name(&drawn.code) });
    }
    all.sort_by_key(|area| (Reverse(area.tier.rank), &area.tier.tier, Reverse(area.cases), area.name));
    let same = |a: &Placed<'_>, b: &Placed<'_>| (a.tier.rank, &a.tier.tier) == (b.tier.rank, &b.tier.tier);
    all.chunk_by(same).map(|areas| tier_group(areas, registry)).collect()
}

/// Areas of one tier as one group.
fn tier_group(areas: &[Placed<'_>], registry: &Registry) -> TierGroup {
    let AreaTier { tier, rank, policy_id, policy_version, .. } = areas[0].tier;
    let steps = registry.tiers(policy_id, policy_version).len().saturating_sub(1).max(1) as u32;
    let names = areas.iter().map(|area| area.name.to_owned()).collect();
    TierGroup { tier: tier.clone(), rank: *rank, gravity: 100 * rank / steps, areas: names }
}

fn state_text(state: AlertState) -> &'static str {
    match state {
        AlertState::Unspecified => "",
        AlertState::Raised => "raised",
        AlertState::Updated => "updated",
        AlertState::Withdrawn => "withdrawn",
    }
}
