//! Any bytes as a capture file: see `checks/capture.rs`.
#![no_main]

#[path = "../../tests/support/outputs.rs"]
mod outputs;

#[path = "../checks/capture.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|input: &[u8]| check::check(input));
