//! Records that cannot be used: every kind a publisher can get wrong, made from a record that was right.

use super::desk::Desk;
use super::message::{Body, FRAMING, JSON, Kind};
use super::pools;
use crate::model::time::{Day, Timestamp};
use crate::policy::Rules;
use crate::proto::v1::{ContactRecord, CtValue, LabResult, PersonGroup, RejectCode, TimePrecision};
use rand::RngExt;

/// An area, a lab, a purpose, a target no registry has.
const UNKNOWN: &str = "nowhere";
/// The content-type of marks of time, which hold nothing.
const TIME_MARK: &str = "application/vnd.swabstream.time-mark";
/// What is broken about results. Some codes occur in several ways.
const RESULTS: [RejectCode; 16] = [
    RejectCode::Malformed,
    RejectCode::Empty,
    RejectCode::Tombstone,
    RejectCode::UnknownContentType,
    RejectCode::MissingField,
    RejectCode::UnknownEnum,
    RejectCode::InvalidTime,
    RejectCode::TimeWithoutOffset,
    RejectCode::CollectedInFuture,
    RejectCode::BeforeHorizon,
    RejectCode::UnknownArea,
    RejectCode::UnknownLab,
    RejectCode::UnknownPurpose,
    RejectCode::UnknownTarget,
    RejectCode::InvalidId,
    RejectCode::OutOfRange,
];
/// How a whole message can be written as nobody reads it.
const FORMS: [RejectCode; 4] =
    [RejectCode::UnknownContentType, RejectCode::UndeclaredJson, RejectCode::WrongEncoding, RejectCode::WrongFraming];
/// What a spreadsheet, a database or a conversion leaves of an id.
const NOBODYS: [&str; 13] = [
    "5.00103E+17",
    "500.1E+15",
    "５.００１０３E+17",
    "5.00103×10^17",
    "########",
    "#N/A",
    "=\"P001\"",
    "TRUE",
    "unknown",
    "未知",
    "-",
    "P\u{fffd}\u{fffd}001",
    "锟斤拷",
];
/// What is broken about contact records.
const CONTACTS: [RejectCode; 11] = [
    RejectCode::Malformed,
    RejectCode::Empty,
    RejectCode::Tombstone,
    RejectCode::MissingField,
    RejectCode::UnknownEnum,
    RejectCode::InvalidTime,
    RejectCode::TimeWithoutOffset,
    RejectCode::InvalidId,
    RejectCode::OutOfRange,
    RejectCode::InvalidInterval,
    RejectCode::SamePerson,
];

/// What is broken about records of key groups.
const GROUPS: [RejectCode; 10] = [
    RejectCode::Malformed,
    RejectCode::Empty,
    RejectCode::Tombstone,
    RejectCode::MissingField,
    RejectCode::UnknownEnum,
    RejectCode::InvalidTime,
    RejectCode::TimeWithoutOffset,
    RejectCode::InvalidId,
    RejectCode::OutOfRange,
    RejectCode::InvalidInterval,
];

