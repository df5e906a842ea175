//! The contract's types, generated from `proto/swabstream/v1` at build time, and their JSON mapping.

/// Generated types of package `swabstream.v1`.
#[allow(missing_docs, clippy::all, clippy::unwrap_used)] // generated: the comments are those of the contract
pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/swabstream.v1.rs"));
}

/// Descriptors of the contract, as `protoc --descriptor_set_out` would write them.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
