//! Is this the content that a swarm ID promises?
//!
//! So far: hash functions, and the Merkle tree of content that is at hand
//! (RFC 7574, section 5.1) with its peaks (section 5.6) and root.

mod content;
mod hash;

pub use content::{ContentTree, Peak};
pub use hash::{Hash, TreeHash};
