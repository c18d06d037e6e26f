//! Getting to know the target before the first case: the nearest HANDSHAKE that
//! it answers, what it declares, and whether it serves.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use ppspp_dissector::wire::dialect::{DIALECTS, Dialect};
use ppspp_dissector::wire::{ChannelId, HashFunction, Layout, Message, OptionCode};
use rand_chacha::ChaCha12Rng;

use super::case::Stop;
use super::conversation::{Channel, Conversation, Frame, Heard, Party, stranger};
use super::fetch::{Acks, Delivered, Delivery};
use super::net::Net;
use super::proof::Check;
use super::swarm::{Declared, Known, Manner, Swarm, handshake_of};
use crate::peer::engine::Chunks;

/// Options that a target may not be able to take, the likeliest first.
const DOUBTFUL: [OptionCode; 6] = [
    OptionCode::ChunkSize,
    OptionCode::SupportedMessages,
    OptionCode::MinimumVersion,
    OptionCode::HashFunction,
    OptionCode::ContentIntegrity,
    OptionCode::ChunkAddressing,
];

/// How long each step may take at most.
const LIMIT: Duration = Duration::from_secs(30);

/// Bytes of a root hash in the legacy protocol.
const LEGACY_HASH: usize = 20;

/// The same for live streams only.
const DOUBTFUL_LIVE: [OptionCode; 2] = [
    OptionCode::LiveDiscardWindow,
    OptionCode::SignatureAlgorithm,
];

/// Options that a target in a swarm may not be able to take, the likeliest first.
pub(super) fn doubtful(swarm: &Swarm) -> Vec<OptionCode> {
    let mut doubtful = DOUBTFUL.to_vec();
    if swarm.is_live() {
        doubtful.extend(DOUBTFUL_LIVE);
    }
    doubtful
}

/// Why there is nothing to probe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    /// No HANDSHAKE was answered, in no manner.
    #[error(
        "{target} answers no HANDSHAKE for this swarm, neither as the RFC writes it nor otherwise; check the address, the swarm ID, --chunk-size, --addressing and, for a live stream, --integrity and --hash"
    )]
    Silent {
        /// Who.
        target: SocketAddr,
    },
    /// A target that should have come to us did not.
    #[error("{0}; check the command of --exec, or the address and the swarm ID that it was told")]
    Absent(String),
    /// It came, and takes no reply.
    #[error("{0}")]
    Deaf(String),
    /// Our side does not work.
    #[error("{0}")]
    Ours(String),
}

/// A target that was met.
#[derive(Debug)]
pub struct Acquaintance {
    /// What is known.
    pub known: Known,
    /// What was said.
    pub record: Vec<Frame>,
}

/// Gets to know the target.
///
/// # Errors
/// When it answers nothing.
pub fn meet(
    net: &mut dyn Net,
    party: Party<'_>,
    random: &ChaCha12Rng,
) -> Result<Acquaintance, Unreachable> {
    let mut record = Vec::new();
    let silent = Unreachable::Silent {
        target: party.target,
    };
    let manner = manners(party.swarm)
        .into_iter()
        .find_map(|round| answered(net, party, random, &round, &mut record).transpose())
        .transpose()?
        .ok_or_else(|| silent.clone())?;
    let nobody = stranger(manner);
    let mut conversation = Conversation::new(net, party, &nobody, random.clone(), LIMIT);
    conversation.note("getting to know the target");
    let known = look(&mut conversation, &nobody);
    record.extend(conversation.finish());
    match known {
        Ok(known) => Ok(Acquaintance { known, record }),
        Err(Stop::Error(error)) => Err(Unreachable::Ours(error)),
        Err(_) => Err(silent),
    }
}

