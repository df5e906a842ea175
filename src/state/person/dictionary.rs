//! Short numbers for texts that many rows share.

use crate::state::codec::{Reader, corrupt, put_bytes, put_u32};
use crate::state::paged::Corrupt;
use hashbrown::HashMap;

/// Texts by number, numbers by text. A text loses its number to another one only where that is asked for.
#[derive(Debug, Default)]
pub struct Dictionary {
    texts: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl Dictionary {
    /// The number of a text, if it has one.
    pub fn number(&self, text: &str) -> Option<u32> {
        self.numbers.get(text).copied()
    }

    /// The text of a number that was given out here.
    pub fn text(&self, number: u32) -> &str {
        &self.texts[number as usize]
    }

    /// All texts, by number.
    pub fn texts(&self) -> &[String] {
        &self.texts
    }

    /// Gives a new text the next number.
    pub fn add(&mut self, text: &str) -> u32 {
        let number = self.texts.len() as u32;
        self.texts.push(text.to_owned());
        self.numbers.insert(text.to_owned(), number);
        number
    }

    /// Gives a number to another text, a new one.
    pub fn rename(&mut self, number: u32, text: &str) -> Result<(), Corrupt> {
        let known = self.number(text).is_some();
        let Some(held) = self.texts.get_mut(number as usize).filter(|_| !known) else {
            return Err(corrupt("a dictionary renames what it does not have, or to what it has"));
        };
        self.numbers.remove(&std::mem::replace(held, text.to_owned()));
        self.numbers.insert(text.to_owned(), number);
        Ok(())
    }

    /// Writes all texts.
    pub fn put(&self, into: &mut Vec<u8>) {
        put_u32(into, self.texts.len() as u32);
        for text in &self.texts {
            put_bytes(into, text.as_bytes());
        }
    }

    /// Reads all texts.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Corrupt> {
        let mut dictionary = Self::default();
        for _ in 0..reader.u32()? {
            dictionary.restore(reader.text()?)?;
        }
        Ok(dictionary)
    }

    /// Adds a stored text, which must be a new one.
    pub fn restore(&mut self, text: &str) -> Result<(), Corrupt> {
        if self.number(text).is_some() {
            return Err(corrupt("a dictionary has a text twice"));
        }
        self.add(text);
        Ok(())
    }
}

/// What a row has in place of texts: numbers of the dictionary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// Of the area.
    pub area: u32,
    /// Of the purpose and target.
    pub purpose: u8,
}
