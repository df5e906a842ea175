//! Every number of every area, by filtering specimens, people and cases anew for every window.

use super::alerts::channel;
use super::measures;
use super::people::{Person, Specimen};
use super::pools::tubes::CountedTube;
use crate::audit::targets::{self, AreaTarget};
use crate::model::time::Day;
use crate::policy::areas::Area;
use crate::policy::{LONGEST_WINDOW, Rules, WINDOWS};
use crate::proto::v1::{
    AreaPositivity, Channel, Finding, PooledPrevalence, PoolsOfSize, Proportion, PurposeNumbers, WindowNumbers,
};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The 0.975 quantile of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// An area and all it lies in, finest first, by area and day.
type Lineages<'a> = BTreeMap<(&'a str, Day), Rc<[&'a str]>>;

/// Everything that counts, by the day it was collected.
pub struct ItemsByDay<'a> {
    rules: &'a Rules,
    days: BTreeMap<Day, Vec<Item<'a>>>,
    /// Lineages asked for before, by area and day.
    lineages: RefCell<Lineages<'a>>,
}

/// One thing that counts.
#[derive(Clone, Debug)]
pub struct Item<'a> {
    /// Whose it is.
    pub person: &'a str,
    /// Where it counts.
    pub area: &'a str,
    /// Id of the target it counts for.
    pub target: &'a str,
    /// The purpose it counts for.
    pub purpose: &'a str,
    /// What it is.
    pub what: ItemKind,
}

/// What it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemKind {
    /// A specimen with a finding that counts.
    Test {
        /// What it was found.
        finding: Finding,
        /// One of a pool.
        pooled: bool,
    },
    /// A pool with a conclusive finding, which is nobody's.
    Tube {
        /// People in it.
        size: u32,
        /// What it was found.
        positive: bool,
    },
    /// An episode by its first positive.
    Case {
        /// Not under a management order when swabbed.
        community: bool,
    },
}

impl<'a> ItemsByDay<'a> {
    /// Of everybody.
    pub fn of(rules: &'a Rules, people: &'a BTreeMap<String, Person>, tubes: &'a [CountedTube]) -> Self {
        let mut days: BTreeMap<Day, Vec<Item<'a>>> = BTreeMap::new();
        for tube in tubes.iter().filter(|tube| is_place(rules, &tube.purpose, &tube.target)) {
            days.entry(tube.day).or_default().push(Item {
                person: &tube.barcode,
                area: &tube.area,
                target: &tube.target,
                purpose: &tube.purpose,
                what: ItemKind::Tube { size: tube.size, positive: tube.positive },
            });
        }
        for person in people.values() {
            for specimen in person.specimens.iter().filter(|specimen| has_place(rules, specimen)) {
                days.entry(specimen.day).or_default().push(Item {
                    person: &person.id,
                    area: &specimen.area,
                    target: &specimen.target,
                    purpose: &specimen.purpose,
                    what: ItemKind::Test { finding: specimen.finding, pooled: specimen.pooled },
                });
            }
            for episode in person.cases.iter().filter(|episode| has_place(rules, episode.first())) {
                let first = episode.first();
                let community = channel(rules, person, episode) == Channel::Community;
                days.entry(first.day).or_default().push(Item {
                    person: &person.id,
                    area: &first.area,
                    target: &first.target,
                    purpose: &first.purpose,
                    what: ItemKind::Case { community },
                });
            }
        }
        Self { rules, days, lineages: RefCell::default() }
    }

    /// Numbers of all areas and days with anything to say.
    pub fn positivity(&self, today: Day) -> BTreeMap<(String, Day), AreaPositivity> {
        let mut all = BTreeMap::new();
        // A row of a mistyped year costs its own windows, not all the days in between.
        let ends: BTreeSet<Day> =
            self.days.keys().flat_map(|day| (0..LONGEST_WINDOW).map(|later| day.plus(later))).collect();
        for end in ends.into_iter().filter(|end| *end <= today) {
            for (of, counted) in self.by_area(end) {
                if let Some(numbers) = self.numbers(of, end, &counted) {
                    all.insert((targets::key(of.area, of.target, targets::first(self.rules)), end), numbers);
                }
            }
        }
        all
    }

