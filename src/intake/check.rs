//! Judges the rows of a file by the processor's own decoding and validation, without Kafka.
//!
//! In: a [`Reader`], the rules (or none: then only what the contract itself demands), the time of receipt. Out: a
//! [`Judged`] per row and a [`Summary`] in which every row is counted once. Memory is the same for any number of rows;
//! an error is the file's, or of the disk on which rows wait to be held against each other ([`NoRoom`]).
//!
//! [`NoRoom`]: super::scratch::NoRoom

use super::arrivals::{Arrivals, Bounds, Outliers};
use super::formats::ndjson;
use super::ids;
use super::item::{Content, ContentType, Fault, Message};
use super::kind::Kind;
use super::map::Map;
use super::notes::Notes;
use super::reader::Reader;
use super::tally::Tally;
use super::within::Warning;
use crate::model::outcome::{Reject, RejectCode};
use crate::model::record::{Position, Record};
use crate::model::result::LabResult;
use crate::model::time::{Day, Timestamp};
use crate::pipeline::decode::result_view::ResultView;
use crate::pipeline::decode::{self, groups, json, pool, validate};
use crate::policy::Rules;
use crate::policy::years::Years;
use crate::proto::v1;
use std::collections::BTreeMap;
use std::io;

/// What a file is held against.
pub struct Checker<'a> {
    /// What the rows are.
    pub kind: Kind,
    /// The rules in force; without them areas, labs, purposes and times of receipt are not checked.
    pub rules: Option<&'a Rules>,
    /// Largest record, in bytes of key and payload.
    pub limit: usize,
    /// When the rows count as received.
    pub received: Received,
    /// Whether to give up while rows are held against each other, after all were read.
    pub stop: fn() -> bool,
}

/// When rows count as received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// All at one time.
    At(Timestamp),
    /// Each when it arrived in the past: as the map says, or when it was reported.
    OnArrival {
        /// The time now: later, no row can have arrived.
        now: Timestamp,
        /// The last arrival there can be, where somebody says so.
        until: Option<Timestamp>,
    },
}

/// A row and what was found.
#[derive(Debug)]
pub struct Judged<'a> {
    /// Line it begins on.
    pub line: u64,
    /// What was found.
    pub verdict: Verdict,
    /// The record, where there is one; also of rows refused by validation.
    pub parcel: Option<Parcel<'a>>,
}

/// What was found of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It would be taken.
    Valid,
    /// It would end in `dead-letters`.
    Refused(Fault),
    /// Left out by the map's rule of this number.
    Skipped(usize),
}

/// A record that can be sent.
#[derive(Debug)]
pub struct Parcel<'a> {
    /// Key; empty when the message could not be read.
    pub key: String,
    /// Payload and what it is.
    pub message: &'a Message,
    /// When it counts as received; `None` when that could not be known.
    pub received_at: Option<Timestamp>,
}

/// Counts over a file. Rows = valid + refused + skipped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows read.
    pub rows: u64,
    /// Rows that would be taken.
    pub valid: u64,
    /// Rows that would be refused, by code number.
    pub refused: BTreeMap<i32, u64>,
    /// Rows left out, by number of the map's rule.
    pub skipped: BTreeMap<usize, u64>,
    /// What is worth a look in the rows that would be taken, by themselves and held against each other.
    pub warnings: Vec<Warning>,
    /// What the lines of the file were.
    pub file: Tally,
    /// Rows that were found to be wrong only at the end: they are among the refused, and must not be sent.
    pub outliers: Outliers,
}

impl Summary {
    /// All rows refused.
    pub fn refused_total(&self) -> u64 {
        self.refused.values().sum()
    }

    fn count(&mut self, verdict: &Verdict) {
        self.rows += 1;
        match verdict {
            Verdict::Valid => self.valid += 1,
            Verdict::Refused(fault) => *self.refused.entry(fault.reject.code as i32).or_default() += 1,
            Verdict::Skipped(rule) => *self.skipped.entry(*rule).or_default() += 1,
        }
    }
}

