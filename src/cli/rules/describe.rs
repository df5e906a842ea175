//! Rules as an operator reads them: a page of text.

use super::table::Table;
use crate::model::time::Day;
use crate::policy::{
    AreaMeaning, CasePolicy, EpisodeForm, Frequency, GroupTests, Measure, MeasureKind, ObservationDays, Rules,
    TestDays, Threshold, TierEngine, TierPolicy,
};
use crate::proto::v1::Severity;
use crate::view::texts;
use std::fmt::Write as _;

/// What is in force, on one page.
pub(super) fn text(rules: &Rules) -> String {
    let deployment = &rules.deployment;
    let meaning = match deployment.area_meaning {
        AreaMeaning::Residence => "where the person lives",
        AreaMeaning::Sampling => "where the swab was taken",
    };
    let levels = deployment.levels.iter().zip(&deployment.keeps_people);
    let levels = levels.map(|(level, people)| if *people { level.clone() } else { format!("{level} (no people)") });
    let mut page = format!(
        "days of {}; an area is {meaning}\nlevels    {}\npurposes  {}\n\nTARGETS\n{}",
        deployment.zone_name,
        levels.collect::<Vec<_>>().join(" > "),
        deployment.purposes.join(", "),
        targets(rules),
    );
    let mut section = |title: &str, body: String| {
        // Writing to a string cannot fail.
        let _ = write!(page, "\n{title}\n{body}");
    };
    section("CASE POLICIES", cases(rules));
    section("TIER POLICIES", if rules.tiers.is_empty() { "  none\n".to_owned() } else { tiers(rules) });
    section("AREAS", areas(rules));
    section("LABS", format!("  {}\n", rules.labs.len()));
    page
}

/// What may be looked for, and what follows for each.
fn targets(rules: &Rules) -> String {
    let mut table = Table::new(["id", "name", "aliases", "cases and alerts"]);
    for (at, target) in (0..).zip(&rules.deployment.targets) {
        let has_cases = rules.cases.iter().any(|policy| policy.targets.contains(&at));
        table.row([
            target.id.clone(),
            target.name.clone(),
            if target.aliases.is_empty() { "-".to_owned() } else { target.aliases.join(", ") },
            if has_cases { "yes" } else { "no: no case policy is for it, it has tests and positivity" }.to_owned(),
        ]);
    }
    let undeclared = if rules.deployment.targets_declared {
        ""
    } else {
        "  none are declared: results of any other target are refused; declare what is looked for as [[targets]]\n"
    };
    format!("{table}{undeclared}")
}

fn cases(rules: &Rules) -> String {
    let mut table = Table::new([
        "from",
        "policy",
        "targets",
        "horizon",
        "episode",
        "observed",
        "tested",
        "traced",
        "unknown labs",
        "years",
        "pools recalled",
        "days closed",
        "key groups",
        "severity of alerts",
    ]);
    for policy in &rules.cases {
        let form = match policy.episode_form {
            EpisodeForm::FromLastPositive => "last",
            EpisodeForm::FromFirstPositive => "first",
        };
        let ObservationDays { close, secondary, co_exposed } = policy.observation_days;
        table.row([
            policy.effective_from.to_string(),
            policy.name.clone(),
            policy.targets.iter().map(|target| rules.target_id(*target)).collect::<Vec<_>>().join(", "),
            format!("{} days", policy.horizon_days),
            format!("{} days from {form} positive", policy.episode_gap_days),
            format!("{close}/{secondary}/{co_exposed} days"),
            tested(policy),
            format!("-{}/+{} days", policy.trace_days_before, policy.trace_days_after),
            if policy.accept_unknown_labs { "accepted" } else { "rejected" }.to_owned(),
            policy.years.to_string(),
            format!("in {} hours, known in {} more", policy.pool_recall_hours, policy.pool_grace_hours),
            format!("{} h after their end", policy.day_close_hours),
            groups(policy),
            severities(&[
                ("community", policy.severity.community),
                ("managed", policy.severity.managed),
                ("historic", policy.severity.historic),
                ("preliminary", policy.severity.preliminary),
                ("contradiction", policy.severity.contradiction),
                ("overdue", policy.severity.overdue),
                ("pool", policy.severity.pool),
                ("pool overdue", policy.severity.pool_overdue),
                ("group overdue", policy.severity.group_overdue),
            ]),
        ]);
    }
    table.to_string()
}

/// How often whoever is in a key group is tested.
fn groups(policy: &CasePolicy) -> String {
    let often = |tests: &GroupTests| match &tests.frequency {
        Frequency::EveryDays(1) => format!("{} every day", tests.group),
        Frequency::EveryDays(days) => format!("{} every {days} days", tests.group),
        Frequency::AfterEntry(days) => {
            let days: Vec<String> = days.iter().map(i32::to_string).collect();
            format!("{} on days {} after entry", tests.group, days.join(","))
        }
    };
    let told = |tests: &GroupTests| if tests.alert { " (alerts)" } else { "" };
    let all: Vec<String> = policy.groups.iter().map(|tests| often(tests) + told(tests)).collect();
    if all.is_empty() { "-".to_owned() } else { all.join(", ") }
}

/// On which days of their observation contacts are tested: close, secondary, co-exposed.
fn tested(policy: &CasePolicy) -> String {
    let TestDays { close, secondary, co_exposed } = &policy.test_days;
    let days = |days: &Vec<i32>| match days.as_slice() {
        [] => "-".to_owned(),
        days => days.iter().map(i32::to_string).collect::<Vec<_>>().join(","),
    };
    let all = [close, secondary, co_exposed].map(days);
    if all.iter().all(|days| days == "-") {
        return "no days".to_owned();
    }
    format!("days {}, known within {} h", all.join("/"), policy.test_grace_hours)
}

