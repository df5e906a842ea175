//! What has to be done in an area on a day, as it is published.

use crate::model::duty::GroupNumbers;
use crate::model::time::{Day, Timestamp};
use crate::policy::Rules;
use crate::proto::v1::{AreaDuties, GroupDuties};
use crate::state::area::series::Series;

/// The numbers of a day; `None` where there are none.
pub fn stated(rules: &Rules, series: &Series, day: Day, now: Timestamp) -> Option<AreaDuties> {
    let groups: Vec<GroupDuties> = series.duties.groups_on(day).map(of_group).collect();
    if groups.is_empty() {
        series.duties.on(day)?;
    }
    // In the order of the kinds there are.
    let [to_isolate, managed, to_release, tests_due, tests_taken, tests_overdue, pools_to_recall, members_to_recall] =
        series.duties.on(day).copied().unwrap_or_default().map(i64::from);
    Some(AreaDuties {
        area: series.code.clone(),
        day: day.to_string(),
        target: rules.id_of_stored(&series.target).to_owned(),
        now: Some(now.to_wire()),
        rules_digest: rules.digest.clone(),
        to_isolate,
        managed,
        to_release,
        tests_due,
        tests_taken,
        tests_overdue,
        pools_to_recall,
        members_to_recall,
        groups,
    })
}

/// Numbers of a group, in the order there is.
fn of_group((group, numbers): (&str, &GroupNumbers)) -> GroupDuties {
    let [members, tests_due, tests_taken, tests_overdue] = numbers.map(i64::from);
    GroupDuties { group: group.to_owned(), members, tests_due, tests_taken, tests_overdue }
}
