//! What the programs of this package share.

pub mod callgrind;
pub mod feed;
pub mod frames;
pub mod requests;
