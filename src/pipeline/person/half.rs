//! The person half as a task knows it: begun, given the time and other rules, asked what it has to write.

use super::PersonHalf;
use super::ahead::READ_AHEAD;
use super::counting::cell_messages::Head;
use super::deadlines::{Deadlines, Due};
use super::duties::group;
use super::messages::{self, Trigger};
use super::overdue;
use super::pools::{recall, tubes};
use super::retention::{self, Cutoffs};
use crate::model::digest;
use crate::model::outcome::{End, Outcome, Reject};
use crate::model::record::{HalfKind, Output, Record, Topic};
use crate::model::time::Timestamp;
use crate::pipeline::decode;
use crate::pipeline::effects::Effects;
use crate::pipeline::ending::Ending;
use crate::pipeline::formats::{DUTIES, LABS, Newer, TUBES};
use crate::pipeline::half::{Context, Half};
use crate::pipeline::lab::LabsHeard;
use crate::pipeline::lab::tallies::{LabRecord, LabTallies};
use crate::pipeline::person::counting::cells::Cells;
use crate::pipeline::person::counting::contribution::{self, Places, Scratch};
use crate::pipeline::times::{OwnTime, Passed, Times, turn};
use crate::policy::Rules;
use crate::proto::v1::LabTally;
use crate::state::person::{PersonState, Slot};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// People looked at for old rows each time that time goes on: at least so many, and at least this part of all.
const SWEEP_LEAST: u32 = 64;
const SWEEP_PART: u32 = 1024;

impl Half for PersonHalf {
    const KIND: HalfKind = HalfKind::Person;
    const INPUTS: &'static [Topic] =
        &[Topic::LabResults, Topic::ContactRecords, Topic::PersonGroups, Topic::PersonEvents];
    const CHANGELOG: Topic = Topic::PersonState;
    const OWN_TIME: OwnTime = OwnTime::Receipts;

    fn new(context: Context, rules: Arc<Rules>) -> Self {
        Self {
            context,
            rules,
            state: PersonState::new(),
            places: Places::default(),
            cells: Cells::default(),
            messages: VecDeque::new(),
            touched: Vec::new(),
            labs_heard: LabsHeard::default(),
            of_lab: None,
            lab_tallies: LabTallies::default(),
            cutoffs: None,
            passed: Passed::default(),
            finds_duties: false,
            finds_tubes: false,
            deadlines: Deadlines::default(),
            sweep: 0,
            scratch: Scratch::default(),
            read: Vec::new(),
        }
    }

    fn apply(&mut self, record: &Record<'_>, effects: &mut Effects) -> Result<Outcome, Newer> {
        self.of_lab = None;
        let ending = match record.position.topic {
            _ if decode::is_time_mark(record, self.context.history) => Ok(Ending::Used(End::TimeMark)),
            Topic::PersonEvents => self.person_event(record, effects),
            _ => self.input(record, 0, effects),
        };
        self.deliver(effects);
        let outcome = self.ended(record, ending, effects)?;
        let of_lab = self.of_lab.take();
        self.tally(of_lab, outcome);
        Ok(outcome)
    }

