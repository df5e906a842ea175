//! Forgeries that leave every number and every book as it was.

use super::{assert_named, case, read};
use crate::support::broker::Stored;
use prost::Message as _;
use swabstream::model::record::Topic;
use swabstream::proto::v1::{Alert, AlertState};

/// Partition of the record that a letter names.
fn partition_named(letter: &Stored) -> Option<i32> {
    std::str::from_utf8(letter.header("swabstream-partition")?).ok()?.parse().ok()
}

#[test]
fn a_dead_letter_with_other_bytes_or_another_key_is_named() {
    let what = "its key or bytes are not those of the record";
    let was_sent_on = |letter: &Stored| partition_named(letter) != Some(letter.partition);
    for sent_on in [false, true] {
        let like = |letter: &Stored| was_sent_on(letter) == sent_on && letter.payload.is_some();
        let mut bytes = case();
        let letter = bytes.last(Topic::DeadLetters, like);
        letter.payload.as_mut().expect("a payload").push(0);
        assert_named(&bytes, &["dead letters"], what);
        let mut key = case();
        key.last(Topic::DeadLetters, like).key = Some(b"somebody else".to_vec());
        assert_named(&key, &["dead letters"], what);
    }
    let mut emptied = case();
    let tombstone = |letter: &Stored| letter.header("swabstream-code") == Some(b"tombstone");
    emptied.last(Topic::DeadLetters, tombstone).payload = Some(Vec::new());
    assert_named(&emptied, &["dead letters"], what);
}

#[test]
fn a_second_alert_for_one_change_of_tier_is_named() {
    let mut case = case();
    let like = |record: &Stored| read::<Alert>(record).state() != AlertState::Withdrawn;
    let record = case.last(Topic::AreaAlerts, like).clone();
    let forged = Alert { alert_id: "0f".repeat(16), ..read(&record) };
    let key = Some(forged.alert_id.clone().into_bytes());
    case.append(Stored { key, payload: Some(forged.encode_to_vec()), ..record });
    assert_named(&case, &["tiers"], &format!("{} {}: one change has 2 live alerts", forged.area, forged.first_day));
}
