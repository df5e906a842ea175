//! Reading a batch of signed changes: bytes to cells, or a [`Reject`]. Nothing is added here.
//!
//! Batches come from our own person half, so a bad one is a fault of ours; still it is set aside like any other
//! record, as one unreadable batch must not stop all areas of a task. A batch has thousands of cells, of which a
//! message of the generated code each would cost more than adding them: they are read in place.

use crate::model::cell::{GAPS, Number, People, Tally};
use crate::model::digest;
use crate::model::duty;
use crate::model::outcome::{Reject, RejectCode};
use crate::model::record::{Layout, Origin, Record};
use crate::model::target::FIRST;
use crate::model::time::Timestamp;
use crate::pipeline::decode::protobuf::{Bytes, bytes, number};
use crate::pipeline::ending::Stop;
use crate::pipeline::formats;
use crate::pipeline::half::Context;
use crate::proto::v1::{self, AreaCause, GroupChange, LabTally, PoolChange};
use prost::Message as _;

/// Days a cell may lie on: far beyond any calendar in use, and safe to calculate with.
const DAYS: std::ops::Range<i32> = -1_000_000..1_000_000;

/// `AreaChanges`, with texts that lie in the record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch<'a> {
    /// Person task.
    pub person_task: i32,
    /// Number of its commit.
    pub seq: u64,
    /// Part of that commit.
    pub part: u32,
    /// Area codes, each once for every target.
    pub areas: Vec<&'a str>,
    /// Their targets, at the same places; none when all are of the first.
    pub targets: Vec<&'a str>,
    /// Purposes.
    pub purposes: Vec<&'a str>,
    /// Cells.
    pub cells: Vec<CellChange>,
    /// Numbers of all cells, each cell's in order of what they count.
    pub numbers: Vec<Number>,
    /// Index of an area, specimen day, and the record behind changes of cases and positives there.
    pub causes: Vec<(u32, i32, Origin)>,
    /// Changes of pools, as the generated code reads them: few results are of any.
    pub pools: Vec<PoolChange>,
    /// Changes of what has to be done.
    pub duties: Vec<DutyChange>,
    /// Changes of key groups, as the generated code reads them.
    pub groups: Vec<GroupChange>,
    /// What became of results of labs, likewise.
    pub labs: Vec<LabTally>,
}

/// Something else has to be done in an area on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DutyChange {
    /// Index of the area.
    pub area: u32,
    /// The day.
    pub day: i32,
    /// Where the number of its kind lies among all.
    pub kind: usize,
    /// By how much.
    pub change: i32,
}

/// One changed cell of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CellChange {
    /// Index of its area.
    pub area: u32,
    /// First day of the registry period.
    pub registry_from: i32,
    /// Its purpose, from 1; 0 is the total.
    pub purpose: u32,
    /// Specimen day.
    pub day: i32,
    /// Where its numbers end; they begin where those of the cell before end.
    pub numbers_end: u32,
}

impl<'a> Batch<'a> {
    /// Code and target of an area.
    pub fn subject(&self, area: u32) -> (&'a str, &'a str) {
        (self.areas[area as usize], self.targets.get(area as usize).copied().unwrap_or(FIRST))
    }

    /// Numbers of a cell.
    pub fn numbers_of(&self, cell: usize) -> &[Number] {
        let start = cell.checked_sub(1).map_or(0, |before| self.cells[before].numbers_end);
        &self.numbers[start as usize..self.cells[cell].numbers_end as usize]
    }
}

/// A batch whose every index, number and area is in range for this task.
pub fn read<'a>(record: &Record<'a>, context: &Context) -> Result<Batch<'a>, Stop> {
    let payload = record.payload.ok_or_else(|| Reject::new(RejectCode::Tombstone, ""))?;
    context.formats.require(payload)?;
    let batch = parse(payload).ok_or_else(|| malformed(""))?;
    Ok(in_range_of(batch, context.task, context.layout)?)
}

