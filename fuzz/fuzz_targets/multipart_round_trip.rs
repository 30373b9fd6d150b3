//! See [`wire_fuzz::multipart::multipart_round_trip`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wire_fuzz::multipart::multipart_round_trip(data));
