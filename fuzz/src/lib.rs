//! Fuzz targets of the wire family as plain functions: what libFuzzer runs, and what a test replays the seeds with.

pub mod http1;
pub mod ws;
