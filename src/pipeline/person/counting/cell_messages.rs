//! Changed cells to messages: `AreaChanges`, one per area task, in parts where they are many.
//!
//! In: cells in order of area. Out: records. The bytes are those that the generated code would write, without a message
//! of its own for every cell: a commit of a screening city has ten thousand.

use crate::model::cell::{GAPS, Number, People, PoolCounts, TALLIES, Tally};
use crate::model::duty::{DUTIES, GroupNumbers};
use crate::model::record::{Layout, Origin, Output, Topic};
use crate::model::target::FIRST;
use crate::model::time::Timestamp;
use crate::pipeline::decode::protobuf::{bytes, number, put_bytes};
use crate::proto::v1::{AreaCause, AreaChanges, DutyChange, GroupChange, LabTally, PoolChange};
use crate::state::codec::{Few, short_length};
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

/// Where a cell belongs within its area and target.
#[derive(Clone, Copy, Debug)]
pub struct CellPlace<'a> {
    /// First day of the registry's period.
    pub registry_from: i32,
    /// The purpose, and a number that the sender has for it and for no other; the total has no name.
    pub purpose: (usize, &'a str),
    /// Day of collection.
    pub day: i32,
}

/// Where pools of one size belong within their area and target.
#[derive(Clone, Copy, Debug)]
pub struct PoolPlace<'a> {
    /// First day of the registry's period.
    pub registry_from: i32,
    /// The purpose.
    pub purpose: &'a str,
    /// Day of collection.
    pub day: i32,
    /// People in each; 0 for members of negative ones.
    pub size: u8,
}

/// Messages in the making.
pub struct Messages {
    head: Head,
    /// Per area task, the message that is being filled.
    tasks: Vec<Part>,
    outputs: Vec<Output>,
    /// Code and target of the area that cells are of, and how many there were before it.
    subject: (String, String),
    subjects: usize,
    /// The task of that area.
    task: usize,
}

/// One message being filled: everything but the cells, and these as bytes.
struct Part {
    message: AreaChanges,
    cells: Vec<u8>,
    count: usize,
    /// A cell in the making.
    cell: Few<LONGEST_CELL>,
    /// The subject that it named last, as it is numbered among all, and where its area lies in the message.
    subject: usize,
    area: u32,
    /// Numbers of purposes within the message, from 1, by those that the sender has; 0 where it has named none yet.
    purposes: Vec<u64>,
}

impl Messages {
    /// None yet.
    pub fn new(head: Head) -> Self {
        let tasks = (0..head.layout.area_tasks).map(|_| Part::new(&head, 0)).collect();
        // Its area is that of nobody, which has a task too.
        let (subject, task) = ((String::new(), String::new()), head.layout.area_task("") as usize);
        Self { head, tasks, outputs: Vec::new(), subject, subjects: 0, task }
    }

    /// What follows is of an area and target. They come in order.
    pub fn subject(&mut self, area: &str, target: &str) {
        if self.subjects > 0 && self.subject.0 == area && self.subject.1 == target {
            return;
        }
        if self.subject.0 != area {
            self.task = self.head.layout.area_task(area) as usize;
        }
        self.subject = (area.to_owned(), target.to_owned());
        self.subjects += 1;
    }

    /// Adds a cell of the subject: its numbers in order, none of which is 0.
    pub fn add(&mut self, place: CellPlace<'_>, numbers: &[Number]) {
        self.part().add(place, numbers);
    }

    /// Adds pools of an area and target, in any order, once all cells have been added.
    pub fn pool(&mut self, subject: (&str, &str), place: PoolPlace<'_>, change: PoolCounts) {
        let task = self.head.layout.area_task(subject.0) as usize;
        if self.tasks[task].message.pools.len() == CELLS_OF_A_MESSAGE {
            let next = Part::new(&self.head, self.tasks[task].message.part + 1);
            let full = std::mem::replace(&mut self.tasks[task], next);
            self.outputs.push(full.output(task as i32));
        }
        self.tasks[task].pool(subject, place, change);
    }

    /// Names the record behind changes of an area and target, if a cell of them is in the last part.
    pub fn cause(&mut self, (area, target): (&str, &str), day: i32, origin: Origin) {
        let message = &mut self.tasks[self.head.layout.area_task(area) as usize].message;
        let mut subjects = message.areas.iter().zip(&message.targets);
        let Some(at) = subjects.position(|(known, of)| known == area && of == target) else { return };
        message.causes.push(AreaCause { area: at as u32, day, origin: Some(origin.to_wire()) });
    }

    /// Adds what has to be done in an area for a target on a day, once all else has been added. They come in order.
    pub fn duties(&mut self, (area, target): (&str, &str), day: i32, numbers: [i32; DUTIES.len()]) {
        self.subject(area, target);
        for (kind, change) in DUTIES.into_iter().zip(numbers).filter(|(_, change)| *change != 0) {
            let part = self.part();
            let duty = DutyChange { area: part.area, day, kind: kind as i32, change };
            part.message.duties.push(duty);
            part.count += 1;
        }
    }

    /// Adds numbers of a key group in an area for a target on a day, once all else has been added. They come in order.
    pub fn group(&mut self, (area, target): (&str, &str), day: i32, group: String, numbers: GroupNumbers) {
        if numbers == GroupNumbers::default() {
            return;
        }
        self.subject(area, target);
        let [members, tests_due, tests_taken, tests_overdue] = numbers;
        let part = self.part();
        let area = part.area;
        part.message.groups.push(GroupChange { area, day, group, members, tests_due, tests_taken, tests_overdue });
        part.count += 1;
    }

