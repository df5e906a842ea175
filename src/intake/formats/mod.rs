//! The forms of files: each yields messages with the line they stood in.

pub mod csv;
pub mod ndjson;
pub mod protobuf;
pub mod workbook;
