//! Where rows lie: blocks of a few sizes in large pieces of memory, so that a person costs no allocation.

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
}

#[derive(Debug)]
struct Class {
    /// Rows of a block.
    size: usize,
    rows: Vec<Row>,
    free: Vec<u32>,
}

impl Slab {
    /// The rows of one person.
    pub fn get(&self, rows: Rows) -> &[Row] {
        if rows.is_empty() {
            return &[];
        }
        let class = &self.classes[class_of(rows.len())];
        let start = rows.block as usize * class.size;
        &class.rows[start..start + rows.len()]
    }

    /// Adds a row at the end.
    pub fn push(&mut self, rows: Rows, row: Row) -> Rows {
        let len = rows.len + 1;
        let rows = self.resize(rows, len);
        self.block(rows)[len as usize - 1] = row;
        rows
    }

    /// Replaces a row.
    pub fn set(&mut self, rows: Rows, at: usize, row: Row) {
        self.block(rows)[at] = row;
    }

    /// Takes a row out; the last one takes its place.
    pub fn remove(&mut self, rows: Rows, at: usize) -> Rows {
        let block = self.block(rows);
        block[at] = block[block.len() - 1];
        self.resize(rows, rows.len - 1)
    }

    /// Bytes reserved.
    pub fn bytes(&self) -> usize {
        let bytes = |class: &Class| class.rows.capacity() * size_of::<Row>() + class.free.capacity() * 4;
        self.classes.iter().map(bytes).sum()
    }

    fn block(&mut self, rows: Rows) -> &mut [Row] {
        let class = &mut self.classes[class_of(rows.len())];
        let start = rows.block as usize * class.size;
        &mut class.rows[start..start + rows.len()]
    }

    /// Room for `len` rows, with as many of the old ones as fit.
    fn resize(&mut self, rows: Rows, len: u32) -> Rows {
        if len > 0 && rows.len > 0 && class_of(len as usize) == class_of(rows.len()) {
            return Rows { len, ..rows };
        }
        let kept = len.min(rows.len) as usize;
        let mut moved = Rows { block: 0, len };
        if len > 0 {
            let to = class_of(len as usize);
            moved.block = self.allocate(to);
            let start = moved.block as usize * self.classes[to].size;
            for at in 0..kept {
                let row = self.get(rows)[at];
                self.classes[to].rows[start + at] = row;
            }
        }
        if rows.len > 0 {
            self.classes[class_of(rows.len())].free.push(rows.block);
        }
        moved
    }

    fn allocate(&mut self, class: usize) -> u32 {
        while self.classes.len() <= class {
            let size = size_of_class(self.classes.len());
            self.classes.push(Class { size, rows: Vec::new(), free: Vec::new() });
        }
        let class = &mut self.classes[class];
        class.free.pop().unwrap_or_else(|| {
            let block = class.rows.len() / class.size;
            let needed = class.rows.len() + class.size;
            if class.rows.capacity() < needed {
                // Doubling would leave up to half of the largest piece of memory unused; a quarter is enough.
                class.rows.reserve_exact((class.rows.len() / 4).max(class.size));
            }
            class.rows.resize(needed, Row::default());
            block as u32
        })
    }
}

/// Up to here every number of rows has a class of its own.
const EXACT: usize = 8;

/// The smallest class that holds `len` rows: steps of about a quarter, so at most a fifth of a block is unused.
fn class_of(len: usize) -> usize {
    if len <= EXACT {
        return len - 1;
    }
    // Four steps between a power of two and the next: of `len - 1`, the exponent and the two bits after the first.
    let last = len - 1;
    let exponent = last.ilog2() as usize;
    let step = (last >> (exponent - 2)) & 3;
    EXACT + (exponent - 3) * 4 + step
}

/// Rows of a block of a class.
fn size_of_class(class: usize) -> usize {
    if class < EXACT {
        return class + 1;
    }
    let (exponent, step) = ((class - EXACT) / 4 + 3, (class - EXACT) % 4);
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

    #[test]
    fn rows_of_many_people_keep_apart_while_they_grow_and_shrink() {
        let mut slab = Slab::default();
        let mut people: Vec<(Rows, Vec<Row>)> = vec![(Rows::default(), Vec::new()); 20];
        for step in 0..20_000_u32 {
            let random = step.wrapping_mul(2_654_435_761) >> 8;
            let (rows, model) = &mut people[(random % 20) as usize];
            if random % 7 < 4 || model.is_empty() {
                *rows = slab.push(*rows, row(step));
                model.push(row(step));
            } else {
                let at = (random / 20) as usize % model.len();
                *rows = slab.remove(*rows, at);
                model.swap_remove(at);
            }
            assert_eq!(slab.get(*rows), model);
        }
        assert!(people.iter().all(|(rows, model)| slab.get(*rows) == model));
    }

    #[test]
    fn freed_blocks_are_used_again() {
        let mut slab = Slab::default();
        let mut rows = Rows::default();
        for number in 0..100 {
            rows = slab.push(rows, row(number));
        }
        while !rows.is_empty() {
            rows = slab.remove(rows, 0);
        }
        let before = slab.bytes();
        for number in 0..100 {
            rows = slab.push(rows, row(number));
        }
        assert_eq!(slab.bytes(), before);
    }
}
