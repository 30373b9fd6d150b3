//! See [`wire_fuzz::http1_client::http1_client`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wire_fuzz::http1_client::http1_client(data));
