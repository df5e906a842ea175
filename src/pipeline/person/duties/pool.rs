//! What has to be done with pools: those whose members are awaited are to be recalled.
//!
//! In: a pool's alerts as they were last published. Out: what counts in areas, by the day by which it has to be done.

use super::said::{Duties, clipped};
use crate::model::duty::DutyKind;
use crate::model::time::{Day, Timestamp};
use crate::pipeline::person::alerts;
use crate::policy::Rules;
use crate::proto::v1::{AlertFamily, Finding};
use crate::state::person::case_file::CaseFile;
use crate::state::person::duties::{Counted, CountedDuty};
use crate::state::person::held_alert::HeldAlert;
use std::collections::BTreeMap;

/// All that has to be done with a pool, of which there may be several tubes.
pub fn of(file: &CaseFile, first_kept: Day, rules: &Rules) -> Duties {
    let live = file.alerts.iter().map(HeldAlert::message).filter(alerts::is_live);
    let mut numbers: BTreeMap<CountedDuty, u32> = BTreeMap::new();
    for alert in live.filter(|alert| alert.family() == AlertFamily::PoolPositive && alert.awaited > 0) {
        let by = alert.recall_by.as_ref().and_then(Timestamp::from_wire);
        let Some(day) = by.map(|by| rules.day(by)) else { continue };
        let awaited = alert.members.iter().filter(|member| member.finding() == Finding::Unspecified);
        let members = awaited.map(|member| (DutyKind::MemberRecall, &member.area));
        for (kind, area) in members.chain([(DutyKind::PoolRecall, &alert.area)]) {
            let (area, target) = (area.clone(), alert.target.clone());
            let one = CountedDuty { area, target, what: Counted::Duty(kind), first: day, last: day, number: 1 };
            *numbers.entry(one).or_default() += 1;
        }
    }
    let counted = numbers.into_iter().map(|(one, number)| CountedDuty { number, ..one });
    Duties { counted: counted.filter_map(|one| clipped(one, first_kept)).collect(), ..Duties::default() }
}
