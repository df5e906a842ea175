//! Facts of rows, sorted in constant memory.
//!
//! In: facts in any order. Out: the same in ascending order. What is more than `HELD` bytes goes to disk in sorted
//! runs. At most `RUNS` are merged at once, each through a buffer of `READ` bytes: of more runs, longer ones are
//! made first. However many facts there are, that is 4 MiB before the first is given and 4 MiB after it.

use super::{Section, no_room};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read as _, Write as _};
use std::ops::Range;
use std::rc::Rc;

/// Facts held in memory, in bytes.
const HELD: usize = 4 * 1024 * 1024;

/// Runs merged at once.
const RUNS: usize = 256;

/// Read of a run at a time, and written of one.
const READ: usize = 16 * 1024;

/// Facts between two looks at whether to stop.
const LOOK: u64 = 1 << 16;

/// What is known of a row, most significant number first.
pub type Fact<const N: usize> = [u64; N];

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
    runs: Option<Runs<N>>,
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
        if self.runs.is_none() {
            self.sort();
            return Ok(Sorted { stop: self.bounds.stop, given: 0, from: Source::Memory(self.facts.into_iter()) });
        }
        self.write_run()?;
        self.facts = Vec::new();
        let Some(mut runs) = self.runs else { return Err(no_room(io::Error::other("runs without a file"))) };
        while runs.places.len() > self.bounds.runs {
            runs = runs.longer(self.bounds)?;
        }
        let (file, places) = runs.close()?;
        merged(&file, &places, self.bounds.stop)
    }

    fn sort(&mut self) {
        self.facts.sort_unstable();
        self.facts.dedup_by(|later, earlier| (self.says_nothing)(earlier, later));
    }

    fn write_run(&mut self) -> io::Result<()> {
        self.sort();
        let runs = match &mut self.runs {
            Some(runs) => runs,
            none => none.insert(Runs::new()?),
        };
        runs.begin(self.facts[0]);
        for fact in self.facts.drain(..) {
            runs.push(fact)?;
        }
        Ok(())
    }
}

/// Sorted runs in a file, one after the other.
#[derive(Debug)]
struct Runs<const N: usize> {
    file: BufWriter<File>,
    places: Vec<Range<u64>>,
    last: Option<Fact<N>>,
}

impl<const N: usize> Runs<N> {
    fn new() -> io::Result<Self> {
        let file = super::file().map_err(no_room)?;
        Ok(Self { file: BufWriter::with_capacity(READ, file), places: Vec::new(), last: None })
    }

    /// Begins a run, or goes on with the last one where that stays sorted.
    fn begin(&mut self, first: Fact<N>) {
        if self.last.is_none_or(|last| first < last) {
            let end = self.places.last().map_or(0, |place| place.end);
            self.places.push(end..end);
        }
    }

    fn push(&mut self, fact: Fact<N>) -> io::Result<()> {
        for number in fact {
            self.file.write_all(&number.to_le_bytes()).map_err(no_room)?;
        }
        if let Some(place) = self.places.last_mut() {
            place.end += size_of::<Fact<N>>() as u64;
        }
        self.last = Some(fact);
        Ok(())
    }

    /// The same facts in fewer and longer runs, in another file.
    fn longer(self, bounds: Bounds) -> io::Result<Self> {
        let (file, places) = self.close()?;
        let mut longer = Self::new()?;
        for places in places.chunks(bounds.runs) {
            let mut facts = merged(&file, places, bounds.stop)?;
            let mut next = facts.next_fact()?;
            next.into_iter().for_each(|first| longer.begin(first));
            while let Some(fact) = next {
                longer.push(fact)?;
                next = facts.next_fact()?;
            }
        }
        Ok(longer)
    }

    fn close(self) -> io::Result<(Rc<File>, Vec<Range<u64>>)> {
        let file = self.file.into_inner().map_err(|error| no_room(error.into_error()))?;
        Ok((Rc::new(file), self.places))
    }
}

fn merged<const N: usize>(file: &Rc<File>, places: &[Range<u64>], stop: fn() -> bool) -> io::Result<Sorted<N>> {
    let mut runs: Vec<_> =
        places.iter().map(|place| BufReader::with_capacity(READ, Section::new(file, place.clone()))).collect();
    let mut next = BinaryHeap::with_capacity(runs.len());
    for (number, run) in runs.iter_mut().enumerate() {
        next.extend(read(run)?.map(|fact| Reverse((fact, number))));
    }
    Ok(Sorted { stop, given: 0, from: Source::Disk { runs, next } })
}

/// The fact that a reader stands at; `None` at its end.
fn read<const N: usize>(run: &mut BufReader<Section>) -> io::Result<Option<Fact<N>>> {
    let (mut fact, mut bytes) = ([0; N], [0; 8]);
    for (at, number) in fact.iter_mut().enumerate() {
        match run.read(&mut bytes[..1]).map_err(no_room)? {
            0 if at == 0 => return Ok(None),
            read => run.read_exact(&mut bytes[read..]).map_err(no_room)?,
        }
        *number = u64::from_le_bytes(bytes);
    }
    Ok(Some(fact))
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
    Disk { runs: Vec<BufReader<Section>>, next: BinaryHeap<Reverse<(Fact<N>, usize)>> },
}

impl<const N: usize> Sorted<N> {
    /// The next; `None` after the last. An error also where it is told to stop.
    pub fn next_fact(&mut self) -> io::Result<Option<Fact<N>>> {
        self.given += 1;
        if self.given.is_multiple_of(LOOK) && (self.stop)() {
            return Err(io::Error::other("it was told to stop"));
        }
        match &mut self.from {
            Source::Memory(facts) => Ok(facts.next()),
            Source::Disk { runs, next } => {
                let Some(mut head) = next.peek_mut() else { return Ok(None) };
                let Reverse((fact, run)) = *head;
                match read(&mut runs[run])? {
                    Some(following) => *head = Reverse((following, run)),
                    None => drop(PeekMut::pop(head)),
                }
                Ok(Some(fact))
            }
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
        let result = (0..LOOK * 2).try_for_each(|at| sorter.push([at ^ 0x5555])).and_then(|()| {
            let mut sorted = sorter.sorted()?;
            while sorted.next_fact()?.is_some() {}
            Ok(())
        });
        let error = result.expect_err("stopped");
        assert!(!crate::intake::scratch::NoRoom::is(&error), "the disk has room: {error}");
    }
}
