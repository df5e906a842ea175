//! What people look at, kept in memory: a `read_committed` reader of the outputs is all it takes, so any instance
//! can show everything and no reader disturbs the work. Beside it [`vitals`]: what the workers of this very process
//! say about themselves.
//!
//! In: records of the outputs, numbers of the workers. Out: what `http`, `telemetry` and the terminal show.
//! Never here: a decision. Nothing of this is read by the processing.

pub mod vitals;
