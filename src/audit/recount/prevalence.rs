//! Whether a published prevalence is what its own pools make of it: each figure is put into the equation that it must solve,
//! written down as the textbooks have it, and must lie where the two sides cross.

use crate::proto::v1::{PooledInterval, PooledPrevalence, PoolsOfSize};

/// The 0.975 quantile of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// A figure may be off by this part of itself.
const PART: f64 = 1e-6;

/// Whether the figures are those of the pools listed.
pub fn is_estimated(of: &PooledPrevalence) -> bool {
    let pools = &of.sizes;
    let (all, positive) = (sum(pools, |one| one.pools), sum(pools, |one| one.positive));
    let in_order = 0.0 <= of.low && of.low <= of.most_likely && of.most_likely <= of.high && of.high <= 1.0;
    let ends = match (positive, all - positive) {
        (0, _) => of.most_likely == 0.0 && of.firth == 0.0 && of.low == 0.0,
        (_, 0) => of.most_likely == 1.0 && of.high == 1.0,
        _ => crosses(of.most_likely, |p| score(pools, p)),
    };
    let firth = match positive {
        0 => true,
        // Nobody is tested by several: nothing is biased.
        _ if pools.iter().all(|one| one.size == 1) => of.firth == of.most_likely,
        // Where nearly all are tested alone, and positive, the bias may be too little to come down from 1.
        _ if positive == all && of.firth == 1.0 => pools.iter().any(|one| one.size == 1),
        _ => crosses(of.firth, |p| score(pools, p) + bias(pools, p)),
    };
    in_order && ends && firth && limits(of, positive, all)
}

fn limits(of: &PooledPrevalence, positive: i64, all: i64) -> bool {
    let pools = &of.sizes;
    let size = f64::from(pools[0].size);
    let method = match pools.len() {
        1 => PooledInterval::Exact,
        _ => PooledInterval::SkewScore,
    };
    let share = |p: f64| 1.0 - (1.0 - p).powf(size);
    let (low, high) = match method {
        PooledInterval::Exact => (
            positive == 0 || crosses(of.low, |p| 0.025 - (1.0 - at_most(positive - 1, all, share(p)))),
            positive == all || crosses(of.high, |p| at_most(positive, all, share(p)) - 0.025),
        ),
        _ => {
            // Of all positive pools there is no correction.
            let skewed = if positive == all { 0.0 } else { 1.0 };
            let deviation = |p: f64| {
                score(pools, p) / information(pools, p).sqrt() - skewed * skewness(pools, p) * (Z * Z - 1.0) / 6.0
            };
            let people = sum(pools, |one| i64::from(one.size) * one.pools) as f64;
            let high = match positive {
                0 => (of.high - Z * Z / (people + Z * Z)).abs() < PART * of.high,
                _ => positive == all || crosses(of.high, |p| deviation(p) + Z),
            };
            (positive == 0 || crosses(of.low, |p| deviation(p) - Z), high)
        }
    };
    of.method() == method && low && high
}

fn sum(pools: &[PoolsOfSize], of: impl Fn(&PoolsOfSize) -> i64) -> i64 {
    pools.iter().map(of).sum()
}

/// Whether a function is above 0 a little before and below it a little after, or the other way round.
fn crosses(at: f64, of: impl Fn(f64) -> f64) -> bool {
    let little = PART * at.min(1.0 - at).max(1e-12);
    let (before, after) = (of(at - little), of(at + little));
    before * after <= 0.0
}

/// Derivative of the logarithm of the likelihood.
fn score(pools: &[PoolsOfSize], p: f64) -> f64 {
    let q = 1.0 - p;
    let of = |one: &PoolsOfSize| {
        let (m, n, x) = (f64::from(one.size), one.pools as f64, one.positive as f64);
        x * m * q.powf(m - 1.0) / positive(m, p) - (n - x) * m / q
    };
    pools.iter().map(of).sum()
}

/// The chance that a pool is positive.
fn positive(m: f64, p: f64) -> f64 {
    -(m * (-p).ln_1p()).exp_m1()
}

fn information(pools: &[PoolsOfSize], p: f64) -> f64 {
    let of = |one: &PoolsOfSize| {
        let m = f64::from(one.size);
        one.pools as f64 * m * m * (1.0 - p).powf(m - 2.0) / positive(m, p)
    };
    pools.iter().map(of).sum()
}

/// Third central moment of the score, in units of its spread.
fn skewness(pools: &[PoolsOfSize], p: f64) -> f64 {
    let of = |one: &PoolsOfSize| {
        let (m, q) = (f64::from(one.size), 1.0 - p);
        let found = positive(m, p);
        // The chance of a negative pool, q^m, stands above and below: there may be nothing left of it.
        one.pools as f64 * m.powi(3) * q.powf(m - 3.0) * (1.0 - 2.0 * found) / found.powi(2)
    };
    pools.iter().map(of).sum::<f64>() / information(pools, p).powf(1.5)
}

/// What Firth adds to the score.
fn bias(pools: &[PoolsOfSize], p: f64) -> f64 {
    let of = |one: &PoolsOfSize| {
        let (m, q) = (f64::from(one.size), 1.0 - p);
        -(one.pools as f64) * m * m * (m - 1.0) * q.powf(m - 3.0) / positive(m, p)
    };
    pools.iter().map(of).sum::<f64>() / (2.0 * information(pools, p))
}

/// The chance that at most so many of all are found, each with a chance of its own.
fn at_most(found: i64, all: i64, chance: f64) -> f64 {
    let mut log = all as f64 * (1.0 - chance).ln();
    let mut sum = 0.0;
    for one in 0..=found {
        sum += log.exp();
        log += ((all - one) as f64 / (one + 1) as f64).ln() + (chance / (1.0 - chance)).ln();
    }
    sum
}
