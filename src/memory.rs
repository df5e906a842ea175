//! How the process keeps memory: the allocator's own habit, changed in one point, and an exception.

#![allow(unsafe_code, reason = "the allocator has no other door than its C functions")]

use libmimalloc_sys as allocator;
use std::ffi::{c_int, c_long};

/// `mi_option_purge_delay` of the allocator, which its bindings do not name.
const PURGE_DELAY: c_int = 15;

/// How long freed memory is kept before it is given back to the system.
const KEEP_MS: c_long = 60_000;

/// Keeps freed memory for a minute instead of a second. Every commit frees what it wrote, the next needs as much
/// again, and the system clears each page that it gives out: at full load that took a tenth of all processor time.
pub fn keep_freed() {
    // SAFETY: sets a number that the allocator reads when it frees; the option exists in the version that is linked.
    unsafe { allocator::mi_option_set(PURGE_DELAY, KEEP_MS) };
}

/// Gives back what is free now. Between two stages of a command that need memory of different kinds, the second would
/// come on top of the first.
pub fn give_back() {
    // SAFETY: the allocator looks through its own free pages; nothing that is in use is touched.
    unsafe { allocator::mi_collect(true) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_is_the_one_meant() {
        // SAFETY: reads and writes a number; see above.
        unsafe {
            let default = allocator::mi_option_get(PURGE_DELAY);
            assert!(default == 1_000 || default == KEEP_MS, "another option has this number now: {default}");
            keep_freed();
            assert_eq!(allocator::mi_option_get(PURGE_DELAY), KEEP_MS);
        }
    }
}
