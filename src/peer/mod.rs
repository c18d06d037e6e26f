//! The embedded peer: it seeds, leeches, and streams live.

pub mod engine;
pub mod sim;
