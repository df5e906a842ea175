//! The judgement once all is read: what of the inputs counts, then every check.

use super::reading::Evidence;
use crate::audit::causes;
use crate::audit::day_closes;
use crate::audit::dead_letters;
use crate::audit::duties;
use crate::audit::ids;
use crate::audit::ledger::{self, Commits, UnknownLabs};
use crate::audit::numbers::{self, Coverage, Observed};
use crate::audit::passed::TimePassed;
use crate::audit::receipts;
use crate::audit::recount::{self, Truth, Until};
use crate::audit::report::{Check, Report};
use crate::audit::stored::AreaTask;
use crate::audit::targets;
use crate::model::record::{FIRST_WITH_DUTIES, FIRST_WITH_TUBES, Topic};
use crate::model::time::{Day, Timestamp};
use crate::policy::Rules;
use std::collections::{BTreeMap, BTreeSet};

impl Evidence {
    /// Judges all that was read. `known` are the commits that groups know by now: none of them may lie behind a
    /// changelog that was read.
    pub fn judge(mut self, known: &Commits) -> Report {
        self.admit_by_what_held_then();
        let alerts = self.published.alerts.values().chain(self.published.area_alerts.values());
        let causes = causes::check(alerts, &self.inputs.view(), &self.cut);
        let ids = ids::check(&self.published, &self.inputs.arrived, &self.setting.secret, &self.cut);
        self.leave_out_what_is_in_flight();
        let histories = std::mem::take(&mut self.histories).finish();
        let mut checks = vec![
            self.readable(),
            ledger::commits(&self.cut, &self.heads, &self.newest, known),
            ledger::lost(&self.unread, &self.heads),
            ledger::consumed(
                &self.cut,
                &self.heads,
                &self.counts,
                UnknownLabs::of(&self.setting.rules, &self.inputs.arrived),
            ),
            ledger::sent(&self.cut, &self.heads, &self.counts, self.in_flight.messages),
            dead_letters::check(&self.dead_letters, &self.inputs.view(), &self.cut),
            dead_letters::booked(&self.dead_letters, &self.heads, &self.cut, self.setting.layout.person_tasks),
            histories,
            ids,
            causes,
        ];
        checks.extend(self.recounted());
        Report { checks }
    }

    /// Of the inputs counts what was taken by the rules, the limits and the version that held when each was read.
    pub(super) fn admit_by_what_held_then(&mut self) {
        let letters_deleted = dead_letters::were_deleted(&self.cut);
        self.inputs.apply_earlier_limits(&self.dead_letters, self.setting.rules.changed, letters_deleted);
        self.inputs.admit_what_was_taken_earlier(&self.dead_letters, &self.heads, letters_deleted);
    }

    /// What its task had not read has no effect yet; and a pool whose task writes an earlier format counts its tubes itself.
    pub(super) fn leave_out_what_is_in_flight(&mut self) {
        let (layout, heads) = (self.setting.layout, &self.heads);
        let by_pool = |pool: &str| {
            let head = heads.get(&(Topic::PersonState, layout.person_task(pool)));
            head.is_some_and(|head| head.task.written_format < FIRST_WITH_TUBES)
        };
        self.inputs.leave_out_what_is_in_flight(&self.in_flight, &self.cut, by_pool);
        self.receipts.on_its_way(&self.in_flight.labs);
        self.in_flight.results.iter().for_each(|(lab, id)| self.receipts.sent_on(lab, id));
    }

    /// What area tasks hold; `Err` says what of it cannot be read.
    pub(super) fn area_tasks(&self) -> Result<BTreeMap<i32, AreaTask>, String> {
        self.areas.iter().map(|(task, stored)| Ok((*task, stored.area_task()?))).collect()
    }

