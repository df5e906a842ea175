//! Whatever bytes come, every decoder and the restore path end with a value or a refusal: no panic, and no two readings
//! of the same bytes. Inputs are real ones of a small city with damage from a seed, so a failure names what repeats it.
//!
//! `SWABSTREAM_FUZZ_SECONDS=600 cargo test --release --test fuzz -- --nocapture` spends so long on each target and says
//! how many inputs that were; without it a fixed number of each is tried.

#[allow(dead_code, reason = "shared with tests that choose in more ways")]
#[path = "../support/random.rs"]
mod random;

mod corpus;
mod damage;
mod targets;

use corpus::Corpus;
use random::Random;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};
use targets::{TARGETS, Target};

/// Inputs of each target where no time is said.
const INPUTS: u64 = 1_500;

#[test]
fn no_bytes_are_too_much_for_any_decoder() {
    let corpus = Corpus::new();
    let seconds = std::env::var("SWABSTREAM_FUZZ_SECONDS").ok();
    let limit = seconds.map(|text| Duration::from_secs(text.parse().expect("a number of seconds")));
    // Time makes inputs others than the last time's: a long run is to find something new.
    let first = limit.map_or(0, |_| std::process::id().into()) << 32;
    for target in TARGETS {
        let (began, mut inputs, mut taken) = (Instant::now(), 0, 0);
        while limit.map_or(inputs < INPUTS, |limit| began.elapsed() < limit) {
            taken += u64::from(try_out(target, &corpus, first + inputs));
            inputs += 1;
        }
        println!("{:<60} {inputs:>9} inputs, {taken:>9} taken, {:.1?}", target.name, began.elapsed());
        assert!(taken > 0, "{}: no input was good enough to be taken", target.name);
        assert!(taken < inputs, "{}: no input was bad enough to be refused", target.name);
    }
}

fn try_out(target: &Target, corpus: &Corpus, seed: u64) -> bool {
    let mut random = Random::new(seed);
    catch_unwind(AssertUnwindSafe(|| (target.run)(corpus, &mut random)))
        .unwrap_or_else(|_| panic!("{}: input {seed} broke it", target.name))
}
