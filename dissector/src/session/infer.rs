//! Finding out from datagrams what no handshake told.

use super::evidence::{Evidence, weigh};
use super::input::Time;
use crate::wire::{ChunkAddressing, ChunkSize, Layout};

/// Bits behind the best candidate from which on a candidate is given up.
const HOPELESS: i32 = 60;
/// Bits by which a candidate must lead to speak for the other direction, too.
const SURE: i32 = 40;
/// Bits that it is worth to use the same addressing method as the peer, as
/// RFC 7574, section 4, wants it.
const AGREEMENT: i32 = 25;
/// Bits that it is worth with every datagram: a 64-bit bin reads like a 32-bit
/// range that starts with chunk 0, so that only the peer tells them apart.
const STEADY_AGREEMENT: i32 = 6;
/// Datagrams after which the best candidate is taken.
const PATIENCE: u32 = 64;
/// Signature lengths to try, the likely ones first: P-256, P-384, libswift's
/// twenty zeros, RSA with 1024 to 4096 bits.
const SIGNATURES: [usize; 6] = [64, 96, 20, 128, 256, 512];

/// Layouts that one sender may use, and what speaks for each.
#[derive(Clone, Debug)]
pub(super) struct Inference {
    /// Best first; equal ones in their order of likelihood.
    candidates: Vec<Candidate>,
    judged: u32,
    /// Datagrams among them that had hashes or signatures.
    telling: u32,
    hashes_seen: bool,
    /// The method that the peer uses, once that is beyond doubt.
    peer: Option<ChunkAddressing>,
}

#[derive(Clone, Copy, Debug)]
struct Candidate {
    layout: Layout,
    bits: i32,
}

impl Inference {
    /// From layouts in their order of likelihood.
    pub(super) fn of(layouts: Vec<Layout>) -> Self {
        Self {
            candidates: layouts
                .into_iter()
                .map(|layout| Candidate { layout, bits: 0 })
                .collect(),
            judged: 0,
            telling: 0,
            hashes_seen: false,
            peer: None,
        }
    }

    /// The same; `None` when there is nothing to choose.
    pub(super) fn among(layouts: Vec<Layout>) -> Option<Self> {
        (layouts.len() > 1).then(|| Self::of(layouts))
    }

    /// From one layout whose signature length must be found out.
    pub(super) fn of_signatures(layout: Layout) -> Self {
        let mut inference = Self {
            candidates: vec![Candidate { layout, bits: 0 }],
            judged: 0,
            telling: 0,
            hashes_seen: false,
            peer: Some(layout.addressing),
        };
        inference.try_signatures();
        inference
    }

    /// The best layout so far.
    pub(super) fn best(&self) -> Layout {
        self.candidates
            .first()
            .map_or(Layout::RFC, |best| best.layout)
    }

    /// The best layout so far, with the chunk size that `known` has found out.
    pub(super) fn best_with(&self, known: &Layout) -> Layout {
        let best = self.best();
        Layout {
            chunk_size: match best.chunk_size {
                ChunkSize::Unknown => known.chunk_size,
                told => told,
            },
            ..best
        }
    }

    /// Bits that all datagrams so far explain under the best layout.
    pub(super) fn bits(&self) -> i32 {
        self.candidates.first().map_or(0, |best| best.bits)
    }

    /// The addressing method, once it is beyond doubt.
    pub(super) fn sure_addressing(&self) -> Option<ChunkAddressing> {
        let best = self.candidates.first()?;
        let method = best.layout.addressing;
        self.candidates
            .iter()
            .find(|other| other.layout.addressing != method)
            .is_none_or(|other| best.bits - other.bits >= SURE)
            .then_some(method)
    }

    /// Takes into account that the peer uses this method.
    pub(super) fn agree(&mut self, peer: ChunkAddressing) {
        if self.peer.is_some() {
            return;
        }
        self.peer = Some(peer);
        for candidate in &mut self.candidates {
            if candidate.layout.addressing == peer {
                candidate.bits = candidate.bits.saturating_add(AGREEMENT);
            }
        }
        self.candidates
            .sort_by_key(|candidate| std::cmp::Reverse(candidate.bits));
    }

