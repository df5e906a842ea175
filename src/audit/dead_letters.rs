//! Dead letters: every input that had to be refused lies there once, with its position, a right code, its key and its
//! bytes, and no other.
//!
//! Which of two versions in conflict came second depends on how partitions interleaved; that there was a conflict does
//! not. So each `conflict` must have a rival, and of versions that no later one has replaced a conflict must have been
//! reported.

use super::arrived::{Arrived, Usable};
use super::cut::Cut;
use super::inputs::Faults;
use super::ledger::{Heads, LastHead};
use super::report::{Check, SHOWN};
use crate::model::outcome::{RejectCode as Code, code_text, codes};
use crate::model::record::{Position, Record, Topic};
use crate::proto::v1::{LabResult, Outcome, ProcessingMode};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// A dead letter carries so much of a longer record, and says in a header how long that was.
const WHOLE_BYTES: usize = 15 * 1024 * 1024;

/// One record of `dead-letters`.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// Where it lies: the partition of the task that refused it.
    pub task: i32,
    /// Where the record lies that it is about; `None` when its headers do not say.
    pub about: Option<Position>,
    /// Its code; `None` when the header holds none.
    pub code: Option<Code>,
    /// Fingerprint of the record as it carries it.
    pub carries: u64,
    /// Whether it carries a content type.
    pub with_content_type: bool,
}

/// Key and bytes of a record in one number: dead letters and records may be too long to keep. `bytes` is how long the
/// payload was before anything was cut off it.
pub fn fingerprint(record: &Record<'_>, bytes: Option<usize>) -> u64 {
    let carried = record.payload.map(|payload| &payload[..payload.len().min(WHOLE_BYTES)]);
    let bytes = bytes.or(record.payload.map(<[u8]>::len));
    let mut hasher = DefaultHasher::new();
    (record.key.unwrap_or_default(), carried, bytes).hash(&mut hasher);
    hasher.finish()
}

impl DeadLetter {
    /// From what it carries and its headers.
    pub fn read<'a>(record: &Record<'_>, header: impl Fn(&str) -> Option<&'a [u8]>) -> Self {
        let text = |name: &str| header(name).and_then(|value| std::str::from_utf8(value).ok());
        let number = |name: &str| text(name)?.parse::<i64>().ok();
        let about = || {
            let (topic, partition) = (Topic::named(text("swabstream-topic")?)?, number("swabstream-partition")?);
            Some(Position { topic, partition: partition as i32, offset: number("swabstream-offset")? })
        };
        let code = text("swabstream-code").and_then(|text| codes().find(|code| code_text(*code) == text));
        let cut_from = number("swabstream-cut-from").map(|bytes| bytes as usize);
        let with_content_type = header("content-type").is_some();
        let carries = fingerprint(record, cut_from);
        Self { task: record.position.partition, about: about(), code, carries, with_content_type }
    }
}

/// What was read of the inputs.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// Records that cannot be used.
    pub refused: &'a BTreeMap<Position, Faults>,
    /// Usable records, and where each lies.
    pub arrived: &'a [Arrived],
    /// See `arrived`.
    pub places: &'a [Position],
    /// Marks of time. Nothing says whether one was read in history mode, where it counts, or in live work, where it is
    /// refused.
    pub marks: &'a BTreeSet<Position>,
    /// Fingerprint of every record.
    pub fingerprints: &'a BTreeMap<Position, u64>,
    /// Records that were judged otherwise than the rules and the limit of size of now would: they are where they were
    /// put then.
    pub judged_otherwise: u64,
    /// Records that an earlier version took and this one would refuse: they count, and no dead letter is about them.
    pub taken_earlier: &'a BTreeSet<Position>,
}

