//! The paths about pools: of a pool's result, of what it tells a member, and of what a member tells it.
//!
//! As in [`super`], from top to bottom. None of it is on the path of a single result, but for one look whether its
//! person has a pool to report to.

use super::messages::{self, NO_RECORD, Origin, Trigger};
use super::pools::{members, recall, shared, tubes};
use super::versions::{self, Change};
use super::{PersonHalf, alerts, route};
use crate::model::outcome::{End, Reject, RejectCode};
use crate::model::record::Record;
use crate::model::result::Finding;
use crate::model::target;
use crate::model::time::Timestamp;
use crate::pipeline::decode::result_view::ResultView;
use crate::pipeline::decode::{pool, validate};
use crate::pipeline::effects::Effects;
use crate::pipeline::ending::{Ending, Stop};
use crate::pipeline::formats::{POOLS, TUBES};
use crate::proto::v1::{self, CauseKind};
use crate::state::person::Slot;
use crate::state::person::edit::{Edit, List};
use crate::state::person::pools::PoolVersion;
use crate::state::person::row::Row;
use std::collections::BTreeSet;

impl PersonHalf {
    /// THE path of a result of a pool.
    pub(super) fn pool(
        &mut self,
        wire: &v1::LabResult,
        pool: &v1::Pool,
        record: &Record<'_>,
        hops: u32,
        effects: &mut Effects,
    ) -> Result<Ending, Stop> {
        let origin = Origin::of(record);
        let (pooled, registered) = pool::pooled(wire, pool, origin.received_at, &self.rules)?;
        self.labs_heard.hear(registered.lab, origin.received_at, &self.rules);
        versions::in_production(&pooled.result)?;
        let alerts = matches!(pooled.result.finding, Finding::Positive | Finding::Inconclusive);
        route::home(&self.context, &pool.pool_id, origin, hops, alerts, effects, || messages::forwarded(record))?;
        if self.context.formats.written < POOLS {
            // Its members' tasks may be of a version that knows no pools, and would stop.
            return Err(Reject::new(RejectCode::Unsupported, "pool").into());
        }
        effects.reported_early += u64::from(validate::is_reported_early(&ResultView::of(wire)));
        let slot = self.pool_slot(&pool.pool_id, effects);
        let reported_at = wire.reported_at.as_ref().and_then(Timestamp::from_wire);
        let target = self.rules.target_id(registered.target);
        let read = tubes::version(&pooled, target, reported_at, origin.received_at, &self.context.secret);
        let by_barcode = tubes::goes_by_barcode(self.state.case_file(slot), read.row.specimen(), self.context.formats);
        let admitted = tubes::admit(self.state.case_file(slot), PoolVersion { by_barcode, ..read })?;
        self.count_tubes(slot, &admitted.tubes(), -1);
        self.state.edit(slot, &pool.pool_id, Edit::Pool(admitted.held.clone()), &mut effects.changes);
        let outdated: Vec<usize> =
            self.state.case_file(slot).map(|file| admitted.outdated(file).collect()).unwrap_or_default();
        for at in outdated {
            self.state.edit(slot, &pool.pool_id, Edit::Drop(List::Pool, at), &mut effects.changes);
        }
        self.count_tubes(slot, &admitted.tubes(), 1);
        if admitted.stands() {
            self.messages.extend(tubes::to_members(&admitted, origin));
        }
        self.messages.extend(tubes::to_barcodes(&admitted, origin, &self.context.secret));
        self.review_tubes(slot, admitted.tubes(), &Trigger::result(origin, &pooled.result), effects);
        let end = self.state.case_file(slot).map_or(admitted.end, |file| tubes::end(file, &admitted));
        Ok(match admitted.in_conflict {
            true => Ending::SetAside(versions::conflict()),
            false => Ending::Used(registered.end(end)),
        })
    }

    /// A result of a pool says something about this person, or no more.
    pub(super) fn pool_finding(
        &mut self,
        wire: &v1::PoolFinding,
        person_id: &str,
        origin: Origin,
        effects: &mut Effects,
    ) -> Result<Ending, Stop> {
        let slot = self.person(person_id, effects);
        let rules = self.rules.clone();
        let target = rules.target(&wire.target).map_or(wire.target.as_str(), |target| rules.stored_target(target));
        let purpose = target::keyed(&wire.purpose, target);
        let Self { places, state, .. } = self;
        let numbers = places.numbers_of(&wire.area, &purpose, &rules, state, &mut effects.changes)?;
        let row = members::row(wire, &rules, &self.context.secret)?.placed(numbers);
        let change = members::admit(&mut self.state, slot, row, &mut effects.changes)?;
        self.count(slot, &change, origin);
        while let Some(before) = members::weigh(&mut self.state, slot, change.specimens(), &mut effects.changes) {
            self.count(slot, &Change::of_replaced(before), origin);
        }
        let is_known = self.state.case_file(slot).is_some_and(|file| file.pending(row.id()).is_some());
        if members::leaves_open(&row) && !is_known {
            self.state.edit(slot, person_id, Edit::Pending(members::pending(wire, &row)), &mut effects.changes);
        }
        if self.state.case_file(slot).is_some_and(|file| self.is_told_of(file)) {
            self.review(slot, &Trigger::pooled(origin, wire), effects);
        }
        self.report_to_pools(slot, origin, effects);
        Ok(Ending::Used(End::PoolApplied))
    }

