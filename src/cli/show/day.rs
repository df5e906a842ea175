//! A day of an area: numbers, and the people and pools behind them.
//!
//! In: records of `area-duties`, `person-duties` and `alerts`, in the order of their partitions. Out: lines.

use crate::cli::watch::mask;
use crate::model::ids::masked;
use crate::model::record::{Record, Topic};
use crate::model::target;
use crate::model::time::{Day, Timestamp};
use crate::pipeline::decode::json;
use crate::policy::{Rules, TargetIndex};
use crate::proto::v1::{
    Alert, AlertFamily, AlertState, AreaDuties, Duty, DutyKind, Finding, MemberOfPool, Membership, PersonDuties,
};
use crate::view::duties::{Duties, Missed, Open, OpenOfGroup};
use std::collections::{BTreeMap, BTreeSet};

/// What is asked for.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    /// Code of the area; empty for none.
    pub area: String,
    /// The day.
    pub day: Day,
    /// For what.
    pub target: TargetIndex,
}

/// What is known of it so far.
pub(super) struct DayOf<'a> {
    subject: Subject,
    rules: &'a Rules,
    /// What the area has to do, by day.
    numbers: BTreeMap<Day, AreaDuties>,
    people: BTreeMap<String, PersonDuties>,
    pools: BTreeMap<String, Alert>,
}

impl<'a> DayOf<'a> {
    pub(super) fn new(subject: Subject, rules: &'a Rules) -> Self {
        Self { subject, rules, numbers: BTreeMap::new(), people: BTreeMap::new(), pools: BTreeMap::new() }
    }

    /// Takes the next record: the newest of each key holds.
    pub(super) fn take(&mut self, record: &Record<'_>) {
        let Some(key) = record.key.and_then(|key| std::str::from_utf8(key).ok()) else { return };
        match record.position.topic {
            Topic::AreaDuties => {
                let Some(day) = self.day_of(key) else { return };
                self.numbers.remove(&day);
                self.numbers.extend(record.message().map(|numbers| (day, numbers)));
            }
            Topic::PersonDuties => {
                self.people.remove(key);
                let person = record.message().and_then(|person: PersonDuties| self.of_day(person));
                self.people.extend(person.map(|person| (key.to_owned(), person)));
            }
            Topic::Alerts => {
                self.pools.remove(key);
                let pool = record.message().filter(|alert| self.concerns(alert));
                self.pools.extend(pool.map(|pool| (key.to_owned(), pool)));
            }
            _ => {}
        }
    }

    /// The day of numbers of the area for the target; `None` of others.
    fn day_of(&self, key: &str) -> Option<Day> {
        let (area, day, of) = target::parts_of_day(key)?;
        Some(day).filter(|_| area == self.subject.area && of == self.rules.stored_target(self.subject.target))
    }

    /// Whether an area lies in the one that is asked for, on the day.
    fn is_here(&self, code: &str) -> bool {
        let (areas, period) = (&self.rules.areas, self.rules.areas.period(self.subject.day));
        let lineage = areas.index(code).map_or(&[][..], |area| areas.lineage(period, area));
        match areas.index(&self.subject.area) {
            Some(area) => lineage.contains(&area),
            None => lineage.is_empty(),
        }
    }

    /// The person, with what has to be done that day, or is overdue by then; none of another area.
    fn of_day(&self, mut person: PersonDuties) -> Option<PersonDuties> {
        let (day, id) = (self.subject.day.to_string(), self.rules.target_id(self.subject.target));
        let is_of = |duty: &Duty| match duty.kind() {
            DutyKind::Managed => duty.day <= day && day <= duty.release_day,
            DutyKind::GroupTest => duty.day == day,
            _ => duty.day == day || duty.day < day && duty.overdue_since.is_some(),
        };
        person.duties.retain(|duty| duty.target == id && is_of(duty));
        Some(person).filter(|person| !person.duties.is_empty() && self.is_here(&person.area))
    }

