//! Areas as shown: newest numbers and tier for the map, days for the chart.

use crate::model::target::{FIRST, keyed};
use crate::model::time::Day;
use crate::policy::areas::Area;
use crate::proto::v1::{
    AreaTier, GroupDuties, MeasuredDays, PooledPrevalence, Proportion, PurposeNumbers, TierHysteresis, TierReason,
    WindowNumbers,
};
use crate::view::areas::{AreaOverview, total};
use crate::view::duties::{Open, OpenOfGroup};
use crate::view::overview::Overview;
use crate::view::texts;
use serde::Serialize;

/// Roots shown beside the map, at most.
const MOST_ROOTS: usize = 5;

/// Parts of an area shown below it, at most: the gravest first.
const MOST_PARTS: usize = 60;

/// One area, now.
#[derive(Debug, Serialize)]
pub(super) struct AreaNow {
    code: String,
    /// Id of the target.
    target: String,
    /// Day the windows end on; absent before the first numbers.
    day: Option<String>,
    windows: Vec<Window>,
    tier: Option<Tier>,
}

/// One area with its days.
#[derive(Debug, Serialize)]
pub struct AreaDetail {
    code: String,
    /// Id of the target.
    target: String,
    name: String,
    name_zh: String,
    level: String,
    population: u64,
    /// Areas it lies in, finest first.
    parents: Vec<Parent>,
    /// Areas that lie directly in it, the gravest tier first.
    parts: Vec<Part>,
    parts_omitted: usize,
    day: Option<String>,
    tier: Option<Tier>,
    /// What has to be done today; absent where nothing has.
    duties: Option<Duties>,
    /// Newest day, total first.
    purposes: Vec<Purpose>,
    /// Totals by day, oldest first.
    days: Vec<DayNumbers>,
    /// The same as they were when each day was closed.
    published: Vec<DayNumbers>,
    rules: String,
}

#[derive(Debug, Serialize)]
struct Parent {
    code: String,
    name: String,
    name_zh: String,
}

#[derive(Debug, Serialize)]
struct Part {
    code: String,
    name: String,
    name_zh: String,
    tier: Option<Tier>,
}

#[derive(Debug, Serialize)]
struct Purpose {
    purpose: String,
    windows: Vec<Window>,
}

#[derive(Debug, Serialize)]
struct DayNumbers {
    day: String,
    windows: Vec<Window>,
}

/// Numbers of one window, named as in the contract.
#[derive(Debug, Serialize)]
struct Window {
    days: u32,
    positive_tests: i64,
    conclusive_tests: i64,
    other_tests: i64,
    people_positive: Option<i64>,
    people_tested: Option<i64>,
    cases: i64,
    community_cases: i64,
    tests_over_tests: Option<Interval>,
    people_over_people: Option<Interval>,
    people_over_tests: Option<f64>,
    cases_per_100k: Option<f64>,
    tests_per_100k: Option<f64>,
    /// Where there are no pools, tubes are tests.
    positive_tubes: i64,
    conclusive_tubes: i64,
    tubes_over_tubes: Option<Interval>,
    pooled: Option<Pooled>,
}

/// Prevalence estimated from pools.
#[derive(Debug, Serialize)]
struct Pooled {
    pools: i64,
    positive_pools: i64,
    members: i64,
    prevalence: Interval,
    firth: f64,
    /// `exact` or `skew_score`.
    method: String,
}

#[derive(Debug, Serialize)]
struct Interval {
    value: f64,
    low: f64,
    high: f64,
}

/// Numbers of today, named as in the contract, and what is open by then.
#[derive(Debug, Serialize)]
struct Duties {
    day: String,
    to_isolate: u32,
    managed: u32,
    to_release: u32,
    tests_due: u32,
    tests_taken: u32,
    tests_overdue: u32,
    pools_to_recall: u32,
    members_to_recall: u32,
    pools_late: u32,
    groups: Vec<Group>,
}

/// A key group today, named as in the contract.
#[derive(Debug, Serialize)]
struct Group {
    group: String,
    members: i64,
    tests_due: i64,
    tests_taken: i64,
    missed: Option<Missed>,
}

/// Tests of a key group that were missed, and of which days.
#[derive(Debug, Serialize)]
struct Missed {
    first_day: String,
    last_day: String,
    tests: i64,
}

#[derive(Debug, Serialize)]
struct Tier {
    name: String,
    rank: u32,
    /// Names of all tiers of the policy, mildest first; empty when the registry does not have the policy.
    names: Vec<String>,
    day: String,
    policy: String,
    version: String,
    earliest_step_down: String,
    previous: String,
    reasons: Vec<Reason>,
    hysteresis: Option<Hysteresis>,
}

/// Days in a row that a policy asks for, and what the last days measured.
#[derive(Debug, Serialize)]
struct Hysteresis {
    rise_days: u32,
    fall_days: u32,
    days: Vec<Measured>,
}

#[derive(Debug, Serialize)]
struct Measured {
    first_day: String,
    last_day: String,
    tier: String,
}