/// Compares dead letters with what had to be refused.
pub fn check(letters: &[DeadLetter], inputs: &Inputs<'_>, cut: &Cut) -> Check {
    let mut check = Check::new("dead letters");
    let about = by_position(letters, &mut check);
    compare_bytes(letters, inputs, &mut check);
    let letters_deleted = were_deleted(cut);
    let rivals = Rivals::of(inputs);
    let (mut conflicts, mut alone) = (0, 0);
    let inputs_deleted = has_lost_inputs(cut);
    for (place, faults) in inputs.refused {
        match about.get(place) {
            None if letters_deleted => {}
            None => check.differs(|| format!("{} is not there, must be as {}", at(place), names(faults))),
            Some(code) if faults.contains(code) => {}
            Some(code) => check
                .differs(|| format!("{} is there as {}, must be as {}", at(place), code_text(*code), names(faults))),
        }
    }
    let unexpected = about.iter().filter(|(place, _)| !inputs.refused.contains_key(*place) && !cut.is_gone(place));
    for (place, code) in unexpected {
        match code {
            Code::Conflict if rivals.has_rival(place) => conflicts += 1,
            Code::Conflict if inputs_deleted => alone += 1,
            Code::UnknownContentType | Code::Tombstone if inputs.marks.contains(place) => {}
            code => check
                .differs(|| format!("{} is there as {}, but nothing is wrong with it", at(place), code_text(*code))),
        }
    }
    if !letters_deleted {
        let is_conflict = |place: &Position| about.get(place) == Some(&Code::Conflict);
        for place in rivals.without_conflict(is_conflict) {
            check.differs(|| {
                format!("{} contradicts another version of its rank, and no conflict was reported", at(&place))
            });
        }
    }
    check.limited = limits(letters_deleted, alone, inputs);
    let (refused, set_aside) = (inputs.refused.len(), letters.len());
    check.compared(match conflicts {
        0 => format!("{refused} records had to be refused, {set_aside} were set aside"),
        _ => format!(
            "{refused} records had to be refused by themselves, {conflicts} more contradict another version of their \
             rank (conflict), {set_aside} were set aside"
        ),
    })
}

fn limits(letters_deleted: bool, alone: u64, inputs: &Inputs<'_>) -> Option<String> {
    let alone = (alone > 0).then(|| format!("{alone} contradict a version that may have been deleted by retention"));
    let deleted = letters_deleted.then(|| "some dead letters were deleted by retention".to_owned());
    let others = inputs.judged_otherwise;
    let judged =
        (others > 0).then(|| format!("{others} were judged by rules, a limit of size or a version no longer in force"));
    let limits: Vec<String> =
        [deleted.or(judged), alone, taken_earlier(inputs.taken_earlier)].into_iter().flatten().collect();
    (!limits.is_empty()).then(|| limits.join("; "))
}

/// Names what an earlier version took.
fn taken_earlier(taken: &BTreeSet<Position>) -> Option<String> {
    let named: Vec<String> = taken.iter().take(SHOWN).map(at).collect();
    let more = match taken.len() - named.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!taken.is_empty()).then(|| {
        format!(
            "{} were taken by an earlier version that did not refuse their ids or years, and count: {}{more}",
            taken.len(),
            named.join(", ")
        )
    })
}

/// Whether a record that another one contradicts may be gone.
fn has_lost_inputs(cut: &Cut) -> bool {
    cut.first.iter().any(|((topic, _), first)| topic.moves_time() && *first > 0)
}

/// Whether dead letters are gone: then a record without one may have had one.
pub fn were_deleted(cut: &Cut) -> bool {
    cut.first.iter().any(|((topic, _), first)| *topic == Topic::DeadLetters && *first > 0)
}

/// The rejections each task has booked are the dead letters it wrote.
pub fn booked(letters: &[DeadLetter], heads: &Heads, cut: &Cut, person_tasks: i32) -> Check {
    let mut check = Check::new("rejections");
    if were_deleted(cut) {
        check.limited = Some("some dead letters were deleted by retention".to_owned());
        return check;
    }
    let mut booked: BTreeMap<(i32, Code), u64> = BTreeMap::new();
    for ((changelog, task), LastHead { task: head, .. }) in heads {
        // An area task writes into the partition of its number, as far as there is one.
        let partition = if *changelog == Topic::PersonState { *task } else { task % person_tasks };
        for outcome in head.outcomes.iter().filter(|outcome| outcome.outcome() == Outcome::Rejected) {
            *booked.entry((partition, outcome.code())).or_default() += outcome.records;
        }
    }
    let mut written: BTreeMap<(i32, Code), u64> = BTreeMap::new();
    for letter in letters {
        *written.entry((letter.task, letter.code.unwrap_or_default())).or_default() += 1;
    }
    let all: BTreeSet<_> = booked.keys().chain(written.keys()).copied().collect();
    for key in &all {
        let (books, topic) = (booked.get(key).unwrap_or(&0), written.get(key).unwrap_or(&0));
        check.require(books == topic, || {
            format!("partition {}, {}: {books} booked, {topic} written", key.0, code_text(key.1))
        });
    }
    check.compared(format!("{} booked = {} written", booked.values().sum::<u64>(), letters.len()))
}

fn by_position(letters: &[DeadLetter], check: &mut Check) -> BTreeMap<Position, Code> {
    let mut all = BTreeMap::new();
    for letter in letters {
        let (Some(about), Some(code)) = (letter.about, letter.code) else {
            check.differs(|| {
                format!("a dead letter in partition {} does not say of which record, or no known code", letter.task)
            });
            continue;
        };
        let again = all.insert(about, code).is_some();
        check.require(!again, || format!("{} was set aside twice", at(&about)));
    }
    all
}