    /// Everything read is of the contract.
    fn readable(&self) -> Check {
        let mut check = Check::new("contract");
        for fault in &self.faults {
            check.differs(|| fault.clone());
        }
        for (topic, records) in &self.published.unreadable {
            check.differs(|| format!("{}: {records} records are not what the topic holds", topic.name()));
        }
        let outputs = self.published.alerts.len() + self.published.area_alerts.len();
        let numbers = self.published.positivity.len() + self.published.tiers.len();
        check.compared(format!("{outputs} alerts, {numbers} numbers and tiers, {} heads can be read", self.heads.len()))
    }

    fn recounted(&mut self) -> Vec<Check> {
        const NAMES: [&str; 8] =
            ["alerts", "numbers", "area state", "tiers", "day closes", "receipts", "duties", "area duties"];
        if let Some(why) = self.why_not_recounted() {
            return NAMES.map(|name| Check::left_out(name, &why)).into();
        }
        let areas = match self.area_tasks() {
            Ok(areas) => areas,
            Err(fault) => {
                let why = "what area tasks hold cannot be read, see area state";
                let check = |name| {
                    if name != "area state" {
                        return Check::left_out(name, why);
                    }
                    let mut check = Check::new(name);
                    check.differs(|| fault.clone());
                    check
                };
                return NAMES.map(check).into();
            }
        };
        let known = self.known(&areas);
        let passed = self.passed();
        let truth = self.truth(&areas, &passed);
        let found = Observed {
            published: &self.published,
            areas: &areas,
            layout: self.setting.layout,
            in_flight: &self.in_flight,
            rules: &self.setting.rules.rules,
            passed: &passed,
            without_duties: self.with_format_before(FIRST_WITH_DUTIES),
        };
        let mut checks = vec![
            numbers::alerts(&truth, &found, &known),
            numbers::numbers(&truth, &found, &known),
            numbers::cells(&truth, &found, &known),
            numbers::tiers(&truth, &found, &known),
            day_closes::check(
                &self.published,
                (&areas, &self.deleted_of_closes()),
                self.setting.layout,
                &self.setting.rules,
            ),
        ];
        let inputs = (&self.cut, self.inputs.view().judged_otherwise);
        checks.push(receipts::check(&self.receipts, &self.heads, &areas, &self.setting.rules, inputs));
        checks.extend(duties::checks(&truth, &found, &known));
        checks
    }

    pub(super) fn why_not_recounted(&self) -> Option<String> {
        let areas = self.cut.commits.keys().filter(|(changelog, _)| *changelog == Topic::AreaState);
        let lost = areas.filter(|task| !self.heads.contains_key(task)).count();
        if lost > 0 {
            return Some(format!(
                "the state of {lost} area tasks is lost, see commits: how far they came is not known"
            ));
        }
        let digest = &self.setting.rules.rules.digest;
        let others = self.heads.values().filter(|head| head.task.rules_digest != *digest).count();
        (others > 0)
            .then(|| format!("{others} tasks work by other rules than those in force; let the processor take them up"))
    }

    /// Area tasks whose records of what days were closed with are gone in part.
    fn deleted_of_closes(&self) -> Vec<i32> {
        let gone = self.cut.first.iter().filter(|((topic, _), first)| *topic == Topic::AreaPublished && **first > 0);
        gone.map(|((_, task), _)| *task).collect()
    }

    /// Person tasks that write messages in an earlier format than this.
    fn with_format_before(&self, format: u32) -> usize {
        let people = self.heads.iter().filter(|((changelog, _), _)| *changelog == Topic::PersonState);
        people.filter(|(_, head)| head.task.written_format < format).count()
    }

    /// How far each person task says that time has come.
    pub(super) fn passed(&self) -> BTreeMap<i32, TimePassed> {
        let people = self.heads.iter().filter(|((changelog, _), _)| *changelog == Topic::PersonState);
        people.map(|((_, task), head)| (*task, TimePassed::stored(&head.task))).collect()
    }

