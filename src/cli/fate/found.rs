//! What topics hold of one result.

use super::records::{Letter, Version};
use crate::audit::arrived::Usable;
use crate::audit::content;
use crate::cli::deadletters::{letter, scan};
use crate::cli::reading;
use crate::config::KafkaConfig;
use crate::model::ids::Secret;
use crate::model::record::{Position, Record, Topic};
use crate::pipeline::decode;
use crate::policy::Rules;
use crate::proto::v1::{Alert, LabResult, ProcessingMode};
use prost::Message as _;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

/// The result that is asked for.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) lab: String,
    pub(super) result: String,
}

impl Wanted {
    fn is(&self, lab_id: &str, result_id: &str) -> bool {
        self.lab == lab_id && self.result == result_id
    }

    fn is_named_by(&self, alert: &Alert) -> bool {
        alert.positives.iter().any(|one| self.is(&one.lab_id, &one.result_id))
            || alert.causes.iter().any(|cause| self.is(&cause.lab_id, &cause.record_id))
    }
}

/// All that is known of it.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) wanted: Wanted,
    rules: Arc<Rules>,
    secret: Secret,
    /// Its records, in the order in which they were received.
    pub(super) versions: Vec<Version>,
    /// Records of other results of the laboratory of which one says that it replaces it, in the same order.
    pub(super) replacing: Vec<Version>,
    /// Its dead letters.
    pub(super) letters: Vec<Letter>,
    /// Alerts that name it, as they were last published.
    pub(super) alerts: BTreeMap<String, Alert>,
    /// How far tasks have read, by partition.
    pub(super) read_until: BTreeMap<(Topic, i32), i64>,
    /// The first offset there still is, by partition.
    pub(super) first: BTreeMap<(Topic, i32), i64>,
}

impl Found {
    pub(super) fn new(wanted: Wanted, rules: Arc<Rules>, secret: Secret) -> Self {
        Self {
            wanted,
            rules,
            secret,
            versions: Vec::new(),
            replacing: Vec::new(),
            letters: Vec::new(),
            alerts: BTreeMap::new(),
            read_until: BTreeMap::new(),
            first: BTreeMap::new(),
        }
    }

    /// Looks through the topics. Whether anybody still reads what comes of it.
    pub(super) fn read(&mut self, kafka: &KafkaConfig) -> anyhow::Result<bool> {
        let reads_on = reading::to_the_end(kafka, &[Topic::LabResults], &mut |record| self.take_result(record))?
            && scan::each(kafka, true, &mut |letter| {
                self.take_letter(letter);
                Ok(ControlFlow::Continue(()))
            })?
            && reading::to_the_end(kafka, &[Topic::Alerts], &mut |record| self.take_alert(record))?;
        for versions in [&mut self.versions, &mut self.replacing] {
            versions.sort_by_key(|version| (version.received_at, version.place));
        }
        Ok(reads_on)
    }

    /// Whether nothing of it was taken, nor waits to be.
    pub(super) fn is_lost(&self) -> bool {
        self.versions.iter().all(|version| self.is_refused(version))
    }

    /// Whether a record could not be used.
    pub(super) fn is_refused(&self, version: &Version) -> bool {
        self.letter_of(version).is_some_and(|letter| !letter.is_conflict())
    }

    /// Whether the record that lay there is known.
    pub(super) fn has_record(&self, origin: Option<Position>) -> bool {
        self.versions.iter().chain(&self.replacing).any(|version| origin == Some(version.place))
    }

    /// The dead letter of a record.
    pub(super) fn letter_of(&self, version: &Version) -> Option<&Letter> {
        self.letters.iter().rfind(|letter| letter.origin == Some(version.place))
    }

    pub(super) fn take_result(&mut self, record: &Record<'_>) {
        let Ok(read) = decode::result_in_place(record, usize::MAX) else { return };
        let view = read.view();
        if self.wanted.is(view.lab_id, view.result_id) {
            self.versions.push(self.version(record));
        } else if self.wanted.is(view.lab_id, view.replaces_result_id) || self.is_replacing(view.lab_id, view.result_id)
        {
            self.replacing.push(self.version(record));
        }
    }

    /// Whether a version of a result is known that replaces it: a later one may do so no more.
    fn is_replacing(&self, lab_id: &str, result_id: &str) -> bool {
        lab_id == self.wanted.lab && self.replacing.iter().any(|one| one.result.result_id == result_id)
    }

    fn version(&self, record: &Record<'_>) -> Version {
        let mut result = decode::result(record, usize::MAX).unwrap_or_default();
        // As the processor holds it: another name of a target is the same target.
        if let Some(target) = self.rules.target(&result.target) {
            self.rules.target_id(target).clone_into(&mut result.target);
        }
        // What lacks its time was set aside: it is compared with nothing.
        let is_timed = result.collected_at.is_some();
        let content = || content::of(&Usable::Result(result.clone()), &self.secret, &self.rules);
        Version {
            place: record.position,
            received_at: record.received_at,
            content: if is_timed { content() } else { 0 },
            is_drill: result.mode() == ProcessingMode::Training,
            result,
        }
    }

    pub(super) fn take_letter(&mut self, letter: &letter::Letter<'_>) {
        let names_it = || {
            let read = decode::result(&letter.original(), usize::MAX);
            letter.lab().is_some()
                && read.is_ok_and(|LabResult { lab_id, result_id, .. }| self.wanted.is(&lab_id, &result_id))
        };
        if self.has_record(letter.origin) || names_it() {
            self.letters.push(Letter {
                place: letter.record.position,
                origin: letter.origin,
                received_at: letter.received_at,
                code: letter.code,
                field: letter.field.to_owned(),
            });
        }
    }

    pub(super) fn take_alert(&mut self, record: &Record<'_>) {
        let Some(Ok(alert)) = record.payload.map(Alert::decode) else { return };
        // Also one that names it no more: what is shown is its last state.
        if self.wanted.is_named_by(&alert) || self.alerts.contains_key(&alert.alert_id) {
            self.alerts.insert(alert.alert_id.clone(), alert);
        }
    }
}
