//! Prevalence from pools: how many of those whose swabs went into tubes are infected, when only whole tubes were tested.
//!
//! In: tubes with a conclusive finding, by how many people were in each. Out: the estimates and an interval. A test is taken
//! to be perfect, and people to be infected independently of each other, as the formulas of group testing do: people of a
//! household in one tube, or a test that misses a weak swab among ten, move the truth away from the figure.
//!
//! All is reckoned in the rate r = −ln(1 − p): a tube of m people is negative with probability exp(−m·r), so each sum below
//! needs its odds o = 1/(exp(m·r) − 1) alone, and none loses digits where p is tiny. With n tubes of m, x of them positive,
//! the score is Σ m·(x·o − (n − x)), its variance Σ n·m²·o, its third central moment Σ n·m³·o·(o − 1). None of the estimates
//! and limits depends on whether p or r is looked at, but for Firth's, whose bias is that of p.

use super::interval::{Z, wilson};

/// Tubes of one size with a conclusive finding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TubesOfSize {
    /// People in each: at least one.
    pub size: u8,
    /// So many tubes: at least one.
    pub tubes: i64,
    /// So many of them positive.
    pub positive: i64,
}

/// The share of people infected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prevalence {
    /// The most likely.
    pub most_likely: f64,
    /// The same with the bias of small numbers taken off, by Firth (of equal sizes: Burrows).
    pub firth: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// How the interval was found.
    pub method: IntervalMethod,
}

/// How an interval is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntervalMethod {
    /// Tubes of one size: Clopper and Pearson's exact limits of the share of positive tubes.
    Exact,
    /// Tubes of several sizes, for which there is no exact one: limits by the score, corrected for its skewness (Gart 1991;
    /// Hepworth and Biggerstaff 2017). Of all negative tubes the upper one is Wilson's, of as many people tested alone.
    SkewScore,
}

/// The estimates; `None` of no tubes.
pub fn prevalence(tubes: &[TubesOfSize]) -> Option<Prevalence> {
    let all = Pools(tubes);
    let (count, positive) = (all.sum(|of| of.tubes), all.sum(|of| of.positive));
    let estimate = |most_likely, firth, (low, high), method| Prevalence { most_likely, firth, low, high, method };
    match tubes {
        [] => None,
        [one] => {
            let size = f64::from(one.size);
            let of_share = |share: f64| -((-share).ln_1p() / size).exp_m1();
            let less_bias = positive as f64 / (count as f64 + (size - 1.0) / (2.0 * size));
            let (low, high) = exact(positive, count);
            let limits = (of_share(low), of_share(high));
            let most_likely = of_share(positive as f64 / count as f64);
            Some(estimate(most_likely, of_share(less_bias), limits, IntervalMethod::Exact))
        }
        _ => {
            let most_likely = all.most_likely();
            let limits = all.skew_score(most_likely);
            Some(estimate(share(most_likely), share(all.firth()), limits, IntervalMethod::SkewScore))
        }
    }
}

/// The share of people infected at a rate.
fn share(rate: f64) -> f64 {
    -(-rate).exp_m1()
}

/// Tubes of several sizes.
#[derive(Clone, Copy)]
struct Pools<'a>(&'a [TubesOfSize]);

/// What the score of a rate is, and how it varies.
struct Score {
    score: f64,
    variance: f64,
    /// Of the score, in units of its spread.
    skewness: f64,
}