/// Hands in a broken form of a result.
pub(super) fn result(result: &LabResult, at: Timestamp, rules: &Rules, desk: &mut Desk) {
    if result.pool.is_some() {
        let (broken, code) = pools::broken(result, desk);
        desk.send(&Body::Result(broken), at, Kind::Broken(code));
        return;
    }
    let mut code = RESULTS[desk.rng.random_range(0..RESULTS.len())];
    if code == RejectCode::UnknownLab && rules.intake_policy(0, rules.day(at)).accept_unknown_labs {
        code = RejectCode::UnknownArea;
    }
    if code == RejectCode::UnknownContentType {
        code = FORMS[desk.turn() % FORMS.len()];
    }
    // Where only the day is known, an hour in the future is none.
    let mut broken = LabResult { collected_precision: TimePrecision::Minute as i32, ..result.clone() };
    match code {
        RejectCode::MissingField => drop_field(&mut broken, desk),
        RejectCode::UnknownEnum if desk.chance(0.5) => broken.status = 77,
        RejectCode::UnknownEnum => broken.finding = 99,
        RejectCode::InvalidTime => nonsense_time(&mut broken.collected_at, at),
        RejectCode::CollectedInFuture => broken.collected_at = Some(desk.future(at).to_wire()),
        RejectCode::BeforeHorizon => broken.collected_at = Some(desk.too_old(at).to_wire()),
        RejectCode::UnknownArea => UNKNOWN.clone_into(&mut broken.area),
        RejectCode::UnknownLab => UNKNOWN.clone_into(&mut broken.lab_id),
        RejectCode::UnknownPurpose => UNKNOWN.clone_into(&mut broken.purpose),
        RejectCode::UnknownTarget => UNKNOWN.clone_into(&mut broken.target),
        RejectCode::InvalidId if desk.chance(0.5) => broken.specimen_id = "S".repeat(65),
        RejectCode::InvalidId if desk.turn().is_multiple_of(2) => {
            NOBODYS[desk.turn() / 2 % NOBODYS.len()].clone_into(&mut broken.person_id)
        }
        RejectCode::InvalidId => broken.result_id.push(unseen(at)),
        RejectCode::OutOfRange => {
            let cycles = if desk.chance(0.5) { -1.0 } else { 612.0 };
            broken.ct_values.push(CtValue { gene: "N".to_owned(), cycles });
        }
        _ => {}
    }
    send(&Body::Result(broken), code, at, desk);
}

/// Hands in a broken form of a contact record.
pub(super) fn contact(contact: &ContactRecord, at: Timestamp, desk: &mut Desk) {
    let code = CONTACTS[desk.rng.random_range(0..CONTACTS.len())];
    let mut broken = contact.clone();
    match code {
        RejectCode::MissingField => broken.exposure_end = None,
        RejectCode::UnknownEnum => broken.kind = 42,
        RejectCode::InvalidTime => nonsense_time(&mut broken.exposure_end, at),
        RejectCode::InvalidId if desk.turn().is_multiple_of(2) => {
            NOBODYS[desk.turn() / 2 % NOBODYS.len()].clone_into(&mut broken.person_id)
        }
        RejectCode::InvalidId => broken.record_id.push(unseen(at)),
        RejectCode::OutOfRange => broken.revision = u32::MAX,
        RejectCode::InvalidInterval => {
            let start = broken.exposure_start.and_then(|start| Timestamp::from_wire(&start)).unwrap_or(at);
            broken.exposure_end = Some(start.plus_hours(-3).to_wire());
        }
        RejectCode::SamePerson => broken.index_person_id.clone_from(&broken.person_id),
        _ => {}
    }
    send(&Body::Contact(broken), code, at, desk);
}

/// Hands in a broken form of a record of a key group.
pub(super) fn group(group: &PersonGroup, at: Timestamp, desk: &mut Desk) {
    let code = GROUPS[desk.rng.random_range(0..GROUPS.len())];
    let mut broken = group.clone();
    match code {
        RejectCode::MissingField => broken.first_day.clear(),
        RejectCode::UnknownEnum => broken.status = 42,
        // A sheet's way to write a day, or one for an end that nobody knows.
        RejectCode::InvalidTime if desk.turn().is_multiple_of(2) => "30.11.2022".clone_into(&mut broken.first_day),
        RejectCode::InvalidTime => "9999-12-31".clone_into(&mut broken.last_day),
        RejectCode::InvalidId => NOBODYS[desk.turn() % NOBODYS.len()].clone_into(&mut broken.person_id),
        RejectCode::OutOfRange => broken.revision = u32::MAX,
        RejectCode::InvalidInterval => {
            let first = Day::parse(&broken.first_day).unwrap_or_default();
            broken.last_day = first.plus(-1).to_string();
        }
        _ => {}
    }
    send(&Body::Group(broken), code, at, desk);
}