fn in_range_of(batch: Batch<'_>, task: i32, layout: Layout) -> Result<Batch<'_>, Reject> {
    // The number after the last task is that of a repair.
    if !(0..=layout.person_tasks).contains(&batch.person_task) {
        return Err(malformed("person_task"));
    }
    if batch.seq == 0 {
        return Err(malformed("seq"));
    }
    if batch.areas.iter().any(|area| layout.area_task(area) != task) {
        return Err(malformed("areas"));
    }
    if !batch.targets.is_empty() && batch.targets.len() != batch.areas.len() {
        return Err(malformed("targets"));
    }
    if batch.causes.iter().any(|(area, ..)| *area as usize >= batch.areas.len()) {
        return Err(malformed("causes"));
    }
    let in_place = |pool: &PoolChange| {
        let is_there =
            (pool.area as usize) < batch.areas.len() && (1..=batch.purposes.len()).contains(&(pool.purpose as usize));
        is_there && pool.size <= u8::MAX.into() && DAYS.contains(&pool.day) && DAYS.contains(&pool.registry_from)
    };
    if !batch.pools.iter().all(in_place) {
        return Err(malformed("pools"));
    }
    let is_duty = |duty: &DutyChange| (duty.area as usize) < batch.areas.len() && DAYS.contains(&duty.day);
    if !batch.duties.iter().all(is_duty) {
        return Err(malformed("duties"));
    }
    let is_group = |of: &GroupChange| (of.area as usize) < batch.areas.len() && DAYS.contains(&of.day);
    if !batch.groups.iter().all(is_group) {
        return Err(malformed("groups"));
    }
    let is_tally = |of: &LabTally| {
        let (from, digest) = (of.from.as_ref().and_then(Timestamp::from_wire), digest::from_wire(&of.id_digest));
        layout.area_task(&of.lab_id) == task && from.is_some() && digest.is_some() && !of.outcomes.is_empty()
    };
    if !batch.labs.iter().all(is_tally) {
        return Err(malformed("labs"));
    }
    match (0..batch.cells.len()).find(|at| !in_range(&batch, *at)) {
        Some(at) => Err(malformed(&format!("cells[{at}]"))),
        None => Ok(batch),
    }
}

fn parse(payload: &[u8]) -> Option<Batch<'_>> {
    const PERSON_TASK: u64 = number(1);
    const SEQ: u64 = number(2);
    const NOW: u64 = bytes(3);
    const AREAS: u64 = bytes(4);
    const PURPOSES: u64 = bytes(5);
    const CELLS: u64 = bytes(6);
    const PART: u64 = number(7);
    const CAUSES: u64 = bytes(8);
    const TARGETS: u64 = bytes(9);
    const POOLS: u64 = bytes(10);
    const DUTIES: u64 = bytes(12);
    const GROUPS: u64 = bytes(13);
    const LABS: u64 = bytes(14);
    let (mut batch, mut rest) = (Batch::default(), Bytes(payload));
    // A cell takes some twenty bytes.
    batch.cells.reserve(payload.len() / 16);
    batch.numbers.reserve(payload.len() / 16);
    while !rest.is_empty() {
        match rest.varint()? {
            PERSON_TASK => batch.person_task = rest.varint()? as i32,
            SEQ => batch.seq = rest.varint()?,
            NOW => drop(rest.bytes()?),
            AREAS => batch.areas.push(rest.text()?),
            PURPOSES => batch.purposes.push(rest.text()?),
            CELLS => {
                let cell = cell(rest.message()?, &mut batch.numbers)?;
                batch.cells.push(cell);
            }
            PART => batch.part = rest.varint()? as u32,
            CAUSES => batch.causes.push(cause(rest.bytes()?)?),
            TARGETS => batch.targets.push(rest.text()?),
            POOLS => batch.pools.push(PoolChange::decode(rest.bytes()?).ok()?),
            DUTIES => batch.duties.push(duty(rest.bytes()?)?),
            GROUPS => batch.groups.push(GroupChange::decode(rest.bytes()?).ok()?),
            LABS => batch.labs.push(LabTally::decode(rest.bytes()?).ok()?),
            // It was looked at before.
            formats::FIELD => drop(rest.varint()?),
            _ => return None,
        }
    }
    Some(batch)
}

/// There are few: the generated code reads them.
fn cause(bytes: &[u8]) -> Option<(u32, i32, Origin)> {
    let cause = AreaCause::decode(bytes).ok()?;
    Some((cause.area, cause.day, Origin::from_wire(&cause.origin?).ok()?))
}

/// There are few of these, too.
fn duty(bytes: &[u8]) -> Option<DutyChange> {
    let duty = v1::DutyChange::decode(bytes).ok()?;
    let kind = duty::place_of(duty.kind())?;
    Some(DutyChange { area: duty.area, day: duty.day, kind, change: duty.change })
}

