//! What is worth a look in rows that would be taken: warnings of a whole file, none of which refuses a row.
//!
//! In: messages as they are judged, with their lines. Out: a warning for each cause, with a count and the first lines.

use super::lookalikes::{Found, Lookalikes};
use super::within::{Warning, Within};
use crate::model::result::LabResult;
use crate::pipeline::decode::result_view::ResultView;
use crate::pipeline::decode::validate;
use crate::proto::v1;

/// Lines told of each cause.
const LINES: usize = 3;

/// Gathers them.
pub struct Notes {
    people: Lookalikes,
    specimens: Lookalikes,
    records: Lookalikes,
    reported_early: Warning,
    within: Within,
}

impl Default for Notes {
    fn default() -> Self {
        let text = "rows that were reported before they were collected: they count, but one of the two times is wrong";
        Self {
            people: Lookalikes::default(),
            specimens: Lookalikes::default(),
            records: Lookalikes::default(),
            reported_early: Warning { text, rows: 0, lines: Vec::new() },
            within: Within::new(),
        }
    }
}

impl Notes {
    /// A result that would be taken: as it is written, and as it is judged.
    pub fn result(&mut self, wire: &v1::LabResult, result: &LabResult<'_>, line: u64) {
        self.people.see(&wire.person_id, line);
        self.people.see(&wire.previous_person_id, line);
        self.specimens.see(&wire.specimen_id, line);
        self.records.see(&wire.result_id, line);
        if validate::is_reported_early(&ResultView::of(wire)) {
            self.reported_early.rows += 1;
            if self.reported_early.lines.len() < LINES {
                self.reported_early.lines.push(line);
            }
        }
        self.within.take(line, result);
    }

    /// A contact record that would be taken.
    pub fn contact(&mut self, contact: &v1::ContactRecord, line: u64) {
        self.people.see(&contact.person_id, line);
        self.people.see(&contact.index_person_id, line);
        self.records.see(&contact.record_id, line);
    }

    /// A warning for each cause there is.
    pub fn warnings(self) -> Vec<Warning> {
        let mut warnings = self.within.warnings();
        warnings.extend([
            alike(
                self.people.found(),
                "person ids that look the same as another (upper and lower case, width, composition of \
                accents): each spelling is another person",
            ),
            alike(
                self.specimens.found(),
                "specimen ids that look the same as another (upper and lower case, width, \
                composition of accents): each spelling is another specimen",
            ),
            alike(
                self.records.found(),
                "ids of results or records that look the same as another (upper and lower case, width, \
                composition of accents): each spelling is another one",
            ),
            self.reported_early,
        ]);
        warnings.retain(|warning| warning.rows > 0);
        warnings
    }
}

fn alike(found: &Found, text: &'static str) -> Warning {
    Warning { text, rows: found.ids, lines: found.lines.iter().flat_map(|(first, other)| [*first, *other]).collect() }
}
