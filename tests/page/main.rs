//! What is seen of the page, and what machines and strangers are told over HTTP.

#[path = "../support/browser.rs"]
mod browser;
#[path = "../support/made_up.rs"]
mod made_up;
#[path = "../support/site.rs"]
mod site;

mod followed;
mod officer;
mod read;
mod seen;
mod told;
