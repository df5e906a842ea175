//! What is asked of a record of a key group, as [`validate`](super::validate) asks it of the others.

use super::validate::{ID_BYTES, NAME_BYTES, in_years, known, optional_text, refuse, somebodys, text, time};
use crate::model::group::{GroupStatus, PersonGroup};
use crate::model::outcome::{Reject, RejectCode};
use crate::model::time::{Day, Timestamp};
use crate::policy::Rules;
use crate::policy::years::Years;
use crate::proto::v1;

/// A record of a key group. Which groups are tested how often is the policies' to say, and may be said later.
pub fn group<'a>(wire: &'a v1::PersonGroup, received_at: Timestamp, rules: &Rules) -> Result<PersonGroup<'a>, Reject> {
    by_years(wire, received_at, &rules.intake_policy(0, rules.day(received_at)).years)
}

/// The same where all that rules say of it are the plausible years.
pub fn by_years<'a>(
    wire: &'a v1::PersonGroup,
    received_at: Timestamp,
    years: &Years,
) -> Result<PersonGroup<'a>, Reject> {
    let group = well_formed(wire)?;
    somebodys(&wire.record_id, "record_id")?;
    somebodys(&wire.person_id, "person_id")?;
    in_plausible_years(&group, wire, received_at, years)?;
    Ok(group)
}

/// The part of [`group`] that needs neither rules nor the time of receipt.
pub fn well_formed(wire: &v1::PersonGroup) -> Result<PersonGroup<'_>, Reject> {
    let group = PersonGroup {
        record_id: text(&wire.record_id, ID_BYTES, "record_id")?,
        revision: wire.revision,
        status: known(GroupStatus::try_from(wire.status), "status")?,
        person_id: text(&wire.person_id, ID_BYTES, "person_id")?,
        group: text(&wire.group, NAME_BYTES, "group")?,
        area: optional_text(&wire.area, NAME_BYTES, "area")?.unwrap_or_default(),
        first: day(&wire.first_day, "first_day")?.ok_or_else(|| Reject::new(RejectCode::MissingField, "first_day"))?,
        last: day(&wire.last_day, "last_day")?,
    };
    wire.reported_at.as_ref().map(|at| time(Some(at), "reported_at")).transpose()?;
    if group.last.is_some_and(|last| last < group.first) {
        return refuse(RejectCode::InvalidInterval, "last_day");
    }
    Ok(group)
}

/// As [`result_in_years`](super::validate::result_in_years).
fn in_plausible_years(
    group: &PersonGroup<'_>,
    wire: &v1::PersonGroup,
    received_at: Timestamp,
    years: &Years,
) -> Result<(), Reject> {
    for (day, field) in [(Some(group.first), "first_day"), (group.last, "last_day")] {
        if day.is_some_and(|day| !years.hold_day(day, received_at)) {
            return refuse(RejectCode::InvalidTime, field);
        }
    }
    in_years(&wire.reported_at, received_at, years, "reported_at")
}

/// In proto3 an empty text is an absent one.
fn day(text: &str, field: &str) -> Result<Option<Day>, Reject> {
    if text.is_empty() {
        return Ok(None);
    }
    Day::parse(text).map(Some).ok_or_else(|| Reject::new(RejectCode::InvalidTime, field))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::sample::sample_rules;
    use RejectCode::*;

    type Fixture = (fn(&mut v1::PersonGroup), RejectCode, &'static str);

    /// Received at 12:00 in Shanghai on 2022-11-11.
    const RECEIVED: Timestamp = Timestamp(1_668_139_200_000);

    #[test]
    fn every_fault_of_a_record_of_a_group_has_its_code_and_field() {
        let good = v1::PersonGroup {
            record_id: "g1".into(),
            revision: u32::MAX,
            status: GroupStatus::Active.into(),
            person_id: "p1".into(),
            group: "冷链".into(),
            area: "nowhere".into(),
            first_day: "2022-11-11".into(),
            last_day: "2022-11-11".into(),
            reported_at: None,
        };
        let judged = |wire: &v1::PersonGroup| group(wire, RECEIVED, &sample_rules()).map(drop);
        assert_eq!(judged(&good), Ok(()), "of a group that no policy knows yet");
        assert_eq!(judged(&v1::PersonGroup { last_day: String::new(), area: String::new(), ..good.clone() }), Ok(()));
        let fixtures: &[Fixture] = &[
            (|group| group.record_id.clear(), MissingField, "record_id"),
            (|group| group.person_id.clear(), MissingField, "person_id"),
            (|group| group.group.clear(), MissingField, "group"),
            (|group| group.first_day.clear(), MissingField, "first_day"),
            (|group| group.status = 0, MissingField, "status"),
            (|group| group.status = 3, UnknownEnum, "status"),
            (|group| group.record_id = "x".repeat(65), InvalidId, "record_id"),
            (|group| group.person_id = "########".into(), InvalidId, "person_id"),
            (|group| group.group = "x".repeat(33), InvalidId, "group"),
            (|group| group.area = "D1\t".into(), InvalidId, "area"),
            (|group| group.first_day = "11.11.2022".into(), InvalidTime, "first_day"),
            (|group| group.first_day = "2022-11-31".into(), InvalidTime, "first_day"),
            (|group| group.first_day = "0022-11-11".into(), InvalidTime, "first_day"),
            (|group| group.last_day = "9999-12-31".into(), InvalidTime, "last_day"),
            (|group| group.last_day = "2022-11-11T00:00:00Z".into(), InvalidTime, "last_day"),
            (
                |group| group.reported_at = Some(prost_types::Timestamp { seconds: 0, nanos: -1 }),
                InvalidTime,
                "reported_at",
            ),
            (|group| group.reported_at = Some(Timestamp(7_347_600_000_000).to_wire()), InvalidTime, "reported_at"),
            (|group| group.last_day = "2022-11-10".into(), InvalidInterval, "last_day"),
        ];
        for (at_fixture, (spoil, code, field)) in fixtures.iter().enumerate() {
            let mut wire = good.clone();
            spoil(&mut wire);
            assert_eq!(judged(&wire), Err(Reject::new(*code, *field)), "fixture {at_fixture}");
        }
    }
}
