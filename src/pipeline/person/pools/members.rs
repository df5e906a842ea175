//! A member of a pool in their own task: what the pool's results say of them, and what their own say to the pool.
//!
//! In: messages of pools, and the member's rows. Out: a row for each result of a pool, messages to pools. Only a
//! negative pool counts for a member. What else it says is held so that it outranks what came before, and so that the
//! member reports to the pool until a single result says what the member is.

use crate::model::ids::{Domain, Secret};
use crate::model::outcome::{End, Reject, RejectCode};
use crate::model::result::{Finding, ResultStatus, TimePrecision};
use crate::model::time::Timestamp;
use crate::pipeline::ending::Stop;
use crate::pipeline::person::counting::contribution::day_of;
use crate::pipeline::person::messages::Origin;
use crate::pipeline::person::route::PersonMessage;
use crate::pipeline::person::specimen::{self, Names, Verdict};
use crate::pipeline::person::versions::Change;
use crate::policy::Rules;
use crate::proto::v1::{self, person_event::Event};
use crate::state::paged::Changes;
use crate::state::person::case_file::CaseFile;
use crate::state::person::pools::PendingPool;
use crate::state::person::row::{HASH_48, Row, Standing, Version, minute_of};
use crate::state::person::{PersonState, Slot};

/// Bits of a row's content below the status of the version.
const STATUS: u32 = 29;

/// Bits of it below its finding.
pub const FINDING: u32 = 26;

/// The status of the version that a row is of, by its number in the contract.
pub fn status(row: &Row) -> u32 {
    row.content() >> STATUS
}

/// What a pool says of a member, as a row; where it lies is left open. Its content has status and finding before the
/// hash: so versions have one order, whether or not they list the member.
///
/// Its specimen is the tube, whichever pool id it was sent under: one that comes twice under two is one swab of the member.
/// The day belongs to it, since a barcode that is used again names another swab.
pub fn row(wire: &v1::PoolFinding, rules: &Rules, secret: &Secret) -> Result<Row, Reject> {
    let invalid = || Reject::new(RejectCode::InvalidTime, "pool_finding.collected_at");
    let collected_at = wire.collected_at.as_ref().and_then(Timestamp::from_wire).ok_or_else(invalid)?;
    let finding = match (wire.left, wire.status(), wire.finding()) {
        (false, ResultStatus::Final | ResultStatus::Corrected, finding) => finding,
        // It alerts, and outweighs nothing.
        (false, ResultStatus::Preliminary, Finding::Positive) => Finding::Positive,
        _ => Finding::Unspecified,
    };
    let hash = |parts: [&str; 3]| secret.hash_64(Domain::Pool, &parts) & HASH_48;
    Ok(Row::new(Version {
        id: hash([&wire.pool_id, &wire.lab_id, &wire.result_id]),
        specimen: hash([&wire.specimen_id, &wire.target, &rules.day(collected_at).to_string()]),
        content: (wire.status as u32) << STATUS | (wire.finding as u32) << FINDING | wire.content >> (32 - FINDING),
        minute: minute_of(collected_at),
        day_only: wire.collected_precision() == TimePrecision::Day,
        area: 0,
        purpose: 0,
        finding,
        standing: Standing::Pooled,
        revision: wire.revision,
    }))
}

/// Lets what a pool says stand if it is the greatest that it said of this result.
pub fn admit(state: &mut PersonState, slot: Slot, row: Row, changes: &mut Changes) -> Result<Change, Stop> {
    let rank = |row: &Row| (row.revision(), row.content());
    let before = state.position(slot, row.id()).map(|at| (at, state.rows(slot)[at]));
    let row = row.with_replaced(is_outweighed(state.rows(slot), &row));
    match before {
        Some((_, held)) if rank(&held) == rank(&row) => return Err(End::Duplicate.into()),
        Some((_, held)) if rank(&held) > rank(&row) => return Err(End::Superseded.into()),
        Some((at, _)) => state.set(slot, at, row, changes),
        None => state.push(slot, row, changes),
    }
    Ok(Change { before: before.map(|(_, held)| held), after: row, end: End::PoolApplied, in_conflict: false })
}

