//! One task: a half's state with its books, its time and its changelog.
//!
//! In: records of its partition. Out: one [`TaskCommit`] and outputs per commit. Nothing here waits, reads a clock or
//! writes to Kafka.

pub mod clock;

use super::log::{CommitMark, Committed, TaskCommit};
use crate::model::digest;
use crate::model::outcome::{Ledger, Outcome, Reject, RejectCode};
use crate::model::record::{COMMIT_HEADER, Layout, Output, Position, Record, Topic};
use crate::model::time::{Day, Timestamp};
use crate::pipeline::decode::validate::JUDGEMENT;
use crate::pipeline::effects::Effects;
use crate::pipeline::formats::{Formats, LABS, Newer};
use crate::pipeline::half::{Context, Half};
use crate::pipeline::times::{Passed, Times, Unseen};
use crate::policy::Rules;
use crate::proto::v1::{InputOffset, Loss, Progress, TaskHead};
use crate::state::changelog::{Changelog, Restorer};
use crate::state::paged::{Corrupt, Unusable};
use clock::{Clock, Look, Watermarks};
use prost::Message as _;
use prost_types::Timestamp as WireTimestamp;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Rules and where they were read: a later offset is a later set.
#[derive(Clone, Debug)]
pub struct RulesInForce {
    /// The rules.
    pub rules: Arc<Rules>,
    /// Offset after the manifest that closed the set.
    pub offset: i64,
}

/// A running task.
#[derive(Debug)]
pub struct Task<H> {
    number: i32,
    /// Tells the deployment's secret from any other without telling it.
    fingerprint: u64,
    layout: Layout,
    formats: Formats,
    half: H,
    changelog: Changelog,
    ledger: Ledger,
    /// Area tasks were told of every record for receipts of labs.
    tells_all: bool,
    next: Vec<(Topic, i64)>,
    clock: Clock,
    /// How far days may be closed: what the rules in force make of how far each person task has come.
    closing: Option<Timestamp>,
    /// The last closed day that was published, and from which on days are.
    told_closed: [Option<Day>; 2],
    rules_offset: i64,
    losses: Vec<Loss>,
    judged_from: Vec<InputOffset>,
    effects: Effects,
    touched: bool,
}

impl<H: Half> Task<H> {
    /// A task without history, which begins at these offsets.
    pub fn fresh(context: Context, rules: &RulesInForce, next: Vec<(Topic, i64)>, ring: u64) -> Self {
        let Context { task: number, layout, history, formats, .. } = context;
        let fingerprint = context.secret.fingerprint();
        Self {
            number,
            fingerprint,
            layout,
            formats,
            half: H::new(context, rules.rules.clone()),
            changelog: Changelog::new(H::CHANGELOG, number, ring),
            ledger: Ledger::default(),
            tells_all: true,
            next,
            clock: Clock::new(H::OWN_TIME, H::INPUTS, history),
            closing: None,
            told_closed: [None; 2],
            rules_offset: rules.offset,
            losses: Vec::new(),
            judged_from: Vec::new(),
            effects: Effects::default(),
            touched: false,
        }
    }

    /// A task as its last commit left it. What the group knows and what the changelog says must be the same commit:
    /// a difference means lost or foreign state, and going on would double or lose results.
    pub fn restored(
        context: Context,
        rules: &RulesInForce,
        committed: Committed,
        changelog: Restorer,
        ring: u64,
    ) -> Result<Self, Unusable> {
        let mark = match (committed.mark, changelog.is_empty()) {
            (None, true) => return Ok(Self::fresh(context, rules, committed.next, ring)),
            (None, false) => return Err(Unusable::WithoutOffsets),
            (Some(_), true) => return Err(Unusable::WithoutState),
            (Some(mark), false) => mark,
        };
        let mut task = Self::fresh(context, rules, committed.next, ring);
        let (head, changelog) = changelog.finish(&mut task.half)?;
        if head.secret_fingerprint != task.fingerprint {
            return Err(Unusable::Foreign(
                "it was written with another secret, so nobody in it would be found again; start with the deployment's \
                 own secret ([secret] in the configuration)"
                    .into(),
            ));
        }
        require_same_layout(&head, task.layout)?;
        require_same_commit(mark, &task.next, changelog.seq(), &head)?;
        task.next.extend(committed.begin);
        task.changelog = changelog;
        let time = |wire: &Option<WireTimestamp>| wire.as_ref().and_then(Timestamp::from_wire).unwrap_or_default();
        let published = Watermarks { watermark: time(&head.told), drop_before: time(&head.drop_now) };
        task.clock.resume(time(&head.now), published);
        task.ledger = Ledger::from_counts(head.consumed, head.sent, head.received, &head.outcomes);
        task.ledger.tallied = (head.lab_records, digest::from_wire(&head.lab_digest).unwrap_or_default());
        task.tells_all = head.tells_all;
        task.rules_offset = head.rules_offset;
        task.half.resume(passed_by(&head), head.written_format);
        task.losses = head.losses;
        // What was read so far, another version may have taken that this one refuses: whoever counts again must know.
        task.judged_from = if head.judgement == JUDGEMENT { head.judged_from } else { head.inputs };
        task.told_closed = task.closed();
        Ok(task)
    }

