//! An alert as it was last published, held as bytes: as a message it takes several times as much memory, and it is looked
//! at only when something happens to its person.

use crate::proto::v1;
use prost::Message as _;

/// One alert of a case file.
#[derive(Clone, PartialEq, Eq)]
pub struct HeldAlert {
    /// The id as text, behind it the message without it.
    bytes: Box<[u8]>,
    id_length: u32,
}

impl HeldAlert {
    /// Of a message.
    pub fn of(mut alert: v1::Alert) -> Self {
        let id = std::mem::take(&mut alert.alert_id);
        let mut bytes = Vec::with_capacity(id.len() + alert.encoded_len());
        bytes.extend_from_slice(id.as_bytes());
        // A vector has room for anything.
        let _ = alert.encode(&mut bytes);
        Self { bytes: bytes.into(), id_length: id.len() as u32 }
    }

    /// The bytes of its id: they are ordered as texts are.
    pub fn id(&self) -> &[u8] {
        &self.bytes[..self.id_length as usize]
    }

    /// The message.
    ///
    /// # Panics
    /// When it is not what was put in: the fault is ours.
    pub fn message(&self) -> v1::Alert {
        let (id, rest) = self.bytes.split_at(self.id_length as usize);
        let alert_id = String::from_utf8(id.to_vec()).expect("an id is a text");
        v1::Alert { alert_id, ..v1::Alert::decode(rest).expect("an alert that was encoded here") }
    }
}

/// Nothing of a person gets into a message.
impl std::fmt::Debug for HeldAlert {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "alert of {} bytes", self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_is_given_back_as_it_was_put_in() {
        let cause = v1::Cause { record_id: "R".into(), ..Default::default() };
        let whole = v1::Alert { alert_id: "b/é".into(), version: 3, causes: vec![cause], ..Default::default() };
        for alert in [v1::Alert::default(), whole.clone(), v1::Alert { alert_id: String::new(), ..whole }] {
            let held = HeldAlert::of(alert.clone());
            assert_eq!(held.id(), alert.alert_id.as_bytes());
            assert_eq!(held.message(), alert);
        }
    }
}
