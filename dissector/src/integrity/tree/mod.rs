//! The tree of a swarm as its hashes and chunks come in, in any order.
//!
//! Proof goes downwards: a root hash, a peak or a signed munro is trusted, and
//! so are two hashes that together make a trusted one. What can't be proven
//! yet waits. So a hash or chunk is called false only when a trusted hash says
//! so, or, at the end, a chunk whose own hashes lead elsewhere.

mod climb;
mod size;
mod trust;
mod waiting;

use std::collections::HashMap;

use super::ascent::Ascent;
use super::budget::Budget;
use super::content::Peak;
use super::hash::{Hash, TreeHash};
use super::known::{BEGINNING, KnownNodes};
use crate::wire::Bin;
use waiting::{Waiting, WaitingNodes, candidates};

/// Hashes and chunks of one datagram that are searched one by one; further ones
/// wait in the table at once.
const MOST_FRESH: usize = 64;

/// What can be said of a hash or chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ruling {
    /// It is what the swarm ID promises.
    Proven,
    /// A trusted hash says otherwise.
    Refuted,
    /// A chunk does not fit the hashes that were sent for it: one of them is
    /// wrong, and nothing tells yet which.
    Contradicted,
    /// Hashes are missing.
    Open,
}

/// What a hash comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// It was sent as such.
    Hash,
    /// It is the hash of a chunk that was sent.
    Chunk,
}

/// A hash or chunk that waited and has been ruled on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled<O> {
    /// Which node.
    pub bin: Bin,
    /// What it was.
    pub evidence: Evidence,
    /// Where it came from.
    pub origin: O,
    /// How it was ruled.
    pub ruling: Ruling,
}

/// Something of the datagram at hand.
#[derive(Clone, Copy, Debug)]
struct Fresh<O> {
    bin: Bin,
    hash: Hash,
    evidence: Evidence,
    origin: O,
    /// Its place among the rulings.
    place: usize,
}

/// The hashes of one swarm, and what is proven of them. `O` says where a piece
/// of evidence came from.
#[derive(Clone, Debug)]
pub struct SwarmTree<O> {
    function: TreeHash,
    /// The root hash that the swarm ID is; `None` for a live stream.
    root: Option<Hash>,
    size: Option<u64>,
    root_bin: Option<Bin>,
    known: KnownNodes,
    waiting: WaitingNodes<O>,
    /// Hashes that may be the peaks, from chunk 0 on.
    run: Vec<Peak>,
    /// Of the datagram at hand, what is not ruled on yet.
    fresh: Vec<Fresh<O>>,
    rulings: Vec<Ruling>,
    /// Hashes of the datagram that had no place in `fresh`.
    surplus: Vec<(Bin, Hash)>,
    path: Vec<(Bin, Hash)>,
    siblings: Vec<(Bin, Hash)>,
    descents: Vec<(Bin, Hash)>,
    /// The highest chunk that waits or is proven.
    highest: Option<u64>,
}

impl<O: Copy> SwarmTree<O> {
    /// The tree of static content with this root hash (RFC 7574, section 5.1).
    /// `seed` should be one that who sends hashes can't know.
    pub fn of_content(function: TreeHash, root: Hash, seed: u64) -> Self {
        Self::new(function, Some(root), seed)
    }

    /// The growing tree of a live stream (RFC 7574, section 6.1.2).
    pub fn of_stream(function: TreeHash, seed: u64) -> Self {
        Self::new(function, None, seed)
    }

    fn new(function: TreeHash, root: Option<Hash>, seed: u64) -> Self {
        Self {
            function,
            root,
            size: None,
            root_bin: None,
            known: KnownNodes::new(seed),
            waiting: HashMap::default(),
            run: Vec::new(),
            fresh: Vec::new(),
            rulings: Vec::new(),
            surplus: Vec::new(),
            path: Vec::new(),
            siblings: Vec::new(),
            descents: Vec::new(),
            highest: None,
        }
    }

    /// The hash function.
    pub const fn function(&self) -> TreeHash {
        self.function
    }

    /// Number of chunks of static content, once its peaks are proven
    /// (RFC 7574, section 5.6).
    pub const fn size(&self) -> Option<u64> {
        self.size
    }

