//! Which layout a datagram is read with: what the handshakes told, and what
//! the datagrams show where those are silent.

use std::sync::Arc;

use super::analyzer::Analyzer;
use super::channel::{ChannelIndex, End, Side};
use super::declared::{Declared, candidates};
use super::evidence::weigh;
use super::infer::Inference;
use super::input::Datagram;
use crate::finding::{Detail, FindingId};
use crate::wire::{
    ChunkAddressing, ChunkSize, ChunkSpec, Dialect, HashFunction, Layout, Located, Message, dialect,
};

impl Analyzer {
    /// The layout for a datagram that starts with a HANDSHAKE: the sender may
    /// turn out to speak another dialect than its peer.
    pub(super) fn layout_of_handshake(
        &self,
        channel: ChannelIndex,
        sender: Side,
        datagram: &Datagram<'_>,
    ) -> Layout {
        let end = self.channels[channel.0 as usize].end(sender);
        let weigh = |layout: &Layout| {
            weigh(
                datagram.payload,
                datagram.wire_length,
                layout,
                datagram.time,
            )
        };
        let own = weigh(&end.layout);
        if own.complete && end.declared.is_some() {
            return end.layout;
        }
        // Options of its own are not what a peer's answer is presumed to have.
        let presumed = if end.declared.is_none() && end.layout.dialect.handshake_options {
            let dialect = &dialect::RFC7574;
            Layout {
                dialect,
                ..end.layout
            }
        } else {
            end.layout
        };
        let mut best = (presumed, weigh(&presumed));
        for other in dialect::DIALECTS {
            if other != presumed.dialect {
                let layout = Layout::of_dialect(other);
                let evidence = weigh(&layout);
                if (evidence.complete, evidence.bits) > (best.1.complete, best.1.bits) {
                    best = (layout, evidence);
                }
            }
        }
        best.0
    }

    /// The layout for any other datagram; judged from its bytes while no
    /// handshake has settled it.
    pub(super) fn layout_of_messages(
        &mut self,
        channel: ChannelIndex,
        sender: Side,
        datagram: &Datagram<'_>,
    ) -> Layout {
        let found = &mut self.channels[channel.0 as usize];
        let (end, peer) = found.sender_and_receiver(sender);
        let Some(inference) = &mut end.inference else {
            return end.layout;
        };
        let (payload, length) = (datagram.payload, datagram.wire_length);
        if inference.is_about_hashes_only() {
            let quick = weigh(payload, length, &inference.best(), datagram.time);
            if quick.complete && !quick.has_hashes && !quick.has_signatures {
                return end.layout;
            }
        }
        if let Some(method) = peer.sure_addressing() {
            inference.agree(method);
        }
        inference.judge(payload, length, datagram.time);
        let layout = inference.best_with(&end.layout);
        end.layout = layout;
        let hashes = inference.has_seen_hashes();
        let told = end.declared.as_deref();
        let told_hash = told.and_then(|told| told.hash_function);
        let told_hash = told_hash.is_some_and(HashFunction::is_assigned);
        self.note_inferred((channel, sender));
        let found = &mut self.channels[channel.0 as usize];
        let swarm = &mut self.swarms[found.swarm.0 as usize];
        swarm.infer(&layout, hashes);
        if hashes
            && !told_hash
            && let Some(id) = &swarm.id
        {
            self.learned
                .swarms
                .insert(Arc::clone(id), layout.hash_function);
        }
        let end = found.end_mut(sender);
        if end
            .inference
            .as_ref()
            .is_some_and(|inference| inference.is_settled())
        {
            end.inference = None;
        }
        layout
    }

