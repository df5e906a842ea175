//! Purposes that counted once and are abandoned: as many as make the next new ones take their numbers.

use super::world::LAYOUT;
use prost::Message as _;
use swabstream::model::record::{Output, Topic};
use swabstream::model::time::Day;
use swabstream::policy::Rules;
use swabstream::proto::v1::{AreaChanges, CellChange};

/// Numbers there are for purposes.
const NUMBERS: u32 = 255;

/// What names of purposes begin with that no result has.
pub const ABANDONED: &str = "abandoned-";

/// How many are abandoned where there is room for so many others.
pub fn abandoned_names(room: u32) -> u64 {
    u64::from(NUMBERS - room)
}

/// A batch for every area task that leaves `room` for so many purposes, and nothing that counts.
pub fn abandoned(rules: &Rules, room: u32, day: Day) -> Vec<Output> {
    let of_task = |task: &i32| {
        let is_of_task = |code: &&String| LAYOUT.area_task(code) == *task;
        let area = rules.areas.list.iter().map(|area| &area.code).find(is_of_task).expect("every task has an area");
        let registry_from = rules.areas.periods[rules.areas.period(day)].0;
        let cell =
            |purpose, negative| CellChange { registry_from, purpose, day: day.0, negative, ..CellChange::default() };
        let numbers = 1..=NUMBERS - room;
        let batch = AreaChanges {
            // As a repair sends it.
            person_task: LAYOUT.person_tasks,
            seq: 1,
            areas: vec![area.clone()],
            purposes: numbers.clone().map(|number| format!("{ABANDONED}{number}")).collect(),
            cells: numbers.flat_map(|number| [cell(number, 1), cell(number, -1)]).collect(),
            ..AreaChanges::default()
        };
        Output {
            topic: Topic::AreaChanges,
            partition: *task,
            key: task.to_string().into_bytes(),
            payload: Some(batch.encode_to_vec()),
            headers: Vec::new(),
        }
    };
    (0..LAYOUT.area_tasks).collect::<Vec<_>>().iter().map(of_task).collect()
}
