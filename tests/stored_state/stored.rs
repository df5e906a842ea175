//! What earlier versions stored, as files: `state-format-N.bin` is what format N made of the first part of the history.
//!
//! Before the format changes, the version that is about to be left writes its file:
//! `SWABSTREAM_WRITE_FIXTURE=1 cargo test --test stored_state`.

use crate::history::{Step, first_part, last_part, second_part};
use crate::site::{Kept, LAYOUT, Site, Stored};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use swabstream::audit;
use swabstream::model::contact::ContactStatus;
use swabstream::model::record::Topic;
use swabstream::model::time::Timestamp;
use swabstream::pipeline::person::PersonHalf;
use swabstream::policy::Rules;
use swabstream::policy::sample::sample_rules;
use swabstream::proto::v1::{AlertFamily, GroupStatus, PersonGroup, Severity, TaskHead};
use swabstream::runtime::log::{CommitMark, Committed};
use swabstream::state::area::AreaState;
use swabstream::state::area::duties::Duties;
use swabstream::state::area::series::{Series, TierOrigin};
use swabstream::state::changelog::FORMAT;
use swabstream::state::codec::{Reader, put_bytes, put_i64, put_u32};
use swabstream::state::person::case_file::{CaseFile, PositiveVersion};
use swabstream::state::person::held_alert::HeldAlert;
use swabstream::state::person::row::{Row, Standing, Version};
use swabstream::state::person::{PersonState, Slot};

/// The rules a state was derived by, and what was stored of it.
#[derive(PartialEq)]
struct Fixture {
    rules: Vec<(String, Vec<u8>)>,
    stored: Stored,
}

/// Formats that releases wrote, but for the one that this version writes.
const EARLIER: [u32; 5] = [1, 2, 3, 5, 6];

fn path(format: u32) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/state-format-{format}.bin"))
}

impl Fixture {
    fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let into = &mut bytes;
        put_u32(into, self.rules.len() as u32);
        for (key, value) in &self.rules {
            put_bytes(into, key.as_bytes());
            put_bytes(into, value);
        }
        put_u32(into, self.stored.len() as u32);
        for ((changelog, task), (records, committed)) in &self.stored {
            put_bytes(into, changelog.name().as_bytes());
            put_u32(into, *task as u32);
            put_bytes(into, committed.mark.expect("it committed").to_text().as_bytes());
            put_u32(into, committed.next.len() as u32);
            for (topic, next) in &committed.next {
                put_bytes(into, topic.name().as_bytes());
                put_i64(into, *next);
            }
            put_u32(into, records.len() as u32);
            for record in records {
                put_bytes(into, &record.key);
                put_bytes(into, record.payload.as_deref().expect("changelogs have no tombstones"));
            }
        }
        bytes
    }

    fn read(bytes: &[u8]) -> Self {
        let mut from = Reader::new(bytes);
        let rules = (0..number(&mut from)).map(|_| (text(&mut from), from.bytes().expect("a rule").to_vec())).collect();
        let mut stored = Stored::new();
        for _ in 0..number(&mut from) {
            let changelog = topic(&mut from);
            let task = number(&mut from) as i32;
            let mark = CommitMark::parse(&text(&mut from));
            let next = (0..number(&mut from)).map(|_| (topic(&mut from), from.i64().expect("an offset"))).collect();
            let kept = |from: &mut Reader<'_>| {
                Kept::new(from.bytes().expect("a key").to_vec(), from.bytes().expect("a value").to_vec())
            };
            let records = (0..number(&mut from)).map(|_| kept(&mut from)).collect();
            stored.insert((changelog, task), (records, Committed { next, begin: Vec::new(), mark }));
        }
        from.finish().expect("nothing is left");
        Self { rules, stored }
    }
}

fn number(from: &mut Reader<'_>) -> u32 {
    from.u32().expect("a number")
}

fn text(from: &mut Reader<'_>) -> String {
    from.text().expect("a text").to_owned()
}

