//! Runs `wire_fuzz::compress::compress_deflate` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wire_fuzz::compress::compress_deflate(data));
