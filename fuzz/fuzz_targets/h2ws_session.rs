//! Runs `wire_fuzz::h2ws_session::h2ws_session` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wire_fuzz::h2ws_session::h2ws_session(data));
