//! Runs `wire_fuzz::files::files_path` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wire_fuzz::files::files_path(data));
