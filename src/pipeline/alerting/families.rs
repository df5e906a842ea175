//! The families of alerts: one table of what each is called, where it is raised, and what its ids are made of.

use crate::model::ids::{Domain, Secret};
use crate::model::record::Topic;
use crate::model::target::FIRST;
use crate::proto::v1::AlertFamily;

/// Its stable name, as in metrics and in JSON.
pub const fn name(family: AlertFamily) -> &'static str {
    match family {
        AlertFamily::Unspecified => "unspecified",
        AlertFamily::Positive => "positive",
        AlertFamily::PoolPositive => "pool_positive",
        AlertFamily::Contradiction => "contradiction",
        AlertFamily::PoolOverdue => "pool_overdue",
        AlertFamily::ContactOverdue => "contact_overdue",
        AlertFamily::LabSilent => "lab_silent",
        AlertFamily::TierChanged => "tier_changed",
        AlertFamily::PositivesBurst => "positives_burst",
        AlertFamily::GroupOverdue => "group_overdue",
    }
}

/// The topic it is published to; `None` where nothing raises it.
pub const fn topic(family: AlertFamily) -> Option<Topic> {
    match family {
        AlertFamily::Positive
        | AlertFamily::PoolPositive
        | AlertFamily::Contradiction
        | AlertFamily::PoolOverdue
        | AlertFamily::ContactOverdue
        | AlertFamily::GroupOverdue => Some(Topic::Alerts),
        AlertFamily::TierChanged => Some(Topic::AreaAlerts),
        AlertFamily::Unspecified | AlertFamily::LabSilent | AlertFamily::PositivesBurst => None,
    }
}

/// Those that something raises, in the contract's order.
pub fn raised() -> impl Iterator<Item = AlertFamily> {
    (0..).map_while(|family| AlertFamily::try_from(family).ok()).filter(|family| topic(*family).is_some())
}

/// The id of an alert: the same case has the same one, whoever computes it. `subject` is what it is about, and must tell it
/// from all others of its family and first day; the target comes last, but for the deployment's first, whose alerts had
/// their ids before there were others.
pub fn id(secret: &Secret, family: AlertFamily, subject: &[&str], first_day: &str, target: &str) -> String {
    let mut parts = vec![hashed_as(family)];
    parts.extend(subject);
    parts.push(first_day);
    parts.extend(Some(target).filter(|target| *target != FIRST));
    format!("{:032x}", secret.hash(Domain::Alert, &parts))
}

/// What stands for a family in its ids. They are kept by whoever acts on alerts, so none of these may ever change.
const fn hashed_as(family: AlertFamily) -> &'static str {
    match family {
        AlertFamily::Positive => "ALERT_FAMILY_POSITIVE",
        AlertFamily::Contradiction => "ALERT_FAMILY_CONTRADICTION",
        family => name(family),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_called_as_in_the_contract() {
        let all: Vec<AlertFamily> = (0..).map_while(|family| AlertFamily::try_from(family).ok()).collect();
        assert_eq!(all.len(), 10, "the contract's families are numbered without a gap");
        for family in all {
            assert_eq!(format!("ALERT_FAMILY_{}", name(family).to_ascii_uppercase()), family.as_str_name());
        }
        let raised: Vec<_> = raised().map(name).collect();
        let people = ["positive", "pool_positive", "contradiction", "pool_overdue", "contact_overdue"];
        assert_eq!(raised, [&people[..], &["tier_changed", "group_overdue"]].concat());
    }
}
