//! Signed numbers of areas, gathered between two commits and turned into one message per touched area task.
//!
//! In: changes of a place (all areas above it change alike) or of one node. Out: `AreaChanges`, in an order that
//! depends on nothing but their content; cells that came to zero are not sent, and neither are empty messages.

use super::cell_messages::{CellPlace, Head, Messages};
use super::events::{Event, Events, Node, What};
use super::place::{Place, periods, purpose_name};
use super::pools::PoolChanges;
use super::spread::Spread;
use crate::model::cell::{Number, People, Tally};
use crate::model::duty::{self, DUTIES, GroupNumbers};
use crate::model::record::{Origin, Output};
use crate::model::result::Finding;
use crate::model::time::Day;
use crate::policy::Rules;
use crate::proto::v1::LabTally;
use crate::state::person::duties::{Counted, CountedDuty};
use std::collections::BTreeMap;

/// What a cell is, in words that outlive the rules; in the order of messages.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct CellName {
    area: String,
    target: String,
    registry_from: i32,
    purpose: String,
    day: i32,
}

/// Everything that changed since the last commit.
#[derive(Debug, Default)]
pub struct Cells {
    /// Changes that all areas of a place's lineage share: most are, and one then stands for many. Their period is not
    /// meant.
    places: Events,
    /// Changes of one area in one period of the registry.
    nodes: Events,
    spread: Spread,
    /// Of pools.
    pub pools: PoolChanges,
    /// Under rules no longer in force.
    earlier: Vec<(CellName, Vec<Number>)>,
    /// The newest record behind changes of cases and positives, by area, target and day.
    causes: BTreeMap<(String, String, i32), Origin>,
    /// Changes of what has to be done, by area, target and day: few, and in words that outlive the rules.
    duties: BTreeMap<(String, String, i32), [i32; DUTIES.len()]>,
    /// The same of key groups, by group as well.
    groups: BTreeMap<(String, String, i32, String), GroupNumbers>,
}

impl Cells {
    /// Counts a specimen, and if its day is one of its person's for this purpose, the person tested by the gap from it.
    pub fn test(&mut self, place: Place, finding: Finding, gap: Option<i32>, sign: i32) {
        let (tally, people) = (What::tally(Tally::of(finding)), gap.map(|gap| What::people(People::Tested, gap)));
        self.places.push(Event::new(Node::new(0, place), people.map_or(tally, |people| tally.and(people)), sign));
    }

    /// Counts an episode that starts here.
    pub fn case(&mut self, place: Place, community: bool, sign: i32) {
        self.tally(place, Tally::Cases, sign);
        if community {
            self.tally(place, Tally::CommunityCases, sign);
        }
    }

    fn tally(&mut self, place: Place, tally: Tally, sign: i32) {
        self.places.push(Event::new(Node::new(0, place), What::tally(tally), sign));
    }

    /// Counts a person in all areas of the place's lineage.
    pub fn person(&mut self, place: Place, days: People, gap: i32, sign: i32) {
        self.places.push(Event::new(Node::new(0, place), What::people(days, gap), sign));
    }

    /// Counts a person in one area in one period of the registry.
    pub fn person_at(&mut self, period: usize, place: Place, days: People, gap: i32, sign: i32) {
        self.nodes.push(Event::new(Node::new(period, place), What::people(days, gap), sign));
    }

