use super::*;
use crate::model::group::GroupStatus;
use crate::model::time::{Day, Timestamp};
use crate::state::changelog::FORMAT;
use crate::state::person::duties::Where;
use crate::state::person::row::{Row, Standing, Version};

fn version(id: u64, content: u32) -> PositiveVersion {
    let (specimen_id, target) = ("s".into(), "t".into());
    PositiveVersion { id, content, received_at: Timestamp(3), specimen_id, target, ..PositiveVersion::default() }
}

fn contact(record_id: &str, other: &str) -> Contact {
    Contact {
        record_id: record_id.into(),
        other: other.into(),
        revision: 3,
        status: v1::ContactStatus::Active,
        content: 9,
        kind: v1::ContactKind::Close,
        start: Timestamp(5),
        end: Timestamp(6),
        order: Some((Timestamp(7), Timestamp(8))),
        target: "influenza-a".into(),
        received_at: Timestamp(10),
    }
}

fn traced(record_id: &str, other: &str) -> Traced {
    Traced { contact: contact(record_id, other), left: true, reported: true, reported_version: 7, frozen: true }
}

fn found(record_id: &str, index: &str, version: u32) -> IndexFound {
    IndexFound { record_id: record_id.into(), index: index.into(), positive: true, version }
}

fn alert(id: &str, traced: impl Iterator<Item = u32>) -> Edit {
    let one = |number: u32| v1::MatchedContact { record_id: format!("C{number:03}"), ..Default::default() };
    let cause = v1::Cause { record_id: "R".into(), ..Default::default() };
    let (to_trace, causes) = (traced.map(one).collect(), vec![cause]);
    let positives = vec![positive(1), positive(2)];
    Edit::Alert(Box::new(v1::Alert { alert_id: id.into(), to_trace, causes, positives, ..Default::default() }))
}

fn positive(number: u32) -> v1::PositiveResult {
    v1::PositiveResult { result_id: format!("R{number:03}"), kit: "K".repeat(100), ..Default::default() }
}

fn pooled(id: u64) -> PoolVersion {
    let row = Row::new(Version { id, standing: Standing::Final, ..Version::default() });
    let said = v1::LabResult { lab_id: "l".into(), ..Default::default() }.encode_to_vec();
    PoolVersion { row, received_at: Timestamp(4), reported_at: Timestamp(3), said, by_barcode: true }
}

fn member(version: u32) -> MemberFound {
    MemberFound { id: 1, person: "p".into(), finding: v1::Finding::Negative, version }
}

fn pending(version: u32) -> PendingPool {
    let [pool, lab, result] = ["t", "l", "r"].map(String::from);
    PendingPool { id: 7, pool, lab, result, reported: v1::Finding::Positive, version }
}

fn claim(version: u32) -> Claim {
    let [pool, lab, result, told_by] = ["t", "l", "r", "u"].map(String::from);
    Claim { id: 7, pool, lab, result, members: 5, received_at: Timestamp(4), told_by, version }
}

fn membership(revision: u32) -> Membership {
    Membership {
        record_id: "g1".into(),
        revision,
        status: GroupStatus::Active,
        content: 9,
        group: "arrivals".into(),
        area: String::new(),
        first: Day(19_300),
        last: None,
        received_at: Timestamp(10),
        last_received_at: Timestamp(10 + i64::from(revision)),
    }
}

fn all() -> Vec<Edit> {
    vec![
        Edit::Positive(version(2, 1)),
        Edit::Positive(version(1, 2)),
        Edit::Contact(contact("c2", "p")),
        Edit::Contact(contact("c1", "p")),
        Edit::Contact(Contact { order: None, ..contact("c2", "q") }),
        Edit::Traced(traced("c", "q")),
        Edit::Traced(traced("c", "p")),
        Edit::Found(found("c", "i", 1)),
        Edit::Found(found("c", "i", 2)),
        alert("b", 0..90),
        alert("a", 0..1),
        alert("b", 1..91),
        Edit::Pool(pooled(1)),
        Edit::Pool(pooled(2)),
        Edit::Member(member(1)),
        Edit::Member(member(2)),
        Edit::Pending(pending(1)),
        Edit::Pending(pending(2)),
        Edit::Claim(claim(1)),
        Edit::Claim(claim(2)),
        Edit::Told(Told { id: 1, barcode: "s".into(), by: "u".into(), version: 1 }),
        Edit::Duties(HeldDuties::of(1, &Where::default(), &[])),
        Edit::Duties(HeldDuties::of(2, &Where::default(), &[])),
        Edit::Membership(membership(1)),
        Edit::Membership(membership(2)),
        Edit::Drop(List::Groups, 0),
        Edit::Drop(List::Duties, 0),
        Edit::Drop(List::Pool, 1),
        Edit::Drop(List::Members, 0),
        Edit::Drop(List::Pending, 0),
        Edit::Drop(List::Positives, 1),
        Edit::Drop(List::Contacts, 0),
        Edit::Drop(List::Traced, 1),
        Edit::Drop(List::Alerts, 0),
        Edit::Drop(List::Found, 0),
    ]
}