    /// A member says what single results found since this pool left it open.
    pub(super) fn member_finding(
        &mut self,
        wire: &v1::MemberFinding,
        pool_id: &str,
        origin: Origin,
        effects: &mut Effects,
    ) -> Result<Ending, Stop> {
        let slot = self.pool_slot(pool_id, effects);
        let found = tubes::found(wire, &self.context.secret);
        let tube = tubes::admit_found(self.state.case_file(slot), &found)?;
        self.state.edit(slot, pool_id, Edit::Member(found), &mut effects.changes);
        let trigger =
            Trigger { lab_id: &wire.lab_id, ..Trigger::contact(origin, CauseKind::Member, &wire.result_id, 0) };
        self.review_tubes(slot, BTreeSet::from([tube]), &trigger, effects);
        Ok(Ending::Used(End::PoolApplied))
    }

    /// A result of a pool says something about a tube of this barcode, or no more.
    pub(super) fn tube_finding(
        &mut self,
        wire: &v1::TubeFinding,
        barcode: &str,
        origin: Origin,
        effects: &mut Effects,
    ) -> Result<Ending, Stop> {
        let slot = self.state.find_or_add(shared::hash(barcode, &self.context.secret), &mut effects.changes);
        self.touched.push(slot);
        let rules = self.rules.clone();
        let target = rules.target(&wire.target).map_or(wire.target.as_str(), |target| rules.stored_target(target));
        let purpose = target::keyed(&wire.purpose, target);
        let Self { places, state, .. } = self;
        let numbers = places.numbers_of(&wire.area, &purpose, &rules, state, &mut effects.changes)?;
        let row = shared::row(wire, barcode, &rules, &self.context.secret)?.placed(numbers);
        match members::admit(&mut self.state, slot, row, &mut effects.changes) {
            Ok(change) => self.count_shared(slot, &change),
            // When it was first received may be known better, or it is counted elsewhere now.
            Err(Stop::Here(Ending::Used(End::Duplicate))) => {
                let change = shared::said_otherwise(&mut self.state, slot, row, &mut effects.changes);
                change.into_iter().for_each(|change| self.count_shared(slot, &change));
            }
            Err(stop) => return Err(stop),
        }
        let held = self.state.case_file(slot).and_then(|file| file.claim(row.id()));
        if let Some(claim) = shared::claim(held, wire, &row) {
            self.state.edit(slot, barcode, Edit::Claim(claim), &mut effects.changes);
        }
        let file = self.state.case_file(slot);
        for claim in file.map(|file| shared::to_tell(file, self.state.rows(slot), self.names())).unwrap_or_default() {
            self.messages.push_back(shared::tell(barcode, &claim, origin));
            self.state.edit(slot, barcode, Edit::Claim(claim), &mut effects.changes);
        }
        Ok(Ending::Used(End::PoolApplied))
    }

    /// Adds to the numbers of areas what a change of what is said of a tube makes of them.
    fn count_shared(&mut self, slot: Slot, change: &Change) {
        let (rules, places, rows) = (&self.rules, &self.places, self.state.rows(slot));
        let tubes = BTreeSet::from(change.specimens());
        let by = (&**rules, places, self.names());
        let before = tubes.iter().filter_map(|tube| shared::counted(change.rows_before(rows), *tube, by));
        let after = tubes.iter().filter_map(|tube| shared::counted(rows.iter(), *tube, by));
        let signed: Vec<_> = before.map(|tube| (tube, -1)).chain(after.map(|tube| (tube, 1))).collect();
        signed.into_iter().for_each(|(tube, sign)| self.cells.pools.tube(tube, sign));
    }

    /// Adds (or takes back) all that is said of the tubes of a barcode.
    pub(super) fn count_all_shared(&mut self, slot: Slot, sign: i32) {
        let rows = self.state.rows(slot);
        let tubes: BTreeSet<u64> = rows.iter().filter(|row| row.is_of_tube()).map(Row::specimen).collect();
        let by = (&*self.rules, &self.places, self.names());
        let counted: Vec<_> = tubes.iter().filter_map(|tube| shared::counted(rows.iter(), *tube, by)).collect();
        counted.into_iter().for_each(|tube| self.cells.pools.tube(tube, sign));
    }

