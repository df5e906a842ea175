//! The checks that rest on the recount: alerts, numbers, counts of areas, tiers.
//!
//! In: what must be true, what was published, what area tasks hold. Out: checks. How far they can go depends on what is
//! left of the inputs ([`Coverage`]).

use super::arrived::{Arrived, Usable};
use super::cells::{Cells, CountKey};
use super::compare::{self, Pair, Published, pairs, same_numbers};
use super::in_flight::InFlight;
use super::passed::TimePassed;
use super::recount::{LiveAlert, Tier, TierChange, Truth};
use super::report::Check;
use super::stored::AreaTask;
use super::targets;
use crate::model::record::Layout;
use crate::model::time::Day;
use crate::policy::Rules;
use crate::proto::v1::{AlertFamily, AreaPositivity, ContactRecord, LabResult, PurposeNumbers, WindowNumbers};
use std::collections::BTreeMap;

/// How far the inputs that are left suffice for a recount.
#[derive(Clone, Copy, Debug)]
pub struct Coverage {
    /// Inputs were deleted by retention: from this specimen day on all are there.
    pub complete_from: Option<Day>,
    /// Of those, versions whose earlier ones were deleted: each may make a number differ by one.
    pub unsure: i64,
    /// Days before are closed: their people are dropped, so what was received later about them changed nothing.
    pub closed_before: Day,
    /// So many records were received about closed days.
    pub late: u64,
    /// Episodes that ended before are dropped: an alert about one stays as it was published.
    pub expired_before: Day,
}

/// What is compared.
#[derive(Debug)]
pub struct Observed<'a> {
    /// The outputs.
    pub published: &'a Published,
    /// The area tasks.
    pub areas: &'a BTreeMap<i32, AreaTask>,
    /// How many tasks there are.
    pub layout: Layout,
    /// What had not been received.
    pub in_flight: &'a InFlight,
    /// By the rules in force.
    pub rules: &'a Rules,
    /// How far person tasks say that time has come.
    pub passed: &'a BTreeMap<i32, TimePassed>,
    /// Person tasks that do not say what has to be done, as they write messages as an earlier version does.
    pub without_duties: usize,
}

impl Observed<'_> {
    /// How far time has come for a person or a pool; `None` where the state of its task is lost.
    pub fn passed_of(&self, subject: &str) -> Option<TimePassed> {
        Some(self.passed.get(&self.layout.person_task(subject))?.of(subject))
    }

    fn task_of(&self, area: &str) -> Option<&AreaTask> {
        self.areas.get(&self.layout.area_task(targets::area(area)))
    }

    /// Whether an alert is about a test of which its person's task does not know any more if it was taken: it stays as it
    /// was published. Of a task whose state is lost it is not known how far time had come.
    fn is_forgotten(&self, alert: &LiveAlert) -> bool {
        let day = Day::parse(&alert.first_day).unwrap_or_default();
        match (alert.family, &alert.pool) {
            (AlertFamily::ContactOverdue, _) => {
                self.passed_of(&alert.person).is_none_or(|passed| !passed.knows(self.rules, day))
            }
            (AlertFamily::PoolOverdue, Some(said)) => self.passed_of(&said.pool).is_none(),
            (AlertFamily::GroupOverdue, _) => self.passed_of(&alert.person).is_none(),
            _ => false,
        }
    }

    /// Whether an alert is about a test of somebody who is about to be known as a contact of another kind, about people of
    /// whom something is about to be known, or about a tube of which another pool may be about to tell.
    fn is_undecided(&self, alert: &LiveAlert) -> bool {
        match (alert.family, &alert.pool) {
            (AlertFamily::ContactOverdue, _) => self.in_flight.contacts.contains(&alert.person),
            (family, Some(said)) => {
                let awaits = family == AlertFamily::PoolOverdue && self.in_flight.about_pools.contains(&said.pool);
                awaits || self.in_flight.about_tubes.contains(&alert.specimen)
            }
            _ => false,
        }
    }

    /// Whether an area's task keeps what is of a day; `unknown` where it has never published. Such a task may have
    /// counted already and not know the time yet: nothing is wanted of it, and nothing may be there.
    pub fn keeps(&self, area: &str, day: Day, unknown: bool) -> bool {
        self.task_of(area).and_then(|task| task.kept_from).map_or(unknown, |first| day >= first)
    }
}

