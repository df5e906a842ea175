//! What is said of duties: one message of a person, and what of it counts in areas.

use crate::model::duty::DutyKind;
use crate::model::time::{Day, Timestamp};
use crate::policy::{Rules, TargetIndex};
use crate::proto::v1;
use crate::state::person::duties::{Counted, CountedDuty, Where};
use crate::state::person::groups::Membership;
use std::collections::BTreeSet;

/// Duties in a message: a person with very many records must not make one that no broker takes. All of them count.
const LISTED_AT_MOST: usize = 1_000;

/// Records of groups in a message, likewise.
const GROUPS_AT_MOST: usize = 100;

/// Records of a duty in a message: with so many it takes less than a broker takes, however long their ids are.
const RECORDS_AT_MOST: usize = 10;

/// One thing to be done.
#[derive(Clone, Debug)]
pub struct Said {
    /// The day, or the first of them.
    pub day: Day,
    /// The last day.
    pub last: Day,
    /// What.
    pub kind: DutyKind,
    /// For what.
    pub target: TargetIndex,
    /// The contact records behind it.
    pub records: BTreeSet<String>,
    /// The policy of the first day.
    pub policy: String,
    /// The key group whose people it is for; empty of a contact's.
    pub group: String,
    /// Of a test, whether it was taken and since when it is overdue.
    pub test: Option<(bool, Option<Timestamp>)>,
}

impl Said {
    fn order(&self) -> (Day, DutyKind, TargetIndex, &str) {
        (self.day, self.kind, self.target, &self.group)
    }
}

/// All duties of one subject.
#[derive(Clone, Debug, Default)]
pub struct Duties {
    /// What is published of them, if anything.
    pub message: Option<v1::PersonDuties>,
    /// What counts, in order.
    pub counted: Vec<CountedDuty>,
    /// Where a person counts.
    pub place: Where,
}

/// Who has duties: where, and in which groups.
#[derive(Clone, Debug)]
pub struct Member<'a> {
    /// The pseudonym.
    pub person_id: &'a str,
    /// Where the person counts.
    pub place: Where,
    /// Records of groups that are said, in order.
    pub groups: Vec<&'a Membership>,
    /// What counts of them, wherever the person is.
    pub counted: Vec<CountedDuty>,
}

impl Duties {
    /// Of a person in an area, and in groups. Nothing counts of days before the first that is kept.
    pub fn of(person: Member<'_>, mut all: Vec<Said>, first_kept: Day, rules: &Rules) -> Self {
        let Member { person_id, place, groups, counted: of_groups } = person;
        let area = &place.area;
        if all.is_empty() && groups.is_empty() {
            return Self::default();
        }
        all.sort_by(|one, other| one.order().cmp(&other.order()));
        let of_groups = of_groups.into_iter().map(|one| CountedDuty { area: area.clone(), ..one });
        let numbers = all.iter().flat_map(|said| numbers(said, area, rules)).chain(of_groups);
        let mut counted: Vec<CountedDuty> = numbers.filter_map(|one| clipped(one, first_kept)).collect();
        counted.sort();
        let message = v1::PersonDuties {
            person_id: person_id.to_owned(),
            area: area.clone(),
            duties: all.iter().take(LISTED_AT_MOST).map(|said| listed(said, rules)).collect(),
            duties_omitted: all.len().saturating_sub(LISTED_AT_MOST) as u32,
            groups: groups.iter().take(GROUPS_AT_MOST).map(|one| listed_group(one)).collect(),
            groups_omitted: groups.len().saturating_sub(GROUPS_AT_MOST) as u32,
        };
        Self { message: Some(message), counted, place }
    }
}

/// What of it lies on days that are kept.
pub fn clipped(counted: CountedDuty, first_kept: Day) -> Option<CountedDuty> {
    let first = counted.first.max(first_kept);
    (first <= counted.last).then_some(CountedDuty { first, ..counted })
}

/// The numbers that a duty adds to: a test of a group is counted with the group.
fn numbers(said: &Said, area: &str, rules: &Rules) -> Vec<CountedDuty> {
    if said.kind == DutyKind::GroupTest {
        return Vec::new();
    }
    let number = |kind, first, last| CountedDuty {
        area: area.to_owned(),
        target: rules.stored_target(said.target).to_owned(),
        what: Counted::Duty(kind),
        first,
        last,
        number: 1,
    };
    let mut numbers = vec![number(said.kind, said.day, said.last)];
    let more = match (said.kind, said.test) {
        (DutyKind::Managed, _) => Some(DutyKind::Release),
        (_, Some((true, _))) => Some(DutyKind::TestTaken),
        (_, Some((false, Some(_)))) => Some(DutyKind::TestOverdue),
        _ => None,
    };
    numbers.extend(more.map(|kind| number(kind, said.last, said.last)));
    numbers
}

fn listed_group(membership: &Membership) -> v1::Membership {
    v1::Membership {
        record_id: membership.record_id.clone(),
        group: membership.group.clone(),
        first_day: membership.first.to_string(),
        last_day: membership.last.map(|last| last.to_string()).unwrap_or_default(),
    }
}

fn listed(said: &Said, rules: &Rules) -> v1::Duty {
    let (taken, overdue_since) = said.test.unwrap_or_default();
    v1::Duty {
        day: said.day.to_string(),
        kind: said.kind as i32,
        target: rules.target_id(said.target).to_owned(),
        release_day: if said.kind == DutyKind::Managed { said.last.to_string() } else { String::new() },
        record_ids: said.records.iter().take(RECORDS_AT_MOST).cloned().collect(),
        record_ids_omitted: said.records.len().saturating_sub(RECORDS_AT_MOST) as u32,
        policy: said.policy.clone(),
        taken,
        overdue_since: overdue_since.map(Timestamp::to_wire),
        group: said.group.clone(),
    }
}