    /// What lies in the longest window before a day, for each area with all it contains, by the registry of that day,
    /// and each target.
    fn by_area(&self, end: Day) -> BTreeMap<AreaTarget<'a>, Vec<(Day, &Item<'a>)>> {
        let mut areas: BTreeMap<_, Vec<(Day, &Item<'a>)>> = BTreeMap::new();
        for (day, counted) in self.longest_window(end) {
            for &area in self.lineage(counted.area, end).iter() {
                areas.entry(AreaTarget { area, target: counted.target }).or_default().push((day, counted));
            }
        }
        areas
    }

    fn longest_window(&self, end: Day) -> impl Iterator<Item = (Day, &Item<'a>)> {
        let days = self.days.range(Day(end.0 - 13)..=end);
        days.flat_map(|(day, all)| all.iter().map(move |counted| (*day, counted)))
    }

    /// An area and all it lies in on a day.
    fn lineage(&self, area: &'a str, day: Day) -> Rc<[&'a str]> {
        let mut known = self.lineages.borrow_mut();
        known.entry((area, day)).or_insert_with(|| lineage(self.rules, area, day).into()).clone()
    }

    fn numbers(&self, of: AreaTarget<'_>, end: Day, counted: &[(Day, &Item<'a>)]) -> Option<AreaPositivity> {
        let purposes: BTreeSet<&str> = counted.iter().map(|(_, counted)| counted.purpose).collect();
        published(self.rules, of, end, purposes, |purpose, days| {
            let inside = counted
                .iter()
                .filter(|(day, counted)| end.0 - day.0 < days && (purpose.is_empty() || counted.purpose == purpose));
            self.window(of.area, end, days, &inside.map(|(_, counted)| *counted).collect::<Vec<_>>())
        })
    }

    fn window(&self, code: &str, end: Day, days: i32, counted: &[&Item<'_>]) -> WindowNumbers {
        let tests = |findings: &[Finding]| {
            let is =
                |one: &&&Item<'_>| matches!(one.what, ItemKind::Test { finding, .. } if findings.contains(&finding));
            counted.iter().filter(is).copied().collect::<Vec<_>>()
        };
        let people = |tests: &[&Item<'_>]| tests.iter().map(|test| test.person).collect::<BTreeSet<_>>().len() as i64;
        let positive = tests(&[Finding::Positive]);
        let conclusive = tests(&[Finding::Positive, Finding::Negative]);
        let mut pools = Pools::new();
        for one in counted {
            if let ItemKind::Tube { size, positive } = one.what {
                let of_size = pools.entry(size).or_default();
                of_size[usize::from(!positive)] += 1;
            }
        }
        let is_pooled = |one: &&&Item<'_>| matches!(one.what, ItemKind::Test { pooled: true, .. });
        let sums = Sums {
            pooled_tests: conclusive.iter().filter(is_pooled).count() as i64,
            pools,
            positive_tests: positive.len() as i64,
            conclusive_tests: conclusive.len() as i64,
            other_tests: tests(&[Finding::Inconclusive, Finding::Invalid]).len() as i64,
            people_positive: people(&positive),
            people_tested: people(&conclusive),
            cases: counted.iter().filter(|one| matches!(one.what, ItemKind::Case { .. })).count() as i64,
            community_cases: counted.iter().filter(|one| one.what == ItemKind::Case { community: true }).count() as i64,
        };
        sums.numbers(self.rules, code, end, days)
    }
}

impl<'a> measures::TierInputs<'a> for ItemsByDay<'a> {
    fn rules(&self) -> &'a Rules {
        self.rules
    }

    fn days(&self) -> impl DoubleEndedIterator<Item = Day> {
        self.days.keys().copied()
    }

    fn first_day(&self) -> Option<Day> {
        self.days().next()
    }

    fn cases(&self, of: AreaTarget<'_>, day: Day, registry: Day, community_only: bool) -> i64 {
        let is_case = |counted: &&Item<'a>| match counted.what {
            ItemKind::Case { community } => {
                counted.target == of.target
                    && (community || !community_only)
                    && self.lineage(counted.area, registry).contains(&of.area)
            }
            ItemKind::Test { .. } | ItemKind::Tube { .. } => false,
        };
        self.days.get(&day).into_iter().flatten().filter(is_case).count() as i64
    }

    fn seen(&self, of: AreaTarget<'_>, end: Day, seen: Day) -> Option<AreaPositivity> {
        let of_target = self.longest_window(end).filter(|(_, counted)| counted.target == of.target);
        let known =
            of_target.filter(|(day, counted)| *day <= seen && self.lineage(counted.area, end).contains(&of.area));
        self.numbers(of, end, &known.collect::<Vec<_>>())
    }
}

