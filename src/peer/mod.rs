//! The embedded peer: it seeds, leeches, and streams live.

pub mod engine;
pub mod keys;
pub mod membership;
pub mod misbehave;
pub mod net;
mod persistence;
pub mod player;
pub mod root_check;
pub mod sim;
pub mod source;
pub mod storage;
pub mod task;
