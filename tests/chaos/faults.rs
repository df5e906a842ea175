//! What can go wrong.

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// `kill -9` of an instance, and its restart.
    Kill,
    /// SIGSTOP of an instance for longer than its session, then SIGCONT: a zombie that believes it owns its tasks.
    Stop,
    /// An instance ends as asked and comes back: two rebalances, with transactions open everywhere.
    Leave,
    /// The broker dies and comes back.
    BrokerKilled,
    /// The broker shuts down cleanly and comes back.
    BrokerRestarted,
    /// Some connections are closed.
    Cut,
    /// Nothing passes some connections any more, and nobody is told.
    Deaf,
    /// Everything takes longer for some seconds.
    Slow,
}

impl Fault {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Fault::Kill => "instance killed (-9)",
            Fault::Stop => "instance stopped, continued",
            Fault::Leave => "instance left and came back",
            Fault::BrokerKilled => "broker killed (-9)",
            Fault::BrokerRestarted => "broker restarted",
            Fault::Cut => "connections cut",
            Fault::Deaf => "connections half-open",
            Fault::Slow => "connections slow",
        }
    }
}

/// Some time with so many instances.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Instances that run.
    pub instances: usize,
    /// Kinds of fault, each so many times, in any order.
    pub faults: Vec<(Fault, usize)>,
}
