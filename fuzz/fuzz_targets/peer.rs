//! Any datagrams to a peer with a static and a live swarm: see `checks/peer.rs`.
#![no_main]

#[path = "../checks/peer.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|input: &[u8]| check::check(input));
