//! A result of a pool, to a noun: what is asked of any result, and who is in the tube.
//!
//! In and out as [`validate`] has it. A pool stands in the place of the person.

use super::validate::{self, ID_BYTES, NAME_BYTES, Registered, optional_text, refuse, somebodys, text};
use crate::model::outcome::{Reject, RejectCode};
use crate::model::result::LabResult;
use crate::model::time::Timestamp;
use crate::pipeline::decode::result_view::ResultView;
use crate::policy::Rules;
use crate::policy::years::Years;
use crate::proto::v1;
use hashbrown::HashSet;

/// Most people of one tube: far more than any published method mixes, and few enough for an alert to list.
pub const MEMBERS_AT_MOST: usize = 100;

/// One valid version of one result of one pool.
#[derive(Clone, Debug)]
pub struct PooledResult<'a> {
    /// What it says of the tube; its person is the pool.
    pub result: LabResult<'a>,
    /// Who is in it, in order, and each one's area.
    pub members: Vec<Member<'a>>,
}

/// Somebody whose swab is in the tube.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member<'a> {
    /// Pseudonym.
    pub person_id: &'a str,
    /// The area their test counts in.
    pub area: &'a str,
}

/// A result of a pool; `pool` is that of the message.
pub fn pooled<'a>(
    wire: &'a v1::LabResult,
    pool: &'a v1::Pool,
    received_at: Timestamp,
    rules: &Rules,
) -> Result<(PooledResult<'a>, Registered), Reject> {
    let members = members(wire, pool)?;
    let (result, registered) = validate::result(&as_a_person(wire, pool), received_at, rules)?;
    let collected_on = rules.day(result.collected_at);
    for (at, member) in pool.members.iter().enumerate().filter(|(_, member)| !member.area.is_empty()) {
        let known = rules.areas.index(&member.area).is_some_and(|area| rules.areas.exists(area, collected_on));
        if !known {
            return refuse(RejectCode::UnknownArea, &format!("pool.members[{at}].area"));
        }
    }
    Ok((PooledResult { result, members }, registered))
}

/// The part of [`pooled`] that needs no rules of a deployment.
pub fn pooled_without_rules<'a>(
    wire: &'a v1::LabResult,
    pool: &'a v1::Pool,
    received_at: Timestamp,
) -> Result<PooledResult<'a>, Reject> {
    let (members, view) = (members(wire, pool)?, as_a_person(wire, pool));
    validate::result_in_years(&view, received_at, &Years::default())?;
    let result = validate::well_formed(&view)?;
    validate::of_somebody(&view)?;
    Ok(PooledResult { result, members })
}

/// The pool in the place of the person: all else that is asked of a result is asked of it.
fn as_a_person<'a>(wire: &'a v1::LabResult, pool: &'a v1::Pool) -> ResultView<'a> {
    ResultView { person_id: &pool.pool_id, pooled: false, ..ResultView::of(wire) }
}

fn members<'a>(wire: &'a v1::LabResult, pool: &'a v1::Pool) -> Result<Vec<Member<'a>>, Reject> {
    for (id, field) in [(&wire.person_id, "person_id"), (&wire.previous_person_id, "previous_person_id")] {
        if !id.is_empty() {
            return refuse(RejectCode::PersonBesidePool, field);
        }
    }
    if !wire.replaces_result_id.is_empty() && wire.replaces_result_id != wire.result_id {
        return refuse(RejectCode::Unsupported, "replaces_result_id");
    }
    id(&pool.pool_id, "pool.pool_id")?;
    match pool.members.len() {
        0 => return refuse(RejectCode::MissingField, "pool.members"),
        1..=MEMBERS_AT_MOST => {}
        _ => return refuse(RejectCode::OutOfRange, "pool.members"),
    }
    let mut seen = HashSet::new();
    let mut members = Vec::with_capacity(pool.members.len());
    for (at, member) in pool.members.iter().enumerate() {
        let field = |name: &str| format!("pool.members[{at}].{name}");
        let person_id = id(&member.person_id, &field("person_id"))?;
        let area = optional_text(&member.area, NAME_BYTES, &field("area"))?.unwrap_or(&wire.area);
        if !seen.insert(person_id) {
            return refuse(RejectCode::SamePerson, &field("person_id"));
        }
        members.push(Member { person_id, area });
    }
    match pool.size as usize {
        0 => refuse(RejectCode::MissingField, "pool.size"),
        size if size != members.len() => refuse(RejectCode::PoolSizeMismatch, "pool.size"),
        _ => {
            members.sort_unstable();
            Ok(members)
        }
    }
}

fn id<'a>(value: &'a str, field: &str) -> Result<&'a str, Reject> {
    let id = text(value, ID_BYTES, field)?;
    somebodys(id, field)?;
    Ok(id)
}
