//! How grave a change of tier is, and whether it is news.

use crate::bench::Bench;
use crate::numbers::day;
use crate::tiers::{policy, positive, say, with_tiers};
use swabstream::policy::{CleanDayStep, TierEngine, TierPolicy, TierSeverity};
use swabstream::proto::v1::Severity;

/// The sample's 72 hours count from the last minute of the day, not from its noon.
#[test]
fn a_change_that_is_heard_of_after_midnight_wakes_somebody() {
    let on = day("2022-11-01");
    for (heard_of, historic) in [(0, false), (1, false), (3, false), (4, true)] {
        let steps = TierEngine::CleanDay(vec![CleanDayStep { rank: 1, clean_days: 7, next: 0 }]);
        let rules = with_tiers(vec![policy("clean", &[2], &["low", "high"], steps)], "clean");
        let mut bench = Bench::new(&rules);
        bench.commit(Some(on));
        say(&mut bench, &rules, 1, (&[], &[positive("D1S1", on)]), on.plus(heard_of));
        let alerts: Vec<_> = bench.alerts().into_iter().map(|alert| (alert.first_day, alert.historic)).collect();
        assert_eq!(alerts, [(on.to_string(), historic)], "heard of {heard_of} days later");
    }
}

#[test]
fn the_severity_of_a_change_is_by_policy() {
    use Severity::{High, Info, Moderate};
    let on = day("2022-11-01");
    let other = TierSeverity { raised: Moderate, lowered: Info, historic: High };
    for (severity, [raised, lowered, historic]) in
        [(TierSeverity::default(), [High, Moderate, Info]), (other, [Moderate, Info, High])]
    {
        let steps = TierEngine::CleanDay(vec![CleanDayStep { rank: 1, clean_days: 1, next: 0 }]);
        let clean = TierPolicy { severity, ..policy("clean", &[2], &["low", "high"], steps) };
        let rules = with_tiers(vec![clean], "clean");
        let mut bench = Bench::new(&rules);
        bench.commit(Some(on.plus(-9)));
        say(&mut bench, &rules, 1, (&[], &[positive("D1S1", on)]), on);
        bench.commit(Some(on.plus(9)));
        say(&mut bench, &rules, 2, (&[], &[positive("D2S1", on)]), on.plus(9));
        let mut published = bench.alerts().into_iter();
        let mut of = |area: &str, tier: &str| {
            let alert = published.find(|alert| alert.area == area && alert.tier_after == tier).expect("an alert");
            (alert.severity(), alert.historic)
        };
        assert_eq!(of("D1S1", "high"), (raised, false));
        let down = of("D1S1", "low");
        assert_eq!(down.0, if down.1 { historic } else { lowered });
        assert_eq!(of("D2S1", "high"), (historic, true));
    }
}
