//! What several areas ask in the same way of a target that watches.

use ppspp_dissector::wire::{ContentIntegrity, Message};

use crate::probe::case::{Outcome, Stop};
use crate::probe::conversation::Conversation;
use crate::probe::serve::{Evidence, Seeder, Stream};

/// Goes on only where munros are signed.
pub(super) fn needs_munros(it: &Conversation<'_>) -> Outcome {
    if it.swarm().integrity == ContentIntegrity::UnifiedMerkle {
        return Ok(());
    }
    Err(Stop::Skip(
        "each chunk of the stream is signed, and no munros".to_owned(),
    ))
}

/// Goes on only where each chunk is signed.
pub(super) fn needs_signed_chunks(it: &Conversation<'_>) -> Outcome {
    if it.swarm().integrity == ContentIntegrity::SignAll {
        return Ok(());
    }
    Err(Stop::Skip(
        "munros of the stream are signed, and not each chunk".to_owned(),
    ))
}

/// Goes on only where the target believes signatures as the RFC has them: over more
/// than a hash.
pub(super) fn needs_whole_signatures(it: &Conversation<'_>) -> Outcome {
    if !it.known().manner.signs_hash_alone {
        return Ok(());
    }
    Err(Stop::Skip(
        "the target believes no signature that covers more than the munro's hash".to_owned(),
    ))
}

/// The stream that is injected.
pub(super) fn stream(seeder: &mut Seeder) -> Result<&mut Stream, Stop> {
    let stream = seeder.content.stream();
    stream.ok_or_else(|| Stop::Error("there is no stream to inject".to_owned()))
}

/// Sends what proves chunks, and other messages behind it.
pub(super) fn tell(
    it: &mut Conversation<'_>,
    seeder: &Seeder,
    evidence: &[Evidence],
    further: &[Message<'_>],
) -> Result<usize, Stop> {
    let mut messages = seeder.messages(evidence)?;
    messages.extend(further.iter().cloned());
    seeder.say(it, &messages)
}
