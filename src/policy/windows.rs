//! The windows that numbers look back over.

/// The windows positivity is kept for, in days.
pub const WINDOWS: [i32; 4] = [1, 3, 7, 14];

/// The longest window: no number looks further back.
pub const LONGEST_WINDOW: i32 = 14;

// A gap that is longer than any window is as good as none.
const _: () = assert!(crate::model::cell::GAPS == LONGEST_WINDOW as usize + 1);
