//! What is shown of a record, and how.

use super::args::{WatchArgs, What};
use super::lines;
use crate::cli::asked;
use crate::model::ids::masked;
use crate::model::record::Record;
use crate::pipeline::decode::json;
use crate::policy::Rules;
use crate::proto::v1::{Alert, AreaPositivity, AreaTier};
use jiff::tz::TimeZone;
use prost::Message;
use std::collections::BTreeSet;
use std::io::Write;

/// What is shown of a record, and how.
pub(super) struct Shown<'a> {
    pub(super) args: &'a WatchArgs,
    rules: Option<&'a Rules>,
    /// Where days begin; UTC where no rules say.
    zone: TimeZone,
    /// Codes of the area that is asked for and of all below it; none where all are.
    pub(super) areas: Option<BTreeSet<&'a str>>,
}

impl<'a> Shown<'a> {
    pub(super) fn new(args: &'a WatchArgs, rules: Option<&'a Rules>) -> Self {
        let zone = asked::zone(rules);
        Self { args, rules, zone, areas: args.area.as_deref().map(|area| with_those_below(area, rules)) }
    }

    /// The line above the lines.
    pub(super) fn begin(&self, out: &mut dyn Write) -> std::io::Result<()> {
        if self.args.json { Ok(()) } else { writeln!(out, "{}", lines::header(self.args.what)) }
    }

    /// The line of a record; none for another area's, for tombstones, and for what is none of the contract.
    pub(super) fn line(&self, record: &Record<'_>) -> Option<String> {
        let payload = record.payload?;
        match self.args.what {
            What::Alerts => {
                let mut alert = Alert::decode(payload).ok().filter(|alert| self.wants(&alert.area))?;
                if !self.args.show_ids {
                    mask(&mut alert);
                }
                let (name, target) = (self.name(&alert.area), self.target(&alert.target));
                let text = || lines::alert(&alert, record.received_at, &self.zone, &name, target);
                Some(self.form(&alert, "swabstream.v1.Alert", text))
            }
            What::Positivity => {
                let numbers = AreaPositivity::decode(payload).ok().filter(|numbers| self.wants(&numbers.area))?;
                let days = self.args.window.parse().unwrap_or(7);
                let (name, target) = (self.name(&numbers.area), self.target(&numbers.target));
                let text = || lines::positivity(&numbers, days, &self.zone, &name, target);
                Some(self.form(&numbers, "swabstream.v1.AreaPositivity", text))
            }
            What::Tiers => {
                let tier = AreaTier::decode(payload).ok().filter(|tier| self.wants(&tier.area))?;
                let text = || lines::tier(&tier, &self.name(&tier.area), self.target(&tier.target));
                Some(self.form(&tier, "swabstream.v1.AreaTier", text))
            }
        }
    }

    fn wants(&self, area: &str) -> bool {
        self.areas.as_ref().is_none_or(|wanted| wanted.contains(area))
    }

    fn form<M: Message>(&self, message: &M, name: &str, text: impl Fn() -> String) -> String {
        if self.args.json { json::encode(message, name) } else { text() }
    }

    /// What earlier versions wrote names no target, and is of the first.
    fn target<'b>(&'b self, id: &'b str) -> &'b str {
        self.rules.map_or(id, |rules| rules.id_of_stored(id))
    }

    /// The code of an area, and its name where it has one.
    fn name(&self, code: &str) -> String {
        let areas = self.rules.map(|rules| &rules.areas);
        let name = areas.and_then(|areas| Some(areas.list[areas.index(code)? as usize].name.as_str()));
        match name.filter(|name| !name.is_empty() && *name != code) {
            Some(name) => format!("{code} {name}"),
            None => code.to_owned(),
        }
    }
}

/// The area and all that lay below it at any time: an alert is of the day it happened on.
fn with_those_below<'a>(area: &'a str, rules: Option<&'a Rules>) -> BTreeSet<&'a str> {
    let mut all = BTreeSet::from([area]);
    let Some((areas, above)) = rules.and_then(|rules| Some((&rules.areas, rules.areas.index(area)?))) else {
        return all;
    };
    for (index, below) in (0..).zip(&areas.list) {
        if (0..areas.periods.len()).any(|period| areas.lineage(period, index).contains(&above)) {
            all.insert(&below.code);
        }
    }
    all
}

