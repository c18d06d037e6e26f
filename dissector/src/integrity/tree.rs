//! The tree of a swarm as its hashes and chunks come in, in any order.
//!
//! Proof goes downwards: a root hash, a peak or a signed munro is trusted, and
//! so are two hashes that together make a trusted one. What can't be proven
//! yet waits. So a hash or chunk is called false only when a trusted hash says
//! so, or, at the end, a chunk whose own hashes lead elsewhere.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::ascent::Ascent;
use super::budget::Budget;
use super::content::Peak;
use super::hash::{Hash, TreeHash};
use super::known::{BEGINNING, KnownNodes};
use super::peaks::{peak_ranges, root_above};
use crate::wire::{Bin, ChunkRange};

/// Different hashes that are kept for one node while it is open which is right.
const MOST_ALTERNATIVES: usize = 8;

/// Hashes that are kept for one node, the same from several datagrams included.
const MOST_COPIES: usize = 256;

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

/// A hash that waits for proof.
#[derive(Clone, Copy, Debug)]
struct Waiting<O> {
    hash: Hash,
    /// `None` for a hash that was computed from waiting ones below.
    sent: Option<(Evidence, O)>,
    contradicted: bool,
}

/// What waits, by node.
type WaitingNodes<O> = HashMap<Bin, Vec<Waiting<O>>, FixedState>;

