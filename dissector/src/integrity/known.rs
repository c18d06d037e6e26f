//! The nodes of a tree whose hashes are proven, in few bytes each.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::budget::Budget;
use super::hash::Hash;
use crate::wire::Bin;

/// Bytes of each hash that are kept: all of SHA-1, and of the longer functions
/// a prefix. To find content that agrees with a proven hash in 192 bits is as
/// hopeless as finding content that agrees in 256.
const KEPT: usize = 24;

/// Nodes to a page: sixteen chunks, their parents, and two nodes further up.
const NODES: u64 = 32;

/// Proven hashes of neighbouring nodes.
#[derive(Clone, Debug)]
struct Page {
    /// Bit N tells whether node N of the page is known.
    known: u32,
    hashes: [[u8; KEPT]; NODES as usize],
}

/// Proven hashes by node: about 53 bytes a chunk where all nodes of a tree are
/// known, whatever the hash function.
#[derive(Clone, Debug, Default)]
pub(super) struct KnownNodes {
    pages: HashMap<u64, Box<Page>, FixedState>,
}

impl KnownNodes {
    /// Whether `hash` is the proven hash of `bin`; `None` where none is known.
    #[inline]
    pub(super) fn compare(&self, bin: Bin, hash: &Hash) -> Option<bool> {
        let (page, slot) = place(bin);
        let page = self.pages.get(&page)?;
        (page.known >> slot & 1 == 1).then(|| page.hashes[slot] == prefix(hash))
    }

    /// Whether the hash of `bin` is proven.
    #[inline]
    pub(super) fn contains(&self, bin: Bin) -> bool {
        let (page, slot) = place(bin);
        self.pages
            .get(&page)
            .is_some_and(|page| page.known >> slot & 1 == 1)
    }

    /// Notes a proven hash; false where the budget has no place for it.
    #[inline]
    pub(super) fn insert(&mut self, bin: Bin, hash: &Hash, budget: &mut Budget) -> bool {
        let (number, slot) = place(bin);
        let page = match self.pages.entry(number) {
            std::collections::hash_map::Entry::Occupied(found) => found.into_mut(),
            std::collections::hash_map::Entry::Vacant(free) => {
                if !budget.take_page() {
                    return false;
                }
                free.insert(Box::new(Page {
                    known: 0,
                    hashes: [[0; KEPT]; NODES as usize],
                }))
            }
        };
        page.known |= 1 << slot;
        page.hashes[slot] = prefix(hash);
        true
    }
}

#[inline]
fn place(bin: Bin) -> (u64, usize) {
    (bin.number() / NODES, (bin.number() % NODES) as usize)
}

#[inline]
fn prefix(hash: &Hash) -> [u8; KEPT] {
    let mut kept = [0; KEPT];
    let bytes = hash.as_bytes();
    let length = bytes.len().min(KEPT);
    kept[..length].copy_from_slice(&bytes[..length]);
    kept
}