impl Pools<'_> {
    fn sum(&self, of: impl Fn(&TubesOfSize) -> i64) -> i64 {
        self.0.iter().map(of).sum()
    }

    fn score(&self, rate: f64) -> Score {
        let (mut score, mut variance, mut third) = (0.0, 0.0, 0.0);
        for of in self.0 {
            let (m, n, x) = (f64::from(of.size), of.tubes as f64, of.positive as f64);
            let odds = 1.0 / (m * rate).exp_m1();
            score += m * (x * odds - (n - x));
            variance += n * m * m * odds;
            third += n * m * m * m * odds * (odds - 1.0);
        }
        Score { score, variance, skewness: third / (variance * variance.sqrt()) }
    }

    /// A rate near which the others lie, if some tubes are positive.
    fn near(&self) -> f64 {
        self.sum(|of| of.positive) as f64 / self.sum(|of| of.tubes * i64::from(of.size)) as f64
    }

    /// The most likely rate.
    fn most_likely(&self) -> f64 {
        match self.sum(|of| of.positive) {
            0 => 0.0,
            all if all == self.sum(|of| of.tubes) => f64::INFINITY,
            _ => self.falling(|rate| rate * self.score(rate).score),
        }
    }

    /// The rate at which the score is as much below 0 as the bias of p makes of it.
    fn firth(&self) -> f64 {
        let bias = |rate: f64| {
            let (mut above, mut variance) = (0.0, 0.0);
            for of in self.0 {
                let (m, n) = (f64::from(of.size), of.tubes as f64);
                let part = n * m * m / (m * rate).exp_m1();
                above += part * (m - 1.0);
                variance += part;
            }
            above / (2.0 * variance)
        };
        match self.sum(|of| of.positive) {
            0 => 0.0,
            // Of people tested alone nothing is biased.
            _ if self.0.iter().all(|of| of.size == 1) => self.most_likely(),
            _ => self.falling(|rate| rate * (self.score(rate).score - bias(rate))),
        }
    }

    /// The limits, as shares.
    fn skew_score(&self, most_likely: f64) -> (f64, f64) {
        let people = self.sum(|of| of.tubes * i64::from(of.size));
        if most_likely == 0.0 {
            return (0.0, wilson(0, people).map_or(1.0, |of| of.high));
        }
        // Where all are positive the correction outgrows what it corrects.
        let corrected = if most_likely.is_finite() { 1.0 } else { 0.0 };
        // Times the root of the rate, which has no pole at 0.
        let above = |rate: f64, z: f64| {
            let of = self.score(rate);
            let deviation = of.score / of.variance.sqrt() - corrected * of.skewness * (Z * Z - 1.0) / 6.0;
            (deviation - z) * rate.sqrt()
        };
        let low = root(self.near() * 1e-6, self.low_bracket(most_likely), |rate| above(rate, Z));
        if !most_likely.is_finite() {
            return (share(low), 1.0);
        }
        let mut beyond = most_likely;
        while above(beyond, -Z) > 0.0 {
            beyond *= 2.0;
        }
        (share(low), share(root(most_likely / 2.0, beyond, |rate| above(rate, -Z))))
    }

    /// A rate above the lower limit.
    fn low_bracket(&self, most_likely: f64) -> f64 {
        if most_likely.is_finite() { most_likely } else { 40.0 }
    }

    /// Where a function of the rate falls below 0; nowhere, if it has not before all are infected.
    fn falling(&self, of: impl Fn(f64) -> f64) -> f64 {
        const HIGHEST: f64 = 100.0;
        let mut beyond = self.near();
        while of(beyond) > 0.0 {
            beyond *= 2.0;
            if beyond > HIGHEST {
                return f64::INFINITY;
            }
        }
        root(self.near() * 1e-3, beyond, of)
    }
}

/// Clopper and Pearson's limits of the share of positive tubes.
fn exact(positive: i64, tubes: i64) -> (f64, f64) {
    /// Beyond each limit.
    const TAIL: f64 = 0.025;
    let (x, n) = (positive as f64, tubes as f64);
    // A tail is about a power of the share: of both the logarithm is taken, from the share that was found downwards.
    let limit = |found: f64, a: f64, b: f64| {
        let tail = |log: f64| (beta(log.exp(), a, b) / TAIL).ln();
        // Two spreads away, of as many as were found.
        let (from, mut reach) = (found.ln(), 2.0 / a.sqrt());
        while tail(from - reach) > 0.0 {
            reach *= 2.0;
        }
        root(from - reach, from, tail).exp()
    };
    let low = if positive == 0 { 0.0 } else { limit(x / n, x, n - x + 1.0) };
    let high = if positive == tubes { 1.0 } else { 1.0 - limit((n - x) / n, n - x, x + 1.0) };
    (low, high)
}