#[derive(Debug, Serialize)]
struct Reason {
    measure: String,
    window_days: u32,
    numerator: i64,
    denominator: i64,
    value: Option<f64>,
    tier: String,
    decided: bool,
    last_case_day: String,
    least_denominator: i64,
    below_least: bool,
}

/// Areas of the coarsest level that are not drawn themselves: the whole of which the map shows parts.
pub(super) fn roots(overview: &Overview) -> impl Iterator<Item = &Area> {
    let registry = overview.registry();
    let drawn: Vec<&str> = registry.tiles().map(|area| area.code.as_str()).collect();
    let list = registry.rules().map_or(&[][..], |rules| &rules.areas.list);
    list.iter().filter(move |area| area.level == 0 && !drawn.contains(&area.code.as_str())).take(MOST_ROOTS)
}

/// Drawn areas and roots that are newer than a version of the overview, by the first target.
pub(super) fn changed(overview: &Overview, version: u64) -> Vec<AreaNow> {
    changed_of(overview, FIRST, version)
}

/// The same by any other target.
pub(super) fn changed_of_others(overview: &Overview, version: u64) -> Vec<AreaNow> {
    let others = overview.registry().targets().iter().skip(1);
    others.flat_map(|target| changed_of(overview, &target.id, version)).collect()
}

fn changed_of(overview: &Overview, target: &str, version: u64) -> Vec<AreaNow> {
    let shown = overview.registry().tiles().chain(roots(overview));
    let known = shown.filter_map(|area| Some((&area.code, overview.areas.get(&keyed(&area.code, target))?)));
    let newer = known.filter(|(_, area)| area.changed > version);
    newer.map(|(code, area)| now(overview, (code, target), area)).collect()
}

fn now(overview: &Overview, (code, target): (&str, &str), area: &AreaOverview) -> AreaNow {
    let newest = area.newest.as_ref();
    let total = newest.and_then(total);
    AreaNow {
        code: code.to_owned(),
        target: overview.registry().target(target).unwrap_or_default().to_owned(),
        day: newest.map(|newest| newest.day.clone()),
        windows: total.map(|total| windows(&total.windows)).unwrap_or_default(),
        tier: area.tier.as_ref().map(|of| tier(overview, of)),
    }
}

impl AreaDetail {
    /// One area by a target, by default the first; `None` when neither the registry nor the outputs know it, or the
    /// target is not declared.
    pub fn of(overview: &Overview, code: &str, target: Option<&str>) -> Option<Self> {
        let registry = overview.registry();
        let target = registry.target(target.unwrap_or(FIRST)).or(target.is_none().then_some(FIRST))?;
        let is_first = registry.targets().first().is_none_or(|first| first.id == target);
        let stored = if is_first { FIRST } else { target };
        let (known, seen) = (registry.area(code), overview.areas.get(&keyed(code, stored)));
        if known.is_none() && seen.is_none() {
            return None;
        }
        let levels = overview.registry().rules().map(|rules| &rules.deployment.levels);
        let newest = seen.and_then(|area| area.newest.as_ref());
        let level = known.and_then(|area| levels?.get(usize::from(area.level)));
        let day_of = |(day, of): (&Day, &Vec<WindowNumbers>)| DayNumbers { day: day.to_string(), windows: windows(of) };
        let (parts, parts_omitted) = parts(overview, code, stored);
        let of_purpose = |of: &PurposeNumbers| Purpose { purpose: of.purpose.clone(), windows: windows(&of.windows) };
        Some(Self {
            code: code.to_owned(),
            target: target.to_owned(),
            name: overview.registry().name(code).to_owned(),
            name_zh: overview.registry().name_zh(code).to_owned(),
            level: level.cloned().unwrap_or_default(),
            population: newest.map_or(0, |newest| newest.population),
            parents: parents(overview, code),
            parts,
            parts_omitted,
            day: newest.map(|newest| newest.day.clone()),
            tier: seen.and_then(|area| area.tier.as_ref()).map(|of| tier(overview, of)),
            duties: seen.and_then(|area| duties(overview, area, target)),
            purposes: newest.map(|newest| newest.purposes.iter().map(of_purpose).collect()).unwrap_or_default(),
            days: seen.map(|area| area.days.iter().map(day_of).collect()).unwrap_or_default(),
            published: seen.map(|area| area.published.iter().map(day_of).collect()).unwrap_or_default(),
            rules: newest.map(|newest| newest.rules_digest.clone()).unwrap_or_default(),
        })
    }
}

/// What has to be done today, and what was to be done by then.
fn duties(overview: &Overview, area: &AreaOverview, target: &str) -> Option<Duties> {
    let (rules, today) = (overview.registry().rules()?, overview.today()?);
    if area.duties.is_empty() {
        return None;
    }
    let Open { on, tests_overdue, pools_to_recall, members_to_recall, pools_late, groups } =
        Open::at(&area.duties, today, rules.target(target)?, rules, overview.now()?);
    Some(Duties {
        day: today.to_string(),
        to_isolate: on.to_isolate,
        managed: on.managed,
        to_release: on.to_release,
        tests_due: on.tests_due,
        tests_taken: on.tests_taken,
        tests_overdue,
        pools_to_recall,
        members_to_recall,
        pools_late,
        groups: groups.into_iter().map(group).collect(),
    })
}

