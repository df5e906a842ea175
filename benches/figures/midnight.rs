//! What a midnight costs at which something is due of everybody in a key group: the core of one task alone.
//!
//! Everybody is in a group that is tested every day, with alerts, and nobody is swabbed: so all are due anew, and all miss
//! the test of the day before yesterday. That is as much as a midnight can ask for.

use super::Scale;
use super::city::{LAYOUT, fresh, processor_time, record};
use super::figures::Figures;
use super::workload::{Shape, person_id, rules_with_group};
use prost::Message as _;
use std::sync::Arc;
use std::time::Duration;
use swabstream::model::record::{Topic, partition_of};
use swabstream::model::time::Timestamp;
use swabstream::pipeline::person::PersonHalf;
use swabstream::proto::v1::{GroupStatus, PersonGroup};
use swabstream::runtime::task::clock::{Look, Watermarks};
use swabstream::runtime::task::{RulesInForce, Task};

/// 2022-12-03 12:00 in Shanghai.
const NOON: Timestamp = Timestamp(1_670_040_000_000);
const GROUP: &str = "tested-daily";
const FIRST_DAY: &str = "2022-12-01";
/// Until everybody has missed a test, and is looked at by what was said of them before.
const DAYS: i64 = 4;

/// Of a task with very many people in a key group: the longest commit of a midnight, and what it takes of each.
pub fn midnight(scale: &Scale, figures: &mut Figures) {
    let members = if scale.quick { 2_000 } else { 100_000 };
    let mut task = with_members(members);
    for day in 0..DAYS {
        let noon = NOON.plus_days(day);
        let before = pass(&mut task, noon);
        let at = pass(&mut task, noon.plus_hours(13));
        println!(
            "{members} members, day {day}: by noon {before:?}, by one o'clock in the night {at:?}, {:.0} ns and {:.0} B of each",
            at.spent.as_nanos() as f64 / members as f64,
            at.bytes as f64 / members as f64
        );
        if day == DAYS - 1 {
            figures.add("midnight_longest_commit_ms", "ms", at.longest.as_secs_f64() * 1_000.0);
            figures.add("midnight_us_per_member", "us", at.spent.as_secs_f64() * 1e6 / members as f64);
            figures.add("midnight_bytes_per_member", "B", at.bytes as f64 / members as f64);
        }
    }
}

fn with_members(members: usize) -> Task<PersonHalf> {
    let rules = rules_with_group(Shape { streets: 100, ..Shape::default() }, GROUP);
    let mut task = fresh(0, &RulesInForce { rules: Arc::new(rules), offset: 1 });
    let of_task = (0..).map(person_id).filter(|id| partition_of(id.as_bytes(), LAYOUT.person_tasks) == 0);
    for (offset, person) in (0..).zip(of_task.take(members)) {
        let list = PersonGroup {
            record_id: format!("g-{person}"),
            status: GroupStatus::Active as i32,
            person_id: person.clone(),
            group: GROUP.into(),
            first_day: FIRST_DAY.into(),
            ..PersonGroup::default()
        };
        let payload = list.encode_to_vec();
        let read = record(Topic::PersonGroups, 0, offset, person.as_bytes(), &payload, NOON.plus_hours(-24));
        task.apply(&read).expect("of this version");
    }
    task
}

/// Commits until nothing is due any more.
#[derive(Debug, Default)]
struct Night {
    commits: usize,
    longest: Duration,
    spent: Duration,
    bytes: usize,
}

fn pass(task: &mut Task<PersonHalf>, now: Timestamp) -> Night {
    let slowest = Some(Watermarks { watermark: now, drop_before: now });
    let look = Look { read_until: Some(now), slowest, ..Look::default() };
    let mut night = Night::default();
    loop {
        let began = processor_time();
        task.pass_time(&look);
        let (outputs, part) = task.commit(task.wants_changelog_end().then_some(0));
        let spent = processor_time() - began;
        night.commits += 1;
        night.longest = night.longest.max(spent);
        night.spent += spent;
        let written = outputs.iter().chain(&part.changes);
        night.bytes += written.map(|one| one.key.len() + one.payload.as_ref().map_or(0, Vec::len)).sum::<usize>();
        if !task.owes() {
            return night;
        }
    }
}
