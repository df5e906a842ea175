//! What each code means and what a lab does about it. The one place for both: `proto/CODES.md` is tested against it,
//! and `check` and `publish` print it.

use crate::model::outcome::RejectCode;

/// What a code says to the one who sent the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advice {
    /// What is wrong.
    pub meaning: &'static str,
    /// What to do about it.
    pub action: &'static str,
}

/// The advice on a code.
pub fn of(code: RejectCode) -> Advice {
    let (meaning, action) = match code {
        RejectCode::Unspecified => ("no code", "never happens; tell the operator"),
        RejectCode::Malformed
        | RejectCode::Empty
        | RejectCode::Tombstone
        | RejectCode::TooLarge
        | RejectCode::UnknownContentType
        | RejectCode::UndeclaredJson
        | RejectCode::WrongEncoding
        | RejectCode::WrongFraming => of_bytes(code),
        RejectCode::MissingField
        | RejectCode::UnknownEnum
        | RejectCode::InvalidTime
        | RejectCode::TimeWithoutOffset
        | RejectCode::InvalidId
        | RejectCode::OutOfRange
        | RejectCode::InvalidInterval
        | RejectCode::SamePerson
        | RejectCode::PoolSizeMismatch
        | RejectCode::PersonBesidePool => of_fields(code),
        RejectCode::CollectedInFuture
        | RejectCode::BeforeHorizon
        | RejectCode::UnknownArea
        | RejectCode::UnknownLab
        | RejectCode::UnknownTarget
        | RejectCode::UnknownPurpose => of_rules(code),
        RejectCode::Conflict | RejectCode::Unsupported | RejectCode::HopLimit | RejectCode::Internal => of_system(code),
    };
    Advice { meaning, action }
}

/// The advice on a code of a row of a table: it has no payload and no headers yet.
pub fn in_csv(code: RejectCode) -> Advice {
    match code {
        RejectCode::Malformed => Advice {
            meaning: "the row does not fit its header: too few or too many cells, a quote that is not closed, cells that are \
                      merged, a cell that is no text, or a header of other columns before it",
            action: "put quotes around cells that hold the delimiter, close every quote and double those within, and check `delimiter` and `encoding` in the map",
        },
        RejectCode::TooLarge => Advice {
            meaning: "the row is larger than what is read of one, or than the deployment's limit",
            action: "close every quote, and leave columns of long texts out of the export",
        },
        _ => of(code),
    }
}

/// The advice on a code of a file of messages: no map reads them, and their headers are set by who publishes them.
pub fn in_messages(code: RejectCode) -> Advice {
    let (meaning, action) = match code {
        RejectCode::Malformed => (
            "the message is not one of its kind: broken bytes, a list or a quoted text instead of one message, a field of \
             another type, a field given twice, or a name that the contract does not have",
            "compare with proto/examples, and whether --kind and --format say what the file is",
        ),
        RejectCode::UndeclaredJson => (
            "the message is JSON, in a file of length-delimited protobuf",
            "write JSON one message per line (--format ndjson), or protobuf",
        ),
        RejectCode::UnknownEnum => (
            "the value is not one of the names of the enumeration",
            "use a name of the contract, e.g. FINDING_POSITIVE",
        ),
        RejectCode::InvalidTime => (
            of(code).meaning,
            "write RFC 3339 with a year of four digits and the offset, e.g. 2022-11-11T08:00:00+08:00; plausible are 1900 to \
             next year, or what the case policy says",
        ),
        RejectCode::TimeWithoutOffset => (of(code).meaning, "add the offset, e.g. 2022-11-11T08:00:00+08:00"),
        RejectCode::OutOfRange => (
            of(code).meaning,
            "revision goes from 0 to 4,294,967,295, cycles from 0 to 60, members of a pool from 1 to 100",
        ),
        RejectCode::UnknownTarget => (
            of(code).meaning,
            "use a target of `swabstream rules show`, or ask the operator to declare the target or alias",
        ),
        _ => return of(code),
    };
    Advice { meaning, action }
}

/// Codes about the bytes of a record.
fn of_bytes(code: RejectCode) -> (&'static str, &'static str) {
    match code {
        RejectCode::Empty => {
            ("the payload has no bytes", "send the message itself; look for a serializer that was given nothing")
        }
        RejectCode::Tombstone => (
            "the record has no payload at all, and this topic knows no deletions",
            "to take a result back, send it again with status cancelled or entered in error and a higher revision",
        ),
        RejectCode::TooLarge => {
            ("the record is larger than the deployment's limit", "send one message per record, and no attachments")
        }
        RejectCode::UnknownContentType => (
            "the header content-type is not one that is read, or says a mark of time, which are empty and of past data only",
            "set it to application/x-protobuf or application/json, or leave it out for protobuf",
        ),
        RejectCode::UndeclaredJson => (
            "the payload is JSON, and no header content-type says so, or it says something else",
            "set the header content-type of every record to application/json, or send protobuf",
        ),
        RejectCode::WrongEncoding => (
            "the payload is text in another encoding than UTF-8, such as UTF-16 or GBK",
            "write JSON in UTF-8, whatever the header's charset says; a byte order mark before it does no harm",
        ),
        RejectCode::WrongFraming => (
            "the payload begins with byte 0, as the framing of a schema registry does, and is cut short, or names \
             another message than the first of its schema file, or is another program's framing",
            "register the contract's own file as the schema, with ids of four bytes; or send the message without framing",
        ),
        RejectCode::Malformed => (
            "the payload is not the message its content-type says: broken bytes, a list or a quoted text instead of one \
             message, a field of another type, a field given twice, or a name that the contract does not have (shown as ?)",
            "compare with proto/examples, and set the header content-type to what the bytes are",
        ),
        _ => without(code),
    }
}