    /// Raises, once each, what has been inferred beyond doubt about a sender's
    /// messages and no handshake told.
    pub(super) fn note_inferred(&mut self, (channel, sender): (ChannelIndex, Side)) {
        let end = self.channels[channel.0 as usize].end_mut(sender);
        let (addressing, reading, hashes) = match &end.inference {
            Some(inference) => (
                inference.sure_addressing().is_some(),
                inference.is_about_hashes_only(),
                inference.knows_hash_function(),
            ),
            None => (true, true, end.hashes_seen),
        };
        end.hashes_seen |= hashes;
        let declared = end.declared.as_deref();
        let layout = end.layout;
        if addressing && !end.noted_addressing {
            end.noted_addressing = true;
            let told = declared.and_then(|declared| declared.chunk_addressing);
            if !told.is_some_and(ChunkAddressing::is_assigned) && self.config.addressing.is_none() {
                let name = layout.addressing.name().unwrap_or("?");
                self.findings
                    .raise(FindingId::InferredAddressing, Detail::Word(name));
            }
        }
        if reading && !end.noted_timestamp && !layout.data_timestamp {
            end.noted_timestamp = true;
            if layout.dialect.data_timestamp {
                self.findings
                    .raise(FindingId::InferredTimestamp, Detail::None);
            }
        }
        if hashes && !end.noted_hashes {
            end.noted_hashes = true;
            let told = declared.and_then(|declared| declared.hash_function);
            if !told.is_some_and(HashFunction::is_assigned) && self.config.hash_function.is_none() {
                let name = layout.hash_function.name().unwrap_or("?");
                self.findings
                    .raise(FindingId::InferredHashFunction, Detail::Word(name));
            }
        }
    }

    /// Finds out the length of signatures from the first datagram that has one.
    pub(super) fn infer_signature(
        &mut self,
        (channel, sender): (ChannelIndex, Side),
        layout: Layout,
        datagram: &Datagram<'_>,
    ) -> Layout {
        let mut inference = Inference::of_signatures(layout);
        inference.judge(datagram.payload, datagram.wire_length, datagram.time);
        let best = inference.best();
        let end = self.channels[channel.0 as usize].end_mut(sender);
        end.layout = best;
        end.inference = (!inference.is_settled()).then(|| Box::new(inference));
        best
    }

    /// Where chunks are named by their bytes and nobody told their size, a DATA
    /// message tells it: its chunk is as long as its byte range, and starts at
    /// a multiple of that. The last chunk of the content seldom does.
    pub(super) fn infer_chunk_size(
        &mut self,
        channel: ChannelIndex,
        messages: &[Located<'_>],
    ) -> ChunkSize {
        let size = messages.iter().find_map(|located| match located.message {
            Message::Data {
                spec: ChunkSpec::Byte64 { start, end },
                data_length,
                ..
            } => {
                let length = end.checked_sub(start)?.checked_add(1)?;
                let whole = data_length as u64 == length && start.is_multiple_of(length);
                u32::try_from(length).ok().filter(|_| whole)
            }
            _ => None,
        });
        let Some(size) = size.map(ChunkSize::from_option) else {
            return ChunkSize::Unknown;
        };
        for end in &mut self.channels[channel.0 as usize].ends {
            if end.layout.chunk_size == ChunkSize::Unknown {
                end.layout.chunk_size = size;
            }
        }
        size
    }

    /// Sets an end's layout from what both sides declared.
    pub(super) fn settle(&mut self, index: ChannelIndex, side: Side, dialect: &'static Dialect) {
        let channel = &self.channels[index.0 as usize];
        let swarm = &self.swarms[channel.swarm.0 as usize];
        let own = channel.end(side).declared.as_deref();
        let peer = channel.end(side.other()).declared.as_deref();
        let nothing = Declared::default();
        let peer_options = peer.unwrap_or(&nothing);
        let sender = own.unwrap_or(&nothing).or(peer_options);
        let hash_function = swarm.hash_function.map(|known| known.value);
        let layouts = candidates(
            &sender,
            peer_options,
            swarm.id.as_deref(),
            dialect,
            hash_function,
            &self.config,
        );
        let end = self.channels[index.0 as usize].end_mut(side);
        if end.inference.is_some() && end.declared.is_some() && own_is_unchanged(end, &layouts) {
            return;
        }
        if let Some(&layout) = layouts.first() {
            end.layout = layout;
        }
        end.inference = Inference::among(layouts).map(Box::new);
    }
}

/// Whether an inference under way would only start over.
fn own_is_unchanged(end: &End, layouts: &[Layout]) -> bool {
    layouts.len() > 1 && layouts.contains(&end.layout)
}
