//! The numbers of all areas as the signed changes that were sent add up to.

use swabstream::audit::stored::{Cells, What, people};
use swabstream::model::time::Day;
use swabstream::proto::v1::AreaChanges;

/// Adds a message of signed changes.
pub fn add(numbers: &mut Cells, changes: &AreaChanges) {
    assert!(!changes.cells.is_empty(), "nothing is sent when nothing changed");
    for cell in &changes.cells {
        let purpose = cell.purpose.checked_sub(1).map_or("", |at| &changes.purposes[at as usize]);
        let area = &changes.areas[cell.area as usize];
        let mut count = |what: What, number: i32| {
            let key = (area.clone(), Day(cell.registry_from), purpose.to_owned(), Day(cell.day), what);
            let sum = numbers.get(&key).copied().unwrap_or(0) + i64::from(number);
            match sum {
                0 => numbers.remove(&key),
                sum => numbers.insert(key, sum),
            };
        };
        count("positive", cell.positive);
        count("negative", cell.negative);
        count("inconclusive", cell.inconclusive);
        count("invalid", cell.invalid);
        count("cases", cell.cases);
        count("community cases", cell.community_cases);
        cell.tested.iter().for_each(|change| count(people(false, change.gap as i32), change.people));
        cell.found_positive.iter().for_each(|change| count(people(true, change.gap as i32), change.people));
    }
}
