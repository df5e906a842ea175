//! swabstream reads nucleic-acid test results from Kafka, matches them with close-contact records, raises alerts on
//! positives, and keeps the rolling positivity of every area from which risk tiers are recalculated.
//!
//! One process, two halves, one mechanism. The *person half* is N tasks, each the only owner of its people; the *area
//! half* is M tasks that own areas. Both are `apply(state, record) -> effects`
//! ([`Half`](pipeline::half::Half)): pure, without clock, randomness, lock or I/O. A
//! [`Worker`](runtime::worker::Worker) takes records from the [`Log`](runtime::log::Log), lets the halves apply them,
//! and writes outputs, state changes and next offsets in one transaction ([`Commit`](runtime::log::Commit)): there is
//! no way to send one without the others. After any failed commit the state in memory is dropped and restored from its
//! [changelog](state::changelog): one path of recovery, used all the time.
//!
//! # The path of a result
//!
//! | step | where |
//! |---|---|
//! | polled from its partition | [`kafka::log`], [`runtime::worker`] |
//! | decoded and validated | [`pipeline::decode`], [`pipeline::decode::validate`] |
//! | or set aside with a code | [`pipeline::decode::dead_letter`] |
//! | sent on, if its person lives in another task | [`pipeline::person::route`] |
//! | held against earlier versions, other results of the specimen, and those that replace it | [`pipeline::person::versions`], [`pipeline::person::replacements`], [`pipeline::person::specimen`] |
//! | counted: what it changes in the numbers of its areas | [`pipeline::person::counting::contribution`], [`pipeline::person::counting::cells`] |
//! | matched with contact records, judged as a case | [`pipeline::person::cases::matching`], [`pipeline::person::cases::episodes`] |
//! | alerted | [`pipeline::person::alerts`] |
//! | committed | [`runtime::task`], [`state::changelog`], [`kafka::log`] |
//! | its areas' cells added to | [`pipeline::area`], [`pipeline::area::batch`] |
//! | their numbers and tiers published | [`pipeline::area::positivity`], [`pipeline::area::tier`] |
//!
//! [`pipeline::person`] and [`pipeline::area`] call these in order. They hold a task's state and what was gathered since
//! the last commit, and say what becomes of it when time goes on or other rules come.
//!
//! # Who says that it is right
//!
//! [`audit`] counts again from the inputs what must have come out. It uses nothing of `pipeline`, `state` and
//! `runtime`: a test reads the sources and fails otherwise. What it shares with them it names, with what holds that to
//! be right. The tests judge by the same recount.
//!
//! # What is never done
//!
//! The core (`model`, `policy`, `state`, `pipeline`) names no Kafka client, runtime, metric, log, clock or random
//! source: a test reads the sources and fails otherwise. Nothing outside [`kafka`] names the Kafka client. No log,
//! metric, header or error holds a person's id or a value of a record. No number of medicine is a constant: they come
//! dated, through the topic `rules` ([`policy`]). Unsafe code is denied but where the module says why: the C library
//! (`kafka::native`), the allocator ([`memory`]), a look before the start-up ([`terminal::closed`]), and one text whose
//! bytes were looked at ([`pipeline::decode::protobuf`]).
//!
//! `ARCHITECTURE.md` tells the same as a story, with a glossary and why not otherwise.

pub mod proto;

pub mod model;

pub mod policy;

pub mod state;

pub mod pipeline;

pub mod runtime;

pub mod audit;

pub mod repair;

pub mod skip_lost;

pub mod kafka;

pub mod processor;

pub mod config;

pub mod clock;

pub mod memory;

pub mod view;

pub mod telemetry;

pub mod http;

pub mod intake;

pub mod demo;

pub mod terminal;

pub mod cli;
