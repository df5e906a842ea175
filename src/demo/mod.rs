//! The demonstration: a simulated city, and the command that shows swabstream working on it.

pub mod city;

pub mod figures;

pub mod screen;

pub mod summary;