/// An alert about a missed test that must be live, in the area of the one that is, where results that say where its person
/// is may be forgotten and that is one of the areas that any of them named.
fn in_that_area(wanted: &LiveAlert, live: &LiveAlert, truth: &Truth) -> LiveAlert {
    let goes_by_place = matches!(wanted.family, AlertFamily::ContactOverdue | AlertFamily::GroupOverdue);
    let to_do = truth.duties.get(&wanted.person).filter(|_| goes_by_place);
    let area = if to_do.is_some_and(|to_do| to_do.or_in.contains(&live.area)) { &live.area } else { &wanted.area };
    LiveAlert { area: area.clone(), ..wanted.clone() }
}

/// Live alerts about people.
pub fn alerts(truth: &Truth, observed: &Observed<'_>, coverage: &Coverage) -> Check {
    let mut check = Check::new("alerts");
    if coverage.complete_from.is_some() {
        check.limited = Some("not recounted: inputs that alerts rest on were deleted by retention".to_owned());
        return check.compared(format!("{} live", observed.published.live().count()));
    }
    let first_kept = coverage.expired_before.to_string();
    // Pools go with their members' rows, and are told nothing any more from a day before.
    let first_pool = coverage.closed_before.plus(3).to_string();
    let is_kept = |alert: &LiveAlert| {
        let first = if alert.pool.is_some() { &first_pool } else { &first_kept };
        // Of a group an alert has the first day in it, however long ago that was.
        let is_new = alert.family == AlertFamily::GroupOverdue || alert.last_day >= *first;
        is_new && !observed.is_forgotten(alert) && !observed.is_undecided(alert)
    };
    let wanted = compare::by_id(truth.alerts.iter().filter(|alert| is_kept(alert)).cloned());
    let live = compare::by_id(observed.published.live().map(LiveAlert::of).filter(is_kept));
    // Their lists of contacts are about to change.
    let waits = |alert: &LiveAlert| match &alert.pool {
        None => observed.in_flight.about_contacts.contains(&alert.person),
        Some(said) => observed.in_flight.about_pools.contains(&said.pool),
    };
    let agree = |wanted: &LiveAlert, live: &LiveAlert| {
        let wanted = &in_that_area(wanted, live, truth);
        let (wanted, live) = match live.lacks_measurements() {
            true => (&wanted.without_positives(), &live.without_positives()),
            false => (wanted, live),
        };
        match waits(wanted) {
            true => wanted.without_findings().is_said_but_for_contacts(&live.without_findings()),
            false => wanted.is_said_by(live),
        }
    };
    for pair in pairs(&wanted, &live, agree) {
        check.differs(|| match pair {
            Pair::Missing(id, LiveAlert { family, first_day, area, .. }) => {
                format!("alert {id}: missing: {} of {first_day} in {area}", family.as_str_name())
            }
            Pair::Unexpected(id, _) => format!("alert {id}: must not be live"),
            Pair::Differs(id, expected, found) => {
                format!("alert {id}: differs in {}", expected.differing_fields(found).join(", "))
            }
        });
    }
    let published = || observed.published.live().map(LiveAlert::of);
    let forgotten = published().filter(|alert| observed.is_forgotten(alert)).count();
    let undecided = published().filter(|alert| !observed.is_forgotten(alert) && observed.is_undecided(alert)).count();
    let expired = observed.published.live().count() - live.len() - forgotten - undecided;
    let less = live.values().filter(|alert| alert.lacks_measurements()).count();
    let limits = [
        (forgotten, format!("{forgotten} about tests so long ago that their swabs are forgotten stay as published")),
        (
            expired,
            format!("{expired} about episodes before {first_kept}, or pools before {first_pool}, stay as published"),
        ),
        (less, format!("{less} rest on what an earlier version read, which kept nothing of what was measured")),
    ];
    let limits: Vec<String> = limits.into_iter().filter(|(many, _)| *many > 0).map(|(_, text)| text).collect();
    check.limited = (!limits.is_empty()).then(|| limits.join("; "));
    let waiting = live.values().filter(|alert| waits(alert)).count() + undecided;
    let live = observed.published.live().count();
    check.compared(match waiting {
        0 => format!("{} must be live, {live} are", wanted.len()),
        _ => format!(
            "{} must be live, {live} are, {waiting} of them with messages about contacts in flight",
            wanted.len()
        ),
    })
}