/// The hash function of a live stream's tree, which neither its ID tells nor
/// surely the target: the first one with which a chunk is served that verifies, or
/// the swarm's as it is.
///
/// # Errors
/// As [`meet`], with the swarm's.
pub(super) fn find_hash_function(
    net: &mut dyn Net,
    party: Party<'_>,
    random: &ChaCha12Rng,
) -> Result<HashFunction, Unreachable> {
    let others = [
        HashFunction::Sha1,
        HashFunction::Sha384,
        HashFunction::Sha512,
        HashFunction::Sha224,
    ];
    let own = party.swarm.hash_function;
    let first = meet(net, party, random)?.known;
    if first.verifies || !party.swarm.integrity.has_tree() {
        return Ok(own);
    }
    let told = first.declared.hash_function.filter(|it| *it != own);
    // Where nothing came at all, another function makes no difference.
    let heard = told.is_some() || first.protects || first.is_garbled;
    for other in told.into_iter().chain(others).filter(|_| heard) {
        let swarm = Swarm {
            hash_function: other,
            ..party.swarm.clone()
        };
        let party = Party {
            swarm: &swarm,
            ..party
        };
        if meet(net, party, random).is_ok_and(|it| it.known.verifies) {
            return Ok(other);
        }
    }
    Ok(own)
}

/// All manners, in rounds: the nearest to the RFC first. Those of a round are
/// tried at once.
fn manners(swarm: &Swarm) -> Vec<Vec<Manner>> {
    let doubtful = doubtful(swarm);
    let all: BTreeSet<u8> = doubtful.iter().map(|option| option.code()).collect();
    let pairs = doubtful.iter().enumerate().flat_map(|(index, one)| {
        let others = doubtful.iter().skip(index + 1);
        others.map(|other| Manner::without(&[*one, *other]))
    });
    let late = [OptionCode::ChunkSize, OptionCode::SupportedMessages];
    let triples = doubtful
        .iter()
        .filter(|option| !late.contains(option))
        .map(|option| Manner::without(&[late[0], late[1], *option]));
    let mut rounds = vec![
        vec![Manner::rfc()],
        doubtful
            .iter()
            .map(|option| Manner::without(&[*option]))
            .collect(),
        pairs.collect(),
        triples
            .chain([Manner {
                left_out: all,
                ..Manner::default()
            }])
            .collect(),
    ];
    if swarm.id.len() == LEGACY_HASH {
        // It knows no live streams, and no hash but SHA-1.
        rounds.push(vec![Manner::legacy()]);
    }
    rounds
}

/// The first manner of a round that the target answers.
fn answered(
    net: &mut dyn Net,
    party: Party<'_>,
    random: &ChaCha12Rng,
    round: &[Manner],
    record: &mut Vec<Frame>,
) -> Result<Option<Manner>, Unreachable> {
    let known: Vec<Known> = round.iter().cloned().map(stranger).collect();
    let mut random = random.clone();
    random.set_stream(round.len() as u64 + 1);
    // One conversation after the other on a net, but all are under way: who
    // answers late is heard by the next.
    let mut begun: Vec<(Channel, &Manner)> = Vec::new();
    let ours = |stop| match stop {
        Stop::Error(error) => Unreachable::Ours(error),
        // It has gone on for longer than all tries take.
        _ => Unreachable::Silent {
            target: party.target,
        },
    };
    let Some(first) = known.first() else {
        return Ok(None);
    };
    let swarm = party.swarm;
    let mut conversation = Conversation::new(net, party, first, random, LIMIT);
    let mut best = None;
    let mut foreign = None;
    for _ in 0..2 {
        // The legacy protocol knows SHA-1 only.
        let is_possible = |it: &&Manner| !it.is_legacy || swarm.hash_function == HashFunction::Sha1;
        for manner in round.iter().filter(is_possible) {
            let before = begun.iter().find(|(_, it)| *it == manner);
            let channel = if let Some((channel, _)) = before {
                channel.clone()
            } else {
                let port = conversation.port().map_err(ours)?;
                let channel = conversation.channel(port);
                begun.push((channel.clone(), manner));
                channel
            };
            conversation.note(format!("is this answered? {}", manner.describe()));
            let sent = if manner.is_legacy {
                conversation.begin(&channel, &[])
            } else {
                let options = swarm.options(manner);
                let handshake = Conversation::handshake(&channel, options);
                conversation.send_to(&channel, ChannelId::ZERO, &[handshake])
            };
            sent.map_err(ours)?;
        }
        let until = conversation.now() + party.patience.answer;
        while let Some(heard) = conversation.hear(until).map_err(ours)? {
            let place = begun.iter().position(|(channel, _)| {
                channel.port == heard.port && heard.channel() == Some(channel.ours)
            });
            let Some(place) = place else {
                continue;
            };
            let (channel, _) = &mut begun[place];
            if let Some((declared, dialect)) = reply_in(&heard, &channel.reads) {
                conversation.learn(channel, declared);
                foreign = foreign.or(dialect);
                best = Some(best.map_or(place, |best: usize| best.min(place)));
                if best == Some(0) {
                    break;
                }
            }
        }
        if best.is_some() {
            break;
        }
    }
    record.extend(conversation.finish());
    let manner = best.and_then(|place| round.get(place)).cloned();
    Ok(manner.map(|manner| Manner { foreign, ..manner }))
}