fn topic(from: &mut Reader<'_>) -> Topic {
    Topic::named(from.text().expect("a text")).expect("a topic")
}

#[test]
fn what_this_version_stores_makes_a_fixture() {
    let rules = Arc::new(sample_rules());
    let mut site = Site::fresh(&rules);
    site.live(&first_part());
    let fixture = Fixture { rules: rules.to_records(), stored: site.stored() };
    let bytes = fixture.write();
    assert!(Fixture::read(&bytes) == fixture);
    if std::env::var_os("SWABSTREAM_WRITE_FIXTURE").is_some() {
        std::fs::write(path(FORMAT), bytes).expect("the folder of fixtures");
    }
}

/// Rows and case file.
type Person = (Vec<Row>, CaseFile);

/// What is held, without what earlier formats did not hold. Of 3: when a contact record was received, how much was
/// known of a day when it was closed, and what has to be done, which is found anew and counts in nobody's area too.
/// Of 1: the rank that a copy of a contact record has with its contact (a copy that was left looked like one that was
/// withdrawn), and the input record behind a change of tier. Of 1 and 2: what was measured of a positive, which an
/// alert says as soon as it says anything again, and what was said of a result that was moved away. Whether a change of
/// tier was news stays as it was said.
fn meaning(site: &Site) -> (Vec<Person>, Vec<Series>, Vec<Vec<String>>) {
    let common = |state: &AreaState| vec![format!("{:?} {:?}", state.now(), state.published()), state.digest().into()];
    let areas = site.areas();
    let series = areas.iter().flat_map(AreaState::all).filter(|(_, series)| !series.code.is_empty());
    let series = series.map(|(_, series)| without_what_was_said(series));
    (people(site), series.collect(), areas.iter().map(common).collect())
}

/// Where missed tests are told of, as far as they are: an earlier version named no area.
fn areas_of_missed(site: &Site) -> Vec<String> {
    let of_state = |state: &PersonState| -> Vec<String> {
        let files = state.with_case_files().filter_map(|slot| state.case_file(slot));
        let alerts = files.flat_map(|file| &file.alerts).map(HeldAlert::message);
        let missed = alerts.filter(|alert| alert.family() == AlertFamily::ContactOverdue);
        missed.map(|alert| format!("{} {} {}", alert.alert_id, alert.state, alert.area)).collect()
    };
    let mut all: Vec<String> = site.people().iter().flat_map(of_state).collect();
    all.sort();
    all
}

fn without_what_was_said(series: &Series) -> Series {
    let (causes, at_close, duties) = (BTreeMap::new(), BTreeMap::new(), Duties::default());
    let mut series = Series { causes, at_close, duties, ..series.clone() };
    for alert in series.alerts.values_mut() {
        let severity = Severity::try_from(i32::from(alert.severity)).expect("one of the contract's");
        assert!(alert.historic == (severity == Severity::Info), "what is not news is info, by the sample's policies");
        (alert.historic, alert.severity) = (false, 0);
        alert.causes.iter_mut().for_each(|cause| cause.origin = TierOrigin::None);
    }
    series
}

fn people(site: &Site) -> Vec<Person> {
    let of_person = |(state, slot): (&PersonState, Slot)| {
        let mut file = CaseFile { duties: None, ..state.case_file(slot).cloned().unwrap_or_default() };
        for traced in &mut file.traced {
            if !traced.holds() {
                traced.contact.status = ContactStatus::Withdrawn;
            }
            (traced.contact.content, traced.left) = (0, false);
        }
        file.contacts.iter_mut().for_each(|contact| contact.received_at = Timestamp::default());
        for positive in &mut file.positives {
            let PositiveVersion { id, content, received_at, .. } = *positive;
            let texts = [&mut positive.specimen_id, &mut positive.target].map(std::mem::take);
            let [specimen_id, target] = texts;
            *positive = PositiveVersion { id, content, received_at, specimen_id, target, ..PositiveVersion::default() };
        }
        for held in &mut file.alerts {
            let mut alert = held.message();
            (alert.version, alert.causes, alert.positives) = (0, Vec::new(), Vec::new());
            if alert.family() == AlertFamily::ContactOverdue {
                alert.area.clear();
            }
            *held = HeldAlert::of(alert);
        }
        (state.rows(slot).iter().map(without_what_was_moved).collect(), file)
    };
    let people = site.people();
    let slots =
        people.iter().flat_map(|state| (0..state.slots()).filter_map(move |slot| Some((state, state.taken(slot)?))));
    slots.map(of_person).collect()
}

