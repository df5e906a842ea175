//! The fate of a result, for eyes and for machines.

use super::found::Found;
use super::judged::{self, Fate};
use super::records::{Letter, Version};
use crate::cli::asked;
use crate::cli::deadletters::{explain, place};
use crate::cli::watch::moment;
use crate::intake::advice;
use crate::model::ids::masked;
use crate::model::outcome::code_text;
use crate::model::record::Topic;
use crate::model::time::Timestamp;
use crate::pipeline::alerting::families;
use crate::policy::Rules;
use crate::proto::v1::{Alert, AlertState, ResultStatus};
use crate::view::texts;
use serde_json::{Value, json};

/// What is told.
pub(super) struct Told<'a> {
    pub(super) found: &'a Found,
    pub(super) rules: &'a Rules,
    /// With ids of people and pools.
    pub(super) whole: bool,
}

impl Told<'_> {
    /// Lines for eyes.
    pub(super) fn text(&self) -> Vec<String> {
        let Found { wanted, versions, alerts, .. } = self.found;
        let mut lines =
            vec![format!("{} {}: {}", wanted.lab, wanted.result, counted(versions.len(), "record")), String::new()];
        for (version, fate) in versions.iter().zip(judged::fates(self.found)) {
            lines.extend(self.record(version, &fate));
        }
        for letter in self.letters_alone() {
            lines.extend(self.letter_alone(letter));
        }
        if lines.len() > 2 {
            lines.push(String::new());
        }
        lines.extend(self.now().into_iter().map(|holds| format!("now: {holds}")));
        if !alerts.is_empty() {
            lines.extend([String::new(), format!("named by {}:", counted(alerts.len(), "alert"))]);
            lines.extend(alerts.values().map(|alert| self.alert(alert)));
        }
        lines.extend(self.notes());
        lines
    }

    /// One object for machines.
    pub(super) fn json(&self) -> String {
        let Found { wanted, versions, replacing, alerts, .. } = self.found;
        let records: Vec<Value> =
            versions.iter().zip(judged::fates(self.found)).map(|(one, fate)| self.record_json(one, &fate)).collect();
        let letters: Vec<Value> = self.letters_alone().map(|letter| self.letter_json(letter)).collect();
        let alerts: Vec<Value> = alerts
            .values()
            .map(|alert| {
                json!({
                    "alert_id": alert.alert_id,
                    "family": families::name(alert.family()),
                    "state": texts::state(alert.state()),
                    "severity": texts::severity(alert.severity()),
                    "version": alert.version,
                })
            })
            .collect();
        json!({
            "lab": wanted.lab,
            "lab_is_registered": self.rules.lab(&wanted.lab).is_some(),
            "result_id": wanted.result,
            "records": records,
            "letters_of_deleted_records": letters,
            "replaced_by": judged::replacement(self.found).map(|version| version.result.result_id.clone()),
            "replacing": replacing.iter().map(|version| place::shown(version.place)).collect::<Vec<_>>(),
            "now": self.now(),
            "alerts": alerts,
            "deleted_partitions": self.deleted(),
        })
        .to_string()
    }

    fn at(&self, at: Timestamp) -> String {
        moment(at, &asked::zone(Some(self.rules)))
    }

    fn subject(&self, version: &Version) -> String {
        let kind = if version.result.pool.is_some() { "pool" } else { "person" };
        let id = version.subject();
        format!("{kind} {}", if self.whole { id.escape_debug().to_string() } else { masked(id) })
    }

    fn record(&self, version: &Version, fate: &Fate) -> Vec<String> {
        let at = place::shown(version.place);
        let mut lines = vec![
            format!("{}  {at}  {}, {}", self.at(version.received_at), said(version), self.subject(version)),
            format!("  → {}", self.fate(version, fate)),
        ];
        lines.extend(self.found.letter_of(version).and_then(action).map(|action| format!("    {action}")));
        lines
    }

    fn record_json(&self, version: &Version, fate: &Fate) -> Value {
        let letter = self.found.letter_of(version);
        let of = match fate {
            Fate::CopyOf(place) | Fate::ReplacedBy(place) | Fate::Outdated(place) => Some(place::shown(*place)),
            _ => None,
        };
        json!({
            "record": place::shown(version.place),
            "received_at": version.received_at.to_string(),
            "revision": version.result.revision,
            "status": status(version),
            "finding": texts::finding(version.result.finding()),
            "subject": self.subject(version),
            "fate": name(fate),
            "of": of,
            "letter": letter.map(|letter| self.letter_json(letter)),
        })
    }

    fn letter_json(&self, letter: &Letter) -> Value {
        json!({
            "letter": place::shown(letter.place),
            "record": letter.origin.map(place::shown),
            "received_at": letter.received_at.map(|at| at.to_string()),
            "code": letter.code.map(code_text),
            "field": letter.field,
            "action": action(letter),
        })
    }

    fn fate(&self, version: &Version, fate: &Fate) -> String {
        let doubt = match self.found.letter_of(version) {
            Some(letter) if letter.is_conflict() => {
                format!(
                    "; set aside too ({}), as another record says something else at the same revision",
                    cause(letter)
                )
            }
            _ => String::new(),
        };
        let what = match fate {
            Fate::Waits => "not read yet".to_owned(),
            Fate::SetAside => {
                let letter = self.found.letter_of(version);
                let why = letter.map_or_else(String::new, |letter| {
                    format!("{}, letter {}", cause(letter), place::shown(letter.place))
                });
                format!("set aside: {why}")
            }
            Fate::Drill => "a training message: counted, and without effect".to_owned(),
            Fate::CopyOf(place) => format!("a copy: {} means the same", place::shown(*place)),
            Fate::Stands if version.withdraws() => "stands: it takes the result back".to_owned(),
            Fate::Stands => "stands".to_owned(),
            Fate::ReplacedBy(place) => format!("replaced by {}", place::shown(*place)),
            Fate::Outdated(place) => format!("came after {}, which outranks it", place::shown(*place)),
        };
        what + &doubt
    }

    /// Letters of records that the topic no longer holds.
    fn letters_alone(&self) -> impl Iterator<Item = &Letter> {
        self.found.letters.iter().filter(|letter| !self.found.has_record(letter.origin))
    }

    fn letter_alone(&self, letter: &Letter) -> Vec<String> {
        let at = letter.received_at.map_or_else(|| "–".to_owned(), |at| self.at(at));
        let origin = letter.origin.map_or_else(|| "a record".to_owned(), place::shown);
        let mut lines = vec![
            format!("{at}  {origin}  deleted by retention since"),
            format!("  → set aside: {}, letter {}", cause(letter), place::shown(letter.place)),
        ];
        lines.extend(action(letter).map(|action| format!("    {action}")));
        lines
    }

    /// What holds of the result now.
    fn now(&self) -> Vec<String> {
        if let Some(by) = judged::replacement(self.found) {
            let (id, at) = (&by.result.result_id, place::shown(by.place));
            return vec![format!("nothing of it holds, as result {id} of the same laboratory replaces it ({at})")];
        }
        let standing = judged::standing(self.found);
        if !standing.is_empty() {
            return standing.into_iter().map(|version| self.holds(version)).collect();
        }
        let has_arrived = !self.found.versions.is_empty() || self.letters_alone().next().is_some();
        let says = match (has_arrived, self.found.is_lost()) {
            (false, _) => "nothing of it has arrived: no record and no dead letter names it",
            (true, true) => "nothing of it holds",
            (true, false) => "nothing of it holds yet, or it was a drill",
        };
        vec![says.to_owned()]
    }

    fn holds(&self, version: &Version) -> String {
        let result = &version.result;
        let subject = self.subject(version);
        if let Some(by) = judged::moved_by(self.found, version) {
            return format!("nothing of it holds for {subject}: moved to another person by {}", place::shown(by.place));
        }
        let collected = result.collected_at.as_ref().and_then(Timestamp::from_wire);
        let day = collected.map_or_else(|| "–".to_owned(), |at| self.rules.day(at).to_string());
        let what =
            format!("{}, swabbed on {day}, {}, area {}", texts::finding(result.finding()), result.purpose, result.area);
        match result.status() {
            _ if version.withdraws() => format!("taken back for {subject}"),
            ResultStatus::Preliminary => format!("preliminary for {subject}: {what}; it counts nowhere yet"),
            _ => format!("it holds for {subject}: {what}"),
        }
    }

    fn alert(&self, alert: &Alert) -> String {
        let withdrawn = match alert.state() {
            AlertState::Withdrawn => format!(", by {}", texts::withdrawn_by(alert)),
            _ => String::new(),
        };
        format!(
            "  {}  {}  {}  {}{withdrawn}",
            alert.alert_id,
            families::name(alert.family()),
            texts::severity(alert.severity()),
            texts::state(alert.state())
        )
    }

    /// Partitions of which retention has deleted something.
    fn deleted(&self) -> Vec<i32> {
        let gone = self.found.first.iter().filter(|((topic, _), first)| *topic == Topic::LabResults && **first > 0);
        gone.map(|((_, partition), _)| *partition).collect()
    }

    fn notes(&self) -> Vec<String> {
        let Found { wanted, .. } = self.found;
        let mut notes = Vec::new();
        if self.rules.lab(&wanted.lab).is_none() {
            notes.push(format!(
                "{} is not in the registry of laboratories: swabstream rules show lists them",
                wanted.lab
            ));
        }
        let deleted = self.deleted().len();
        if deleted > 0 {
            notes.push(format!(
                "of {} retention has deleted the first records: what lay there is not told",
                counted(deleted, "partition")
            ));
        }
        if notes.is_empty() { notes } else { std::iter::once(String::new()).chain(notes).collect() }
    }
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// What a record says of itself.
fn said(version: &Version) -> String {
    let finding = texts::finding(version.result.finding());
    let finding = if finding.is_empty() { String::new() } else { format!(" {finding}") };
    format!("revision {}, {}{finding}", version.result.revision, status(version))
}

