//! Rules on signatures in live streams (RFC 7574, section 6.1).

use super::channel::State;
use super::context::Context;
use crate::finding::{Detail, FindingId};
use crate::wire::{ChunkRange, ContentIntegrity, Located, Message};

/// The signatures of a datagram: what they name and what stands before them.
pub(super) fn check_signatures(context: &mut Context<'_, '_>, messages: &[Located<'_>]) {
    let method = context.swarm.content_integrity;
    for (index, located) in messages.iter().enumerate() {
        if !matches!(located.message, Message::SignedIntegrity { .. }) {
            continue;
        }
        let Some(range) = context.range_of(&located.message) else {
            continue;
        };
        match method {
            Some(ContentIntegrity::UnifiedMerkle) => {
                check_munro(context, messages, index, range);
            }
            Some(ContentIntegrity::SignAll) if !range.is_single() => context.findings.raise_at(
                FindingId::SignedSeveralChunks,
                located.offset,
                Detail::Count(range.count(), "chunks"),
            ),
            _ => {}
        }
    }
}

/// A munro is a node of a fixed width, and its hash comes right before its
/// signature (sections 6.1.2.1 and 6.1.2.3).
fn check_munro(
    context: &mut Context<'_, '_>,
    messages: &[Located<'_>],
    index: usize,
    munro: ChunkRange,
) {
    let offset = messages[index].offset;
    let width = *context.swarm.munro_width.get_or_insert(munro.count());
    if munro.is_single() || !munro.is_subtree() || munro.count() != width {
        context.findings.raise_at(
            FindingId::SignedMunroWidth,
            offset,
            Detail::Mismatch(munro.count(), width),
        );
    }
    let is_munros = |located: &Located<'_>| {
        matches!(located.message, Message::Integrity { .. })
            && context.range_of(&located.message) == Some(munro)
    };
    let before = &messages[..index];
    if before.last().is_some_and(is_munros) {
        return;
    }
    let id = if before.iter().any(is_munros) {
        FindingId::SignedNotAfterMunro
    } else {
        FindingId::SignedMunroMissing
    };
    context.findings.raise_at(id, offset, Detail::None);
}

/// The first datagram of a peer that knows that the other one is there must
/// carry its rightmost signed munro (section 6.1.2.4), where it has any and the
/// other has not said that it knows one.
#[cold]
pub(super) fn check_tune_in(context: &mut Context<'_, '_>, messages: &[Located<'_>]) {
    let Some(first) = messages.first() else {
        return;
    };
    // A late copy of its HANDSHAKE, or the end of it all.
    if matches!(first.message, Message::Handshake(_)) {
        return;
    }
    let method = context.swarm.content_integrity;
    let (sender, receiver) = context.channel.sender_and_receiver(context.sender);
    sender.tuned_in = true;
    let announced = |end: &super::channel::End| {
        end.tracking
            .as_ref()
            .is_some_and(|tracking| !tracking.announced.is_empty())
    };
    let signs = messages
        .iter()
        .any(|located| matches!(located.message, Message::SignedIntegrity { .. }));
    if method == Some(ContentIntegrity::UnifiedMerkle)
        && announced(sender)
        && !announced(receiver)
        && !signs
    {
        context
            .findings
            .raise(FindingId::SignedTuneInMissing, Detail::None);
    }
}

/// Whether [`check_tune_in`] has still to look at a datagram of this sender.
#[inline]
pub(super) fn is_tuning_in(context: &Context<'_, '_>) -> bool {
    !context.channel.end(context.sender).tuned_in
        && context.channel.is_complete()
        && context.channel.state == State::Established
        && !context.datagram.is_cut()
}
