//! Reading a batch of signed changes: bytes to cells, or a [`Reject`]. Nothing is added here.
//!
//! Batches come from our own person half, so a bad one is a fault of ours; still it is set aside like any other
//! record, as one unreadable batch must not stop all areas of a task.

use crate::model::outcome::{Reject, RejectCode};
use crate::model::record::{Layout, Record};
use crate::proto::v1::{AreaChanges, CellChange, GapChange};
use crate::state::area::cell::{Cell, GAPS, People, Tally};
use prost::Message as _;

/// Days a cell may lie on: far beyond any calendar in use, and safe to calculate with.
const DAYS: std::ops::Range<i32> = -1_000_000..1_000_000;

/// A batch whose every index, number and area is in range for this task.
pub fn read(record: &Record<'_>, task: i32, layout: Layout) -> Result<AreaChanges, Reject> {
    let payload = record.payload.ok_or_else(|| Reject::new(RejectCode::Tombstone, ""))?;
    let batch = AreaChanges::decode(payload).map_err(|_| malformed(""))?;
    if !(0..layout.person_tasks).contains(&batch.person_task) {
        return Err(malformed("person_task"));
    }
    if batch.seq == 0 {
        return Err(malformed("seq"));
    }
    if batch.areas.iter().any(|area| layout.area_task(area) != task) {
        return Err(malformed("areas"));
    }
    match batch.cells.iter().position(|cell| !in_range(cell, &batch)) {
        Some(at) => Err(malformed(&format!("cells[{at}]"))),
        None => Ok(batch),
    }
}

/// The counts of one change.
pub fn cell(change: &CellChange) -> Cell {
    let tally = Tally {
        positive: change.positive,
        negative: change.negative,
        inconclusive: change.inconclusive,
        invalid: change.invalid,
        cases: change.cases,
        community_cases: change.community_cases,
    };
    let people = People { tested: gaps(&change.tested), positive: gaps(&change.found_positive) };
    Cell { tally, people: (people != People::default()).then(|| Box::new(people)) }
}

fn gaps(changes: &[GapChange]) -> [i32; GAPS] {
    let mut gaps = [0_i32; GAPS];
    for change in changes {
        let gap = &mut gaps[change.gap as usize - 1];
        *gap = gap.wrapping_add(change.people);
    }
    gaps
}

fn in_range(cell: &CellChange, batch: &AreaChanges) -> bool {
    let mut gaps = cell.tested.iter().chain(&cell.found_positive);
    (cell.area as usize) < batch.areas.len()
        && cell.purpose as usize <= batch.purposes.len()
        && DAYS.contains(&cell.day)
        && DAYS.contains(&cell.registry_from)
        && gaps.all(|change| (1..=GAPS).contains(&(change.gap as usize)))
}

fn malformed(field: &str) -> Reject {
    Reject::new(RejectCode::Malformed, field)
}
