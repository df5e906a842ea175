//! The verbs: what happens to a record, one file per step, in the order of the path.
//!
//! In: state, a record, the rules. Out: one outcome and [`effects`]. Nothing here waits, asks the time or writes.
//!
//! A folder is what its files are keyed by; a file is the medical noun, which is the same in `state`, `policy`, the
//! audit's recount and `view`. Only the file of the key's path (`mod.rs`) calls the others.
//!
//! | folder | keyed by | |
//! |---|---|---|
//! | [`decode`] | one record's bytes | bytes become nouns, or a code and a dead letter |
//! | [`alerting`] | an alert, of whatever family | its life, and the table of families |
//! | [`person`] | a person | versions, specimens, contacts, [`person::cases`], [`person::counting`], alerts |
//! | [`area`] | an area and target | counts to positivity, [`area::tier`]s and their alerts |
//! | [`lab`] | a laboratory | when it was last heard of |
//!
//! [`half`], [`effects`], [`ending`], [`formats`] and [`times`] are what the two halves have in common.

pub mod half;

pub mod effects;

pub mod ending;

pub mod formats;

pub mod times;

pub mod decode;

pub mod alerting;

pub mod person;

pub mod area;

pub mod lab;
