//! A tube in the task of its barcode: it counts once among tubes, and one alert tells of it, whichever pool ids it was sent
//! under.
//!
//! In: what results of pools say of the tube, as messages. Out: what it counts as, messages to pools. A tube is a barcode, a
//! target, a civil day and the first of its members: a barcode that is used again, or by another laboratory that numbers its
//! tubes alike, names another one.

use super::members;
use crate::model::ids::{Domain, Secret};
use crate::model::outcome::{End, Reject};
use crate::model::result::{Finding, ResultStatus};
use crate::model::time::Timestamp;
use crate::pipeline::person::counting::contribution::Places;
use crate::pipeline::person::counting::pools::CountedTube;
use crate::pipeline::person::messages::Origin;
use crate::pipeline::person::route::PersonMessage;
use crate::pipeline::person::specimen::Names;
use crate::pipeline::person::versions::Change;
use crate::policy::Rules;
use crate::proto::v1::{self, person_event::Event};
use crate::state::paged::Changes;
use crate::state::person::case_file::CaseFile;
use crate::state::person::pools::Claim;
use crate::state::person::row::{Row, Standing, Version};
use crate::state::person::{PersonState, Slot};
use std::cmp::Reverse;

/// Bits of a row's content below its status and finding that say how many people are in the tube.
const SIZE: u32 = 8;

/// The hash that a barcode is held under: no pool's id and no person's has it.
pub fn hash(barcode: &str, secret: &Secret) -> u64 {
    secret.hash_64(Domain::Pool, &["", barcode])
}

/// What a result says of a tube, as a row; where it lies is left open. Its content has status and finding before a shorter
/// hash and the size of the pool.
pub fn row(wire: &v1::TubeFinding, barcode: &str, rules: &Rules, secret: &Secret) -> Result<Row, Reject> {
    let of_member = members::row(&as_of_member(wire, barcode), rules, secret)?;
    let hash = of_member.content() >> SIZE & ((1 << (members::FINDING - SIZE)) - 1);
    let of_version = of_member.content() >> members::FINDING << members::FINDING;
    let parts = [format!("{:x}", of_member.specimen()), format!("{:x}", wire.first_member)];
    Ok(Row::new(Version {
        id: of_member.id(),
        specimen: secret.hash_64(Domain::Pool, &parts.each_ref().map(String::as_str)),
        content: of_version | hash << SIZE | wire.size.min((1 << SIZE) - 1),
        minute: of_member.minute(),
        day_only: of_member.is_day_only(),
        area: 0,
        purpose: 0,
        finding: of_member.finding(),
        standing: Standing::Tube,
        revision: wire.revision,
    }))
}

/// The same as it is said to a member.
fn as_of_member(wire: &v1::TubeFinding, barcode: &str) -> v1::PoolFinding {
    v1::PoolFinding {
        pool_id: wire.pool_id.clone(),
        lab_id: wire.lab_id.clone(),
        result_id: wire.result_id.clone(),
        revision: wire.revision,
        status: wire.status,
        finding: wire.finding,
        content: wire.content,
        left: wire.left,
        specimen_id: barcode.to_owned(),
        target: wire.target.clone(),
        collected_at: wire.collected_at,
        collected_precision: wire.collected_precision,
        area: wire.area.clone(),
        purpose: wire.purpose.clone(),
    }
}

/// Lets a version that is known say what is said of it now: that its tube is counted elsewhere, or here again.
pub fn said_otherwise(state: &mut PersonState, slot: Slot, row: Row, changes: &mut Changes) -> Option<Change> {
    let at = state.position(slot, row.id())?;
    let before = Some(state.rows(slot)[at]).filter(|held| held.finding() != row.finding());
    before?;
    state.set(slot, at, row, changes);
    Some(Change { before, after: row, end: End::PoolApplied, in_conflict: false })
}

/// Whether it says what counts, rather than what is only reported early.
fn counts(row: &Row) -> bool {
    members::status(row) != ResultStatus::Preliminary as u32
}

