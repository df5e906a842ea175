//! A tier from several days, told day by day from the first of them on: risen after days enough in a row, fallen after
//! days enough in a row.
//!
//! In: the ranks that the days looked at give alone, oldest first. Out: the rank that holds on the last of them, and what
//! a tier says of them.

use crate::audit::recount::measures::Ranked;
use crate::policy::Threshold;
use crate::proto::v1::{MeasuredDays, TierHysteresis};

/// So many days after it has fallen, an area needs one day to rise again.
const FALL_FORGOTTEN: usize = 14;

/// How many days a tier follows from: its own, two weeks of days that may say nothing, and those that decide.
pub fn days_of(engine: &Threshold) -> i32 {
    let fall = engine.fall_days;
    if !has_several(engine) {
        return 1;
    }
    15 + if fall == 1 { engine.rise_days } else { FALL_FORGOTTEN as i32 + fall + fall - 1 }
}

fn has_several(engine: &Threshold) -> bool {
    engine.rise_days > 1 || engine.fall_days > 1
}

/// The rank on the last of some days; none where no day has one.
pub fn rank(engine: &Threshold, days: &[Option<u32>]) -> Option<u32> {
    let all = days.iter().copied().flatten().max()?;
    (0..=all).filter(|rank| *rank == 0 || holds(engine, days, *rank)).max()
}

fn holds(engine: &Threshold, days: &[Option<u32>], rank: u32) -> bool {
    let (mut up, mut fell) = (false, None);
    let (mut in_a_row_above, mut in_a_row_below) = (0, 0);
    let is_open = |at: usize, measured: u32| at + 1 == days.len() && measured < rank && has_several(engine);
    let said = days.iter().enumerate().filter_map(|(at, measured)| measured.map(|measured| (at, measured)));
    // A day that is not over brings nothing down.
    let said = said.filter(|(at, measured)| !is_open(*at, *measured));
    for (day, (_, measured)) in said.enumerate() {
        if measured >= rank {
            (in_a_row_above, in_a_row_below) = (in_a_row_above + 1, 0);
            let is_forgotten = fell.is_none_or(|fell| day - fell >= FALL_FORGOTTEN);
            up |= in_a_row_above >= engine.rise_days || is_forgotten;
        } else {
            (in_a_row_above, in_a_row_below) = (0, in_a_row_below + 1);
            if in_a_row_below >= engine.fall_days {
                (up, fell) = (false, Some(day));
            }
        }
    }
    up
}

/// What a tier must say of the days it follows from.
pub fn said(engine: &Threshold, ranked: Ranked<'_>, days: &[Option<u32>]) -> TierHysteresis {
    let day = |at: usize| ranked.day.plus(at as i32 + 1 - days.len() as i32).to_string();
    let tier = |rank: Option<u32>| rank.map(|rank| ranked.tier(rank)).unwrap_or_default();
    // Two tiers of one name are one to whoever reads it.
    let begins: Vec<usize> = (0..days.len()).filter(|at| *at == 0 || tier(days[*at]) != tier(days[at - 1])).collect();
    let ends = begins.iter().skip(1).copied().chain([days.len()]);
    let stretch = |(first, end): (&usize, usize)| MeasuredDays {
        first_day: day(*first),
        last_day: day(end - 1),
        tier: tier(days[*first]),
    };
    TierHysteresis {
        rise_days: engine.rise_days as u32,
        fall_days: engine.fall_days as u32,
        days: begins.iter().zip(ends).map(stretch).collect(),
    }
}
