//! Rules on asking for chunks and being refused: REQUEST, CANCEL, UNCHOKE.

use super::channel::End;
use super::context::{Context, chunks_of, insert};
use super::input::Time;
use crate::finding::{Detail, FindingId};
use crate::wire::{ChunkRange, ChunkSpec, Chunks, Layout};

/// Nanoseconds during which chunks may be on their way that were cancelled.
const UNDER_WAY: i64 = 1_000_000_000;
/// Cancelled ranges that are remembered of each peer.
const REMEMBERED: usize = 8;
/// Repeated requests within a second that make a loop.
const LOOP: u32 = 20;

pub(super) fn request(context: &mut Context<'_, '_>, offset: usize, spec: ChunkSpec) {
    let Some(range) = chunks_of(context, offset, spec) else {
        return;
    };
    let complete = context.channel.is_complete();
    let (sender, receiver) = context.channel.sender_and_receiver(context.sender);
    let detail = Detail::Chunks(Chunks::Range(range));
    if receiver.choking {
        context
            .findings
            .raise_at(FindingId::RequestWhileChoked, offset, detail);
    }
    if complete
        && !receiver
            .tracking
            .as_ref()
            .is_some_and(|theirs| theirs.announced.contains_all(range))
    {
        context
            .findings
            .raise_at(FindingId::RequestUnannounced, offset, detail);
    }
    if is_discarded(receiver, &context.layout, range) {
        context
            .findings
            .raise_at(FindingId::RequestDiscarded, offset, detail);
    }
    let tracking = sender.tracking();
    // Who asks again has changed its mind.
    tracking.cancelled.retain(|(cancelled, _)| {
        cancelled.end() < range.start() || range.end() < cancelled.start()
    });
    let requested = &mut tracking.requested;
    let added = insert(requested, range, context.budget, context.findings);
    if added == 0 && !requested.is_saturated() {
        context
            .findings
            .raise_at(FindingId::RequestRepeated, offset, detail);
        if tracking.repetitions.hit(context.datagram.time, LOOP) {
            context
                .findings
                .raise_at(FindingId::RequestLoop, offset, detail);
        }
    }
}

pub(super) fn cancel(context: &mut Context<'_, '_>, offset: usize, spec: ChunkSpec) {
    let Some(range) = chunks_of(context, offset, spec) else {
        return;
    };
    let complete = context.channel.is_complete();
    let time = context.datagram.time;
    let sender = context.channel.end_mut(context.sender);
    let cancelled = &mut sender.tracking().cancelled;
    if cancelled.len() == REMEMBERED {
        cancelled.remove(0);
    }
    cancelled.push((range, time));
    if complete && !sender.tracking().requested.contains(range.start()) {
        context.findings.raise_at(
            FindingId::CancelUnrequested,
            offset,
            Detail::Chunks(Chunks::Range(range)),
        );
    }
}

/// Whether a live peer's window has slid past these chunks (section 6.2).
fn is_discarded(end: &End, layout: &Layout, range: ChunkRange) -> bool {
    let window = end.window(layout);
    let highest = end.tracking.as_ref().and_then(|tracking| tracking.highest);
    matches!((window, highest), (Some(window), Some(highest))
        if highest.checked_sub(range.end()).is_some_and(|behind| behind >= window))
}

/// Whether all of a chunk was cancelled, long enough ago that its sender knows.
#[cold]
pub(super) fn is_cancelled(
    cancelled: &[(ChunkRange, Option<Time>)],
    chunk: ChunkRange,
    now: Option<Time>,
) -> bool {
    cancelled.iter().any(|(range, then)| {
        range.contains(chunk.start())
            && range.contains(chunk.end())
            && matches!((now, then), (Some(now), Some(then)) if now.since(*then) > UNDER_WAY)
    })
}

/// Who was not choked needs no UNCHOKE (section 12.6.9).
pub(super) fn unchoke(context: &mut Context<'_, '_>, offset: usize) {
    let complete = context.channel.is_complete();
    let sender = context.channel.end_mut(context.sender);
    if complete && !sender.choking {
        context
            .findings
            .raise_at(FindingId::UnchokeUnchoked, offset, Detail::None);
    }
    sender.choking = false;
}