    fn apply_all(
        &mut self,
        records: &[Record<'_>],
        effects: &mut Effects,
        ended: &mut dyn FnMut(&Record<'_>, Outcome),
    ) -> Result<(), Newer> {
        let mut read = std::mem::take(&mut self.read);
        for some in records.chunks(READ_AHEAD) {
            // A fault of ours must be found at the record it is met on: without those read ahead, each is read when it is
            // applied. One of reading ahead alone is told by the log, and changes nothing.
            if catch_unwind(AssertUnwindSafe(|| self.read_ahead(some, &mut read))).is_err() {
                read.clear();
            }
            for (at, record) in some.iter().enumerate() {
                let plain = read.get(at).and_then(Option::as_ref);
                let ending = plain.and_then(|plain| Some((self.plain(plain, record, effects)?, plain.of_lab)));
                let outcome = match ending {
                    Some((ending, of_lab)) => {
                        let outcome = self.ended(record, ending, effects)?;
                        self.tally(of_lab, outcome);
                        outcome
                    }
                    None => self.apply(record, effects)?,
                };
                ended(record, outcome);
            }
        }
        self.read = read;
        Ok(())
    }

    fn set_aside(&self, record: &Record<'_>, reject: &Reject) -> Output {
        messages::refused(record, reject, self.context.task)
    }

    fn advance(&mut self, times: &Times, effects: &mut Effects) {
        if std::mem::take(&mut self.finds_duties) {
            self.find_duties(effects);
        }
        if std::mem::take(&mut self.finds_tubes) {
            self.find_tubes(effects);
        }
        if let Some(everywhere) = times.everywhere {
            self.pass_deadlines(everywhere, effects);
        }
        let Some(drop_before) = times.drop_before else { return };
        // Nothing is forgotten that a deadline will still ask for.
        let cutoffs = Cutoffs::at(self.passed.of_all().map_or(drop_before, |due| due.min(drop_before)), &self.rules);
        self.cutoffs = Some(cutoffs);
        self.passed.held_from = self.passed.held_from.max(Some(cutoffs.first_held()));
        let slots = self.state.slots();
        for _ in 0..SWEEP_LEAST.max(slots / SWEEP_PART).min(slots) {
            self.sweep = if self.sweep + 1 < slots { self.sweep + 1 } else { 0 };
            let Some(slot) = self.state.taken(self.sweep) else { continue };
            if cutoffs.reach(self.state.rows(slot)) || self.state.case_file(slot).is_some() {
                if retention::tidy(&mut self.state, slot, &cutoffs, &mut effects.changes) {
                    self.scratch.forget(slot);
                }
                self.forget_duties(slot, effects);
                self.state.release_if_empty(slot, &mut effects.changes);
            }
        }
    }

    fn owes(&self, times: &Times) -> bool {
        self.deadlines.next().is_some_and(|next| times.everywhere.is_some_and(|everywhere| next.at <= everywhere))
    }

    fn passed(&self) -> Passed {
        self.passed
    }

    fn resume(&mut self, passed: Passed, written: u32) {
        self.passed = passed;
        self.finds_duties = written < DUTIES;
        self.finds_tubes = (written < TUBES) != (self.context.formats.written < TUBES);
        self.expect_all();
    }

    fn adopt(&mut self, rules: Arc<Rules>, effects: &mut Effects) {
        if self.rules.differ_in_marks_alone(&rules) {
            self.rules = rules;
            self.state.set_basis(self.rules.clone(), &mut effects.changes);
            return;
        }
        effects.labs_heard.extend(self.labs_heard.take(&self.rules));
        self.count_all(-1);
        self.cells.carry_over(&self.rules);
        self.lab_tallies.carry_over(&self.rules);
        self.rules = rules;
        self.places = Places::default();
        self.scratch.forget_all();
        self.count_all(1);
        self.state.set_basis(self.rules.clone(), &mut effects.changes);
        self.expect_all();
        for slot in 0..self.state.slots() {
            if let Some(slot) = self.state.taken(slot) {
                self.review(slot, &Trigger::rules(), effects);
                self.review_pools(slot, effects);
                self.touched.extend(self.state.case_file(slot).map(|_| slot));
            }
        }
        self.deliver(effects);
    }

    fn flush(&mut self, seq: u64, times: &Times, effects: &mut Effects) {
        if self.state.basis().is_none() {
            self.state.set_basis(self.rules.clone(), &mut effects.changes);
        }
        let head = Head {
            person_task: self.context.task,
            seq,
            now: times.own,
            layout: self.context.layout,
            format: self.context.formats.written,
        };
        let tallied = self.lab_tallies.drain(&self.rules);
        // Area tasks of a version that knows nothing of it would stop.
        let labs = if head.format < LABS { Vec::new() } else { tallied };
        effects.tallied = sum_of(&labs);
        effects.outputs.extend(self.cells.drain(&self.rules, &head, &labs));
        effects.labs_heard.extend(self.labs_heard.take(&self.rules));
    }

    fn rules_digest(&self) -> &str {
        &self.rules.digest
    }

    fn sizes(&self) -> Vec<(&'static str, u64)> {
        self.state.sizes()
    }
}

/// What labs are told.
impl PersonHalf {
    /// Books what became of a lab's result where it ended: of what is sent on that is not here.
    #[inline]
    fn tally(&mut self, of_lab: Option<LabRecord>, outcome: Outcome) {
        if let Some(record) = of_lab.filter(|_| outcome != Outcome::Used(End::Forwarded)) {
            self.lab_tallies.book(record, outcome, self.rules.labs.len());
        }
    }
}

/// What is due by a time.
impl PersonHalf {
    /// Looks at whoever something has come due of, in order of time: at so many in one commit, others in the next. Whoever
    /// restores it knows from the instant and the turn alone who was.
    fn pass_deadlines(&mut self, everywhere: Timestamp, effects: &mut Effects) {
        if self.passed.due.is_none() {
            self.begin_days(everywhere);
        }
        let (mut looked_at, mut last) = (0, None);
        while let Some(due) = self.deadlines.next().filter(|due| due.at <= everywhere) {
            // Two of one turn, which is next to impossible, are not told apart.
            if looked_at >= self.context.due_at_most && last != Some(due) {
                break;
            }
            let Some(slot) = self.deadlines.take() else { break };
            self.passed.come_to(due.at, due.turn);
            (looked_at, last) = (looked_at + 1, Some(due));
            self.review(slot, &Trigger::deadline(), effects);
            self.review_all_tubes(slot, &Trigger::deadline(), effects);
            self.touched.push(slot);
            self.expect_anew(slot);
        }
        self.deliver(effects);
        let next = self.deadlines.next().map(|due| due.at);
        if next.is_none_or(|next| Some(next) > self.passed.due) {
            self.passed.unseen = None;
        }
        if next.is_none_or(|next| next > everywhere) {
            self.passed.due = self.passed.due.max(Some(everywhere));
        }
    }

    /// From now on it is known which day it is: for whoever is in a group, which tests are due, and which were missed.
    fn begin_days(&mut self, everywhere: Timestamp) {
        let at = self.deadlines.next().map_or(everywhere, |due| due.at.min(everywhere));
        let is_member = |slot: &Slot| self.state.case_file(*slot).is_some_and(|file| !file.groups.is_empty());
        let members: Vec<Slot> = self.state.with_case_files().filter(is_member).collect();
        members.into_iter().for_each(|slot| self.deadlines.add(slot, self.due(slot, Some(at))));
    }

    /// How far time has come for a person, or a pool.
    pub(super) fn passed_of(&self, slot: Slot) -> Passed {
        let waits = self.passed.unseen.and_then(|_| self.state.case_file(slot));
        waits.map_or(self.passed, |file| self.passed.of(&file.person_id))
    }

    /// A deadline of a person with their turn; none lies before what others were already seen to at.
    pub(super) fn due(&self, slot: Slot, at: Option<Timestamp>) -> Option<Due> {
        let turn = turn(&self.state.case_file(slot)?.person_id);
        Some(Due { at: at?.max(self.passed.due.unwrap_or_default()), turn })
    }

    /// Whatever a person waited for, it is looked for anew.
    pub(super) fn expect_anew(&mut self, slot: Slot) {
        let passed = self.passed_of(slot);
        let next = self.state.case_file(slot).and_then(|file| {
            // Whoever is in a group is seen to once it is known which day it is.
            let begins = self.passed.due.filter(|_| passed.due.is_none() && !file.groups.is_empty());
            let of_pool = recall::next(file, &self.rules, passed);
            let of_groups = group::next(file, &self.rules, passed);
            let of_contacts = overdue::next(file, &self.rules, passed);
            of_contacts.into_iter().chain(of_pool).chain(of_groups).chain(begins).min()
        });
        self.deadlines.set(slot, self.due(slot, next));
    }

    fn expect_all(&mut self) {
        self.deadlines = Deadlines::default();
        let slots: Vec<Slot> = self.state.with_case_files().collect();
        slots.into_iter().for_each(|slot| self.expect_anew(slot));
    }
}

/// All that is counted.
impl PersonHalf {
    /// Everything the people held add to areas, by the rules they were counted by: what area tasks must hold of them,
    /// but for days that people are no longer held for.
    pub fn all_counted(&mut self) -> Vec<Output> {
        self.count_all(1);
        let Context { task: person_task, layout, formats, .. } = self.context;
        let head = Head { person_task, seq: 0, now: Timestamp::default(), layout, format: formats.written };
        self.cells.drain(&self.rules, &head, &[])
    }

    /// Adds (or takes back) all that the people held add by the rules in force.
    fn count_all(&mut self, sign: i32) {
        self.places.learn(&self.state, &self.rules);
        let slots: Vec<Slot> = (0..self.state.slots()).filter_map(|slot| self.state.taken(slot)).collect();
        for slot in slots {
            let rows = self.state.rows(slot);
            contribution::of_person(&mut self.cells, &self.rules, &self.places, &self.state, rows, sign);
            for case in self.cases(slot, None) {
                self.cells.case(case.place, case.community, sign);
            }
            let tubes = self.state.case_file(slot).map(tubes::all).unwrap_or_default();
            self.count_tubes(slot, &tubes, sign);
            self.count_all_shared(slot, sign);
            self.count_duties(slot, sign);
        }
    }
}

/// How many records area tasks are told of, and the digest of their ids.
fn sum_of(labs: &[LabTally]) -> (u64, u128) {
    let records = |tally: &LabTally| tally.outcomes.iter().map(|count| count.records).sum::<u64>();
    let digests = labs.iter().filter_map(|tally| digest::from_wire(&tally.id_digest));
    (labs.iter().map(records).sum(), digests.fold(0, u128::wrapping_add))
}
