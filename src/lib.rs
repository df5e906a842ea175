//! swabstream

pub mod proto;

pub mod model;

pub mod policy;

pub mod state;

pub mod pipeline;

pub mod clock;

pub mod kafka;

pub mod config;

pub mod runtime;

pub mod processor;

pub mod view;

pub mod telemetry;

pub mod http;

pub mod demo;

pub mod intake;

pub mod cli;
