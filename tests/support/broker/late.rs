//! Requests that arrive when nobody waits for them any more: the end of a transaction that was held up on its way, and
//! all that is left of a commit in whose middle a process was stopped.

use super::Broker;
use super::transactions::{Identity, Membership, PendingOffset};
use swabstream::model::record::Output;
use swabstream::model::time::Timestamp;

/// What arrives, and when.
pub struct Late {
    pub due: Timestamp,
    pub request: Request,
}

pub enum Request {
    /// The end of a transaction.
    End { by: Identity, commit: bool },
    /// A process that was stopped goes on.
    Rest(Rest),
}

/// What was left to be sent of a commit.
pub struct Rest {
    pub by: Identity,
    pub of: Membership,
    pub commit: u64,
    pub outputs: Vec<Output>,
    pub offsets: Vec<PendingOffset>,
}

impl Broker {
    pub(super) fn receive_late(&mut self) {
        let now = self.now;
        let (mut due, waiting): (Vec<Late>, Vec<Late>) =
            std::mem::take(&mut self.late).into_iter().partition(|late| late.due <= now);
        self.late = waiting;
        due.sort_by_key(|late| late.due);
        for late in due {
            match late.request {
                Request::End { by, commit } => self.end_late(&by, commit),
                Request::Rest(rest) => self.go_on(rest),
            }
        }
    }

    /// It names its producer and no transaction: whichever is open is ended.
    fn end_late(&mut self, by: &Identity, commit: bool) {
        let open = self.has_open_transaction(by);
        match self.end_transaction(by, commit) {
            Ok(()) if open => self.note("late end took effect", || by.id.clone()),
            Ok(()) => self.note("late end of a transaction that is over", || by.id.clone()),
            Err(reason) => self.note("late end fenced", || format!("{}: {reason}", by.id)),
        }
    }

    fn go_on(&mut self, rest: Rest) {
        let Rest { by, of, commit, outputs, offsets } = rest;
        let tasks = offsets.iter().map(|offset| offset.partition);
        let taken_over = offsets.first().is_some_and(|first| self.groups[&first.group].others_own(of.member, tasks));
        if taken_over {
            self.note("zombie after take-over", || format!("{} goes on with commit {commit}", by.id));
        }
        let sent = outputs.into_iter().try_for_each(|output| self.append(&by, commit, output));
        match sent.and_then(|()| self.add_offsets(&by, of, offsets)).and_then(|()| self.end_transaction(&by, true)) {
            Ok(()) => self.note("stopped commit went through", || by.id.clone()),
            Err(reason) => {
                // An abort that is refused has been done by whoever fenced it.
                let _ = self.end_transaction(&by, false);
                self.note(reason.name(), || format!("{} goes on with commit {commit}: {reason}", by.id));
            }
        }
    }
}
