//! From chunks up the tree, by the uncles that came with them.

use ppspp_dissector::integrity::{Hash, TreeHash, Uncle};
use ppspp_dissector::session::HashedChunk;

use crate::hashing::hash_chunks;

/// A chunk's way up.
pub(super) struct Climb<'a> {
    payload: &'a [u8],
    function: TreeHash,
    uncles: &'a [Uncle],
    /// The hash of the node that has been reached.
    node: Hash,
    /// Where what the next uncle makes together with that is to go.
    place: usize,
}

impl<'a> Climb<'a> {
    /// That of a chunk of the datagram `payload`.
    pub(super) fn from(payload: &'a [u8], chunk: &HashedChunk, uncles: &'a [Uncle]) -> Self {
        Self {
            payload,
            function: chunk.function,
            uncles,
            node: chunk.hash,
            place: 0,
        }
    }

    /// Adds to `parents`, for each uncle of each climb in order, what it makes
    /// together with the node beside it. Climbs do not wait for each other:
    /// nodes as high above their chunks are hashed together.
    pub(super) fn all(climbs: impl Iterator<Item = Self>, parents: &mut Vec<Hash>) {
        let mut under_way = Vec::new();
        for mut climb in climbs {
            if climb.uncles.is_empty() {
                continue;
            }
            climb.place = parents.len();
            parents.resize(climb.place + climb.uncles.len(), climb.node);
            under_way.push(climb);
        }
        let mut pairs = Vec::new();
        loop {
            under_way.retain(|climb| !climb.uncles.is_empty());
            if under_way.is_empty() {
                return;
            }
            pairs.clear();
            for climb in &under_way {
                let [left, right] = climb.pair();
                pairs.extend_from_slice(left);
                pairs.extend_from_slice(right);
            }
            let mut rest = pairs.as_slice();
            let wanted = under_way.iter().map(|climb| {
                let width = climb.pair().map(<[u8]>::len).iter().sum();
                let (pair, others) = rest.split_at(width);
                rest = others;
                (climb.function, pair)
            });
            let mut hashes = Vec::with_capacity(under_way.len());
            hash_chunks(wanted, |hash| hashes.push(hash));
            for (climb, hash) in under_way.iter_mut().zip(hashes) {
                climb.step(hash, parents);
            }
        }
    }

    /// The node and its uncle, left before right.
    fn pair(&self) -> [&[u8]; 2] {
        match self.uncles.first() {
            Some(uncle) if uncle.is_left => [uncle.of(self.payload), self.node.as_bytes()],
            Some(uncle) => [self.node.as_bytes(), uncle.of(self.payload)],
            None => [&[], &[]],
        }
    }

    fn step(&mut self, parent: Hash, parents: &mut [Hash]) {
        if let Some(place) = parents.get_mut(self.place) {
            *place = parent;
        }
        self.node = parent;
        self.place += 1;
        self.uncles = self.uncles.get(1..).unwrap_or_default();
    }
}
