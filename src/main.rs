//! The program: parses the command line and runs one command.

use clap::Parser as _;
use std::process::ExitCode;
use swabstream::cli::{Cli, run};
use swabstream::terminal;

// librdkafka allocates in C for each message; the override feature serves those calls from mimalloc too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    swabstream::memory::keep_freed();
    match run(&Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            // Not by a macro: it would panic where nobody can be told.
            terminal::say(&format!("error: {error:#}"));
            ExitCode::from(2)
        }
    }
}
