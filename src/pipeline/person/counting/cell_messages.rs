//! Changed cells to messages: `AreaChanges`, one per area task, in parts where they are many.
//!
//! In: cells in order of area. Out: records. The bytes are those that the generated code would write, without a message
//! of its own for every cell: a commit of a screening city has ten thousand.

use super::signed_cell::SignedCell;
use crate::model::cell::{People, Tally};
use crate::model::record::{Layout, Origin, Output, Topic};
use crate::model::target::FIRST;
use crate::model::time::Timestamp;
use crate::pipeline::decode::protobuf::{put_bytes, put_number, put_zigzag};
use crate::proto::v1::{AreaCause, AreaChanges};
use prost::Message as _;

/// More cells go into another message: a commit after a change of rules may touch every area there is.
pub const CELLS_OF_A_MESSAGE: usize = 4_000;

/// What all messages of a commit share.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    /// The sending task.
    pub person_task: i32,
    /// Number of its commit.
    pub seq: u64,
    /// Its time.
    pub now: Timestamp,
    /// How areas are spread.
    pub layout: Layout,
    /// Format of the messages.
    pub format: u32,
}

/// What a cell is, in words that outlive the rules; in the order of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CellName<T> {
    /// Code of the area.
    pub area: T,
    /// Name of the target in [stored texts](crate::model::target).
    pub target: T,
    /// First day of the registry's period.
    pub registry_from: i32,
    /// The purpose; empty for the total.
    pub purpose: T,
    /// Day of collection.
    pub day: i32,
}

impl CellName<&str> {
    /// To be kept.
    pub fn to_owned(self) -> CellName<String> {
        let CellName { area, target, registry_from, purpose, day } = self;
        CellName { area: area.to_owned(), target: target.to_owned(), registry_from, purpose: purpose.to_owned(), day }
    }
}

impl CellName<String> {
    /// To be looked at.
    pub fn borrowed(&self) -> CellName<&str> {
        let Self { area, target, registry_from, purpose, day } = self;
        CellName { area, target, registry_from: *registry_from, purpose, day: *day }
    }
}

/// Messages in the making.
pub struct Messages {
    head: Head,
    /// Per area task, the message that is being filled.
    tasks: Vec<Part>,
    outputs: Vec<Output>,
    /// A cell, before its length is known.
    cell: Vec<u8>,
    /// A number of people, before its length is known.
    gap: Vec<u8>,
    /// The last area's code and the task it belongs to.
    area: (String, usize),
}

/// One message being filled: everything but the cells, and these as bytes.
struct Part {
    message: AreaChanges,
    cells: Vec<u8>,
    count: usize,
}

impl Messages {
    /// None yet.
    pub fn new(head: Head) -> Self {
        let tasks = (0..head.layout.area_tasks).map(|_| Part::new(&head, 0)).collect();
        let (cell, gap) = (Vec::new(), Vec::new());
        Self { head, tasks, outputs: Vec::new(), cell, gap, area: (String::new(), 0) }
    }

    /// Adds a cell. Cells come in order of area and target, so that equal ones follow each other.
    pub fn add(&mut self, name: CellName<&str>, cell: &SignedCell) {
        let CellName { area, target, registry_from, purpose, day } = name;
        if self.area.0 != area {
            self.area = (area.to_owned(), self.head.layout.area_task(area) as usize);
        }
        let task = self.area.1;
        if self.tasks[task].count == CELLS_OF_A_MESSAGE {
            let next = Part::new(&self.head, self.tasks[task].message.part + 1);
            let full = std::mem::replace(&mut self.tasks[task], next);
            self.outputs.push(full.output(task as i32));
        }
        let part = &mut self.tasks[task];
        let message = &mut part.message;
        let same = |of: &Option<&String>, is: &str| of.is_some_and(|of| of == is);
        if !same(&message.areas.last(), area) || !same(&message.targets.last(), target) {
            message.areas.push(area.to_owned());
            message.targets.push(target.to_owned());
        }
        let into = &mut self.cell;
        into.clear();
        put_number(into, 1, part.message.areas.len() as u64 - 1);
        put_number(into, 2, registry_from as i64 as u64);
        put_number(into, 3, purpose_number(&mut part.message.purposes, purpose));
        put_number(into, 4, day as i64 as u64);
        for tally in Tally::ALL {
            put_zigzag(into, tally.field(), cell.tallies[tally]);
        }
        for people in People::ALL {
            for (gap, change) in (1..).zip(cell.people[people as usize]).filter(|(_, change)| *change != 0) {
                self.gap.clear();
                put_number(&mut self.gap, 1, gap);
                put_zigzag(&mut self.gap, 2, change);
                put_bytes(into, people.field(), &self.gap);
            }
        }
        put_bytes(&mut part.cells, 6, into);
        part.count += 1;
    }

    /// Names the record behind changes of an area and target, if a cell of them is in the last part.
    pub fn cause(&mut self, (area, target): (&str, &str), day: i32, origin: Origin) {
        let message = &mut self.tasks[self.head.layout.area_task(area) as usize].message;
        let mut subjects = message.areas.iter().zip(&message.targets);
        let Some(at) = subjects.position(|(known, of)| known == area && of == target) else { return };
        message.causes.push(AreaCause { area: at as u32, day, origin: Some(origin.to_wire()) });
    }

    /// All messages that hold anything.
    pub fn finish(mut self) -> Vec<Output> {
        let filled = (0..).zip(self.tasks).filter(|(_, part)| part.count > 0);
        self.outputs.extend(filled.map(|(task, part)| part.output(task)));
        self.outputs
    }
}

impl Part {
    fn new(head: &Head, part: u32) -> Self {
        let (person_task, seq, now) = (head.person_task, head.seq, Some(head.now.to_wire()));
        let message = AreaChanges { person_task, seq, part, now, format: head.format, ..Default::default() };
        Self { message, cells: Vec::new(), count: 0 }
    }

    fn output(mut self, task: i32) -> Output {
        if self.message.targets.iter().all(|target| target == FIRST) {
            self.message.targets.clear();
        }
        let mut payload = self.message.encode_to_vec();
        payload.extend_from_slice(&self.cells);
        let key = task.to_string().into_bytes();
        Output { topic: Topic::AreaChanges, partition: task, key, payload: Some(payload), headers: Vec::new() }
    }
}

/// The number of a purpose within the message, from 1; the total is 0.
fn purpose_number(purposes: &mut Vec<String>, purpose: &str) -> u64 {
    if purpose.is_empty() {
        return 0;
    }
    let at = purposes.iter().position(|known| known == purpose).unwrap_or_else(|| {
        purposes.push(purpose.to_owned());
        purposes.len() - 1
    });
    at as u64 + 1
}
