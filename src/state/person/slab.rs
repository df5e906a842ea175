//! Where rows lie: blocks of a few sizes in large pieces of memory, so that a person costs no allocation.
//!
//! Where everybody gets another row, everybody moves from one size to the next, and the blocks they leave would never
//! be used again. So there are few unused ones of any size: blocks at the end move into those left before, and their
//! pieces are given back.

use super::row::Row;

/// Where the rows of one person lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    block: u32,
    len: u32,
}

impl Rows {
    /// Number of rows.
    pub fn len(self) -> usize {
        self.len as usize
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.len == 0
    }
}

/// Blocks of rows, by size class.
#[derive(Debug, Default)]
pub struct Slab {
    classes: Vec<Class>,
    /// The class of the last block that was left.
    left: Option<usize>,
}

/// Rows of a piece of memory, at most, where a block is not larger: small enough for many half-filled ones, large
/// enough for the list of all pieces to stay in the cache.
const PIECE: usize = 4096;
/// Rows of the first piece when it begins: it grows twofold until it is whole, so that few people take little memory and
/// are restored in little time.
const FIRST: usize = 64;
/// One block in so many may be unused, and some more, so that a block that is left can wait for its next owner.
const UNUSED_SHARE: usize = 32;
const UNUSED: usize = 64;
/// Owner of an unused block.
const NOBODY: u32 = u32::MAX;

/// Blocks of one size, numbered from 0.
#[derive(Debug)]
struct Class {
    /// Rows of a block.
    size: usize,
    /// A piece has two to this many blocks.
    shift: u32,
    pieces: Vec<Piece>,
    blocks: u32,
    /// Unused blocks, each at least once; among them some that are used again or gone.
    unused: Vec<u32>,
    unused_count: usize,
}

/// So many blocks as it has owners. Only the first of a class may have fewer than the others.
#[derive(Debug)]
struct Piece {
    rows: Box<[Row]>,
    owners: Box<[u32]>,
}

impl Piece {
    fn new(blocks: usize, size: usize) -> Self {
        Self { rows: vec![Row::default(); blocks * size].into(), owners: vec![NOBODY; blocks].into() }
    }

    fn grow(&mut self, blocks: usize, size: usize) {
        let Self { rows, owners } = std::mem::replace(self, Self::new(blocks, size));
        self.rows[..rows.len()].copy_from_slice(&rows);
        self.owners[..owners.len()].copy_from_slice(&owners);
    }
}

impl Slab {
    /// The rows of one person.
    pub fn get(&self, rows: Rows) -> &[Row] {
        match rows.is_empty() {
            true => &[],
            false => &self.classes[class_of(rows.len())].block(rows.block)[..rows.len()],
        }
    }

    /// Adds a row at the end. Who owns it is said again by [`moved`](Self::moved), also after a removal.
    pub fn push(&mut self, owner: u32, rows: Rows, row: Row) -> Rows {
        let len = rows.len + 1;
        let rows = self.resize(owner, rows, len);
        self.block(rows)[len as usize - 1] = row;
        rows
    }

    /// Replaces a row.
    pub fn set(&mut self, rows: Rows, at: usize, row: Row) {
        self.block(rows)[at] = row;
    }

    /// Takes a row out; the last one takes its place.
    pub fn remove(&mut self, owner: u32, rows: Rows, at: usize) -> Rows {
        let block = self.block(rows);
        block[at] = block[block.len() - 1];
        self.resize(owner, rows, rows.len - 1)
    }

    /// To be asked after each change until it has nothing more: whose block was moved where, to close a gap.
    pub fn moved(&mut self) -> Option<Moved> {
        let moved = self.classes[self.left?].close_gap();
        if moved.is_none() {
            self.left = None;
        }
        moved
    }

    /// Bytes reserved.
    pub fn bytes(&self) -> usize {
        self.classes.iter().map(Class::bytes).sum()
    }

    fn block(&mut self, rows: Rows) -> &mut [Row] {
        &mut self.classes[class_of(rows.len())].block_mut(rows.block)[..rows.len()]
    }

    /// Room for `len` rows, with as many of the old ones as fit.
    fn resize(&mut self, owner: u32, rows: Rows, len: u32) -> Rows {
        if len > 0 && rows.len > 0 && class_of(len as usize) == class_of(rows.len()) {
            return Rows { len, ..rows };
        }
        let kept = len.min(rows.len) as usize;
        let mut moved = Rows { block: 0, len };
        if len > 0 {
            let to = class_of(len as usize);
            while self.classes.len() <= to {
                self.classes.push(Class::new(size_of_class(self.classes.len())));
            }
            moved.block = self.classes[to].allocate(owner);
            if kept > 0 {
                let from = class_of(rows.len());
                let [from, to] = self.classes.get_disjoint_mut([from, to]).expect("two classes");
                to.block_mut(moved.block)[..kept].copy_from_slice(&from.block(rows.block)[..kept]);
            }
        }
        if rows.len > 0 {
            let class = class_of(rows.len());
            self.classes[class].leave(rows.block);
            self.left = Some(class);
        }
        moved
    }
}