    /// Where in the tree the root hash stands, once that is proven.
    pub const fn root_bin(&self) -> Option<Bin> {
        self.root_bin
    }

    /// Whether the hash of a node is proven.
    pub fn is_proven(&self, bin: Bin) -> bool {
        self.known.contains(bin)
    }

    /// How the proven hash of a node begins; whole hashes of the longer functions
    /// are not kept.
    pub fn beginning(&self, bin: Bin) -> Option<[u8; BEGINNING]> {
        let root = self.root.filter(|_| self.root_bin == Some(bin));
        let root = root.and_then(|root| root.as_bytes().first_chunk().copied());
        root.or_else(|| self.known.beginning(bin))
    }

    /// What waits for a node: every hash, and where those that were sent, or whose
    /// chunk was, came from.
    pub fn waiting(&self, bin: Bin) -> impl Iterator<Item = (Hash, Option<(Evidence, O)>)> {
        let waiting = self.waiting.get(&bin).into_iter().flatten();
        waiting.map(|waiting| (waiting.hash, waiting.sent))
    }

    /// Begins a datagram.
    #[inline]
    pub fn begin(&mut self) {
        self.fresh.clear();
        self.rulings.clear();
        self.surplus.clear();
    }

    /// A hash of the datagram, in its order.
    pub fn hash(
        &mut self,
        bin: Bin,
        hash: Hash,
        origin: O,
        settled: &mut Vec<Settled<O>>,
        budget: &mut Budget,
    ) {
        if !self.add(bin, hash, Evidence::Hash, origin, budget) {
            self.surplus.push((bin, hash));
        }
        if self.root.is_some() {
            self.follow_peaks(bin, hash, settled, budget);
        }
    }

    /// A signature proves the hash of a munro (RFC 7574, section 6.1.2).
    pub fn munro(
        &mut self,
        bin: Bin,
        hash: Hash,
        settled: &mut Vec<Settled<O>>,
        budget: &mut Budget,
    ) {
        self.trust(bin, &hash, settled, budget);
        self.descend(settled, budget);
    }

    /// The hash that was sent for a node in this datagram or waits from before.
    pub fn candidate(&self, bin: Bin) -> Option<Hash> {
        let [first, _] = candidates(&self.fresh, &self.waiting, bin).hashes;
        first.map(|(hash, _)| *hash)
    }

    /// Whether another hash was sent for a node that nothing is proven of.
    pub fn conflicts(&self, bin: Bin, hash: &Hash) -> bool {
        if self.known.contains(bin) {
            return false;
        }
        let fresh = self.fresh.iter().filter(|fresh| fresh.bin == bin);
        let waiting = self.waiting.get(&bin).into_iter().flatten();
        fresh
            .map(|fresh| (fresh.evidence, &fresh.hash))
            .chain(waiting.filter_map(|waiting| Some((waiting.sent.as_ref()?.0, &waiting.hash))))
            .any(|(evidence, other)| evidence == Evidence::Hash && other != hash)
    }

    /// Gives back what the tree took of the budget.
    pub fn release(self, budget: &mut Budget) {
        budget.give_waiting(self.waiting.values().map(Vec::len).sum());
        budget.give_pages(self.known.pages());
    }

    /// Every hash that waits for a node: sent, or computed from those below.
    pub fn alternatives(&self, bin: Bin) -> impl Iterator<Item = Hash> + use<O> {
        let waiting = self.waiting.get(&bin).into_iter().flatten();
        let hashes: Vec<Hash> = waiting.map(|waiting| waiting.hash).collect();
        hashes.into_iter()
    }

    /// A chunk of the datagram, by its hash. `ascent` has nodes above it that
    /// somebody has computed before.
    pub fn chunk(
        &mut self,
        bin: Bin,
        hash: Hash,
        ascent: Ascent<'_>,
        origin: O,
        settled: &mut Vec<Settled<O>>,
        budget: &mut Budget,
    ) {
        self.highest = self.highest.max(Some(bin.range().end()));
        let place = self.rulings.len();
        self.add(bin, hash, Evidence::Chunk, origin, budget);
        if self.rulings[place] == Ruling::Open {
            let ruling = self.weigh(bin, &hash, ascent, settled, budget);
            if self.rulings[place] == Ruling::Open {
                self.rulings[place] = ruling;
            }
        }
    }

