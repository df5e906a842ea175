//! What is worth a look in rows that would be taken: warnings of a whole file, none of which refuses a row.
//!
//! In: messages as they are judged, with their lines. Out: a warning for each cause, with a count and the first lines.
//! What must be kept of the rows for that goes to disk: held are at most 20 MiB while rows are read, and 40 MiB while they
//! are held against each other at the end, however many there are.

use super::damage::{Damage, Kind, Rows};
use super::lookalikes::{Found, Lookalikes};
use super::scratch::sorted::Bounds;
use super::within::{Warning, Within};
use crate::model::result::LabResult;
use crate::pipeline::decode::result_view::ResultView;
use crate::pipeline::decode::validate;
use crate::policy::Rules;
use crate::proto::v1;
use std::io;

/// Records of key groups that nothing comes of, or not where it should.
#[derive(Debug, Default)]
struct Groups {
    not_tested: Rows,
    nowhere: Rows,
}

impl Groups {
    /// A record that holds. What policies and registry do not know they may know later, so it is none that is refused.
    fn see(&mut self, group: &v1::PersonGroup, rules: &Rules, line: u64) {
        let mut tests = rules.cases.iter().flat_map(|policy| &policy.groups);
        if !tests.any(|tests| tests.group == group.group) {
            self.not_tested.add(line);
        }
        if !group.area.is_empty() && rules.areas.index(&group.area).is_none() {
            self.nowhere.add(line);
        }
    }
}

/// Gathers them.
pub struct Notes {
    people: Lookalikes,
    specimens: Lookalikes,
    records: Lookalikes,
    damage: Damage,
    reported_early: Rows,
    released_by_day: Rows,
    groups: Groups,
    within: Within,
    kept: io::Result<()>,
}

impl Notes {
    /// Without any; `stop` says whether to give up while they are held against each other.
    pub fn new(stop: fn() -> bool) -> Self {
        let bounds = Bounds::until(stop);
        Self {
            people: Lookalikes::new(bounds),
            specimens: Lookalikes::new(bounds),
            records: Lookalikes::new(bounds),
            damage: Damage::default(),
            reported_early: Rows::default(),
            released_by_day: Rows::default(),
            groups: Groups::default(),
            within: Within::new(bounds),
            kept: Ok(()),
        }
    }

    /// A result that would be taken: as it is written, and as it is judged.
    pub fn result(&mut self, wire: &v1::LabResult, result: &LabResult<'_>, line: u64) {
        if validate::is_reported_early(&ResultView::of(wire)) {
            self.reported_early.add(line);
        }
        if wire.replaces_result_id == wire.result_id && !result.training {
            self.within.names_itself(line);
        }
        for (field, id) in [
            ("result_id", &wire.result_id),
            ("replaces_result_id", &wire.replaces_result_id),
            ("person_id", &wire.person_id),
            ("previous_person_id", &wire.previous_person_id),
            ("specimen_id", &wire.specimen_id),
        ] {
            self.damage.see(field, id, line);
        }
        for member in wire.pool.iter().flat_map(|pool| &pool.members) {
            self.damage.see("pool.members.person_id", &member.person_id, line);
        }
        self.keep(|notes| {
            for member in wire.pool.iter().flat_map(|pool| &pool.members) {
                notes.people.see(&member.person_id, line)?;
            }
            notes.people.see(&wire.person_id, line)?;
            notes.people.see(&wire.previous_person_id, line)?;
            notes.specimens.see(&wire.specimen_id, line)?;
            notes.records.see(&wire.result_id, line)?;
            notes.within.take(line, result)
        });
    }

    /// A result that would be taken, and of whose release only the day is known.
    pub fn released_by_day(&mut self, line: u64) {
        self.released_by_day.add(line);
    }

