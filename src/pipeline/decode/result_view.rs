//! A result as it was sent, without a copy of its texts.
//!
//! In: the bytes of a `LabResult`, or the decoded message. Out: its fields, not judged. Nearly every record of a city
//! is a plain result in protobuf: reading it in place costs a fraction of what decoding into owned texts does. What is
//! out of the ordinary in any way (Ct values, a pool, unknown or repeated fields, anything malformed) is left to the
//! generated decoder, so that there is one judge of what the contract's bytes mean; a test holds the two equal.

use super::protobuf::{Bytes, number};
use crate::proto::v1;
use prost_types::Timestamp as WireTimestamp;

/// The fields of a `LabResult`; see there for what they mean.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ResultView<'a> {
    /// Laboratory.
    pub lab_id: &'a str,
    /// The lab's id of the result.
    pub result_id: &'a str,
    /// Version.
    pub revision: u32,
    /// [`ResultStatus`](v1::ResultStatus), unchecked.
    pub status: i32,
    /// Pseudonym.
    pub person_id: &'a str,
    /// Person the result is moved away from, empty when it is not.
    pub previous_person_id: &'a str,
    /// Barcode.
    pub specimen_id: &'a str,
    /// What was looked for.
    pub target: &'a str,
    /// When the specimen was taken.
    pub collected_at: Option<WireTimestamp>,
    /// [`TimePrecision`](v1::TimePrecision), unchecked.
    pub collected_precision: i32,
    /// When the lab reported.
    pub reported_at: Option<WireTimestamp>,
    /// Area.
    pub area: &'a str,
    /// Purpose.
    pub purpose: &'a str,
    /// [`Finding`](v1::Finding), unchecked.
    pub finding: i32,
    /// Cycle thresholds.
    pub ct_values: &'a [v1::CtValue],
    /// Kit, empty when not named.
    pub kit: &'a str,
    /// Whether it is one of a pool.
    pub pooled: bool,
    /// [`ProcessingMode`](v1::ProcessingMode), unchecked.
    pub mode: i32,
    /// The result it replaces, empty when it replaces none.
    pub replaces_result_id: &'a str,
    /// All texts are known to hold nothing but printable ASCII; false tells nothing.
    pub printable: bool,
}

impl<'a> ResultView<'a> {
    /// Of a decoded message.
    pub fn of(wire: &'a v1::LabResult) -> Self {
        Self {
            lab_id: &wire.lab_id,
            result_id: &wire.result_id,
            revision: wire.revision,
            status: wire.status,
            person_id: &wire.person_id,
            previous_person_id: &wire.previous_person_id,
            specimen_id: &wire.specimen_id,
            target: &wire.target,
            collected_at: wire.collected_at,
            collected_precision: wire.collected_precision,
            reported_at: wire.reported_at,
            area: &wire.area,
            purpose: &wire.purpose,
            finding: wire.finding,
            ct_values: &wire.ct_values,
            kit: &wire.kit,
            pooled: wire.pool.is_some(),
            mode: wire.mode,
            replaces_result_id: &wire.replaces_result_id,
            printable: false,
        }
    }

    /// Of protobuf bytes, if they are a plain result; `None` says nothing about them.
    #[inline]
    pub fn parse(payload: &'a [u8]) -> Option<Self> {
        let mut view = Self::default();
        view.fill(payload)?;
        Some(view)
    }

