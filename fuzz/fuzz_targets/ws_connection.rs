//! Runs `wire_fuzz::ws_connection::ws_connection` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wire_fuzz::ws_connection::ws_connection(data));
