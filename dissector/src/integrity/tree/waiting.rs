//! Hashes and chunks that can't be proven yet.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::{Evidence, Fresh, SwarmTree};
use crate::integrity::budget::Budget;
use crate::integrity::hash::Hash;
use crate::wire::Bin;

/// Different hashes that are kept for one node while it is open which is right.
const MOST_ALTERNATIVES: usize = 8;

/// Hashes that are kept for one node, the same from several datagrams included.
const MOST_COPIES: usize = 256;

/// A hash that waits for proof.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting<O> {
    pub(super) hash: Hash,
    /// `None` for a hash that was computed from waiting ones below.
    pub(super) sent: Option<(Evidence, O)>,
    pub(super) contradicted: bool,
}

/// What waits, by node.
pub(super) type WaitingNodes<O> = HashMap<Bin, Vec<Waiting<O>>, FixedState>;

/// Hashes that a node may have.
pub(super) struct Candidates<'t> {
    /// Two of them at most, and whether each was sent as such.
    pub(super) hashes: [Option<(&'t Hash, bool)>; 2],
    /// Whether there are more.
    pub(super) further: bool,
}

impl<O: Copy> SwarmTree<O> {
    /// Keeps a hash of a node until something proves it, as far as there is room.
    pub(super) fn wait(&mut self, bin: Bin, waiting: Waiting<O>, budget: &mut Budget) {
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
}

/// Up to two hashes that a node may have, and whether they were sent as such:
/// those of this datagram first.
pub(super) fn candidates<'t, O>(
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
