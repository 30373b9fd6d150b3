//! Runs `wire_fuzz::ws_differential::ws_differential` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wire_fuzz::ws_differential::ws_differential(data));
