//! Who is held in which slot, and where their rows lie.
//!
//! In pieces, and the index in shards: one vector or table of a million people is copied as a whole when it grows, and
//! the task stands still for as long, while an alert waits. A shard grows in a few milliseconds. All grow at about the
//! same size, but each for itself, with commits between them.

use super::slab::Rows;
use hashbrown::HashTable;
use std::ops::{Index, IndexMut};

/// Slots of a piece, as a power of two.
const PIECE_BITS: u32 = 12;
const PIECE: u32 = 1 << PIECE_BITS;

/// Shards of the index.
const SHARDS: usize = 256;

/// A slot.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Person {
    /// 0 in a slot without a person; whoever's hash is 0 is held with another one.
    pub(super) hash: u64,
    pub(super) rows: Rows,
}

impl Person {
    pub(super) fn is_there(self) -> bool {
        self.hash != 0
    }
}

/// All slots of a task.
#[derive(Debug)]
pub(super) struct People {
    pieces: Vec<Box<[Person]>>,
    slots: u32,
    index: Box<[HashTable<u32>]>,
}

impl People {
    /// No slot.
    pub(super) fn new() -> Self {
        Self { pieces: Vec::new(), slots: 0, index: (0..SHARDS).map(|_| HashTable::new()).collect() }
    }

    /// The slots there are, whether taken or not.
    pub(super) fn slots(&self) -> u32 {
        self.slots
    }

    /// How many are taken.
    pub(super) fn count(&self) -> usize {
        self.index.iter().map(HashTable::len).sum()
    }

    /// Bytes reserved.
    pub(super) fn bytes(&self) -> usize {
        let pieces = self.pieces.len() * PIECE as usize * size_of::<Person>();
        pieces + self.index.iter().map(HashTable::allocation_size).sum::<usize>()
    }

    /// The slot of a hash.
    pub(super) fn find(&self, hash: u64) -> Option<u32> {
        self.index[shard(hash)].find(hash, |slot| self[*slot].hash == hash).copied()
    }

    /// One more slot, without a person.
    pub(super) fn add(&mut self) -> u32 {
        if self.slots.is_multiple_of(PIECE) {
            self.pieces.push(vec![Person::default(); PIECE as usize].into());
        }
        self.slots += 1;
        self.slots - 1
    }

    /// Whoever is in a slot can be found from now on.
    pub(super) fn enter(&mut self, slot: u32) {
        let hash = self[slot].hash;
        let Self { pieces, index, .. } = self;
        index[shard(hash)].insert_unique(hash, slot, |slot| at(pieces, *slot).hash);
    }

    /// Empties a slot.
    pub(super) fn leave(&mut self, slot: u32) {
        let hash = self[slot].hash;
        if let Ok(entry) = self.index[shard(hash)].find_entry(hash, |held| *held == slot) {
            entry.remove();
        }
        self[slot] = Person::default();
    }

    /// Nobody can be found until they are entered again.
    pub(super) fn forget_all(&mut self) {
        self.index.iter_mut().for_each(HashTable::clear);
    }
}

impl Index<u32> for People {
    type Output = Person;

    fn index(&self, slot: u32) -> &Person {
        debug_assert!(slot < self.slots, "slot {slot} of {}", self.slots);
        at(&self.pieces, slot)
    }
}

impl IndexMut<u32> for People {
    fn index_mut(&mut self, slot: u32) -> &mut Person {
        &mut self.pieces[(slot >> PIECE_BITS) as usize][(slot & (PIECE - 1)) as usize]
    }
}

fn at(pieces: &[Box<[Person]>], slot: u32) -> &Person {
    &pieces[(slot >> PIECE_BITS) as usize][(slot & (PIECE - 1)) as usize]
}

/// By bits that a table uses neither for the place nor for the tag of an entry.
fn shard(hash: u64) -> usize {
    (hash >> 40) as usize % SHARDS
}
