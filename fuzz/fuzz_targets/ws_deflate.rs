//! Runs `wire_fuzz::ws_deflate::ws_deflate` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wire_fuzz::ws_deflate::ws_deflate(data));