    /// Whether an alert is about a pool that was taken by then and has to be recalled here.
    fn concerns(&self, alert: &Alert) -> bool {
        alert.family() == AlertFamily::PoolPositive
            && alert.state() != AlertState::Withdrawn
            && alert.awaited > 0
            && alert.first_day <= self.subject.day.to_string()
            && alert.target == self.rules.target_id(self.subject.target)
            && (self.is_here(&alert.area) || awaited(alert).any(|member| self.is_here(&member.area)))
    }

    /// One object per line.
    pub(super) fn json(&self, show_ids: bool) -> Vec<String> {
        let numbers = self
            .numbers
            .get(&self.subject.day)
            .into_iter()
            .map(|numbers| json::encode(numbers, "swabstream.v1.AreaDuties"));
        let people = self.people.values().map(|person| {
            let person_id = shown(&person.person_id, show_ids);
            json::encode(&PersonDuties { person_id, ..person.clone() }, "swabstream.v1.PersonDuties")
        });
        let pools = self.pools.values().map(|pool| json::encode(&masking(pool, show_ids), "swabstream.v1.Alert"));
        numbers.chain(people).chain(pools).collect()
    }

    /// For people to read.
    pub(super) fn text(&self, show_ids: bool) -> Vec<String> {
        let Subject { area, day, target } = &self.subject;
        let named = |code: &str| match self.rules.areas.index(code) {
            Some(at) => format!("{code} {}", self.rules.areas.list[at as usize].name),
            None => "no known area".to_owned(),
        };
        let mut lines = vec![format!("{}, {day}, {}", named(area), self.rules.target_id(*target)), String::new()];
        lines.extend(numbers(&self.open()));
        let title = |text: &str, many: usize| [String::new(), format!("{text}: {many}")];
        lines.extend(title("people", self.people.len()));
        for person in self.people.values() {
            let what: Vec<String> = person.duties.iter().map(|duty| self.told(duty)).collect();
            let id = shown(&person.person_id, show_ids);
            let groups = self.groups(person);
            lines.push(format!("  {id:<24}{:<26}{}{groups}", named(&person.area), what.join("; ")));
        }
        lines.extend(title("pools to recall", self.pools.len()));
        for pool in self.pools.values() {
            let by = pool.recall_by.as_ref().and_then(Timestamp::from_wire).map(|by| self.rules.day(by).to_string());
            let who: Vec<String> = awaited(pool).map(|member| shown(&member.person_id, show_ids)).collect();
            let (id, by) = (shown(&pool.pool_id, show_ids), by.unwrap_or_default());
            lines.push(format!("  {id:<24}{:<26}by {by}: {}", named(&pool.area), who.join(", ")));
        }
        lines
    }

    /// What is open at the day, as the page has it.
    fn open(&self) -> Open {
        let Subject { day, target, .. } = self.subject;
        let now = self.numbers.values().filter_map(|of| of.now.as_ref().and_then(Timestamp::from_wire)).max();
        let days = self.numbers.iter().map(|(day, of)| (*day, Duties::of(of))).collect();
        Open::at(&days, day, target, self.rules, now.unwrap_or_default())
    }

    /// The groups a person is in on the day, if any.
    fn groups(&self, person: &PersonDuties) -> String {
        let day = self.subject.day.to_string();
        let is_in = |one: &&Membership| one.first_day <= day && (one.last_day.is_empty() || day <= one.last_day);
        let groups: BTreeSet<&str> = person.groups.iter().filter(is_in).map(|one| one.group.as_str()).collect();
        let groups: Vec<&str> = groups.into_iter().collect();
        if groups.is_empty() { String::new() } else { format!(" (in {})", groups.join(", ")) }
    }

    fn told(&self, duty: &Duty) -> String {
        let day = self.subject.day.to_string();
        let records = duty.record_ids.len() + duty.record_ids_omitted as usize;
        let text = match duty.kind() {
            DutyKind::Isolate => "to isolate newly".to_owned(),
            DutyKind::Managed if duty.release_day == day => "to release today".to_owned(),
            DutyKind::Managed => format!("under management until {}", duty.release_day),
            _ if duty.taken => "test taken".to_owned(),
            _ if duty.overdue_since.is_some() => format!("test of {} overdue", duty.day),
            _ => "test due".to_owned(),
        };
        let text = if duty.group.is_empty() { text } else { format!("{} of {}", text, duty.group) };
        if records > 1 { format!("{text} ({records} records)") } else { text }
    }
}