/// Where a function is 0 between two ends at which it has different signs: by secants, of which an end that stays twice is
/// given half its weight (the Illinois method).
fn root(mut low: f64, mut high: f64, of: impl Fn(f64) -> f64) -> f64 {
    const STEPS: usize = 200;
    /// Of the last two steps: what is left to go is far less.
    const PRECISE: f64 = 1e-10;
    let (mut at_low, mut at_high) = (of(low), of(high));
    let (mut last, mut moved_low) = (f64::NAN, None);
    for _ in 0..STEPS {
        let secant = (low * at_high - high * at_low) / (at_high - at_low);
        let next = if secant > low && secant < high { secant } else { low + (high - low) / 2.0 };
        let at_next = of(next);
        if at_next == 0.0 || (next - last).abs() <= PRECISE * next.abs() {
            return next;
        }
        last = next;
        let moves_low = (at_next > 0.0) == (at_low > 0.0);
        if moved_low == Some(moves_low) {
            let stays = if moves_low { &mut at_high } else { &mut at_low };
            *stays /= 2.0;
        }
        moved_low = Some(moves_low);
        if moves_low {
            (low, at_low) = (next, at_next);
        } else {
            (high, at_high) = (next, at_next);
        }
    }
    last
}

/// The regularised incomplete beta function, by its continued fraction (Lentz).
fn beta(at: f64, a: f64, b: f64) -> f64 {
    if at >= 1.0 {
        return 1.0;
    }
    if at > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - beta(1.0 - at, b, a);
    }
    const STEPS: u32 = 10_000;
    const TINY: f64 = 1e-300;
    let nonzero = |value: f64| if value.abs() < TINY { TINY } else { value };
    let front = (a * at.ln() + b * (-at).ln_1p() + ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b)).exp() / a;
    let mut c = 1.0;
    let mut d = 1.0 / nonzero(1.0 - (a + b) * at / (a + 1.0));
    let mut fraction = d;
    for step in 1..STEPS {
        let m = f64::from(step);
        let even = m * (b - m) * at / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * at / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let before = fraction;
        for part in [even, odd] {
            d = 1.0 / nonzero(1.0 + part * d);
            c = nonzero(1.0 + part / c);
            fraction *= d * c;
        }
        if (fraction - before).abs() <= 1e-15 * fraction.abs() {
            break;
        }
    }
    front * fraction
}