    /// What must be true: each area on the day up to which its own task has published, each person as far as time has
    /// come for its own.
    pub(super) fn truth(&self, areas: &BTreeMap<i32, AreaTask>, passed: &BTreeMap<i32, TimePassed>) -> Truth {
        let rules = &self.setting.rules.rules;
        let until_of = |number: &i32| {
            let today = rules.day(areas.get(number)?.published_at?);
            // What the slowest person task has come to is the area task's own time: nothing is missing up to it.
            let own = self.heads.get(&(Topic::AreaState, *number)).and_then(|head| head.task.now.as_ref());
            let own = own.and_then(Timestamp::from_wire);
            Some(Until { today, whole: own.map_or(today, |own| rules.day(own).min(today)) })
        };
        let moments: BTreeSet<Until> = areas.keys().filter_map(until_of).collect();
        let layout = self.setting.layout;
        let passed = |person: &str| {
            passed.get(&layout.person_task(person)).map_or_else(TimePassed::default, |passed| passed.of(person))
        };
        let recount = |until: Until| recount::recount(rules, &self.setting.secret, &self.inputs.arrived, until, passed);
        let last = moments.last().copied().unwrap_or(Until::from(Day::default()));
        let mut truth = recount(last);
        let published = |area: &str| until_of(&layout.area_task(targets::area(area)));
        let is_of = |area: &str, until: Until| published(area) == Some(until);
        truth.tiers.retain(|area, _| is_of(area, last));
        truth.tier_changes.retain(|(area, _), _| is_of(area, last));
        for &until in moments.iter().filter(|until| **until < last) {
            let other = recount(until);
            truth.tiers.extend(other.tiers.into_iter().filter(|(area, _)| is_of(area, until)));
            truth.tier_changes.extend(other.tier_changes.into_iter().filter(|((area, _), _)| is_of(area, until)));
        }
        self.in_flight.take_from(&mut truth, rules, published);
        truth.positivity.retain(|(area, day), _| published(area).is_some_and(|until| *day <= until.today));
        truth.tier_changes.retain(|(area, day), _| published(area).is_some_and(|until| *day <= until.today));
        truth
    }

    pub(super) fn known(&self, areas: &BTreeMap<i32, AreaTask>) -> Coverage {
        let rules = &self.setting.rules.rules;
        let longest = |days: fn(&crate::policy::CasePolicy) -> i32| rules.cases.iter().map(days).max().unwrap_or(0);
        // People are held for the horizon, the longest window and a day; positives for the episode gap as well.
        let held = longest(|policy| policy.horizon_days) + 14 + 1;
        let gap = longest(|policy| policy.episode_gap_days);
        let now = areas.values().filter_map(|task| task.published_at).max().unwrap_or_default();
        let closed_before = rules.day(now).plus(-held);
        Coverage {
            complete_from: self.complete_from(rules),
            unsure: numbers::unsure(&self.inputs.arrived),
            closed_before,
            late: numbers::late(&self.inputs.arrived, held),
            expired_before: closed_before.plus(-gap),
        }
    }

    /// The first day all of whose specimens were received after the last deletion; `None` when nothing was deleted.
    fn complete_from(&self, rules: &Rules) -> Option<Day> {
        let deleted = |source: &(Topic, i32)| self.cut.first.get(source).is_some_and(|first| *first > 0);
        let sources = self.cut.first.keys().filter(|(topic, _)| topic.moves_time()).filter(|source| deleted(source));
        let known_from = sources.map(|source| {
            // Where nothing is left, nothing is known up to the task's own time.
            let now = || self.heads.get(&(Topic::PersonState, source.1)).and_then(|head| head.task.now);
            let now = || now().as_ref().and_then(Timestamp::from_wire).unwrap_or_default();
            self.inputs.first_received.get(source).copied().unwrap_or_else(now)
        });
        known_from.max().map(|from| rules.day(Timestamp(from.0 + 5 * 60_000)).plus(1))
    }
}
