//! The program: parses the command line and runs one command.

use std::process::ExitCode;
use swabstream::{cli, terminal};

// librdkafka allocates in C for each message; the override feature serves those calls from mimalloc too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

// The loader calls what stands in this section before Rust's start-up. Without it a closed standard output looks like one
// that takes everything.
// SAFETY: it is a function without arguments or result, which uses nothing that the start-up prepares.
#[cfg(target_os = "linux")]
#[used]
#[allow(unsafe_code, reason = "nothing else runs before the start-up")]
#[unsafe(link_section = ".init_array")]
static LOOK: extern "C" fn() = terminal::closed::look;

fn main() -> ExitCode {
    swabstream::memory::keep_freed();
    match cli::run_typed() {
        Ok(code) => code,
        Err(error) => {
            // Not by a macro: it would panic where nobody can be told.
            terminal::say(&format!("error: {error:#}"));
            ExitCode::from(2)
        }
    }
}