/// Sends a body whose bytes, too, may be what is broken.
fn send(body: &Body, code: RejectCode, at: Timestamp, desk: &mut Desk) {
    let kind = Kind::Broken(code);
    match code {
        RejectCode::Malformed => {
            let (bytes, content_type) = garbage(body, desk);
            desk.send_bytes(body, Some(bytes), content_type, at, kind);
        }
        RejectCode::Empty => desk.send_bytes(body, Some(Vec::new()), None, at, kind),
        RejectCode::Tombstone => desk.send_bytes(body, None, None, at, kind),
        RejectCode::UnknownContentType => {
            // Another program's, or that of a mark of time, whose header was copied with its producer.
            let content_type = if at.0 / 1000 % 2 == 0 { "text/csv" } else { TIME_MARK };
            desk.send_bytes(body, Some(body.encode()), Some(content_type), at, kind);
        }
        RejectCode::UndeclaredJson => desk.send_bytes(body, Some(desk.json_of(body)), None, at, kind),
        RejectCode::WrongEncoding => {
            let json = String::from_utf8_lossy(&desk.json_of(body)).into_owned();
            let wide = json.encode_utf16().flat_map(u16::to_le_bytes).collect();
            desk.send_bytes(body, Some(wide), Some(JSON), at, kind);
        }
        RejectCode::WrongFraming => {
            // The second message of a schema file.
            let framed = [FRAMING, &[2, 2], &body.encode()].concat();
            desk.send_bytes(body, Some(framed), None, at, kind);
        }
        RejectCode::TimeWithoutOffset => {
            let json = String::from_utf8_lossy(&desk.json_of(body)).replace("Z\"", "\"");
            desk.send_bytes(body, Some(json.into_bytes()), Some(JSON), at, kind);
        }
        // Protobuf has no form for a revision that is too high.
        RejectCode::OutOfRange if !matches!(body, Body::Result(_)) => {
            let beyond = if desk.chance(0.5) { "4294967296" } else { "-1" };
            let json = String::from_utf8_lossy(&desk.json_of(body)).replace(&u32::MAX.to_string(), beyond);
            desk.send_bytes(body, Some(json.into_bytes()), Some(JSON), at, kind);
        }
        // JSON has no form for these two; the others go either way.
        RejectCode::UnknownEnum | RejectCode::InvalidTime => {
            desk.send_bytes(body, Some(body.encode()), None, at, kind);
        }
        _ => desk.send(body, at, kind),
    }
}

/// Bytes that are neither protobuf nor JSON.
fn garbage(body: &Body, desk: &mut Desk) -> (Vec<u8>, Option<&'static str>) {
    let mut bytes = body.encode();
    match desk.rng.random_range(0..3) {
        // Cut off in the middle of the first field.
        0 => (bytes[..bytes.len().min(4)].to_vec(), None),
        // Another program's text.
        1 => (b"\xff\xfe<result>positive</result>".to_vec(), None),
        _ => {
            bytes = desk.json_of(body);
            bytes.truncate(bytes.len() / 2);
            (bytes, Some(JSON))
        }
    }
}

fn drop_field(result: &mut LabResult, desk: &mut Desk) {
    match desk.rng.random_range(0..6) {
        0 => result.person_id.clear(),
        1 => result.specimen_id.clear(),
        2 => result.collected_at = None,
        3 => result.area.clear(),
        4 => result.result_id.clear(),
        _ => result.target.clear(),
    }
}

/// No time at all, or one of a year that was mistyped.
fn nonsense_time(time: &mut Option<prost_types::Timestamp>, at: Timestamp) {
    let Some(time) = time else { return };
    match at.minute() % 2 {
        0 => time.nanos = -5,
        _ => time.seconds += 180 * 365 * 86_400,
    }
}

/// What nobody sees in an id.
fn unseen(at: Timestamp) -> char {
    if at.minute() % 2 == 0 { '\u{7}' } else { '\u{200b}' }
}