/// Hashes that a node may have.
struct Candidates<'t> {
    /// Two of them at most, and whether each was sent as such.
    hashes: [Option<(&'t Hash, bool)>; 2],
    /// Whether there are more.
    further: bool,
}

/// How far a hash leads upwards.
enum Climb {
    Proven,
    /// Another hash is trusted at the end of the path.
    Refuted {
        /// Whether the path is the one node.
        directly: bool,
        /// Whether all its siblings were sent as hashes.
        by_hashes: bool,
    },
    Missing,
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

    /// Looks where a hash that nothing is known about leads.
    fn weigh(
        &mut self,
        bin: Bin,
        hash: &Hash,
        ascent: Ascent<'_>,
        settled: &mut Vec<Settled<O>>,
        budget: &mut Budget,
    ) -> Ruling {
        let (mut outcome, choices) = self.climb(bin, hash, None, ascent);
        let mut ruling = match outcome {
            Climb::Refuted { directly: true, .. } => return Ruling::Refuted,
            // With several choices not all combinations are tried.
            Climb::Refuted {
                by_hashes: true, ..
            } if choices <= 1 => Ruling::Contradicted,
            _ => Ruling::Open,
        };
        // Where two hashes are there for a sibling, the other may be right.
        for choice in 0..choices {
            if matches!(outcome, Climb::Proven) {
                break;
            }
            self.keep_path(budget);
            (outcome, _) = self.climb(bin, hash, Some(choice), ascent);
            if matches!(outcome, Climb::Missing) {
                ruling = Ruling::Open;
            }
        }
        if !matches!(outcome, Climb::Proven) {
            self.keep_path(budget);
            return ruling;
        }
        // Taken out for as long as they are gone through.
        let path = std::mem::take(&mut self.path);
        let siblings = std::mem::take(&mut self.siblings);
        for (bin, hash) in path.iter().chain(&siblings) {
            self.trust(*bin, hash, settled, budget);
        }
        (self.path, self.siblings) = (path, siblings);
        self.descend(settled, budget);
        Ruling::Proven
    }

    /// Goes up from a node as far as siblings are there. At the `swap`th place
    /// where there is a choice the second hash is taken. Also returns at how
    /// many places there was one, four at most.
    fn climb(
        &mut self,
        bin: Bin,
        hash: &Hash,
        swap: Option<usize>,
        mut ascent: Ascent<'_>,
    ) -> (Climb, usize) {
        let Self {
            known,
            root,
            root_bin,
            fresh,
            waiting,
            path,
            siblings,
            ..
        } = self;
        path.clear();
        siblings.clear();
        path.push((bin, *hash));
        let mut by_hashes = true;
        let mut choices = 0;
        // The last one of the path is where the climb is.
        while let Some((node, hash)) = path.last() {
            let node = *node;
            match known.compare(node, hash) {
                Some(true) => {
                    path.pop();
                    return (Climb::Proven, choices);
                }
                Some(false) => {
                    path.pop();
                    let directly = path.is_empty();
                    return (
                        Climb::Refuted {
                            directly,
                            by_hashes,
                        },
                        choices,
                    );
                }
                None => {}
            }
            if node.range().start() == 0 && root.as_ref() == Some(hash) {
                root_bin.get_or_insert(node);
                return (Climb::Proven, choices);
            }
            let (Some(sibling), Some(parent)) = (node.sibling(), node.parent()) else {
                break;
            };
            let Candidates {
                hashes: [first, second],
                further,
            } = candidates(fresh, waiting, sibling);
            let mut chosen = first;
            if second.is_some() && choices < 4 {
                if swap == Some(choices) {
                    chosen = second;
                }
                choices += 1;
            }
            let Some((other, sent)) = chosen else {
                break;
            };
            by_hashes &= sent && !further;
            siblings.push((sibling, *other));
            let above = match ascent.step(sibling.is_left(), other) {
                Some(above) => above,
                None if node.is_left() => self.function.parent(hash, other),
                None => self.function.parent(other, hash),
            };
            path.push((parent, above));
        }
        (Climb::Missing, choices)
    }

    /// Keeps what was computed on the way up for those that come from the side.
    fn keep_path(&mut self, budget: &mut Budget) {
        for index in 1..self.path.len() {
            let (bin, hash) = self.path[index];
            let waiting = Waiting {
                hash,
                sent: None,
                contradicted: false,
            };
            self.wait(bin, waiting, budget);
        }
    }

    fn wait(&mut self, bin: Bin, waiting: Waiting<O>, budget: &mut Budget) {
        let list = self
            .waiting
            .entry(bin)
            .or_insert_with(|| Vec::with_capacity(1));
        let is_known = |other: &Waiting<O>| other.hash == waiting.hash;
        if waiting.sent.is_none() && list.iter().any(is_known) {
            return;
        }
        let is_first = |place: usize| {
            let hash = list[place].hash;
            list[..place].iter().all(|before| before.hash != hash)
        };
        let different = || (0..list.len()).filter(|&place| is_first(place)).count();
        let has_room = list.len() < MOST_ALTERNATIVES
            || (list.len() < MOST_COPIES
                && (list.iter().any(is_known) || different() < MOST_ALTERNATIVES));
        if has_room && budget.take_waiting() {
            list.push(waiting);
        } else if list.is_empty() {
            self.waiting.remove(&bin);
        }
    }

    /// Trusts the hash of a node and settles what was said of it before.
    fn trust(&mut self, bin: Bin, hash: &Hash, settled: &mut Vec<Settled<O>>, budget: &mut Budget) {
        if !self.known.insert(bin, hash, budget) {
            return;
        }
        let mut below = false;
        for fresh in &self.fresh {
            let ruling = &mut self.rulings[fresh.place];
            if fresh.bin == bin {
                *ruling = if fresh.hash == *hash {
                    Ruling::Proven
                } else {
                    Ruling::Refuted
                };
            }
            below |= *ruling == Ruling::Open;
        }
        if !self.waiting.is_empty()
            && let Some(list) = self.waiting.remove(&bin)
        {
            budget.give_waiting(list.len());
            for waiting in list {
                if let Some((evidence, origin)) = waiting.sent {
                    let ruling = if waiting.hash == *hash {
                        Ruling::Proven
                    } else {
                        Ruling::Refuted
                    };
                    settled.push(Settled {
                        bin,
                        evidence,
                        origin,
                        ruling,
                    });
                }
            }
        }
        if bin.layer() > 0 && (below || !self.waiting.is_empty()) {
            self.descents.push((bin, *hash));
        }
    }

    /// Below nodes that have become trusted, trusts what fits.
    fn descend(&mut self, settled: &mut Vec<Settled<O>>, budget: &mut Budget) {
        let is_open = |fresh: &Fresh<O>| {
            let ruling = self.rulings[fresh.place];
            matches!(ruling, Ruling::Open | Ruling::Contradicted)
        };
        // By far most often a datagram's chunk has proven all of its hashes.
        if self.waiting.is_empty() && !self.fresh.iter().any(is_open) {
            self.descents.clear();
        }
        while let Some((bin, hash)) = self.descents.pop() {
            let Some((left, right)) = bin.children() else {
                continue;
            };
            if self.known.contains(left) && self.known.contains(right) {
                continue;
            }
            let lefts = candidates(&self.fresh, &self.waiting, left).hashes;
            let rights = candidates(&self.fresh, &self.waiting, right).hashes;
            let fitting = lefts.iter().flatten().find_map(|(one, _)| {
                let fits = |other: &&(&Hash, bool)| self.function.parent(one, other.0) == hash;
                Some((**one, *rights.iter().flatten().find(fits)?.0))
            });
            if let Some((one, other)) = fitting {
                self.trust(left, &one, settled, budget);
                self.trust(right, &other, settled, budget);
            }
        }
    }

    /// Peaks follow each other from chunk 0 on and get smaller (RFC 7574,
    /// section 5.6.2); when they make the root hash, the size is known.
    fn follow_peaks(
        &mut self,
        bin: Bin,
        hash: Hash,
        settled: &mut Vec<Settled<O>>,
        budget: &mut Budget,
    ) {
        let chunks = bin.range();
        if chunks.start() == 0 {
            self.run.clear();
        } else if !self.run.last().is_some_and(|last| {
            last.chunks.end() + 1 == chunks.start() && chunks.count() < last.chunks.count()
        }) {
            return;
        }
        self.run.push(Peak { chunks, hash });
        // A shorter content may have the same root: whoever sends the root
        // hash itself seems to promise that all its chunks exist.
        if self.size.is_none_or(|size| chunks.end() < size - 1) {
            let peaks = std::mem::take(&mut self.run);
            if root_above(self.function, &peaks, |_, _| {}) == self.root {
                self.accept(&peaks, settled, budget);
            }
            self.run = peaks;
        }
    }

    /// Whether the hashes that wait make the root hash of so many chunks; where
    /// two wait for a peak, one peak may be taken by its second.
    fn try_size(&mut self, chunks: u64, settled: &mut Vec<Settled<O>>, budget: &mut Budget) {
        let mut peaks = Vec::new();
        let mut others = Vec::new();
        for chunks in peak_ranges(chunks) {
            let Some(bin) = Bin::covering(chunks) else {
                return;
            };
            let candidates = candidates(&self.fresh, &self.waiting, bin);
            let [Some((&hash, _)), other] = candidates.hashes else {
                return;
            };
            others.extend(other.map(|(hash, _)| (peaks.len(), *hash)));
            peaks.push(Peak { chunks, hash });
        }
        let fits = |peaks: &[Peak]| root_above(self.function, peaks, |_, _| {}) == self.root;
        let swapped = || {
            others.iter().find_map(|&(place, hash)| {
                let mut peaks = peaks.clone();
                peaks[place].hash = hash;
                fits(&peaks).then_some(peaks)
            })
        };
        let found = if fits(&peaks) {
            Some(peaks.clone())
        } else {
            swapped()
        };
        if let Some(peaks) = found {
            self.accept(&peaks, settled, budget);
        }
    }

    /// Trusts peaks and the incomplete nodes above them.
    fn accept(&mut self, peaks: &[Peak], settled: &mut Vec<Settled<O>>, budget: &mut Budget) {
        let Some(last) = peaks.last() else {
            return;
        };
        self.size = Some(last.chunks.end() + 1);
        let mut above = Vec::new();
        self.root_bin = Bin::covering(last.chunks);
        root_above(self.function, peaks, |bin, hash| above.push((bin, hash)));
        for &(bin, hash) in above.iter().rev() {
            self.trust(bin, &hash, settled, budget);
        }
        if let Some((root, _)) = above.last() {
            self.root_bin = Some(*root);
        }
        for peak in peaks {
            if let Some(bin) = Bin::covering(peak.chunks) {
                self.trust(bin, &peak.hash, settled, budget);
            }
        }
        self.descend(settled, budget);
    }

    /// The chunks below each proven peak.
    pub fn peaks(&self) -> impl Iterator<Item = ChunkRange> {
        peak_ranges(self.size.unwrap_or(0))
    }
}

/// Up to two hashes that a node may have, and whether they were sent as such:
/// those of this datagram first.
fn candidates<'t, O>(
    fresh: &'t [Fresh<O>],
    waiting: &'t WaitingNodes<O>,
    bin: Bin,
) -> Candidates<'t> {
    let mut found = Candidates {
        hashes: [None; 2],
        further: false,
    };
    let mut add = |hash: &'t Hash, sent: bool| {
        let hashes = &mut found.hashes;
        if let Some(known) = hashes.iter_mut().flatten().find(|known| known.0 == hash) {
            known.1 |= sent;
        } else if let Some(free) = hashes.iter_mut().find(|slot| slot.is_none()) {
            *free = Some((hash, sent));
        } else {
            found.further = true;
        }
    };
    for fresh in fresh.iter().rev().filter(|fresh| fresh.bin == bin) {
        add(&fresh.hash, fresh.evidence == Evidence::Hash);
    }
    if !waiting.is_empty()
        && let Some(list) = waiting.get(&bin)
    {
        for waiting in list.iter().rev() {
            let sent = matches!(waiting.sent, Some((Evidence::Hash, _)));
            add(&waiting.hash, sent);
        }
    }
    found
}
