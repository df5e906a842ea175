//! The path of a record of a key group: who is in which group, from which day to which.
//!
//! In: a valid record, and what is held of it. Out: whether it stands. It is about one person alone, and follows nobody
//! else; what it says is published with the person's duties.

use super::PersonHalf;
use super::messages::{self, Origin, Trigger};
use super::{revisions, route};
use crate::model::group::PersonGroup;
use crate::model::ids::{Domain, Secret};
use crate::model::outcome::{End, Reject, RejectCode};
use crate::model::record::Record;
use crate::model::time::Timestamp;
use crate::pipeline::decode::groups;
use crate::pipeline::effects::Effects;
use crate::pipeline::ending::{Ending, Stop};
use crate::pipeline::formats::GROUPS;
use crate::proto::v1::{self, CauseKind};
use crate::state::person::edit::Edit;
use crate::state::person::groups::Membership;

impl PersonHalf {
    /// THE path of a record of a key group.
    pub(super) fn group(
        &mut self,
        wire: &v1::PersonGroup,
        input: &Record<'_>,
        hops: u32,
        effects: &mut Effects,
    ) -> Result<Ending, Stop> {
        let (origin, record) = (Origin::of(input), groups::group(wire, input.received_at, &self.rules)?);
        if self.context.formats.written < GROUPS {
            // The task it would have to be sent on to may be of a version that knows no groups.
            return Err(Reject::new(RejectCode::Unsupported, "group").into());
        }
        route::home(&self.context, record.person_id, origin, hops, false, effects, || messages::forwarded(input))?;

        let slot = self.person(record.person_id, effects);
        let membership = membership(&record, origin.received_at, &self.context.secret);
        let before = self.state.case_file(slot).and_then(|file| file.membership(record.record_id)).cloned();
        let trigger = Trigger::contact(origin, CauseKind::Group, record.record_id, record.revision);
        let known = revisions::held(before.as_ref(), &membership);
        let is_known_earlier = revisions::is_known_earlier(before.as_ref(), &known);
        self.state.edit(slot, record.person_id, Edit::Membership(known), &mut effects.changes);
        if let Err(stop) = revisions::admit(before.as_ref(), &membership) {
            if is_known_earlier {
                self.review(slot, &trigger, effects);
            }
            return Err(stop);
        }
        let ending = revisions::ending(before.as_ref(), &membership, End::GroupApplied);
        self.expect_anew(slot);
        self.review(slot, &trigger, effects);
        Ok(ending)
    }
}

fn membership(record: &PersonGroup<'_>, received_at: Timestamp, secret: &Secret) -> Membership {
    let last = record.last.map(|last| last.to_string()).unwrap_or_default();
    let days = format!("{} {} {last}", record.status as i32, record.first);
    let content = secret.hash_64(Domain::Group, &[record.person_id, record.group, record.area, &days]);
    Membership::new(record, content, received_at)
}
