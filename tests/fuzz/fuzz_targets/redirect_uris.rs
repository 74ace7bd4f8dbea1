#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::redirect_uris::run(data));