    /// Counts duties, each in all that its area lies in on its day; what lies in no area of the registry in that of nobody.
    pub fn duties<'d>(&mut self, rules: &Rules, counted: impl Iterator<Item = &'d CountedDuty>, sign: i32) {
        for one in counted {
            let area = rules.areas.index(&one.area);
            for day in one.first.0..=one.last.0 {
                let lineage = area.map_or(&[][..], |area| rules.areas.lineage(rules.areas.period(Day(day)), area));
                let codes = lineage.iter().map(|area| rules.areas.list[*area as usize].code.as_str());
                let nowhere = Some("").filter(|_| lineage.is_empty());
                for code in codes.chain(nowhere) {
                    self.duty((code, &one.target, day), &one.what, sign * one.number as i32);
                }
            }
        }
    }

    fn duty(&mut self, (code, target, day): (&str, &str, i32), what: &Counted, change: i32) {
        let (code, target) = (code.to_owned(), target.to_owned());
        match what {
            Counted::Duty(kind) => {
                let numbers = self.duties.entry((code, target, day)).or_default();
                duty::place_of(*kind).into_iter().for_each(|at| numbers[at] += change);
            }
            Counted::Group(group, number) => {
                self.groups.entry((code, target, day, group.clone())).or_default()[*number as usize] += change;
            }
        }
    }

    /// Notes which record is behind a change of cases or positives in all areas of the place's lineage.
    pub fn cause(&mut self, rules: &Rules, place: Place, origin: Origin) {
        let areas = periods(rules, place.day).flat_map(|period| rules.areas.lineage(period, place.area));
        for &area in areas {
            let target = rules.stored_target(place.target).to_owned();
            let key = (rules.areas.list[area as usize].code.clone(), target, place.day);
            let newest = self.causes.entry(key).or_insert(origin);
            *newest = origin.max(*newest);
        }
    }

    /// The rules are about to change: what was gathered is put into words of the old ones.
    pub fn carry_over(&mut self, rules: &Rules) {
        self.spread.take(&mut self.places, &mut self.nodes, rules);
        let cells = self.spread.cells().map(|(node, numbers)| (name(node, rules), numbers.to_vec()));
        self.earlier.extend(cells);
        self.pools.carry_over(rules);
    }

    /// Messages for each area task that has changes; nothing is left behind.
    pub fn drain(&mut self, rules: &Rules, head: &Head, labs: &[LabTally]) -> Vec<Output> {
        let mut messages = Messages::new(*head);
        if self.earlier.is_empty() {
            self.add_all(rules, &mut messages);
        } else {
            self.carry_over(rules);
            self.add_earlier(&mut messages);
        }
        self.pools.drain(rules, &mut messages);
        for ((area, target, day), origin) in std::mem::take(&mut self.causes) {
            messages.cause((&area, &target), day, origin);
        }
        for ((area, target, day), numbers) in std::mem::take(&mut self.duties) {
            messages.duties((&area, &target), day, numbers);
        }
        for ((area, target, day, group), numbers) in std::mem::take(&mut self.groups) {
            messages.group((&area, &target), day, group, numbers);
        }
        labs.iter().for_each(|tally| messages.lab(tally));
        messages.finish()
    }

    fn add_all(&mut self, rules: &Rules, messages: &mut Messages) {
        self.spread.take(&mut self.places, &mut self.nodes, rules);
        let mut subject = None;
        for (node, numbers) in self.spread.cells() {
            if subject != Some((node.area, node.target())) {
                subject = Some((node.area, node.target()));
                messages.subject(&rules.areas.list[node.area as usize].code, rules.stored_target(node.target()));
            }
            let registry_from = rules.areas.periods[node.period()].0;
            let purpose = (usize::from(node.purpose()), purpose_name(rules, node.purpose()));
            messages.add(CellPlace { registry_from, purpose, day: node.day() }, numbers);
        }
    }

    /// Changes under old and new rules mostly cancel each other: they meet by name.
    fn add_earlier(&mut self, messages: &mut Messages) {
        let mut cells: BTreeMap<CellName, BTreeMap<u8, i32>> = BTreeMap::new();
        for (name, numbers) in self.earlier.drain(..) {
            let sums = cells.entry(name).or_default();
            numbers.iter().for_each(|number| *sums.entry(number.what).or_default() += number.change);
        }
        let mut purposes: Vec<&str> = vec![""];
        for (CellName { area, target, registry_from, purpose, day }, sums) in &cells {
            let changed = sums.iter().filter(|(_, change)| **change != 0);
            let numbers: Vec<Number> = changed.map(|(what, change)| Number { what: *what, change: *change }).collect();
            if numbers.is_empty() {
                continue;
            }
            let at = purposes.iter().position(|known| known == purpose).unwrap_or(purposes.len());
            if at == purposes.len() {
                purposes.push(purpose);
            }
            messages.subject(area, target);
            messages.add(CellPlace { registry_from: *registry_from, purpose: (at, purpose), day: *day }, &numbers);
        }
    }
}

