//! The shell around the pure core: the loop of a worker and its one seam, [`log::Log`].

pub mod log;

pub mod task;

pub mod restoring;

pub mod worker;

pub mod globals;

pub mod drive;
