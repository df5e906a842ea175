//! Which rules were in force, one set after the other: `rules history`, and what `rules show` and `restore` take from it.
//!
//! In: the topic `rules-history`, which `rules apply` writes in one transaction with the rules. Out: the sets, each with its
//! number, when it was put in force, and what it changed. The topic holds what changed from set to set, and behind that the
//! manifest of the set; it is never compacted. Where others wrote rules meanwhile (`days mark-incomplete`, an earlier version),
//! the next who writes adds what was in force by then as a set of its own.

use super::export;
use crate::cli::reading::PATIENCE;
use crate::config::Config;
use crate::kafka::reader::{From, TopicReader};
use crate::model::record::{Output, Record, Topic};
use crate::model::time::Timestamp;
use crate::policy::Rules;
use crate::policy::set::MANIFEST_KEY;
use crate::proto::v1::{self, rule::Rule as Kind};
use anyhow::Context as _;
use prost::Message as _;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Records of one set, by their keys.
type Records = BTreeMap<String, Vec<u8>>;

/// A set that was put in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Applied {
    /// 1 is the first there is.
    pub(super) number: u32,
    /// When it was written.
    pub(super) at: Timestamp,
    pub(super) digest: String,
    /// Records it has.
    pub(super) records: usize,
    pub(super) added: usize,
    pub(super) changed: usize,
    pub(super) removed: usize,
}

/// All sets there are.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) sets: Vec<Applied>,
    /// Records of the last set, and what was written behind it.
    records: Records,
    /// What will be the next set.
    next: Applied,
    /// The set that is asked for, with its records.
    wanted: Option<(u32, Records)>,
}

impl History {
    /// Reads the topic to its end, and keeps the records of one of its sets.
    pub(super) fn read(config: &Config, wanted: Option<u32>) -> anyhow::Result<Self> {
        let mut history = Self { wanted: wanted.map(|number| (number, Records::new())), ..Self::default() };
        let mut topic = TopicReader::open(&config.kafka, &[Topic::RulesHistory], From::Beginning)?;
        topic.read_to_end(PATIENCE, &mut |records| records.iter().for_each(|record| history.take(record)))?;
        Ok(history)
    }

    fn take(&mut self, record: &Record<'_>) {
        let Some(Ok(key)) = record.key.map(std::str::from_utf8) else { return };
        match record.payload {
            Some(manifest) if key == MANIFEST_KEY => self.close(manifest, record.received_at),
            Some(payload) => match self.records.insert(key.to_owned(), payload.to_vec()) {
                None => self.next.added += 1,
                Some(_) => self.next.changed += 1,
            },
            None => self.next.removed += usize::from(self.records.remove(key).is_some()),
        }
    }

    fn close(&mut self, manifest: &[u8], at: Timestamp) {
        let digest = match v1::Rule::decode(manifest) {
            Ok(v1::Rule { rule: Some(Kind::Set(set)) }) => set.digest,
            _ => String::new(),
        };
        let number = self.sets.len() as u32 + 1;
        let next = std::mem::take(&mut self.next);
        self.sets.push(Applied { number, at, digest, records: self.records.len(), ..next });
        if let Some((wanted, records)) = &mut self.wanted
            && *wanted == number
        {
            records.clone_from(&self.records);
        }
    }

    /// The set that was asked for.
    pub(super) fn rules(&self) -> anyhow::Result<Rules> {
        let (number, records) = self.wanted.as_ref().context("no set was asked for")?;
        let applied =
            self.sets.iter().find(|applied| applied.number == *number).with_context(|| match self.sets.len() {
                0 => "no rules were put in force yet, as far as rules-history says".to_owned(),
                all => format!("there is no set {number}: swabstream rules history lists those there are, 1 to {all}"),
            })?;
        let records: Vec<(String, Vec<u8>)> = records.clone().into_iter().collect();
        let rules = export::of_records(&records)
            .with_context(|| format!("set {number} cannot be used by this version, which reads more into rules"))?;
        anyhow::ensure!(rules.digest == applied.digest, "set {number} is not whole: its digest is {}", rules.digest);
        Ok(rules)
    }

    /// What is written when other rules come in force: those of before too, where the last set is another one.
    pub(super) fn outputs(&self, before: Option<&Rules>, after: &Rules) -> Vec<Output> {
        let (mut outputs, mut held) = (Vec::new(), self.records.clone());
        let mut digest = self.sets.last().map_or("", |last| last.digest.as_str());
        for rules in before.into_iter().chain([after]) {
            if rules.digest == digest {
                continue;
            }
            let records: Records = rules.to_records().into_iter().collect();
            let gone = held.keys().filter(|key| !records.contains_key(*key)).map(|key| output(key, None));
            let come = records.iter().filter(|(key, value)| held.get(*key) != Some(value));
            outputs.extend(gone.chain(come.map(|(key, value)| output(key, Some(value.clone())))));
            let (key, manifest) = rules.manifest();
            outputs.push(output(&key, Some(manifest)));
            (held, digest) = (records, &rules.digest);
        }
        outputs
    }
}