    /// A contact record that would be taken.
    pub fn contact(&mut self, contact: &v1::ContactRecord, line: u64) {
        for (field, id) in [
            ("record_id", &contact.record_id),
            ("person_id", &contact.person_id),
            ("index_person_id", &contact.index_person_id),
        ] {
            self.damage.see(field, id, line);
        }
        self.keep(|notes| {
            notes.people.see(&contact.person_id, line)?;
            notes.people.see(&contact.index_person_id, line)?;
            notes.records.see(&contact.record_id, line)
        });
    }

    /// A record of a key group that would be taken, by the rules if there are some.
    pub fn group(&mut self, group: &v1::PersonGroup, rules: Option<&Rules>, line: u64) {
        if let Some(rules) = rules.filter(|_| group.status() == v1::GroupStatus::Active) {
            self.groups.see(group, rules, line);
        }
        for (field, id) in [("record_id", &group.record_id), ("person_id", &group.person_id)] {
            self.damage.see(field, id, line);
        }
        self.keep(|notes| {
            notes.people.see(&group.person_id, line)?;
            notes.records.see(&group.record_id, line)
        });
    }

    fn keep(&mut self, keep: impl FnOnce(&mut Self) -> io::Result<()>) {
        if self.kept.is_ok() {
            self.kept = keep(self);
        }
    }

    /// Whether there was room for all that had to be kept since it was last asked.
    pub fn are_kept(&mut self) -> io::Result<()> {
        std::mem::replace(&mut self.kept, Ok(()))
    }

    /// A warning for each cause there is, given where in the file a field comes from, in words.
    pub fn warnings(self, place: &dyn Fn(&str) -> String) -> io::Result<Vec<Warning>> {
        let mut warnings = self.within.warnings()?;
        warnings.extend([
            alike(
                self.people.found()?,
                "person ids that look the same as another (upper and lower case, width, composition of \
                accents): each spelling is another person",
            ),
            alike(
                self.specimens.found()?,
                "specimen ids that look the same as another (upper and lower case, width, \
                composition of accents): each spelling is another specimen",
            ),
            alike(
                self.records.found()?,
                "ids of results or records that look the same as another (upper and lower case, width, \
                composition of accents): each spelling is another one",
            ),
            warning(
                self.reported_early,
                "rows that were reported before they were collected: they count, but one of the two times is wrong",
            ),
            warning(
                self.released_by_day,
                "rows of whose time of release, which is the revision, only the day is known: two versions of one day \
                have the same revision, and of them not the last one counts; export the release with its time of day",
            ),
            warning(
                self.groups.not_tested,
                "records of key groups that no case policy of the rules names: nobody is tested because of them; write the \
                group to the letter as `[[groups]]` of a case policy does, or add it there",
            ),
            warning(
                self.groups.nowhere,
                "records of key groups with an area that the registry does not know: whoever was not swabbed yet counts \
                in none",
            ),
        ]);
        for (field, kind, Rows { rows, lines }) in self.damage.found() {
            let text = damaged(kind, &place(field)).into();
            // One column may fill several fields.
            if warnings.iter().all(|warning| warning.text != text) {
                warnings.push(Warning { text, rows, lines });
            }
        }
        warnings.retain(|warning| warning.rows > 0);
        Ok(warnings)
    }
}

fn warning(Rows { rows, lines }: Rows, text: &'static str) -> Warning {
    Warning { text: text.into(), rows, lines }
}

fn alike(found: Found, text: &'static str) -> Warning {
    Warning {
        text: text.into(),
        rows: found.ids,
        lines: found.lines.iter().flat_map(|(first, other)| [*first, *other]).collect(),
    }
}

fn damaged(kind: Kind, place: &str) -> String {
    match kind {
        Kind::Rounded => format!(
            "ids of {place} that have 16 digits or more and all end in 0: a spreadsheet keeps 15 digits of a number, and makes \
             one of different ids; import the column as text and export again"
        ),
        Kind::Decimal => format!(
            "ids of {place} that all end in a decimal point and zeros: the column was read as numbers, and in other files the \
             same ids have none; import it as text and export again"
        ),
    }
}