    /// Whether rules are those the state was derived by, or newer.
    pub fn may_use(&self, rules: &RulesInForce) -> bool {
        rules.rules.digest == self.half.rules_digest() || rules.offset >= self.rules_offset
    }

    /// Derives the state again where the rules are not those it was derived by. Its worker may still be reading what was
    /// in force before those came back: that is passed over.
    pub fn adopt(&mut self, rules: &RulesInForce) {
        if !self.may_use(rules) {
            return;
        }
        if self.half.rules_digest() == rules.rules.digest {
            self.half.share(rules.rules.clone());
        } else {
            self.half.adopt(rules.rules.clone(), &mut self.effects);
            self.touched = true;
        }
        // A mark of a day that was taken back, or has become narrower, lets nothing close from here on.
        self.closing = self.half.closing(self.clock.come_to());
        // A set that came back may have been read here when it was in force the first time.
        self.rules_offset = self.rules_offset.max(rules.offset);
    }

    /// Applies the next records of one of the inputs, up to one that is for a newer version to read: the task stays before
    /// that.
    ///
    /// # Panics
    /// When one was applied before: the log handed it over twice.
    pub fn apply_all(&mut self, records: &[Record<'_>]) -> Result<(), Newer> {
        let Self { half, effects, clock, ledger, next, touched, .. } = self;
        half.apply_all(records, effects, &mut |record, outcome| {
            clock.receive(record.position.topic, record.received_at);
            book(ledger, next, record, outcome);
            *touched = true;
        })
    }

    /// As [`Task::apply_all`], of one record.
    pub fn apply(&mut self, record: &Record<'_>) -> Result<(), Newer> {
        self.apply_all(std::slice::from_ref(record))
    }

    /// As [`Task::apply`], for a record on which that panicked: the fault is ours, and the stream must go on.
    pub fn set_aside(&mut self, record: &Record<'_>) {
        self.clock.receive(record.position.topic, record.received_at);
        let reject = Reject::new(RejectCode::Internal, "");
        self.effects.outputs.push(self.half.set_aside(record, &reject));
        book(&mut self.ledger, &mut self.next, record, Outcome::Rejected(reject.code));
        self.touched = true;
    }

    /// Whether a record of one of the inputs was applied or set aside.
    pub fn has_read(&self, position: Position) -> bool {
        self.next.iter().any(|(topic, next)| *topic == position.topic && position.offset < *next)
    }

    /// Takes over that the inputs were read up to these offsets. Past the last record lie the marker of its transaction
    /// and whatever was aborted: committed offsets that stop before them would be out of range once a partition that
    /// fell silent is deleted by its retention, and look as if records had been lost.
    pub fn reach(&mut self, offsets: &[(Topic, i64)]) {
        for (topic, offset) in offsets {
            if let Some((_, next)) = self.next.iter_mut().find(|(input, next)| input == topic && next < offset) {
                *next = *offset;
                self.touched = true;
            }
        }
    }

    /// Goes on from an offset of an input behind records that were deleted before they were read: an operator has given
    /// them up. Each of their offsets is booked as lost. False where it goes on from there or behind it already.
    ///
    /// # Panics
    /// When that is no input of this half.
    #[must_use]
    pub fn give_up(&mut self, topic: Topic, to: i64, at: Timestamp) -> bool {
        let next = self.next.iter_mut().find(|(input, _)| *input == topic).expect("an input of this half");
        if to <= next.1 {
            return false;
        }
        let from = std::mem::replace(&mut next.1, to);
        self.ledger.book_lost((to - from).unsigned_abs());
        let (topic, given_up_at) = (topic.name().to_owned(), Some(at.to_wire()));
        self.losses.push(Loss { topic, from, to, given_up_at });
        self.touched = true;
        true
    }

    /// Lets time pass without records.
    pub fn pass_time(&mut self, look: &Look) {
        self.touched |= self.clock.look(look);
        if self.clock.take_come_on() {
            self.closing = self.half.closing(self.clock.come_to());
        }
    }

    fn times(&self) -> Times {
        Times { closing: self.closing, ..self.clock.times() }
    }

    /// Whether the next commit goes further, although nothing was read since the last.
    pub fn owes(&self) -> bool {
        self.half.owes(&self.times())
    }

    /// Whether anything is to be committed.
    pub fn touched(&self) -> bool {
        self.touched || self.clock.has_news() || self.owes()
    }

    /// Whether somebody is waiting for the commit.
    pub fn urgent(&self) -> bool {
        self.effects.urgent
    }

    /// Where outputs and messages of the next commit go, but for what is of this task alone.
    pub fn shared(&self) -> BTreeSet<(Topic, i32)> {
        let places = self.effects.outputs.iter().map(|output| (output.topic, output.partition));
        places.filter(|(_, partition)| *partition != self.number).collect()
    }

    /// Whether a cycle of images is due, which begins with the first `commit` that is given the changelog's end.
    pub fn wants_changelog_end(&self) -> bool {
        self.changelog.wants_end()
    }

    /// Everything since the last commit, as one step. The caller sends it, or drops this task.
    pub fn commit(&mut self, changelog_end: Option<i64>) -> (Vec<Output>, TaskCommit) {
        if let Some(end) = changelog_end {
            self.changelog.begin_cycle(end);
        }
        let seq = self.changelog.seq() + 1;
        let times = self.times();
        self.half.advance(&times, &mut self.effects);
        self.half.flush(seq, &times, &mut self.effects);
        self.ledger.sent += std::mem::take(&mut self.effects.sent);
        self.tells_all &= self.formats.written >= LABS;
        let (records, ids) = std::mem::take(&mut self.effects.tallied);
        self.ledger.tallied = (self.ledger.tallied.0 + records, self.ledger.tallied.1.wrapping_add(ids));
        let mut outputs = std::mem::take(&mut self.effects.outputs);
        // A day that was closed is told of at once: nothing else may follow for long.
        let closed = self.closed();
        let told = self.clock.publish(self.touched);
        if told.is_some() || closed != self.told_closed {
            outputs.push(self.progress(told.unwrap_or(self.clock.published())));
            self.told_closed = closed;
        }
        let commit = format!("{}/{}/{seq}", H::KIND, self.number).into_bytes();
        outputs.iter_mut().for_each(|output| output.headers.push((COMMIT_HEADER, commit.clone())));
        let changes = self.changelog.write(&self.half, self.head(), self.effects.changes.as_bytes());
        self.effects.changes.clear();
        self.effects.urgent = false;
        self.touched = false;
        let mark = CommitMark { seq, restore_from: self.changelog.restore_from() };
        (outputs, TaskCommit { task: self.number, changes, next: self.next.clone(), mark })
    }

    fn head(&self) -> TaskHead {
        let offset = |&(topic, offset): &(Topic, i64)| InputOffset { topic: topic.name().into(), offset };
        let Passed { due, unseen, held_from } = self.half.passed();
        TaskHead {
            inputs: self.next.iter().map(offset).collect(),
            now: Some(self.now().to_wire()),
            rules_digest: self.half.rules_digest().into(),
            rules_offset: self.rules_offset,
            pages: 0,
            restore_from: 0,
            ring: 0,
            outcomes: self.ledger.counts(),
            consumed: self.ledger.consumed,
            sent: self.ledger.sent,
            received: self.ledger.received,
            secret_fingerprint: self.fingerprint,
            person_tasks: self.layout.person_tasks,
            area_tasks: self.layout.area_tasks,
            told: Some(self.clock.published().watermark.to_wire()),
            drop_now: Some(self.clock.published().drop_before.to_wire()),
            losses: self.losses.clone(),
            judgement: JUDGEMENT,
            judged_from: self.judged_from.clone(),
            due: due.map(Timestamp::to_wire),
            due_turn: unseen.map(|unseen| unseen.from),
            due_before: unseen.and_then(|unseen| unseen.due).map(Timestamp::to_wire),
            held_from: held_from.map(Timestamp::to_wire),
            written_format: self.formats.written,
            tells_all: self.tells_all,
            lab_records: self.ledger.tallied.0,
            lab_digest: if self.ledger.tallied.0 == 0 { Vec::new() } else { digest::to_wire(self.ledger.tallied.1) },
        }
    }

    /// What others are told of days it has closed.
    fn closed(&self) -> [Option<Day>; 2] {
        [self.half.closed(), self.half.closed_from()]
    }

    fn progress(&self, Watermarks { watermark, drop_before }: Watermarks) -> Output {
        let day = |day: Option<Day>| day.map(|day| day.to_string()).unwrap_or_default();
        let progress = Progress {
            half: H::KIND.name().into(),
            task: self.number,
            now: Some(watermark.to_wire()),
            rules_digest: self.half.rules_digest().into(),
            drop_now: Some(drop_before.to_wire()),
            closed_day: day(self.half.closed()),
            closed_from: day(self.half.closed_from()),
            format: self.formats.written,
        };
        Output {
            topic: Topic::Progress,
            partition: 0,
            key: format!("{}/{}", H::KIND, self.number).into_bytes(),
            payload: Some(progress.encode_to_vec()),
            headers: Vec::new(),
        }
    }

    /// Next offsets of all inputs.
    pub fn next(&self) -> &[(Topic, i64)] {
        &self.next
    }

    /// Number of the last commit.
    pub fn seq(&self) -> u64 {
        self.changelog.seq()
    }

    /// The task's books.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The task's own time.
    pub fn now(&self) -> Timestamp {
        self.clock.times().own
    }

    /// The state.
    pub fn half(&self) -> &H {
        &self.half
    }

    /// Changes of closed days since the last call.
    pub fn take_closed(&mut self) -> u64 {
        std::mem::take(&mut self.effects.closed)
    }

    /// Newest receipts per lab since the last call.
    pub fn take_labs_heard(&mut self) -> Vec<(String, Timestamp)> {
        std::mem::take(&mut self.effects.labs_heard)
    }

    /// Receipts of results behind alerts since the last call.
    pub fn take_alerted(&mut self) -> Vec<Timestamp> {
        std::mem::take(&mut self.effects.alerted)
    }

    /// Results reported before they were collected, since the last call.
    pub fn take_reported_early(&mut self) -> u64 {
        std::mem::take(&mut self.effects.reported_early)
    }
}

/// A record has ended: it is in the books, and the next offset is the one after it.
#[inline]
fn book(ledger: &mut Ledger, next: &mut [(Topic, i64)], record: &Record<'_>, outcome: Outcome) {
    let topic = record.position.topic;
    ledger.book(outcome);
    ledger.received += u64::from(topic == Topic::PersonEvents);
    let next = next.iter_mut().find(|(input, _)| *input == topic).expect("an input of this half");
    assert!(record.position.offset >= next.1, "{} {} was applied before", topic.name(), record.position.offset);
    next.1 = record.position.offset + 1;
}

/// How far time has come, as it was stored.
fn passed_by(head: &TaskHead) -> Passed {
    let time = |at: &Option<WireTimestamp>| at.as_ref().and_then(Timestamp::from_wire);
    let unseen = head.due_turn.map(|from| Unseen { from, due: time(&head.due_before) });
    Passed { due: time(&head.due), unseen, held_from: time(&head.held_from) }
}

/// With other numbers of tasks people and areas would be looked for in other tasks than they are kept in, and begin
/// there once more from nothing.
fn require_same_layout(head: &TaskHead, layout: Layout) -> Result<(), Unusable> {
    let (was, is) = ((head.person_tasks, head.area_tasks), (layout.person_tasks, layout.area_tasks));
    match was == is || was == (0, 0) {
        true => Ok(()),
        false => Err(Unusable::OtherTasks(format!(
            "it was written with {} person tasks and {} area tasks, and the topics have {} and {} partitions now: \
             the numbers are fixed for ever; go back to topics with as many partitions, or compute everything anew",
            was.0, was.1, is.0, is.1
        ))),
    }
}

fn require_same_commit(mark: CommitMark, committed: &[(Topic, i64)], seq: u64, head: &TaskHead) -> Result<(), Corrupt> {
    let stored: Option<Vec<(Topic, i64)>> =
        head.inputs.iter().map(|input| Some((Topic::named(&input.topic)?, input.offset))).collect();
    let mut stored = stored.ok_or_else(|| Corrupt("the last delta names an unknown topic".into()))?;
    let mut committed = committed.to_vec();
    stored.sort();
    committed.sort();
    match mark.seq == seq && stored == committed {
        true => Ok(()),
        false => Err(Corrupt(format!(
            "the group is at commit {} with offsets {committed:?}, the changelog at {seq} with {stored:?}",
            mark.seq
        ))),
    }
}
