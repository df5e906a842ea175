//! What is held of pools: with the pool, what was said of it and what its members were found since; with a member, the
//! pools that leave open what the member is; with a tube's barcode, the pools whose alerts may tell of the tube.
//!
//! A pool has a slot and a case file like a person, under a hash that no person has, and no rows. So has a barcode, under yet
//! another one, with a row for each result.

use super::row::{Row, STORED};
use crate::model::result::Finding;
use crate::model::time::Timestamp;
use crate::proto::v1;
use crate::state::codec::{Few, Reader, corrupt, put_bytes, put_i64, put_u32, put_u64};
use crate::state::paged::Corrupt;
use prost::Message as _;

/// A version of a result of a pool: the one that stands, and every one that left something open, as its first receipt
/// counts when it stands again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolVersion {
    /// What says which version stands, and of which tube it is; no place.
    pub row: Row,
    /// When this meaning was first received.
    pub received_at: Timestamp,
    /// When the lab first reported this meaning.
    pub reported_at: Timestamp,
    /// The result as it was judged, as a message: a pool is seldom looked at, and there are very many.
    pub said: Vec<u8>,
    /// Its tube is counted in the task of the barcode. A tube that was first heard of by a version before format 7, or while
    /// an earlier format of messages is written, is counted with its pool as long as it is held.
    pub by_barcode: bool,
}

impl PoolVersion {
    /// Hashes of result and meaning.
    pub fn key(&self) -> (u64, u32) {
        (self.row.id(), self.row.content())
    }

    /// The result, with its members in order.
    pub fn result(&self) -> v1::LabResult {
        v1::LabResult::decode(&self.said[..]).unwrap_or_default()
    }

    /// What is held when a version is read that means the same as one that is: the greatest revision, the earliest times,
    /// and the kit of the first receipt, of one moment the smaller.
    #[must_use]
    pub fn and(&self, read: Self) -> Self {
        let is_first = (read.received_at, read.result().kit) < (self.received_at, self.result().kit);
        Self {
            row: self.row.at_revision(self.row.revision().max(read.row.revision())),
            received_at: self.received_at.min(read.received_at),
            reported_at: self.reported_at.min(read.reported_at),
            said: if is_first { read.said } else { self.said.clone() },
            by_barcode: self.by_barcode,
        }
    }
}

/// What a member said about itself: the greatest version stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberFound {
    /// The hash of (lab, result id) of the pool's result that it is about.
    pub id: u64,
    /// The member.
    pub person: String,
    /// What single results found since the pool's day; unspecified while nothing.
    pub finding: Finding,
    /// Counts the changes.
    pub version: u32,
}

/// A result of a pool that leaves open what this person is, or did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingPool {
    /// The id of the row that the result has with this person.
    pub id: u64,
    /// The pool.
    pub pool: String,
    /// The laboratory of its result.
    pub lab: String,
    /// The lab's id of it.
    pub result: String,
    /// What was last reported to the pool.
    pub reported: Finding,
    /// How often that changed.
    pub version: u32,
}

/// A result of a pool that leaves open what the members of a tube are, or did, in the task of the barcode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The id of the row that the result has there.
    pub id: u64,
    /// The pool.
    pub pool: String,
    /// The laboratory of its result.
    pub lab: String,
    /// The lab's id of the result.
    pub result: String,
    /// Hash of who is in the tube, by what the result says now.
    pub members: u64,
    /// When that was first received.
    pub received_at: Timestamp,
    /// The other pool whose alert tells of the tube, as it was last said; empty while none does.
    pub told_by: String,
    /// How often that changed.
    pub version: u32,
}

/// What a pool was said of the tube of one of its results: the greatest version stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The hash of (lab, result id) of the pool's result.
    pub id: u64,
    /// The barcode of the tube: a result may name another one later.
    pub barcode: String,
    /// The other pool whose alert tells of the tube; empty while none does.
    pub by: String,
    /// Counts the changes.
    pub version: u32,
}