/// The logarithm of the gamma function (Lanczos).
fn ln_gamma(x: f64) -> f64 {
    const G: f64 = 7.0;
    const FIRST: f64 = 0.999_999_999_999_809_9;
    const PARTS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let sum = (1..).zip(PARTS).fold(FIRST, |sum, (at, part)| sum + part / (x + f64::from(at)));
    let t = x + G + 0.5;
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<const N: usize>(tubes: [(u8, i64, i64); N]) -> [TubesOfSize; N] {
        tubes.map(|(size, tubes, positive)| TubesOfSize { size, tubes, positive })
    }

    fn require(found: f64, wanted: f64, digits: i32, what: &str) {
        assert!((found - wanted).abs() <= 0.500_001 * 10_f64.powi(-digits), "{what}: {found} is not {wanted}");
    }

    /// PooledInfRate 1.6 of the CDC: estimates, Firth's, and limits by the score corrected for skewness, to all digits.
    #[test]
    fn estimates_and_limits_of_pools_are_the_published_ones() {
        for (tubes, most_likely, firth, low, high) in [
            (of([(5, 42, 22)]).to_vec(), 0.137_902_99, 0.136_121_11, 0.089_601_43, 0.198_803_02),
            (of([(1, 10, 2), (5, 40, 20)]).to_vec(), 0.133_900_89, 0.132_335_56, 0.087_243_53, 0.192_747_94),
            (of([(10, 1000, 3)]).to_vec(), 0.000_300_41, 0.000_300_27, 0.000_078_83, 0.000_811_38),
            (of([(10, 2000, 12)]).to_vec(), 0.000_601_63, 0.000_601_49, 0.000_326_95, 0.001_021_07),
            (of([(10, 800, 5), (20, 200, 3)]).to_vec(), 0.000_669_52, 0.000_669_17, 0.000_312_73, 0.001_267_81),
            (
                of([(5, 1, 0), (10, 1, 0), (25, 1, 0), (50, 1, 1)]).to_vec(),
                0.016_087_79,
                0.012_579_11,
                0.000_726_16,
                0.078_284_96,
            ),
            (of([(10, 300, 0)]).to_vec(), 0.0, 0.0, 0.0, 0.001_278_85),
        ] {
            let all = Pools(&tubes);
            let rate = all.most_likely();
            require(share(rate), most_likely, 8, "the most likely");
            require(share(all.firth()), firth, 8, "Firth's");
            let limits = all.skew_score(rate);
            require(limits.0, low, 8, "the lower limit");
            require(limits.1, high, 8, "the upper limit");
            let prevalence = prevalence(&tubes).expect("there are tubes");
            require(prevalence.most_likely, most_likely, 8, "the most likely");
            require(prevalence.firth, firth, 8, "Firth's");
            if tubes.len() > 1 {
                assert_eq!((prevalence.low, prevalence.high), limits);
            }
        }
    }

    /// Epitools (Ausvet), whose page has the columns of its two kinds of limits exchanged; Newcombe 1998, method 5.
    #[test]
    fn limits_of_pools_of_one_size_are_exact() {
        let epitools = prevalence(&of([(5, 42, 22)])).expect("there are tubes");
        require(epitools.low, 0.086_587, 6, "the lower limit");
        require(epitools.high, 0.203_766, 6, "the upper limit");
        assert_eq!(epitools.method, IntervalMethod::Exact);
        for (positive, tubes, low, high) in
            [(81, 263, 0.252_7, 0.367_6), (15, 148, 0.057_8, 0.161_7), (0, 20, 0.0, 0.168_4), (1, 29, 0.000_9, 0.177_6)]
        {
            let (found_low, found_high) = exact(positive, tubes);
            require(found_low, low, 4, "the lower limit");
            require(found_high, high, 4, "the upper limit");
        }
    }

    /// By sums of the binomial distribution, the long way.
    #[test]
    fn beyond_an_exact_limit_lies_a_fortieth_whatever_the_numbers() {
        let tail = |share: f64, tubes: i64, upto: i64| {
            let mut part = tubes as f64 * (1.0 - share).ln();
            let mut sum = 0.0;
            for found in 0..=upto {
                sum += part.exp();
                part += ((tubes - found) as f64 / (found + 1) as f64 * share / (1.0 - share)).ln();
            }
            sum
        };
        for tubes in [1, 2, 7, 40, 333, 5_000, 100_000] {
            for positive in [0, 1, 2, tubes / 300, tubes / 7, tubes / 2, tubes - 1, tubes] {
                let positive = positive.clamp(0, tubes);
                let (low, high) = exact(positive, tubes);
                if positive > 0 {
                    require(1.0 - tail(low, tubes, positive - 1), 0.025, 8, &format!("{positive}/{tubes}"));
                }
                if positive < tubes {
                    require(tail(high, tubes, positive), 0.025, 8, &format!("{positive}/{tubes}"));
                }
            }
        }
    }

    #[test]
    fn an_estimate_lies_within_its_limits_whatever_the_pools() {
        let counts = [(0, 1), (1, 1), (0, 30), (1, 30), (29, 30), (30, 30), (0, 9_999), (1, 9_999), (500, 9_999)];
        for (one, (found, tubes)) in [1, 2, 5, 100].into_iter().flat_map(|size| counts.map(|of| (size, of))) {
            for (other, (more, others)) in [3, 10, 20].into_iter().flat_map(|size| counts.map(|of| (size, of))) {
                let mut all = of([(one, tubes, found), (other, others, more)]);
                all.sort_by_key(|of| of.size);
                for tubes in [&all[..1], &all[..]] {
                    let Prevalence { most_likely, firth, low, high, .. } = prevalence(tubes).expect("there are tubes");
                    let in_order = 0.0 <= low && low <= most_likely && most_likely <= high && high <= 1.0;
                    assert!(in_order, "{tubes:?}: {low} {most_likely} {high}");
                    assert!(
                        (0.0..=most_likely * (1.0 + 1e-12)).contains(&firth),
                        "{tubes:?}: {firth} of {most_likely}"
                    );
                    let positive: i64 = tubes.iter().map(|of| of.positive).sum();
                    let people: i64 = tubes.iter().map(|of| of.tubes * i64::from(of.size)).sum();
                    assert!(
                        most_likely >= positive as f64 / people as f64 * 0.999_999,
                        "each has one infected at least"
                    );
                }
            }
        }
        assert_eq!(prevalence(&[]), None);
    }
}
