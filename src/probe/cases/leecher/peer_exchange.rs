//! Addresses of others, and whom the target must not be led to (RFC 7574, sections 8.13 and
//! 12.2).

use std::time::Duration;

use ppspp_dissector::wire::{Message, MessageType};

use super::ROBUST;
use super::support::{count, needs_fetching, needs_message};
use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Level, Outcome, Stop};
use crate::probe::cases::support::{decoys, nobodies};
use crate::probe::conversation::Conversation;
use crate::probe::net::Port;
use crate::probe::serve::{Gift, Offer, Seeder, Shape};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "rfc7574/8.13/pex-read-by-leecher",
        title: "What stands behind PEX messages is read",
        requirement: "Peers may ignore PEX messages; what stands behind them in a datagram is \
                      processed all the same.",
        level: Level::Must,
        finds: &[M::CannotReadPex, M::DeafToLaterHaves],
        run: pex_read,
        ..ROBUST
    },
    Case {
        id: "rfc7574/12.2/leecher-unasked-addresses",
        title: "Addresses that nobody asked for are not contacted",
        requirement: "A malicious peer may name addresses to make others send HANDSHAKEs there: \
                      one datagram must not become many.",
        finds: &[M::FollowsAnyAddress],
        run: unasked_addresses,
        ..ROBUST
    },
    Case {
        id: "rfc7574/12.2.1/leecher-many-addresses",
        title: "Not everybody whom an answer to PEX_REQ names is contacted at once",
        requirement: "A peer that is named may be contacted or not; one answer must not make the \
                      target send HANDSHAKEs to as many victims as it likes.",
        finds: &[M::FollowsAnyAddress],
        run: many_addresses,
        ..ROBUST
    },
];

fn pex_read(it: &mut Conversation<'_>) -> Outcome {
    needs_fetching(it)?;
    it.chunks(32)?;
    let few = 8;
    let mut seeder = Seeder::open(it, Shape::Usual, Offer::Some(few))?;
    seeder.serve(
        it,
        it.patience().answer * 2,
        |_, _| Gift::Right,
        |seeder| count(seeder) >= few,
    )?;
    let mut messages = nobodies().to_vec();
    let start = seeder.first() + few;
    let end = seeder.content.size() - 1;
    messages.extend(seeder.haves(&[(start, end)]));
    let wants = |seeder: &Seeder| {
        let mut requests = seeder.log.requests.iter();
        requests.any(|it| it.chunks.end() >= start)
    };
    for _ in 0..2 {
        it.note("addresses, and behind them HAVEs");
        seeder.say(it, &messages)?;
        let within = it.patience().answer * 2;
        if seeder.serve(it, within, |_, _| Gift::Right, wants)? {
            return Ok(());
        }
    }
    Err(Stop::silence(
        "REQUESTs for what HAVEs behind PEX_RESv4 and PEX_RESv6 announce",
        "none",
    ))
}

/// Serves on, and counts the decoys that a datagram comes to.
fn caught(
    it: &mut Conversation<'_>,
    decoys: &[Port],
    within: Duration,
) -> Result<Vec<usize>, Stop> {
    let mut ports = Vec::new();
    let mut frames = Vec::new();
    for heard in it.hear_all(within)? {
        if decoys.contains(&heard.port) && !ports.contains(&heard.port) {
            ports.push(heard.port);
            frames.push(heard.frame);
        }
    }
    Ok(frames)
}

fn unasked_addresses(it: &mut Conversation<'_>) -> Outcome {
    needs_fetching(it)?;
    // It has what we announce, and may want others.
    let mut seeder = Seeder::open(it, Shape::Usual, Offer::Some(4))?;
    let within = it.patience().answer;
    seeder.serve(it, within, |_, _| Gift::Right, |seeder| count(seeder) >= 4)?;
    if !seeder.log.asked_for_peers.is_empty() {
        // What it asked for it may use: that is spent first.
        let own = Message::PexResV4 {
            address: [127, 0, 0, 1].into(),
            port: 9,
        };
        for _ in 0..32 {
            seeder.say(it, std::slice::from_ref(&own))?;
        }
    }
    let (decoys, messages) = decoys(it, 6)?;
    it.note("addresses that the target did not ask for: ours, as decoys");
    seeder.say(it, &messages)?;
    let frames = caught(it, &decoys, it.patience().answer)?;
    if frames.is_empty() {
        return Ok(());
    }
    Err(Stop::violation(
        "no datagram to the addresses that were named",
        format!("datagrams to {} of {}", frames.len(), decoys.len()),
        frames,
    ))
}

fn many_addresses(it: &mut Conversation<'_>) -> Outcome {
    needs_fetching(it)?;
    needs_message(it, MessageType::PexReq)?;
    let mut seeder = Seeder::open(it, Shape::Usual, Offer::Some(4))?;
    let within = it.patience().answer * 3;
    let asks = seeder.serve(
        it,
        within,
        |_, _| Gift::Right,
        |seeder| !seeder.log.asked_for_peers.is_empty(),
    )?;
    if !asks {
        return Err(Stop::Skip("the target sends no PEX_REQ".to_owned()));
    }
    let (decoys, messages) = decoys(it, 60)?;
    for part in messages.chunks(20) {
        it.note("sixty peers, as an answer to PEX_REQ: ours, as decoys");
        seeder.say(it, part)?;
    }
    let frames = caught(it, &decoys, it.patience().answer)?;
    if frames.len() < decoys.len() {
        return Ok(());
    }
    Err(Stop::violation(
        "HANDSHAKEs to some of the sixty at most",
        format!("datagrams to all {}", frames.len()),
        frames.into_iter().take(4),
    ))
}