/// A block that lies somewhere else now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Whose rows they are.
    pub owner: u32,
    block: u32,
}

impl Moved {
    /// Where the owner's rows are now.
    pub fn apply(self, rows: &mut Rows) {
        rows.block = self.block;
    }
}

impl Class {
    fn new(size: usize) -> Self {
        let shift = (PIECE / size).max(1).ilog2();
        Self { size, shift, pieces: Vec::new(), blocks: 0, unused: Vec::new(), unused_count: 0 }
    }

    fn block(&self, block: u32) -> &[Row] {
        let start = self.within(block) * self.size;
        &self.pieces[(block >> self.shift) as usize].rows[start..start + self.size]
    }

    fn block_mut(&mut self, block: u32) -> &mut [Row] {
        let start = self.within(block) * self.size;
        &mut self.pieces[(block >> self.shift) as usize].rows[start..start + self.size]
    }

    fn owner(&mut self, block: u32) -> &mut u32 {
        let within = self.within(block);
        &mut self.pieces[(block >> self.shift) as usize].owners[within]
    }

    fn within(&self, block: u32) -> usize {
        (block & ((1 << self.shift) - 1)) as usize
    }

    fn allocate(&mut self, owner: u32) -> u32 {
        let block = self.take_unused().unwrap_or_else(|| self.add());
        *self.owner(block) = owner;
        block
    }

    /// An unused block, if there is one.
    fn take_unused(&mut self) -> Option<u32> {
        while let Some(block) = self.unused.pop() {
            if block < self.blocks && *self.owner(block) == NOBODY {
                self.unused_count -= 1;
                return Some(block);
            }
        }
        None
    }

    fn add(&mut self) -> u32 {
        let (block, size, whole) = (self.blocks, self.size, 1 << self.shift);
        let (number, within) = ((block >> self.shift) as usize, self.within(block));
        match self.pieces.get_mut(number) {
            None if number == 0 => self.pieces.push(Piece::new((FIRST / size).clamp(1, whole), size)),
            None => self.pieces.push(Piece::new(whole, size)),
            Some(piece) if piece.owners.len() == within => piece.grow((2 * within).min(whole), size),
            Some(_) => {}
        }
        self.blocks += 1;
        block
    }

    fn leave(&mut self, block: u32) {
        *self.owner(block) = NOBODY;
        self.unused.push(block);
        self.unused_count += 1;
    }

    /// Moves the last block into an unused one, if there are too many of these.
    fn close_gap(&mut self) -> Option<Moved> {
        if self.unused_count <= UNUSED + self.blocks as usize / UNUSED_SHARE {
            return None;
        }
        while self.blocks > 0 && *self.owner(self.blocks - 1) == NOBODY {
            self.unused_count -= 1;
            self.drop_last();
        }
        let to = self.take_unused()?;
        let last = self.blocks - 1;
        let owner = std::mem::replace(self.owner(last), NOBODY);
        *self.owner(to) = owner;
        let (from, start) = (self.within(last) * self.size, self.within(to) * self.size);
        let (last_piece, to_piece) = ((last >> self.shift) as usize, (to >> self.shift) as usize);
        if last_piece == to_piece {
            self.pieces[to_piece].rows.copy_within(from..from + self.size, start);
        } else {
            let [from_piece, to_piece] = self.pieces.get_disjoint_mut([last_piece, to_piece]).expect("two pieces");
            to_piece.rows[start..start + self.size].copy_from_slice(&from_piece.rows[from..from + self.size]);
        }
        self.drop_last();
        self.forget_gone();
        Some(Moved { owner, block: to })
    }

    /// Blocks that are gone from the end are still listed: now and then the list is made anew.
    fn forget_gone(&mut self) {
        if self.unused.len() <= 2 * self.unused_count + UNUSED {
            return;
        }
        let mut listed = std::mem::take(&mut self.unused);
        listed.sort_unstable();
        listed.dedup();
        listed.retain(|block| *block < self.blocks && *self.owner(*block) == NOBODY);
        listed.shrink_to_fit();
        self.unused = listed;
    }

    fn drop_last(&mut self) {
        self.blocks -= 1;
        // One piece more than needed is kept: the next block may come at once.
        if self.pieces.len() > (self.blocks as usize >> self.shift) + 1 {
            self.pieces.pop();
        }
    }

    fn bytes(&self) -> usize {
        let of_piece = |piece: &Piece| size_of_val(&*piece.rows) + size_of_val(&*piece.owners) + size_of::<Piece>();
        self.pieces.iter().map(of_piece).sum::<usize>() + self.unused.capacity() * size_of::<u32>()
    }
}

