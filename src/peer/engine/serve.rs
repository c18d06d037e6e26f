//! Sending chunks with what their receiver needs to verify them (RFC 7574,
//! sections 5.3, 5.4 and 6.1.2.3).

use ppspp_dissector::wire::{Bin, ChunkRange, ChunkSpec, Message};

use super::channel::Channel;
use super::content::uncles;
use super::handshake::put;
use super::store::StoreError;
use super::swarm::Swarm;
use super::time::Moment;
use super::upload::{Proof, Turn};

/// Sends the peer a chunk that it waits for, with the hashes that it needs, or
/// the hashes alone where both don't fit. `told` is the munro that is in the datagram
/// already. Returns the bytes that count as content.
pub(super) fn write_content(
    now: Moment,
    channel: &mut Channel,
    swarm: &mut Swarm,
    out: &mut Vec<u8>,
    start: usize,
    datagram_size: usize,
    told: Option<Bin>,
) -> Result<usize, StoreError> {
    let chunk_size = swarm.content.chunk_size();
    if !channel.may_send_content(now) {
        return Ok(0);
    }
    let has = &channel.has;
    let present = swarm.content.present();
    let needed = |chunk: u64| present.contains(&chunk) && !has.contains(&chunk);
    let Some(mut turn) = channel.upload.next(needed) else {
        return Ok(0);
    };
    let Turn { chunk, again, .. } = turn;
    let layout = channel.writes;
    let data_length = 1 + 16 + 8 + chunk_size as usize;
    // Large chunks are fragmented by IP anyway.
    let limit = start + datagram_size.max(data_length + 4);
    if out.len() + data_length > limit {
        // What is in the datagram already leaves no place: the chunk is next.
        channel.upload.put_back(turn);
        return Ok(0);
    }
    let mut proofs = match turn.proofs.take() {
        Some(rest) => rest,
        None => proofs_for(channel, swarm, (chunk, again), told)?,
    };
    let size_of = |proof: &Proof| match proof {
        Proof::Hash(_, hash) => 1 + 16 + hash.as_bytes().len(),
        Proof::Signature(_, signature) => 1 + 16 + 8 + signature.bytes.len(),
    };
    let needed: usize = proofs.iter().map(size_of).sum();
    let is_apart = channel.profile.separate_hashes || out.len() + needed + data_length > limit;
    if !proofs.is_empty() && is_apart {
        // In a datagram of their own, the highest first.
        let mut room = (start + datagram_size).saturating_sub(out.len());
        let fits = proofs.iter().take_while(|proof| {
            let fits = size_of(proof) <= room;
            room = room.saturating_sub(size_of(proof));
            fits
        });
        let rest = proofs.split_off(fits.count().max(1));
        write_proofs(channel, &proofs, out);
        channel.upload.put_back(Turn {
            proofs: Some(rest),
            ..turn
        });
        return Ok(0);
    }
    write_proofs(channel, &proofs, out);
    let range = ChunkRange::single(chunk);
    let Some(spec) = ChunkSpec::of(range, layout.addressing, chunk_size) else {
        return Ok(0);
    };
    let message = Message::Data {
        spec,
        timestamp: layout
            .data_timestamp
            .then(|| (now - channel.profile.timestamps_lag).microseconds()),
        data: &[],
        data_length: 0,
    };
    put(out, &message, &layout);
    let before = out.len();
    swarm.content.read(chunk, out)?;
    let length = out.len() - before;
    channel.sent += length as u64;
    swarm.totals.sent += length as u64;
    swarm.totals.resent += u64::from(again);
    channel
        .upload
        .sent(now, chunk, (out.len() - start) as u32, again);
    Ok(out.len() - start)
}

