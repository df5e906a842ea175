//! A task's clock: the arithmetic of its times, and of what it publishes of them.
//!
//! In: receipts of records, and [`Look`]s at the wall clock and at the other tasks. Out: the three [`Times`] of the core,
//! and the [`Watermarks`] that others go by. Nothing here waits or reads a clock.
//!
//! A task's *watermark* is the time before which it has read everything: with several inputs that of the input which is
//! furthest behind. What others dropped or closed by a published watermark cannot be undone, so it never runs backwards,
//! not even over a restore.

use crate::model::record::Topic;
use crate::model::time::Timestamp;
use crate::pipeline::times::{OwnTime, Times};
use crate::policy::LONGEST_WINDOW;
use std::sync::Arc;

/// Time goes on, and watermarks are published, in steps of so many milliseconds.
const STEP_MS: i64 = 1_000;

/// Times by which rows are dropped go on by so much at most, from one that all tasks have published to the next: then
/// whatever was sent over one task has arrived. A record can cause messages over three, and rows are held for longer than
/// two steps beyond all that admissible records can need.
const DROP_STEP_DAYS: i64 = 7;
const _: () = assert!(2 * DROP_STEP_DAYS <= LONGEST_WINDOW as i64);

/// What a worker knows of the time, for one of its tasks.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// The wall clock.
    pub at: Timestamp,
    /// Wall time up to which the task's inputs hold nothing unread; `None` while unknown.
    pub read_until: Option<Timestamp>,
    /// The smallest of what all person tasks have published; `None` until all have.
    pub slowest: Option<Watermarks>,
    /// How far each person task has come by what it has published, by its number; empty until all have.
    pub come_to: Arc<[Timestamp]>,
}

/// What a task publishes of its time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watermarks {
    /// No record received earlier is still to be read.
    pub watermark: Timestamp,
    /// The time by which others may drop rows, as far as this task can tell.
    pub drop_before: Timestamp,
}

impl Watermarks {
    /// The greater of each.
    pub fn max(self, other: Self) -> Self {
        Self { watermark: self.watermark.max(other.watermark), drop_before: self.drop_before.max(other.drop_before) }
    }

    /// The smaller of each.
    pub fn min(self, other: Self) -> Self {
        Self { watermark: self.watermark.min(other.watermark), drop_before: self.drop_before.min(other.drop_before) }
    }
}

/// The clock of one task.
#[derive(Clone, Debug)]
pub struct Clock {
    own: Timestamp,
    watermark: Timestamp,
    everywhere: Option<Timestamp>,
    /// A `slowest` that will be taken up, and the wall time it was heard of at: whoever published it had sent its messages
    /// by then, so read to an end that was asked for later, none is missing.
    heard: Option<Heard>,
    published: Watermarks,
    /// What each person task has come to was taken up.
    come_on: bool,
    source: Source,
}

/// What will be taken up.
#[derive(Clone, Debug)]
struct Heard {
    slowest: Watermarks,
    come_to: Arc<[Timestamp]>,
    at: Timestamp,
}

#[derive(Clone, Debug)]
enum Source {
    Receipts {
        /// Newest receipt of each input that moves time.
        newest: Vec<(Topic, Timestamp)>,
        /// Earliest time known before anything was published.
        first: Option<Timestamp>,
        /// That of [`Look::slowest`], once it was taken up.
        drop_before: Option<Timestamp>,
        /// Data are past: the wall clock is no time of theirs.
        history: bool,
    },
    SlowestPersonTask {
        /// That of [`Look::come_to`], once it was taken up.
        come_to: Arc<[Timestamp]>,
    },
}

impl Clock {
    /// That of a task without history.
    pub fn new(own_time: OwnTime, inputs: &[Topic], history: bool) -> Self {
        let moving = inputs.iter().filter(|topic| topic.moves_time());
        let source = match own_time {
            OwnTime::Receipts => Source::Receipts {
                newest: moving.map(|topic| (*topic, Timestamp::default())).collect(),
                first: None,
                drop_before: None,
                history,
            },
            OwnTime::SlowestPersonTask => Source::SlowestPersonTask { come_to: Arc::default() },
        };
        let (own, watermark, published) = (Timestamp::default(), Timestamp::default(), Watermarks::default());
        Self { own, watermark, everywhere: None, heard: None, published, come_on: false, source }
    }

    /// Goes on where a commit left it. What was published holds: others dropped rows by it, so an earlier watermark would
    /// take that back.
    pub fn resume(&mut self, own: Timestamp, published: Watermarks) {
        (self.own, self.watermark, self.published) = (own, published.watermark, published);
    }

