//! Two policies by the same numbers: where and when they differ, and how many people live how long under each tier.
//!
//! In: numbers of areas, two sets of rules. Out: the tiers of every area and day by both, and sums of them.

use super::recorded::{OfArea, Recorded};
use super::trial::People;
use crate::model::time::Day;
use crate::pipeline::area::tier::published::Published;
use crate::policy::Rules;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

/// One of the two policies.
#[derive(Clone, Debug)]
pub(super) struct Side {
    /// Its id and versions.
    pub name: String,
    /// Its tiers, mildest first, of all versions.
    pub tiers: Vec<String>,
}

/// A tier of a side, by its place there; none where no version holds, or nothing is known.
pub(super) type Tier = Option<usize>;

/// Both of all areas and days.
#[derive(Clone, Debug)]
pub(super) struct Comparison {
    /// The two.
    pub sides: [Side; 2],
    /// The first day and the last.
    pub days: (Day, Day),
    /// The areas, by code.
    pub areas: Vec<Compared>,
}

/// One area.
#[derive(Clone, Debug)]
pub(super) struct Compared {
    /// Code.
    pub code: String,
    /// Name.
    pub name: String,
    /// Who lives there.
    pub people: People,
    /// By both, day by day; none on a day on which the area is not there.
    pub tiers: Vec<Option<[Tier; 2]>>,
}

/// Days in a row of one area on which the two say the same two tiers, and differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    /// First day.
    pub first: Day,
    /// Last day.
    pub last: Day,
    /// What each says.
    pub tiers: [Tier; 2],
}

impl Side {
    /// Of rules that have nothing else.
    pub(super) fn of(rules: &Rules) -> Self {
        let mut policies: Vec<_> = rules.tiers.iter().collect();
        policies.sort_by_key(|policy| policy.effective_from);
        let names: Vec<String> = policies.iter().map(|policy| format!("{}@{}", policy.id, policy.version)).collect();
        let mut tiers: Vec<String> = Vec::new();
        // The newest says in which order they are.
        for tier in policies.iter().rev().flat_map(|policy| &policy.tiers) {
            if !tiers.contains(tier) {
                tiers.push(tier.clone());
            }
        }
        Self { name: names.join(", "), tiers }
    }

    /// The name of a tier.
    pub(super) fn named(&self, tier: Tier) -> &str {
        tier.map_or("none", |at| &self.tiers[at])
    }
}

/// Decides all of it by both.
pub(super) fn compare(recorded: &Recorded, rules: [&Rules; 2], days: RangeInclusive<Day>) -> Comparison {
    let sides = rules.map(Side::of);
    let (first, last) = days.into_inner();
    let of_area = |(code, area): (&String, &OfArea)| {
        let tiers = [0, 1].map(|side| tiers(rules[side], &sides[side], code, area, first..=last));
        let [a, b] = tiers;
        let is_there = |day: Day| area.there.is_none_or(|(from, to)| (from..=to).contains(&day));
        let both = (first.0..).map(Day).zip(a.into_iter().zip(b));
        let tiers = both.map(|(day, (a, b))| is_there(day).then_some([a, b])).collect();
        Compared { code: code.clone(), name: area.name.clone(), people: area.people.clone(), tiers }
    };
    let areas = recorded.iter().map(of_area).collect();
    Comparison { sides, days: (first, last), areas }
}

fn tiers(rules: &Rules, side: &Side, code: &str, area: &OfArea, days: RangeInclusive<Day>) -> Vec<Tier> {
    let index = rules.areas.index(code).unwrap_or_default();
    let published = Published { rules, area: index, target: 0, numbers: &area.numbers };
    let of_day = |day| {
        let decision = published.decide(Day(day))?;
        side.tiers.iter().position(|tier| tier == decision.tier())
    };
    (days.start().0..=days.end().0).map(of_day).collect()
}

impl Comparison {
    /// Whether both have the same tiers.
    pub(super) fn has_same_tiers(&self) -> bool {
        let [a, b] = &self.sides;
        a.tiers.iter().collect::<BTreeSet<_>>() == b.tiers.iter().collect::<BTreeSet<_>>()
    }

    /// Whether two tiers differ: by their names, or where the policies have others, in whether they are the mildest.
    pub(super) fn differ(&self, [a, b]: [Tier; 2]) -> bool {
        match self.has_same_tiers() {
            true => self.sides[0].named(a) != self.sides[1].named(b),
            false => a.map(|rank| rank > 0) != b.map(|rank| rank > 0),
        }
    }