/// Codes about single fields.
fn of_fields(code: RejectCode) -> (&'static str, &'static str) {
    match code {
        RejectCode::MissingField => {
            ("a required field is missing or empty", "fill the field; the contract's comments say which are required")
        }
        RejectCode::UnknownEnum => (
            "the value is not one of the names of the enumeration, or not in the map's list",
            "use a name of the contract; in a map file, add the cell to `values`",
        ),
        RejectCode::InvalidTime => (
            "the time cannot be read, does not exist, or lies in no plausible year",
            "write RFC 3339 with a year of four digits, a day alone as 2022-11-30; in a map file, check `format` and `zone`; plausible are 1900 to next \
             year, or what the case policy says",
        ),
        RejectCode::TimeWithoutOffset => (
            "the time has no offset from UTC",
            "add the offset, e.g. 2022-11-11T08:00:00+08:00; in a map file, name the `zone`",
        ),
        RejectCode::InvalidId => (
            "an id or text is longer than its limit, has control characters or characters without a picture, or is what a \
             spreadsheet, a database or a conversion left of an id (5.00103E+17, #N/A, TRUE, U+FFFD), a word for nothing or \
             signs alone",
            "shorten it to the limit in the contract's comment, remove tabs, line ends and unseen characters (byte order \
             mark, zero-width space, soft hyphen), export ids as text, and leave out what is not known",
        ),
        RejectCode::OutOfRange => (
            "a number is out of its range, or is none",
            "revision goes from 0 to 4,294,967,295, cycles from 0 to 60, members of a pool from 1 to 100; in a map file, a release time \
             becomes a revision with `format`",
        ),
        RejectCode::InvalidInterval => {
            ("an interval ends before it starts", "check the two times, and whether they have the same offset")
        }
        RejectCode::SamePerson => (
            "a contact record names the same person as contact and as index, or a pool lists one twice",
            "correct the person",
        ),
        RejectCode::PoolSizeMismatch => (
            "the size of a pool is not the number of its members",
            "list everybody in the tube, once each; nobody in it has a result until then",
        ),
        RejectCode::PersonBesidePool => (
            "a result of a pool names a person beside it",
            "leave person_id and previous_person_id empty, or the pool; who is in the tube stands in pool.members",
        ),
        _ => without(code),
    }
}

/// Codes that depend on the rules in force.
fn of_rules(code: RejectCode) -> (&'static str, &'static str) {
    match code {
        RejectCode::CollectedInFuture => (
            "collected later than it was received, by more than 5 minutes",
            "check the clock and the offset of collected_at",
        ),
        RejectCode::BeforeHorizon => (
            "collected longer ago than the rules allow",
            "check collected_at; what is truly that old is not taken, tell the health office",
        ),
        RejectCode::UnknownArea => (
            "the area is not in the registry on the day of collection",
            "use a code that `swabstream rules show --json` lists; districts merge, so the code must fit the day",
        ),
        RejectCode::UnknownLab => (
            "the lab is not in the registry",
            "use the lab id that was agreed, or ask the operator to register the lab",
        ),
        RejectCode::UnknownTarget => (
            "the target is not one of the deployment's, nor an alias of one",
            "use a target of `swabstream rules show`; in a map file, give its code in `values`; or ask the operator to \
             declare the target or alias",
        ),
        RejectCode::UnknownPurpose => {
            ("the purpose is not one of the deployment's", "use a purpose of `swabstream rules show`")
        }
        _ => without(code),
    }
}

/// Codes about what is already known, or about the system itself.
fn of_system(code: RejectCode) -> (&'static str, &'static str) {
    match code {
        RejectCode::Conflict => (
            "another version with the same revision and status says something else",
            "send what holds with a higher revision",
        ),
        RejectCode::Unsupported => (
            "understood, but not handled: a pool that names a result it replaces, or any pool or record of a key group while versions \
             run that know none",
            "correct a pool by a later revision under its own result id, or withdraw it and send another; else send it again \
                 after the upgrade",
        ),
        RejectCode::HopLimit => ("sent on between tasks too often", "nothing; the operator must look into it"),
        RejectCode::Internal => {
            ("a fault of swabstream itself; the record was set aside", "nothing; the operator must look into it")
        }
        _ => without(code),
    }
}

/// A code must not get another's advice because its own is missing: what holds CODES.md to this file asks for each.
fn without(code: RejectCode) -> ! {
    panic!("no advice on {}", code.as_str_name())
}
