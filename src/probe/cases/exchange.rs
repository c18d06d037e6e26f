//! Peer address exchange (RFC 7574, sections 3.10, 8.13 and 12.2).

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ppspp_dissector::wire::{Message, MessageType};

use super::support::{decoys, nobodies};
use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Level, Outcome, Stop};
use crate::probe::conversation::Conversation;

const ANSWER: &[MessageType] = &[
    MessageType::PexResV4,
    MessageType::PexResV6,
    MessageType::PexResCert,
];

pub(in crate::probe) const CASES: &[Case] = &[
    Case {
        id: "rfc7574/3.10.1/asker-not-named",
        title: "Who asks for peers is not told of himself",
        requirement: "PEX_RES messages tell of third peers that the sender is in touch with.",
        level: Level::Robustness,
        awaits: ANSWER,
        finds: &[M::NamesAsker],
        run: asker_not_named,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/3.10.1/usable-addresses",
        title: "Addresses that are told can be used",
        requirement: "A PEX_RES names the transport address of a peer with which its sender has \
                      exchanged messages in the last 60 seconds: no port 0, no unspecified or \
                      multicast address.",
        awaits: ANSWER,
        finds: &[M::NamesNonsense],
        run: usable_addresses,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/8.13/pex-messages-read",
        title: "PEX messages can be read, whether or not they are used",
        requirement: "Peers may ignore PEX messages; what stands behind them in a datagram is \
                      processed all the same.",
        awaits: &[MessageType::Data],
        finds: &[M::CannotReadPex],
        run: pex_messages_read,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/12.2/unasked-addresses",
        title: "Addresses that nobody asked for are not contacted",
        requirement: "A malicious peer may name addresses to make others send HANDSHAKEs there: \
                      one datagram must not become many.",
        level: Level::Robustness,
        finds: &[M::FollowsAnyAddress],
        run: unasked_addresses,
        ..Case::USUAL
    },
];

fn named(message: &Message<'_>) -> Option<SocketAddr> {
    match message {
        Message::PexResV4 { address, port } => Some((*address, *port).into()),
        Message::PexResV6 { address, port } => {
            let address = address
                .to_ipv4_mapped()
                .map_or(IpAddr::V6(*address), IpAddr::V4);
            Some((address, *port).into())
        }
        _ => None,
    }
}

/// Asks for peers, with another one of ours in the swarm; what was told, and
/// where.
fn told(it: &mut Conversation<'_>) -> Result<(SocketAddr, Vec<(SocketAddr, usize)>), Stop> {
    let channel = it.open()?;
    let other = it.port()?;
    let (second, _) = it.shake(other)?;
    it.send(&second, &[])?;
    let mut told = Vec::new();
    for _ in 0..2 {
        it.send(&channel, &[Message::PexReq])?;
        let quiet = it.patience().quiet;
        for heard in it.hear_all(quiet)? {
            let (messages, _) = heard.read(&channel.reads);
            let addresses = messages.iter().filter_map(|it| named(&it.message));
            if heard.port == channel.port {
                told.extend(addresses.map(|address| (address, heard.frame)));
            }
        }
        if !told.is_empty() {
            break;
        }
        // Some answer seldom.
        it.hear_all(Duration::from_millis(600))?;
    }
    Ok((it.address(channel.port), told))
}

fn asker_not_named(it: &mut Conversation<'_>) -> Outcome {
    let (asker, told) = told(it)?;
    if told.is_empty() {
        return Err(Stop::Skip(
            "the target answers no PEX_REQ, which it need not".to_owned(),
        ));
    }
    match told.iter().find(|(address, _)| *address == asker) {
        None => Ok(()),
        Some((address, frame)) => Err(Stop::violation(
            "other peers' addresses",
            format!("{address}, which is ours"),
            [*frame],
        )),
    }
}

fn usable_addresses(it: &mut Conversation<'_>) -> Outcome {
    let (_, told) = told(it)?;
    if told.is_empty() {
        return Err(Stop::Skip(
            "the target answers no PEX_REQ, which it need not".to_owned(),
        ));
    }
    let is_nonsense = |address: &SocketAddr| {
        address.port() == 0 || address.ip().is_unspecified() || address.ip().is_multicast()
    };
    match told.iter().find(|(address, _)| is_nonsense(address)) {
        None => Ok(()),
        Some((address, frame)) => Err(Stop::violation(
            "addresses that a peer can have",
            address.to_string(),
            [*frame],
        )),
    }
}

fn pex_messages_read(it: &mut Conversation<'_>) -> Outcome {
    it.needs_service()?;
    let wanted = it.first_of(4)? + 3;
    if it.known().manner.is_legacy {
        return Err(Stop::Skip(
            "the legacy protocol has other PEX messages".to_owned(),
        ));
    }
    let channel = it.open()?;
    let [v4, v6] = nobodies();
    let messages = [
        v4,
        v6,
        Message::PexResCert {
            certificate: &[0x30, 0],
        },
        Message::Request(it.spec(&channel, wanted, wanted)?),
    ];
    for _ in 0..2 {
        it.send(&channel, &messages)?;
        let within = it.patience().answer;
        if it.awaited(&channel, within)?.is_some() {
            return Ok(());
        }
    }
    Err(Stop::silence(
        format!("DATA {wanted}, asked for behind PEX_RESv4, PEX_RESv6 and PEX_REScert"),
        "no DATA",
    ))
}

fn unasked_addresses(it: &mut Conversation<'_>) -> Outcome {
    let channel = it.open()?;
    let (decoys, messages) = decoys(it, 4)?;
    it.note("addresses that the target did not ask for: ours, as decoys");
    it.send(&channel, &messages)?;
    let quiet = it.patience().quiet * 2;
    let came = it.hear_all(quiet)?;
    let caught: Vec<usize> = came
        .iter()
        .filter(|heard| decoys.contains(&heard.port))
        .map(|heard| heard.frame)
        .collect();
    if caught.is_empty() {
        return Ok(());
    }
    Err(Stop::violation(
        "no datagram to the addresses that were named",
        format!("{} datagrams", caught.len()),
        caught,
    ))
}