fn without_what_was_moved(row: &Row) -> Row {
    match row.standing() {
        Standing::Moved => {
            let (id, minute, revision) = (row.id(), row.minute(), row.revision());
            Row::new(Version { id, minute, revision, standing: Standing::Moved, ..Version::default() })
        }
        _ => *row,
    }
}

/// What a version with this format stored.
fn fixture(format: u32) -> Fixture {
    Fixture::read(&std::fs::read(path(format)).expect("a fixture"))
}

/// As it was stored, and without images; with the rules it was made by.
fn in_two_forms(fixture: Fixture) -> [(Arc<Rules>, Stored); 2] {
    let rules = Arc::new(Rules::from_records(&fixture.rules).expect("rules"));
    let deltas = deltas_alone(&fixture.stored);
    [(rules.clone(), fixture.stored), (rules, deltas)]
}

/// The same, without images: every operation is repeated.
fn deltas_alone(stored: &Stored) -> Stored {
    let mut deltas = stored.clone();
    deltas.values_mut().for_each(|(records, _)| records.retain(|record| record.key.starts_with(b"d/")));
    deltas
}

#[test]
fn what_an_earlier_version_stored_goes_on_as_if_this_one_had_written_it() {
    for (rules, stored) in EARLIER.into_iter().map(fixture).flat_map(in_two_forms) {
        let mut live = Site::fresh(&rules);
        live.live(&first_part());
        let mut restored = Site::restored(&rules, &stored);
        assert!(meaning(&restored) == meaning(&live), "as it was stored");
        live.live(&second_part());
        restored.live(&second_part());
        assert!(meaning(&restored) == meaning(&live), "after a while");
        for (held, must) in areas_of_missed(&restored).iter().zip(areas_of_missed(&live)) {
            // What was told before names no area, until its person is looked at again.
            assert!(*held == must || held.ends_with(' ') && must.starts_with(held.as_str()), "{held}, {must}");
        }
        // From now on the older format is followed by this one.
        let again = Site::restored(&rules, &restored.stored());
        assert!(again.images() == restored.images(), "restored again");
        restored = again;
        live.live(&last_part());
        restored.live(&last_part());
        assert!(meaning(&restored) == meaning(&live), "in the end");
    }
}

#[test]
fn an_input_that_came_later_than_what_is_stored_is_read_from_its_beginning() {
    let fixture = fixture(3);
    let rules = Arc::new(Rules::from_records(&fixture.rules).expect("rules"));
    let mut site = Site::restored(&rules, &fixture.stored);
    let record = PersonGroup {
        record_id: "G1".into(),
        status: GroupStatus::Active as i32,
        person_id: "P1".into(),
        group: "drivers".into(),
        first_day: "2022-11-01".into(),
        ..PersonGroup::default()
    };
    site.live(&[Step::Group(record, Timestamp(1_670_000_000_000))]);
    let members = |site: &Site| people(site).into_iter().filter(|(_, file)| !file.groups.is_empty()).count();
    assert_eq!(members(&site), 1);
    let mut stored = site.stored();
    let again = Site::restored(&rules, &stored);
    assert_eq!((members(&again), again.images() == site.images()), (1, true), "it goes on where it was");
    // What a task read once it does not read again: then its offset is lost, and so may be more.
    for (_, committed) in stored.values_mut() {
        committed.next.retain(|(topic, _)| *topic != Topic::PersonGroups);
    }
    let lost = Site::holding(&rules, &stored);
    assert!(lost.try_restore::<PersonHalf>(LAYOUT.person_task("P1")).is_err());
}

