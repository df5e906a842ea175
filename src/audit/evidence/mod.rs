//! Everything an audit looks at, record by record as it is read, and the judgement once all is read.
//!
//! In: the cut (where to read to), the rules and the secret, then the records of outputs, changelogs and inputs up to
//! it, in any order of topics. Out: the report. It holds every usable input in memory.

mod admission;
mod inputs_read;
mod judgement;
mod reading;
mod setting;
mod what_if;

pub use reading::Evidence;
pub use setting::Setting;
pub use what_if::WhatIf;
