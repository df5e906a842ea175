//! Whole deployments over the model of Kafka, each wholly from a seed, with everything going wrong that may: several
//! instances of both halves that die, stop, wake up and come back, or wake up beside another of their name, commits
//! that are aborted, fenced, late, repeated or never heard of again, restores that fail or are held up, compaction at
//! any moment, time that stands still or jumps; in a third of the seeds other rules come into force on the way, which
//! instances read at different moments.
//!
//! After every seed: what was committed is what a run without faults over the same steps publishes, a restored state
//! was the live one each time, no offset was skipped or read twice, no task went back to older rules, each input ended
//! as the rules in force when it was read have it, and an audit that counts again from the inputs by the last rules
//! agrees.
//!
//! `SWABSTREAM_SEEDS` says how many seeds, `SWABSTREAM_SEED` names a single one and writes out its history. Ten
//! thousand take minutes in optimised code: `SWABSTREAM_SEEDS=10000 cargo test --release --test simulation`.
//! `tests/mutations` shows that each guard is missed when it is gone.

#[expect(dead_code, unused_imports, reason = "each test program uses its part of what they share")]
mod support;

/// Much is allocated and little kept.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod instance;
mod intake;
mod judgement;
mod mutations;
mod plan;
mod purposes;
mod rules;
mod runs;
mod shadow;
mod sleepers;
mod watched;
mod witness;
mod world;

#[test]
fn every_seed_ends_as_if_nothing_had_failed() {
    runs::run_all();
}

#[test]
fn a_seed_is_exactly_repeatable() {
    for seed in [3, 4] {
        let (first, again) = (world::run(seed, false), world::run(seed, false));
        assert_eq!(first, again, "seed {seed} went another way the second time");
    }
}