/// Numbers of areas, as published.
pub fn numbers(truth: &Truth, observed: &Observed<'_>, coverage: &Coverage) -> Check {
    let mut check = Check::new("numbers");
    let is_kept = |(area, day): &(String, Day), unknown| {
        observed.keeps(area, *day, unknown) && coverage.complete_from.is_none_or(|first| *day >= first)
    };
    let kept = |all: &BTreeMap<(String, Day), AreaPositivity>, unknown| -> BTreeMap<(String, Day), AreaPositivity> {
        let kept = all.iter().filter(|(key, _)| is_kept(key, unknown));
        kept.map(|(key, numbers)| (key.clone(), numbers.clone())).collect()
    };
    let (expected, published) = (kept(&truth.positivity, false), kept(&observed.published.positivity, true));
    let agree = |expected: &AreaPositivity, found: &AreaPositivity| match coverage.complete_from {
        None => same_numbers(expected, found),
        Some(first) => nearly_same(expected, found, first, coverage.unsure),
    };
    let mut closed = 0;
    for pair in pairs(&expected, &published, agree) {
        let (Pair::Missing((area, day), _) | Pair::Unexpected((area, day), _) | Pair::Differs((area, day), ..)) = pair;
        // In part of the inputs an area may have nothing that it had in all of them.
        let in_part = coverage.complete_from.is_some() && !matches!(pair, Pair::Differs(..));
        // A window reaches 13 days back.
        if in_part || coverage.late > 0 && day.plus(-13) < coverage.closed_before {
            closed += u64::from(!in_part);
            continue;
        }
        check.differs(|| match pair {
            Pair::Missing(..) => format!("{area} {day}: missing"),
            Pair::Unexpected(..) => format!("{area} {day}: there is nothing to count"),
            Pair::Differs(_, expected, found) => format!("{area} {day}: {}", difference(expected, found)),
        });
    }
    for (area, task) in observed.published.positivity.keys().filter_map(|key| Some((key, observed.task_of(&key.0)?))) {
        let gone = task.kept_from.is_some_and(|first| area.1 < first);
        check.require(!gone, || format!("{} {}: is older than what is kept", area.0, area.1));
    }
    check.limited = limits(coverage, closed);
    let batches = match observed.in_flight.batches {
        0 => String::new(),
        batches => format!(", without {batches} batches in flight"),
    };
    check.compared(format!("{} areas and days must be published, {} are{batches}", expected.len(), published.len()))
}

/// What area tasks have counted.
pub fn cells(truth: &Truth, observed: &Observed<'_>, coverage: &Coverage) -> Check {
    let mut check = Check::new("area state");
    let in_part = ["cases", "community cases"];
    let is_kept = |CountKey { area, day, name, .. }: &CountKey| {
        let first = observed.task_of(area).and_then(|task| task.cells_from);
        let counted = coverage.complete_from.is_none_or(|first| *day >= first && !in_part.contains(name));
        first.is_none_or(|first| *day >= first) && counted
    };
    let kept = |cells: &Cells| -> Cells {
        cells.iter().filter(|(key, _)| is_kept(key)).map(|(key, count)| (key.clone(), *count)).collect()
    };
    let held: Cells = observed.areas.values().flat_map(|task| kept(&task.cells)).collect();
    let expected = kept(&truth.cells);
    let tolerated = if coverage.complete_from.is_some() { coverage.unsure } else { 0 };
    let mut closed = 0;
    for pair in pairs(&expected, &held, |a, b| a == b) {
        let (key, expected, found) = match pair {
            Pair::Missing(key, expected) => (key, *expected, 0),
            Pair::Unexpected(key, found) => (key, 0, *found),
            Pair::Differs(key, expected, found) => (key, *expected, *found),
        };
        let CountKey { area, purpose, day, name, .. } = key;
        if coverage.late > 0 && *day < coverage.closed_before {
            closed += 1;
        } else if (expected - found).abs() > tolerated {
            let purpose = if purpose.is_empty() { String::new() } else { format!(" for {purpose}") };
            check.differs(|| format!("{area} {day}: {name}{purpose} must be {expected}, is {found}"));
        }
    }
    check.limited = limits(coverage, closed);
    check.compared(format!("{} counts must be held, {} are", expected.len(), held.len()))
}

