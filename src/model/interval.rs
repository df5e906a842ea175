//! Interval of a proportion: how far chance alone may carry it.

/// The 0.975 quantile of the standard normal distribution: 95 % between both ends.
pub(super) const Z: f64 = 1.959_963_984_540_054;

/// A proportion with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Numerator / denominator.
    pub value: f64,
    /// Lower end, at least 0.
    pub low: f64,
    /// Upper end, at most 1.
    pub high: f64,
}

/// Wilson's score interval of `found` among `all`; `None` when `all` is empty, as that is no proportion, not 0.
///
/// `found` lies between 0 and `all`. Wilson rather than the textbook interval, because screening finds 0 of thousands,
/// where that one has no width.
pub fn wilson(found: i64, all: i64) -> Option<Interval> {
    if all <= 0 {
        return None;
    }
    let n = all as f64;
    let p = found as f64 / n;
    let scale = 1.0 + Z * Z / n;
    let centre = (p + Z * Z / (2.0 * n)) / scale;
    let half_width = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt() / scale;
    // At 0 of n and n of n an end is exact; floating point misses it by a hair, on either side.
    let low = if found == 0 { 0.0 } else { (centre - half_width).max(0.0) };
    let high = if found == all { 1.0 } else { (centre + half_width).min(1.0) };
    Some(Interval { value: p, low, high })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Newcombe 1998 (81/263, 15/148, 0/20, 1/29) and others, by R 4.2.2 `prop.test(correct = FALSE)`.
    #[test]
    fn wilson_gives_the_published_values() {
        for (found, all, low, high) in [
            (81, 263, 0.255_289, 0.366_210),
            (15, 148, 0.062_386, 0.160_487),
            (0, 20, 0.0, 0.161_125),
            (1, 29, 0.006_113, 0.171_755),
            (0, 10, 0.0, 0.277_533),
            (1, 10, 0.017_876, 0.404_150),
            (5, 100, 0.021_544, 0.111_750),
            (0, 1000, 0.0, 0.003_827),
            (1, 1000, 0.000_177, 0.005_643),
            (3, 25_000, 0.000_041, 0.000_353),
            (10, 10, 0.722_467, 1.0),
        ] {
            let interval = wilson(found, all).expect("not empty");
            assert!((interval.low - low).abs() < 6e-7, "{found}/{all}: {interval:?}");
            assert!((interval.high - high).abs() < 6e-7, "{found}/{all}: {interval:?}");
        }
    }

    #[test]
    fn none_of_nothing_is_no_proportion() {
        assert_eq!(wilson(0, 0), None);
    }

    #[test]
    fn ends_are_exact_where_all_or_none_are_found() {
        for all in [1, 3, 7, 1000, 32_000_000] {
            assert_eq!(wilson(0, all).map(|interval| interval.low), Some(0.0), "0/{all}");
            assert_eq!(wilson(all, all).map(|interval| interval.high), Some(1.0), "{all}/{all}");
        }
    }
}