/// Each dead letter carries the record it names, as far as that is still there.
fn compare_bytes(letters: &[DeadLetter], inputs: &Inputs<'_>, check: &mut Check) {
    for letter in letters {
        let named = letter.about.and_then(|place| Some((place, inputs.fingerprints.get(&place)?)));
        if let Some((place, _)) = named.filter(|(_, record)| **record != letter.carries) {
            check.differs(|| format!("{} is there, but its key or bytes are not those of the record", at(&place)));
        }
    }
}

fn at(place: &Position) -> String {
    format!("{} [{}] {}", place.topic.name(), place.partition, place.offset)
}

fn names(faults: &Faults) -> String {
    faults.iter().map(|code| code_text(*code)).collect::<Vec<_>>().join(" or ")
}

/// Stand in the place of a lab: no lab's id is empty, or has a control character.
const OF_A_CONTACT: &str = "";
const OF_A_GROUP: &str = "\0";

/// What a version is one of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Identity<'a> {
    /// Of a contact record or a record of a group one that is no lab's.
    lab: &'a str,
    /// Of the result or the record.
    id: &'a str,
    person: &'a str,
}

/// Versions of one rank contradict each other where they say different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    revision: u32,
    status: i32,
}

/// Versions of the last word on something that contradict each other.
struct Contested {
    places: Vec<Position>,
    /// So many of them must have been set aside as conflicts.
    least_conflicts: usize,
}

/// Versions that say different things at one revision and status.
struct Rivals {
    with_rival: BTreeSet<Position>,
    last_words: Vec<Contested>,
}

impl Rivals {
    fn of(inputs: &Inputs<'_>) -> Self {
        let mut groups: BTreeMap<Identity<'_>, BTreeMap<Rank, Vec<(u64, Position)>>> = BTreeMap::new();
        let mut moved: BTreeMap<Identity<'_>, u32> = BTreeMap::new();
        for (arrived, place) in inputs.arrived.iter().zip(inputs.places) {
            let (identity, rank) = match &arrived.record {
                Usable::Result(result) if result.mode() == ProcessingMode::Training => continue,
                Usable::Result(result) => {
                    let LabResult { lab_id: lab, result_id: id, revision, status, .. } = result;
                    if result.previous_person_id != result.person_id {
                        let of_previous = Identity { lab, id, person: &result.previous_person_id };
                        let newest = moved.entry(of_previous).or_default();
                        *newest = (*revision).max(*newest);
                    }
                    let rank = Rank { revision: *revision, status: *status };
                    // A pool stands in the place of a person.
                    let person = result.pool.as_ref().map_or(&result.person_id, |pool| &pool.pool_id);
                    (Identity { lab, id, person }, rank)
                }
                Usable::Contact(contact) => {
                    let rank = Rank { revision: contact.revision, status: contact.status };
                    (Identity { lab: OF_A_CONTACT, id: &contact.record_id, person: &contact.person_id }, rank)
                }
                Usable::Group(group) => {
                    let rank = Rank { revision: group.revision, status: group.status };
                    (Identity { lab: OF_A_GROUP, id: &group.record_id, person: &group.person_id }, rank)
                }
            };
            groups.entry(identity).or_default().entry(rank).or_default().push((arrived.content, *place));
        }
        let mut rivals = Self { with_rival: BTreeSet::new(), last_words: Vec::new() };
        for (identity, ranks) in groups {
            // Moved away outranks all else of its revision: then there may be nobody left to contradict.
            let moved_at = moved.get(&identity).copied();
            let last = ranks.last_key_value().map(|(rank, _)| *rank);
            for (rank, versions) in ranks {
                let meanings: BTreeSet<u64> = versions.iter().map(|(content, _)| *content).collect();
                if meanings.len() < 2 {
                    continue;
                }
                let places: Vec<Position> = versions.iter().map(|(_, place)| *place).collect();
                rivals.with_rival.extend(&places);
                if Some(rank) == last && moved_at.is_none_or(|moved_at| moved_at < rank.revision) {
                    rivals.last_words.push(Contested { places, least_conflicts: meanings.len() - 1 });
                }
            }
        }
        rivals
    }

    fn has_rival(&self, place: &Position) -> bool {
        self.with_rival.contains(place)
    }

    /// Of each last word without as many conflicts as there must be, one position.
    fn without_conflict(&self, is_conflict: impl Fn(&Position) -> bool) -> Vec<Position> {
        let conflicts = |contested: &Contested| contested.places.iter().filter(|place| is_conflict(place)).count();
        let missing = self.last_words.iter().filter(|contested| conflicts(contested) < contested.least_conflicts);
        missing.filter_map(|contested| contested.places.last().copied()).collect()
    }
}
