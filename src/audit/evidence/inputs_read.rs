//! Records of the inputs as they are read: what each is, and what of it may count once all is read.

use super::setting::Setting;
use crate::audit::arrived::{Arrived, Usable};
use crate::audit::content;
use crate::audit::cut::{Cut, lies_before};
use crate::audit::dead_letters::{self, Inputs};
use crate::audit::inputs::{self, EarlierReading, Faults, Input, UsableEarlier};
use crate::audit::rules::RulesFound;
use crate::model::outcome::RejectCode;
use crate::model::record::{Position, Record, Topic};
use crate::model::time::Timestamp;
use crate::proto::v1::LabResult;
use std::collections::{BTreeMap, BTreeSet};

/// What was read of the inputs.
#[derive(Debug, Default)]
pub struct InputsRead {
    /// Time of the first record of each input partition that is left.
    pub(super) first_received: BTreeMap<(Topic, i32), Timestamp>,
    /// Fingerprint of every record of the inputs, and of every batch that was read.
    pub(super) fingerprints: BTreeMap<Position, u64>,
    pub(super) refused: BTreeMap<Position, Faults>,
    /// Of those, what may have been in order by the rules and the limit of size that held when it was read.
    pub(super) usable_then: BTreeMap<Position, Arrived>,
    /// Of those, what earlier versions took if nothing refused it then.
    pub(super) usable_earlier: BTreeMap<Position, ArrivedEarlier>,
    /// Of those, what an earlier version took.
    pub(super) taken_earlier: BTreeSet<Position>,
    /// Records that versions before this one may have refused for how they are written.
    pub(super) read_otherwise_earlier: BTreeMap<Position, EarlierReading>,
    /// Results of pools and records of key groups, whatever is wrong with them: versions before this one refused all of
    /// them, and this one does while such run beside it.
    pub(super) newer: BTreeSet<Position>,
    /// Records that were judged by other rules, another limit of size or another version, and otherwise.
    pub(super) judged_otherwise: u64,
    pub(super) arrived: Vec<Arrived>,
    pub(super) places: Vec<Position>,
    pub(super) marks: BTreeSet<Position>,
}

/// What earlier versions took of what this one refuses, if nothing refused it then.
#[derive(Debug)]
pub struct ArrivedEarlier {
    pub(super) arrived: Arrived,
    /// Nothing can have refused it then.
    pub(super) certain: bool,
}

impl InputsRead {
    /// Takes the next record of an input. Returns the result that it is, whatever is wrong with it, if it can be read at all.
    pub fn take(&mut self, record: &Record<'_>, setting: &Setting) -> Option<LabResult> {
        let place = record.position;
        let source = (place.topic, place.partition);
        self.first_received.entry(source).or_insert(record.received_at);
        self.fingerprint(record);
        self.read_otherwise_earlier.extend(EarlierReading::of(record).map(|then| (place, then)));
        let Setting { rules: RulesFound { rules, changed }, secret, max_record_bytes, .. } = setting;
        let arrived = |usable: Usable| {
            let content = content::of(&usable, secret, rules);
            Arrived {
                at: record.received_at,
                record: usable,
                content,
                move_in_flight: false,
                unheard_by: BTreeSet::new(),
                by_pool: false,
            }
        };
        match inputs::read(record, rules, *max_record_bytes) {
            Input::Mark => {
                self.marks.insert(place);
                None
            }
            Input::Refused(faults) => {
                let of_lab = (!faults.contains(&RejectCode::TooLarge)).then(|| inputs::lab_result(record)).flatten();
                self.newer.extend(inputs::says_newer(record).then_some(place));
                if let Some(usable) = inputs::usable_then(record, &faults, rules, *changed) {
                    self.usable_then.insert(place, arrived(usable));
                } else if let Some(UsableEarlier { usable, certain }) =
                    inputs::usable_earlier(record, rules, *max_record_bytes, *changed)
                {
                    self.usable_earlier.insert(place, ArrivedEarlier { arrived: arrived(usable), certain });
                }
                self.refused.insert(place, faults);
                of_lab
            }
            Input::Usable(usable) => {
                self.newer.extend(inputs::is_newer(&usable).then_some(place));
                let of_lab = usable.as_result().map(|result| LabResult {
                    lab_id: result.lab_id.clone(),
                    result_id: result.result_id.clone(),
                    ..LabResult::default()
                });
                self.arrived.push(arrived(*usable));
                self.places.push(place);
                of_lab
            }
        }
    }

    /// Notes what a record is by its bytes: of an input, or of a batch that was read.
    pub fn fingerprint(&mut self, record: &Record<'_>) {
        self.fingerprints.insert(record.position, dead_letters::fingerprint(record, None));
    }

    /// Forgets what lies before these offsets; `cut` still has those known before.
    pub fn forget_before(&mut self, first: &BTreeMap<(Topic, i32), i64>, cut: &Cut) {
        let is_gone = |place: &Position| lies_before(first, place);
        self.keep(|place| !is_gone(place));
        self.refused.retain(|place, _| !is_gone(place));
        self.usable_then.retain(|place, _| !is_gone(place));
        self.usable_earlier.retain(|place, _| !is_gone(place));
        let moved: BTreeSet<_> = first.iter().filter(|(source, at)| cut.first.get(source) != Some(at)).collect();
        self.first_received.retain(|source, _| !moved.iter().any(|(of, _)| *of == source));
        for (arrived, place) in self.arrived.iter().zip(&self.places) {
            self.first_received.entry((place.topic, place.partition)).or_insert(arrived.at);
        }
    }

    /// What checks look at.
    pub fn view(&self) -> Inputs<'_> {
        Inputs {
            refused: &self.refused,
            arrived: &self.arrived,
            places: &self.places,
            marks: &self.marks,
            fingerprints: &self.fingerprints,
            judged_otherwise: self.judged_otherwise,
            taken_earlier: &self.taken_earlier,
        }
    }

    /// Keeps some of the usable inputs.
    pub(super) fn keep(&mut self, wanted: impl Fn(&Position) -> bool) {
        let mut places = self.places.iter();
        self.arrived.retain(|_| places.next().is_some_and(&wanted));
        self.places.retain(wanted);
    }
}
