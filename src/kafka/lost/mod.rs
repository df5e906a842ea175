//! What was deleted from inputs before its task had read it, by retention or by hand.
//!
//! In: committed offsets and the beginnings of inputs. Out: the gaps between. Whether such a gap is given up is decided
//! by an operator, never here.

mod find;
pub(super) mod range;

pub use find::{command, find};
pub use range::Lost;
