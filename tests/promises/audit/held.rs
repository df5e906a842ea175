//! Counts that were forged in the state of an area task, and what has to be done, as it is held and as it was published.

use super::{Snapshot, assert_named, head, read, snapshot};
use crate::support::broker::Stored;
use prost::Message as _;
use std::collections::BTreeMap;
use swabstream::model::record::Topic;
use swabstream::proto::v1::{AreaDuties, Duty, DutyKind, PersonDuties, StateHead};

/// Appends a commit to the newest area task that has committed, with an operation on the first area of its first page.
fn commit_forged(snapshot: &mut Snapshot, operation: &[u8]) {
    let delta = |record: &Stored| record.key.as_deref().is_some_and(|key| key.starts_with(b"d/"));
    let task = snapshot.last(Topic::AreaState, delta).partition;
    let heads = snapshot.records.iter().filter(|record| record.topic == Topic::AreaState && record.partition == task);
    let newest = heads.filter(|record| delta(record)).filter_map(head).max_by_key(|head| head.seq).expect("a delta");
    let seq = newest.seq + 1;
    let mut value = StateHead { seq, part: 0, parts: 1, ..newest }.encode_length_delimited_to_vec();
    value.extend([&[1, operation.len() as u8], operation].concat());
    let key = Some(format!("d/{}/0", seq % 16).into_bytes());
    let like = snapshot.last(Topic::AreaState, |record| record.partition == task).clone();
    snapshot.append(Stored { key, payload: Some(value), ..like });
    snapshot.cut.commits.insert((Topic::AreaState, task), seq);
    snapshot.known.insert((Topic::AreaState, task), seq);
}

/// 2022-11-15, as operations have it.
fn day() -> [u8; 3] {
    let day = 19_311_u64 * 2;
    [(day & 0x7f) as u8 | 0x80, (day >> 7 & 0x7f) as u8 | 0x80, (day >> 14) as u8]
}

#[test]
fn counts_forged_in_stored_state_are_named_although_nothing_was_published() {
    let mut snapshot = snapshot();
    // One more positive.
    commit_forged(&mut snapshot, &[&[0, 2, 0][..], &day(), &[1, 1, 2, 0]].concat());
    assert_named(&snapshot, &["area state"], "positive for");
}

#[test]
fn what_has_to_be_done_is_named_where_areas_hold_something_else() {
    let mut snapshot = snapshot();
    // One more person under management.
    commit_forged(&mut snapshot, &[&[0, 12][..], &day(), &[2, 2]].concat());
    assert_named(&snapshot, &["area duties"], "2022-11-15: ");
}

/// What is newest of each key, of a topic.
fn newest(snapshot: &Snapshot, topic: Topic) -> BTreeMap<Vec<u8>, Stored> {
    let all = snapshot.records.iter().filter(|record| record.topic == topic);
    let all: BTreeMap<Vec<u8>, Stored> =
        all.map(|record| (record.key.clone().unwrap_or_default(), record.clone())).collect();
    all.into_iter().filter(|(_, record)| record.payload.is_some()).collect()
}

fn forge(snapshot: &mut Snapshot, topic: Topic, like: &Stored, payload: Option<Vec<u8>>) {
    let is_it = |record: &Stored| record.key == like.key && record.offset == like.offset;
    snapshot.last(topic, is_it).payload = payload;
}

#[test]
fn what_is_told_of_a_person_is_recounted_to_the_last_word() {
    let whole = snapshot();
    let people = newest(&whole, Topic::PersonDuties);
    let is_test = |duty: &Duty| duty.kind() == DutyKind::TestDue;
    let changes: [fn(&mut PersonDuties); 6] = [
        |said| said.area = "D9S9".to_owned(),
        |said| drop(said.duties.pop()),
        |said| said.duties[0].record_ids[0].push('?'),
        |said| said.duties[0].policy.push('?'),
        |said| said.duties_omitted += 1,
        |said| said.duties[0].day = "2022-11-30".to_owned(),
    ];
    let has_duties = |record: &&Stored| !read::<PersonDuties>(record).duties.is_empty();
    let last = people.values().rev().find(has_duties).expect("somebody has duties");
    for change in changes {
        let mut snapshot = whole.clone();
        let mut said: PersonDuties = read(last);
        change(&mut said);
        forge(&mut snapshot, Topic::PersonDuties, last, Some(said.encode_to_vec()));
        assert_named(&snapshot, &["duties"], "somebody in ");
    }
    let is_member = |record: &&Stored| !read::<PersonDuties>(record).groups.is_empty();
    let member = people.values().find(is_member).expect("somebody is in a group");
    let changes: [fn(&mut PersonDuties); 4] = [
        |said| drop(said.groups.pop()),
        |said| said.groups[0].group.push('?'),
        |said| said.groups[0].last_day = "2022-11-30".to_owned(),
        |said| said.groups_omitted += 1,
    ];
    for change in changes {
        let mut snapshot = whole.clone();
        let mut said: PersonDuties = read(member);
        change(&mut said);
        forge(&mut snapshot, Topic::PersonDuties, member, Some(said.encode_to_vec()));
        assert_named(&snapshot, &["duties"], "somebody in ");
    }
    let tested = people.values().find(|record| read::<PersonDuties>(record).duties.iter().any(is_test));
    let tested = tested.expect("somebody is to be tested");
    let mut snapshot = whole.clone();
    let mut said: PersonDuties = read(tested);
    said.duties.iter_mut().find(|duty| is_test(duty)).expect("a test").taken ^= true;
    forge(&mut snapshot, Topic::PersonDuties, tested, Some(said.encode_to_vec()));
    assert_named(&snapshot, &["duties"], "somebody in ");
    let mut snapshot = whole.clone();
    forge(&mut snapshot, Topic::PersonDuties, last, None);
    assert_named(&snapshot, &["duties"], "groups are missing");
}

#[test]
fn what_is_told_of_an_area_is_what_its_task_holds() {
    let whole = snapshot();
    let areas = newest(&whole, Topic::AreaDuties);
    let last = areas.values().next_back().expect("some area has duties");
    let changes: [fn(&mut AreaDuties); 2] = [|said| said.managed += 1, |said| said.tests_overdue += 1];
    for change in changes {
        let mut snapshot = whole.clone();
        let mut said: AreaDuties = read(last);
        change(&mut said);
        forge(&mut snapshot, Topic::AreaDuties, last, Some(said.encode_to_vec()));
        assert_named(&snapshot, &["area duties"], "what is published is not what is held");
    }
    let mut snapshot = whole.clone();
    forge(&mut snapshot, Topic::AreaDuties, last, None);
    assert_named(&snapshot, &["area duties"], "what is published is not what is held");
}
