//! What each message does to the state of its channel, and where it departs
//! from the RFC.

use super::chunk_set::ChunkSet;
use super::composition_rules::{check_composition, check_size};
use super::context::{Context, chunks_of, insert};
use super::evidence::{near_microseconds, near_ntp};
use super::input::Transport;
use super::request_rules;
use super::{liveness_rules, pex_rules};
use crate::finding::{Detail, FindingId};
use crate::wire::dialect::AckTime;
use crate::wire::{
    Bin, ChunkAddressing, ChunkRange, ChunkSize, ChunkSpec, Chunks, ContentIntegrity, Located,
    Message,
};

/// Microseconds from which on a delay sample is odd: a minute.
const ODD_DELAY: u64 = 60_000_000;

/// Chunks of which a receiver should have acknowledged some.
const UNACKNOWLEDGED: u64 = 256;

/// Applies every message of a datagram to its channel.
pub(super) fn apply(context: &mut Context<'_, '_>, messages: &[Located<'_>]) {
    check_size(context);
    if messages.is_empty() && context.datagram.wire_length == 4 {
        liveness_rules::keep_alive(context);
    }
    let supported = context.channel.end(context.sender.other()).supported;
    for located in messages {
        let code = located.message.kind();
        if supported >> code.code() & 1 == 0 {
            context.findings.raise_at(
                FindingId::MessageUnsupported,
                located.offset,
                Detail::Message(code),
            );
        }
        apply_message(context, located);
    }
    check_composition(context, messages);
}

fn apply_message(context: &mut Context<'_, '_>, located: &Located<'_>) {
    let offset = located.offset;
    match &located.message {
        Message::Data {
            spec,
            timestamp,
            data_length,
            ..
        } => data(context, offset, *spec, *timestamp, *data_length),
        Message::Ack { spec, delay } => ack(context, offset, *spec, *delay),
        Message::Have(spec) => have(context, offset, *spec),
        Message::Integrity { spec, .. } => integrity(context, offset, *spec),
        Message::SignedIntegrity {
            spec,
            timestamp,
            signature,
        } => signed_integrity(context, offset, *spec, *timestamp, signature),
        Message::Request(spec) => request_rules::request(context, offset, *spec),
        Message::Cancel(spec) => request_rules::cancel(context, offset, *spec),
        Message::Choke => context.channel.end_mut(context.sender).choking = true,
        Message::Unchoke => request_rules::unchoke(context, offset),
        Message::PexReq => {
            let datagrams = context.channel.datagrams;
            let sender = context.channel.end_mut(context.sender);
            sender.pex_asked = true;
            sender.pex_asked_at = context.datagram.time.map(|now| (datagrams, now));
        }
        Message::PexResV4 { address, port } => {
            pex_rules::address(context, offset, (*address).into(), *port);
        }
        Message::PexResV6 { address, port } => {
            pex_rules::address(context, offset, (*address).into(), *port);
        }
        Message::PexResCert { certificate } => pex_rules::certificate(context, offset, certificate),
        Message::Handshake(_) | Message::Randomize(_) => {}
    }
}

fn data(
    context: &mut Context<'_, '_>,
    offset: usize,
    spec: ChunkSpec,
    timestamp: Option<u64>,
    length: usize,
) {
    if length == 0 {
        context
            .findings
            .raise_at(FindingId::DataEmpty, offset, Detail::None);
    }
    match timestamp {
        Some(timestamp) if near_microseconds(timestamp, context.datagram.time) == Some(false) => {
            let detail = Detail::Count(timestamp, "µs");
            context
                .findings
                .raise_at(FindingId::DataTimestampOdd, offset, detail);
        }
        None if context.layout.dialect.data_timestamp => {
            context
                .findings
                .raise_at(FindingId::DataTimestampMissing, offset, Detail::None);
        }
        _ => {}
    }
    let Some(range) = chunks_of(context, offset, spec) else {
        if !matches!(spec.chunks(1), Chunks::Reversed { .. }) {
            context
                .findings
                .raise_at(FindingId::DataNoChunk, offset, Detail::Spec(spec));
        }
        return;
    };
    let swarm = &mut *context.swarm;
    swarm.data_messages += 1;
    if range.is_single() {
        swarm.longest_chunk = swarm.longest_chunk.max(length);
        if let ChunkSize::Fixed(size) = context.layout.chunk_size
            && length > 0
            && length < size as usize
            && swarm.highest_chunk > Some(range.end())
        {
            let detail = Detail::Mismatch(length as u64, size.into());
            context
                .findings
                .raise_at(FindingId::DataLength, offset, detail);
        }
    } else {
        let detail = Detail::Chunks(Chunks::Range(range));
        context
            .findings
            .raise_at(FindingId::DataManyChunks, offset, detail);
    }
    swarm.highest_chunk = swarm.highest_chunk.max(Some(range.end()));
    insert(&mut swarm.seen, range, context.budget, context.findings);

    let complete = context.channel.is_complete();
    let (sender, receiver) = context.channel.sender_and_receiver(context.sender);
    if sender.choking {
        context
            .findings
            .raise_at(FindingId::DataWhileChoking, offset, Detail::None);
    }
    let tracking = receiver.tracking();
    let detail = Detail::Chunks(Chunks::Range(range));
    if complete && !tracking.requested.contains(range.start()) {
        context
            .findings
            .raise_at(FindingId::DataUnrequested, offset, detail);
    }
    if tracking.first_hash.is_none()
        && complete
        && !tracking.hashes_missed
        && tracking.announced.is_empty()
        && swarm.is_static()
        && swarm.highest_chunk > Some(0)
    {
        tracking.hashes_missed = true;
        context
            .findings
            .raise_at(FindingId::IntegrityMissing, offset, detail);
    }
    if swarm.content_integrity == Some(ContentIntegrity::SignAll)
        && complete
        && !tracking.signed.contains(range.start())
        && !tracking.signed.is_saturated()
    {
        context
            .findings
            .raise_at(FindingId::SignedChunkMissing, offset, detail);
    }
    if !tracking.cancelled.is_empty()
        && request_rules::is_cancelled(&tracking.cancelled, range, context.datagram.time)
    {
        context
            .findings
            .raise_at(FindingId::DataCancelled, offset, detail);
    }
    let added = insert(
        &mut tracking.received,
        range,
        context.budget,
        context.findings,
    );
    if !tracking.acknowledges
        && complete
        && added > 0
        && tracking.received.len() == UNACKNOWLEDGED
        && context.datagram.transport == Transport::Udp
    {
        context
            .findings
            .raise(FindingId::AckNone, Detail::Count(UNACKNOWLEDGED, "chunks"));
    }
    if added == 0 && !tracking.received.is_saturated() {
        context
            .findings
            .raise_at(FindingId::DataDuplicate, offset, detail);
    }
}

/// What a peer announces must be the biggest interval around the chunks
/// (RFC 7574, section 4.3.1); returns that interval where it is bigger.
fn bigger_interval(
    announced: &ChunkSet,
    spec: ChunkSpec,
    range: ChunkRange,
    window: Option<u64>,
    highest: u64,
) -> Option<ChunkRange> {
    let around = announced.interval_around(range.start())?;
    // A peer that forgets chunks (section 6.2) no longer has those before the window,
    // which ends with the last chunk that it told anybody of: at most the swarm's.
    let start = match window {
        Some(window) => around
            .start()
            .max(highest.saturating_sub(window.saturating_sub(1)))
            .min(range.start()),
        None => around.start(),
    };
    let around = ChunkRange::new(start, around.end())?;
    match spec.addressing() {
        ChunkAddressing::Bin32 | ChunkAddressing::Bin64 => {
            let layer = Bin::covering(range)?.layer();
            let width = 1u64.checked_shl(layer + 1)?;
            let start = range.start() / width * width;
            let parent = ChunkRange::new(start, start.checked_add(width - 1)?)?;
            (around.contains(parent.start()) && around.contains(parent.end())).then_some(parent)
        }
        _ => (around != range).then_some(around),
    }
}

fn have(context: &mut Context<'_, '_>, offset: usize, spec: ChunkSpec) {
    announce(context, offset, spec, FindingId::HaveNotBiggest);
}

fn ack(context: &mut Context<'_, '_>, offset: usize, spec: ChunkSpec, delay: u64) {
    if context.layout.dialect.ack_time == AckTime::OneWayDelay {
        if near_microseconds(delay, context.datagram.time) == Some(true) {
            let detail = Detail::Count(delay, "µs");
            context
                .findings
                .raise_at(FindingId::AckAbsoluteTime, offset, detail);
        } else if delay > ODD_DELAY {
            let detail = Detail::Count(delay, "µs");
            context
                .findings
                .raise_at(FindingId::AckDelayOdd, offset, detail);
        }
    }
    let complete = context.channel.is_complete();
    if let Some(range) = announce(context, offset, spec, FindingId::AckNotBiggest)
        && complete
    {
        let tracking = context.channel.end_mut(context.sender).tracking();
        tracking.acknowledges = true;
        // What others brought may lie around it on both sides (section 4.3.2).
        if !tracking.received.overlaps(range) {
            context.findings.raise_at(
                FindingId::AckUnsent,
                offset,
                Detail::Chunks(Chunks::Range(range)),
            );
        }
    }
}

/// HAVE and ACK both say that the sender has chunks.
fn announce(
    context: &mut Context<'_, '_>,
    offset: usize,
    spec: ChunkSpec,
    not_biggest: FindingId,
) -> Option<ChunkRange> {
    let range = chunks_of(context, offset, spec)?;
    context.swarm.highest_chunk = context.swarm.highest_chunk.max(Some(range.end()));
    let highest = context.swarm.highest_chunk.unwrap_or(0);
    let is_static = context.swarm.is_static();
    let (sender, receiver) = context.channel.sender_and_receiver(context.sender);
    let window = sender.window(&context.layout);
    let tracking = sender.tracking();
    tracking.highest = tracking.highest.max(Some(range.end()));
    let sender_receives = !tracking.received.is_empty();
    let announced = &mut tracking.announced;
    insert(announced, range, context.budget, context.findings);
    // The rule is for receiving peers: who brought the content, or the injector
    // of a stream, announces as it likes (section 6.1.2.1).
    if sender_receives
        && let Some(bigger) = bigger_interval(announced, spec, range, window, highest)
    {
        let detail = Detail::Interval(Chunks::Range(range), Chunks::Range(bigger));
        context.findings.raise_at(not_biggest, offset, detail);
    }
    if not_biggest == FindingId::HaveNotBiggest
        && let Some(window) = window
        && range.count() > window
    {
        let detail = Detail::Mismatch(range.count(), window);
        context
            .findings
            .raise_at(FindingId::HaveBeyondWindow, offset, detail);
    }
    if not_biggest == FindingId::HaveNotBiggest
        && is_static
        && !context.opening
        && let Some(theirs) = &receiver.tracking
        && let Some(all) = ChunkRange::new(0, highest)
        && theirs.announced.contains_all(all)
    {
        context
            .findings
            .raise_at(FindingId::HaveToSeeder, offset, Detail::None);
    }
    Some(range)
}

/// Whether the sender, or else the swarm, declared that nothing is protected.
fn is_unprotected(context: &Context<'_, '_>) -> bool {
    context.layout.dialect.handshake_options
        && context.content_integrity() == Some(ContentIntegrity::None)
}

fn integrity(context: &mut Context<'_, '_>, offset: usize, spec: ChunkSpec) {
    if is_unprotected(context) {
        context
            .findings
            .raise_at(FindingId::IntegrityUnprotected, offset, Detail::None);
    }
    // Legacy swift's first message names the swarm with bin ALL.
    let legacy_root = context.opening && spec.chunks(1) == Chunks::Everything;
    if context.swarm.content_integrity == Some(ContentIntegrity::SignAll) {
        context
            .findings
            .raise_at(FindingId::IntegrityNoTree, offset, Detail::None);
    }
    let range = chunks_of(context, offset, spec);
    if let Some(range) = range {
        note_hash(context, offset, range);
    }
    if !range.is_some_and(ChunkRange::is_subtree) && !legacy_root {
        context
            .findings
            .raise_at(FindingId::IntegrityNotSubtree, offset, Detail::Spec(spec));
    }
}

/// The first hash on a channel is a peak (section 5.6.2), unless the sender
/// leaves peaks out; it is needed once.
fn note_hash(context: &mut Context<'_, '_>, offset: usize, range: ChunkRange) {
    let frame = context.datagram.frame;
    let (_, receiver) = context.channel.sender_and_receiver(context.sender);
    let (first, then) = *receiver.tracking().first_hash.get_or_insert((range, frame));
    if first == range && then != frame && context.swarm.is_static() {
        let detail = Detail::Chunks(Chunks::Range(range));
        context
            .findings
            .raise_at(FindingId::IntegrityRepeated, offset, detail);
    }
}

fn signed_integrity(
    context: &mut Context<'_, '_>,
    offset: usize,
    spec: ChunkSpec,
    timestamp: u64,
    signature: &[u8],
) {
    if is_unprotected(context) {
        context
            .findings
            .raise_at(FindingId::IntegrityUnprotected, offset, Detail::None);
    } else if context.swarm.is_static() {
        context
            .findings
            .raise_at(FindingId::SignedStatic, offset, Detail::None);
    }
    if signature.len() == 20 && signature.iter().all(|&byte| byte == 0) {
        context
            .findings
            .raise_at(FindingId::SignedDummy, offset, Detail::None);
    }
    if context.swarm.content_integrity == Some(ContentIntegrity::SignAll)
        && let Some(range) = chunks_of(context, offset, spec)
    {
        let (_, receiver) = context.channel.sender_and_receiver(context.sender);
        let signed = &mut receiver.tracking().signed;
        insert(signed, range, context.budget, context.findings);
    }
    let time = context.datagram.time;
    if near_ntp(timestamp, time) == Some(false) {
        let id = if near_microseconds(timestamp, time) == Some(true) {
            FindingId::SignedTimestamp
        } else {
            FindingId::SignedTimestampOdd
        };
        context
            .findings
            .raise_at(id, offset, Detail::Count(timestamp, "as a number"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::PageBudget;

    #[test]
    fn the_biggest_interval_of_a_bin_is_a_bin() {
        let mut budget = PageBudget::new(10);
        let mut announced = ChunkSet::default();
        let range = |start, end| ChunkRange::new(start, end).expect("ordered");
        announced.insert(range(0, 6), &mut budget);
        let bigger = |start, end, addressing| {
            let range = range(start, end);
            let spec = ChunkSpec::of(range, addressing, 1024).expect("a bin");
            bigger_interval(&announced, spec, range, None, 0)
        };
        assert_eq!(bigger(0, 3, ChunkAddressing::Bin32), None);
        assert_eq!(bigger(2, 3, ChunkAddressing::Bin32), Some(range(0, 3)));
        assert_eq!(bigger(4, 5, ChunkAddressing::Bin64), None);
        assert_eq!(bigger(0, 3, ChunkAddressing::Chunk32), Some(range(0, 6)));
        assert_eq!(bigger(0, 6, ChunkAddressing::Chunk32), None);
    }
}
