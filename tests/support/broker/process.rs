//! The process around a log, as others see it: the test, and the group.

use super::Shared;
use std::cell::Cell;
use std::rc::Rc;
use swabstream::model::record::HalfKind;

#[derive(Clone)]
pub struct Process {
    pub(super) broker: Shared,
    pub(super) half: HalfKind,
    pub(super) member: Rc<Cell<u64>>,
    pub(super) dead: Rc<Cell<bool>>,
}

impl Process {
    pub(super) fn new(broker: &Shared, half: HalfKind) -> Self {
        Self { broker: Rc::clone(broker), half, member: Rc::default(), dead: Rc::default() }
    }

    /// Whether it died: nothing of its worker may be used any more.
    pub fn is_dead(&self) -> bool {
        self.dead.get()
    }

    /// It ends without a word. An open transaction stays, its member too until the group misses it.
    pub fn kill(&self) {
        self.dead.set(true);
    }

    /// The group drops the member: it left, or its session has timed out.
    pub fn expel(&self) {
        let mut broker = self.broker.borrow_mut();
        broker.group(self.half).remove(self.member.get());
        broker.note("expelled", || format!("{} member {}", self.half, self.member.get()));
    }
}
