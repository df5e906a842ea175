//! The demonstration, as a newcomer runs it: it ends by itself, says what became of every record, and balances.

#[path = "support/kafka.rs"]
mod kafka;

use std::process::Command;

/// Runs the demo for some seconds; its standard output.
fn demo(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_swabstream"));
    command.args(["demo", "--for", "10s", "--rate", "1000", "--http", "127.0.0.1:0"]).args(arguments);
    let output = command.output().expect("the demo runs");
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{text}\n{errors}", output.status);
    text.into_owned()
}

/// The number a line of the summary gives for a name.
fn count(summary: &str, name: &str) -> u64 {
    let line = summary.lines().find(|line| line.split_whitespace().next() == Some(name));
    let number = line.and_then(|line| line.split_whitespace().nth(1)).unwrap_or_else(|| panic!("{name} in {summary}"));
    number.replace(',', "").parse().unwrap_or_else(|_| panic!("{line:?}"))
}

fn assert_all_is_told(summary: &str) {
    assert!(summary.contains("ledger balances"), "{summary}");
    assert!(count(summary, "accepted") > 1_000, "{summary}");
    assert!(count(summary, "forwarded") > 0, "mis-keyed records were sent on: {summary}");
    assert!(count(summary, "positive") > 0, "alerts: {summary}");
    let codes = summary.lines().skip_while(|line| line.trim() != "rejected by code").skip(1);
    let codes = codes.take_while(|line| line.trim() != "alerts by family");
    let by_code: u64 = codes.map(|line| count(line, line.split_whitespace().next().unwrap_or_default())).sum();
    assert!(by_code > 10 && by_code == count(summary, "rejected"), "broken records by code: {summary}");
    assert!(summary.contains("districts by tier") && summary.contains("per second"), "{summary}");
}

#[test]
fn the_books_balance_on_the_embedded_broker() {
    assert_all_is_told(&demo(&[]));
}

#[test]
fn the_books_balance_on_a_real_kafka() {
    assert_all_is_told(&demo(&["--brokers", kafka::brokers(), "--prefix", &kafka::unique("demo")]));
}

#[test]
fn nobody_is_named_on_the_screen() {
    let text = demo(&["--seed", "3"]);
    let hexadecimal = |word: &str| word.len() == 16 && word.chars().all(|c| c.is_ascii_hexdigit());
    let named = text.split(|c: char| !c.is_ascii_alphanumeric()).find(|word| hexadecimal(word));
    assert_eq!(named, None, "a pseudonym was written");
}