fn group(OpenOfGroup { on, missed }: OpenOfGroup) -> Group {
    let GroupDuties { group, members, tests_due, tests_taken, .. } = on;
    let missed = missed.map(|missed| Missed {
        first_day: missed.first.to_string(),
        last_day: missed.last.to_string(),
        tests: missed.tests,
    });
    Group { group, members, tests_due, tests_taken, missed }
}

/// The areas it lies in, finest first.
fn parents(overview: &Overview, code: &str) -> Vec<Parent> {
    let registry = overview.registry();
    let parent = |code: &str| Parent {
        code: code.to_owned(),
        name: registry.name(code).to_owned(),
        name_zh: registry.name_zh(code).to_owned(),
    };
    registry.within(code).into_iter().skip(1).map(parent).collect()
}

fn parts(overview: &Overview, code: &str, target: &str) -> (Vec<Part>, usize) {
    let list = overview.registry().rules().map_or(&[][..], |rules| &rules.areas.list);
    let newest =
        |area: &Area| area.facts.last().filter(|facts| !facts.abolished).and_then(|facts| facts.parent.clone());
    let here = list.iter().filter(|area| newest(area).as_deref() == Some(code));
    let part = |area: &Area| {
        let of = overview.areas.get(&keyed(&area.code, target)).and_then(|seen| seen.tier.as_ref());
        let tier = of.map(|of| tier(overview, of));
        Part { code: area.code.clone(), name: area.name.clone(), name_zh: area.name_zh.clone(), tier }
    };
    let mut parts: Vec<Part> = here.map(part).collect();
    parts.sort_by_key(|part| std::cmp::Reverse(part.tier.as_ref().map(|tier| tier.rank)));
    let omitted = parts.len().saturating_sub(MOST_PARTS);
    parts.truncate(MOST_PARTS);
    (parts, omitted)
}

fn windows(windows: &[WindowNumbers]) -> Vec<Window> {
    windows.iter().map(window).collect()
}

fn window(of: &WindowNumbers) -> Window {
    let interval = |of: &Proportion| Interval { value: of.value, low: of.low, high: of.high };
    Window {
        days: of.days,
        positive_tests: of.positive_tests,
        conclusive_tests: of.conclusive_tests,
        other_tests: of.other_tests,
        people_positive: of.people_positive,
        people_tested: of.people_tested,
        cases: of.cases,
        community_cases: of.community_cases,
        tests_over_tests: of.tests_over_tests.as_ref().map(interval),
        people_over_people: of.people_over_people.as_ref().map(interval),
        people_over_tests: of.people_over_tests,
        cases_per_100k: of.cases_per_100k,
        tests_per_100k: of.tests_per_100k,
        positive_tubes: of.positive_tubes.unwrap_or(of.positive_tests),
        conclusive_tubes: of.conclusive_tubes.unwrap_or(of.conclusive_tests),
        tubes_over_tubes: match of.conclusive_tubes {
            Some(_) => of.tubes_over_tubes.as_ref().map(interval),
            None => of.tests_over_tests.as_ref().map(interval),
        },
        pooled: of.pooled.as_ref().map(pooled),
    }
}

fn pooled(of: &PooledPrevalence) -> Pooled {
    Pooled {
        pools: of.pools,
        positive_pools: of.positive_pools,
        members: of.members,
        prevalence: Interval { value: of.most_likely, low: of.low, high: of.high },
        firth: of.firth,
        method: texts::pooled_interval(of.method()),
    }
}

fn tier(overview: &Overview, of: &AreaTier) -> Tier {
    Tier {
        name: of.tier.clone(),
        rank: of.rank,
        names: overview.registry().tiers(&of.policy_id, &of.policy_version).to_vec(),
        day: of.day.clone(),
        policy: of.policy_id.clone(),
        version: of.policy_version.clone(),
        earliest_step_down: of.earliest_step_down.clone(),
        previous: of.previous_tier.clone(),
        reasons: of.reasons.iter().map(reason).collect(),
        hysteresis: of.hysteresis.as_ref().map(hysteresis),
    }
}

fn hysteresis(of: &TierHysteresis) -> Hysteresis {
    let measured = |of: &MeasuredDays| Measured {
        first_day: of.first_day.clone(),
        last_day: of.last_day.clone(),
        tier: of.tier.clone(),
    };
    Hysteresis { rise_days: of.rise_days, fall_days: of.fall_days, days: of.days.iter().map(measured).collect() }
}

fn reason(of: &TierReason) -> Reason {
    Reason {
        measure: of.measure.clone(),
        window_days: of.window_days,
        numerator: of.numerator,
        denominator: of.denominator,
        value: of.value,
        tier: of.tier.clone(),
        decided: of.decided,
        last_case_day: of.last_case_day.clone(),
        least_denominator: of.least_denominator,
        below_least: of.below_least,
    }
}