    /// Adds what became of results of a lab that were received in an interval, once all else has been added.
    pub fn lab(&mut self, tally: &LabTally) {
        let task = self.head.layout.area_task(&tally.lab_id) as usize;
        if self.tasks[task].message.labs.len() == CELLS_OF_A_MESSAGE {
            let next = Part::new(&self.head, self.tasks[task].message.part + 1);
            let full = std::mem::replace(&mut self.tasks[task], next);
            self.outputs.push(full.output(task as i32));
        }
        self.tasks[task].message.labs.push(tally.clone());
    }

    /// The part that is filled, which names the subject and has room.
    fn part(&mut self) -> &mut Part {
        if self.tasks[self.task].count == CELLS_OF_A_MESSAGE {
            let next = Part::new(&self.head, self.tasks[self.task].message.part + 1);
            let full = std::mem::replace(&mut self.tasks[self.task], next);
            self.outputs.push(full.output(self.task as i32));
        }
        let part = &mut self.tasks[self.task];
        if part.subject != self.subjects {
            part.subject = self.subjects;
            part.area = part.message.areas.len() as u32;
            part.message.areas.push(self.subject.0.clone());
            part.message.targets.push(self.subject.1.clone());
        }
        part
    }

    /// All messages that hold anything.
    pub fn finish(mut self) -> Vec<Output> {
        let says = |part: &Part| part.count > 0 || !part.message.pools.is_empty() || !part.message.labs.is_empty();
        let filled = (0..).zip(self.tasks).filter(|(_, part)| says(part));
        self.outputs.extend(filled.map(|(task, part)| part.output(task)));
        self.outputs
    }
}

impl Part {
    fn new(head: &Head, part: u32) -> Self {
        let (person_task, seq, now) = (head.person_task, head.seq, Some(head.now.to_wire()));
        let message = AreaChanges { person_task, seq, part, now, format: head.format, ..Default::default() };
        Self { message, cells: Vec::new(), count: 0, cell: Few::default(), subject: 0, area: 0, purposes: Vec::new() }
    }

    fn add(&mut self, CellPlace { registry_from, purpose, day }: CellPlace<'_>, numbers: &[Number]) {
        const CELL: u8 = bytes(6) as u8;
        let purpose = self.purpose(purpose);
        let cell = &mut self.cell;
        cell.clear();
        cell.put(CELL);
        // Its length, once it is known.
        cell.put(0);
        put(cell, 1, u64::from(self.area));
        put(cell, 2, registry_from as i64 as u64);
        put(cell, 3, purpose);
        put(cell, 4, day as i64 as u64);
        for Number { what, change } in numbers {
            let change = u64::from((change << 1 ^ change >> 31) as u32);
            match what.checked_sub(TALLIES as u8) {
                None => put(cell, Tally::ALL[usize::from(*what)].field(), change),
                Some(people) => {
                    let (days, gap) = (people / GAPS as u8, people % GAPS as u8 + 1);
                    cell.put(bytes(People::ALL[usize::from(days)].field()) as u8);
                    cell.put(3 + short_length(change));
                    cell.put(number(1) as u8);
                    cell.put(gap);
                    cell.put(number(2) as u8);
                    cell.put_short(change);
                }
            }
        }
        let all = cell.bytes();
        let length = all.len() - 2;
        if length < 0x80 {
            all[1] = length as u8;
            self.cells.extend_from_slice(all);
        } else {
            put_bytes(&mut self.cells, 6, &all[2..]);
        }
        self.count += 1;
    }

    fn pool(&mut self, subject: (&str, &str), place: PoolPlace<'_>, change: PoolCounts) {
        let AreaChanges { areas, targets, purposes, pools, .. } = &mut self.message;
        let is_it = |at: &usize| areas[*at] == subject.0 && targets[*at] == subject.1;
        // They come in order of areas.
        let known = pools.last().map(|last| last.area as usize).filter(is_it);
        let known = known.or_else(|| (0..areas.len()).find(is_it));
        let area = known.unwrap_or_else(|| {
            areas.push(subject.0.to_owned());
            targets.push(subject.1.to_owned());
            areas.len() - 1
        });
        let known = purposes.iter().position(|known| known == place.purpose);
        let purpose = known.unwrap_or_else(|| {
            purposes.push(place.purpose.to_owned());
            purposes.len() - 1
        });
        pools.push(PoolChange {
            area: area as u32,
            registry_from: place.registry_from,
            purpose: purpose as u32 + 1,
            day: place.day,
            size: place.size.into(),
            positive: change.positive,
            negative: change.negative,
        });
    }

    /// The number of a purpose within the message, from 1; the total is 0.
    fn purpose(&mut self, (number, name): (usize, &str)) -> u64 {
        if name.is_empty() {
            return 0;
        }
        if self.purposes.len() <= number {
            self.purposes.resize(number + 1, 0);
        }
        if self.purposes[number] == 0 {
            self.message.purposes.push(name.to_owned());
            self.purposes[number] = self.message.purposes.len() as u64;
        }
        self.purposes[number]
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

/// Room for a cell of all numbers there are.
const LONGEST_CELL: usize = 512;
const _: () = assert!(2 + 4 * 11 + TALLIES * 6 + People::ALL.len() * GAPS * 10 <= LONGEST_CELL);

/// Appends a number field, unless it is 0: absent fields are 0. All fields of a cell are numbered below 16.
#[inline(always)]
fn put(cell: &mut Few<LONGEST_CELL>, field: u64, value: u64) {
    if value != 0 {
        cell.put(number(field) as u8);
        cell.put_short(value);
    }
}
