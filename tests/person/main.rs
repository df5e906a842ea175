//! What the person half promises, on several tasks that send each other messages, without a broker.

#[path = "../support/images.rs"]
mod images;
#[path = "../support/records.rs"]
mod records;

mod contact_versions;
mod contacts;
mod corrections;
mod days;
mod deadlines;
mod duties;
mod episodes;
mod groups;
mod messages;
mod pools;
mod properties;
mod reading;
mod recalls;
mod receipts;
mod recut;
mod replacements;
mod restore;
mod rosters;
mod scale;
mod sent;
mod shared;
mod targets;
mod tubes;
mod world;