/// What a HANDSHAKE declares, and the dialect in which it has to be read where the
/// RFC does not know all of its options.
fn reply_in(heard: &Heard, layout: &Layout) -> Option<(Declared, Option<&'static Dialect>)> {
    let read = |layout: &Layout| {
        let (messages, _) = heard.read(layout);
        let mut handshakes = messages.iter().filter_map(|it| handshake_of(&it.message));
        let handshake = handshakes.find(|it| !it.source_channel.is_zero())?;
        Some(Declared::by(handshake))
    };
    if let Some(declared) = read(layout) {
        return Some((declared, None));
    }
    let others = DIALECTS.into_iter();
    let mut others = others.filter(|it| it.handshake_options && !it.foreign_options.is_empty());
    others.find_map(|dialect| {
        let declared = read(&Layout { dialect, ..*layout })?;
        Some((declared, Some(dialect)))
    })
}

/// Opens a channel, looks what the target has, and asks for a chunk.
fn look(conversation: &mut Conversation<'_>, stranger: &Known) -> Result<Known, Stop> {
    let port = conversation.first_port()?;
    let before = conversation.now();
    let (channel, reply) = conversation.shake(port)?;
    let round_trip = reply.at.since(before);
    let mut delivery = Delivery::new(conversation);
    let size = conversation.swarm().chunk_size;
    delivery.take(&channel, &reply, size);
    // Of a live stream nothing may be there yet.
    let first = conversation.first_of(1).unwrap_or(0);
    let pair = first & !1;
    // Some serve no chunk that is asked for alone.
    for (start, end) in [(first, first), (first, first), (pair, pair + 1)] {
        let Ok(spec) = conversation.spec(&channel, start, end) else {
            continue;
        };
        conversation.send(&channel, &[Message::Request(spec)])?;
        let within = conversation.patience().answer;
        conversation.collect(&channel, &mut delivery, within, Acks::Each(1000), |it| {
            !it.chunks.is_empty()
        })?;
        if !delivery.chunks.is_empty() {
            break;
        }
    }
    // HAVEs may come a little later.
    conversation.collect(
        &channel,
        &mut delivery,
        Duration::from_millis(200),
        Acks::None,
        |_| false,
    )?;
    let mut has = Chunks::new();
    for piece in &delivery.pieces {
        if let (ppspp_dissector::wire::MessageType::Have, Some(range)) = (piece.kind, piece.chunks)
        {
            has.insert(range.start()..=range.end());
        }
    }
    let proven = delivery.proof.as_ref().and_then(super::proof::Proof::size);
    let told = has.iter().next_back().map(|range| range.end() + 1);
    let is_proof = |kind| {
        use ppspp_dissector::wire::MessageType;
        matches!(kind, MessageType::Integrity | MessageType::SignedIntegrity)
    };
    let is_right = |chunk: &Delivered| chunk.check == Check::Right;
    Ok(Known {
        manner: stranger.manner.clone(),
        declared: channel.declared.clone(),
        round_trip,
        has,
        size: proven.or(told),
        serves: !delivery.chunks.is_empty(),
        verifies: delivery.chunks.iter().any(is_right),
        is_garbled: !delivery.faults.is_empty(),
        protects: delivery.pieces.iter().any(|piece| is_proof(piece.kind)),
    })
}
