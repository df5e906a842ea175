//! How a worker comes to its tasks: it reads their changelogs, a piece each, and starts them.

use super::{Phase, Worker, report_of};
use crate::pipeline::half::{Context, Half};
use crate::runtime::log::{CommitMark, Committed, Fatal, Log, Restore};
use crate::runtime::restoring::Restoring;
use crate::runtime::task::Task;
use crate::state::paged::Unusable;

impl<H: Half, L: Log> Worker<H, L> {
    /// Reads on in every changelog that is not read to its end, a piece each, so that running tasks go on meanwhile.
    pub(super) fn restore(&mut self) -> Result<bool, Fatal> {
        let mut busy = false;
        if self.failures.pauses(self.at) {
            return Ok(false);
        }
        let waiting: Vec<i32> = self.phases.keys().copied().collect();
        for number in waiting {
            busy |= match self.phases.remove(&number) {
                Some(Phase::Restoring(restoring)) => self.restore_some(number, restoring)?,
                Some(Phase::Waiting(task)) => {
                    self.start(number, task, true)?;
                    false
                }
                Some(running) => {
                    self.phases.insert(number, running);
                    false
                }
                None => false,
            };
        }
        Ok(busy)
    }

    fn restore_some(&mut self, number: i32, mut restoring: Box<Restoring>) -> Result<bool, Fatal> {
        let mut taken = Ok(());
        let meter = &self.meter;
        let found = self.log.restore(number, &mut |records| match restoring.take(records) {
            Ok(bytes) => meter.restore_read(records.len() as u64, bytes),
            Err(fault) => taken = Err(fault),
        })?;
        taken.map_err(|why| self.unusable(number, &why))?;
        let reading = matches!(found, Restore::Reading { .. });
        match found {
            Restore::Done(committed) => return self.end_restore(number, restoring, committed).map(|()| true),
            Restore::Pending => {}
            Restore::Stuck(why) => {
                restoring.tell_stuck(self.at, &why);
                self.meter.stuck(number, &why);
            }
            Restore::Reading { remaining } => {
                restoring.tell(self.at, remaining);
                self.meter.restoring(number, remaining);
            }
        }
        self.phases.insert(number, Phase::Restoring(restoring));
        Ok(reading)
    }

    /// Makes a task of what was read.
    fn end_restore(&mut self, number: i32, mut restoring: Box<Restoring>, found: Committed) -> Result<(), Fatal> {
        let (seconds, records, mark) = (restoring.seconds(self.at), restoring.records(), found.mark);
        let (context, ring) = (self.context(number), self.settings.ring);
        let task = match Task::restored(context, &self.rules, found, restoring.read(), ring) {
            Ok(task) => task,
            Err(why) => return self.restore_anew(number, restoring, &why, mark),
        };
        let (half, is_news) = (H::KIND.name(), self.is_news(restoring.has_dropped()));
        if is_news {
            tracing::info!(half, task = number, records, seconds, "restored");
        }
        self.meter.restore_took(seconds);
        if !task.may_use(&self.rules) {
            tracing::warn!(half, task = number, "restored by newer rules than read, waiting for them");
        }
        self.start(number, Box::new(task), is_news)
    }

    /// What was read cannot be used: it is read once more where somebody else may have gone on with it meanwhile.
    fn restore_anew(
        &mut self,
        number: i32,
        mut restoring: Box<Restoring>,
        why: &Unusable,
        mark: Option<CommitMark>,
    ) -> Result<(), Fatal> {
        if !restoring.begin_anew(why, mark) {
            return Err(self.unusable(number, why));
        }
        self.phases.insert(number, Phase::Restoring(restoring));
        Ok(())
    }

    fn unusable(&self, number: i32, why: &Unusable) -> Fatal {
        Fatal::State(format!("{} task {number}: {}", H::KIND, self.log.explain(number, why)))
    }

    /// Starts a restored task, unless its state was derived by rules that this worker has not read yet.
    fn start(&mut self, number: i32, mut task: Box<Task<H>>, is_news: bool) -> Result<(), Fatal> {
        if !task.may_use(&self.rules) {
            self.phases.insert(number, Phase::Waiting(task));
            return Ok(());
        }
        task.adopt(&self.rules);
        self.log.start(number, task.next())?;
        if is_news {
            tracing::info!(half = H::KIND.name(), task = number, commit = task.seq(), "running");
        }
        self.meter.restored(report_of(number, &task, None));
        self.phases.insert(number, Phase::Running(task));
        Ok(())
    }

    fn context(&self, task: i32) -> Context {
        Context {
            task,
            layout: self.settings.layout,
            secret: self.settings.secret,
            max_record_bytes: self.settings.max_record_bytes,
            history: self.settings.history,
            formats: self.settings.formats,
            due_at_most: self.settings.due_at_most,
        }
    }
}
