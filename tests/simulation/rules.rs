//! Rules that change in the middle of a seed: the sample's, and three sets that make something else of the same
//! records.

use super::support::random::Random;
use prost::Message as _;
use std::sync::{Arc, LazyLock};
use swabstream::model::time::Timestamp;
use swabstream::policy::Rules;
use swabstream::policy::records::record;
use swabstream::policy::sample::sample_rules;
use swabstream::proto::v1::tier_policy::Engine;
use swabstream::proto::v1::{
    Area, AreaPeriod, CasePolicy, DayIncomplete, Deployment, EpisodeForm, Rule, TierPolicy, UnknownLab, rule,
};

/// When another version of the case policy takes over, in one of the sets.
const LATER_VERSION: &str = "2022-11-17";

/// Seeds in a hundred whose rules change.
const CHANGING: u32 = 36;

/// The sample's come first, in every seed.
static SETS: LazyLock<[Arc<Rules>; 4]> = LazyLock::new(|| {
    let sets = [sample_rules(), with_a_later_version(&changed(&medicine)), changed(&registry), changed(&intake)];
    sets.map(Arc::new)
});

/// The rules that every seed begins with.
pub fn first() -> &'static Arc<Rules> {
    &SETS[0]
}

/// The sets that come into force one after the other after the first: none for most seeds. Often the first comes back.
pub fn later(random: &mut Random) -> Vec<Arc<Rules>> {
    if !random.chance(CHANGING) {
        return Vec::new();
    }
    let other = 1 + random.below(SETS.len() - 1);
    let next = match random.below(10) {
        0..3 => return vec![SETS[other].clone()],
        3..8 => 0,
        _ => (other + 1 + random.below(SETS.len() - 1)) % SETS.len(),
    };
    [other, next].map(|set| SETS[set].clone()).into()
}

/// Rules by which some days around the last one close without a task.
pub fn marked(rules: &Rules, last: Timestamp, days: i32, task: i32) -> Arc<Rules> {
    let (mut records, first) = (rules.to_records(), rules.day(last).plus(-2));
    records.extend((0..days).map(|after| {
        let mark = DayIncomplete {
            day: first.plus(after).to_string(),
            without: vec![task],
            by: "Zhang Wei".to_owned(),
            reason: "its disk is lost".to_owned(),
            at: "2022-12-01T00:00:00Z".to_owned(),
        };
        record(rule::Rule::DayIncomplete(mark)).expect("no manifest")
    }));
    Arc::new(Rules::from_records(&records).expect("valid rules"))
}

/// The sample's rules with every record changed, or left out.
fn changed(change: &dyn Fn(&mut rule::Rule) -> bool) -> Rules {
    let records = sample_rules().to_records().into_iter().filter_map(|(key, bytes)| {
        let mut record = Rule::decode(&bytes[..]).expect("a rule");
        let stays = change(record.rule.as_mut().expect("it says something"));
        stays.then(|| (key, record.encode_to_vec()))
    });
    Rules::from_records(&records.collect::<Vec<_>>()).expect("valid rules")
}

/// With a version of the case policy that takes over in the middle: what is old news, and how far an exposure reaches,
/// is judged by the version of each swab's own day.
fn with_a_later_version(rules: &Rules) -> Rules {
    let mut records = rules.to_records();
    let decoded = records.iter().map(|(_, bytes)| Rule::decode(&bytes[..]).expect("a rule").rule);
    let later = decoded.filter_map(|rule| match rule {
        Some(rule::Rule::CasePolicy(policy)) => Some(rule::Rule::CasePolicy(CasePolicy {
            version: LATER_VERSION.to_owned(),
            effective_from: LATER_VERSION.to_owned(),
            historic_after_hours: 8,
            observation_days_close: 5,
            test_days_close: vec![1, 4],
            test_grace_hours: Some(0),
            ..policy
        })),
        _ => None,
    });
    let later: Vec<_> = later.map(|rule| record(rule).expect("no manifest")).collect();
    records.extend(later);
    records.sort();
    Rules::from_records(&records).expect("valid rules")
}

