//! What people look at: the page, its event stream, and the little JSON it asks for.

pub(super) mod api;
pub(super) mod events;
pub(super) mod page;
pub mod wire;