/// Positive and negative pools, by how many people are in each.
pub type Pools = BTreeMap<u32, [i64; 2]>;

/// What lies in a window.
#[derive(Clone, Debug, Default)]
pub struct Sums {
    /// Specimens found positive.
    pub positive_tests: i64,
    /// Specimens found positive or negative.
    pub conclusive_tests: i64,
    /// Specimens found neither.
    pub other_tests: i64,
    /// Distinct people found positive.
    pub people_positive: i64,
    /// Distinct people with a conclusive result.
    pub people_tested: i64,
    /// Episodes that start in the window.
    pub cases: i64,
    /// Those not under a management order.
    pub community_cases: i64,
    /// Of the conclusive tests, those that are members of negative pools.
    pub pooled_tests: i64,
    /// Pools with a conclusive finding.
    pub pools: Pools,
}

impl Sums {
    /// The numbers of the window.
    pub fn numbers(&self, rules: &Rules, code: &str, end: Day, days: i32) -> WindowNumbers {
        let keeps = keeps_people(rules, code);
        let population = population(rules, code, end);
        let per_100k = |count: i64| (population > 0).then(|| count as f64 * 100_000.0 / population as f64);
        let tests = self.conclusive_tests;
        let [positive, negative] = self.pools.values().fold([0, 0], |all, of| [all[0] + of[0], all[1] + of[1]]);
        let has_pools = self.pooled_tests > 0 || !self.pools.is_empty();
        let tubes =
            has_pools.then_some([self.positive_tests + positive, tests - self.pooled_tests + positive + negative]);
        WindowNumbers {
            days: days as u32,
            positive_tests: self.positive_tests,
            conclusive_tests: tests,
            other_tests: self.other_tests,
            people_positive: keeps.then_some(self.people_positive),
            people_tested: keeps.then_some(self.people_tested),
            cases: self.cases,
            community_cases: self.community_cases,
            tests_over_tests: wilson(self.positive_tests, tests),
            people_over_people: if keeps { wilson(self.people_positive, self.people_tested) } else { None },
            people_over_tests: (keeps && tests > 0).then(|| self.people_positive as f64 / tests as f64),
            cases_per_100k: per_100k(self.cases),
            tests_per_100k: per_100k(tests),
            pooled: self.pooled(),
            positive_tubes: tubes.map(|[positive, _]| positive),
            conclusive_tubes: tubes.map(|[_, all]| all),
            tubes_over_tubes: tubes.and_then(|[positive, all]| wilson(positive, all)),
        }
    }

    /// What is said of pools, without what is estimated from that: whoever compares checks it against the counts.
    fn pooled(&self) -> Option<PooledPrevalence> {
        let of_size =
            |(size, of): (&u32, &[i64; 2])| PoolsOfSize { size: *size, pools: of[0] + of[1], positive: of[0] };
        let sizes: Vec<PoolsOfSize> = self.pools.iter().map(of_size).collect();
        (!sizes.is_empty()).then(|| PooledPrevalence {
            pools: sizes.iter().map(|of| of.pools).sum(),
            positive_pools: sizes.iter().map(|of| of.positive).sum(),
            members: sizes.iter().map(|of| i64::from(of.size) * of.pools).sum(),
            sizes,
            ..PooledPrevalence::default()
        })
    }
}

