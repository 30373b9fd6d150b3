//! Fuzz targets of the wire family as plain functions: the libFuzzer binaries in `fuzz_targets/` and the replay of the
//! committed seeds in `tests/` call the same code.

pub mod http1;