    /// Takes the fields of protobuf bytes in, where nothing was taken in before; `None` as from [`parse`](Self::parse).
    pub fn fill(&mut self, payload: &'a [u8]) -> Option<()> {
        let (view, mut printable) = (self, true);
        let mut rest = Bytes(payload);
        let mut text = |rest: &mut Bytes<'a>| {
            let (text, is_printable) = rest.text_printable()?;
            printable &= is_printable;
            Some(text)
        };
        while let Some(field) = rest.byte() {
            match field {
                field::LAB_ID => view.lab_id = text(&mut rest)?,
                field::RESULT_ID => view.result_id = text(&mut rest)?,
                field::REVISION => view.revision = rest.varint()? as u32,
                field::STATUS => view.status = rest.varint()? as i32,
                field::PERSON_ID => view.person_id = text(&mut rest)?,
                field::PREVIOUS_PERSON_ID => view.previous_person_id = text(&mut rest)?,
                field::SPECIMEN_ID => view.specimen_id = text(&mut rest)?,
                field::TARGET => view.target = text(&mut rest)?,
                field::COLLECTED_AT if view.collected_at.is_none() => view.collected_at = Some(timestamp(&mut rest)?),
                field::COLLECTED_PRECISION => view.collected_precision = rest.varint()? as i32,
                field::REPORTED_AT if view.reported_at.is_none() => view.reported_at = Some(timestamp(&mut rest)?),
                field::AREA => view.area = text(&mut rest)?,
                field::PURPOSE => view.purpose = text(&mut rest)?,
                field::FINDING => view.finding = rest.varint()? as i32,
                // Fields from 16 on are announced by two bytes, of which the second is 1.
                field::KIT if rest.byte()? == 1 => view.kit = text(&mut rest)?,
                field::MODE if rest.byte()? == 1 => view.mode = rest.varint()? as i32,
                field::REPLACES_RESULT_ID if rest.byte()? == 1 => view.replaces_result_id = text(&mut rest)?,
                _ => return None,
            }
        }
        view.printable = printable;
        Some(())
    }

    /// The message it is a view of, but for the members of a pool.
    pub fn to_message(&self) -> v1::LabResult {
        v1::LabResult {
            lab_id: self.lab_id.to_owned(),
            result_id: self.result_id.to_owned(),
            revision: self.revision,
            status: self.status,
            person_id: self.person_id.to_owned(),
            previous_person_id: self.previous_person_id.to_owned(),
            specimen_id: self.specimen_id.to_owned(),
            target: self.target.to_owned(),
            collected_at: self.collected_at,
            collected_precision: self.collected_precision,
            reported_at: self.reported_at,
            area: self.area.to_owned(),
            purpose: self.purpose.to_owned(),
            finding: self.finding,
            ct_values: self.ct_values.to_vec(),
            kit: self.kit.to_owned(),
            pool: None,
            mode: self.mode,
            replaces_result_id: self.replaces_result_id.to_owned(),
        }
    }
}

#[inline(always)]
fn timestamp(bytes: &mut Bytes<'_>) -> Option<WireTimestamp> {
    const SECONDS: u8 = number(1) as u8;
    const NANOS: u8 = number(2) as u8;
    // The usual time has whole seconds: their number is read where it lies, as it has bytes of other fields behind it.
    if let Some(&[length, SECONDS, ..]) = bytes.0.first_chunk::<2>() {
        let mut number = Bytes(&bytes.0[2..]);
        let seconds = number.varint()? as i64;
        if bytes.0.len() - number.0.len() == 1 + usize::from(length) {
            bytes.0 = number.0;
            return Some(WireTimestamp { seconds, nanos: 0 });
        }
    }
    let mut time = WireTimestamp::default();
    let mut rest = bytes.message()?;
    while let Some(field) = rest.byte() {
        match field {
            SECONDS => time.seconds = rest.varint()? as i64,
            NANOS => time.nanos = rest.varint()? as i32,
            _ => return None,
        }
    }
    Some(time)
}

/// The first byte that announces each field.
mod field {
    use crate::pipeline::decode::protobuf::{bytes, number};