fn cell(mut rest: Bytes<'_>, numbers: &mut Vec<Number>) -> Option<CellChange> {
    const AREA: u64 = number(1);
    const REGISTRY_FROM: u64 = number(2);
    const PURPOSE: u64 = number(3);
    const DAY: u64 = number(4);
    const TESTED: u64 = bytes(People::Tested.field());
    const FOUND_POSITIVE: u64 = bytes(People::Positive.field());
    let mut cell = CellChange::default();
    // Fields of a cell have one byte before them: others are none of it.
    while let Some(field) = rest.byte() {
        match u64::from(field) {
            AREA => cell.area = short(&mut rest)? as u32,
            REGISTRY_FROM => cell.registry_from = short(&mut rest)? as i32,
            PURPOSE => cell.purpose = short(&mut rest)? as u32,
            DAY => cell.day = short(&mut rest)? as i32,
            TESTED => numbers.push(gap(rest.message()?, People::Tested)?),
            FOUND_POSITIVE => numbers.push(gap(rest.message()?, People::Positive)?),
            field => {
                // Fields of tallies follow each other; one of another kind comes out far behind them.
                let tally = field.wrapping_sub(number(Tally::Positive.field())).rotate_right(3);
                let tally = *Tally::ALL.get(usize::try_from(tally).ok()?)?;
                numbers.push(Number::tally(tally, rest.zigzag()?));
            }
        }
    }
    cell.numbers_end = numbers.len() as u32;
    Some(cell)
}

/// As [`Bytes::varint`], without a loop where there are up to three bytes: areas and days have more than one.
#[inline(always)]
fn short(rest: &mut Bytes<'_>) -> Option<u64> {
    let low = |byte: u8| u64::from(byte & 0x7f);
    let (value, after) = match rest.0 {
        [only @ ..0x80, after @ ..] => (low(*only), after),
        [first, last @ ..0x80, after @ ..] => (low(*first) | low(*last) << 7, after),
        [first, second, last @ ..0x80, after @ ..] => (low(*first) | low(*second) << 7 | low(*last) << 14, after),
        _ => return rest.varint(),
    };
    rest.0 = after;
    Some(value)
}

/// People with one gap; `None` also for a gap there is not.
#[inline(always)]
fn gap(rest: Bytes<'_>, of: People) -> Option<Number> {
    // As nearly all are written.
    if let [GAP, gap @ 1..=GAPS_BYTE, CHANGE, change @ ..0x80] = *rest.0 {
        return Some(Number::people(of, gap, i32::from(change >> 1) ^ -i32::from(change & 1)));
    }
    any_gap(rest, of)
}

const GAP: u8 = number(1) as u8;
const CHANGE: u8 = number(2) as u8;
const GAPS_BYTE: u8 = GAPS as u8;

fn any_gap(mut rest: Bytes<'_>, of: People) -> Option<Number> {
    let (mut gap, mut change) = (0, 0);
    while !rest.is_empty() {
        match u8::try_from(rest.varint()?).ok()? {
            GAP => gap = rest.varint()?,
            CHANGE => change = rest.zigzag()?,
            _ => return None,
        }
    }
    (1..=GAPS as u64).contains(&gap).then(|| Number::people(of, gap as u8, change))
}

fn in_range(batch: &Batch<'_>, at: usize) -> bool {
    let cell = &batch.cells[at];
    // Numbers are written in order, each once, and logged by it.
    let in_order = batch.numbers_of(at).is_sorted_by(|one, next| one.what < next.what);
    in_order
        && (cell.area as usize) < batch.areas.len()
        && cell.purpose as usize <= batch.purposes.len()
        && DAYS.contains(&cell.day)
        && DAYS.contains(&cell.registry_from)
}

