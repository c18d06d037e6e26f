//! What a trusted hash proves: the node's own, what waited for it, and below.

use super::waiting::candidates;
use super::{Fresh, Ruling, Settled, SwarmTree};
use crate::integrity::budget::Budget;
use crate::integrity::hash::Hash;
use crate::wire::Bin;

impl<O: Copy> SwarmTree<O> {
    /// Trusts the hash of a node and settles what was said of it before.
    pub(super) fn trust(
        &mut self,
        bin: Bin,
        hash: &Hash,
        settled: &mut Vec<Settled<O>>,
        budget: &mut Budget,
    ) {
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
    pub(super) fn descend(&mut self, settled: &mut Vec<Settled<O>>, budget: &mut Budget) {
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
}
