//! A tier from several days: graver and milder only once days enough in a row have measured so.
//!
//! In: what each of the last days measures alone, the days in a row that the policy asks for. Out: the tier that stands.
//! Nothing is remembered of what was published: it follows from the numbers of these days, by the policy of the last of
//! them, whatever came when. Of each tier, by itself:
//!
//! - it is taken with the last of `rise_days` days in a row that measure at least as grave;
//! - it is left on the day after the last of `fall_days` days in a row that measure milder. The day itself does not count on
//!   the way down: in its first hours nobody has been found yet, and it would fall at midnight and rise at noon;
//! - until then it stays as it is, down without an end, up for [`FALL_COUNTS_FOR`] days: what was left that long ago, and
//!   has never since been milder on `fall_days` days in a row, is taken on the first day that measures as grave. For no
//!   look goes back without an end, and what hovers around a bound is sooner grave than mild;
//! - what was never milder on `fall_days` days in a row, in all the days looked at, is taken on the first day, too: an
//!   area whose first value is grave is grave.
//!
//! Days without a value are passed over, up and down, and count among no days in a row: what is unknown was neither grave nor
//! mild. So an area where nobody is tested any more stays as it is, as far back as is looked, and one that is tested on
//! working days alone falls after as many of these. A tier that was taken so stands for more than `fall_days` days, and
//! where none has a value there is none.

use crate::model::time::Day;
use crate::policy::tier::threshold::FALL_COUNTS_FOR;
use crate::policy::{Threshold, TierPolicy};
use crate::proto::v1::{MeasuredDays, TierHysteresis};

/// The rank that stands on the last of some days, by the ranks that each measures.
pub(super) fn stands(engine: &Threshold, measured: &[Option<u32>]) -> Option<u32> {
    let gravest = measured.iter().flatten().max().copied()?;
    Some((1..=gravest).rev().find(|rank| is_taken(engine, measured, *rank)).unwrap_or(0))
}

/// Whether at least a rank stands: back from the last day, until it is seen how it came to be as it is.
fn is_taken(engine: &Threshold, measured: &[Option<u32>], rank: u32) -> bool {
    let (mut grave, mut mild) = (0, 0);
    let mut last_grave = None;
    let is_grave = |of_day: &Option<u32>| of_day.map(|measured| measured >= rank);
    let over = match measured.split_last() {
        Some((last, before)) if engine.has_hysteresis() && is_grave(last) == Some(false) => before,
        _ => measured,
    };
    for (age, of_day) in (0..).zip(over.iter().rev().filter_map(is_grave)) {
        match of_day {
            true => {
                (grave, mild) = (grave + 1, 0);
                last_grave.get_or_insert(age);
            }
            false => (grave, mild) = (0, mild + 1),
        }
        if grave == engine.rise_days {
            return true;
        }
        if mild == engine.fall_days {
            let left = age + 1 - mild;
            return last_grave.is_some_and(|last| left - last >= FALL_COUNTS_FOR);
        }
    }
    last_grave.is_some()
}