fn malformed(field: &str) -> Reject {
    Reject::new(RejectCode::Malformed, field)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::cell::{TALLIES, Tallies};
    use crate::model::record::{Position, Topic};
    use crate::model::time::Timestamp;
    use crate::pipeline::person::counting::cell_messages::{CELLS_OF_A_MESSAGE, CellPlace, Head, Messages};
    use crate::proto::v1::{AreaChanges, GapChange};

    /// The generated code is the third party: what is written by hand and what is read by hand must both be what it
    /// makes of the bytes.
    #[test]
    fn bytes_written_and_read_by_hand_are_those_of_the_generated_code() {
        let layout = Layout { person_tasks: 9, area_tasks: 1 };
        let mut messages =
            Messages::new(Head { person_task: 7, seq: 1 << 40, now: Timestamp(1_234), layout, format: 1 });
        // One of every number, so that a length takes two bytes, or only a few.
        let all: Vec<Number> = (0..(TALLIES + People::ALL.len() * GAPS) as u8)
            .map(|what| Number { what, change: [-40_000, 300, -2, 1, i32::MIN, i32::MAX][usize::from(what) % 6] })
            .collect();
        for at in 0..CELLS_OF_A_MESSAGE as i32 + 2 {
            let (area, purpose) = (format!("A{}", at / 3), ["", "screening", "clinic"][at as usize % 3]);
            // A part with several targets, and one of the first alone.
            let target = if at == 2 { "influenza-a" } else { FIRST };
            messages.subject(&area, target);
            let numbers = if at % 2 == 0 { &all[..] } else { &all[3..9] };
            messages.add(CellPlace { registry_from: -at, purpose: (at as usize % 3, purpose), day: at - 7 }, numbers);
        }
        let position = Position { topic: Topic::LabResults, partition: 3, offset: 1 << 50 };
        let origin = Origin { position, received_at: Timestamp(5_678) };
        messages.cause(("A1333", FIRST), 9, origin);
        messages.cause(("A1333", "influenza-a"), 9, origin);
        messages.cause(("nowhere", FIRST), 9, origin);
        let outputs = messages.finish();
        assert_eq!(outputs.len(), 2);
        for (part, output) in (0..).zip(&outputs) {
            let payload = output.payload.as_deref().expect("a payload");
            let decoded = AreaChanges::decode(payload).expect("a message");
            assert_eq!((decoded.part, decoded.person_task, decoded.seq), (part, 7, 1 << 40));
            assert_eq!(decoded.encode_to_vec().len(), payload.len(), "nothing is written that says nothing");
            let read = parse(payload).expect("a batch");
            let causes = if part == 1 { vec![(0, 9, origin)] } else { Vec::new() };
            assert_eq!(read.causes, causes);
            assert_eq!(decoded.causes.len(), causes.len());
            assert_eq!(read.areas, decoded.areas);
            assert_eq!(read.targets, decoded.targets);
            assert_eq!(read.targets.len(), if part == 0 { read.areas.len() } else { 0 });
            if part == 0 {
                assert_eq!([0, 1, 2].map(|at| read.subject(at)), [("A0", FIRST), ("A0", "influenza-a"), ("A1", FIRST)]);
            }
            assert_eq!(read.purposes, decoded.purposes);
            assert_eq!(read.cells.len(), decoded.cells.len());
            for (at, (read_cell, cell)) in read.cells.iter().zip(&decoded.cells).enumerate() {
                let place = (read_cell.area, read_cell.registry_from, read_cell.purpose, read_cell.day);
                assert_eq!(place, (cell.area, cell.registry_from, cell.purpose, cell.day));
                let numbers: Vec<Number> = read.numbers_of(at).to_vec();
                let tallies = Tally::ALL.into_iter().zip(Tallies::read(cell).0).filter(|(_, change)| *change != 0);
                let tallies = tallies.map(|(tally, change)| Number::tally(tally, change));
                let of = |people: People| {
                    people.read(cell).iter().map(move |gap| Number::people(people, gap.gap as u8, gap.people))
                };
                assert_eq!(numbers, tallies.chain(People::ALL.into_iter().flat_map(of)).collect::<Vec<_>>());
            }
        }
    }

    /// It would be logged as another number than it was added to.
    #[test]
    fn numbers_of_a_cell_that_are_out_of_order_or_come_twice_are_refused() {
        let gap = |gap| GapChange { gap, people: 1 };
        for (tested, is_right) in
            [(vec![gap(1), gap(2)], true), (vec![gap(2), gap(1)], false), (vec![gap(1); 2], false)]
        {
            let cells = vec![v1::CellChange { tested, ..Default::default() }];
            let payload = AreaChanges { seq: 1, areas: vec!["A".into()], cells, ..Default::default() }.encode_to_vec();
            let batch = parse(&payload).expect("it can be read");
            let read = in_range_of(batch, 0, Layout { person_tasks: 1, area_tasks: 1 });
            assert_eq!(read.map(drop), if is_right { Ok(()) } else { Err(malformed("cells[0]")) });
        }
    }
}
