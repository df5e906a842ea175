//! What is said of duties: one message of a person, and what of it counts in areas.

use crate::model::duty::DutyKind;
use crate::model::time::{Day, Timestamp};
use crate::policy::{Rules, TargetIndex};
use crate::proto::v1;
use crate::state::person::duties::CountedDuty;
use std::collections::BTreeSet;

/// Duties in a message: a person with very many records must not make one that no broker takes. All of them count.
const LISTED_AT_MOST: usize = 1_000;

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
    /// Of a test, whether it was taken and since when it is overdue.
    pub test: Option<(bool, Option<Timestamp>)>,
}

/// All duties of one subject.
#[derive(Clone, Debug, Default)]
pub struct Duties {
    /// What is published of them, if anything.
    pub message: Option<v1::PersonDuties>,
    /// What counts, in order.
    pub counted: Vec<CountedDuty>,
    /// Minute of the swab that says in which area a person counts; 0 where none does.
    pub minute: u32,
}

/// The area in which a person counts, and the minute of the swab that says so.
#[derive(Clone, Debug, Default)]
pub struct Where {
    /// Code of the area; empty for none.
    pub area: String,
    /// The minute; 0 without an area.
    pub minute: u32,
}

impl Duties {
    /// Of a person in an area. Nothing counts of days before the first that is kept.
    pub fn of(person_id: &str, place: Where, mut all: Vec<Said>, first_kept: Day, rules: &Rules) -> Self {
        if all.is_empty() {
            return Self::default();
        }
        let Where { area, minute } = place;
        all.sort_by_key(|said| (said.day, said.kind, said.target));
        let numbers = all.iter().flat_map(|said| numbers(said, &area, rules));
        let mut counted: Vec<CountedDuty> = numbers.filter_map(|one| clipped(one, first_kept)).collect();
        counted.sort();
        let message = v1::PersonDuties {
            person_id: person_id.to_owned(),
            area,
            duties: all.iter().take(LISTED_AT_MOST).map(|said| listed(said, rules)).collect(),
            duties_omitted: all.len().saturating_sub(LISTED_AT_MOST) as u32,
        };
        Self { message: Some(message), counted, minute }
    }
}

/// What of it lies on days that are kept.
pub fn clipped(counted: CountedDuty, first_kept: Day) -> Option<CountedDuty> {
    let first = counted.first.max(first_kept);
    (first <= counted.last).then_some(CountedDuty { first, ..counted })
}

/// The numbers that a duty adds to.
fn numbers(said: &Said, area: &str, rules: &Rules) -> Vec<CountedDuty> {
    let number = |kind, first, last| CountedDuty {
        area: area.to_owned(),
        target: rules.stored_target(said.target).to_owned(),
        kind,
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
    }
}
