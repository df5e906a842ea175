//! What alerts of all families have in common: their [life](lifecycle), and the table of [families].
//!
//! Which alerts must be live follows from what is held of a person or an area, and is decided there. Here is decided what
//! of it has to be said, and under which id.

pub mod families;
pub mod lifecycle;
