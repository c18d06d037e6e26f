//! What one receiver could verify with the hashes that it was sent by then
//! (RFC 7574, section 5.3: each datagram should be verifiable by itself).

use std::net::SocketAddr;

use super::chunk_set::{ChunkSet, PageBudget};
use super::config::MAX_PEERS;
use super::verdict::{Tally, Verdict};
use crate::integrity::SwarmTree;
use crate::wire::{Bin, ChunkRange};

/// The right hashes that a receiver was sent, and which of them it could prove.
/// The sets hold bin numbers.
#[derive(Clone, Debug, Default)]
pub struct Receiver {
    sent: ChunkSet,
    proven: ChunkSet,
    has_peaks: bool,
    /// Whether it was told that hashes are missing.
    pub(super) hashes_missed: bool,
    pub(super) tally: Tally,
}

impl Receiver {
    /// How many DATA messages it could verify when they came; those that it
    /// could not may be verified by what the capture holds all the same.
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Whether the right hash of this node was sent to it.
    pub(super) fn was_sent(&self, bin: Bin) -> bool {
        has(&self.sent, bin)
    }

    /// A hash was sent to it that is the right one. Returns whether that was the
    /// last of the peaks.
    pub(super) fn learn<O: Copy>(
        &mut self,
        bin: Bin,
        tree: &SwarmTree<O>,
        budget: &mut PageBudget,
    ) -> bool {
        add(&mut self.sent, bin, budget);
        if self.has_peaks || tree.size().is_none() {
            return false;
        }
        let peaks = || tree.peaks().filter_map(Bin::covering);
        if peaks().any(|peak| peak == bin) && peaks().all(|peak| has(&self.sent, peak)) {
            self.has_peaks = true;
            for peak in peaks() {
                add(&mut self.proven, peak, budget);
            }
        }
        self.has_peaks
    }

    /// The signature of a munro was sent to it.
    pub(super) fn learn_munro(&mut self, munro: Bin, budget: &mut PageBudget) {
        if has(&self.sent, munro) {
            add(&mut self.proven, munro, budget);
        }
    }

    /// It has a right chunk, and so its hash.
    pub(super) fn hold(&mut self, chunk: Bin, budget: &mut PageBudget) {
        add(&mut self.sent, chunk, budget);
    }

    /// Takes a chunk that the swarm's tree verifies; whether the receiver could
    /// do so, too, with what it was sent.
    pub(super) fn take_chunk<O: Copy>(
        &mut self,
        chunk: Bin,
        tree: &SwarmTree<O>,
        budget: &mut PageBudget,
    ) -> Verdict {
        let mut node = chunk;
        loop {
            if has(&self.proven, node) || tree.root_bin() == Some(node) {
                break;
            }
            let (Some(sibling), Some(parent)) = (node.sibling(), node.parent()) else {
                return Verdict::Unverified;
            };
            if !has(&self.sent, sibling) && !has(&self.proven, sibling) {
                return Verdict::Unverified;
            }
            node = parent;
        }
        let top = node;
        node = chunk;
        while node != top {
            add(&mut self.proven, node, budget);
            if let Some(sibling) = node.sibling() {
                add(&mut self.proven, sibling, budget);
            }
            match node.parent() {
                Some(parent) => node = parent,
                None => break,
            }
        }
        Verdict::Verified
    }

    /// Whether it must know the hashes for a chunk that it could not verify by
    /// those that it was sent: who has verified other chunks, `announced`, knows
    /// their siblings, uncles and ancestors (RFC 7574, section 5.3), and the
    /// peaks (section 5.6). A node is one of the former when its parent has such
    /// a chunk below it.
    pub(super) fn must_know<O: Copy>(
        &self,
        chunk: Bin,
        tree: &SwarmTree<O>,
        announced: &ChunkSet,
    ) -> bool {
        let is_peak = |node: Bin| tree.peaks().any(|peak| Bin::covering(peak) == Some(node));
        let mut node = chunk;
        if announced.is_empty() {
            return false;
        }
        while let (Some(sibling), Some(parent)) = (node.sibling(), node.parent()) {
            if announced.overlaps(parent.range()) || is_peak(node) {
                return true;
            }
            if !has(&self.sent, sibling) && !has(&self.proven, sibling) {
                return false;
            }
            node = parent;
        }
        false
    }
}

/// The receivers of a swarm.
#[derive(Clone, Debug, Default)]
pub(super) struct Receivers {
    /// By address.
    list: Vec<(SocketAddr, Receiver)>,
    /// Where in the list the one is that was asked for last.
    latest: usize,
}

impl Receivers {
    /// The receiver at an address; `None` where there are too many.
    pub(super) fn at(&mut self, address: SocketAddr) -> Option<&mut Receiver> {
        let is_latest = |(latest, _): &(SocketAddr, Receiver)| *latest == address;
        if !self.list.get(self.latest).is_some_and(is_latest) {
            self.latest = match self.list.binary_search_by_key(&address, |(at, _)| *at) {
                Ok(place) => place,
                Err(_) if self.list.len() >= MAX_PEERS => return None,
                Err(place) => {
                    self.list.insert(place, (address, Receiver::default()));
                    place
                }
            };
        }
        Some(&mut self.list.get_mut(self.latest)?.1)
    }

    /// Forgets what was counted, not what they know.
    pub(super) fn forget(&mut self) {
        for (_, receiver) in &mut self.list {
            receiver.tally = Tally::default();
        }
    }

    /// Forgets all of them and gives their places back.
    pub(super) fn release(&mut self, budget: &mut PageBudget) {
        for (_, mut receiver) in self.list.drain(..) {
            receiver.sent.clear(budget);
            receiver.proven.clear(budget);
        }
        self.latest = 0;
    }

    /// All of them, by address.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&SocketAddr, &Receiver)> {
        self.list
            .iter()
            .map(|(address, receiver)| (address, receiver))
    }
}

fn has(set: &ChunkSet, bin: Bin) -> bool {
    set.contains(bin.number())
}

fn add(set: &mut ChunkSet, bin: Bin, budget: &mut PageBudget) {
    set.insert(ChunkRange::single(bin.number()), budget);
}
