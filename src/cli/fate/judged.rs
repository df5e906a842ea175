//! What became of each record of a result: a function of all of them, and of what was set aside.

use super::found::Found;
use super::records::Version;
use crate::model::record::Position;
use crate::proto::v1::ResultStatus;

/// What became of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Its task has not come to it.
    Waits,
    /// It could not be used.
    SetAside,
    /// A drill: read, counted, without effect.
    Drill,
    /// An earlier record means the same.
    CopyOf(Position),
    /// It stands.
    Stands,
    /// It stood until this later version came.
    ReplacedBy(Position),
    /// It came after this later version.
    Outdated(Position),
}

/// What became of each of the records, in their order.
pub(super) fn fates(found: &Found) -> Vec<Fate> {
    found.versions.iter().enumerate().map(|(at, version)| fate(found, at, version)).collect()
}

/// What stands of the result, of each person or pool that it is or was of.
pub(super) fn standing(found: &Found) -> Vec<&Version> {
    greatest(found, &found.versions)
}

/// Of the results that replace it, one that stands.
pub(super) fn replacement(found: &Found) -> Option<&Version> {
    let replaces = |version: &&Version| {
        version.result.replaces_result_id == found.wanted.result
            && version.result.status() != ResultStatus::EnteredInError
    };
    greatest(found, &found.replacing).into_iter().find(replaces)
}

/// Of the versions that were taken the greatest, of each result and of each person or pool that it is or was of.
fn greatest<'f>(found: &Found, versions: &'f [Version]) -> Vec<&'f Version> {
    let is_same = |one: &Version, other: &Version| {
        one.result.result_id == other.result.result_id && one.subject() == other.subject()
    };
    let mut greatest: Vec<&Version> = Vec::new();
    for version in versions.iter().filter(|version| is_taken(found, version)) {
        match greatest.iter_mut().find(|known| is_same(known, version)) {
            Some(known) if known.rank() >= version.rank() => {}
            Some(known) => *known = version,
            None => greatest.push(version),
        }
    }
    greatest
}

/// The version by which a result was moved to somebody else, if what stands of one person was.
pub(super) fn moved_by<'f>(found: &'f Found, version: &Version) -> Option<&'f Version> {
    let subject = version.subject();
    standing(found).into_iter().find(|other| other.result.previous_person_id == subject && other.subject() != subject)
}

/// Whether a record is among the versions of which one stands.
fn is_taken(found: &Found, version: &Version) -> bool {
    !found.is_refused(version) && !version.is_drill && is_read(found, version)
}

fn is_read(found: &Found, version: &Version) -> bool {
    let until = found.read_until.get(&(version.place.topic, version.place.partition));
    until.is_some_and(|until| version.place.offset < *until)
}

fn fate(found: &Found, at: usize, version: &Version) -> Fate {
    if found.is_refused(version) {
        return Fate::SetAside;
    }
    if !is_read(found, version) {
        return Fate::Waits;
    }
    if version.is_drill {
        return Fate::Drill;
    }
    let is_same = |other: &&Version| other.subject() == version.subject() && is_taken(found, other);
    let earlier = || found.versions[..at].iter().filter(is_same);
    if let Some(copied) = earlier().find(|other| other.content == version.content) {
        return Fate::CopyOf(copied.place);
    }
    let later = || found.versions[at + 1..].iter().filter(is_same);
    let greater = |other: &&Version| other.rank() > version.rank();
    if let Some(before) = earlier().filter(greater).max_by_key(|other| other.rank()) {
        return Fate::Outdated(before.place);
    }
    later().find(greater).map_or(Fate::Stands, |other| Fate::ReplacedBy(other.place))
}