    /// Tells the tasks of barcodes of all tubes that are held: whoever wrote an earlier format of messages counted each with its
    /// pool, where nothing of it counts any more. Where an earlier format is written again, it is the other way round.
    pub(super) fn find_tubes(&mut self, effects: &mut Effects) {
        let by_barcode = self.context.formats.written >= TUBES;
        let mut slots: Vec<Slot> = self.state.with_case_files().collect();
        slots.sort_unstable();
        for slot in slots {
            let Some(file) = self.state.case_file(slot).filter(|file| tubes::is_pool(file)) else { continue };
            let (pool_id, all, before) = (file.person_id.clone(), tubes::all(file), file.clone());
            self.count_tubes(slot, &all, -1);
            for version in before.pool.iter().filter(|version| version.by_barcode != by_barcode).cloned() {
                let edit = Edit::Pool(PoolVersion { by_barcode, ..version });
                self.state.edit(slot, &pool_id, edit, &mut effects.changes);
            }
            self.count_tubes(slot, &all, 1);
            let file = self.state.case_file(slot);
            let told = file.map(|file| tubes::all_to_barcodes(&before, file, NO_RECORD, &self.context.secret));
            self.messages.extend(told.into_iter().flatten());
        }
        self.deliver(effects);
    }

    /// Another pool tells of the same tube as this one, or does no more.
    pub(super) fn tube_told(
        &mut self,
        wire: &v1::TubeTold,
        pool_id: &str,
        origin: Origin,
        effects: &mut Effects,
    ) -> Result<Ending, Stop> {
        let slot = self.pool_slot(pool_id, effects);
        let told = tubes::told(wire, &self.context.secret);
        let tube = tubes::admit_told(self.state.case_file(slot), &told)?;
        self.state.edit(slot, pool_id, Edit::Told(told), &mut effects.changes);
        let trigger = Trigger { lab_id: &wire.lab_id, ..Trigger::contact(origin, CauseKind::Tube, &wire.result_id, 0) };
        self.review_tubes(slot, BTreeSet::from([tube]), &trigger, effects);
        Ok(Ending::Used(End::PoolApplied))
    }

    /// Reports to pools what the person was found since, where that is something else than before.
    pub(super) fn report_to_pools(&mut self, slot: Slot, origin: Origin, effects: &mut Effects) {
        let Some(file) = self.state.case_file(slot).filter(|file| !file.pending.is_empty()) else { return };
        let person_id = file.person_id.clone();
        for pending in members::to_report(file, self.state.rows(slot), &self.rules, self.names()) {
            self.messages.push_back(members::report(&person_id, &pending, origin));
            self.state.edit(slot, &person_id, Edit::Pending(pending), &mut effects.changes);
        }
    }

    /// By other rules a person's days may be others, and what a pool's alert says.
    pub(super) fn review_pools(&mut self, slot: Slot, effects: &mut Effects) {
        self.review_all_tubes(slot, &Trigger::rules(), effects);
        self.report_to_pools(slot, NO_RECORD, effects);
    }

    /// Says what must be said now of everything of a pool.
    pub(super) fn review_all_tubes(&mut self, slot: Slot, trigger: &Trigger<'_>, effects: &mut Effects) {
        let tubes = self.state.case_file(slot).map(tubes::all).unwrap_or_default();
        self.review_tubes(slot, tubes, trigger, effects);
    }

    /// Says what must be said now of some of a pool's tubes.
    fn review_tubes(&mut self, slot: Slot, tubes: BTreeSet<u64>, trigger: &Trigger<'_>, effects: &mut Effects) {
        let Some(file) = self.state.case_file(slot).filter(|_| !tubes.is_empty()) else { return };
        let mut wanted: Vec<v1::Alert> =
            tubes.iter().filter_map(|tube| tubes::wanted(file, *tube, &self.rules, &self.context.secret)).collect();
        let passed = self.passed_of(slot);
        let overdue = |alert| recall::overdue(alert, &self.rules, &self.context.secret, passed);
        wanted.extend(wanted.iter().filter_map(overdue).collect::<Vec<_>>());
        let concerned = tubes::alerts_of(file, &tubes, &self.rules, &self.context.secret);
        let changed = alerts::review(&concerned, wanted, trigger);
        let pool_id = file.person_id.clone();
        self.publish(slot, &pool_id, changed, trigger, effects);
        let next = self.state.case_file(slot).and_then(|file| recall::next(file, &self.rules, passed));
        self.deadlines.add(slot, self.due(slot, next));
    }

    /// Adds to the numbers of areas, or takes back, what some of a pool's tubes count.
    pub(super) fn count_tubes(&mut self, slot: Slot, tubes: &BTreeSet<u64>, sign: i32) {
        let Some(file) = self.state.case_file(slot) else { return };
        for tube in tubes.iter().filter_map(|tube| tubes::counted(file, *tube, &self.rules)) {
            self.cells.pools.tube(tube, sign);
        }
    }

    /// Where a pool is held.
    fn pool_slot(&mut self, pool_id: &str, effects: &mut Effects) -> Slot {
        let hash = tubes::hash(pool_id, &self.context.secret);
        let slot = self.state.find_or_add(hash, &mut effects.changes);
        self.touched.push(slot);
        slot
    }
}