    /// The times of the core, but for how far days may be closed: that follows from [`Clock::come_to`] by the rules.
    pub fn times(&self) -> Times {
        let drop_before = match &self.source {
            Source::Receipts { drop_before, .. } => *drop_before,
            Source::SlowestPersonTask { .. } => None,
        };
        Times { own: self.own, everywhere: self.everywhere, closing: None, drop_before }
    }

    /// How far each person task has come, of which all that was sent here by then is read. Of a task that closes days.
    pub fn come_to(&self) -> &[Timestamp] {
        match &self.source {
            Source::Receipts { .. } => &[],
            Source::SlowestPersonTask { come_to } => come_to,
        }
    }

    /// Whether that is other than it was when this was last asked.
    pub fn take_come_on(&mut self) -> bool {
        std::mem::take(&mut self.come_on)
    }

    /// What was published last.
    pub fn published(&self) -> Watermarks {
        self.published
    }

    /// A record was received at this time, and has been applied.
    pub fn receive(&mut self, topic: Topic, at: Timestamp) {
        let Source::Receipts { newest, first, .. } = &mut self.source else { return };
        let Some((_, known)) = newest.iter_mut().find(|(input, _)| *input == topic) else { return };
        if at <= *known && first.is_some_and(|first| first <= at) {
            return; // nothing below would be other than it is
        }
        *known = at.max(*known);
        *first = Some(first.unwrap_or(at).min(at));
        self.own = self.own.max(at);
        // One input may be read far ahead of another, as in any catching up.
        let furthest_behind = newest.iter().map(|(_, newest)| *newest).min().unwrap_or_default();
        self.watermark = self.watermark.max(furthest_behind);
    }

    /// Time passes without records. Whether the task's own went on.
    pub fn look(&mut self, look: &Look) -> bool {
        let (until, step) = match self.source {
            Source::Receipts { history, .. } => (look.read_until.filter(|_| !history), STEP_MS),
            Source::SlowestPersonTask { .. } => (look.slowest.map(|slowest| slowest.watermark), 1),
        };
        let went_on = until.filter(|until| until.0 >= self.own.0 + step);
        self.own = went_on.unwrap_or(self.own);
        match &mut self.source {
            Source::SlowestPersonTask { .. } => self.watermark = self.watermark.max(self.own),
            Source::Receipts { first, .. } => {
                if look.read_until.is_some() {
                    self.watermark = self.watermark.max(self.own);
                    *first = first.or(Some(self.watermark).filter(|known| *known > Timestamp::default()));
                }
            }
        }
        self.hear(look);
        went_on.is_some()
    }

    /// Takes up what all person tasks have published, once nothing that was sent by then is unread.
    fn hear(&mut self, look: &Look) {
        if self.heard.is_none() {
            let is_other = |slowest: &Watermarks| match &self.source {
                Source::Receipts { drop_before, .. } => *drop_before < Some(slowest.drop_before),
                Source::SlowestPersonTask { come_to } => *come_to != look.come_to,
            };
            let is_news = |slowest: &Watermarks| self.everywhere < Some(slowest.watermark) || is_other(slowest);
            let heard = |slowest| Heard { slowest, come_to: look.come_to.clone(), at: look.at };
            self.heard = look.slowest.filter(is_news).map(heard);
        }
        let Some(heard) = self.heard.take_if(|heard| look.read_until.is_some_and(|read| read > heard.at)) else {
            return;
        };
        self.everywhere = self.everywhere.max(Some(heard.slowest.watermark));
        match &mut self.source {
            Source::Receipts { drop_before, .. } => *drop_before = Some(heard.slowest.drop_before).max(*drop_before),
            Source::SlowestPersonTask { come_to } => (*come_to, self.come_on) = (heard.come_to, true),
        }
    }

    /// Whether there is more to publish than was.
    pub fn has_news(&self) -> bool {
        self.watermark > self.published.watermark || self.drop_before() > self.published.drop_before
    }

    /// What a commit publishes, if anything: a busy task now and then; when it falls quiet, a commit of its own publishes
    /// the rest.
    pub fn publish(&mut self, busy: bool) -> Option<Watermarks> {
        let due = self.watermark.0 >= self.published.watermark.0 + STEP_MS;
        if !due && (busy || !self.has_news()) {
            return None;
        }
        self.published = Watermarks { watermark: self.watermark, drop_before: self.drop_before() };
        Some(self.published)
    }