/// Tiers of today, and alerts about their changes.
pub fn tiers(truth: &Truth, observed: &Observed<'_>, coverage: &Coverage) -> Check {
    let mut check = Check::new("tiers");
    // Compared is one of each: that there is no other needs no recount.
    for ((area, day), ids) in observed.published.tier_change_ids().into_iter().filter(|(_, ids)| ids.len() > 1) {
        check.differs(|| format!("{area} {day}: one change has {} live alerts: {}", ids.len(), ids.join(", ")));
    }
    if coverage.complete_from.is_some() {
        check.limited = Some("not recounted: inputs that tiers rest on were deleted by retention".to_owned());
        return check;
    }
    let published = compare::tiers(observed.published);
    for pair in pairs(&truth.tiers, &published, PartialEq::eq) {
        check.differs(|| match pair {
            Pair::Missing(area, tier) => format!("{area}: must be {} since {}, has none", tier.tier, tier.day),
            Pair::Unexpected(area, tier) => format!("{area}: is {}, must have none", tier.tier),
            Pair::Differs(area, expected, found)
                if *found
                    == (Tier {
                        reasons: found.reasons.clone(),
                        hysteresis: found.hysteresis.clone(),
                        ..expected.clone()
                    }) =>
            {
                format!("{area}: {} on {} has other reasons than it must have", found.tier, found.day)
            }
            Pair::Differs(area, expected, found) => format!(
                "{area}: must be {} on {} ({}), is {} on {} ({})",
                expected.tier, expected.day, expected.policy, found.tier, found.day, found.policy
            ),
        });
    }
    let is_kept = |area: &str, day: Day, unknown| {
        observed.keeps(area, day, unknown) && (coverage.late == 0 || day >= coverage.closed_before)
    };
    let (mut wanted, mut live) = (truth.tier_changes.clone(), observed.published.tier_changes());
    wanted.retain(|(area, day), _| is_kept(area, *day, false));
    live.retain(|(area, day), _| is_kept(area, *day, true));
    for pair in pairs(&wanted, &live, TierChange::is_said_by) {
        check.differs(|| match pair {
            Pair::Missing((area, day), change) => format!("{area} {day}: the alert about {} is missing", change.after),
            Pair::Unexpected((area, day), _) => format!("{area} {day}: an alert about a tier that did not change"),
            Pair::Differs((area, day), expected, found) => format!(
                "{area} {day}: the alert must say {} to {} ({}), says {} to {} ({})",
                expected.before,
                expected.after,
                expected.severity_published(found).as_str_name(),
                found.before,
                found.after,
                found.severity.as_str_name()
            ),
        });
    }
    check.compared(format!("{} tiers and {} changes must be published", truth.tiers.len(), wanted.len()))
}

fn limits(coverage: &Coverage, closed: u64) -> Option<String> {
    let part = coverage.complete_from.map(|first| {
        format!(
            "inputs were deleted by retention: only tests and people from {first} on were recounted, {} of them unsure",
            coverage.unsure
        )
    });
    let late = (closed > 0).then(|| {
        format!(
            "{closed} differ before {}, where {} records came too late to count",
            coverage.closed_before, coverage.late
        )
    });
    part.or(late)
}

/// Windows that lie within the complete days, tests and people only, as far as unsure versions allow.
fn nearly_same(expected: &AreaPositivity, found: &AreaPositivity, complete_from: Day, unsure: i64) -> bool {
    let Some(end) = Day::parse(&expected.day) else { return false };
    let window = |numbers: &AreaPositivity, purpose: &str, days: u32| -> WindowNumbers {
        let of_purpose = numbers.purposes.iter().find(|numbers| numbers.purpose == purpose);
        let window = of_purpose.and_then(|numbers| numbers.windows.iter().find(|window| window.days == days));
        window.cloned().unwrap_or_default()
    };
    let counts = |window: &WindowNumbers| {
        let (tested, positive) = (window.people_tested.unwrap_or(0), window.people_positive.unwrap_or(0));
        let (tubes, positive_tubes) = (
            window.conclusive_tubes.unwrap_or(window.conclusive_tests),
            window.positive_tubes.unwrap_or(window.positive_tests),
        );
        [window.positive_tests, window.conclusive_tests, window.other_tests, tested, positive, tubes, positive_tubes]
    };
    let within = |purpose: &PurposeNumbers, one: &WindowNumbers| {
        let (a, b) = (counts(&window(expected, &purpose.purpose, one.days)), counts(one));
        end.plus(1 - one.days as i32) < complete_from || a.iter().zip(b).all(|(a, b)| (a - b).abs() <= unsure)
    };
    found.purposes.iter().all(|purpose| purpose.windows.iter().all(|one| within(purpose, one)))
}

