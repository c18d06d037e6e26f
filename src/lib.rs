//! The parts of `ppsp-inspect`, the analyzer for PPSPP (RFC 7574).
//!
//! The program is `src/main.rs`; this library exists so that its tests and
//! benches can reach the rooms. It promises no stable interface.

pub mod capture;
pub mod cli;
pub mod content;
pub mod extraction;
pub mod hashing;
pub mod index;
pub mod output;
pub mod peer;
pub mod pipeline;
pub mod probe;
pub mod progress;
pub mod requirements;
pub mod selection;
pub mod tui;
