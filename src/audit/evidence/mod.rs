//! Everything an audit looks at, record by record as it is read, and the judgement once all is read.
//!
//! In: the cut (where to read to), the rules and the secret, then the records of outputs, changelogs and inputs up to
//! it, in any order of topics. Out: the report. It holds every usable input in memory.

use crate::audit::arrived::{Arrived, Record as Usable};
use crate::audit::books::{self, Commits, Counts, Heads, PERSON_INPUTS, UnknownLabs, Unread};
use crate::audit::causes;
use crate::audit::compare::Published;
use crate::audit::content;
use crate::audit::cut::{Commit, Cut, lies_before};
use crate::audit::histories::Histories;
use crate::audit::ids;
use crate::audit::inputs::{self, Faults, Input, Then};
use crate::audit::letters::{self, Inputs, Letter};
use crate::audit::numbers::{self, Found, Known};
use crate::audit::on_the_way::OnTheWay;
use crate::audit::recount::{self, Truth};
use crate::audit::report::{Check, Report};
use crate::audit::rules::RulesFound;
use crate::audit::stored::{self, AreaTask, Stored};
use crate::audit::targets;
use crate::model::ids::Secret;
use crate::model::record::{Layout, MESSAGE_FORMAT, Position, Record, Topic};
use crate::model::time::{Day, Timestamp};
use crate::policy::Rules;
use crate::proto::v1::Alert;
use prost::Message as _;
use std::collections::{BTreeMap, BTreeSet};

mod heed;

/// What is settled about the deployment before anything is read.
#[derive(Clone, Debug)]
pub struct Setting {
    /// How many tasks there are.
    pub layout: Layout,
    /// The rules in force.
    pub rules: RulesFound,
    /// Key of all hashes.
    pub secret: Secret,
    /// Larger records are refused.
    pub max_record_bytes: usize,
}

/// All that was read.
#[derive(Debug)]
pub struct Evidence {
    setting: Setting,
    cut: Cut,
    unread: Vec<Unread>,
    published: Published,
    histories: Histories,
    letters: Vec<Letter>,
    heads: Heads,
    areas: BTreeMap<i32, Stored>,
    counts: Counts,
    on_the_way: OnTheWay,
    /// A message that its receiver had read and its sender not sent: the cut is no moment.
    too_early: Option<String>,
    /// A message that waits for its task and is for a newer version to read.
    newer: Option<String>,
    /// Newest commit of each changelog, which may lie after the cut.
    newest: Commits,
    /// Newest commit after the cut that outputs of each task name.
    written: Commits,
    /// Time of the first record of each input partition that is left.
    first_received: BTreeMap<(Topic, i32), Timestamp>,
    /// Fingerprint of every record of the inputs, and of every batch that was read.
    fingerprints: BTreeMap<Position, u64>,
    refused: BTreeMap<Position, Faults>,
    /// Of those, what may have been in order by the rules and the limit of size that held when it was read.
    usable_then: BTreeMap<Position, Arrived>,
    /// Of those, what earlier versions took if nothing refused it then, and whether nothing can have.
    usable_earlier: BTreeMap<Position, (Arrived, bool)>,
    /// Of those, what an earlier version took.
    taken_earlier: BTreeSet<Position>,
    /// Records that versions before this one may have refused for how they are written.
    written_anew: BTreeMap<Position, Then>,
    /// Records that were judged by other rules, another limit of size or another version, and otherwise.
    judged_otherwise: u64,
    arrived: Vec<Arrived>,
    places: Vec<Position>,
    marks: BTreeSet<Position>,
    faults: Vec<String>,
}

impl Evidence {
    /// Nothing read yet.
    pub fn new(setting: Setting, cut: Cut) -> Self {
        Self {
            published: Published::of(targets::first(&setting.rules.rules)),
            setting,
            // Before retention goes on: what is deleted after the cut may have been read by then.
            unread: books::unread(&cut),
            cut,
            histories: Histories::default(),
            letters: Vec::new(),
            heads: Heads::new(),
            areas: BTreeMap::new(),
            counts: Counts::new(),
            on_the_way: OnTheWay::default(),
            too_early: None,
            newer: None,
            newest: Commits::new(),
            written: Commits::new(),
            first_received: BTreeMap::new(),
            fingerprints: BTreeMap::new(),
            refused: BTreeMap::new(),
            usable_then: BTreeMap::new(),
            usable_earlier: BTreeMap::new(),
            taken_earlier: BTreeSet::new(),
            written_anew: BTreeMap::new(),
            judged_otherwise: 0,
            arrived: Vec::new(),
            places: Vec::new(),
            marks: BTreeSet::new(),
            faults: Vec::new(),
        }
    }

