//! Where a peer keeps content and the hashes that prove it: in memory
//! ([`MemoryStore`]) or in a file ([`FileStore`]).
//!
//! # What a file store promises
//!
//! The content is in an ordinary file, with holes while it is incomplete.
//! Beside it is a sidecar with the swarm ID, a mark for each chunk that is
//! there, and the proven hashes.
//!
//! Chunks and hashes wait in memory until they are committed. A commit writes
//! the chunks, then the hashes, then the marks: the end of the process at any
//! moment leaves no mark of a chunk that is not there.
//!
//! The end of the power is another matter: the system may have written the last
//! of these and not the first. So the sidecar's head says whether the store was
//! closed in order. Before the first change that is taken back, and both waits
//! for the disk. A store that was not closed, or whose content's length or time
//! of change is not what it was, is checked when it is opened: the kept hashes
//! from the swarm ID down, and each marked chunk against its hash. What proves
//! wrong, or can't be proven, is dropped; hashes that are missing are made from
//! the chunks where all of those are there.
//!
//! Where nothing protects the content (RFC 7574, section 7.5, method 0) the store
//! hashes each chunk when it comes, and compares it with that hash. So damage on
//! the disk is found; whether what came was right is another question.
//!
//! A store that was closed in order is believed. Who can forge its hashes can
//! forge its chunks as well, and receivers verify what they are sent.

mod ahead;
#[cfg(test)]
mod crash_tests;
mod disk;
mod error;
mod file;
mod hashes;
mod header;
mod layout;
mod marks;
mod memory;
mod open;
mod options;
mod pending;
mod recheck;
mod seed;
mod shape;
#[cfg(test)]
mod simulated;
#[cfg(test)]
mod unprotected_tests;

pub use error::StorageError;
pub use file::{FileStore, Recovery};
pub use memory::MemoryStore;
pub use options::{StoreOptions, SyncPolicy};
