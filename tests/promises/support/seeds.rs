//! Runs a promise from many seeds and says which one broke it.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Runs `promise` from each of a hundred seeds.
pub fn each_seed(promise: impl Fn(u64)) {
    each_seed_of(100, promise);
}

/// Runs `promise` from each seed. `SWABSTREAM_SEEDS` says how many instead, `SWABSTREAM_SEED` names the only one.
pub fn each_seed_of(usual: u64, promise: impl Fn(u64)) {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().expect("a number of seeds"));
    let seeds = match number("SWABSTREAM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SWABSTREAM_SEEDS").unwrap_or(usual),
    };
    for seed in seeds {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| promise(seed))) {
            eprintln!("broken by seed {seed}: repeat it with SWABSTREAM_SEED={seed}");
            resume_unwind(panic);
        }
    }
}