/// Other episodes, other windows around exposure, no alerts from preliminary results, milder and harder tiers, some after
/// days in a row; results
/// of labs that nobody knows are accepted, and one more is such.
fn medicine(rule: &mut rule::Rule) -> bool {
    match rule {
        rule::Rule::CasePolicy(policy) => {
            policy.episode_gap_days = 2;
            policy.episode_form = EpisodeForm::FromFirstPositive as i32;
            policy.preliminary_alerts = false;
            policy.observation_days_close = 3;
            policy.test_days_close = vec![2, 3];
            policy.test_days_secondary = Vec::new();
            policy.test_grace_hours = Some(60);
            policy.trace_days_before = 1;
            policy.historic_after_hours = 24;
            policy.day_close_hours = Some(3);
            policy.groups.retain(|tests| tests.group != "arrivals");
            policy.groups.iter_mut().for_each(|tests| tests.alert = !tests.alert);
            policy.unknown_lab = UnknownLab::Accept as i32;
        }
        // Its results count on, apart.
        rule::Rule::Lab(lab) => return lab.id != "LAB-2",
        rule::Rule::TierPolicy(TierPolicy { engine: Some(engine), .. }) => match engine {
            Engine::CleanDay(engine) => engine.steps.iter_mut().for_each(|step| step.clean_days = 1),
            Engine::Threshold(engine) => {
                let bounds = engine.measures.iter_mut().flat_map(|measure| &mut measure.lower_bounds);
                bounds.for_each(|bound| *bound *= 1.5);
                let proportions = engine.measures.iter_mut().filter(|measure| measure.least_tests > 0);
                proportions.for_each(|measure| measure.least_tests = 5);
                (engine.rise_days, engine.fall_days) = (Some(2), Some(9));
            }
        },
        _ => {}
    }
    true
}

/// The harbour quarter never moves, the hills are merged two weeks earlier, fewer people live in the station quarter,
/// and it goes into the old town; streets keep no people; tiers by numbers fall after days in a row.
fn registry(rule: &mut rule::Rule) -> bool {
    match rule {
        rule::Rule::Deployment(Deployment { people_levels, .. }) => people_levels.retain(|level| level != "street"),
        rule::Rule::TierPolicy(TierPolicy { engine: Some(Engine::Threshold(engine)), .. }) => {
            engine.fall_days = Some(4)
        }
        rule::Rule::Area(Area { code, periods, .. }) => match code.as_str() {
            "D2S2" => periods.truncate(1),
            "D3" | "D3S1" => {
                let periods = periods.iter_mut().filter(|period| period.effective_from == "2022-12-01");
                periods.for_each(|period| period.effective_from = "2022-11-17".to_owned());
            }
            "D1S2" => {
                periods.iter_mut().for_each(|period| period.population = 9_000);
                let (effective_from, merged_into) = ("2022-11-21".to_owned(), "D1S1".to_owned());
                periods.push(AreaPeriod { effective_from, abolished: true, merged_into, ..AreaPeriod::default() });
            }
            _ => {}
        },
        _ => {}
    }
    true
}

/// A lab, a street and a purpose are no longer known, and results come to be too old sooner; tiers by numbers rise after
/// days in a row.
fn intake(rule: &mut rule::Rule) -> bool {
    match rule {
        rule::Rule::CasePolicy(CasePolicy { horizon_days, .. }) => *horizon_days = 5,
        rule::Rule::TierPolicy(TierPolicy { engine: Some(Engine::Threshold(engine)), .. }) => {
            engine.rise_days = Some(2)
        }
        rule::Rule::Deployment(Deployment { purposes, .. }) => purposes.retain(|purpose| purpose != "clinic"),
        rule::Rule::Lab(lab) => return lab.id != "LAB-3",
        rule::Rule::Area(Area { code, .. }) => return code != "D1S1",
        _ => {}
    }
    true
}