#[test]
fn an_audit_reads_what_any_version_stored() {
    EARLIER.into_iter().map(fixture).for_each(|fixture| is_read(&fixture));
}

fn is_read(fixture: &Fixture) {
    let rules = Arc::new(Rules::from_records(&fixture.rules).expect("rules"));
    let mut live = Site::fresh(&rules);
    live.live(&first_part());
    let counted = |stored: &Stored| {
        let mut areas = audit::stored::Stored::default();
        for record in &stored[&(Topic::AreaState, 0)].0 {
            areas.take(&record.key, record.payload.as_deref()).expect("a record of ours");
        }
        areas.area_task().expect("a state of ours").cells
    };
    let cells = counted(&fixture.stored);
    assert!(cells.len() > 50);
    assert_eq!(cells, counted(&live.stored()));
}

#[test]
fn what_format_2_stored_counts_for_the_first_target_of_those_declared_later() {
    let fixture = fixture(2);
    let before = Arc::new(Rules::from_records(&fixture.rules).expect("rules"));
    assert!(!before.deployment.targets_declared, "it knew of none");
    let mut kept = Site::restored(&before, &fixture.stored);
    let mut declared = Site::restored(&Arc::new(sample_rules()), &fixture.stored);
    for steps in [second_part(), last_part()] {
        kept.live(&steps);
        declared.live(&steps);
        let alerts = |site: &Site| -> Vec<_> {
            let of_person = |(_, file): Person| file.alerts.iter().map(HeldAlert::message).collect::<Vec<_>>();
            let all = people(site).into_iter().flat_map(of_person);
            all.map(|alert| (alert.alert_id, alert.state, alert.first_day, alert.positive_specimens)).collect()
        };
        assert_eq!(alerts(&declared), alerts(&kept), "ids of alerts stay what they were");
        let cells = |site: &Site| -> Vec<_> {
            let areas = site.areas();
            let first = areas.iter().flat_map(AreaState::all).filter(|(_, series)| series.target.is_empty());
            first.map(|(_, series)| (series.code.clone(), series.cells.clone())).collect()
        };
        assert_eq!(cells(&declared), cells(&kept), "and so do the numbers");
    }
}

#[test]
fn from_where_on_this_version_judges_is_kept_for_whoever_counts_again() {
    let heads = |stored: &Stored| -> Vec<TaskHead> {
        let people = stored.iter().filter(|((changelog, _), _)| *changelog == Topic::PersonState);
        let newest = |(records, _): &(Vec<Kept>, Committed)| {
            let heads = records.iter().map(|record| audit::stored::head_of(record.payload.as_deref()).expect("a head"));
            let newest = heads.flatten().filter(|head| head.task.is_some()).max_by_key(|head| head.seq);
            newest.and_then(|head| head.task).expect("a delta")
        };
        people.map(|(_, stored)| newest(stored)).collect()
    };
    let fixture = fixture(2);
    let rules = Arc::new(Rules::from_records(&fixture.rules).expect("rules"));
    let before = heads(&fixture.stored);
    assert!(before.iter().all(|head| head.judgement == 0 && head.judged_from.is_empty()));
    let mut site = Site::restored(&rules, &fixture.stored);
    for steps in [second_part(), last_part()] {
        site.live(&steps);
        for (head, before) in heads(&site.stored()).iter().zip(&before) {
            assert!(head.judgement > 0 && head.inputs != before.inputs);
            assert_eq!(head.judged_from, before.inputs, "where the earlier version ended");
        }
        site = Site::restored(&rules, &site.stored());
    }
    let mut fresh = Site::fresh(&rules);
    fresh.live(&first_part());
    fresh = Site::restored(&rules, &fresh.stored());
    fresh.live(&second_part());
    assert!(heads(&fresh.stored()).iter().all(|head| head.judgement > 0 && head.judged_from.is_empty()));
}