impl Checker<'_> {
    /// Judges every row, in order of the file.
    pub fn run(&self, reader: &mut Reader, take: &mut dyn FnMut(Judged<'_>)) -> io::Result<Summary> {
        let (mut summary, mut notes) = (Summary::default(), Notes::new(self.stop));
        let mut arrivals = self.arrivals(reader.map());
        while let Some(item) = reader.next_item()? {
            let judged = match &item.content {
                Content::Message(message) => {
                    let judged = self.judge(item.line, message, reader.map(), &mut notes);
                    self.arrived(judged, reader.map(), arrivals.as_mut())
                }
                Content::Refused(fault) => {
                    Judged { line: item.line, verdict: Verdict::Refused(fault.clone()), parcel: None }
                }
                Content::Skipped(rule) => Judged { line: item.line, verdict: Verdict::Skipped(*rule), parcel: None },
            };
            notes.are_kept()?;
            summary.count(&judged.verdict);
            take(judged);
        }
        let place = |field: &str| reader.map().and_then(|map| map.place_of(field, &[]));
        summary.warnings = notes.warnings(&|field| place(field).unwrap_or_else(|| format!("`{field}`")))?;
        summary.outliers = arrivals.as_ref().map(Arrivals::outliers).unwrap_or_default();
        self.refuse_outliers(&mut summary, reader.map(), take);
        summary.file = reader.tally();
        Ok(summary)
    }

    /// What the arrivals of past data are held against.
    fn arrivals(&self, map: Option<&Map>) -> Option<Arrivals> {
        let Received::OnArrival { now, until } = self.received else { return None };
        let said = map.map_or(Bounds::default(), Map::arrivals);
        Some(Arrivals::new(now, Bounds { until: until.or(said.until), ..said }))
    }

    /// Refuses a row that cannot have arrived when it says, whatever else is wrong with it: by that time it was judged,
    /// and with that time it would be sent.
    fn arrived<'m>(&self, judged: Judged<'m>, map: Option<&Map>, arrivals: Option<&mut Arrivals>) -> Judged<'m> {
        let at = judged.parcel.as_ref().and_then(|parcel| parcel.received_at);
        let (Some(arrivals), Some(at)) = (arrivals, at) else { return judged };
        match arrivals.objection(at) {
            Some(objection) => {
                let verdict = Verdict::Refused(fault_of_arrival(map, objection));
                Judged { verdict, parcel: None, ..judged }
            }
            None => {
                arrivals.note(judged.line, at, judged.verdict == Verdict::Valid);
                judged
            }
        }
    }

    /// Moves rows that arrived years from the others to the refused, and lists the first of them.
    fn refuse_outliers(&self, summary: &mut Summary, map: Option<&Map>, take: &mut dyn FnMut(Judged<'_>)) {
        let Outliers { rows, lines, .. } = summary.outliers.clone();
        if rows == 0 {
            return;
        }
        summary.valid -= rows;
        *summary.refused.entry(RejectCode::InvalidTime as i32).or_default() += rows;
        let fault = fault_of_arrival(
            map,
            "more than a year from all other rows, and would move time by years; correct it, or say by `--until`, or by \
             `from` and `until` in the map's [history], that it is so",
        );
        for line in lines {
            take(Judged { line, verdict: Verdict::Refused(fault.clone()), parcel: None });
        }
    }

    /// Judges one row.
    pub(super) fn judge<'m>(
        &self,
        line: u64,
        message: &'m Message,
        map: Option<&Map>,
        notes: &mut Notes,
    ) -> Judged<'m> {
        let mut parcel = Parcel { key: String::new(), message, received_at: self.received_at(message, None) };
        let found = match self.kind {
            Kind::Results => self.result(&mut parcel, line, notes),
            Kind::Contacts => self.contact(&mut parcel, line, notes),
            Kind::Groups => self.group(&mut parcel, line, notes),
        };
        let verdict = match found {
            Ok(()) => Verdict::Valid,
            Err(Refusal { reject, why }) => Verdict::Refused(self.fault(message, reject, why, map)),
        };
        Judged { line, verdict, parcel: Some(parcel) }
    }

    fn result(&self, parcel: &mut Parcel<'_>, line: u64, notes: &mut Notes) -> Result<(), Refusal> {
        let wire = decode::result(&self.record(parcel.message), self.limit)?;
        parcel.key = wire.pool.as_ref().map_or(&wire.person_id, |pool| &pool.pool_id).clone();
        parcel.received_at = self.received_at(parcel.message, wire.reported_at.as_ref());
        self.fits(parcel)?;
        let (view, received_at) = (ResultView::of(&wire), self.has_arrived(parcel)?);
        let judged = self.judged(&wire, &view, received_at);
        let why = |reject: Reject| {
            let why = match reject.code {
                RejectCode::InvalidId => ids::of_result(&wire, &reject.field),
                RejectCode::InvalidTime => {
                    years_of(&reject.field, &[("collected_at", &wire.collected_at), ("reported_at", &wire.reported_at)])
                }
                _ => None,
            };
            Refusal { reject, why }
        };
        notes.result(&wire, &judged.map_err(why)?, line);
        if parcel.message.is_released_by_day {
            notes.released_by_day(line);
        }
        self.lab_is_one(&wire)
    }

    /// By the processor's own judges, as far as there are rules.
    fn judged<'w>(
        &'w self,
        wire: &'w v1::LabResult,
        view: &ResultView<'w>,
        received_at: Timestamp,
    ) -> Result<LabResult<'w>, Reject> {
        let (result, place, rules) = match (self.rules, &wire.pool) {
            (Some(rules), Some(pool)) => {
                let (pooled, place) = pool::pooled(wire, pool, received_at, rules)?;
                (pooled.result, place, rules)
            }
            (Some(rules), None) => {
                let (result, place) = validate::result(view, received_at, rules)?;
                (result, place, rules)
            }
            (None, Some(pool)) => return Ok(pool::pooled_without_rules(wire, pool, received_at)?.result),
            (None, None) => {
                validate::result_in_years(view, received_at, &Years::default())?;
                let result = validate::well_formed(view)?;
                return validate::of_somebody(view).map(|()| result);
            }
        };
        // An alias of a target is no other target.
        Ok(LabResult { target: rules.target_id(place.target), ..result })
    }

    /// Where no registry tells which labs there are, a word for none is none.
    fn lab_is_one(&self, wire: &v1::LabResult) -> Result<(), Refusal> {
        let is_registered = self.rules.is_some_and(|rules| rules.lab(&wire.lab_id).is_some());
        let reject = || Reject::new(RejectCode::InvalidId, "lab_id");
        match ids::of_result(wire, "lab_id").filter(|_| !is_registered) {
            Some(why) => Err(Refusal { reject: reject(), why: Some(why) }),
            None => Ok(()),
        }
    }

    fn contact(&self, parcel: &mut Parcel<'_>, line: u64, notes: &mut Notes) -> Result<(), Refusal> {
        let wire: v1::ContactRecord = decode::contact(&self.record(parcel.message), self.limit)?;
        parcel.key.clone_from(&wire.person_id);
        parcel.received_at = self.received_at(parcel.message, wire.reported_at.as_ref());
        self.fits(parcel)?;
        let received_at = self.has_arrived(parcel)?;
        let judged = match self.rules {
            Some(rules) => validate::contact(&wire, received_at, rules)
                .and_then(|record| validate::contact_target(&record, rules).map(drop)),
            None => validate::well_formed_contact(&wire)
                .and_then(|_| validate::contact_of_somebody(&wire))
                .and_then(|()| validate::contact_in_years(&wire, received_at, &Years::default())),
        };
        judged.map_err(|reject| {
            let order = wire.order.unwrap_or_default();
            let times = [
                ("exposure_start", &wire.exposure_start),
                ("exposure_end", &wire.exposure_end),
                ("reported_at", &wire.reported_at),
                ("order.from", &order.from),
                ("order.to", &order.to),
                ("order.ordered_at", &order.ordered_at),
            ];
            let why = match reject.code {
                RejectCode::InvalidId => ids::of_contact(&wire, &reject.field),
                RejectCode::InvalidTime => years_of(&reject.field, &times),
                _ => None,
            };
            Refusal { reject, why }
        })?;
        notes.contact(&wire, line);
        Ok(())
    }

    fn group(&self, parcel: &mut Parcel<'_>, line: u64, notes: &mut Notes) -> Result<(), Refusal> {
        let wire: v1::PersonGroup = decode::group(&self.record(parcel.message), self.limit)?;
        parcel.key.clone_from(&wire.person_id);
        parcel.received_at = self.received_at(parcel.message, wire.reported_at.as_ref());
        self.fits(parcel)?;
        let received_at = self.has_arrived(parcel)?;
        let judged = match self.rules {
            Some(rules) => groups::group(&wire, received_at, rules).map(drop),
            None => groups::by_years(&wire, received_at, &Years::default()).map(drop),
        };
        judged.map_err(|reject| {
            let why = match reject.code {
                RejectCode::InvalidId => ids::of_group(&wire, &reject.field),
                RejectCode::InvalidTime => why_no_day(&wire, &reject.field)
                    .or_else(|| years_of(&reject.field, &[("reported_at", &wire.reported_at)])),
                _ => None,
            };
            Refusal { reject, why }
        })?;
        notes.group(&wire, self.rules, line);
        Ok(())
    }

    /// As the processor will see it. Where it will lie makes no difference to either check.
    fn record<'m>(&self, message: &'m Message) -> Record<'m> {
        Record {
            position: Position { topic: self.kind.topic(), partition: 0, offset: 0 },
            received_at: Timestamp::default(),
            key: None,
            payload: Some(&message.payload),
            content_type: Some(message.content_type.header().as_bytes()),
        }
    }

    /// The key is known only once the message is read, and counts too.
    fn fits(&self, parcel: &Parcel<'_>) -> Result<(), Reject> {
        let fits = parcel.key.len() + parcel.message.payload.len() <= self.limit;
        if fits { Ok(()) } else { Err(Reject::new(RejectCode::TooLarge, "")) }
    }

    fn has_arrived(&self, parcel: &Parcel<'_>) -> Result<Timestamp, Reject> {
        parcel.received_at.ok_or_else(|| Reject::new(RejectCode::MissingField, "reported_at"))
    }

    fn received_at(&self, message: &Message, reported_at: Option<&prost_types::Timestamp>) -> Option<Timestamp> {
        match self.received {
            Received::At(at) => Some(at),
            Received::OnArrival { .. } => message.arrived_at.or_else(|| reported_at.and_then(Timestamp::from_wire)),
        }
    }

    /// What is known of a fault beyond code and field. Never a value, nor a name that the contract does not have.
    fn fault(&self, message: &Message, reject: Reject, why: Option<String>, map: Option<&Map>) -> Fault {
        let place = map.and_then(|map| map.place_of(&reject.field, &message.payload));
        let detail = match (place, why.or_else(|| self.why(message, &reject))) {
            (Some(place), Some(why)) => format!("{place}: {why}"),
            (place, why) => place.or(why).unwrap_or_default(),
        };
        Fault { reject, detail, action: None }
    }

    fn why(&self, message: &Message, reject: &Reject) -> Option<String> {
        let arrival = matches!(self.received, Received::OnArrival { .. }) && message.arrived_at.is_none();
        if reject.code == RejectCode::Malformed
            && let Some(other) = Kind::ALL.into_iter().find(|other| self.reads_as_other(message, *other))
        {
            return Some(format!("it reads as a {}: --kind {}?", other.called(), other.name()));
        }
        match (message.content_type, reject.code) {
            (ContentType::Json, RejectCode::Malformed) => column_in(&message.payload, self.kind, &reject.field),
            (ContentType::Json, RejectCode::InvalidTime) => {
                ndjson::time_in_words(&message.payload, &reject.field).map(str::to_owned)
            }
            (_, RejectCode::MissingField) if arrival && reject.field == "reported_at" => {
                Some("of past data a message arrived when it was reported".to_owned())
            }
            _ => None,
        }
    }

    /// Whether a message that is none of this kind is one of another.
    fn reads_as_other(&self, message: &Message, other: Kind) -> bool {
        let record = self.record(message);
        other != self.kind
            && match other {
                Kind::Results => decode::result(&record, self.limit)
                    .is_ok_and(|wire| validate::well_formed(&ResultView::of(&wire)).is_ok()),
                Kind::Contacts => {
                    decode::contact(&record, self.limit).is_ok_and(|wire| validate::well_formed_contact(&wire).is_ok())
                }
                Kind::Groups => decode::group(&record, self.limit).is_ok_and(|wire| groups::well_formed(&wire).is_ok()),
            }
    }
}