/// What a tube counts as, if it was found positive or negative and the rules know its place. Of its results that say so the
/// earliest lends its place, and says how many people are in it.
pub fn counted<'r>(
    rows: impl Iterator<Item = &'r Row>,
    tube: u64,
    (rules, places, names): (&Rules, &Places, Names<'_>),
) -> Option<CountedTube> {
    let counting: Vec<&Row> = rows.filter(|row| row.is_of_tube() && row.specimen() == tube && counts(row)).collect();
    let finding = counting.iter().map(|row| row.finding()).max().filter(|found| *found >= Finding::Negative)?;
    let size = |row: &Row| (row.content() & ((1 << SIZE) - 1)) as u8;
    let key = |row: &&Row| {
        let texts = (&names.areas[row.area() as usize], names.purpose(row.purpose()));
        (row.minute(), row.is_day_only(), texts, size(row))
    };
    let lender = counting.into_iter().filter(|row| row.finding() == finding).min_by_key(key)?;
    let place = places.place(rules, lender.area(), lender.purpose(), lender.minute())?;
    Some(CountedTube { place, size: size(lender), positive: finding == Finding::Positive })
}

/// What is held of a result that leaves the members of a tube open, from the first time it does; nothing is held of one that
/// never did.
pub fn claim(held: Option<&Claim>, wire: &v1::TubeFinding, row: &Row) -> Option<Claim> {
    let received_at = wire.received_at.as_ref().and_then(Timestamp::from_wire).unwrap_or_default();
    let said = |claim: Claim| Claim { members: wire.members, received_at, ..claim };
    let first = || Claim {
        id: row.id(),
        pool: wire.pool_id.clone(),
        lab: wire.lab_id.clone(),
        result: wire.result_id.clone(),
        members: 0,
        received_at,
        told_by: String::new(),
        version: 0,
    };
    let held = held.cloned();
    held.or_else(|| leaves_open(row).then(first)).map(said)
}

fn leaves_open(row: &Row) -> bool {
    matches!(row.finding(), Finding::Positive | Finding::Inconclusive)
}

/// Claims of whose pool another one tells than was last said.
pub fn to_tell(file: &CaseFile, rows: &[Row], names: Names<'_>) -> Vec<Claim> {
    let open: Vec<(&Claim, &Row)> = file
        .claims
        .iter()
        .filter_map(|claim| Some((claim, rows.iter().find(|row| row.id() == claim.id && leaves_open(row))?)))
        .collect();
    // Of the same target, on whatever day: a pool goes by barcode and target alone.
    let found = |of: &Row, finding: Finding| {
        let alike = |row: &&Row| names.target(row.purpose()) == names.target(of.purpose());
        rows.iter().filter(alike).any(|row| counts(row) && row.finding() == finding)
    };
    // What its pool's alert is surely about: where something else of the barcode counts, it may be about that, or be none.
    let is_told = |row: &Row| match (counts(row), row.finding()) {
        (true, Finding::Positive) => true,
        (true, _) => ![Finding::Negative, Finding::Positive].into_iter().any(|other| found(row, other)),
        (false, _) => {
            let conclusive = [Finding::Inconclusive, Finding::Negative, Finding::Positive];
            !conclusive.into_iter().any(|other| found(row, other))
        }
    };
    let rank =
        |(claim, row): &&(&Claim, &Row)| (counts(row), row.finding(), Reverse((claim.received_at, claim.pool.clone())));
    let told_by = |claim: &Claim| {
        let (_, own) = open.iter().find(|(one, _)| one.id == claim.id)?;
        let alike = open.iter().filter(|(one, row)| one.members == claim.members && row.specimen() == own.specimen());
        let (first, _) = alike.filter(|(_, row)| is_told(row)).max_by_key(rank)?;
        Some(&first.pool).filter(|pool| **pool != claim.pool)
    };
    let changed = file.claims.iter().map(|claim| (claim, told_by(claim).cloned().unwrap_or_default()));
    changed
        .filter(|(claim, told_by)| claim.told_by != *told_by)
        .map(|(claim, told_by)| Claim { told_by, version: claim.version + 1, ..claim.clone() })
        .collect()
}

/// The message that says to a pool what [`to_tell`] found.
pub fn tell(barcode: &str, claim: &Claim, origin: Origin) -> PersonMessage {
    let told = v1::TubeTold {
        pool_id: claim.pool.clone(),
        lab_id: claim.lab.clone(),
        result_id: claim.result.clone(),
        told_by: claim.told_by.clone(),
        version: claim.version,
        specimen_id: barcode.to_owned(),
    };
    PersonMessage { to: claim.pool.clone(), origin, event: Event::TubeTold(told) }
}