fn status(version: &Version) -> String {
    let name = version.result.status().as_str_name();
    name.trim_start_matches("RESULT_STATUS_").to_lowercase().replace('_', " ")
}

fn name(fate: &Fate) -> &'static str {
    match fate {
        Fate::Waits => "not_read_yet",
        Fate::SetAside => "set_aside",
        Fate::Drill => "training",
        Fate::CopyOf(_) => "duplicate",
        Fate::Stands => "stands",
        Fate::ReplacedBy(_) => "replaced",
        Fate::Outdated(_) => "superseded",
    }
}

/// Field and code.
fn cause(letter: &Letter) -> String {
    let code = letter.code.map_or_else(|| "a code of another version".to_owned(), code_text);
    explain::cause(&code, &letter.field, "")
}

/// What to do about it.
fn action(letter: &Letter) -> Option<&'static str> {
    letter.code.map(|code| advice::of(code).action)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fate::found::Wanted;
    use crate::model::ids::Secret;
    use crate::model::outcome::RejectCode;
    use crate::model::record::Position;
    use crate::model::record::Record;
    use crate::policy::sample::sample_rules;
    use crate::proto::v1::{Finding, LabResult, ProcessingMode};
    use prost::Message as _;
    use std::sync::Arc;

    const NOON: i64 = 1_668_139_200_000;

    fn place(partition: i32, offset: i64) -> Position {
        Position { topic: Topic::LabResults, partition, offset }
    }

    fn result() -> LabResult {
        LabResult {
            lab_id: "LAB-1".into(),
            result_id: "R1".into(),
            status: ResultStatus::Final as i32,
            person_id: "PERSON-ONE".into(),
            specimen_id: "S1".into(),
            target: "sars-cov-2".into(),
            collected_at: Some(Timestamp(NOON).to_wire()),
            area: "D1S1".into(),
            purpose: "screening".into(),
            finding: Finding::Negative as i32,
            ..LabResult::default()
        }
    }

    /// What is found of these records of one partition, of which all but the last so many were read.
    fn found(records: &[LabResult], unread: i64) -> Found {
        let wanted = Wanted { lab: "LAB-1".into(), result: "R1".into() };
        let mut found = Found::new(wanted, Arc::new(sample_rules()), Secret::new([7; 16]));
        for (offset, result) in (0..).zip(records) {
            let payload = result.encode_to_vec();
            found.take_result(&Record {
                position: place(0, offset),
                received_at: Timestamp(NOON + offset),
                key: None,
                payload: Some(&payload),
                content_type: None,
            });
        }
        found.read_until.insert((Topic::LabResults, 0), records.len() as i64 - unread);
        found
    }

    fn revised(revision: u32, status: ResultStatus, finding: Finding) -> LabResult {
        LabResult { revision, status: status as i32, finding: finding as i32, ..result() }
    }

    fn text(found: &Found) -> String {
        Told { found, rules: &sample_rules(), whole: false }.text().join("\n")
    }

    #[test]
    fn every_record_of_a_result_has_its_fate_and_what_holds_is_said() {
        let corrected = revised(2, ResultStatus::Corrected, Finding::Positive);
        let late = revised(1, ResultStatus::Corrected, Finding::Inconclusive);
        let drill = LabResult { mode: ProcessingMode::Training as i32, ..result() };
        let other = LabResult { result_id: "R2".into(), ..result() };
        let found = found(
            &[
                result(),
                result(),
                other,
                corrected,
                late,
                drill,
                revised(3, ResultStatus::Cancelled, Finding::Positive),
            ],
            1,
        );
        let fates = judged::fates(&found);
        let [first, corrected] = [place(0, 0), place(0, 3)];
        let wanted = [
            Fate::ReplacedBy(corrected),
            Fate::CopyOf(first),
            Fate::Stands,
            Fate::Outdated(corrected),
            Fate::Drill,
            Fate::Waits,
        ];
        assert_eq!(fates, wanted);
        let text = text(&found);
        for words in [
            "LAB-1 R1: 6 records",
            "a copy: lab-results/0/0 means the same",
            "now: it holds for person PE…(10): positive",
            "not read yet",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        assert!(!text.contains("PERSON-ONE") && !found.is_lost(), "{text}");
    }

    #[test]
    fn what_was_set_aside_says_why_and_what_to_do_and_is_lost_alone() {
        let mut found = found(&[result()], 0);
        let letter = Letter {
            place: Position { topic: Topic::DeadLetters, partition: 0, offset: 7 },
            origin: Some(place(0, 0)),
            received_at: Some(Timestamp(NOON)),
            code: Some(RejectCode::UnknownArea),
            field: "area".into(),
        };
        found.letters.push(letter.clone());
        let said = text(&found);
        let action = advice::of(RejectCode::UnknownArea).action;
        for words in ["→ set aside: area: unknown_area, letter dead-letters/0/7", action, "now: nothing of it holds"]
        {
            assert!(said.contains(words), "{words}: {said}");
        }
        assert!(found.is_lost());
        // Two that contradict each other are set aside, and one of them holds.
        found.letters[0].code = Some(RejectCode::Conflict);
        assert!(text(&found).contains("→ stands; set aside too (area: conflict)") && !found.is_lost());
        // Retention has deleted the record, not its letter.
        found.versions.clear();
        found.letters = vec![letter];
        found.first.insert((Topic::LabResults, 0), 5);
        let said = text(&found);
        assert!(
            said.contains("lab-results/0/0  deleted by retention since") && said.contains("of 1 partition retention"),
            "{said}"
        );
        assert!(found.is_lost());
    }

    #[test]
    fn what_is_replaced_moved_or_never_came_says_so() {
        let replacing = LabResult { result_id: "R2".into(), replaces_result_id: "R1".into(), ..result() };
        assert!(
            text(&found(&[result(), replacing.clone()], 0))
                .contains("as result R2 of the same laboratory replaces it (lab-results/0/1)")
        );
        let mut aside = found(&[result(), replacing.clone()], 0);
        aside.letters.push(Letter {
            place: Position { topic: Topic::DeadLetters, partition: 0, offset: 7 },
            origin: Some(place(0, 1)),
            received_at: None,
            code: Some(RejectCode::UnknownArea),
            field: "area".into(),
        });
        let said = text(&aside);
        assert!(said.contains("now: it holds for person"), "what was set aside replaces nothing: {said}");
        assert!(!said.contains("unknown_area"), "that is another result's: {said}");
        let unread = text(&found(&[result(), replacing.clone()], 1));
        assert!(unread.contains("now: it holds for person"), "{unread}");
        let other = LabResult { replaces_result_id: "R3".into(), revision: 1, ..replacing.clone() };
        let said = text(&found(&[result(), replacing.clone(), other], 0));
        assert!(said.contains("now: it holds for person"), "its later version replaces another one: {said}");
        let error = LabResult { status: ResultStatus::EnteredInError as i32, revision: 1, ..replacing.clone() };
        assert!(text(&found(&[result(), replacing, error], 0)).contains("now: it holds for person"));
        let moved = LabResult {
            person_id: "PERSON-TWO".into(),
            previous_person_id: "PERSON-ONE".into(),
            revision: 1,
            ..result()
        };
        let said = text(&found(&[result(), moved], 0));
        assert!(
            said.contains("moved to another person by lab-results/0/1") && said.matches("now: ").count() == 2,
            "{said}"
        );
        let mut never = found(&[], 0);
        never.wanted.lab = "LAB-99".into();
        let said = text(&never);
        assert!(said.contains("nothing of it has arrived") && said.contains("LAB-99 is not in the registry"), "{said}");
        let value: Value =
            serde_json::from_str(&Told { found: &never, rules: &sample_rules(), whole: true }.json()).expect("JSON");
        assert_eq!((&value["records"], &value["lab_is_registered"]), (&json!([]), &json!(false)));
        assert_eq!(value["now"], json!(["nothing of it has arrived: no record and no dead letter names it"]));
    }
}
