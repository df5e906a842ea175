//! Since when, and until when, somebody is in a key group: by all records that leave no day between them.
//!
//! In: the records of groups that are held. Out: runs of days, each of one group. Whoever is listed anew each day or week is
//! in the group since the first of these days, as whoever is listed once is.

use crate::model::time::Day;
use crate::state::person::case_file::CaseFile;
use crate::state::person::groups::Membership;

/// Days that follow each other, on all of which somebody is in a group. Two of one group never touch.
#[derive(Clone, Debug)]
pub struct Run<'a> {
    /// The group.
    pub group: &'a str,
    /// The day of entry.
    pub first: Day,
    /// The last day; none until further notice.
    pub last: Option<Day>,
    /// The records, one at least, in order of their days.
    pub records: Vec<&'a Membership>,
}

impl<'a> Run<'a> {
    /// Whether the person is in the group on a day by this run.
    pub fn covers(&self, day: Day) -> bool {
        self.first <= day && self.last.is_none_or(|last| day <= last)
    }

    /// The records that say so of a day.
    pub fn of(&self, day: Day) -> impl Iterator<Item = &'a Membership> {
        let says = move |one: &&Membership| one.first <= day && one.last.is_none_or(|last| day <= last);
        self.records.iter().copied().filter(says)
    }

    /// The record belongs to it, or leaves no day between.
    fn goes_on_with(&self, next: &Membership) -> bool {
        self.group == next.group && self.last.is_none_or(|last| next.first <= last.plus(1))
    }
}

/// All runs of a person, in order of group and day.
pub fn runs(file: &CaseFile) -> Vec<Run<'_>> {
    let mut records = standing(file);
    records.sort_by_key(|membership| membership.group.as_str());
    let mut runs: Vec<Run<'_>> = Vec::new();
    for next in records {
        match runs.last_mut().filter(|run| run.goes_on_with(next)) {
            Some(run) => {
                run.last = run.last.zip(next.last).map(|(one, other)| one.max(other));
                run.records.push(next);
            }
            None => {
                runs.push(Run { group: &next.group, first: next.first, last: next.last, records: vec![next] });
            }
        }
    }
    runs
}

/// Records of groups that hold, in order of the days.
pub fn standing(file: &CaseFile) -> Vec<&Membership> {
    let mut all: Vec<&Membership> = file.groups.iter().filter(|one| one.is_active()).collect();
    all.sort_by_key(|membership| (membership.first, membership.record_id.as_str()));
    all
}
