//! State that an earlier version stored: it is read, and goes on as if this version had written it.

#[path = "../support/images.rs"]
mod images;

mod history;
mod site;
mod stored;
