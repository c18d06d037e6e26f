//! The nodes of a tree whose hashes are proven, in few bytes each.

use std::collections::HashMap;
use std::hash::BuildHasher as _;

use foldhash::fast::FixedState;

use super::budget::Budget;
use super::hash::Hash;
use crate::wire::Bin;

/// Bytes that are kept of each hash: all of SHA-1; of the longer functions the
/// beginning, and a fingerprint of the rest under a secret seed. Nobody finds
/// content or another hash that agrees in both.
const KEPT: usize = 24;

/// Bytes of longer hashes that are kept as they are.
const BEGINNING: usize = 16;

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
#[derive(Clone, Debug)]
pub(super) struct KnownNodes {
    seed: FixedState,
    pages: HashMap<u64, Box<Page>, FixedState>,
}

impl KnownNodes {
    /// No node is known. `seed` should be one that who sends hashes can't know.
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed: FixedState::with_seed(seed),
            pages: HashMap::default(),
        }
    }

    /// Whether `hash` is the proven hash of `bin`; `None` where none is known.
    #[inline]
    pub(super) fn compare(&self, bin: Bin, hash: &Hash) -> Option<bool> {
        let (page, slot) = place(bin);
        let page = self.pages.get(&page)?;
        (page.known >> slot & 1 == 1).then(|| page.hashes[slot] == self.kept(hash))
    }

    /// Number of pages.
    pub(super) fn pages(&self) -> usize {
        self.pages.len()
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
        let kept = self.kept(hash);
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
        page.hashes[slot] = kept;
        true
    }

    #[inline]
    fn kept(&self, hash: &Hash) -> [u8; KEPT] {
        let bytes = hash.as_bytes();
        let mut kept = [0; KEPT];
        if let Some(whole) = kept.get_mut(..bytes.len()) {
            whole.copy_from_slice(bytes);
        } else if let Some((beginning, rest)) = bytes.split_first_chunk::<BEGINNING>() {
            kept[..BEGINNING].copy_from_slice(beginning);
            kept[BEGINNING..].copy_from_slice(&self.seed.hash_one(rest).to_ne_bytes());
        }
        kept
    }
}

#[inline]
fn place(bin: Bin) -> (u64, usize) {
    (bin.number() / NODES, (bin.number() % NODES) as usize)
}