fn numbers(open: &Open) -> Vec<String> {
    let Open { on, tests_overdue, pools_to_recall, members_to_recall, pools_late, groups } = open;
    let tests = format!("{}, {} taken", on.tests_due, on.tests_taken);
    let pools = format!("{pools_to_recall}, {members_to_recall} members awaited, {pools_late} pools late");
    let line = |(what, number): (&str, String)| format!("  {what:<24}{number}");
    [
        ("to isolate newly", on.to_isolate.to_string()),
        ("under management", on.managed.to_string()),
        ("to release", on.to_release.to_string()),
        ("tests due", tests),
        ("tests overdue by then", tests_overdue.to_string()),
        ("pools to recall", pools),
    ]
    .map(line)
    .into_iter()
    .chain(groups.iter().map(group))
    .collect()
}

fn group(OpenOfGroup { on, missed }: &OpenOfGroup) -> String {
    let missed = match missed {
        Some(Missed { first, last, tests }) if first == last => format!(", {tests} missed on {first}"),
        Some(Missed { first, tests, .. }) => format!(", {tests} missed since {first}"),
        None => String::new(),
    };
    let name = format!("in {}", on.group);
    format!("  {name:<24}{}, {} tests due, {} taken{missed}", on.members, on.tests_due, on.tests_taken)
}

fn awaited(alert: &Alert) -> impl Iterator<Item = &MemberOfPool> {
    alert.members.iter().filter(|member| member.finding() == Finding::Unspecified)
}

fn shown(id: &str, whole: bool) -> String {
    if whole { id.to_owned() } else { masked(id) }
}

