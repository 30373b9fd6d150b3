//! Runs `wire_fuzz::h2ws::h2ws_handshake` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wire_fuzz::h2ws::h2ws_handshake(data));
