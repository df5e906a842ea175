//! What a person's record can do without. A row is dropped only when no admissible record can need it; dropping
//! changes no number and withdraws no alert.
//!
//! Plain rows go when they are older than floor − horizon − 14 days: until then a late result may have them as
//! neighbour. Positives stay for the episode gap as well, all of a person's together, but after the plain time their
//! numbers are *settled*: what they added stays, although the neighbours it was reckoned with are gone.

use super::alerts;
use super::effects::Changes;
use crate::model::time::{Day, Timestamp};
use crate::policy::{LONGEST_WINDOW, Rules};
use crate::proto::v1;
use crate::state::person::edit::{Edit, List};
use crate::state::person::extra::{Contact, Extra, IndexFound};
use crate::state::person::row::{Row, minute_of, minute_start};
use crate::state::person::{PersonState, Slot};

/// Messages between tasks may lag behind the floor: a day is more than they ever do.
const SLACK_DAYS: i64 = 1;

/// Longest observation of a contact after exposure that a rule may ask for, and then some.
const CONTACT_DAYS: i64 = 60;

/// Rows that are looked through at each result of a person.
const FEW: usize = 256;

/// Before which minutes rows are dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cutoffs {
    /// Plain rows.
    plain: u32,
    /// Positives.
    positive: Timestamp,
    /// The day of `positive`.
    positive_day: Day,
}

impl Cutoffs {
    /// At a floor, by the longest horizon and gap of any policy.
    pub fn at(floor: Timestamp, rules: &Rules) -> Self {
        let longest = |days: fn(&crate::policy::CasePolicy) -> i32| rules.cases.iter().map(days).max().unwrap_or(0);
        let horizon = i64::from(longest(|policy| policy.horizon_days));
        let gap = i64::from(longest(|policy| policy.episode_gap_days));
        let plain = floor.plus_days(-(horizon + i64::from(LONGEST_WINDOW) + SLACK_DAYS));
        let positive = plain.plus_days(-gap);
        Self { plain: minute_of(plain), positive, positive_day: rules.day(positive) }
    }

    /// No row of an earlier swab need be held.
    pub fn first_held(&self) -> Timestamp {
        minute_start(self.plain)
    }

    /// Whether it is worth to drop rows of a person who is being looked at: not of one with very many, which are left
    /// to the sweep.
    pub fn reach_few(&self, rows: &[Row]) -> bool {
        rows.len() <= FEW && self.reach(rows)
    }

    /// Whether some row can be dropped or settled, as far as a glance tells.
    pub fn reach(&self, rows: &[Row]) -> bool {
        rows.iter().any(|row| row.minute() < self.plain && !row.settled())
    }
}

/// Drops and settles what is old enough.
pub fn tidy(state: &mut PersonState, slot: Slot, cutoffs: &Cutoffs, changes: &mut Changes) {
    let newest_positive = newest_positive(state.rows(slot));
    let positives_expire = newest_positive.is_none_or(|minute| minute < minute_of(cutoffs.positive));
    for at in (0..state.rows(slot).len()).rev() {
        let rows = state.rows(slot);
        let row = rows[at];
        let peers = rows.iter().filter(|peer| peer.specimen() == row.specimen());
        let (newest, is_positive) = peers
            .fold((row.minute(), false), |(newest, any), peer| (newest.max(peer.minute()), any || peer.is_positive()));
        if newest >= cutoffs.plain {
            continue;
        }
        if !is_positive || positives_expire {
            state.remove(slot, at, changes);
        } else if !row.settled() {
            state.set(slot, at, row.settle(), changes);
        }
    }
    let Some(extra) = state.extra(slot) else { return };
    for edit in outdated(extra, state.rows(slot), cutoffs) {
        state.edit(slot, "", edit, changes);
    }
}

/// Of all specimens with a positive row, the newest row.
fn newest_positive(rows: &[Row]) -> Option<u32> {
    let positive = rows.iter().filter(|row| row.is_positive());
    let specimens = positive.flat_map(|row| rows.iter().filter(|peer| peer.specimen() == row.specimen()));
    specimens.map(Row::minute).max()
}

/// What of a side record can go, each list from its end.
fn outdated(extra: &Extra, rows: &[Row], cutoffs: &Cutoffs) -> Vec<Edit> {
    let mut drops = Vec::new();
    drop_where(&mut drops, List::Positives, &extra.positives, |version| !rows.iter().any(|row| row.id() == version.id));
    if rows.iter().any(Row::is_positive) {
        return drops;
    }
    // No positive is left: an alert that is live speaks of one that expired, and stays as it was published.
    let first_kept = cutoffs.positive_day.to_string();
    let expired = |alert: &v1::Alert| alerts::is_live(alert) || alert.last_day < first_kept;
    drop_where(&mut drops, List::Alerts, &extra.alerts, expired);
    let is_over = |contact: &Contact| contact.last_moment().plus_days(CONTACT_DAYS) < cutoffs.positive;
    drop_where(&mut drops, List::Contacts, &extra.contacts, is_over);
    drop_where(&mut drops, List::Traced, &extra.traced, |traced| is_over(&traced.contact));
    let is_about_none = |found: &IndexFound| extra.contact(&found.record_id).is_none_or(is_over);
    drop_where(&mut drops, List::Found, &extra.index_findings, is_about_none);
    drops
}

fn drop_where<T>(drops: &mut Vec<Edit>, list: List, entries: &[T], goes: impl Fn(&T) -> bool) {
    let gone = entries.iter().enumerate().rev().filter(|(_, entry)| goes(entry));
    drops.extend(gone.map(|(at, _)| Edit::Drop(list, at)));
}