/// Nothing is left by which anybody could be recognised, unless it was asked for.
fn masking(alert: &Alert, show_ids: bool) -> Alert {
    let mut alert = alert.clone();
    if !show_ids {
        mask(&mut alert);
    }
    alert
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::Position;
    use crate::policy::sample::sample_rules;
    use crate::proto::v1::GroupDuties;
    use prost::Message as _;

    fn read(day: &mut DayOf<'_>, topic: Topic, key: &str, payload: Option<Vec<u8>>) {
        let position = Position { topic, partition: 0, offset: 0 };
        let (key, payload) = (Some(key.as_bytes()), payload.as_deref());
        day.take(&Record { position, received_at: Timestamp(0), key, payload, content_type: None });
    }

    fn person(id: &str, area: &str, duties: Vec<Duty>) -> Option<Vec<u8>> {
        let member = |group: &str, first_day: &str, last_day: &str| {
            let [record_id, group, first_day, last_day] = ["G1", group, first_day, last_day].map(String::from);
            Membership { record_id, group, first_day, last_day }
        };
        let groups = vec![member("drivers", "2022-11-01", ""), member("arrivals", "2022-11-01", "2022-11-08")];
        let person = PersonDuties { person_id: id.into(), area: area.into(), duties, groups, ..Default::default() };
        Some(person.encode_to_vec())
    }

    fn duty(kind: DutyKind, day: &str, release_day: &str) -> Duty {
        let (day, release_day, target) = (day.into(), release_day.into(), "sars-cov-2".into());
        Duty { day, kind: kind as i32, target, release_day, record_ids: vec!["C1".into()], ..Duty::default() }
    }

    /// As of the newest record of each key, and masked.
    #[test]
    fn a_day_shows_its_numbers_and_the_people_and_pools_of_the_area_and_those_below_it() {
        let rules = sample_rules();
        let day = Day::parse("2022-11-12").expect("a day");
        let mut shown = DayOf::new(Subject { area: "D1".into(), day, target: 0 }, &rules);
        let managed = || vec![duty(DutyKind::Managed, "2022-11-08", "2022-11-12")];
        let overdue = || {
            let since = Some(Timestamp(1_668_130_000_000).to_wire());
            vec![Duty { overdue_since: since, ..duty(DutyKind::TestDue, "2022-11-10", "") }]
        };
        let in_group = |day| Duty { group: "drivers".into(), ..duty(DutyKind::GroupTest, day, "") };
        for (id, area, duties) in [
            ("PERSON-HERE", "D1S1", [managed(), vec![in_group("2022-11-11"), in_group("2022-11-12")]].concat()),
            ("PERSON-LATE", "D1", overdue()),
            ("PERSON-ELSEWHERE", "D2", managed()),
            ("PERSON-BEFORE", "D1", vec![duty(DutyKind::Managed, "2022-11-01", "2022-11-11")]),
            ("PERSON-GONE", "D1", managed()),
        ] {
            read(&mut shown, Topic::PersonDuties, id, person(id, area, duties));
        }
        read(&mut shown, Topic::PersonDuties, "PERSON-GONE", None);
        let drivers =
            GroupDuties { group: "drivers".into(), members: 5, tests_due: 3, tests_taken: 2, tests_overdue: 0 };
        let groups = vec![drivers];
        let numbers = AreaDuties { area: "D1".into(), managed: 7, groups, ..AreaDuties::default() };
        // The time for tests of the 10th is over at midnight of the 12th, for those of the 11th it is not.
        let now = Some(Timestamp(1_668_182_400_000).to_wire());
        let missing = |missed, recalled| {
            let drivers = GroupDuties { group: "drivers".into(), tests_overdue: missed, ..GroupDuties::default() };
            let (groups, pools_to_recall) = (vec![drivers], recalled);
            AreaDuties {
                tests_overdue: 1,
                pools_to_recall,
                members_to_recall: recalled,
                now,
                groups,
                ..AreaDuties::default()
            }
        };
        for (key, numbers) in [
            ("D1/2022-11-12", &numbers),
            ("D1/2022-11-11", &missing(9, 1)),
            ("D1/2022-11-10", &missing(4, 0)),
            ("D1/2022-11-09", &missing(2, 0)),
            ("D1/2022-11-13", &missing(1, 2)),
            ("D1/2022-11-12/influenza-a", &missing(1, 2)),
            ("D2/2022-11-12", &missing(1, 2)),
        ] {
            read(&mut shown, Topic::AreaDuties, key, Some(numbers.encode_to_vec()));
        }
        let member = |id: &str, finding| MemberOfPool { person_id: id.into(), area: "D2".into(), finding };
        let pool = Alert {
            alert_id: "a1".into(),
            family: AlertFamily::PoolPositive as i32,
            pool_id: "POOL-HERE".into(),
            area: "D1".into(),
            target: "sars-cov-2".into(),
            recall_by: Some(Timestamp(1_668_130_000_000).to_wire()),
            awaited: 1,
            members: vec![member("MEMBER-AWAITED", 0), member("MEMBER-FOUND", Finding::Negative as i32)],
            ..Alert::default()
        };
        read(&mut shown, Topic::Alerts, "a1", Some(pool.encode_to_vec()));

        let text = shown.text(false).join("\n");
        let all = ["PERSON-HERE", "PERSON-LATE", "MEMBER-AWAITED", "POOL-HERE"];
        assert!(all.iter().all(|id| !text.contains(id)), "{text}");
        for says in [
            "under management        7",
            "in drivers              5, 3 tests due, 2 taken, 4 missed on 2022-11-10",
            "tests overdue by then   3",
            "pools to recall         3, 3 members awaited, 1 pools late",
            "people: 2",
            "to release today; test due of drivers (in drivers)",
            "test of 2022-11-10 overdue",
            "pools to recall: 1",
        ] {
            assert!(text.contains(says), "{says} in {text}");
        }
        let whole = shown.text(true).join("\n");
        assert!(all.iter().all(|id| whole.contains(id)) && !whole.contains("MEMBER-FOUND"), "{whole}");
        assert_eq!(shown.json(false).len(), 4);
        assert!(all.iter().all(|id| !shown.json(false).join("\n").contains(id)));
        assert!(all.iter().all(|id| shown.json(true).join("\n").contains(id)));
    }
}
