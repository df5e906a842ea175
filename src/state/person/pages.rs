//! The stored form of a task's people: images of whole pages, and operations on them, repeated.

use super::PersonState;
use super::basis::{put_basis, read_basis};
use super::case_file::CaseFile;
use super::dictionary::Dictionary;
use super::edit::Edit;
use super::operations::{BASIS, BIRTH, EDIT, EXTRA, FIRST, NAME, Named, PUSH, RELEASE, REMOVE, RENAME, SET};
use super::operations::{SLOTS_PER_PAGE, read_head, slot_of};
use super::people::Person;
use super::row::{Row, STORED};
use crate::state::codec::{Few, Reader, corrupt};
use crate::state::paged::Corrupt;

/// Bytes of a person in an image before the rows, at most: slots passed over, hash, rows and whether there is a case file.
const PERSON: usize = 16;

/// 67 million people in one task: more is not a task's page but a fault.
const MAX_PAGES: u32 = 1 << 16;

impl PersonState {
    /// Pages there are.
    pub fn pages(&self) -> u32 {
        1 + self.slots().div_ceil(SLOTS_PER_PAGE)
    }

    /// Writes the whole page.
    pub fn image(&self, page: u32, into: &mut Vec<u8>) {
        if page == 0 {
            self.areas.put(into);
            self.purposes.put(into);
            put_basis(into, self.basis.as_ref());
            return;
        }
        let first = (page - 1) * SLOTS_PER_PAGE;
        let slots = first..self.slots().min(first + SLOTS_PER_PAGE);
        let rows: usize = slots.clone().map(|slot| self.people[slot].rows.len()).sum();
        into.reserve(slots.len() * PERSON + (rows + 1) * STORED);
        let mut next = first;
        for slot in slots {
            let person = self.people[slot];
            if !person.is_there() {
                continue;
            }
            let file = self.case_files.get(&slot);
            let mut head = Few::<PERSON>::default();
            head.put_short(u64::from(slot - next));
            head.put_all(&person.hash.to_le_bytes());
            head.put_short((person.rows.len() as u64) << 1 | u64::from(file.is_some()));
            head.append_to(into);
            for row in self.slab.get(person.rows) {
                let mut stored = Few::<STORED>::default();
                row.put(&mut stored);
                stored.append_to(into);
            }
            if let Some(file) = file {
                file.put(into);
            }
            next = slot + 1;
        }
    }

    /// Takes a page from its image.
    pub fn load(&mut self, page: u32, image: &[u8], format: u32) -> Result<(), Corrupt> {
        let mut reader = Reader::new(image);
        if page == 0 {
            self.areas = Dictionary::read(&mut reader)?;
            self.purposes = Dictionary::read(&mut reader)?;
            self.basis = read_basis(&mut reader)?;
            return reader.finish();
        }
        self.reach(page)?;
        let mut next = 0;
        while !reader.is_empty() {
            let (within, hash) = match format {
                ..4 => (reader.u16()?.into(), reader.u64()?),
                _ => (reader.short::<u32>()?.saturating_add(next), reader.u64()?),
            };
            let slot = slot_of(page, within)?;
            next = within + 1;
            self.restore_birth(slot, hash)?;
            let rows = if format < 5 { u64::from(reader.u32()?) << 1 } else { reader.short()? };
            for _ in 0..rows >> 1 {
                let row = Row::read(&mut reader, format)?;
                self.apply_push(slot, row);
            }
            if format < 5 {
                self.restore_extra(slot, &mut reader, format)?;
            } else if rows & 1 != 0 {
                self.restore_case_file(slot, &mut reader, format)?;
            }
        }
        Ok(())
    }

    /// Repeats one operation on a page.
    pub fn replay(&mut self, page: u32, operation: &[u8], format: u32) -> Result<(), Corrupt> {
        let mut reader = Reader::new(operation);
        if page == 0 {
            let kind = reader.u8()?;
            self.replay_common(kind, &mut reader)?;
        } else {
            self.reach(page)?;
            let (kind, slot) = read_head(page, &mut reader, format)?;
            self.replay_person(slot, kind, &mut reader, format)?;
        }
        reader.finish()
    }

