#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::searches_and_imports::run(data));