/// What is told of the days up to one.
pub(super) fn told(policy: &TierPolicy, engine: &Threshold, measured: &[Option<u32>], day: Day) -> TierHysteresis {
    let first = day.plus(1 - measured.len() as i32);
    let mut days: Vec<MeasuredDays> = Vec::new();
    for (at, rank) in (0..).zip(measured) {
        let tier = rank.and_then(|rank| policy.tiers.get(rank as usize)).cloned().unwrap_or_default();
        let day = first.plus(at).to_string();
        match days.last_mut().filter(|last| last.tier == tier) {
            Some(last) => last.last_day = day,
            None => days.push(MeasuredDays { first_day: day.clone(), last_day: day, tier }),
        }
    }
    let days_in_a_row = |days: i32| days.unsigned_abs();
    let (rise_days, fall_days) = (days_in_a_row(engine.rise_days), days_in_a_row(engine.fall_days));
    TierHysteresis { rise_days, fall_days, days }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::StdRng;
    use rand::{RngExt as _, SeedableRng as _};

    fn engine(rise_days: i32, fall_days: i32) -> Threshold {
        Threshold { measures: Vec::new(), rise_days, fall_days }
    }

    /// The tiers of all days, one digit each (`-` is none), by what each measures, which is written likewise.
    fn tiers(rise_days: i32, fall_days: i32, measured: &str) -> String {
        let digit = |rank: Option<u32>| rank.map_or('-', |rank| char::from_digit(rank, 10).expect("a digit"));
        let measured: Vec<Option<u32>> = measured.chars().map(|rank| rank.to_digit(10)).collect();
        each_day(&engine(rise_days, fall_days), &measured).into_iter().map(digit).collect()
    }

    /// The tier of every day; none has a value before the first.
    fn each_day(engine: &Threshold, measured: &[Option<u32>]) -> Vec<Option<u32>> {
        let before = engine.days_looked_at() as usize - 1;
        let all: Vec<_> = std::iter::repeat_n(None, before).chain(measured.iter().copied()).collect();
        all.windows(before + 1).map(|days| stands(engine, days)).collect()
    }

    #[test]
    fn a_tier_rises_and_falls_after_days_enough_in_a_row() {
        for (rise, fall, measured, stands) in [
            (1, 1, "0120-10", "0120-10"),
            (3, 5, "000001101110100001000000", "000000000011111111111110"),
            // Each tier for itself: down in steps, and up to what all days had.
            (2, 2, "00322110000", "00022221100"),
            (3, 1, "0110111011100", "0000001100110"),
            (1, 3, "01000100100000", "01111111111100"),
        ] {
            assert_eq!(tiers(rise, fall, measured), stands, "{rise} up, {fall} down: {measured}");
        }
    }

    #[test]
    fn a_day_without_a_value_is_passed_over_up_and_down() {
        assert_eq!(tiers(2, 2, "001-10000"), "000011100");
        assert_eq!(tiers(2, 2, "00110-000"), "000111100");
        assert_eq!(tiers(2, 2, "-----"), "-----");
        assert_eq!(tiers(2, 2, "0000---1-1"), "0000000001");
        assert_eq!(tiers(3, 1, "00000--10000"), "000000000000", "a weekend makes no day grave");
        assert_eq!(tiers(3, 3, "0000000-1-00-00-00-00-00-00-00-00"), "0".repeat(33), "nor do days that are rare");
        let working_days = "00000--00000--00111--11110--00000--00000--00000--";
        assert_eq!(tiers(3, 7, working_days), format!("{}{}{}", "0".repeat(18), "1".repeat(18), "0".repeat(13)));
    }

    #[test]
    fn the_day_itself_brings_nothing_down_until_it_is_over() {
        for (measured, stands) in
            [("000111000", "000001111"), ("0001110000", "0000011110"), ("0001110001", "0000011110")]
        {
            assert_eq!(tiers(3, 3, measured), stands, "{measured}");
        }
    }

    #[test]
    fn an_area_whose_first_value_is_grave_is_grave() {
        assert_eq!(tiers(3, 5, "-22000000"), "-22222220");
        assert_eq!(tiers(3, 1, "-100"), "-110");
        assert_eq!(tiers(1, 3, "-1-00-000-"), "-111111000");
    }

    #[test]
    fn what_hovers_around_a_bound_is_sooner_grave_than_mild() {
        // Two days above of three, for ever: after two weeks one day is enough, and then it stays.
        let hovers = "110".repeat(20);
        let stands = tiers(3, 3, &format!("000{hovers}0000"));
        assert_eq!(stands, format!("{}{}00", "0".repeat(2 + 14), "1".repeat(49)));
    }

    #[test]
    fn no_tier_flaps_within_the_days_that_a_policy_promises() {
        let mut random = StdRng::seed_from_u64(15);
        for round in 0..400 {
            // On working days alone more than two weeks of a look back can have no value where rows are longer.
            let (every_day, longest) = if round % 2 == 0 { (true, 14) } else { (false, 7) };
            let engine = engine(random.random_range(2..=longest), random.random_range(1..=longest));
            // Days in a row are as likely to be alike as those of a window of days are.
            let (mut rank, stays) = (0, random.random_range(0.0..0.95));
            let measured: Vec<u32> = (0..600)
                .map(|_| {
                    if !random.random_bool(stays) {
                        rank = random.random_range(0..3);
                    }
                    rank
                })
                .collect();
            let has_a_value = |day: usize| every_day || day % 7 < 5;
            let days: Vec<_> = (0..).zip(&measured).map(|(day, rank)| has_a_value(day).then_some(*rank)).collect();
            let stands = each_day(&engine, &days).into_iter().zip(&days).filter(|(_, of_day)| of_day.is_some());
            let stands: Vec<_> = stands.map(|(stands, _)| stands).collect();
            let measured: Vec<u32> = days.into_iter().flatten().collect();
            for rank in 1..3 {
                assert_holds(&engine, &measured, &stands, rank);
            }
        }
    }

    /// Of one tier, by the days that have a value alone.
    fn assert_holds(engine: &Threshold, measured: &[u32], stands: &[Option<u32>], rank: u32) {
        let taken = |day: usize| stands[day].is_some_and(|stands| stands >= rank);
        let in_a_row = |until: usize, days: i32, grave: bool| {
            let days = days as usize;
            until + 1 >= days && measured[until + 1 - days..=until].iter().all(|of_day| (*of_day >= rank) == grave)
        };
        let (mut changed, mut fell) = (None, None);
        for (day, of_day) in measured.iter().enumerate().skip(1) {
            let (rise, fall) = (in_a_row(day, engine.rise_days, true), in_a_row(day - 1, engine.fall_days, false));
            assert!(!rise || taken(day), "{engine:?}: day {day}: it must be taken");
            assert!(!fall || rise || !taken(day), "{engine:?}: day {day}: it must be left");
            if fall {
                fell = Some(day - 1);
            }
            if taken(day) == taken(day - 1) {
                continue;
            }
            let is_old = fell.is_none_or(|fell| day - fell >= FALL_COUNTS_FOR as usize);
            let for_a_reason = if taken(day) { rise || is_old && *of_day >= rank } else { fall };
            assert!(for_a_reason, "{engine:?}: day {day}: nothing changes it");
            // The first of the days up may be the one on which it was left.
            let promised = if taken(day) { engine.rise_days - 1 } else { engine.fall_days + 1 };
            let stood = changed.map_or(i32::MAX, |changed| (day - changed) as i32);
            assert!(stood >= promised, "{engine:?}: day {day}: it stood for {stood} days");
            changed = Some(day);
        }
    }
}
