//! What a person's record can do without. A row is dropped only when no admissible record can need it; dropping
//! changes no number and withdraws no alert.
//!
//! Plain rows go when they are older than `drop_before` − horizon − 14 days, as until then a late result may have them as
//! neighbour, and when no test of a key group that is still told of rests on them. Positives stay for the episode gap as
//! well, all of a person's together, but after the plain time their numbers are *settled*: what they added stays, although
//! the neighbours it was reckoned with are gone.

use super::alerts;
use super::contacts;
use super::duties::group_run::{self, Run};
use super::duties::{group, group_overdue};
use super::overdue;
use super::pools::tubes;
use crate::model::time::{Day, Timestamp};
use crate::policy::{LONGEST_WINDOW, Rules};
use crate::state::paged::Changes;
use crate::state::person::case_file::{CaseFile, Contact, IndexFound};
use crate::state::person::edit::{Edit, List};
use crate::state::person::groups::Membership;
use crate::state::person::held_alert::HeldAlert;
use crate::state::person::pools::PoolVersion;
use crate::state::person::row::{Row, minute_of, minute_start};
use crate::state::person::{PersonState, Slot};
use hashbrown::{HashMap, HashSet};

/// Messages between tasks may lag behind `drop_before`, which goes on in steps for their sake: the longest window and this
/// are more than two of these.
const SLACK_DAYS: i64 = 1;

/// Longest observation of a contact after exposure that a rule may ask for, and then some.
const CONTACT_DAYS: i64 = 60;

/// Minutes before a pool's own within which a result of the member's may lie that counts as of its day or later: once
/// such a row may be dropped, the member reports nothing any more.
const SETTLES_FROM: u32 = 26 * 60;

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
    /// The day of `plain`.
    plain_day: Day,
}