    /// The time by which others may drop rows, as far as this task can tell.
    fn drop_before(&self) -> Timestamp {
        let most = match &self.source {
            Source::SlowestPersonTask { .. } => self.watermark,
            Source::Receipts { first, drop_before, .. } => {
                let begun = first.filter(|_| self.published.drop_before == Timestamp::default());
                let from = drop_before.or(begun);
                from.map(|from| from.plus_days(DROP_STEP_DAYS)).unwrap_or_default().min(self.watermark)
            }
        };
        self.published.drop_before.max(most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INPUTS: [Topic; 3] = [Topic::LabResults, Topic::ContactRecords, Topic::PersonEvents];
    const DAY: i64 = 86_400_000;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp(milliseconds)
    }

    fn person() -> Clock {
        Clock::new(OwnTime::Receipts, &INPUTS, false)
    }

    fn area() -> Clock {
        Clock::new(OwnTime::SlowestPersonTask, &[Topic::AreaChanges], false)
    }

    /// All that was there at a wall time has been read.
    fn idle(at: i64) -> Look {
        Look { at: Timestamp(at), read_until: Some(Timestamp(at)), ..Look::default() }
    }

    /// All person tasks have published this.
    fn published(watermark: i64, drop_before: i64) -> Option<Watermarks> {
        Some(Watermarks { watermark: at(watermark), drop_before: at(drop_before) })
    }

    #[test]
    fn own_time_is_the_newest_receipt_and_the_watermark_that_of_the_input_furthest_behind() {
        let mut clock = person();
        // Input, receipt; then own time and watermark.
        let table = [
            (Topic::LabResults, 50_000, 50_000, 0),
            (Topic::ContactRecords, 20_000, 50_000, 20_000),
            (Topic::ContactRecords, 10_000, 50_000, 20_000),
            (Topic::LabResults, 60_000, 60_000, 20_000),
            (Topic::PersonEvents, 90_000, 60_000, 20_000),
            (Topic::ContactRecords, 70_000, 70_000, 60_000),
        ];
        for (topic, receipt, own, watermark) in table {
            clock.receive(topic, at(receipt));
            assert_eq!((clock.times().own, clock.watermark), (at(own), at(watermark)), "{topic:?} {receipt}");
        }
    }

    #[test]
    fn where_all_is_read_the_wall_clock_goes_on_in_whole_steps() {
        // Look; whether it went on; own time and watermark then.
        let busy = Look { at: at(90_000), ..Look::default() };
        let live = [
            (busy.clone(), false, 50_000, 0),
            (idle(50_999), false, 50_000, 50_000),
            (idle(51_000), true, 51_000, 51_000),
            (idle(40_000), false, 51_000, 51_000),
        ];
        let past = [(busy, false, 50_000, 0), (idle(90_000), false, 50_000, 50_000)];
        for (history, table) in [(false, &live[..]), (true, &past)] {
            let mut clock = Clock::new(OwnTime::Receipts, &INPUTS, history);
            clock.receive(Topic::LabResults, at(50_000));
            for (look, went_on, own, watermark) in table {
                assert_eq!(clock.look(look), *went_on, "{history} {look:?}");
                assert_eq!((clock.times().own, clock.watermark), (at(*own), at(*watermark)), "{history} {look:?}");
            }
        }
    }

    #[test]
    fn time_is_everywhere_once_all_that_was_sent_by_then_is_read() {
        for mut clock in [person(), area()] {
            // Wall time, slowest watermark, wall time up to which all is read; then what is known of everywhere.
            let table = [
                (100, Some(5_000), Some(90), None),
                (110, Some(6_000), Some(100), None),
                // Read beyond the moment at which 5,000 was heard of; 6,000 is taken up only now.
                (120, Some(6_000), Some(101), Some(5_000)),
                (130, Some(6_000), None, Some(5_000)),
                (140, Some(6_000), Some(140), Some(6_000)),
                (150, Some(4_000), Some(150), Some(6_000)),
                (160, None, Some(160), Some(6_000)),
            ];
            for (wall, slowest, read_until, everywhere) in table {
                // Rows are dropped by what is published beside it, and by the same rule.
                let slowest = slowest.and_then(|slowest| published(slowest, slowest - 1_000));
                clock.look(&Look { at: at(wall), slowest, read_until: read_until.map(Timestamp), ..Look::default() });
                let Times { everywhere: known, drop_before, .. } = clock.times();
                assert_eq!(known, everywhere.map(Timestamp), "at {wall}");
                let drops = everywhere.filter(|_| matches!(clock.source, Source::Receipts { .. }));
                assert_eq!(drop_before, drops.map(|known| at(known - 1_000)), "at {wall}");
            }
        }
    }

    #[test]
    fn what_each_task_has_come_to_is_taken_up_once_all_that_was_sent_by_then_is_read() {
        let mut clock = area();
        // Wall time, how far the faster of two tasks has come, wall time up to which all is read; then what is known.
        let table: [(i64, i64, i64, &[i64]); 4] = [
            (100, 9_500, 90, &[]),
            (110, 9_500, 101, &[9_000, 9_500]),
            // It goes further on, while the slowest is where it was.
            (120, 12_000, 115, &[9_000, 9_500]),
            (130, 12_000, 121, &[9_000, 12_000]),
        ];
        for (wall, fast, read_until, known) in table {
            let come_to = [at(9_000), at(fast)].into();
            let look = Look { slowest: published(9_000, 9_000), come_to, ..idle(read_until) };
            clock.look(&Look { at: at(wall), ..look });
            assert_eq!(clock.come_to().iter().map(|at| at.0).collect::<Vec<_>>(), known, "at {wall}");
        }
        assert_eq!(clock.times().everywhere, Some(at(9_000)));
    }

    #[test]
    fn an_area_task_goes_by_the_slowest_person_task_and_drops_nothing() {
        let mut clock = area();
        clock.receive(Topic::AreaChanges, at(9_000_000));
        assert!(clock.look(&Look { slowest: published(70_000, 1), ..idle(80_000_000) }));
        assert!(!clock.look(&Look { slowest: published(70_000, 2), ..idle(80_000_001) }));
        let times = clock.times();
        assert_eq!((times.own, times.drop_before), (at(70_000), None), "neither receipts nor the wall clock count");
        assert_eq!(clock.publish(false), Some(Watermarks { watermark: at(70_000), drop_before: at(70_000) }));
        assert!(!clock.look(&Look { slowest: published(60_000, 1), ..Look::default() }), "never backwards");
    }

    #[test]
    fn the_time_for_dropping_goes_on_in_steps_from_what_all_have_published() {
        let mut clock = person();
        clock.receive(Topic::LabResults, at(DAY));
        clock.look(&idle(100 * DAY));
        // Heard of, and read on since.
        let all = |drop_before| Look { at: at(0), slowest: published(1, drop_before), ..idle(100 * DAY) };
        // It begins a step behind the first receipt, since nobody has published anything yet.
        assert_eq!(clock.publish(false).map(|watermarks| watermarks.drop_before), Some(at(8 * DAY)));
        assert!(!clock.has_news(), "until all others have published theirs it stays");
        clock.look(&all(DAY / 2));
        assert!(!clock.has_news(), "never backwards");
        clock.look(&all(8 * DAY));
        assert_eq!(clock.times().drop_before, Some(at(8 * DAY)));
        assert_eq!(clock.publish(false).map(|watermarks| watermarks.drop_before), Some(at(15 * DAY)));
        clock.look(&all(99 * DAY));
        let watermark = at(100 * DAY);
        assert_eq!(clock.publish(false), Some(Watermarks { watermark, drop_before: watermark }), "never beyond it");
    }

    #[test]
    fn a_busy_task_publishes_now_and_then_and_a_quiet_one_the_rest() {
        let mut clock = person();
        assert_eq!(clock.publish(false), None, "nothing is known yet");
        // Wall time at which all is read, whether the task is busy; the watermark published, if any.
        let table = [
            (60_000, true, Some(60_000)),
            (60_900, true, None),
            (61_000, true, Some(61_000)),
            (61_000, false, None),
            (62_500, false, Some(62_500)),
        ];
        for (wall, busy, published) in table {
            clock.look(&idle(wall));
            assert_eq!(
                clock.publish(busy).map(|watermarks| watermarks.watermark),
                published.map(Timestamp),
                "at {wall}"
            );
        }
        clock.receive(Topic::LabResults, at(62_900));
        clock.receive(Topic::ContactRecords, at(62_800));
        assert_eq!(clock.publish(true), None, "less than a step");
        assert_eq!(clock.publish(false).map(|watermarks| watermarks.watermark), Some(at(62_800)), "it falls quiet");
    }

    #[test]
    fn a_task_that_goes_on_publishes_nothing_earlier_than_it_had() {
        let mut clock = person();
        let published = Watermarks { watermark: at(40 * DAY), drop_before: at(30 * DAY) };
        clock.resume(at(41 * DAY), published);
        assert_eq!(clock.times(), Times { own: at(41 * DAY), ..Times::default() });
        clock.receive(Topic::LabResults, at(20 * DAY));
        clock.receive(Topic::ContactRecords, at(21 * DAY));
        assert!(!clock.has_news());
        assert_eq!((clock.publish(false), clock.published()), (None, published));
    }
}
