//! See [`wire_fuzz::multipart::multipart_parser`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wire_fuzz::multipart::multipart_parser(data));