/// Of a time that can be read and is refused all the same: why.
fn years_of(field: &str, times: &[(&str, &Option<prost_types::Timestamp>)]) -> Option<String> {
    let (_, at) = times.iter().find(|(name, _)| *name == field)?;
    let at = at.as_ref().and_then(Timestamp::from_wire)?;
    let year = at.to_string().get(..4).and_then(|year| year.parse::<u32>().ok())?;
    Some(match year {
        0..=99 => "in the first century: was the year written with two digits?".to_owned(),
        _ => "lies in no plausible year".to_owned(),
    })
}

/// Of a day that is refused: why.
fn why_no_day(wire: &v1::PersonGroup, field: &str) -> Option<String> {
    let text = match field {
        "first_day" => &wire.first_day,
        "last_day" => &wire.last_day,
        _ => return None,
    };
    let why = match (Day::parse(text), field) {
        (None, _) => "no day such as 2022-11-30",
        (Some(_), "last_day") => "lies in no plausible year; leave it out where nobody knows the end",
        (Some(_), _) => "lies in no plausible year",
    };
    Some(why.to_owned())
}

/// Where in a line JSON ends to be JSON, or to be the message.
fn column_in(line: &[u8], kind: Kind, field: &str) -> Option<String> {
    let broken = serde_json::from_slice::<serde::de::IgnoredAny>(line).err();
    let no_json = broken.map(|error| format!("no JSON from column {} on", error.column()));
    let what = if field.ends_with('?') { "a name that the contract does not have, " } else { "" };
    let no_message = || {
        let column = json::column_of_fault(line, kind.message()).filter(|column| *column > 0)?;
        Some(format!("{what}at column {column}"))
    };
    no_json.or_else(no_message)
}

/// An arrival that cannot be right: of the map's column, else of the messages' own time.
fn fault_of_arrival(map: Option<&Map>, why: &str) -> Fault {
    match map {
        Some(map) => {
            let field = "history.arrived_at";
            let place = map.place_of(field, &[]).map_or(String::new(), |place| format!("{place}: "));
            Fault::new(RejectCode::InvalidTime, field, format!("{place}arrived {why}"))
        }
        None => Fault::new(RejectCode::InvalidTime, "reported_at", format!("arrived {why}")),
    }
}

/// Why a row is refused, and what is known of that beyond code and field.
struct Refusal {
    reject: Reject,
    why: Option<String>,
}

impl From<Reject> for Refusal {
    fn from(reject: Reject) -> Self {
        Self { reject, why: None }
    }
}
