//! The judge: counts again, from the inputs alone, what must have come out, and says where it did not.
//!
//! It shares nothing with the processor but the generated messages and the parsed rules: what both had in common would
//! be wrong on both sides and look right. So it has its own reading of inputs, its own counting, its own reading of
//! stored state, all of it naive: maps, sorts, everything counted anew, no streams, no differences, no state. A test
//! reads the sources and fails if anything here names `pipeline`, `state` or `runtime`.
//!
//! In: records, as a reader found them. Out: what must be true ([`recount`]), and differences that never name a person.
//! Nothing here talks to Kafka, reads a clock or writes.

pub mod recount;

pub mod compare;