/// Whether a specimen counts anywhere: rules that came later than it may no longer know its purpose or target. (Nor its
/// area, which then lies in none.)
pub fn has_place(rules: &Rules, specimen: &Specimen) -> bool {
    is_place(rules, &specimen.purpose, &specimen.target)
}

/// Whether rules know a purpose and a target.
pub fn is_place(rules: &Rules, purpose: &String, target: &str) -> bool {
    rules.deployment.purposes.contains(purpose) && targets::is_known(rules, target)
}

/// An area and all it lies in on a day, finest first. Of an abolished one: what it went into, and all that lies in;
/// empty where there is neither.
pub fn lineage<'r>(rules: &'r Rules, code: &str, day: Day) -> Vec<&'r str> {
    let mut lineage = Vec::new();
    let mut next = Some(code);
    while let Some(code) = next {
        let Some(area) = area_of(rules, code) else { break };
        let Some(facts) = area.facts.iter().rev().find(|facts| facts.from <= day) else { break };
        if facts.abolished {
            next = facts.merged_into.as_deref();
            continue;
        }
        lineage.push(area.code.as_str());
        next = facts.parent.as_deref();
    }
    lineage
}

/// The message of an area's numbers for a target: the total, then each purpose there is, over all windows. None without
/// any.
pub fn published(
    rules: &Rules,
    AreaTarget { area, target }: AreaTarget<'_>,
    end: Day,
    purposes: BTreeSet<&str>,
    window: impl Fn(&str, i32) -> WindowNumbers,
) -> Option<AreaPositivity> {
    if purposes.is_empty() {
        return None;
    }
    let of_purpose = |purpose: &str| PurposeNumbers {
        purpose: purpose.to_owned(),
        windows: WINDOWS.iter().map(|days| window(purpose, *days)).collect(),
    };
    Some(AreaPositivity {
        close: None,
        area: area.to_owned(),
        day: end.to_string(),
        now: None,
        population: population(rules, area, end),
        purposes: std::iter::once("").chain(purposes).map(of_purpose).collect(),
        rules_digest: rules.digest.clone(),
        target: target.to_owned(),
    })
}

/// People of an area on a day, 0 when unknown.
pub fn population(rules: &Rules, code: &str, day: Day) -> u64 {
    let facts = area_of(rules, code).and_then(|area| area.facts.iter().rev().find(|facts| facts.from <= day));
    facts.map_or(0, |facts| facts.population)
}

/// Whether distinct people are counted in an area.
pub fn keeps_people(rules: &Rules, code: &str) -> bool {
    area_of(rules, code).is_some_and(|area| rules.deployment.keeps_people[usize::from(area.level)])
}

/// What the registry says of an area: its list is in order of codes.
fn area_of<'r>(rules: &'r Rules, code: &str) -> Option<&'r Area> {
    let at = rules.areas.list.binary_search_by(|area| area.code.as_str().cmp(code)).ok()?;
    rules.areas.list.get(at)
}

/// Wilson's interval as the textbook has it (Wilson 1927; Newcombe 1998, method 3).
pub fn wilson(found: i64, all: i64) -> Option<Proportion> {
    if all == 0 {
        return None;
    }
    let (r, n) = (found as f64, all as f64);
    let q = n - r;
    let root = Z * (Z * Z + 4.0 * r * q / n).sqrt();
    let low = (2.0 * r + Z * Z - root) / (2.0 * (n + Z * Z));
    let high = (2.0 * r + Z * Z + root) / (2.0 * (n + Z * Z));
    Some(Proportion { value: r / n, low, high })
}
