//! See [`wire_fuzz::multipart_multer::multipart_multer`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wire_fuzz::multipart_multer::multipart_multer(data));
