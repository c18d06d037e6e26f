//! Where a peer keeps content and the hashes that prove it: in memory or in a
//! file.

mod memory;
mod shape;

pub use memory::MemoryStore;
