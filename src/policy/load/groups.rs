//! Key groups of a case policy: how often whoever is in one is tested.

use crate::policy::error::Check;
use crate::policy::{Frequency, GroupTests, LONGEST_WINDOW};
use crate::proto::v1;

/// Days after entry that a policy can name, at most.
const LONGEST: u32 = 60;

/// Those that a policy names; what is wrong with one is noted.
pub(super) fn read(wire: &[v1::GroupTests], check: &mut Check<'_>) -> Vec<GroupTests> {
    let mut groups = Vec::new();
    for (at, group) in wire.iter().enumerate() {
        let of = |field: &str| format!("groups[{at}].{field}");
        check.code(&of("group"), &group.group, 32);
        if wire[..at].iter().any(|before| before.group == group.group) {
            let hint = "say once how often its people are tested";
            check.wrong(of("group"), format!("{} is named twice", group.group), hint);
        }
        let frequency = match (group.every_days, group.after_entry.as_slice()) {
            (0, []) => {
                let hint = "say every_days (1 is every day), or after_entry, e.g. [1, 4, 7]";
                check.wrong(of("every_days"), "it is not said when its people are tested", hint);
                continue;
            }
            (1.., [_, ..]) => {
                let hint = "say one of the two; who is to be both is put into two groups";
                check.wrong(of("every_days"), "both every_days and after_entry say when its people are tested", hint);
                continue;
            }
            (0, days) => Frequency::AfterEntry(after_entry(days, &of("after_entry"), check)),
            (days, []) => {
                Frequency::EveryDays(check.number(&of("every_days"), days, 1..=LONGEST_WINDOW.unsigned_abs()))
            }
        };
        groups.push(GroupTests { group: group.group.clone(), frequency, alert: group.alert });
    }
    groups
}

fn after_entry(days: &[u32], field: &str, check: &mut Check<'_>) -> Vec<i32> {
    for (at, day) in days.iter().enumerate() {
        let field = format!("{field}[{at}]");
        if !(1..=LONGEST).contains(day) {
            let hint = format!("use days from 1, the first one after entry, to {LONGEST}");
            check.wrong(field, format!("day {day} is none after entry"), hint);
        } else if at > 0 && days[at - 1] >= *day {
            check.wrong(field, format!("day {day} is not after the one before"), "list each day once, in order");
        }
    }
    days.iter().map(|day| i32::try_from(*day).unwrap_or(i32::MAX)).collect()
}