#[test]
fn repeated_changes_make_the_same_case_file_and_cut_ones_are_refused() {
    let (mut live, mut again) = (CaseFile::of("p1"), CaseFile::of("p1"));
    for mut edit in all() {
        let mut bytes = Vec::new();
        edit.write(&live, &mut bytes);
        for length in 0..bytes.len() {
            let read = Edit::read(&mut Reader::new(&bytes[..length]), &again, FORMAT);
            assert!(read.is_err(), "{edit:?} cut to {length}");
        }
        let mut reader = Reader::new(&bytes);
        let read = Edit::read(&mut reader, &again, FORMAT);
        assert_eq!((read.as_ref(), reader.finish()), (Ok(&edit), Ok(())));
        again.apply(read.expect("it was read"));
        assert!(edit.alters(&live));
        live.apply(edit.clone());
        assert!(!edit.alters(&live) || matches!(edit, Edit::Drop(..)));
        assert_eq!(live, again);
    }
    let left = |file: &CaseFile| {
        use List::{Alerts, Contacts, Found, Members, Pending, Pool, Positives, Traced};
        let lists = [Positives, Contacts, Traced, Found, Alerts, Pool, Members, Pending];
        lists.map(|list| file.len(list))
    };
    assert_eq!(left(&live), [1, 1, 1, 0, 1, 1, 0, 0]);
    assert_eq!((live.positives[0].id, &*live.contacts[0].other, live.alerts[0].id()), (1, "q", &b"b"[..]));
}

#[test]
fn an_alert_is_logged_as_what_changed_in_it() {
    let mut file = CaseFile::of("p1");
    let mut logged = |mut edit: Edit| {
        let mut bytes = Vec::new();
        edit.write(&file, &mut bytes);
        file.apply(edit);
        bytes.len()
    };
    let whole = logged(alert("a", 0..1000));
    assert!(whole > 6_000);
    assert!(logged(alert("a", 0..1001)) < 50);
    assert!(logged(alert("a", 1..1001)) < 50);
    assert!(logged(alert("a", (1..500).chain(503..1100))) < 1_300, "100 are new");
}

#[test]
fn of_the_positives_of_an_alert_only_those_are_logged_that_are_new() {
    let mut file = CaseFile::of("p1");
    let mut logged = |count: u32| {
        let (alert_id, positives) = ("a".into(), (0..count).map(positive).collect());
        let mut edit = Edit::Alert(Box::new(v1::Alert { alert_id, positives, ..Default::default() }));
        let mut bytes = Vec::new();
        edit.write(&file, &mut bytes);
        assert_eq!(Edit::read(&mut Reader::new(&bytes), &file, FORMAT).as_ref(), Ok(&edit));
        file.apply(edit);
        bytes.len()
    };
    assert!(logged(49) > 49 * 100);
    assert!(logged(50) < 200);
    assert!(logged(50) < 50);
}

#[test]
fn an_alert_of_the_format_before_is_read_as_it_was_written() {
    let mut bytes = vec![List::Alerts as u8];
    put_bytes(&mut bytes, &v1::Alert { alert_id: "a".into(), version: 3, ..Default::default() }.encode_to_vec());
    bytes.extend([0, 0, 0]); // three lists, none of which has changed
    let mut reader = Reader::new(&bytes);
    let Ok(Edit::Alert(read)) = Edit::read(&mut reader, &CaseFile::of("p1"), 2) else { panic!("an alert") };
    assert_eq!((read.version, reader.finish()), (3, Ok(())));
    assert!(Edit::read(&mut Reader::new(&bytes), &CaseFile::of("p1"), FORMAT).is_err(), "a list is missing");
}

#[test]
fn what_is_dropped_must_be_there() {
    let bytes = [List::Contacts as u8 | DROP, 0];
    assert!(Edit::read(&mut Reader::new(&bytes), &CaseFile::of("p"), FORMAT).is_err());
}
