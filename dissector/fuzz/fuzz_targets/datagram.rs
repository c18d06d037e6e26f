//! Any bytes as a datagram under any layout: see `checks/datagram.rs`.
#![no_main]

#[path = "../checks/datagram.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|input: &[u8]| check::check(input));
