//! When contacts are under management, and when they are cases: asked of one day, one record.

use super::alerts::is_about;
use super::people::{Person, Specimen};
use crate::audit::targets;
use crate::model::time::{Day, Timestamp};
use crate::policy::{CasePolicy, EpisodeForm, Rules};
use crate::proto::v1::ContactRecord;

/// Days of one record that are taken.
pub const LONGEST: i32 = 366;

/// A time that every usable record has.
pub fn at(time: Option<&prost_types::Timestamp>) -> Timestamp {
    time.and_then(Timestamp::from_wire).expect("usable records have their times")
}

/// The civil day on which an exposure ended.
pub fn ended(rules: &Rules, record: &ContactRecord) -> Day {
    rules.day(at(record.exposure_end.as_ref()))
}

/// The last day of observation, if there is any.
pub fn last_observed(
    rules: &Rules,
    record: &ContactRecord,
    target: &str,
    observed: impl Fn(&CasePolicy) -> i32,
) -> Option<Day> {
    let under = |after: &i32| {
        let day = ended(rules, record).plus(*after);
        let policy = targets::case_policy(rules, target, day);
        is_about(rules, record, target, day) && policy.is_some_and(|policy| *after <= observed(policy))
    };
    (0..).take_while(under).last().map(|after| ended(rules, record).plus(after))
}

/// First and last day of a record's order, if it ever held.
pub fn ordered(rules: &Rules, record: &ContactRecord) -> Option<(Day, Day)> {
    let order = record.order.as_ref()?;
    let (from, to) = (at(order.from.as_ref()).max(at(order.ordered_at.as_ref())), at(order.to.as_ref()));
    let first = rules.day(from);
    (from <= to).then(|| (first, rules.day(to).min(first.plus(LONGEST - 1))))
}

/// Positives of a person for a target, each with the first one of its episode.
pub fn positives<'a>(person: &'a Person, target: &str) -> impl Iterator<Item = (&'a Specimen, &'a Specimen)> {
    let episodes = person.alerting.iter().filter(move |episode| episode.first().target == target);
    episodes.flat_map(|episode| episode.positives.iter().map(move |positive| (episode.first(), positive)))
}

/// Whether one more positive on a day would belong to the episode of the last positive up to it.
pub fn is_case(rules: &Rules, person: &Person, target: &str, day: Day) -> bool {
    belongs(rules, person, target, day, day)
}

/// The same, of the last positive before it.
pub fn was_case(rules: &Rules, person: &Person, target: &str, day: Day) -> bool {
    belongs(rules, person, target, day, day.plus(-1))
}

fn belongs(rules: &Rules, person: &Person, target: &str, day: Day, until: Day) -> bool {
    let up_to = positives(person, target).filter(|(_, positive)| positive.day <= until);
    let last = up_to.max_by_key(|(_, positive)| positive.minute);
    last.zip(targets::case_policy(rules, target, day)).is_some_and(|((first, last), policy)| {
        let anchor = match policy.episode_form {
            EpisodeForm::FromLastPositive => last,
            EpisodeForm::FromFirstPositive => first,
        };
        day.0 - anchor.day.0 <= policy.episode_gap_days
    })
}