impl Cutoffs {
    /// At a time for dropping, by the longest horizon and gap of any policy.
    pub fn at(drop_before: Timestamp, rules: &Rules) -> Self {
        let longest = |days: fn(&crate::policy::CasePolicy) -> i32| rules.cases.iter().map(days).max().unwrap_or(0);
        let horizon = i64::from(longest(|policy| policy.horizon_days));
        let gap = i64::from(longest(|policy| policy.episode_gap_days));
        let neighbours = horizon + i64::from(LONGEST_WINDOW) + SLACK_DAYS;
        let plain = drop_before.plus_days(-neighbours.max(group::needed_days(rules)));
        let positive = plain.plus_days(-gap);
        Self { plain: minute_of(plain), positive, positive_day: rules.day(positive), plain_day: rules.day(plain) }
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

/// Drops and settles what is old enough. Returns whether a row changed: what was gathered of them holds no more.
pub fn tidy(state: &mut PersonState, slot: Slot, cutoffs: &Cutoffs, changes: &mut Changes) -> bool {
    let is_old = |row: &Row| row.minute() < cutoffs.plain;
    let changed = state.rows(slot).iter().any(is_old) && tidy_rows(state, slot, cutoffs, changes);
    for edit in outdated(state, slot, cutoffs) {
        state.edit(slot, "", edit, changes);
    }
    changed
}

fn tidy_rows(state: &mut PersonState, slot: Slot, cutoffs: &Cutoffs, changes: &mut Changes) -> bool {
    let specimens = specimens(state.rows(slot));
    let newest_positive =
        specimens.iter().filter(|specimen| specimen.is_positive).map(|specimen| specimen.newest).max();
    let positives_expire = newest_positive.is_none_or(|minute| minute < minute_of(cutoffs.positive));
    let mut changed = false;
    for (at, specimen) in specimens.iter().enumerate().rev().filter(|(_, specimen)| specimen.newest < cutoffs.plain) {
        let row = state.rows(slot)[at];
        if !specimen.is_positive || positives_expire {
            state.remove(slot, at, changes);
        } else if !row.settled() {
            state.set(slot, at, row.settle(), changes);
        } else {
            continue;
        }
        changed = true;
    }
    changed
}

/// What all rows of a specimen have in common.
#[derive(Clone, Copy, Debug)]
struct Specimen {
    /// The newest row's minute.
    newest: u32,
    /// Whether any row is positive.
    is_positive: bool,
}

impl Specimen {
    fn of(row: &Row) -> Self {
        Self { newest: row.minute(), is_positive: row.is_positive() }
    }

    fn and(self, other: Self) -> Self {
        Self { newest: self.newest.max(other.newest), is_positive: self.is_positive || other.is_positive }
    }
}

/// Up to here a look through all rows for each of them is quicker than a table.
const VERY_FEW: usize = 24;

/// The specimen of each row, in the order of the rows.
fn specimens(rows: &[Row]) -> Vec<Specimen> {
    if rows.len() <= VERY_FEW {
        let of_all = |row: &Row| {
            let peers = rows.iter().filter(|peer| peer.specimen() == row.specimen());
            peers.map(Specimen::of).fold(Specimen::of(row), Specimen::and)
        };
        return rows.iter().map(of_all).collect();
    }
    let mut table: HashMap<u64, Specimen> = HashMap::new();
    for row in rows {
        let one = Specimen::of(row);
        table.entry(row.specimen()).and_modify(|all| *all = all.and(one)).or_insert(one);
    }
    rows.iter().map(|row| table[&row.specimen()]).collect()
}

/// What of a case file can go, each list from its end, and what is frozen by that.
fn outdated(state: &mut PersonState, slot: Slot, cutoffs: &Cutoffs) -> Vec<Edit> {
    if let Some(file) = state.case_file(slot).filter(|file| tubes::is_pool(file)) {
        return outdated_of_pool(file, cutoffs);
    }
    let mut drops = Vec::new();
    let pools = state.case_file(slot).map_or_else(Vec::new, |file| file.pending.iter().map(|one| one.id).collect());
    for (at, id) in pools.into_iter().enumerate().rev() {
        let row = state.position(slot, id).map(|at| state.rows(slot)[at]);
        if row.is_none_or(|row| row.minute() < cutoffs.plain + SETTLES_FROM) {
            drops.push(Edit::Drop(List::Pending, at));
        }
    }
    let claims = state.case_file(slot).map_or_else(Vec::new, |file| file.claims.iter().map(|one| one.id).collect());
    let has_row: Vec<bool> = claims.into_iter().map(|id: u64| state.position(slot, id).is_some()).collect();
    drop_where(&mut drops, List::Claims, &has_row, |has_row| !has_row);
    let noted = |state: &PersonState, at: usize| state.case_file(slot)?.positives.get(at).map(|version| version.id);
    for at in (0..state.case_file(slot).map_or(0, |file| file.positives.len())).rev() {
        if noted(state, at).is_some_and(|id| state.position(slot, id).is_none()) {
            drops.push(Edit::Drop(List::Positives, at));
        }
    }
    if state.names_replaced(slot) {
        let needed = leading_to_rows(state, slot);
        let entries = state.case_file(slot).map_or(&[][..], |file| &file.replacements);
        drop_where(&mut drops, List::Replacements, entries, |one| !needed.contains(&one.id));
    }
    if let Some(file) = state.case_file(slot) {
        let runs = group_run::runs(file);
        drop_where(&mut drops, List::Groups, &file.groups, |membership| is_over(membership, &runs, cutoffs));
    }
    let Some(file) = state.case_file(slot).filter(|_| !state.rows(slot).iter().any(Row::is_positive)) else {
        return drops;
    };
    // No positive is left: an alert that is live speaks of one that expired, and stays as it was published.
    drops.extend(contacts::freeze(file).into_iter().map(Edit::Traced));
    let [first_kept, first_known] = [cutoffs.positive_day, cutoffs.plain_day].map(|day| day.to_string());
    let expired = |alert: &HeldAlert| match alert.message() {
        // Whether that test was taken is not known any more: it stays as it was published, too.
        alert if overdue::is_overdue(&alert) => alert.last_day < first_known,
        // It is raised and withdrawn as long as somebody is in the group.
        alert if group_overdue::is_group_overdue(&alert) => group_overdue::is_of_no_record(&alert, file),
        alert => alerts::is_live(&alert) || alert.last_day < first_kept,
    };
    drop_where(&mut drops, List::Alerts, &file.alerts, expired);
    let ended = |contact: &Contact| contact.last_moment().plus_days(CONTACT_DAYS) < cutoffs.positive;
    drop_where(&mut drops, List::Contacts, &file.contacts, ended);
    drop_where(&mut drops, List::Traced, &file.traced, |traced| ended(&traced.contact));
    let is_about_none = |found: &IndexFound| file.contact(&found.record_id).is_none_or(ended);
    drop_where(&mut drops, List::Found, &file.index_findings, is_about_none);
    drops
}

/// What of a pool can go: tubes of which every version is old, with what members reported of them and their alerts, which
/// stay as they were published. A tube goes with all that its versions are versions of. Pools that ever alerted, which are
/// few, are held as long as positives.
fn outdated_of_pool(file: &CaseFile, cutoffs: &Cutoffs) -> Vec<Edit> {
    let first_kept = if file.alerts.is_empty() { cutoffs.plain } else { minute_of(cutoffs.positive) };
    let is_new = |version: &PoolVersion| version.row.minute() >= first_kept;
    let (mut results, mut specimens) = (HashSet::new(), HashSet::new());
    let mut grows = true;
    while grows {
        grows = false;
        for version in &file.pool {
            let (result, specimen) = (version.row.id(), version.row.specimen());
            if is_new(version) || results.contains(&result) || specimens.contains(&specimen) {
                grows |= results.insert(result) | specimens.insert(specimen);
            }
        }
    }
    let mut drops = Vec::new();
    drop_where(&mut drops, List::Pool, &file.pool, |version| !results.contains(&version.row.id()));
    drop_where(&mut drops, List::Members, &file.members, |found| !results.contains(&found.id));
    drop_where(&mut drops, List::Told, &file.told, |told| !results.contains(&told.id));
    if !drops.is_empty() && !file.alerts.is_empty() {
        let kept: HashSet<String> = file
            .pool
            .iter()
            .filter(|version| results.contains(&version.row.id()))
            .map(|version| version.result().specimen_id)
            .collect();
        // What was corrected to be of another tube may be of this one again, while that can be.
        let first_kept = cutoffs.positive_day.to_string();
        let goes = |alert: &HeldAlert| {
            let alert = alert.message();
            kept.is_empty() || alert.last_day < first_kept && !kept.contains(&alert.specimen_id)
        };
        drop_where(&mut drops, List::Alerts, &file.alerts, goes);
    }
    drops
}

/// Results from which one comes, by whom each names as replaced, to one that has a row. A circle is kept whole while any
/// of it has one: once it is open, what was part of it would be replaced.
fn leading_to_rows(state: &mut PersonState, slot: Slot) -> HashSet<u64> {
    let entries = state.case_file(slot).map(|file| file.replacements.clone()).unwrap_or_default();
    let mut naming: HashMap<u64, Vec<u64>> = HashMap::new();
    entries.iter().for_each(|one| naming.entry(one.replaces).or_default().push(one.id));
    let ends = entries.iter().flat_map(|one| [one.id, one.replaces]);
    let mut open: Vec<u64> = ends.filter(|id| state.position(slot, *id).is_some()).collect();
    let mut reached = HashSet::new();
    while let Some(id) = open.pop() {
        if reached.insert(id) {
            open.extend(naming.get(&id).into_iter().flatten());
        }
    }
    reached
}

/// Whether nothing admissible can be about a record of a group any more: its days, with all that leave none between, are long
/// over, and so is the last word on them. Of a run that goes on all is kept: it says since when. So is a version that may
/// stand against an earlier one for ever: of an old list that is sent again, whoever had left would be in the group again.
fn is_over(membership: &Membership, runs: &[Run<'_>], cutoffs: &Cutoffs) -> bool {
    let is_settled = |one: &Membership| one.last_received_at.plus_days(CONTACT_DAYS) < cutoffs.positive;
    let is_first = membership.is_active() && membership.revision == 0;
    let is_of = |run: &&Run<'_>| run.group == membership.group && run.covers(membership.first);
    is_first
        && runs.iter().find(is_of).is_some_and(|run| {
            let has_ended = run.last.is_some_and(|last| last.plus(CONTACT_DAYS as i32) < cutoffs.positive_day);
            has_ended && run.records.iter().all(|one| is_settled(one))
        })
}

fn drop_where<T>(drops: &mut Vec<Edit>, list: List, entries: &[T], goes: impl Fn(&T) -> bool) {
    let gone = entries.iter().enumerate().rev().filter(|(_, entry)| goes(entry));
    drops.extend(gone.map(|(at, _)| Edit::Drop(list, at)));
}
