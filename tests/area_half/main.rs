//! What the area half promises, driven through its pure core alone.

mod bench;
mod city;
mod numbers;
mod state;
mod tiers;
mod waiting;
