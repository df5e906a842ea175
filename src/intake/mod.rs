//! Files of labs and tracers, as they come: CSV by a map file, JSON by line, length-delimited protobuf.
//!
//! In: a file (or standard input, gzip or not) and, for CSV and workbooks, a [`map`]. Out: an [`Item`] per row, which
//! is a record as it would be published or the reason why it cannot become one, and a ledger of the file's lines. A row
//! that a [`check`] passes is judged by the processor's own decoding and validation. No value of a row gets into a
//! reason, and nothing is repaired.

pub mod advice;
pub mod again;
pub mod arrivals;
pub mod check;
pub mod damage;
pub mod encoding;
pub mod formats;
pub mod history;
pub mod ids;
mod item;
mod kind;
pub mod lookalikes;
pub mod looks;
pub mod map;
pub mod notes;
mod reader;
pub mod scratch;
pub mod source;
pub mod table;
pub mod tally;
pub mod within;

pub use item::{Content, ContentType, Fault, Item, Message};
pub use kind::{Format, Kind};
pub use reader::Reader;
