//! What pools' results had said to their members at the cut.
//!
//! A pool's task tells its members of a version once, when it comes to stand: not of one that is outdated already, nor of
//! another copy. So whoever is yet to hear of a version goes by the one they were told of last, whatever else has arrived.
//!
//! In: messages between people's tasks, read and not read. Out: which records a member goes by.

use crate::audit::arrived::{Arrived, Hearer};
use crate::audit::cut::{Cut, place};
use crate::model::record::{Position, Record, Topic};
use crate::model::time::Timestamp;
use crate::proto::v1::person_event::Event;
use crate::proto::v1::{LabResult, PersonEvent};
use prost::Message as _;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// Which versions of pools' results their members, and the tasks of their tubes' barcodes, had been told of.
#[derive(Clone, Debug, Default)]
pub struct Tellings {
    /// The record of the version that somebody was told of last, by a hash of who and of which result. All that were told
    /// are here, to be asked for the few that wait: names of all of them would take more than the results.
    told: HashMap<u64, Position>,
    /// Who is yet to be told more, and in which partition that lies, by lab and its id of the result.
    awaiting: BTreeMap<(String, String), BTreeMap<Hearer, i32>>,
    /// Time of the first message left in each partition.
    first_left: BTreeMap<i32, Timestamp>,
}

impl Tellings {
    /// Notes that there is a message: each partition's come in their order.
    pub fn note(&mut self, message: &Record<'_>) {
        self.first_left.entry(message.position.partition).or_insert(message.received_at);
    }

    /// Takes a message that was read.
    pub fn told(&mut self, message: &Record<'_>) {
        let Ok(PersonEvent { origin, event: Some(event), .. }) =
            PersonEvent::decode(message.payload.unwrap_or_default())
        else {
            return;
        };
        let (Some(place), Some((hearer, result))) = (origin.as_ref().and_then(place), said(message, &event)) else {
            return;
        };
        self.told.insert(told_of(&hearer, result), place);
    }

    /// Takes a message that was not read.
    pub fn await_telling(&mut self, message: &Record<'_>, event: &Event) {
        let Some((hearer, (lab, result))) = said(message, event) else { return };
        let of_result = self.awaiting.entry((lab.to_owned(), result.to_owned())).or_default();
        of_result.insert(hearer, message.position.partition);
    }

    /// Who goes by another version of a pool's result than this record's, or by none: they are yet to be told more.
    pub fn unheard_by(&self, result: &LabResult, arrived: &Arrived, at: &Position, cut: &Cut) -> BTreeSet<Hearer> {
        let waiting = self.awaiting.get(&(result.lab_id.clone(), result.result_id.clone()));
        let goes_by_it = |hearer: &Hearer, partition: i32| {
            match self.told.get(&told_of(hearer, (&result.lab_id, &result.result_id))) {
                Some(last) => last == at,
                // What they were told of last, if anything, is deleted.
                None => {
                    let some_are_deleted =
                        cut.first.get(&(Topic::PersonEvents, partition)).is_some_and(|first| *first > 0);
                    some_are_deleted && self.first_left.get(&partition).is_some_and(|first| arrived.at < *first)
                }
            }
        };
        let others = waiting.into_iter().flatten().filter(|(hearer, partition)| !goes_by_it(hearer, **partition));
        others.map(|(hearer, _)| hearer.clone()).collect()
    }
}

/// Who is told of which result of a pool, by lab and its id, if it is that that a message says.
fn said<'e>(message: &Record<'_>, event: &'e Event) -> Option<(Hearer, (&'e str, &'e str))> {
    let key = || String::from_utf8_lossy(message.key.unwrap_or_default()).into_owned();
    match event {
        Event::PoolFinding(said) => Some((Hearer::Member(key()), (&said.lab_id, &said.result_id))),
        Event::TubeFinding(said) => Some((Hearer::Tube(key()), (&said.lab_id, &said.result_id))),
        _ => None,
    }
}

fn told_of(hearer: &Hearer, result: (&str, &str)) -> u64 {
    let mut hasher = DefaultHasher::new();
    (hearer, result).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::arrived::Usable;
    use crate::proto::v1::{Origin, PoolFinding};

    const LAID: Position = Position { topic: Topic::LabResults, partition: 0, offset: 1 };

    fn message(offset: i64, at: i64, of: i64) -> (Vec<u8>, Position, Timestamp) {
        let origin = Some(Origin { topic: Topic::LabResults.name().to_owned(), offset: of, ..Origin::default() });
        let said = PoolFinding { lab_id: "L".to_owned(), result_id: "R".to_owned(), ..PoolFinding::default() };
        let event = PersonEvent { origin, event: Some(Event::PoolFinding(said)), ..PersonEvent::default() };
        (event.encode_to_vec(), Position { topic: Topic::PersonEvents, partition: 0, offset }, Timestamp(at))
    }

    /// Who goes by another version than the record at [`LAID`], received at `at`: somebody was told of some records and
    /// waits for another message.
    fn unheard(told: &[i64], at: i64, first_left: i64) -> bool {
        let mut members = Tellings::default();
        for (offset, of) in (first_left..).zip(told) {
            let (payload, position, received_at) = message(offset, 100, *of);
            let record = Record { position, received_at, key: Some(b"P"), payload: Some(&payload), content_type: None };
            members.note(&record);
            members.told(&record);
        }
        let (_, position, received_at) = message(0, 0, 0);
        let left = Record { position, received_at, key: Some(b"P"), payload: None, content_type: None };
        let said = PoolFinding { lab_id: "L".to_owned(), result_id: "R".to_owned(), ..PoolFinding::default() };
        members.await_telling(&left, &Event::PoolFinding(said));
        members.first_left.entry(0).or_insert(Timestamp(100));
        let result = LabResult { lab_id: "L".to_owned(), result_id: "R".to_owned(), ..LabResult::default() };
        let record = Usable::Result(result.clone());
        let arrived = Arrived {
            at: Timestamp(at),
            record,
            content: 0,
            move_in_flight: false,
            unheard_by: BTreeSet::new(),
            by_pool: false,
        };
        let cut = Cut { first: BTreeMap::from([((Topic::PersonEvents, 0), first_left)]), ..Cut::default() };
        members.unheard_by(&result, &arrived, &LAID, &cut).contains(&Hearer::Member("P".to_owned()))
    }

    #[test]
    fn a_member_who_waits_goes_by_what_they_were_told_of_last() {
        assert!(!unheard(&[0, 1], 50, 0), "told of it last");
        assert!(unheard(&[1, 0], 50, 0) && unheard(&[0], 50, 0), "told of another one last");
        assert!(unheard(&[], 50, 0), "told of none");
        assert!(!unheard(&[], 50, 7), "told of it by a message that is deleted");
        assert!(unheard(&[], 150, 7), "that came after all that is deleted");
    }
}
