//! The audit: counts again, from the inputs alone, what must have come out, and says where it did not.
//!
//! What it had in common with the processor would be wrong on both sides and look right. So it has its own reading of
//! inputs, its own counting, its own reading of stored state, all of it naive: maps, sorts, everything counted anew, no
//! streams, no differences, no state. A test reads the sources and fails if anything here names `pipeline`, `state` or
//! `runtime`.
//!
//! What it does share is what somebody else has defined, or what is data, each held to that by a test of its own:
//!
//! | shared | held to |
//! |---|---|
//! | messages (`proto`) | generated from the contract by prost |
//! | codes and their texts ([`outcome`](crate::model::outcome)) | `proto/CODES.md`, row by row |
//! | the partition of a key ([`record`](crate::model::record)) | the vectors of Kafka's own `UtilsTest` |
//! | keyed hashes ([`ids`](crate::model::ids)) | the library `siphasher` at all lengths, and its published vector |
//! | instants and civil days ([`time`](crate::model::time)) | published Unix times, and days on which clocks change |
//! | times as they stand in JSON ([`written`](crate::model::written)) | the library `jiff`, wherever both read one |
//! | characters without a picture ([`unseen`](crate::model::unseen)) | Unicode's tables, as the library `regex` has them |
//! | parsed rules ([`policy`](crate::policy)) | what they say is data; what follows from it is decided here anew |
//!
//! In: records, as a reader found them up to a [`Cut`]. Out: a [`Report`](report::Report) that never names a person.
//! Nothing here talks to Kafka, reads a clock or writes.

pub mod arrived;
mod causes;
pub mod cells;
pub mod changes;
pub mod compare;
pub mod content;
pub mod cut;
mod day_closes;
mod dead_letters;
pub mod duties;
pub mod evidence;
pub mod histories;
pub mod ids;
pub mod in_flight;
pub mod inputs;
mod ledger;
mod numbers;
pub mod passed;
mod receipts;
pub mod recount;
pub mod report;
mod rules;
pub mod stored;
pub mod targets;

pub use cut::Cut;
pub use rules::RulesFound;