/// Whether another result of the same tube is positive: then a negative one says nothing of the member.
fn is_outweighed(rows: &[Row], row: &Row) -> bool {
    let positive = |other: &&Row| {
        other.specimen() == row.specimen()
            && other.id() != row.id()
            && other.is_pooled()
            && other.finding() == Finding::Positive
            && status(other) != ResultStatus::Preliminary as u32
    };
    row.finding() == Finding::Negative && rows.iter().any(|other| positive(&other))
}

/// The next row of a tube whose weight is no more what it must be, as it was; it is what it must be now.
pub fn weigh(state: &mut PersonState, slot: Slot, tubes: [u64; 2], changes: &mut Changes) -> Option<Row> {
    let rows = state.rows(slot);
    let of_tube = |row: &Row| row.is_pooled() && tubes.contains(&row.specimen());
    let at = rows.iter().position(|row| of_tube(row) && row.is_replaced() != is_outweighed(rows, row))?;
    let row = rows[at];
    state.set(slot, at, row.with_replaced(!row.is_replaced()), changes);
    Some(row)
}

/// Whether a row leaves open what the member is.
pub fn leaves_open(row: &Row) -> bool {
    row.is_pooled() && matches!(row.finding(), Finding::Positive | Finding::Inconclusive)
}

/// What is held of a pool that leaves the member open, from the first time it does.
pub fn pending(wire: &v1::PoolFinding, row: &Row) -> PendingPool {
    PendingPool {
        id: row.id(),
        pool: wire.pool_id.clone(),
        lab: wire.lab_id.clone(),
        result: wire.result_id.clone(),
        reported: Finding::Unspecified,
        version: 0,
    }
}

/// Pools to which something else must be reported than before.
pub fn to_report(file: &CaseFile, rows: &[Row], rules: &Rules, names: Names<'_>) -> Vec<PendingPool> {
    let now = |pending: &PendingPool| {
        let row = rows.iter().find(|row| row.id() == pending.id).filter(|row| leaves_open(row));
        row.map_or(Finding::Unspecified, |row| found_since(row, rows, rules, names))
    };
    let changed = file.pending.iter().map(|pending| (pending, now(pending)));
    let changed = changed.filter(|(pending, finding)| pending.reported != *finding);
    changed
        .map(|(pending, reported)| PendingPool { reported, version: pending.version + 1, ..pending.clone() })
        .collect()
}

/// The gravest of what single results found for the pool's target, swabbed on the pool's day or later. Unknown is never
/// negative: a swab that was taken too early to show anything does not hide a later one.
fn found_since(pool: &Row, rows: &[Row], rules: &Rules, names: Names<'_>) -> Finding {
    let (target, first_day) = (names.target(pool.purpose()), day_of(rules, pool.minute()));
    let single = rows.iter().filter(|row| row.counts() && !row.is_pooled() && names.target(row.purpose()) == target);
    let mut verdicts = Vec::new();
    specimen::verdicts(single, names, &mut verdicts);
    let since = verdicts.iter().filter(|verdict| day_of(rules, verdict.minute) >= first_day);
    since.filter(|verdict| verdict.is_conclusive()).map(|verdict: &Verdict| verdict.finding).max().unwrap_or_default()
}

/// The message that reports to a pool what [`to_report`] found.
pub fn report(person_id: &str, pending: &PendingPool, origin: Origin) -> PersonMessage {
    let finding = v1::MemberFinding {
        pool_id: pending.pool.clone(),
        lab_id: pending.lab.clone(),
        result_id: pending.result.clone(),
        person_id: person_id.to_owned(),
        finding: pending.reported as i32,
        version: pending.version,
    };
    PersonMessage { to: pending.pool.clone(), origin, event: Event::MemberFinding(finding) }
}
