//! Signed changes in the order they come, and their sums by where they belong.
//!
//! In: which numbers of a node change, and by how much. Out: the same in order of nodes, added up. A result makes two or
//! three of them: to append these and to sort all at the commit costs less than a look for the cell of each.

use super::place::Place;
use crate::model::cell::{GAPS, Number, People, TALLIES, Tally};
use crate::policy::TargetIndex;
use crate::policy::areas::AreaIndex;

/// A tally, people of a gap, or both: the usual specimen is one of a finding and a day of its person. In 8 bits: the
/// tally from 1 in the upper 3, in the others the people from 1, in the order of [`Number`].
#[derive(Clone, Copy, Debug)]
pub struct What(u8);

const PEOPLE_BITS: u32 = 5;
const PEOPLE_MASK: u8 = (1 << PEOPLE_BITS) - 1;
const _: () = assert!(TALLIES < 8 && People::ALL.len() * GAPS < 1 << PEOPLE_BITS, "an event has room for every number");

impl What {
    /// A tally alone.
    pub fn tally(tally: Tally) -> Self {
        Self((tally as u8 + 1) << PEOPLE_BITS)
    }

    /// People of a gap, from 1, alone.
    pub fn people(days: People, gap: i32) -> Self {
        Self((days as usize * GAPS) as u8 + gap as u8)
    }

    /// A tally, and people.
    pub fn and(self, people: Self) -> Self {
        Self(self.0 | people.0)
    }

    fn of(number: Number) -> Self {
        match number.what.checked_sub(TALLIES as u8) {
            None => Self((number.what + 1) << PEOPLE_BITS),
            Some(people) => Self(people + 1),
        }
    }
}

/// Where something counts: an area, and in one number so that its order is that of messages: target, period of the
/// registry, purpose, day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Node {
    /// Area in the registry.
    pub area: AreaIndex,
    rest: u64,
}

/// Days before 1970 come first.
const DAYS: i32 = 1 << 23;

impl Node {
    /// Of a place in a period.
    pub fn new(period: usize, place: Place) -> Self {
        let day = u64::from((place.day + DAYS) as u32);
        let rest = u64::from(place.target) << 48 | (period as u64) << 32 | u64::from(place.purpose) << 24 | day;
        debug_assert!(period < 1 << 16 && day < 1 << 24, "no registry and no calendar goes so far");
        Self { area: place.area, rest }
    }

    /// The same in another area and period.
    pub fn moved(self, period: usize, area: AreaIndex) -> Self {
        Self { area, rest: self.rest & !(0xffff << 32) | (period as u64) << 32 }
    }

    /// The period of the registry.
    pub fn period(self) -> usize {
        (self.rest >> 32) as usize & 0xffff
    }

    /// Target of the deployment.
    pub fn target(self) -> TargetIndex {
        (self.rest >> 48) as TargetIndex
    }

    /// Purpose of the deployment, from 1; 0 is the total.
    pub fn purpose(self) -> u8 {
        (self.rest >> 24) as u8
    }

    /// Day of collection.
    pub fn day(self) -> i32 {
        (self.rest & 0xff_ffff) as i32 - DAYS
    }
}

/// A change of what [`What`] names at a node.
#[derive(Clone, Copy, Debug, Default)]
pub struct Event {
    area: AreaIndex,
    change: i32,
    /// The rest of the node, and behind it what changes.
    rest: u64,
}

impl Event {
    /// From its parts.
    pub fn new(node: Node, what: What, change: i32) -> Self {
        Self { area: node.area, change, rest: node.rest << 8 | u64::from(what.0) }
    }

    /// Of one number.
    pub fn of(node: Node, number: Number) -> Self {
        Self::new(node, What::of(number), number.change)
    }

    /// Where it counts.
    pub fn node(&self) -> Node {
        Node { area: self.area, rest: self.rest >> 8 }
    }

    /// The same elsewhere.
    pub fn at(&self, node: Node) -> Self {
        Self::new(node, What(self.rest as u8), self.change)
    }

    /// The same the other way round.
    pub fn undone(&self) -> Self {
        Self { change: -self.change, ..*self }
    }
}

/// Events, added up where they become many, so that they take no more room than what they say.
#[derive(Debug, Default)]
pub struct Events {
    list: Vec<Event>,
    /// So many and they are added up.
    bound: usize,
}

/// Events of a commit, several times over.
const MANY: usize = 1 << 17;

impl Events {
    /// One more.
    pub fn push(&mut self, event: Event) {
        if self.list.len() >= self.bound {
            self.make_room();
        }
        self.list.push(event);
    }

