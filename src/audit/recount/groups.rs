//! Which key groups a person is in: of each record the greatest version, where it holds.

use super::versions::{Version, greatest};
use crate::audit::arrived::{Arrived, Usable};
use crate::model::time::{Day, Timestamp};
use crate::proto::v1::{GroupStatus, Membership, PersonGroup};

/// Memberships of a message.
pub const LISTED: usize = 100;

/// Of each record of a group the greatest version, where it holds, with when any was first received.
pub fn standing(records: &[Arrived]) -> Vec<(PersonGroup, Timestamp)> {
    let versions = records.iter().filter_map(|Arrived { at, record, content, .. }| {
        let Usable::Group(group) = record else { return None };
        let rank = (group.revision, group.status, *content);
        Some(Version { of: (&group.record_id, &group.person_id), rank, at: *at, record: group })
    });
    greatest(versions).filter(|(group, _)| group.status() == GroupStatus::Active).collect()
}

/// The first and last day in its group of whoever is in it by a record, with all others of the group that leave no day
/// between.
pub fn stay(groups: &[(PersonGroup, Timestamp)], record: &PersonGroup) -> (Day, Day) {
    let days = |one: &PersonGroup| {
        let first = Day::parse(&one.first_day).expect("a usable record has its first day");
        (first, Day::parse(&one.last_day).unwrap_or(Day(i32::MAX)))
    };
    let of_group = groups.iter().filter(|(one, _)| one.group == record.group);
    let all: Vec<(Day, Day)> = of_group.map(|(one, _)| days(one)).collect();
    let (mut first, mut last) = days(record);
    // Until no record adds a day.
    while let Some(more) = all.iter().find(|(from, to)| {
        let touches = from.plus(-1) <= last && first.plus(-1) <= *to;
        touches && (*from < first || last < *to)
    }) {
        (first, last) = (first.min(more.0), last.max(more.1));
    }
    (first, last)
}

/// Those of a person that are still told of, in order: their last day, if they have one, is a `known` one.
pub fn told(groups: &[(PersonGroup, Timestamp)], known: impl Fn(Day) -> bool) -> Vec<Membership> {
    let is_told = |group: &&PersonGroup| Day::parse(&group.last_day).is_none_or(&known);
    let mut told: Vec<&PersonGroup> = groups.iter().map(|(group, _)| group).filter(is_told).collect();
    told.sort_by_key(|group| order(group));
    told.into_iter().map(message).collect()
}

/// The areas that records of a person name, in the same order.
pub fn areas(groups: &[(PersonGroup, Timestamp)]) -> Vec<&str> {
    let all = groups.iter().map(|(group, _)| group);
    let mut naming: Vec<&PersonGroup> = all.filter(|group| !group.area.is_empty()).collect();
    naming.sort_by_key(|group| order(group));
    naming.into_iter().map(|group| group.area.as_str()).collect()
}

fn order(group: &PersonGroup) -> (Option<Day>, String) {
    (Day::parse(&group.first_day), group.record_id.clone())
}

/// As a message has it.
fn message(group: &PersonGroup) -> Membership {
    let PersonGroup { record_id, group, first_day, last_day, .. } = group.clone();
    Membership { record_id, group, first_day, last_day }
}