    /// Whether the candidates differ in hashes and signatures only, so that a
    /// datagram without any needs no judging.
    pub(super) fn is_about_hashes_only(&self) -> bool {
        let best = self.best();
        self.candidates
            .iter()
            .all(|candidate| reads_alike(&candidate.layout, &best))
    }

    /// Whether hashes were seen, and all candidates take them for the same function's.
    pub(super) fn knows_hash_function(&self) -> bool {
        let function = self.best().hash_function;
        self.hashes_seen
            && self
                .candidates
                .iter()
                .all(|candidate| candidate.layout.hash_function == function)
    }

    /// Whether hashes were seen.
    pub(super) const fn has_seen_hashes(&self) -> bool {
        self.hashes_seen
    }

    /// Whether there is nothing left to choose.
    pub(super) fn is_settled(&self) -> bool {
        self.candidates.len() <= 1
    }

    /// Weighs a datagram under every candidate left; returns what it says for
    /// the one that is the best now.
    pub(super) fn judge(
        &mut self,
        payload: &[u8],
        wire_length: usize,
        time: Option<Time>,
    ) -> Evidence {
        let mut evidence = self.weigh_all(payload, wire_length, time);
        if evidence
            .first()
            .is_some_and(|(_, best)| best.wants_signature_length)
        {
            self.try_signatures();
            evidence = self.weigh_all(payload, wire_length, time);
        }
        self.judged += 1;
        let top = evidence.first().map_or(0, |(candidate, _)| candidate.bits);
        evidence.retain(|(candidate, _)| candidate.bits > top - HOPELESS);
        if let Some((best, found)) = evidence.first().copied() {
            self.hashes_seen |= found.has_hashes;
            self.telling += u32::from(found.has_hashes || found.has_signatures);
            if self.judged >= PATIENCE {
                evidence.retain(|(other, _)| reads_alike(&other.layout, &best.layout));
            }
            if self.telling >= PATIENCE {
                evidence.truncate(1);
            }
        }
        self.candidates = evidence.iter().map(|(candidate, _)| *candidate).collect();
        evidence.first().map_or_else(
            || weigh(payload, wire_length, &Layout::RFC, time),
            |(_, best)| *best,
        )
    }

    fn weigh_all(
        &self,
        payload: &[u8],
        wire_length: usize,
        time: Option<Time>,
    ) -> Vec<(Candidate, Evidence)> {
        let mut weighed: Vec<(Candidate, Evidence)> = self
            .candidates
            .iter()
            .map(|candidate| {
                let evidence = weigh(payload, wire_length, &candidate.layout, time);
                let steady = if self.peer == Some(candidate.layout.addressing) {
                    STEADY_AGREEMENT
                } else {
                    0
                };
                let candidate = Candidate {
                    layout: candidate.layout,
                    bits: candidate.bits.saturating_add(evidence.bits + steady),
                };
                (candidate, evidence)
            })
            .collect();
        weighed.sort_by_key(|(candidate, _)| std::cmp::Reverse(candidate.bits));
        weighed
    }

    /// Replaces every candidate that knows no signature length by one for each
    /// likely length.
    fn try_signatures(&mut self) {
        self.candidates = self
            .candidates
            .iter()
            .flat_map(|&candidate| {
                let known = candidate.layout.signature_length;
                let lengths = match known {
                    Some(_) => 0..1,
                    None => 0..SIGNATURES.len(),
                };
                lengths.map(move |index| Candidate {
                    layout: Layout {
                        signature_length: known.or(Some(SIGNATURES[index])),
                        ..candidate.layout
                    },
                    ..candidate
                })
            })
            .collect();
    }
}

/// Whether two layouts differ in their hashes and signatures at most.
fn reads_alike(one: &Layout, other: &Layout) -> bool {
    one.addressing == other.addressing
        && one.dialect == other.dialect
        && one.data_timestamp == other.data_timestamp
}
