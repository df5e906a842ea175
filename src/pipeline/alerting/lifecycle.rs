//! The life of an alert, of whatever family: raised, updated while what it says changes, withdrawn, raised again.
//!
//! In: how it was published last, and what must be said now. Out: its next state, if anything has to be said. So an alert
//! is published only if something in it changed, and nothing follows a withdrawal but a new raise.

use crate::proto::v1::AlertState;

/// How an alert was published last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// Not yet.
    Never,
    /// Raised or updated.
    Live,
    /// Withdrawn.
    Withdrawn,
}

impl Held {
    /// Of an alert that was published, if it was, and whether it is live.
    pub fn of(live: Option<bool>) -> Self {
        match live {
            None => Self::Never,
            Some(true) => Self::Live,
            Some(false) => Self::Withdrawn,
        }
    }
}

/// What must be said of it now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Nothing: it must not be live.
    Nothing,
    /// What it said last.
    TheSame,
    /// Something else than it said last.
    Other,
}

/// The state it is to be published in; `None` when there is nothing to say.
pub fn next(held: Held, wanted: Wanted) -> Option<AlertState> {
    match (held, wanted) {
        (Held::Live, Wanted::Nothing) => Some(AlertState::Withdrawn),
        (Held::Live, Wanted::TheSame) | (Held::Never | Held::Withdrawn, Wanted::Nothing) => None,
        (Held::Live, Wanted::Other) => Some(AlertState::Updated),
        (Held::Never | Held::Withdrawn, Wanted::TheSame | Wanted::Other) => Some(AlertState::Raised),
    }
}

/// A very long chain of cause keeps so many links at each end.
const LINKS_KEPT: usize = 16;

/// Adds a link to a chain of cause. What is left out in the middle is counted: how it began and what came of it is what
/// people ask for, and a chain without a bound would outgrow what a broker takes.
pub fn link<C>(chain: &mut Vec<C>, omitted: &mut u32, cause: C) {
    chain.push(cause);
    if chain.len() > 2 * LINKS_KEPT {
        chain.remove(LINKS_KEPT);
        *omitted += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_alert_has_a_history_that_is_not_legal() {
        use AlertState::{Raised, Updated, Withdrawn};
        let legal = [(None, Raised), (Some(Raised), Updated), (Some(Updated), Updated), (Some(Withdrawn), Raised)];
        let legal = legal.into_iter().chain([Raised, Updated].map(|live| (Some(live), Withdrawn)));
        let legal: Vec<_> = legal.collect();
        for last in [None, Some(Raised), Some(Updated), Some(Withdrawn)] {
            let held = Held::of(last.map(|state| state != Withdrawn));
            for wanted in [Wanted::Nothing, Wanted::TheSame, Wanted::Other] {
                match next(held, wanted) {
                    Some(state) => assert!(legal.contains(&(last, state)), "{last:?}, then {state:?} for {wanted:?}"),
                    None => assert!(wanted != Wanted::Other, "something new is said of what was {last:?}"),
                }
            }
        }
    }

    #[test]
    fn a_chain_keeps_both_its_ends_and_counts_what_is_between() {
        let (mut chain, mut omitted) = (Vec::new(), 0);
        (0..100).for_each(|cause| link(&mut chain, &mut omitted, cause));
        assert_eq!((chain.len(), omitted), (32, 68));
        assert!(chain[..16].iter().copied().eq(0..16) && chain[16..].iter().copied().eq(84..100));
    }
}
