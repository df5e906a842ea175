//! The recount of `swabstream audit` as a test's oracle: what was published is asserted to be what it says.

pub use swabstream::audit::arrived::{Arrived, Usable};
pub use swabstream::audit::compare::Published;
pub use swabstream::audit::passed::TimePassed;
pub use swabstream::audit::recount::{LiveAlert, Truth, recount, wilson};

use std::collections::BTreeMap;
use std::fmt::Debug;
use swabstream::audit::compare::{self, Pair, by_id, pairs, same_numbers, wanted_alerts};
use swabstream::audit::recount::TierChange;
use swabstream::model::record::Topic;
use swabstream::policy::UNDECLARED_TARGET;

/// Differences shown before a test fails: the first few tell the rest.
const SHOWN: usize = 6;

/// The topics that a recount says something about. What it says of duties, the audit compares: it knows which days are
/// forgotten.
const RECOUNTED: [Topic; 6] =
    [Topic::Alerts, Topic::AreaAlerts, Topic::PersonDuties, Topic::AreaDuties, Topic::AreaPositivity, Topic::AreaTiers];

/// From the newest payload of each key of a topic.
pub fn published(latest: impl Fn(Topic) -> BTreeMap<Vec<u8>, Vec<u8>>) -> Published {
    // The first target of every deployment that is tested here.
    let mut published = Published::of(UNDECLARED_TARGET);
    for topic in RECOUNTED {
        latest(topic).iter().for_each(|(key, payload)| published.take(topic, key, Some(payload)));
    }
    assert!(published.unreadable.is_empty(), "outputs are of the contract: {:?}", published.unreadable);
    published
}

/// Fails with the first differences where anything differs.
pub fn assert_same(truth: &Truth, published: &Published) {
    let live = by_id(published.live().map(LiveAlert::of));
    same("live alerts", &wanted_alerts(truth), &live, LiveAlert::is_said_by);
    same("numbers", &truth.positivity, &published.positivity, same_numbers);
    same("tiers", &truth.tiers, &compare::tiers(published), PartialEq::eq);
    same("changes of tier", &truth.tier_changes, &published.tier_changes(), TierChange::is_said_by);
}

fn same<K: Ord + Debug, V: Debug>(
    what: &str,
    expected: &BTreeMap<K, V>,
    found: &BTreeMap<K, V>,
    agree: impl Fn(&V, &V) -> bool,
) {
    let pairs = pairs(expected, found, agree);
    let shown: Vec<String> = pairs.iter().take(SHOWN).map(tell).collect();
    let all = expected.len().max(found.len());
    assert!(pairs.is_empty(), "{what}: {} of {all} differ, the first:\n{}", pairs.len(), shown.join("\n"));
}

fn tell<K: Debug, V: Debug>(pair: &Pair<'_, K, V>) -> String {
    match pair {
        Pair::Missing(key, value) => format!("missing {key:?}: {value:?}"),
        Pair::Unexpected(key, value) => format!("unexpected {key:?}: {value:?}"),
        Pair::Differs(key, expected, found) => format!("{key:?}\n{}", difference(expected, found)),
    }
}

/// The lines in which two values differ when written out.
fn difference<V: Debug>(expected: &V, found: &V) -> String {
    let (expected, found) = (format!("{expected:#?}"), format!("{found:#?}"));
    let only = |lines: &str, other: &str, sign: &str| -> Vec<String> {
        let others: Vec<&str> = other.lines().collect();
        lines.lines().filter(|line| !others.contains(line)).map(|line| format!("  {sign} {}", line.trim())).collect()
    };
    let lines = [only(&expected, &found, "expected"), only(&found, &expected, "found   ")].concat();
    lines[..lines.len().min(4 * SHOWN)].join("\n")
}
