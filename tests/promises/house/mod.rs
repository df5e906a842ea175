//! Promises about the sources themselves, and about the pages for those who work on them.

mod circles;
mod imports;
mod layers;
mod pages;
mod sources;
