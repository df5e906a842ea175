//! The rules the numbers of a task were derived by.

use crate::policy::Rules;
use crate::state::codec::{Reader, put_bytes, put_u32};
use crate::state::paged::Corrupt;
use std::sync::Arc;

/// The rules the numbers were derived by.
#[derive(Clone, Debug)]
pub enum Basis {
    /// Those in force: shared by all tasks.
    InForce(Arc<Rules>),
    /// As stored: digest and records.
    Stored(String, Vec<(String, Vec<u8>)>),
}

impl Basis {
    /// Their digest.
    pub fn digest(&self) -> &str {
        match self {
            Basis::InForce(rules) => &rules.digest,
            Basis::Stored(digest, _) => digest,
        }
    }
}

pub(super) fn put_basis(into: &mut Vec<u8>, basis: Option<&Basis>) {
    into.push(u8::from(basis.is_some()));
    match basis {
        Some(Basis::InForce(rules)) => put_records(into, &rules.digest, &rules.to_records()),
        Some(Basis::Stored(digest, records)) => put_records(into, digest, records),
        None => (),
    }
}

fn put_records(into: &mut Vec<u8>, digest: &str, records: &[(String, Vec<u8>)]) {
    put_bytes(into, digest.as_bytes());
    put_u32(into, records.len() as u32);
    for (key, value) in records {
        put_bytes(into, key.as_bytes());
        put_bytes(into, value);
    }
}

pub(super) fn read_basis(reader: &mut Reader<'_>) -> Result<Option<Basis>, Corrupt> {
    if reader.u8()? == 0 {
        return Ok(None);
    }
    let digest = reader.text()?.to_owned();
    let mut records = Vec::new();
    for _ in 0..reader.u32()? {
        records.push((reader.text()?.to_owned(), reader.bytes()?.to_vec()));
    }
    Ok(Some(Basis::Stored(digest, records)))
}
