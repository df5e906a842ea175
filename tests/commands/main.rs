//! Every command as a process: what is done when nobody reads, when it is asked to end, and when it is used wrongly.

#[path = "../support/ended.rs"]
mod ended;
#[path = "../support/http.rs"]
mod http;
#[path = "../support/kafka.rs"]
mod kafka;
#[path = "../support/outputs.rs"]
mod outputs;
#[path = "../support/records.rs"]
#[allow(dead_code, reason = "shared with tests of contacts")]
mod records;
#[path = "../support/waiting.rs"]
mod waiting;

mod days;
mod deadletters;
mod files;
mod output;
mod policy;
mod policy_files;
mod settings;
mod signals;
mod site;
mod wrong;
