//! What has to be done in an area, as of a day: the same sums for the page and for the command line.
//!
//! In: numbers of days, as they are published, and the rules, which say until when a test of a key group may be taken. Out:
//! what is open: a number of `area-duties` says of how many who were due on its day, and whoever plans a day asks for all who
//! still are.

use crate::model::time::{Day, Timestamp};
use crate::policy::{Frequency, LONGEST_WINDOW, Rules, TargetIndex};
use crate::proto::v1::{AreaDuties, GroupDuties};
use std::collections::{BTreeMap, BTreeSet};

/// What has to be done on a day, by the names of the contract: as few bytes as there may be very many days.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "they are those of the contract")]
pub struct Duties {
    pub to_isolate: u32,
    pub managed: u32,
    pub to_release: u32,
    pub tests_due: u32,
    pub tests_taken: u32,
    pub tests_overdue: u32,
    pub pools_to_recall: u32,
    pub members_to_recall: u32,
    pub groups: Box<[GroupDuties]>,
}

impl Duties {
    /// As published.
    pub fn of(duties: &AreaDuties) -> Self {
        let number = |number: i64| u32::try_from(number).unwrap_or(0);
        Self {
            to_isolate: number(duties.to_isolate),
            managed: number(duties.managed),
            to_release: number(duties.to_release),
            tests_due: number(duties.tests_due),
            tests_taken: number(duties.tests_taken),
            tests_overdue: number(duties.tests_overdue),
            pools_to_recall: number(duties.pools_to_recall),
            members_to_recall: number(duties.members_to_recall),
            groups: duties.groups.as_slice().into(),
        }
    }
}

/// What is open in an area at a day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Open {
    /// The numbers of the day itself.
    pub on: Duties,
    /// Contacts' tests that were due by then and are overdue.
    pub tests_overdue: u32,
    /// Pools some of whose members are awaited, whenever they are to be tested by.
    pub pools_to_recall: u32,
    /// The members who are awaited.
    pub members_to_recall: u32,
    /// Of the pools those whose members were to be tested before the day.
    pub pools_late: u32,
    /// Key groups that somebody is in on the day, or that have missed tests, by name.
    pub groups: Vec<OpenOfGroup>,
}

/// A key group at a day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenOfGroup {
    /// The numbers of the day itself.
    pub on: GroupDuties,
    /// Tests that were missed, if the time for any is over.
    pub missed: Option<Missed>,
}

/// Tests of a key group that were missed. Who is tested again and again is due anew on the next day: of those it is the last
/// day that tells. A test some days after entry is that of its day alone: of those all of the last two weeks count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missed {
    /// The first day of those whose tests they are.
    pub first: Day,
    /// The last day.
    pub last: Day,
    /// How many.
    pub tests: i64,
}

impl Open {
    /// By the numbers of an area's days; time has come to `now`.
    pub fn at(days: &BTreeMap<Day, Duties>, day: Day, target: TargetIndex, rules: &Rules, now: Timestamp) -> Self {
        let mut open = Self { on: days.get(&day).cloned().unwrap_or_default(), ..Self::default() };
        for (of, duties) in days {
            open.tests_overdue += if *of <= day { duties.tests_overdue } else { 0 };
            open.pools_to_recall += duties.pools_to_recall;
            open.members_to_recall += duties.members_to_recall;
            open.pools_late += if *of < day { duties.pools_to_recall } else { 0 };
        }
        let recent = || days.range(day.plus(1 - LONGEST_WINDOW)..=day);
        let is_over = |of: Day| {
            let policy = rules.case_policy(target, of);
            policy.is_some_and(|policy| rules.overdue_from(policy, of) <= now)
        };
        let over: BTreeMap<Day, &Duties> =
            recent().filter(|(of, _)| is_over(**of)).map(|(of, duties)| (*of, duties)).collect();
        let names: BTreeSet<&str> = recent().flat_map(|(_, of)| &of.groups).map(|of| of.group.as_str()).collect();
        let of_group = |name: &str| {
            let on = open.on.groups.iter().find(|of| of.group == name).cloned();
            let missed = missed(&over, name, target, rules).filter(|missed| on.is_some() || missed.tests > 0);
            let on =
                on.or_else(|| missed.as_ref().map(|_| GroupDuties { group: name.to_owned(), ..Default::default() }));
            Some(OpenOfGroup { on: on?, missed })
        };
        let groups = names.into_iter().filter_map(of_group).collect();
        Self { groups, ..open }
    }
}

/// What a group has missed on days for whose tests the time is over.
fn missed(over: &BTreeMap<Day, &Duties>, name: &str, target: TargetIndex, rules: &Rules) -> Option<Missed> {
    let (last, _) = over.last_key_value()?;
    let again = rules
        .case_policy(target, *last)
        .and_then(|policy| policy.group_tests(name))
        .is_none_or(|tests| matches!(tests.frequency, Frequency::EveryDays(_)));
    let days = over.range(if again { *last } else { Day(i32::MIN) }..);
    let of_group = days.flat_map(|(day, of)| of.groups.iter().filter(|of| of.group == name).map(|of| (*day, of)));
    let told: Vec<(Day, i64)> = of_group.map(|(day, of)| (day, of.tests_overdue)).collect();
    let (first, last) = (told.first()?.0, told.last()?.0);
    Some(Missed { first, last, tests: told.iter().map(|(_, tests)| tests).sum() })
}