    fn replay_common(&mut self, kind: u8, reader: &mut Reader<'_>) -> Result<(), Corrupt> {
        match kind {
            NAME => self.dictionary(named(reader)?).restore(reader.text()?),
            RENAME => {
                let dictionary = self.dictionary(named(reader)?);
                dictionary.rename(reader.u32()?, reader.text()?)
            }
            BASIS => {
                self.basis = read_basis(reader)?;
                Ok(())
            }
            _ => Err(corrupt("an operation on page 0 is unknown")),
        }
    }

    fn replay_person(&mut self, slot: u32, kind: u8, reader: &mut Reader<'_>, format: u32) -> Result<(), Corrupt> {
        let person = self.people[slot];
        if kind == BIRTH || kind == FIRST {
            self.restore_birth(slot, reader.u64()?)?;
            if kind == FIRST {
                let row = Row::read(reader, format)?;
                self.apply_push(slot, row);
            }
            return Ok(());
        }
        if !person.is_there() {
            return Err(corrupt("an operation on nobody"));
        }
        match kind {
            RELEASE if person.rows.is_empty() && !self.case_files.contains_key(&slot) => {
                self.people[slot] = Person::default();
            }
            PUSH => {
                let row = Row::read(reader, format)?;
                self.apply_push(slot, row);
            }
            SET => {
                let at = row_of(person, reader)?;
                let row = Row::read(reader, format)?;
                self.apply_set(slot, at, row);
            }
            REMOVE => self.apply_remove(slot, row_of(person, reader)?),
            EXTRA => self.restore_extra(slot, reader, format)?,
            EDIT => self.restore_edit(slot, reader, format)?,
            _ => return Err(corrupt("an operation on a person is unknown or out of place")),
        }
        Ok(())
    }

    /// All slots of a page exist once it is known of.
    fn reach(&mut self, page: u32) -> Result<(), Corrupt> {
        if page > MAX_PAGES {
            return Err(corrupt("a page number is out of range"));
        }
        while self.slots() < page * SLOTS_PER_PAGE {
            self.people.add();
        }
        Ok(())
    }

    fn restore_birth(&mut self, slot: u32, hash: u64) -> Result<(), Corrupt> {
        let person = &mut self.people[slot];
        if person.is_there() || hash == 0 {
            return Err(corrupt("a slot is taken twice, or by nobody"));
        }
        *person = Person { hash, ..Person::default() };
        Ok(())
    }

    fn restore_edit(&mut self, slot: u32, reader: &mut Reader<'_>, format: u32) -> Result<(), Corrupt> {
        let person_id = reader.text()?;
        let file = self.case_files.entry(slot).or_insert_with(|| Box::new(CaseFile::of(person_id)));
        if file.is_empty() == person_id.is_empty() {
            return Err(corrupt("a side record begins twice, or as nobody's"));
        }
        let edit = Edit::read(reader, file, format)?;
        file.apply(edit);
        self.look_at_case_file(slot);
        Ok(())
    }

    /// As formats before the fourth stored it.
    fn restore_extra(&mut self, slot: u32, reader: &mut Reader<'_>, format: u32) -> Result<(), Corrupt> {
        if reader.u8()? != 0 {
            return self.restore_case_file(slot, reader, format);
        }
        self.case_files.remove(&slot);
        self.look_at_case_file(slot);
        Ok(())
    }

    fn restore_case_file(&mut self, slot: u32, reader: &mut Reader<'_>, format: u32) -> Result<(), Corrupt> {
        let file = CaseFile::read(reader, format)?;
        self.case_files.insert(slot, Box::new(file));
        self.look_at_case_file(slot);
        Ok(())
    }
}

fn row_of(person: Person, reader: &mut Reader<'_>) -> Result<usize, Corrupt> {
    let at = reader.u32()? as usize;
    if at < person.rows.len() { Ok(at) } else { Err(corrupt("a row that is not there")) }
}

fn named(reader: &mut Reader<'_>) -> Result<Named, Corrupt> {
    let kind = reader.u8()?;
    let all = [Named::Area, Named::Purpose];
    all.into_iter().find(|named| *named as u8 == kind).ok_or_else(|| corrupt("a dictionary is unknown"))
}
