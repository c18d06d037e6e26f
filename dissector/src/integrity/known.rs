//! The nodes of a tree whose hashes are proven, in few bytes each.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::BuildHasher as _;

use foldhash::fast::FixedState;

use super::budget::Budget;
use super::hash::Hash;
use crate::wire::Bin;

/// Bytes that are kept of each hash: all of SHA-1; of the longer functions the
/// beginning, and a fingerprint of the rest under a secret seed. Nobody finds
/// content or another hash that agrees in both.
const KEPT: usize = 24;

/// Bytes of every hash that are kept as they are.
pub(super) const BEGINNING: usize = 16;

/// Nodes to a page: sixteen chunks, their parents, and two nodes further up.
const NODES: u64 = 32;

/// How far ahead of the pages that are there the list of near ones may reach:
/// twice as many, and a few.
const FEW: u64 = 8;

/// Near pages that are made together: of the nodes that are asked for next,
/// most are near ones then, too.
const AHEAD: u64 = 16;

/// Proven hashes of neighbouring nodes.
#[derive(Clone, Debug, Default)]
struct Page {
    /// Bit N tells whether node N of the page is known.
    known: u32,
    /// `None` while none is.
    hashes: Option<Box<[[u8; KEPT]; NODES as usize]>>,
}

/// Proven hashes by node: about 53 bytes a chunk where all nodes of a tree are
/// known, whatever the hash function.
#[derive(Clone, Debug)]
pub(super) struct KnownNodes {
    seed: FixedState,
    /// Pages by their number, from 0 on without gaps: content begins there.
    near: Vec<Page>,
    /// Pages beyond those.
    far: HashMap<u64, Page, FixedState>,
    pages: usize,
}

impl KnownNodes {
    /// No node is known. `seed` should be one that who sends hashes can't know.
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed: FixedState::with_seed(seed),
            near: Vec::new(),
            far: HashMap::default(),
            pages: 0,
        }
    }

    /// Whether `hash` is the proven hash of `bin`; `None` where none is known.
    #[inline]
    pub(super) fn compare(&self, bin: Bin, hash: &Hash) -> Option<bool> {
        let (number, slot) = place(bin);
        let page = self.page(number)?;
        if page.known >> slot & 1 == 0 {
            return None;
        }
        Some(page.hashes.as_ref()?[slot] == self.kept(hash))
    }

    /// How the proven hash of `bin` begins.
    pub(super) fn beginning(&self, bin: Bin) -> Option<[u8; BEGINNING]> {
        let (number, slot) = place(bin);
        let page = self.page(number)?;
        if page.known >> slot & 1 == 0 {
            return None;
        }
        page.hashes.as_ref()?[slot].first_chunk().copied()
    }

    /// Number of pages.
    pub(super) const fn pages(&self) -> usize {
        self.pages
    }

    /// Whether the hash of `bin` is proven.
    #[inline]
    pub(super) fn contains(&self, bin: Bin) -> bool {
        let (number, slot) = place(bin);
        self.page(number)
            .is_some_and(|page| page.known >> slot & 1 == 1)
    }

    /// Notes a proven hash; false where the node has one already, or the budget
    /// has no place for it.
    #[inline]
    pub(super) fn insert(&mut self, bin: Bin, hash: &Hash, budget: &mut Budget) -> bool {
        let (number, slot) = place(bin);
        let kept = self.kept(hash);
        if number >= self.near.len() as u64 {
            self.reach(number);
        }
        let near = usize::try_from(number).ok();
        let page = match near.and_then(|number| self.near.get_mut(number)) {
            Some(near) => near,
            None => match self.far.entry(number) {
                Entry::Occupied(page) => page.into_mut(),
                Entry::Vacant(_) if !budget.has_page() => return false,
                Entry::Vacant(free) => free.insert(Page::default()),
            },
        };
        if page.known >> slot & 1 == 1 {
            return false;
        }
        let hashes = match &mut page.hashes {
            Some(hashes) => hashes,
            free => {
                if !budget.take_page() {
                    return false;
                }
                self.pages += 1;
                free.insert(Box::new([[0; KEPT]; NODES as usize]))
            }
        };
        page.known |= 1 << slot;
        hashes[slot] = kept;
        true
    }

    #[inline]
    fn page(&self, number: u64) -> Option<&Page> {
        let near = usize::try_from(number).ok().and_then(|n| self.near.get(n));
        near.or_else(|| self.far.get(&number))
    }

    /// Makes page `number` a near one, where it is not far out.
    #[cold]
    fn reach(&mut self, number: u64) {
        let most = 2 * self.pages as u64 + FEW;
        if number > most {
            return;
        }
        for next in self.near.len() as u64..=most.min(number.saturating_add(AHEAD)) {
            self.near.push(self.far.remove(&next).unwrap_or_default());
        }
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