    #[cold]
    fn make_room(&mut self) {
        if self.bound > 0 {
            let (mut all, mut numbers) = (std::mem::take(&mut self.list), Vec::new());
            sort(&mut all, &mut Vec::new());
            for (node, run) in runs(&all) {
                numbers.clear();
                Sum::default().of(run, &mut numbers);
                self.list.extend(numbers.iter().map(|number| Event::of(node, *number)));
            }
        }
        self.bound = MANY.max(2 * self.list.len());
    }

    /// All in order of nodes; `spare` is working space.
    pub fn sorted(&mut self, spare: &mut Vec<Event>) -> &[Event] {
        sort(&mut self.list, spare);
        &self.list
    }

    /// Forgets all, keeps the memory.
    pub fn clear(&mut self) {
        self.list.clear();
    }
}

/// The events of each node, if they are in order.
pub fn runs(events: &[Event]) -> impl Iterator<Item = (Node, &[Event])> {
    events.chunk_by(|one, next| one.node() == next.node()).map(|run| (run[0].node(), run))
}

/// Numbers of one node while they are added up: the tallies and behind them the people, both from 1, as in [`What`].
#[derive(Debug)]
pub struct Sum {
    numbers: [i32; 8 + (1 << PEOPLE_BITS)],
}

impl Default for Sum {
    fn default() -> Self {
        Self { numbers: [0; 8 + (1 << PEOPLE_BITS)] }
    }
}

impl Sum {
    /// Appends what the events of one node come to, number by number, and is empty again.
    pub fn of(&mut self, run: &[Event], into: &mut Vec<Number>) {
        let mut changed = 0_u64;
        for event in run {
            let (tally, people) =
                (event.rest as usize >> PEOPLE_BITS & 7, 8 + (event.rest as u8 & PEOPLE_MASK) as usize);
            self.numbers[tally] += event.change;
            self.numbers[people] += event.change;
            changed |= 1 << tally | 1 << people;
        }
        // Those that are numbered 0 stand for none.
        (self.numbers[0], self.numbers[8]) = (0, 0);
        changed &= !(1 | 1 << 8);
        while changed != 0 {
            let at = changed.trailing_zeros() as usize;
            changed &= changed - 1;
            let change = std::mem::take(&mut self.numbers[at]);
            let what = if at < 8 { at - 1 } else { at - 9 + TALLIES } as u8;
            if change != 0 {
                into.push(Number { what, change });
            }
        }
    }
}

/// Sorts by node. Few are sorted by comparing; many digit by digit, where digits that are the same in all cost nothing.
pub fn sort(events: &mut Vec<Event>, spare: &mut Vec<Event>) {
    if events.is_sorted_by_key(Event::node) {
        return;
    }
    if events.len() < FEW {
        return events.sort_unstable_by_key(Event::node);
    }
    let first = events[0];
    let differing = events.iter().fold((0, 0), |(rest, area), event| {
        (rest | (event.rest ^ first.rest) >> 8, area | u64::from(event.area ^ first.area))
    });
    for digit in digits(differing.0) {
        by_digit(events, spare, |event| digit.of(event.rest >> 8));
    }
    for digit in digits(differing.1) {
        by_digit(events, spare, |event| digit.of(u64::from(event.area)));
    }
}

/// Fewer are sorted sooner by comparing them.
const FEW: usize = 1 << 9;
const DIGIT_BITS: u32 = 11;
const DIGITS: usize = 1 << DIGIT_BITS;

/// Some bits of a number: two stretches of it, since a few days and a few purposes fill one digit together.
#[derive(Clone, Copy, Debug)]
struct Digit {
    low: Stretch,
    high: Stretch,
    low_bits: u32,
}

#[derive(Clone, Copy, Debug)]
struct Stretch {
    shift: u32,
    mask: u64,
}

impl Digit {
    #[inline(always)]
    fn of(&self, number: u64) -> usize {
        (self.low.of(number) | self.high.of(number) << self.low_bits) as usize
    }
}

impl Stretch {
    /// Takes the lowest stretch of at most `room` bits in which numbers differ.
    fn take(differing: &mut u64, room: u32) -> Self {
        let shift = differing.trailing_zeros() % u64::BITS;
        let window = *differing >> shift & ((1 << room) - 1);
        *differing &= !(window << shift);
        Self { shift, mask: window.checked_ilog2().map_or(0, |highest| (2 << highest) - 1) }
    }

    #[inline(always)]
    fn of(self, number: u64) -> u64 {
        number >> self.shift & self.mask
    }
}

/// The digits by which numbers are sorted that differ in these bits, the lowest first.
fn digits(mut differing: u64) -> impl Iterator<Item = Digit> {
    std::iter::from_fn(move || {
        let low = (differing != 0).then(|| Stretch::take(&mut differing, DIGIT_BITS))?;
        let low_bits = low.mask.count_ones();
        Some(Digit { low, high: Stretch::take(&mut differing, DIGIT_BITS - low_bits), low_bits })
    })
}

