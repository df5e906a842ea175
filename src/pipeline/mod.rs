//! The verbs: what happens to a record, one file per step, in the order of the path.
//!
//! In: state, a record, the rules. Out: one outcome and [`effects`]. Nothing here waits, asks the time or writes.
//!
//! | | |
//! |---|---|
//! | common | [`half`], [`effects`], [`stop`] |
//! | intake | [`decode`] ([`mod@format`], [`json`], [`view`], [`wire`]), [`validate`], [`dead_letter`] |
//! | person half | [`person`]: [`route`], [`versions`], [`replacements`], [`specimen`], [`contribution`] ([`cells`], [`cell_messages`]) |
//! | its cases | [`contacts`], [`matching`], [`episodes`], [`alerts`], [`publish`] |
//! | besides | [`retention`], [`labs_heard`] |
//! | area half | [`area`]: [`batch`], [`restate`], [`positivity`], [`tier`], [`tier_change`] |

pub mod half;

pub mod effects;

pub mod decode;

pub mod format;

pub mod json;

pub mod view;

pub mod wire;

pub mod validate;

pub mod dead_letter;

pub mod stop;

pub mod person;

pub mod route;

pub mod versions;

pub mod replacements;

pub mod specimen;

pub mod contribution;

pub mod cells;

pub mod cell_messages;

pub mod contacts;

pub mod matching;

pub mod episodes;

pub mod alerts;

pub mod publish;

pub mod retention;

pub mod labs_heard;

pub mod area;

pub mod batch;

pub mod days;

pub mod restate;

pub mod positivity;

pub mod tier;

pub mod tier_change;
