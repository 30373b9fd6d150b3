//! Runs `wire_fuzz::sse::sse_decoder` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wire_fuzz::sse::sse_decoder(data));