fn tiers(rules: &Rules) -> String {
    let mut table = Table::new(["from", "until", "level", "target", "policy", "cases", "rule", "severity of alerts"]);
    let mut policies: Vec<&TierPolicy> = rules.tiers.iter().collect();
    policies.sort_by_key(|policy| (policy.target, policy.levels.clone(), policy.effective_from));
    for policy in policies {
        let levels = policy.levels.iter().map(|level| rules.deployment.levels[usize::from(*level)].as_str());
        table.row([
            policy.effective_from.to_string(),
            policy.effective_until.map_or("-".to_owned(), |day| day.to_string()),
            levels.collect::<Vec<_>>().join(", "),
            rules.target_id(policy.target).to_owned(),
            format!("{}@{}", policy.id, policy.version),
            if policy.community_only { "community" } else { "all" }.to_owned(),
            rule(policy),
            severities(&[
                ("raised", policy.severity.raised),
                ("lowered", policy.severity.lowered),
                ("historic", policy.severity.historic),
            ]),
        ]);
    }
    table.to_string()
}

fn severities(kinds: &[(&str, Severity)]) -> String {
    kinds.iter().map(|(kind, severity)| format!("{kind} {}", texts::severity(*severity))).collect::<Vec<_>>().join(", ")
}

fn rule(policy: &TierPolicy) -> String {
    let tier = |rank: u32| policy.tiers[rank as usize].as_str();
    match &policy.engine {
        TierEngine::CleanDay(steps) => {
            let step = |step: &crate::policy::CleanDayStep| {
                format!("{} to {} after {} clean days", tier(step.rank), tier(step.next), step.clean_days)
            };
            steps.iter().map(step).collect::<Vec<_>>().join("; ")
        }
        TierEngine::Threshold(engine) => {
            let measures = engine.measures.iter().map(measure).collect::<Vec<_>>().join("; ");
            format!("{}: the worse of {measures}{}", policy.tiers.join(" < "), days_in_a_row(engine))
        }
    }
}

/// How many days it takes up and down; nothing where one is enough.
fn days_in_a_row(engine: &Threshold) -> String {
    let (up, down) = (engine.rise_days, engine.fall_days);
    if engine.has_hysteresis() { format!("; up after {up}, down after {down} days in a row") } else { String::new() }
}

fn measure(measure: &Measure) -> String {
    let (name, percent) = match measure.kind {
        MeasureKind::CasesPer100k => ("cases/100k", false),
        MeasureKind::TestsOverTests => ("positive tests", true),
        MeasureKind::PeopleOverPeople => ("positive people", true),
    };
    let bound = |bound: &f64| if percent { format!("{}%", (bound * 1e6).round() / 1e4) } else { bound.to_string() };
    let bounds: Vec<String> = measure.lower_bounds.iter().map(bound).collect();
    let least = match (measure.least_denominator, measure.kind) {
        (0, _) => String::new(),
        (least, MeasureKind::PeopleOverPeople) => format!(" of at least {least} people"),
        (least, _) => format!(" of at least {least} tests"),
    };
    format!("{name}{least} in {} days {}", measure.window_days, bounds.join("/"))
}

/// What may be meant so and is worth a look, a line each: a proportion of next to no tests is no measure.
pub(super) fn notes(rules: &Rules) -> Vec<String> {
    let note = |policy: &TierPolicy| {
        let TierEngine::Threshold(engine) = &policy.engine else { return None };
        let is_bare = |measure: &Measure| measure.kind != MeasureKind::CasesPer100k && measure.least_denominator == 0;
        let bare = engine.measures.iter().enumerate().filter(|(_, measure)| is_bare(measure));
        let bare: Vec<String> = bare.map(|(at, _)| format!("`threshold.measures[{at}]`")).collect();
        let (id, version, tier) = (&policy.id, &policy.version, policy.tiers.last()?);
        if bare.is_empty() {
            return None;
        }
        let bare = bare.join(", ");
        Some(format!(
            "note: tier policy {id}@{version}: no `least_tests` in {bare}: two tests can make an area `{tier}`; state from how \
             many on the proportion means something"
        ))
    };
    rules.tiers.iter().filter_map(note).collect()
}

fn areas(rules: &Rules) -> String {
    let mut table = Table::new(["level", "areas", "with a tile", "newest population"]);
    for (level, name) in (0..).zip(&rules.deployment.levels) {
        let of_level = || (0..).zip(&rules.areas.list).filter(|(_, area)| area.level == level);
        let people: u64 = of_level().map(|(index, _)| rules.areas.population(index, Day(i32::MAX))).sum();
        table.row([
            name.clone(),
            of_level().count().to_string(),
            of_level().filter(|(_, area)| area.tile.is_some()).count().to_string(),
            if people == 0 { "unknown".to_owned() } else { people.to_string() },
        ]);
    }
    let begins = rules.areas.periods.iter().skip(1).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let unsaid: Vec<&str> = rules.areas.without_successor().map(|area| area.code.as_str()).collect();
    let unsaid = match unsaid.as_slice() {
        [] => String::new(),
        codes => format!(
            "  abolished into nothing that is named, so that what was counted there leaves all totals: {}; say what they \
             went into with `merged_into`\n",
            codes.join(", ")
        ),
    };
    format!("{table}  the hierarchy changes on {begins}\n{unsaid}")
}
