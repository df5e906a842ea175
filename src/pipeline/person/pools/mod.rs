//! Pools: one tube with swabs of several people.
//!
//! A pool lives in the task of its id, [`tubes`] says what is held of it there and when it alerts. Each of its
//! [`members`] is told what the standing version says, whatever it was told before, and holds it as a row; whose own
//! single results say something since tells the pool. Whom nobody tested alone in time [`recall`] tells of. Under which pool
//! ids a tube was sent is known by its barcode: what is [`shared`] by several counts once, and is told of once.

pub mod members;
pub mod recall;
pub mod shared;
pub mod tubes;
