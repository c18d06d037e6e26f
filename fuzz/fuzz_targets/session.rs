//! Any datagrams between four addresses: see `checks/session.rs`.
#![no_main]

#[path = "../../tests/support/outputs.rs"]
mod outputs;

#[path = "../checks/session.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|input: &[u8]| check::check(input));
