//! What the programs of this package share.

pub mod callgrind;
pub mod codecs;
pub mod feed;
pub mod frames;
pub mod http2;
pub mod process;
pub mod requests;
pub mod serving;
pub mod workloads;
