//! What is seen of the page, and what machines and strangers are told over HTTP.

#[path = "../support/made_up.rs"]
mod made_up;

mod browser;
mod followed;
mod officer;
mod read;
mod seen;
mod site;
mod told;
