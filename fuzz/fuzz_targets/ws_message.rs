//! Runs `wire_fuzz::ws::ws_message` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wire_fuzz::ws::ws_message(data));