/// Nothing is left by which a person, a pool or the specimen could be recognised.
pub fn mask(alert: &mut Alert) {
    let contacts = alert.exposed_to.iter_mut().chain(&mut alert.to_trace).map(|contact| &mut contact.person_id);
    let members = alert.members.iter_mut().map(|member| &mut member.person_id);
    let tubes = alert.positives.iter_mut().map(|result| &mut result.specimen_id);
    let own = [&mut alert.person_id, &mut alert.specimen_id, &mut alert.pool_id];
    for id in contacts.chain(members).chain(tubes).chain(own) {
        if !id.is_empty() {
            *id = masked(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::{Position, Topic};
    use crate::model::time::Timestamp;
    use crate::proto::v1::{
        AlertFamily, AlertState, Cause, CauseKind, Finding, MatchedContact, MemberOfPool, PositiveResult, ResultStatus,
    };
    use clap::Parser as _;

    #[derive(clap::Parser)]
    struct Command {
        #[command(flatten)]
        args: WatchArgs,
    }

    fn line(options: &[&str], alert: &Alert) -> Option<String> {
        let args = ["watch", "alerts", "--config", "x.toml"].into_iter().chain(options.iter().copied());
        let command = Command::parse_from(args);
        let payload = alert.encode_to_vec();
        let position = Position { topic: Topic::Alerts, partition: 0, offset: 0 };
        let received_at = Timestamp(1_668_130_000_000);
        let record = Record { position, received_at, key: None, payload: Some(&payload), content_type: None };
        let rules = crate::policy::sample::sample_rules();
        Shown::new(&command.args, Some(&rules)).line(&record)
    }

    fn alert() -> Alert {
        let contact = MatchedContact { person_id: "SOMEBODY-ELSE".to_owned(), ..MatchedContact::default() };
        Alert {
            alert_id: "0123456789abcdef0123456789abcdef".to_owned(),
            person_id: "PERSON-ONE".to_owned(),
            specimen_id: "BARCODE-ONE".to_owned(),
            area: "D1".to_owned(),
            exposed_to: vec![contact.clone()],
            to_trace: vec![contact],
            ..Alert::default()
        }
    }

    #[test]
    fn nobody_is_shown_whole_unless_asked_for() {
        for options in [&[][..], &["--json"]] {
            let shown = line(options, &alert()).expect("a line");
            for id in ["PERSON-ONE", "SOMEBODY-ELSE", "BARCODE-ONE"] {
                assert!(!shown.contains(id), "{shown}");
            }
            assert!(shown.contains("PE…(10)"), "{shown}");
        }
        let member = MemberOfPool { person_id: "SOMEBODY-ELSE".to_owned(), ..MemberOfPool::default() };
        let tube = PositiveResult { specimen_id: "BARCODE-ONE".to_owned(), ..PositiveResult::default() };
        let pool = Alert {
            family: AlertFamily::PoolPositive as i32,
            pool_id: "POOL-ONE".to_owned(),
            specimen_id: "BARCODE-ONE".to_owned(),
            finding: Finding::Positive as i32,
            members: vec![member],
            positives: vec![tube],
            awaited: 1,
            recall_by: Some(Timestamp(1_668_130_000_000).to_wire()),
            ..Alert::default()
        };
        let shown = line(&[], &pool).expect("a line");
        assert!(
            shown.contains("positive, 1 of 1 members awaited, to be tested by 2022-11-11T09:26:40+08:00"),
            "{shown}"
        );
        let shown = line(&["--json"], &pool).expect("a line");
        assert!(["POOL-ONE", "SOMEBODY-ELSE", "BARCODE-ONE"].iter().all(|id| !shown.contains(id)), "{shown}");
        let whole = line(&["--json", "--show-ids"], &alert()).expect("a line");
        assert!(whole.contains("PERSON-ONE") && whole.contains("SOMEBODY-ELSE"), "{whole}");
    }

    /// Its days are those of the zone: a clock of another one beside them would put it on the wrong day.
    #[test]
    fn the_time_of_publishing_is_by_the_clock_that_days_go_by() {
        assert!(line(&[], &alert()).expect("a line").starts_with("2022-11-11T09:26:40+08:00 "));
    }

    #[test]
    fn an_area_is_shown_by_code_and_name() {
        let rules = crate::policy::sample::sample_rules();
        let name = &rules.areas.list[rules.areas.index("D1").expect("known") as usize].name;
        let shown = line(&[], &alert()).expect("a line");
        assert!(shown.contains(&format!(" D1 {name} ")), "{shown}");
    }

    #[test]
    fn a_withdrawal_says_why_without_any_id_but_the_labs() {
        let cause = Cause {
            kind: CauseKind::Result as i32,
            state: AlertState::Withdrawn as i32,
            record_id: "RECORD-ONE".to_owned(),
            lab_id: "LAB-1".to_owned(),
            revision: 2,
            status: ResultStatus::Corrected as i32,
            finding: Finding::Negative as i32,
            ..Cause::default()
        };
        let withdrawn = Alert { state: AlertState::Withdrawn as i32, causes: vec![cause], ..alert() };
        let shown = line(&[], &withdrawn).expect("a line");
        assert!(shown.ends_with("withdrawn by result of LAB-1, revision 2, corrected, negative"), "{shown}");
        assert!(!shown.contains("RECORD-ONE"), "{shown}");
        assert!(!line(&[], &alert()).expect("a line").contains("withdrawn"));
    }

    #[test]
    fn an_area_is_followed_with_those_below_it() {
        let of = |area: &str| Alert { area: area.to_owned(), ..alert() };
        let shown = |followed: &str, area: &str| line(&["--area", followed], &of(area)).is_some();
        assert!(shown("D1", "D1") && shown("D1", "D1S1"), "a street of it");
        assert!(!shown("D2", "D1") && !shown("D2", "D1S1"), "another one's");
        assert!(!shown("D1S1", "D1"), "that above it");
    }
}
