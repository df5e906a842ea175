//! What the promises are tested with. What other programs use as well lies in `tests/support`.

#[path = "../../support/broker/mod.rs"]
#[expect(dead_code, reason = "the simulation uses more of it")]
pub mod broker;
#[path = "../../support/counting.rs"]
pub mod counting;
pub mod deployment;
pub mod fleet;
pub mod histories;
#[path = "../../support/images.rs"]
pub mod images;
#[path = "../../support/kafka.rs"]
pub mod kafka;
pub mod open_data;
#[path = "../../support/oracle.rs"]
pub mod oracle;
#[path = "../../support/random.rs"]
pub mod random;
pub mod real;
#[path = "../../support/records.rs"]
pub mod records;
#[path = "../../support/rules.rs"]
pub mod rules;
pub mod seeds;
pub mod story;
#[path = "../../support/town.rs"]
pub mod town;
