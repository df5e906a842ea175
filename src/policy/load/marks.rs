//! Checks of marks of days.

use crate::model::time::Day;
use crate::policy::error::{Check, RuleError};
use crate::policy::marks::DayIncomplete;
use crate::proto::v1;
use std::collections::BTreeMap;

pub(super) fn incomplete(
    wire: &[(String, v1::DayIncomplete)],
    errors: &mut Vec<RuleError>,
) -> BTreeMap<Day, DayIncomplete> {
    let mut marks = BTreeMap::new();
    for (key, mark) in wire {
        let mut check = Check::new(key, errors);
        let day = check.day("day", &mark.day);
        if mark.without.is_empty() {
            check.wrong("without", "it is empty", "name the person tasks that are not waited for");
        }
        for (at, task) in mark.without.iter().enumerate() {
            if *task < 0 {
                check.wrong(format!("without[{at}]"), format!("{task} is no task"), "tasks are counted from 0");
            } else if at > 0 && mark.without[at - 1] >= *task {
                let problem = format!("task {task} is not after the one before");
                check.wrong(format!("without[{at}]"), problem, "list each task once, in order");
            }
        }
        check.text("by", &mark.by);
        check.text("reason", &mark.reason);
        if mark.at.parse::<jiff::Timestamp>().is_err() {
            check.wrong("at", "it is no instant", "write it as 2022-11-12T08:30:00Z");
        }
        let without = mark.without.iter().copied().collect();
        let (by, reason, at) = (mark.by.clone(), mark.reason.clone(), mark.at.clone());
        marks.extend(day.map(|day| (day, DayIncomplete { day, without, by, reason, at })));
    }
    marks
}