    /// Where an area differs.
    pub(super) fn stretches(&self, area: &Compared) -> Vec<Stretch> {
        let mut stretches: Vec<Stretch> = Vec::new();
        for (day, tiers) in (self.days.0.0..).map(Day).zip(&area.tiers) {
            let Some(tiers) = tiers.filter(|tiers| self.differ(*tiers)) else { continue };
            match stretches.last_mut().filter(|last| last.tiers == tiers && last.last.plus(1) == day) {
                Some(last) => last.last = day,
                None => stretches.push(Stretch { first: day, last: day, tiers }),
            }
        }
        stretches
    }

    /// Days on which both are known of an area, and those on which they differ.
    pub(super) fn days_of(&self, area: &Compared) -> (usize, usize) {
        let there = area.tiers.iter().flatten();
        (there.clone().count(), there.filter(|tiers| self.differ(**tiers)).count())
    }

    /// Days times people under each tier of a side, of one area or of all; of areas whose population is known.
    pub(super) fn person_days<'a>(
        &self,
        areas: impl Iterator<Item = &'a Compared>,
        side: usize,
    ) -> BTreeMap<Tier, u64> {
        let mut sums = BTreeMap::new();
        for area in areas {
            for (day, tiers) in (self.days.0.0..).map(Day).zip(&area.tiers) {
                let Some((tiers, people)) = tiers.as_ref().zip(area.people.on(day)) else { continue };
                *sums.entry(tiers[side]).or_default() += people;
            }
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::policy::counts::{self, Counts};
    use crate::cli::policy::trial::{self, Place};
    use crate::policy::source::SourceFile;

    fn policy(bound: f64, fall_days: u32, tiers: [&str; 2]) -> Rules {
        let text = format!(
            "id = \"p{fall_days}\"\nversion = \"1\"\neffective_from = \"2020-01-01\"\nsource = \"a test\"\nlevels = [\"district\"]\n\
             tiers = {tiers:?}\ncases = \"all\"\n[threshold]\nfall_days = {fall_days}\n[[threshold.measures]]\n\
             kind = \"cases_per_100k\"\nwindow_days = 1\nlower_bounds = [{bound:?}]\n"
        );
        let places = ["A", "B"].map(|code| Place { code: code.to_owned(), people: People::of(1_000) });
        trial::rules(&[SourceFile { name: "tier-p.toml".to_owned(), text }], &places).expect("they are right")
    }

    fn area(population: u64, cases: &[i64]) -> OfArea {
        let days = (Day(20_000).0..).map(Day).zip(cases);
        let counts = days.map(|(day, cases)| (day, Counts { cases: *cases, ..Counts::default() })).collect();
        let there = Some((Day(20_000), Day(20_000 + cases.len() as i32 - 1)));
        OfArea { name: "x".to_owned(), people: People::of(population), numbers: counts::numbers(&counts), there }
    }

    #[test]
    fn the_cost_of_falling_later_is_counted_in_days_of_people() {
        let recorded = Recorded::from([
            ("A".to_owned(), area(1_000, &[0, 1, 0, 0, 0, 0])),
            ("B".to_owned(), area(10, &[0, 0, 0])),
        ]);
        let (at_once, later) = (policy(1.0, 1, ["off", "on"]), policy(1.0, 3, ["off", "on"]));
        let compared = compare(&recorded, [&at_once, &later], Day(20_000)..=Day(20_005));
        let differs = |area: usize| compared.stretches(&compared.areas[area]);
        let stretch = Stretch { first: Day(20_002), last: Day(20_004), tiers: [Some(0), Some(1)] };
        assert_eq!((differs(0), differs(1)), (vec![stretch], vec![]));
        assert_eq!((compared.days_of(&compared.areas[0]), compared.days_of(&compared.areas[1])), ((6, 3), (3, 0)));
        let days = |side| compared.person_days(compared.areas.iter(), side);
        assert_eq!(days(0), BTreeMap::from([(Some(0), 5_030), (Some(1), 1_000)]));
        assert_eq!(days(1), BTreeMap::from([(Some(0), 2_030), (Some(1), 4_000)]));
    }

    #[test]
    fn tiers_of_other_names_differ_where_one_is_the_mildest_and_the_other_is_not() {
        let recorded = Recorded::from([("A".to_owned(), area(1_000, &[0, 1, 9]))]);
        let (low, high) = (policy(1.0, 1, ["off", "on"]), policy(500.0, 1, ["green", "red"]));
        let compared = compare(&recorded, [&low, &high], Day(20_000)..=Day(20_002));
        let differ: Vec<bool> = compared.areas[0].tiers.iter().flatten().map(|tiers| compared.differ(*tiers)).collect();
        assert_eq!(differ, [false, true, false]);
    }
}
