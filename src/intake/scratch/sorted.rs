//! Facts of rows, sorted in constant memory.
//!
//! In: facts in any order. Out: the same in ascending order. What is more than `HELD` bytes goes to disk in sorted
//! runs. At most `RUNS` are merged at once, each through a buffer of `READ` bytes: of more runs, longer ones are
//! made first. However many facts there are, that is 4 MiB before the first is given and 4 MiB after it.

use super::runs::{Merge, Record, Runs, go_on};
use std::io::{self, Read};

/// Facts held in memory, in bytes.
const HELD: usize = 4 * 1024 * 1024;

/// Runs merged at once.
const RUNS: usize = 256;

/// Read of a run at a time, and written of one.
const READ: usize = 16 * 1024;

/// What is known of a row, most significant number first.
pub type Fact<const N: usize> = [u64; N];

impl<const N: usize> Record for Fact<N> {
    type Key = Self;

    fn key(&self) -> Self {
        *self
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        self.iter().for_each(|number| bytes.extend(number.to_le_bytes()));
    }

    fn read(reader: &mut impl Read) -> io::Result<Option<Self>> {
        let (mut fact, mut bytes) = ([0; N], [0; 8]);
        for (at, number) in fact.iter_mut().enumerate() {
            match reader.read(&mut bytes[..1])? {
                0 if at == 0 => return Ok(None),
                read => reader.read_exact(&mut bytes[read..])?,
            }
            *number = u64::from_le_bytes(bytes);
        }
        Ok(Some(fact))
    }
}

/// How much is held and merged.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Facts in memory, in bytes.
    pub held: usize,
    /// Runs merged at once, two at least.
    pub runs: usize,
    /// Whether to stop.
    pub stop: fn() -> bool,
}

impl Bounds {
    /// The usual ones.
    pub fn until(stop: fn() -> bool) -> Self {
        Self { held: HELD, runs: RUNS, stop }
    }
}

/// Takes facts.
#[derive(Debug)]
pub struct Sorter<const N: usize> {
    bounds: Bounds,
    /// Whether the later of two facts that follow each other says nothing that the earlier does not.
    says_nothing: fn(&Fact<N>, &Fact<N>) -> bool,
    facts: Vec<Fact<N>>,
    runs: Option<Runs<Fact<N>>>,
}

impl<const N: usize> Sorter<N> {
    /// Without facts.
    pub fn new(bounds: Bounds) -> Self {
        Self::dropping(bounds, |_, _| false)
    }

    /// One that may drop the later of two facts that follow each other.
    pub fn dropping(bounds: Bounds, says_nothing: fn(&Fact<N>, &Fact<N>) -> bool) -> Self {
        Self { bounds, says_nothing, facts: Vec::new(), runs: None }
    }

    /// Takes a fact.
    pub fn push(&mut self, fact: Fact<N>) -> io::Result<()> {
        let most = (self.bounds.held / size_of::<Fact<N>>()).max(1);
        if self.facts.len() == most {
            self.write_run()?;
        }
        if self.facts.capacity() == 0 {
            // At once: what grows leaves smaller pieces behind. Pages that are not used yet cost nothing.
            self.facts.reserve_exact(most);
        }
        self.facts.push(fact);
        Ok(())
    }

    /// Whether it took none.
    pub fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }

    /// All facts, in ascending order.
    pub fn sorted(mut self) -> io::Result<Sorted<N>> {
        let Bounds { runs: most, stop, .. } = self.bounds;
        if self.runs.is_some() {
            self.write_run()?;
            self.facts = Vec::new();
        } else {
            self.sort();
        }
        let from = match self.runs {
            None => Source::Memory(self.facts.into_iter()),
            Some(runs) => Source::Disk(runs.merged(most, stop)?),
        };
        Ok(Sorted { stop, given: 0, from })
    }

    fn sort(&mut self) {
        self.facts.sort_unstable();
        self.facts.dedup_by(|later, earlier| (self.says_nothing)(earlier, later));
    }

    fn write_run(&mut self) -> io::Result<()> {
        self.sort();
        let runs = match &mut self.runs {
            Some(runs) => runs,
            none => none.insert(Runs::new(READ)?),
        };
        runs.begin(self.facts[0]);
        let mut bytes = Vec::with_capacity(size_of::<Fact<N>>());
        for fact in self.facts.drain(..) {
            bytes.clear();
            fact.write(&mut bytes);
            runs.push(fact, &bytes)?;
        }
        Ok(())
    }
}

/// Gives facts in ascending order.
#[derive(Debug)]
pub struct Sorted<const N: usize> {
    stop: fn() -> bool,
    given: u64,
    from: Source<N>,
}

#[derive(Debug)]
enum Source<const N: usize> {
    Memory(std::vec::IntoIter<Fact<N>>),
    Disk(Merge<Fact<N>>),
}

impl<const N: usize> Sorted<N> {
    /// The next; `None` after the last. An error also where it is told to stop.
    pub fn next_fact(&mut self) -> io::Result<Option<Fact<N>>> {
        go_on(&mut self.given, self.stop)?;
        match &mut self.from {
            Source::Memory(facts) => Ok(facts.next()),
            Source::Disk(merge) => merge.next_record(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(bounds: Bounds, says_nothing: fn(&Fact<2>, &Fact<2>) -> bool, facts: &[Fact<2>]) -> Vec<Fact<2>> {
        let mut sorter = Sorter::dropping(bounds, says_nothing);
        facts.iter().for_each(|fact| sorter.push(*fact).expect("room"));
        assert_eq!(sorter.is_empty(), facts.is_empty());
        let (mut sorted, mut all) = (sorter.sorted().expect("room"), Vec::new());
        while let Some(fact) = sorted.next_fact().expect("readable") {
            all.push(fact);
        }
        all
    }

    #[test]
    fn facts_come_out_sorted_however_few_fit_into_memory_and_however_few_runs_are_merged_at_once() {
        // All residues of a prime, in disorder; each twice.
        let facts: Vec<Fact<2>> = (0..2_002_u64).map(|at| [at * 523 % 1_001, at / 1_001]).collect();
        let mut expected = facts.clone();
        expected.sort_unstable();
        for (held, runs) in [(HELD, RUNS), (16, 2), (16, 256), (160, 2), (1_600, 3), (16_000, 2), (32_032, 2)] {
            let bounds = Bounds { held, runs, stop: || false };
            assert_eq!(through(bounds, |_, _| false, &facts), expected, "{held} {runs}");
            let first = through(bounds, |earlier, later| earlier[0] == later[0], &expected);
            assert!(first.windows(2).all(|pair| pair[0] < pair[1]), "{held} {runs}");
            let mut numbers: Vec<u64> = first.iter().map(|fact| fact[0]).collect();
            numbers.dedup();
            assert_eq!(numbers, Vec::from_iter(0..1_001), "{held} {runs}: of each something is left");
        }
        assert_eq!(through(Bounds::until(|| false), |_, _| false, &[]), Vec::<Fact<2>>::new());
    }

    #[test]
    fn whoever_is_told_to_stop_stops_while_facts_are_given() {
        let mut sorter = Sorter::new(Bounds { held: 1 << 16, runs: 2, stop: || true });
        let result = (0..1 << 17).try_for_each(|at| sorter.push([at ^ 0x5555])).and_then(|()| {
            let mut sorted = sorter.sorted()?;
            while sorted.next_fact()?.is_some() {}
            Ok(())
        });
        let error = result.expect_err("stopped");
        assert!(!crate::intake::scratch::NoRoom::is(&error), "the disk has room: {error}");
    }
}
