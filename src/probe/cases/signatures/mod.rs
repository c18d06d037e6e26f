//! Signed munros and signed chunks of live streams (RFC 7574, sections 6.1.1 and 6.1.2).

mod munros;
mod signing;

use std::time::Duration;

use ppspp_dissector::wire::{ChunkRange, ContentIntegrity, MessageType};

use crate::probe::case::{Case, Outcome, Role, Stop};
use crate::probe::conversation::Conversation;
use crate::probe::fetch::{Delivery, Signed};

/// The areas, in the order in which they run.
pub(super) const AREAS: &[&[Case]] = &[munros::CASES, signing::CASES];

/// What all cases of this file have in common.
const LIVE: Case = Case {
    roles: &[Role::Injector],
    awaits: &[MessageType::SignedIntegrity, MessageType::Data],
    limit: Duration::from_secs(40),
    ..Case::USUAL
};

fn needs_munros(it: &Conversation<'_>) -> Outcome {
    if it.swarm().integrity == ContentIntegrity::UnifiedMerkle {
        return it.needs_service();
    }
    Err(Stop::Skip(
        "each chunk of the stream is signed, and no munros".to_owned(),
    ))
}

fn needs_signed_chunks(it: &Conversation<'_>) -> Outcome {
    if it.swarm().integrity == ContentIntegrity::SignAll {
        return it.needs_service();
    }
    Err(Stop::Skip(
        "munros of the stream are signed, and not each chunk".to_owned(),
    ))
}

/// Fetches a chunk on a new channel.
fn stranger(it: &mut Conversation<'_>) -> Result<(Delivery, u64, usize), Stop> {
    let chunk = it.inner_chunk()?;
    let channel = it.open()?;
    let delivery = it.fetch(&channel, &[chunk])?;
    let place = delivery
        .pieces
        .iter()
        .position(|piece| piece.kind == MessageType::Data && names(piece.chunks, chunk));
    match place {
        Some(place) => Ok((delivery, chunk, place)),
        None => Err(Stop::silence(format!("DATA {chunk}"), "none")),
    }
}

fn names(range: Option<ChunkRange>, chunk: u64) -> bool {
    range.is_some_and(|range| range.contains(chunk))
}

/// Fetches chunks from several munros; the signatures that came, by their chunks.
fn several(it: &mut Conversation<'_>) -> Result<Vec<Signed>, Stop> {
    needs_munros(it)?;
    let chunks: Vec<u64> = match it.first_of(64) {
        Ok(first) => vec![first, first + 17, first + 34, first + 51],
        Err(_) => vec![it.inner_chunk()?],
    };
    let channel = it.open()?;
    let delivery = it.fetch(&channel, &chunks)?;
    let mut signed = delivery.signed;
    signed.sort_by_key(|it| (it.chunks.start(), it.chunks.end()));
    if signed.is_empty() {
        return Err(Stop::Inconclusive("no signatures came".to_owned()));
    }
    Ok(signed)
}
