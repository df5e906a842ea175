//! Receipts of labs: every record that was to be told of is in one of them, in an area task, or on its way there.
//!
//! In: the inputs, receipts, what area tasks hold, messages on their way, and what person tasks say they have told. Out: one
//! check. Outcomes are history; how many records there were, and of which ids, is not.

use super::cut::Cut;
use super::ledger::Heads;
use super::report::Check;
use super::rules::RulesFound;
use super::stored::AreaTask;
use super::stored::labs::{LabSum, LabSums, add};
use crate::model::record::Topic;
use crate::proto::v1::{LabReceipt, LabTally, OutcomeCount};
use std::collections::{BTreeMap, BTreeSet};
use xxhash_rust::xxh3::xxh3_128;

/// What was sent by labs, and what they were told.
#[derive(Clone, Debug, Default)]
pub struct Receipts {
    /// Of the inputs that were read, whatever became of them.
    sent: LabSums,
    /// Of those, what their person's task had not read yet.
    sent_on: LabSums,
    /// In receipts, and in messages on their way.
    told: LabSums,
    /// Receipts.
    published: u64,
    /// Of these, those that cannot be read.
    unreadable: u64,
}

impl Receipts {
    /// Takes a result by its lab and id.
    pub fn sent(&mut self, lab: &str, result_id: &str) {
        add(&mut self.sent, lab, one(result_id));
    }

    /// Takes one that had to be sent on, and was not read there.
    pub fn sent_on(&mut self, lab: &str, result_id: &str) {
        add(&mut self.sent_on, lab, one(result_id));
    }

    /// Takes a receipt.
    pub fn told(&mut self, key: &[u8], receipt: Option<LabReceipt>) {
        self.published += 1;
        let digest = receipt.as_ref().and_then(|receipt| digest(&receipt.id_digest));
        match receipt.zip(digest).filter(|(receipt, _)| receipt.lab_id.as_bytes() == key) {
            Some((receipt, digest)) => {
                let records = sum(&receipt.outcomes);
                add(&mut self.told, &receipt.lab_id, LabSum { records, digest });
            }
            None => self.unreadable += 1,
        }
    }

    /// Takes what a message says that its area task had not read.
    pub fn on_its_way(&mut self, tallies: &[LabTally]) {
        for tally in tallies {
            let digest = digest(&tally.id_digest).unwrap_or_default();
            add(&mut self.told, &tally.lab_id, LabSum { records: sum(&tally.outcomes), digest });
        }
    }
}

fn sum(outcomes: &[OutcomeCount]) -> u64 {
    outcomes.iter().map(|count| count.records).sum()
}

fn digest(bytes: &[u8]) -> Option<u128> {
    bytes.try_into().ok().map(u128::from_be_bytes)
}

/// A result, by its id.
fn one(result_id: &str) -> LabSum {
    LabSum { records: 1, digest: xxh3_128(result_id.as_bytes()) }
}

/// Compares all of them.
pub fn check(
    receipts: &Receipts,
    heads: &Heads,
    areas: &BTreeMap<i32, AreaTask>,
    RulesFound { rules, changed }: &RulesFound,
    (cut, judged_otherwise): (&Cut, u64),
) -> Check {
    let mut check = Check::new("receipts");
    check.require(receipts.unreadable == 0, || {
        format!("{} receipts are not what the topic holds, or not under the lab's id", receipts.unreadable)
    });
    let mut told = receipts.told.clone();
    for (lab, open) in areas.values().flat_map(|task| &task.labs) {
        add(&mut told, lab, *open);
    }
    let total = |sums: Vec<LabSum>| sums.into_iter().fold(LabSum::default(), LabSum::and);
    let all_told = total(told.values().copied().collect());
    let compared = format!("{} records told of in {} receipts, or about to be", all_told.records, receipts.published);
    let is_cut = |of: Topic| cut.first.iter().any(|((topic, _), first)| *topic == of && *first > 0);
    if is_cut(Topic::LabReceipts) {
        check.limited = Some("not recounted: receipts were deleted by retention".to_owned());
        return check.compared(compared);
    }
    let is_lost = |task: &&(Topic, i32)| task.0 == Topic::PersonState && !heads.contains_key(*task);
    if cut.commits.keys().any(|task| is_lost(&task)) {
        check.limited =
            Some("not recounted: a person task's state is lost, and with it how many it has told of".to_owned());
        return check.compared(compared);
    }
    let people = || heads.iter().filter(|((changelog, _), _)| *changelog == Topic::PersonState);
    let began_later = people().filter(|(_, head)| !head.task.tells_all).count();
    let said = people().map(|(_, head)| LabSum {
        records: head.task.lab_records,
        digest: digest(&head.task.lab_digest).unwrap_or_default(),
    });
    let said = total(said.collect());
    check.require(said == all_told, || {
        format!("{} records are told of, and person tasks say {}, or of other ids", all_told.records, said.records)
    });
    let known: BTreeSet<&str> = rules.labs.iter().map(|(id, _)| id.as_str()).collect();
    let sent = |lab: &str| {
        let [all, on] = [&receipts.sent, &receipts.sent_on].map(|sums| sums.get(lab).copied().unwrap_or_default());
        all.without(on)
    };
    let all_sent = total(known.iter().map(|lab| sent(lab)).collect());
    check.limited = match (changed, is_cut(Topic::LabResults)) {
        (true, _) => Some("not held against the inputs: the rules, and with them the labs, were others".to_owned()),
        (_, true) => Some("not held against the inputs: some were deleted by retention".to_owned()),
        _ if began_later > 0 => Some(format!(
            "not held against the inputs: {began_later} person tasks have read some before they told of it ({} records name a \
             lab)",
            all_sent.records
        )),
        _ if judged_otherwise > 0 => Some(format!(
            "not held against the inputs: {judged_otherwise} were judged by another limit of size, or another version"
        )),
        _ => None,
    };
    if check.limited.is_none() {
        for lab in known {
            let (sent, told) = (sent(lab), told.get(lab).copied().unwrap_or_default());
            check.require(sent == told, || {
                format!("{lab}: {} records were sent, {} are told of, or others", sent.records, told.records)
            });
        }
    }
    check.compared(compared)
}
