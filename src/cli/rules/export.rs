//! Rules as JSON, out and in again: for those who check files where there is no Kafka.

use crate::policy::{Rules, records};
use crate::proto::{DESCRIPTORS, v1};
use anyhow::{Context as _, anyhow, ensure};
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use serde_json::error::Category;
use serde_json::{Map, Value};

/// The digest and every record, in the contract's JSON.
pub(super) fn json(rules: &Rules) -> anyhow::Result<Value> {
    let descriptor = descriptor()?;
    let mut records = Map::new();
    for (key, value) in rules.to_records() {
        let message = DynamicMessage::decode(descriptor.clone(), value.as_slice())?;
        records.insert(key, serde_json::to_value(message)?);
    }
    Ok(serde_json::json!({ "digest": rules.digest, "records": records }))
}

#[derive(serde::Deserialize)]
struct Export {
    digest: String,
    records: Map<String, Value>,
}

/// The rules of a text that [`json`] has made. One that was changed since, or cut off, is refused: what it allows is
/// not what is in force anywhere.
pub(super) fn rules(text: &str) -> anyhow::Result<Rules> {
    let Export { digest, records } = serde_json::from_str(text).map_err(|error| {
        anyhow!(match error.classify() {
            Category::Eof if text.trim().is_empty() => "it is empty",
            Category::Eof => "it ends before its end: was it cut off?",
            Category::Syntax | Category::Io => "it is no JSON",
            Category::Data => "it is JSON without the `digest` and `records` of such rules",
        })
    })?;
    let descriptor = descriptor()?;
    let mut all = Vec::new();
    for (key, value) in records {
        let record = record(&descriptor, value).with_context(|| format!("record {key}"))?;
        ensure!(record.0 == key, "record {key} is that of {}", record.0);
        all.push(record);
    }
    all.sort();
    let rules = of_records(&all)?;
    ensure!(
        rules.digest == digest,
        "it was changed since it was written: its digest is {}, not {digest}",
        rules.digest
    );
    Ok(rules)
}

/// The rules of records, or all that is wrong with them.
pub(super) fn of_records(records: &[(String, Vec<u8>)]) -> anyhow::Result<Rules> {
    let lines = |errors: Vec<_>| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    Rules::from_records(records).map_err(|errors| anyhow!("{}", lines(errors)))
}

fn record(descriptor: &MessageDescriptor, value: Value) -> anyhow::Result<(String, Vec<u8>)> {
    let other = "it is no rule of this version's contract; was it written by another version?";
    let message = DynamicMessage::deserialize(descriptor.clone(), value).map_err(|_| anyhow!(other))?;
    let rule = v1::Rule::decode(message.encode_to_vec().as_slice()).map_err(|_| anyhow!(other))?;
    rule.rule.and_then(records::record).context("it holds no rule")
}

fn descriptor() -> anyhow::Result<MessageDescriptor> {
    let pool = DescriptorPool::decode(DESCRIPTORS)?;
    pool.get_message_by_name("swabstream.v1.Rule").context("the contract has no message Rule")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::sample::{chongqing_rules, sample_rules};

    #[test]
    fn what_is_written_can_be_read_and_is_the_same() {
        for original in [sample_rules(), chongqing_rules()] {
            let text = json(&original).expect("the contract's").to_string();
            assert_eq!(rules(&text).expect("as written").to_records(), original.to_records());
        }
    }

    #[test]
    fn what_was_changed_or_cut_or_is_something_else_is_refused() {
        let whole = json(&sample_rules()).expect("the contract's");
        let mut lacking = whole.clone();
        let records = lacking["records"].as_object_mut().expect("records");
        let lab = records.keys().find(|key| key.starts_with("lab/")).expect("a lab").clone();
        records.remove(&lab);
        let error = rules(&lacking.to_string()).expect_err("a lab less").to_string();
        assert!(error.starts_with("it was changed since it was written"), "{error}");
        let text = whole.to_string();
        for other in [&text[..text.len() / 2], "{}", "id,person\n1,2\n"] {
            assert!(rules(other).is_err(), "{other}");
        }
    }
}