fn name(node: Node, rules: &Rules) -> CellName {
    CellName {
        area: rules.areas.list[node.area as usize].code.clone(),
        target: rules.stored_target(node.target()).to_owned(),
        registry_from: rules.areas.periods[node.period()].0,
        purpose: purpose_name(rules, node.purpose()).to_owned(),
        day: node.day(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::Layout;
    use crate::model::time::{Day, Timestamp};
    use crate::policy::sample::sample_rules;
    use crate::proto::v1::AreaChanges;
    use prost::Message as _;

    const HEAD: Head = Head {
        person_task: 3,
        seq: 9,
        now: Timestamp(0),
        layout: Layout { person_tasks: 4, area_tasks: 1 },
        format: 1,
    };

    fn drained(cells: &mut Cells, rules: &Rules) -> Vec<AreaChanges> {
        let outputs = cells.drain(rules, &HEAD, &[]);
        let payload = |output: &Output| output.payload.clone().expect("a payload");
        outputs.iter().map(|output| AreaChanges::decode(&payload(output)[..]).expect("a message")).collect()
    }

    fn place(rules: &Rules, area: &str, day: i32) -> Place {
        Place { area: rules.areas.index(area).expect("an area"), target: 0, purpose: 1, day }
    }

    #[test]
    fn what_cancels_out_is_not_sent_also_across_other_rules() {
        let rules = sample_rules();
        let mut cells = Cells::default();
        let place = place(&rules, "D1S1", 19_000);
        cells.test(place, Finding::Negative, None, 1);
        cells.test(place, Finding::Negative, None, -1);
        assert!(cells.drain(&rules, &HEAD, &[]).is_empty());
        cells.test(place, Finding::Negative, None, -1);
        cells.carry_over(&rules);
        cells.test(place, Finding::Negative, None, 1);
        assert!(cells.drain(&rules, &HEAD, &[]).is_empty());
    }

    #[test]
    fn a_place_counts_in_every_area_it_lies_in_and_once_per_readable_period() {
        let rules = sample_rules();
        let mut cells = Cells::default();
        // Two days before the harbour quarter moves to the first district.
        let day = Day::parse("2022-11-13").expect("a day").0;
        cells.test(place(&rules, "D2S2", day), Finding::Positive, None, 1);
        let [message] = &drained(&mut cells, &rules)[..] else { panic!("one message") };
        let placed: Vec<(&str, bool)> = message
            .cells
            .iter()
            .map(|cell| (message.areas[cell.area as usize].as_str(), cell.registry_from > day))
            .collect();
        assert_eq!(placed, [("C", false), ("C", true), ("D1", true), ("D2", false), ("D2S2", false), ("D2S2", true)]);
        assert!(message.cells.iter().all(|cell| cell.positive == 1));
    }

    #[test]
    fn a_large_batch_is_sent_in_parts() {
        let rules = sample_rules();
        let mut cells = Cells::default();
        let days = 18_300..19_200;
        for (day, purpose) in days.clone().flat_map(|day| [(day, 1), (day, 2)]) {
            cells.test(Place { purpose, ..place(&rules, "D1S1", day) }, Finding::Negative, None, 1);
        }
        let messages = drained(&mut cells, &rules);
        assert_eq!(messages.iter().map(|message| message.part).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(messages.iter().map(|message| message.cells.len()).sum::<usize>(), 2 * 3 * days.len());
    }
}
