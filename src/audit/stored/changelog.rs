//! The records of a changelog, put together: heads, whole deltas, whole images.

use super::area_task::{AreaTask, Replay};
use super::bytes::Bytes;
use crate::proto::v1::{StateHead, TaskHead};
use prost::Message as _;
use std::collections::BTreeMap;

/// Stored form that is understood: it and those before it.
const FORMAT: u32 = 7;

/// The records of one task's changelog.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    deltas: BTreeMap<u64, Parts>,
    /// By page, then by the commit the image includes.
    images: BTreeMap<u32, BTreeMap<u64, Parts>>,
    newest: Option<(u64, TaskHead)>,
}

/// The head of a record of a changelog: the commit it is of, and what the task was after it, if it is the first part of
/// a delta.
pub fn head_of(payload: Option<&[u8]>) -> Result<Option<StateHead>, String> {
    payload.map(|mut value| read_head(&mut value)).transpose()
}

fn read_head(value: &mut &[u8]) -> Result<StateHead, String> {
    let head = StateHead::decode_length_delimited(value).map_err(|_| "a record has no head".to_owned())?;
    match head.format {
        4 => Err("stored in format 4 by a build between two releases, which nothing else reads".to_owned()),
        ..=FORMAT => Ok(head),
        newer => Err(format!("stored in format {newer}, this audit reads up to {FORMAT}: upgrade")),
    }
}

/// Parts of one delta or image that were read, and how many there are.
#[derive(Clone, Debug, Default)]
struct Parts {
    format: u32,
    all: u32,
    read: BTreeMap<u32, Vec<u8>>,
}

impl Parts {
    fn whole(&self) -> Option<Vec<u8>> {
        let complete = self.read.len() == self.all as usize;
        complete.then(|| self.read.values().flatten().copied().collect())
    }
}

impl Stored {
    /// Takes the next record.
    pub fn take(&mut self, key: &[u8], payload: Option<&[u8]>) -> Result<(), String> {
        let Some(mut value) = payload else { return Ok(()) };
        let head = read_head(&mut value)?;
        let key = String::from_utf8_lossy(key).into_owned();
        let parts = match key.split('/').collect::<Vec<_>>()[..] {
            ["d", _, _] => self.deltas.entry(head.seq).or_default(),
            ["p", page, _] => {
                let page = page.parse().map_err(|_| format!("key {key} is unknown"))?;
                self.images.entry(page).or_default().entry(head.seq).or_default()
            }
            _ => return Err(format!("key {key} is unknown")),
        };
        (parts.format, parts.all) = (head.format, head.parts);
        parts.read.insert(head.part, value.to_vec());
        if let Some(task) = head.task
            && self.newest.as_ref().is_none_or(|(seq, _)| *seq < head.seq)
        {
            self.newest = Some((head.seq, task));
        }
        Ok(())
    }

    /// Number of the last commit and what the task was after it.
    pub fn newest(&self) -> Option<&(u64, TaskHead)> {
        self.newest.as_ref()
    }

    /// What an area task has counted: of each page the newest image, then every later operation.
    pub fn area_task(&self) -> Result<AreaTask, String> {
        let Some((_, head)) = &self.newest else { return Ok(AreaTask::default()) };
        let mut replay = Replay::default();
        let mut included = BTreeMap::new();
        for (page, images) in &self.images {
            let newest = images.iter().rev().find_map(|(seq, parts)| Some((*seq, parts.whole()?, parts.format)));
            if let Some((seq, image, format)) = newest.filter(|_| *page < head.pages) {
                replay.image(*page, &image, format)?;
                included.insert(*page, seq);
            }
        }
        for (seq, delta) in &self.deltas {
            let Some(operations) = delta.whole() else { continue };
            let mut bytes = Bytes::new(&operations);
            while !bytes.is_empty() {
                // Up to format 3 both had four bytes.
                let wide = delta.format < 5;
                let (page, length) =
                    if wide { (bytes.u32()?, bytes.u32()?) } else { (bytes.short()? as u32, bytes.short()? as u32) };
                let operation = bytes.take(length as usize)?;
                let newer = included.get(&page).is_none_or(|included| included < seq);
                if newer {
                    replay.operation(page, operation)?;
                }
            }
        }
        Ok(replay.finish())
    }
}
