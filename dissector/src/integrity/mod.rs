//! Is this the content that a swarm ID promises?
//!
//! Hash functions; the Merkle tree of content that is at hand ([`ContentTree`],
//! RFC 7574, section 5.1) with its peaks (section 5.6) and root; and the tree
//! of a swarm whose hashes and chunks come in bit by bit ([`SwarmTree`]).

mod ascent;
mod budget;
mod content;
mod hash;
mod known;
mod peaks;
mod signature;
mod tree;

pub use ascent::{Ascent, Uncle};
pub use budget::{Budget, MAX_TREE_PAGES, MAX_WAITING, MAX_WAITING_BYTES};
pub use content::{ContentTree, Peak};
pub use hash::{Hash, TreeHash};
pub use peaks::{peak_ranges, root_above};
pub use signature::{KeyError, PublicKey};
pub use tree::{Evidence, Ruling, Settled, SwarmTree};
