//! What the area half promises, driven through its pure core alone.

#[path = "../support/images.rs"]
mod images;

mod bench;
mod city;
mod closes;
mod days;
mod duties;
mod hysteresis;
mod labs;
mod numbers;
mod purposes;
mod severity;
mod state;
mod tiers;
mod waiting;
