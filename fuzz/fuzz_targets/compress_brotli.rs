//! Runs `wire_fuzz::compress::compress_brotli` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wire_fuzz::compress::compress_brotli(data));
