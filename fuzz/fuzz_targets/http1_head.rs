//! See [`wire_fuzz::http1::http1_head`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wire_fuzz::http1::http1_head(data));