/// Sorts by one digit, and leaves those of the same one in their order.
fn by_digit(events: &mut Vec<Event>, spare: &mut Vec<Event>, digit: impl Fn(&Event) -> usize) {
    let mut places = [0_u32; DIGITS];
    for event in &*events {
        places[digit(event) % DIGITS] += 1;
    }
    let mut next = 0;
    for place in &mut places {
        next += std::mem::replace(place, next);
    }
    spare.resize(events.len(), Event::default());
    for event in &*events {
        let place = &mut places[digit(event) % DIGITS];
        spare[*place as usize] = *event;
        *place += 1;
    }
    std::mem::swap(events, spare);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::cell::TOTAL;

    /// Events of some nodes, by chance; the same each time.
    fn events(number: usize, areas: u32, days: i32) -> Vec<Event> {
        let mut seed = 7_u64;
        let mut dice = |sides: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % sides
        };
        let all = TALLIES + People::ALL.len() * GAPS;
        let mut event = || {
            let (area, target, purpose) = (dice(areas.into()) as AreaIndex, dice(3) as TargetIndex, dice(5) as u8);
            let node = Node::new(dice(3) as usize, Place { area, target, purpose, day: dice(days as u64) as i32 - 9 });
            Event::of(node, Number { what: dice(all as u64) as u8, change: dice(9) as i32 - 4 })
        };
        (0..number).map(|_| event()).collect()
    }

    fn summed(events: &[Event]) -> Vec<(Node, Vec<Number>)> {
        let mut sum = Sum::default();
        let sums = runs(events).map(|(node, run)| {
            let mut numbers = Vec::new();
            sum.of(run, &mut numbers);
            (node, numbers)
        });
        sums.filter(|(_, numbers)| !numbers.is_empty()).collect()
    }

    #[test]
    fn a_node_says_where_it_is_and_comes_in_the_order_of_messages() {
        let place = |area, target, purpose, day| Place { area, target, purpose, day };
        let mut nodes = Vec::new();
        for (area, target, period) in [(0, 0, 0), (0, 1, 0), (0, 1, 65_535), (u32::MAX, 0, 0), (u32::MAX, 255, 7)] {
            for (purpose, day) in [(TOTAL, -1), (TOTAL, 0), (TOTAL, 70_000), (255, -8_000_000), (255, 8_000_000)] {
                let node = Node::new(period, place(area, target, purpose, day));
                let said = (node.area, node.target(), node.period(), node.purpose(), node.day());
                assert_eq!(said, (area, target, period, purpose, day));
                assert_eq!(node.moved(9, 3), Node::new(9, place(3, target, purpose, day)));
                nodes.push(node);
            }
        }
        assert!(nodes.is_sorted());
    }

    #[test]
    fn few_and_many_are_sorted_alike_however_far_they_lie_apart() {
        for (number, areas, days) in [(0, 1, 1), (40, 9, 20), (4_000, 9, 20), (4_000, 100_000, 40_000), (4_000, 1, 3)] {
            let mut by_digits = events(number, areas, days);
            let mut compared = by_digits.clone();
            compared.sort_by_key(Event::node);
            sort(&mut by_digits, &mut Vec::new());
            let bytes = |events: &[Event]| events.iter().map(|event| (event.area, event.rest >> 8)).collect::<Vec<_>>();
            assert_eq!(bytes(&by_digits), bytes(&compared), "{number} events of {areas} areas and {days} days");
            assert_eq!(summed(&by_digits), summed(&compared));
        }
    }

    #[test]
    fn what_is_added_up_in_between_comes_to_the_same_and_takes_no_more_room_than_it_says() {
        let all = events(5 * MANY, 5, 2);
        let mut bounded = Events::default();
        all.iter().for_each(|event| bounded.push(*event));
        assert!(bounded.list.len() <= 2 * MANY, "{}", bounded.list.len());
        let (mut spare, mut at_once) = (Vec::new(), all);
        at_once.sort_by_key(Event::node);
        assert_eq!(summed(bounded.sorted(&mut spare)), summed(&at_once));
    }

    #[test]
    fn a_specimen_and_its_person_are_one_event_of_two_numbers() {
        let node = Node::new(0, Place { area: 1, target: 0, purpose: 2, day: 3 });
        let what = What::tally(Tally::CommunityCases).and(What::people(People::Positive, GAPS as i32));
        let numbers = [Number::tally(Tally::CommunityCases, -1), Number::people(People::Positive, GAPS as u8, -1)];
        assert_eq!(summed(&[Event::new(node, what, -1)]), [(node, numbers.to_vec())]);
        assert_eq!(summed(&[Event::new(node, what, -1), Event::new(node, what, -1).undone()]), []);
    }
}
