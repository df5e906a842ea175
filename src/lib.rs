//! swabstream

pub mod proto;

pub mod model;

pub mod policy;

pub mod pipeline;

pub mod runtime;