    /// Ends a datagram: what is still open waits from now on. Rulings are there
    /// to be read until the next one begins.
    pub fn end(&mut self, settled: &mut Vec<Settled<O>>, budget: &mut Budget) {
        for index in 0..self.surplus.len() {
            let (bin, hash) = self.surplus[index];
            if self.rule(bin, &hash) == Ruling::Open {
                self.weigh(bin, &hash, Ascent::default(), settled, budget);
            }
        }
        for index in 0..self.fresh.len() {
            let ruling = self.rulings[self.fresh[index].place];
            if matches!(ruling, Ruling::Proven | Ruling::Refuted) {
                continue;
            }
            let fresh = self.fresh[index];
            // A hash may be the last one that an earlier chunk waited for.
            if fresh.evidence == Evidence::Hash
                && ruling == Ruling::Open
                && !self.waiting.is_empty()
            {
                self.weigh(fresh.bin, &fresh.hash, Ascent::default(), settled, budget);
            }
            let ruling = self.rulings[fresh.place];
            if matches!(ruling, Ruling::Open | Ruling::Contradicted) {
                let waiting = Waiting {
                    hash: fresh.hash,
                    sent: Some((fresh.evidence, fresh.origin)),
                    contradicted: ruling == Ruling::Contradicted,
                };
                self.wait(fresh.bin, waiting, budget);
            }
        }
        self.fresh.clear();
    }

    /// The rulings on the hashes and chunks of the datagram, in their order.
    pub fn rulings(&self) -> &[Ruling] {
        &self.rulings
    }

    /// Adds evidence of the datagram at hand; false where it waits at once.
    fn add(
        &mut self,
        bin: Bin,
        hash: Hash,
        evidence: Evidence,
        origin: O,
        budget: &mut Budget,
    ) -> bool {
        let ruling = self.rule(bin, &hash);
        let place = self.rulings.len();
        self.rulings.push(ruling);
        if ruling != Ruling::Open {
            return true;
        }
        if self.fresh.len() < MOST_FRESH {
            self.fresh.push(Fresh {
                bin,
                hash,
                evidence,
                origin,
                place,
            });
            return true;
        }
        let waiting = Waiting {
            hash,
            sent: Some((evidence, origin)),
            contradicted: false,
        };
        self.wait(bin, waiting, budget);
        false
    }

    /// Ends the capture: what may still be proven is, and chunks that do not
    /// fit their own hashes are refuted. Of static content whose peaks were not
    /// seen, `chunks` is how many there may be.
    pub fn close(
        &mut self,
        chunks: Option<u64>,
        settled: &mut Vec<Settled<O>>,
        budget: &mut Budget,
    ) {
        self.fresh.clear();
        for count in chunks
            .into_iter()
            .chain(self.highest.and_then(|highest| highest.checked_add(1)))
        {
            if self.size.is_none() && self.root.is_some() {
                self.try_size(count, settled, budget);
            }
            // A tree without empty leaves.
            if self
                .root_bin
                .is_some_and(|root| root.range().count() == count)
            {
                self.size.get_or_insert(count);
            }
        }
        let mut left: Vec<_> = self.waiting.drain().collect();
        left.sort_unstable_by_key(|(bin, _)| *bin);
        for (bin, list) in left {
            budget.give_waiting(list.len());
            for waiting in list {
                if let (Some((evidence, origin)), true) = (waiting.sent, waiting.contradicted) {
                    settled.push(Settled {
                        bin,
                        evidence,
                        origin,
                        ruling: Ruling::Contradicted,
                    });
                }
            }
        }
    }

    /// What is already known about a hash.
    fn rule(&self, bin: Bin, hash: &Hash) -> Ruling {
        match self.known.compare(bin, hash) {
            Some(true) => Ruling::Proven,
            Some(false) => Ruling::Refuted,
            None => match self.size {
                // Beyond the content's end every hash is empty.
                Some(size) if bin.range().start() >= size => {
                    if hash.is_empty() {
                        Ruling::Proven
                    } else {
                        Ruling::Refuted
                    }
                }
                _ => Ruling::Open,
            },
        }
    }
}