/// Up to here every number of rows has a class of its own.
const EXACT: usize = 16;

/// The smallest class that holds `len` rows: steps of about a quarter, so at most a fifth of a block is unused.
fn class_of(len: usize) -> usize {
    if len <= EXACT {
        return len - 1;
    }
    // Four steps between a power of two and the next: of `len - 1`, the exponent and the two bits after the first.
    let last = len - 1;
    let exponent = last.ilog2() as usize;
    let step = (last >> (exponent - 2)) & 3;
    EXACT + (exponent - 4) * 4 + step
}

/// Rows of a block of a class.
fn size_of_class(class: usize) -> usize {
    if class < EXACT {
        return class + 1;
    }
    let (exponent, step) = ((class - EXACT) / 4 + 4, (class - EXACT) % 4);
    (1 << exponent) + (step + 1) * (1 << (exponent - 2))
}

#[cfg(test)]
mod tests {
    use super::super::row::{Standing, Version};
    use super::*;
    use crate::model::result::Finding;

    fn row(number: u32) -> Row {
        Row::new(Version {
            id: u64::from(number),
            specimen: 0,
            content: 0,
            day_only: false,
            minute: 0,
            area: 0,
            purpose: 0,
            finding: Finding::Negative,
            standing: Standing::Final,
            revision: 0,
        })
    }

    #[test]
    fn a_class_is_the_smallest_that_fits() {
        for len in 1..5000 {
            let class = class_of(len);
            assert!(size_of_class(class) >= len, "{len} fits into class {class}");
            assert!(class == 0 || size_of_class(class - 1) < len, "{len} would fit into a smaller one");
            assert!(size_of_class(class) * 4 <= len * 5 + 4, "{len} in {}", size_of_class(class));
        }
    }

    /// People with rows in a slab, as their owner keeps them.
    struct People {
        slab: Slab,
        rows: Vec<Rows>,
    }

    impl People {
        fn new(count: usize) -> Self {
            Self { slab: Slab::default(), rows: vec![Rows::default(); count] }
        }

        fn push(&mut self, person: usize, row: Row) {
            self.rows[person] = self.slab.push(person as u32, self.rows[person], row);
            self.settle();
        }

        fn remove(&mut self, person: usize, at: usize) {
            self.rows[person] = self.slab.remove(person as u32, self.rows[person], at);
            self.settle();
        }

        fn settle(&mut self) {
            while let Some(moved) = self.slab.moved() {
                moved.apply(&mut self.rows[moved.owner as usize]);
            }
        }

        fn get(&self, person: usize) -> &[Row] {
            self.slab.get(self.rows[person])
        }
    }

    #[test]
    fn rows_of_many_people_keep_apart_while_they_grow_and_shrink() {
        let count = 500;
        let (mut people, mut models) = (People::new(count), vec![Vec::new(); count]);
        for step in 0..100_000_u32 {
            let random = (step.wrapping_mul(2_654_435_761) >> 8) as usize;
            let person = random % count;
            let model = &mut models[person];
            // First mostly more, then mostly fewer.
            if random / count % 7 < if step < 50_000 { 5 } else { 2 } || model.is_empty() {
                people.push(person, row(step));
                model.push(row(step));
            } else {
                let at = random / count % model.len();
                people.remove(person, at);
                model.swap_remove(at);
            }
            assert_eq!(people.get(person), model);
            if step % 1_000 == 0 {
                assert!((0..count).all(|person| people.get(person) == models[person]));
            }
        }
    }

    #[test]
    fn blocks_that_everybody_has_left_are_given_back() {
        let (count, rounds) = (20_000, 30);
        let mut people = People::new(count);
        for round in 0..rounds {
            for at in 0..count {
                people.push(at * 7_919 % count, row((round * count + at) as u32));
            }
        }
        assert!((0..count).all(|person| people.get(person).len() == rounds));
        let needed = count * size_of_class(class_of(rounds)) * size_of::<Row>();
        assert!(people.slab.bytes() < needed + needed / 6, "{} of {needed}", people.slab.bytes());
        for person in 0..count {
            while !people.get(person).is_empty() {
                people.remove(person, 0);
            }
        }
        assert!(people.slab.bytes() < needed / 4, "{} of {needed}", people.slab.bytes());
    }

    #[test]
    fn few_people_take_little_memory() {
        let mut people = People::new(100);
        for person in 0..100 {
            people.push(person, row(person as u32));
            let rows = (person + 1) * size_of::<Row>();
            assert!(people.slab.bytes() < 4 * rows + 4_000, "{} for {rows}", people.slab.bytes());
        }
        (0..100).for_each(|person| assert_eq!(people.get(person), [row(person as u32)]));
    }
}
