//! All that the rules on messages look at, and what they share.

use super::channel::{Channel, Side};
use super::chunk_set::{ChunkSet, PageBudget};
use super::declared::Declared;
use super::findings::Findings;
use super::foresight::Hashed;
use super::input::Datagram;
use super::swarm::Swarm;
use crate::finding::{Detail, FindingId};
use crate::wire::{ChunkRange, ChunkSpec, Chunks, ContentIntegrity, Layout, Message};

/// All that the rules look at.
pub(super) struct Context<'s, 'd> {
    pub(super) channel: &'s mut Channel,
    pub(super) swarm: &'s mut Swarm,
    pub(super) sender: Side,
    /// The layout that the messages were read with.
    pub(super) layout: Layout,
    pub(super) datagram: &'s Datagram<'d>,
    /// Whether the datagram went to channel 0.
    pub(super) opening: bool,
    /// What somebody else has hashed of it.
    pub(super) hashed: Hashed<'s>,
    pub(super) findings: &'s mut Findings,
    pub(super) budget: &'s mut PageBudget,
}

impl Context<'_, '_> {
    /// The chunks that a message names, where they are a range.
    pub(super) fn range_of(&self, message: &Message<'_>) -> Option<ChunkRange> {
        let size = self.layout.chunk_size.or_assumed();
        message.spec()?.chunks(size).range()
    }

    /// How the sender, or else the swarm, declared that content is protected.
    pub(super) fn content_integrity(&self) -> Option<ContentIntegrity> {
        let declared = self.channel.end(self.sender).declared.as_deref();
        content_integrity(declared, self.swarm)
    }
}

/// How a sender, or else the swarm, declared that content is protected.
pub(super) fn content_integrity(
    declared: Option<&Declared>,
    swarm: &Swarm,
) -> Option<ContentIntegrity> {
    declared
        .and_then(|declared| declared.content_integrity)
        .or(swarm.content_integrity)
}

/// The chunks of a specification, with findings for those that name none.
pub(super) fn chunks_of(
    context: &mut Context<'_, '_>,
    offset: usize,
    spec: ChunkSpec,
) -> Option<ChunkRange> {
    let size = context.layout.chunk_size.or_assumed();
    match spec.chunks(size) {
        Chunks::Range(range) => {
            if let ChunkSpec::Byte64 { start, end } = spec {
                let size = u64::from(size);
                // The last chunk may end anywhere.
                if !start.is_multiple_of(size)
                    || (end % size != size - 1 && context.swarm.highest_chunk > Some(range.end()))
                {
                    context.findings.raise_at(
                        FindingId::ChunksUnaligned,
                        offset,
                        Detail::Spec(spec),
                    );
                }
            }
            Some(range)
        }
        Chunks::Reversed { .. } => {
            context
                .findings
                .raise_at(FindingId::ChunksReversed, offset, Detail::Spec(spec));
            None
        }
        Chunks::Nothing | Chunks::Everything => None,
    }
}

/// Adds to a set, and says once when chunks had to be left out.
pub(super) fn insert(
    set: &mut ChunkSet,
    range: ChunkRange,
    budget: &mut PageBudget,
    findings: &mut Findings,
) -> u64 {
    let before = set.is_saturated();
    let added = set.insert(range, budget);
    if set.is_saturated() && !before {
        findings.raise(FindingId::LimitChunks, Detail::None);
    }
    added
}