pub(super) fn put_pool_version(into: &mut Vec<u8>, version: &PoolVersion) {
    let mut row = Few::<STORED>::default();
    version.row.put(&mut row);
    row.append_to(into);
    put_i64(into, version.received_at.0);
    put_i64(into, version.reported_at.0);
    put_bytes(into, &version.said);
    into.push(u8::from(version.by_barcode));
}

pub(super) fn read_pool_version(reader: &mut Reader<'_>, format: u32) -> Result<PoolVersion, Corrupt> {
    let version = PoolVersion {
        row: Row::read(reader, format)?,
        received_at: Timestamp(reader.i64()?),
        reported_at: Timestamp(reader.i64()?),
        said: reader.bytes()?.to_vec(),
        by_barcode: format >= 7 && reader.u8()? != 0,
    };
    match v1::LabResult::decode(&version.said[..]) {
        Ok(_) => Ok(version),
        Err(_) => Err(corrupt("a result of a pool cannot be decoded")),
    }
}

pub(super) fn put_member_found(into: &mut Vec<u8>, found: &MemberFound) {
    put_u64(into, found.id);
    put_bytes(into, found.person.as_bytes());
    into.push(found.finding as u8);
    put_u32(into, found.version);
}

pub(super) fn read_member_found(reader: &mut Reader<'_>) -> Result<MemberFound, Corrupt> {
    Ok(MemberFound {
        id: reader.u64()?,
        person: reader.text()?.to_owned(),
        finding: finding(reader)?,
        version: reader.u32()?,
    })
}

pub(super) fn put_pending(into: &mut Vec<u8>, pending: &PendingPool) {
    put_u64(into, pending.id);
    for text in [&pending.pool, &pending.lab, &pending.result] {
        put_bytes(into, text.as_bytes());
    }
    into.push(pending.reported as u8);
    put_u32(into, pending.version);
}

pub(super) fn read_pending(reader: &mut Reader<'_>) -> Result<PendingPool, Corrupt> {
    let id = reader.u64()?;
    let mut text = || reader.text().map(str::to_owned);
    let (pool, lab, result) = (text()?, text()?, text()?);
    Ok(PendingPool { id, pool, lab, result, reported: finding(reader)?, version: reader.u32()? })
}

pub(super) fn put_claim(into: &mut Vec<u8>, claim: &Claim) {
    put_u64(into, claim.id);
    for text in [&claim.pool, &claim.lab, &claim.result, &claim.told_by] {
        put_bytes(into, text.as_bytes());
    }
    put_u64(into, claim.members);
    put_i64(into, claim.received_at.0);
    put_u32(into, claim.version);
}

pub(super) fn read_claim(reader: &mut Reader<'_>) -> Result<Claim, Corrupt> {
    let id = reader.u64()?;
    let mut text = || reader.text().map(str::to_owned);
    let (pool, lab, result, told_by) = (text()?, text()?, text()?, text()?);
    let (members, received_at) = (reader.u64()?, Timestamp(reader.i64()?));
    Ok(Claim { id, pool, lab, result, members, received_at, told_by, version: reader.u32()? })
}

pub(super) fn put_told(into: &mut Vec<u8>, told: &Told) {
    put_u64(into, told.id);
    put_bytes(into, told.barcode.as_bytes());
    put_bytes(into, told.by.as_bytes());
    put_u32(into, told.version);
}

pub(super) fn read_told(reader: &mut Reader<'_>) -> Result<Told, Corrupt> {
    let id = reader.u64()?;
    Ok(Told { id, barcode: reader.text()?.to_owned(), by: reader.text()?.to_owned(), version: reader.u32()? })
}

fn finding(reader: &mut Reader<'_>) -> Result<Finding, Corrupt> {
    Finding::try_from(i32::from(reader.u8()?)).map_err(|_| corrupt("unknown finding"))
}
