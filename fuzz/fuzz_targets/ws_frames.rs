//! Runs `wire_fuzz::ws::ws_frames` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wire_fuzz::ws::ws_frames(data));