    pub const LAB_ID: u8 = bytes(1) as u8;
    pub const RESULT_ID: u8 = bytes(2) as u8;
    pub const REVISION: u8 = number(3) as u8;
    pub const STATUS: u8 = number(4) as u8;
    pub const PERSON_ID: u8 = bytes(5) as u8;
    pub const PREVIOUS_PERSON_ID: u8 = bytes(6) as u8;
    pub const SPECIMEN_ID: u8 = bytes(7) as u8;
    pub const TARGET: u8 = bytes(8) as u8;
    pub const COLLECTED_AT: u8 = bytes(9) as u8;
    pub const COLLECTED_PRECISION: u8 = number(10) as u8;
    pub const REPORTED_AT: u8 = bytes(11) as u8;
    pub const AREA: u8 = bytes(12) as u8;
    pub const PURPOSE: u8 = bytes(13) as u8;
    pub const FINDING: u8 = number(14) as u8;
    pub const KIT: u8 = bytes(16) as u8 | 0x80;
    pub const MODE: u8 = number(18) as u8 | 0x80;
    pub const REPLACES_RESULT_ID: u8 = bytes(19) as u8 | 0x80;
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message as _;

    fn message() -> v1::LabResult {
        v1::LabResult {
            lab_id: "LAB-01".into(),
            result_id: "r1".into(),
            revision: 300,
            status: 2,
            person_id: "某人".into(),
            previous_person_id: "p0".into(),
            specimen_id: "s".into(),
            target: "t".into(),
            collected_at: Some(WireTimestamp { seconds: -5, nanos: 7 }),
            collected_precision: 2,
            reported_at: Some(WireTimestamp { seconds: 1_670_000_000, nanos: 0 }),
            area: "a".into(),
            purpose: "p".into(),
            finding: 3,
            ct_values: Vec::new(),
            kit: "k".into(),
            pool: None,
            mode: 1,
            replaces_result_id: "r0".into(),
        }
    }

    /// What was read, apart from what the decoder does not tell.
    fn parsed(bytes: &[u8]) -> Option<ResultView<'_>> {
        ResultView::parse(bytes).map(|view| ResultView { printable: false, ..view })
    }

    #[test]
    fn a_plain_result_is_read_in_place_as_the_decoder_reads_it() {
        let (message, empty) = (message(), v1::LabResult::default());
        for message in [&message, &empty] {
            let bytes = message.encode_to_vec();
            assert_eq!(parsed(&bytes), Some(ResultView::of(message)));
            assert_eq!(ResultView::of(message).to_message(), *message);
        }
    }

    #[test]
    fn what_is_out_of_the_ordinary_is_left_to_the_decoder() {
        let ct = v1::LabResult { ct_values: vec![v1::CtValue::default()], ..message() };
        let pool = v1::LabResult { pool: Some(v1::Pool::default()), ..message() };
        let (ct, pool, plain) = (ct.encode_to_vec(), pool.encode_to_vec(), message().encode_to_vec());
        let unknown = [&plain[..], &[0xf8, 0x07, 0x01]].concat();
        let cut = &plain[..plain.len() - 1];
        for bytes in [&ct[..], &pool, &unknown, cut, b"\xff", &[0x0a, 0x02, 0xff, 0xfe]] {
            assert_eq!(ResultView::parse(bytes), None);
        }
    }

    /// Every byte of a message is replaced by every other, and every tail cut off: what the view takes, the decoder
    /// takes, and both read the same.
    #[test]
    fn the_view_never_differs_from_the_decoder() {
        let plain = message().encode_to_vec();
        let mut taken = 0;
        let mut compare = |bytes: &[u8]| {
            if let Some(view) = parsed(bytes) {
                let decoded = v1::LabResult::decode(bytes).expect("what the view takes is no error");
                assert_eq!(view, ResultView::of(&decoded), "{bytes:?}");
                taken += 1;
            }
        };
        for at in 0..plain.len() {
            compare(&plain[..at]);
            for byte in 0..=u8::MAX {
                let mut bytes = plain.clone();
                bytes[at] = byte;
                compare(&bytes);
                // Two bytes wrong at a time reach lengths that fit again.
                bytes[(at * 7 + usize::from(byte)) % plain.len()] ^= byte;
                compare(&bytes);
            }
        }
        assert!(taken > 5_000, "only {taken} of the changed messages were read in place");
    }
}
