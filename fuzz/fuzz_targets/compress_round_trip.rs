//! Runs `wire_fuzz::compress::compress_round_trip` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wire_fuzz::compress::compress_round_trip(data));