/// The first number in which two records differ.
fn difference(expected: &AreaPositivity, found: &AreaPositivity) -> String {
    if expected.population != found.population {
        return format!("population must be {}, is {}", expected.population, found.population);
    }
    for purpose in &found.purposes {
        let name = if purpose.purpose.is_empty() { "in total".to_owned() } else { format!("for {}", purpose.purpose) };
        let Some(right) = expected.purposes.iter().find(|right| right.purpose == purpose.purpose) else {
            return format!("there is nothing to count {name}");
        };
        for (a, b) in right.windows.iter().zip(&purpose.windows) {
            let named = |window: &WindowNumbers| {
                [
                    ("positive tests", window.positive_tests),
                    ("conclusive tests", window.conclusive_tests),
                    ("other tests", window.other_tests),
                    ("people positive", window.people_positive.unwrap_or(-1)),
                    ("people tested", window.people_tested.unwrap_or(-1)),
                    ("cases", window.cases),
                    ("community cases", window.community_cases),
                    ("positive tubes", window.positive_tubes.unwrap_or(-1)),
                    ("conclusive tubes", window.conclusive_tubes.unwrap_or(-1)),
                    ("pools", window.pooled.as_ref().map_or(-1, |of| of.pools)),
                    ("members of pools", window.pooled.as_ref().map_or(-1, |of| of.members)),
                ]
            };
            let days = a.days;
            let differing = named(a).into_iter().zip(named(b)).find(|(a, b)| a != b);
            if let Some(((what, a), (_, b))) = differing {
                return format!("{what} {name} in {days} days must be {a}, is {b}");
            }
        }
    }
    match expected.purposes.iter().find(|right| found.purposes.iter().all(|purpose| purpose.purpose != right.purpose)) {
        Some(missing) => format!("{} is missing", missing.purpose),
        None => "a ratio differs".to_owned(),
    }
}

/// Versions whose earlier ones are not among the records.
pub fn unsure(arrived: &[Arrived]) -> i64 {
    // A version of a pool may have been about as many people as there can be in one.
    const POOL: i64 = 100;
    let mut first: BTreeMap<(&str, &str, &str), (u32, i64)> = BTreeMap::new();
    for Arrived { record, .. } in arrived {
        if let Usable::Result(LabResult { lab_id, result_id, person_id, revision, pool, .. }) = record {
            let people = if pool.is_some() { POOL } else { 1 };
            let known = first.entry((lab_id, result_id, person_id)).or_insert((*revision, people));
            known.0 = (*revision).min(known.0);
        }
    }
    first.values().filter(|(revision, _)| *revision > 0).map(|(_, people)| people).sum()
}

/// The earliest swab and the latest receipt of everything that is looked at together, in milliseconds.
struct Span {
    collected: i64,
    received: i64,
}

/// Records received about days whose people had been dropped by then: more than `held` days later.
pub fn late(arrived: &[Arrived], held: i32) -> u64 {
    let held_ms = i64::from(held) * 86_400_000;
    let millis = |at: &Option<prost_types::Timestamp>| at.as_ref().map_or(i64::MAX, |at| at.seconds * 1000);
    let mut spans: BTreeMap<(&str, &str, &str), Span> = BTreeMap::new();
    let mut late_contacts = 0;
    for Arrived { at, record, .. } in arrived {
        match record {
            Usable::Contact(ContactRecord { exposure_start, order, .. }) => {
                let about = millis(exposure_start).min(order.as_ref().map_or(i64::MAX, |order| millis(&order.from)));
                late_contacts += u64::from(at.0 - about > held_ms);
            }
            Usable::Group(_) => {}
            Usable::Result(result) => {
                let collected = millis(&result.collected_at);
                for key in [
                    (result.lab_id.as_str(), result.result_id.as_str(), ""),
                    (result.lab_id.as_str(), result.replaces_result_id.as_str(), ""),
                    (result.person_id.as_str(), result.specimen_id.as_str(), result.target.as_str()),
                ] {
                    // Results that replace none have nothing to do with each other.
                    if key.1.is_empty() {
                        continue;
                    }
                    let span = spans.entry(key).or_insert(Span { collected, received: at.0 });
                    *span = Span { collected: collected.min(span.collected), received: at.0.max(span.received) };
                }
            }
        }
    }
    late_contacts + spans.values().filter(|span| span.received - span.collected > held_ms).count() as u64
}