    /// Takes the next record of a topic; `header` finds its headers. What lies beyond the cut, or was written by a
    /// commit after it, is passed over.
    pub fn take<'a>(&mut self, record: &Record<'a>, header: impl Fn(&str) -> Option<&'a [u8]>) {
        let Position { topic, partition, offset } = record.position;
        if self.cut.end_of(topic, partition).is_none_or(|end| offset >= end) {
            return;
        }
        let key = record.key.unwrap_or_default();
        let later = Commit::of(&header).filter(|commit| self.cut.is_before(commit));
        if let Some(commit) = later {
            note(&mut self.written, commit);
        }
        match topic {
            Topic::LabResults | Topic::ContactRecords => self.take_input(record),
            Topic::PersonEvents | Topic::AreaChanges => self.take_message(record, later),
            _ if later.is_some() => {}
            Topic::DeadLetters => self.letters.push(Letter::read(record, header)),
            Topic::PersonState | Topic::AreaState => self.take_state(record),
            Topic::Alerts | Topic::AreaAlerts => {
                if let Some(Ok(alert)) = record.payload.map(Alert::decode) {
                    self.histories.take(topic, partition, self.setting.layout, alert);
                }
                self.published.take(topic, key, record.payload);
            }
            Topic::AreaPositivity | Topic::AreaTiers => self.published.take(topic, key, record.payload),
            _ => {}
        }
    }

    fn take_message(&mut self, record: &Record<'_>, later: Option<Commit>) {
        let Position { topic, partition, offset } = record.position;
        match (self.cut.is_read(&record.position), later) {
            (true, None) => {
                *self.counts.entry((topic, partition)).or_default() += 1;
                if topic == Topic::AreaChanges {
                    self.fingerprints.insert(record.position, letters::fingerprint(record, None));
                }
            }
            (true, Some(_)) => self.too_early = Some(format!("{} [{partition}] {offset}", topic.name())),
            (false, None) => {
                let (key, payload) = (record.key.unwrap_or_default(), record.payload.unwrap_or_default());
                let format = self.on_the_way.take(topic, key, payload, self.setting.layout);
                if format > MESSAGE_FORMAT {
                    self.newer = Some(format!("{} [{partition}] {offset} is of format {format}", topic.name()));
                }
            }
            (false, Some(_)) => {}
        }
    }

    fn take_state(&mut self, record: &Record<'_>) {
        let Position { topic, partition, .. } = record.position;
        let key = record.key.unwrap_or_default();
        let head = stored::head_of(record.payload);
        if let Ok(Some((seq, _))) = &head {
            let commit = Commit { changelog: topic, task: partition, seq: *seq };
            note(&mut self.newest, commit);
            if self.cut.is_before(&commit) {
                return;
            }
        }
        match head {
            Ok(Some((seq, Some(task)))) => {
                let newest = self.heads.get(&(topic, partition)).is_none_or(|(known, _)| *known < seq);
                if newest {
                    self.heads.insert((topic, partition), (seq, task));
                }
            }
            Ok(_) => {}
            Err(fault) => return self.faults.push(format!("{} [{partition}]: {fault}", topic.name())),
        }
        if topic == Topic::AreaState
            && let Err(fault) = self.areas.entry(partition).or_default().take(key, record.payload)
        {
            self.faults.push(format!("{} [{partition}]: {fault}", topic.name()));
        }
    }

    fn take_input(&mut self, record: &Record<'_>) {
        let place = record.position;
        let source = (place.topic, place.partition);
        *self.counts.entry(source).or_default() += 1;
        self.first_received.entry(source).or_insert(record.received_at);
        self.fingerprints.insert(place, letters::fingerprint(record, None));
        self.written_anew.extend(Then::of(record).map(|then| (place, then)));
        let Setting { rules: RulesFound { rules, changed }, secret, max_record_bytes, .. } = &self.setting;
        let arrived = |usable: Usable| {
            let content = content::of(&usable, secret, rules);
            Arrived { at: record.received_at, record: usable, content, untold: false }
        };
        match inputs::read(record, rules, *max_record_bytes) {
            Input::Mark => drop(self.marks.insert(place)),
            Input::Refused(faults) => {
                if let Some(usable) = inputs::usable_then(record, &faults, rules, *changed) {
                    self.usable_then.insert(place, arrived(usable));
                } else if let Some((usable, sure)) = inputs::usable_earlier(record, rules, *max_record_bytes, *changed)
                {
                    self.usable_earlier.insert(place, (arrived(usable), sure));
                }
                self.refused.insert(place, faults);
            }
            Input::Usable(usable) => {
                self.arrived.push(arrived(*usable));
                self.places.push(place);
            }
        }
    }

    /// Retention has deleted by now what lies before these offsets. What was read of it counts no more, as part of it
    /// may have been gone before it was read.
    pub fn forget_before(&mut self, first: BTreeMap<(Topic, i32), i64>) {
        let is_gone = |place: &Position| lies_before(&first, place);
        self.keep(|place| !is_gone(place));
        self.refused.retain(|place, _| !is_gone(place));
        self.usable_then.retain(|place, _| !is_gone(place));
        self.usable_earlier.retain(|place, _| !is_gone(place));
        let moved: BTreeSet<_> = first.iter().filter(|(source, at)| self.cut.first.get(source) != Some(at)).collect();
        self.first_received.retain(|source, _| !moved.iter().any(|(of, _)| *of == source));
        for (arrived, place) in self.arrived.iter().zip(&self.places) {
            self.first_received.entry((place.topic, place.partition)).or_insert(arrived.at);
        }
        self.cut.first = first;
    }

    /// Usable inputs read so far.
    pub fn records(&self) -> usize {
        self.arrived.len()
    }

    /// The processor must have worked with this secret: with another one no hash means anything.
    pub fn require_secret(&self) -> Result<(), String> {
        let ours = self.setting.secret.fingerprint();
        let others = self.heads.values().filter(|(_, head)| head.secret_fingerprint != ours).count();
        match others {
            0 => Ok(()),
            _ => Err(format!("{others} tasks work with another secret than [secret] of the configuration")),
        }
    }

    /// Whether every task's last head was read.
    pub fn has_all_heads(&self) -> bool {
        self.cut.commits.iter().all(|(task, seq)| self.heads.get(task).is_some_and(|(found, _)| found >= seq))
    }

    /// What this version cannot judge, because a newer one wrote it.
    pub fn newer(&self) -> Option<&str> {
        self.newer.as_deref()
    }

    /// What shows that the cut is no moment, if anything does; whoever has read all messages between tasks knows.
    pub fn why_no_moment(&self) -> Option<&str> {
        self.too_early.as_deref()
    }

    /// Judges all that was read. `known` are the commits that groups know by now: none of them may lie behind a
    /// changelog that was read.
    pub fn judge(mut self, known: &Commits) -> Report {
        self.heed_what_held_then();
        self.heed_what_was_taken_earlier();
        let alerts = self.published.alerts.values().chain(self.published.area_alerts.values());
        let causes = causes::check(alerts, &self.inputs(), &self.cut);
        let ids = ids::check(&self.published, &self.arrived, &self.setting.secret, &self.cut);
        self.heed_what_is_on_its_way();
        let histories = std::mem::take(&mut self.histories).finish();
        let mut checks = vec![
            self.readable(),
            books::commits(&self.cut, &self.heads, [&self.newest, &self.written], known),
            books::lost(&self.unread, &self.heads),
            books::consumed(&self.cut, &self.heads, &self.counts, UnknownLabs::of(&self.setting.rules, &self.arrived)),
            books::sent(&self.cut, &self.heads, &self.counts, self.on_the_way.messages),
            letters::check(&self.letters, &self.inputs(), &self.cut),
            letters::booked(&self.letters, &self.heads, &self.cut, self.setting.layout.person_tasks),
            histories,
            ids,
            causes,
        ];
        checks.extend(self.recounted());
        Report { checks }
    }

    fn inputs(&self) -> Inputs<'_> {
        Inputs {
            refused: &self.refused,
            arrived: &self.arrived,
            places: &self.places,
            marks: &self.marks,
            fingerprints: &self.fingerprints,
            judged_otherwise: self.judged_otherwise,
            taken_earlier: &self.taken_earlier,
        }
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
        const NAMES: [&str; 4] = ["alerts", "numbers", "area state", "tiers"];
        if let Some(why) = self.why_not_recounted() {
            return NAMES.map(|name| Check::left_out(name, &why)).into();
        }
        let areas: Result<BTreeMap<i32, AreaTask>, String> =
            self.areas.iter().map(|(task, stored)| Ok((*task, stored.area_task()?))).collect();
        let areas = match areas {
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
        let truth = self.truth(&areas);
        let found = Found {
            published: &self.published,
            areas: &areas,
            layout: self.setting.layout,
            on_the_way: &self.on_the_way,
        };
        vec![
            numbers::alerts(&truth, &found, &known),
            numbers::numbers(&truth, &found, &known),
            numbers::cells(&truth, &found, &known),
            numbers::tiers(&truth, &found, &known),
        ]
    }

    fn why_not_recounted(&self) -> Option<String> {
        let areas = self.cut.commits.keys().filter(|(changelog, _)| *changelog == Topic::AreaState);
        let lost = areas.filter(|task| !self.heads.contains_key(task)).count();
        if lost > 0 {
            return Some(format!(
                "the state of {lost} area tasks is lost, see commits: how far they came is not known"
            ));
        }
        let digest = &self.setting.rules.rules.digest;
        let others = self.heads.values().filter(|(_, head)| head.rules_digest != *digest).count();
        (others > 0)
            .then(|| format!("{others} tasks work by other rules than those in force; let the processor take them up"))
    }

    /// What must be true: each area on the day up to which its own task has published.
    fn truth(&self, areas: &BTreeMap<i32, AreaTask>) -> Truth {
        let rules = &self.setting.rules.rules;
        let day_of = |task: &AreaTask| task.published_at.map(|at| rules.day(at));
        let days: BTreeSet<Day> = areas.values().filter_map(day_of).collect();
        let recount = |day| recount::recount(rules, &self.setting.secret, &self.arrived, day);
        let mut truth = recount(days.last().copied().unwrap_or_default());
        let task_of = |area: &str| areas.get(&self.setting.layout.area_task(targets::area(area)));
        let published = |area: &str| task_of(area).and_then(day_of);
        let is_of = |area: &str, day: Day| published(area) == Some(day);
        let last = days.last().copied().unwrap_or_default();
        truth.tiers.retain(|area, _| is_of(area, last));
        for &day in days.iter().filter(|day| **day < last) {
            let earlier = recount(day);
            truth.tiers.extend(earlier.tiers.into_iter().filter(|(area, _)| is_of(area, day)));
        }
        self.on_the_way.take_from(&mut truth, rules, published);
        truth.positivity.retain(|(area, day), _| published(area).is_some_and(|today| *day <= today));
        truth.tier_changes.retain(|(area, day), _| published(area).is_some_and(|today| *day <= today));
        truth
    }

    fn known(&self, areas: &BTreeMap<i32, AreaTask>) -> Known {
        let rules = &self.setting.rules.rules;
        let longest = |days: fn(&crate::policy::CasePolicy) -> i32| rules.cases.iter().map(days).max().unwrap_or(0);
        // People are held for the horizon, the longest window and a day; positives for the episode gap as well.
        let held = longest(|policy| policy.horizon_days) + 14 + 1;
        let gap = longest(|policy| policy.episode_gap_days);
        let now = areas.values().filter_map(|task| task.published_at).max().unwrap_or_default();
        let closed_before = rules.day(now).plus(-held);
        Known {
            complete_from: self.complete_from(rules),
            unsure: numbers::unsure(&self.arrived),
            closed_before,
            late: numbers::late(&self.arrived, held),
            expired_before: closed_before.plus(-gap),
        }
    }

    /// The first day all of whose specimens were received after the last deletion; `None` when nothing was deleted.
    fn complete_from(&self, rules: &Rules) -> Option<Day> {
        let deleted = |source: &(Topic, i32)| self.cut.first.get(source).is_some_and(|first| *first > 0);
        let world = |topic: &Topic| PERSON_INPUTS[..2].contains(topic);
        let sources = self.cut.first.keys().filter(|(topic, _)| world(topic)).filter(|source| deleted(source));
        let known_from = sources.map(|source| {
            // Where nothing is left, nothing is known up to the task's own time.
            let now = || self.heads.get(&(Topic::PersonState, source.1)).and_then(|(_, head)| head.now);
            let now = || now().as_ref().and_then(Timestamp::from_wire).unwrap_or_default();
            self.first_received.get(source).copied().unwrap_or_else(now)
        });
        known_from.max().map(|from| rules.day(Timestamp(from.0 + 5 * 60_000)).plus(1))
    }
}

/// Keeps the newest commit of each task.
fn note(commits: &mut Commits, commit: Commit) {
    let newest = commits.entry((commit.changelog, commit.task)).or_default();
    *newest = commit.seq.max(*newest);
}
