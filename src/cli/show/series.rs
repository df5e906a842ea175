//! Days of an area: its numbers and tiers as they are known now, and as each day was closed with.
//!
//! In: records of `area-positivity`, `area-published` and `area-tiers`, in the order of their partitions. Out: the days.

use crate::cli::asked;
use crate::model::record::{Record, Topic};
use crate::model::target;
use crate::model::time::{Day, Timestamp};
use crate::policy::areas::AreaIndex;
use crate::policy::{Rules, TargetIndex};
use crate::proto::v1::{AreaPositivity, AreaPublished, AreaTier, DayClose};
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, BTreeSet};

/// Days that are shown where none is named.
const DAYS: usize = 14;

/// The topics it is made of.
pub(super) const TOPICS: [Topic; 3] = [Topic::AreaPositivity, Topic::AreaPublished, Topic::AreaTiers];

/// What is asked for.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// The area.
    pub area: AreaIndex,
    /// For what.
    pub target: TargetIndex,
    /// The day; the last ones where none is named.
    pub day: Option<Day>,
    /// Only what was published by then.
    pub as_of: Option<Timestamp>,
}

impl Wanted {
    /// In the words of the rules.
    pub(super) fn new(
        rules: &Rules,
        area: &str,
        target: Option<&str>,
        (day, as_of): (Option<&str>, Option<&str>),
    ) -> anyhow::Result<Self> {
        Ok(Self {
            area: asked::area(rules, area)?,
            target: asked::target(rules, target)?,
            day: day.map(asked::day).transpose()?,
            as_of: as_of.map(|text| asked::moment(rules, text)).transpose()?,
        })
    }
}

/// What is known of the area so far.
pub(super) struct Series<'a> {
    pub(super) wanted: Wanted,
    pub(super) rules: &'a Rules,
    live: BTreeMap<Day, AreaPositivity>,
    published: BTreeMap<Day, AreaPublished>,
    /// The newest tier.
    pub(super) tier: Option<AreaTier>,
}

/// One day.
#[derive(Clone, Copy, Debug)]
pub(super) struct OfDay<'s> {
    /// As it is known now; none where that is not asked for, or nothing is counted any more.
    pub live: Option<&'s AreaPositivity>,
    /// As it was when the day was closed; none while it is not, or was not by the time asked for.
    pub published: Option<&'s AreaPublished>,
}

impl<'a> Series<'a> {
    pub(super) fn new(wanted: Wanted, rules: &'a Rules) -> Self {
        Self { wanted, rules, live: BTreeMap::new(), published: BTreeMap::new(), tier: None }
    }

    /// Takes the next record: of numbers the newest of each day holds, of what was published the first.
    pub(super) fn take(&mut self, record: &Record<'_>) {
        let Some(key) = record.key.and_then(|key| std::str::from_utf8(key).ok()) else { return };
        match record.position.topic {
            Topic::AreaPositivity => {
                let Some(day) = self.day_of(key) else { return };
                self.live.remove(&day);
                self.live.extend(record.message().map(|numbers| (day, numbers)));
            }
            Topic::AreaPublished => {
                let (Some(day), Some(published)) = (self.day_of(key), record.message()) else { return };
                self.published.entry(day).or_insert(published);
            }
            Topic::AreaTiers if key == target::keyed(self.code(), self.target()) => self.tier = record.message(),
            _ => {}
        }
    }

    /// Code of the area.
    pub(super) fn code(&self) -> &'a str {
        &self.rules.areas.list[self.wanted.area as usize].code
    }

    fn target(&self) -> &'a str {
        self.rules.stored_target(self.wanted.target)
    }

    /// The zone whose days these are.
    pub(super) fn zone(&self) -> TimeZone {
        TimeZone::get(&self.rules.deployment.zone_name).unwrap_or(TimeZone::UTC)
    }

    /// What it is, as a heading.
    pub(super) fn title(&self) -> String {
        let area = &self.rules.areas.list[self.wanted.area as usize];
        format!("{} {}, {}", area.code, area.name, self.rules.target_id(self.wanted.target))
    }

    fn day_of(&self, key: &str) -> Option<Day> {
        let (area, day, of) = target::parts_of_day(key)?;
        Some(day).filter(|_| area == self.code() && of == self.target())
    }

    /// The days that are asked for, the newest last.
    pub(super) fn days(&self) -> Vec<(Day, OfDay<'_>)> {
        let all: BTreeSet<Day> = self.live.keys().chain(self.published.keys()).copied().collect();
        let known = all.into_iter().rev().filter(|day| self.wanted.day.is_none_or(|asked| asked == *day));
        let is_known = |of: &OfDay<'_>| of.live.is_some() || of.published.is_some();
        let days = known.map(|day| (day, self.of(day))).filter(|(_, of)| is_known(of));
        let mut days: Vec<(Day, OfDay<'_>)> = days.take(DAYS).collect();
        days.reverse();
        days
    }

    fn of(&self, day: Day) -> OfDay<'_> {
        let as_of = self.wanted.as_of;
        let by_then = |published: &&AreaPublished| as_of.is_none_or(|then| closed_at(published) <= Some(then));
        OfDay {
            live: self.live.get(&day).filter(|_| as_of.is_none()),
            published: self.published.get(&day).filter(by_then),
        }
    }
}

/// The close of a day that was published.
pub(super) fn close(published: &AreaPublished) -> Option<&DayClose> {
    published.numbers.as_ref()?.close.as_ref()
}

/// When a day was closed.
pub(super) fn closed_at(published: &AreaPublished) -> Option<Timestamp> {
    close(published)?.closed_at.as_ref().and_then(Timestamp::from_wire)
}