/// What a peer needs with a chunk: peaks or the signed munro as long as it has not shown
/// to know them, then the uncles, the highest first.
fn proofs_for(
    channel: &mut Channel,
    swarm: &mut Swarm,
    (chunk, again): (u64, bool),
    told: Option<Bin>,
) -> Result<Vec<Proof>, StoreError> {
    let mut proofs = Vec::new();
    if !swarm.content.is_protected() {
        return Ok(proofs);
    }
    let has = &channel.has;
    let has_any = |range: ChunkRange| has.overlaps(&(range.start()..=range.end()));
    let (top, knows_top) = match &swarm.live {
        None => {
            if !channel.knows_peaks {
                for peak in swarm.content.peaks().to_vec() {
                    add_hash(&mut proofs, channel, swarm, peak, again)?;
                }
            }
            (swarm.content.peak_above(chunk), channel.knows_peaks)
        }
        Some(live) => {
            let Some(top) = live.signed_above(chunk) else {
                return Ok(proofs);
            };
            let signature = live.signature(top).cloned();
            let knows = has_any(top.range());
            if live.signs_chunks {
                proofs.extend(signature.map(|signature| Proof::Signature(top, signature)));
                return Ok(proofs);
            }
            // Only a HAVE or ACK says that it came (section 6.1.2.3).
            if !knows && told != Some(top) {
                add_hash(&mut proofs, channel, swarm, top, true)?;
                proofs.extend(signature.map(|signature| Proof::Signature(top, signature)));
            }
            (Some(top), knows)
        }
    };
    let Some(top) = top else {
        return Ok(proofs);
    };
    let mut below = Vec::new();
    uncles(chunk, top, |range| knows_top && has_any(range), &mut below);
    for uncle in below {
        add_hash(&mut proofs, channel, swarm, uncle, again)?;
    }
    Ok(proofs)
}

/// Adds the hash of a node, unless it was sent often enough.
fn add_hash(
    proofs: &mut Vec<Proof>,
    channel: &Channel,
    swarm: &mut Swarm,
    node: Bin,
    again: bool,
) -> Result<(), StoreError> {
    if channel.upload.should_send_hash(node, again)
        && let Some(hash) = swarm.content.hash(node)?
    {
        proofs.push(Proof::Hash(node, hash));
    }
    Ok(())
}

/// The rightmost signed munro goes with every datagram until the peer has a
/// chunk below it, or a later one (RFC 7574, section 6.1.2.4). Returns it where it has
/// been written.
pub(super) fn write_rightmost(
    channel: &mut Channel,
    swarm: &mut Swarm,
    out: &mut Vec<u8>,
    limit: usize,
) -> Result<Option<Bin>, StoreError> {
    let Some(live) = swarm.live.as_ref().filter(|live| live.has_munros()) else {
        return Ok(None);
    };
    let Some(munro) = live.rightmost() else {
        return Ok(None);
    };
    let is_known = channel.has.overlaps(&(munro.range().start()..=u64::MAX));
    let is_told = channel.told_munro == Some(munro) && out.len() < 8;
    let Some(signature) = live.signature(munro).filter(|_| !is_known && !is_told) else {
        return Ok(None);
    };
    let signature = signature.clone();
    let Some(hash) = swarm.content.hash(munro)? else {
        return Ok(None);
    };
    if out.len() + 64 + hash.as_bytes().len() + signature.bytes.len() > limit {
        return Ok(None);
    }
    channel.told_munro = Some(munro);
    let proofs = [Proof::Hash(munro, hash), Proof::Signature(munro, signature)];
    write_proofs(channel, &proofs, out);
    Ok(Some(munro))
}

fn write_proofs(channel: &mut Channel, proofs: &[Proof], out: &mut Vec<u8>) {
    let layout = channel.writes;
    let size = layout.chunk_size.or_assumed();
    for proof in proofs {
        let Some(spec) = ChunkSpec::of(proof.node().range(), layout.addressing, size) else {
            continue;
        };
        let message = match proof {
            Proof::Hash(_, hash) => Message::Integrity {
                spec,
                hash: hash.as_bytes(),
            },
            Proof::Signature(_, signature) => Message::SignedIntegrity {
                spec,
                timestamp: signature.timestamp,
                signature: &signature.bytes,
            },
        };
        put(out, &message, &layout);
        if matches!(proof, Proof::Hash(..)) {
            channel.upload.sent_hash(proof.node(), &channel.has);
        }
    }
}