fn output(key: &str, payload: Option<Vec<u8>>) -> Output {
    Output { topic: Topic::RulesHistory, partition: 0, key: key.as_bytes().to_vec(), payload, headers: Vec::new() }
}

/// A table of all sets; `in_force` is the digest of the one that is.
pub(super) fn lines(history: &History, in_force: Option<&str>) -> Vec<String> {
    if history.sets.is_empty() {
        return vec![
            "no rules were put in force since the history is kept; `swabstream rules apply DIR` does".to_owned(),
        ];
    }
    let mut lines =
        vec![format!("{:>6}  {:<24}  {:>7}  {:<20}  {}", "number", "put in force", "records", "change", "digest")];
    for applied in &history.sets {
        let Applied { number, at, digest, records, added, changed, removed } = applied;
        let change = format!("+{added} ~{changed} -{removed}");
        let now = if is_in_force(history, applied, in_force) { "  in force" } else { "" };
        lines.push(format!("{number:>6}  {:<24}  {records:>7}  {change:<20}  {digest}{now}", at.to_string()));
    }
    if in_force.is_some_and(|digest| history.sets.last().is_none_or(|last| last.digest != digest)) {
        lines.push(
            "those in force are none of these: they were changed otherwise since, as by days mark-incomplete"
                .to_owned(),
        );
    }
    lines
}

/// The same for machines.
pub(super) fn json(history: &History, in_force: Option<&str>) -> String {
    let one = |applied: &Applied| {
        json!({
            "number": applied.number,
            "at": applied.at.to_string(),
            "digest": applied.digest,
            "records": applied.records,
            "added": applied.added,
            "changed": applied.changed,
            "removed": applied.removed,
            "in_force": is_in_force(history, applied, in_force),
        })
    };
    Value::from(history.sets.iter().map(one).collect::<Vec<_>>()).to_string()
}

/// Of sets that are alike the last.
fn is_in_force(history: &History, applied: &Applied, in_force: Option<&str>) -> bool {
    let is_last = history.sets.last().is_some_and(|last| last.number == applied.number);
    is_last && in_force == Some(&applied.digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::Position;
    use crate::policy::sample::{chongqing_rules, sample_rules};

    fn read(outputs: &[Output], wanted: Option<u32>) -> History {
        let mut history = History { wanted: wanted.map(|number| (number, Records::new())), ..History::default() };
        for (offset, output) in (0..).zip(outputs) {
            let position = Position { topic: Topic::RulesHistory, partition: 0, offset };
            let (key, payload) = (Some(&output.key[..]), output.payload.as_deref());
            history.take(&Record { position, received_at: Timestamp(offset), key, payload, content_type: None });
        }
        history
    }

    #[test]
    fn every_set_can_be_had_again_also_one_that_somebody_else_put_in_force() {
        let (sample, city) = (sample_rules(), chongqing_rules());
        let mut written = History::default().outputs(None, &sample);
        written.extend(read(&written, None).outputs(Some(&sample), &city));
        // Nobody had written this one down.
        let mut marked = city.to_records();
        let lab = marked.iter().position(|(key, _)| key.starts_with("lab/")).expect("a lab");
        marked.remove(lab);
        let others = Rules::from_records(&marked).expect("rules");
        written.extend(read(&written, None).outputs(Some(&others), &sample));
        for (number, rules) in (1..).zip([&sample, &city, &others, &sample]) {
            let history = read(&written, Some(number));
            assert_eq!(history.sets.len(), 4);
            let again = history.rules().expect("it is there");
            assert_eq!((&again.digest, again.to_records()), (&rules.digest, rules.to_records()), "{number}");
        }
        let why = read(&written, Some(5)).rules().expect_err("there are four").to_string();
        assert!(why.contains("there is no set 5") && why.contains("1 to 4"), "{why}");
        assert!(read(&[], Some(1)).rules().is_err());
        let again = read(&written, None).outputs(Some(&sample), &sample);
        assert!(again.is_empty(), "they are in force already");
    }

    #[test]
    fn the_table_says_what_each_set_changed_and_which_is_in_force() {
        let (sample, city) = (sample_rules(), chongqing_rules());
        let first = History::default().outputs(None, &sample);
        let all = [first.clone(), read(&first, None).outputs(Some(&sample), &city)].concat();
        let history = read(&all, None);
        let said = lines(&history, Some(&city.digest));
        assert!(said[1].contains(&format!("+{} ~0 -0", sample.to_records().len())), "{said:?}");
        assert!(said[2].ends_with(&format!("{}  in force", city.digest)) && said.len() == 3, "{said:?}");
        assert!(lines(&history, Some("other")).last().is_some_and(|line| line.starts_with("those in force are none")));
        let value: Value = serde_json::from_str(&json(&history, Some(&city.digest))).expect("JSON");
        assert_eq!((&value[0]["in_force"], &value[1]["in_force"]), (&json!(false), &json!(true)));
        assert!(lines(&History::default(), None)[0].contains("rules apply"));
    }
}
