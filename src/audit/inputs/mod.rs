//! What an input record is: a mark of time, something usable, or something that had to be refused.
//!
//! In: a record as it lies in its topic, the rules. Out: the message, or every code it could rightly be refused with. A
//! record often has several faults and any of them is a right answer, so all are named and no order of checks is
//! assumed. This is a reading of the contract's comments and of `CODES.md`, apart from that of the processor.

mod encoding;
mod faults;
mod json;
mod reading;
mod validity;

pub use encoding::EarlierReading;
pub use faults::Faults;
pub use reading::{
    Input, UsableEarlier, depends_on_then, is_newer, is_of_the_form, lab_result, read, says_newer, usable_earlier,
    usable_then,
};
