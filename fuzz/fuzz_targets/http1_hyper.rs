//! See [`wire_fuzz::http1_hyper::http1_hyper`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wire_fuzz::http1_hyper::http1_hyper(data));
