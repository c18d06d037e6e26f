//! Our reply, and what the target makes of it (RFC 7574, sections 3.1.1, 7 and
//! 8.3).

use ppspp_dissector::wire::{ChannelId, ChunkAddressing, MessageType, OptionCode, ProtocolOption};

use super::support::{begun, needs_fetching};
use super::{FETCHER, LEECHER};
use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Level, Outcome, Stop};
use crate::probe::cases::declarations::{UNASSIGNED, misfit, replace};
use crate::probe::conversation::Conversation;
use crate::probe::serve::{Gift, Offer, Seeder, Shape};
use crate::probe::swarm::Manner;

const REQUEST: &[MessageType] = &[MessageType::Request];

pub(super) const CASES: &[Case] = &[
    Case {
        id: "rfc7574/3.1.1/rfc-reply-taken",
        title: "A reply with every option of the RFC is taken",
        requirement: "The reply holds the swarm's metadata and the responder's capabilities, \
                      encoded as the options of section 7; where the checks pass the initiator \
                      goes on.",
        finds: &[
            M::DropsChunkSize,
            M::DropsSupportedMessages,
            M::DropsMinimumVersion,
            M::DropsHashFunction,
            M::DropsContentIntegrity,
            M::DropsChunkAddressing,
            M::DropsSignatureAlgorithm,
            M::DropsDiscardWindow,
        ],
        run: rfc_reply,
        ..FETCHER
    },
    Case {
        id: "rfc7574/7.3/reply-minimum-version-taken",
        title: "A reply with the minimum version is taken",
        requirement: "A responder may include the lowest version that it supports (option 1).",
        finds: &[M::DropsMinimumVersion],
        run: |it| with_option(it, OptionCode::MinimumVersion),
        ..FETCHER
    },
    Case {
        id: "rfc7574/7.4/reply-swarm-id-taken",
        title: "A reply with the swarm ID is taken",
        requirement: "A responder may include the swarm ID as an end-to-end check.",
        level: Level::May,
        finds: &[M::DropsSwarmId],
        run: swarm_id_taken,
        ..FETCHER
    },
    Case {
        id: "rfc7574/7.5/reply-content-integrity-taken",
        title: "A reply with the integrity method is taken",
        requirement: "A peer includes the content integrity protection method (option 3).",
        finds: &[M::DropsContentIntegrity],
        run: |it| with_option(it, OptionCode::ContentIntegrity),
        ..FETCHER
    },
    Case {
        id: "rfc7574/7.6/reply-hash-function-taken",
        title: "A reply with the hash function is taken",
        requirement: "Where the method is Merkle Hash Tree, the hash function (option 4) is \
                      included.",
        finds: &[M::DropsHashFunction],
        run: |it| with_option(it, OptionCode::HashFunction),
        ..LEECHER
    },
    Case {
        id: "rfc7574/7.8/reply-chunk-addressing-taken",
        title: "A reply with the addressing method is taken",
        requirement: "A peer includes the chunk addressing method (option 6).",
        finds: &[M::DropsChunkAddressing],
        run: |it| with_option(it, OptionCode::ChunkAddressing),
        ..FETCHER
    },
    Case {
        id: "rfc7574/7.10/reply-supported-messages-taken",
        title: "A reply with the supported messages is taken",
        requirement: "A peer that supports a subset of the messages signals it (option 8): others \
                      have to read that.",
        finds: &[M::DropsSupportedMessages],
        run: |it| with_option(it, OptionCode::SupportedMessages),
        ..FETCHER
    },
    Case {
        id: "rfc7574/7.11/reply-chunk-size-taken",
        title: "A reply with the chunk size is taken",
        requirement: "A peer includes the chunk size (option 9): others have to read that.",
        finds: &[M::DropsChunkSize],
        run: |it| with_option(it, OptionCode::ChunkSize),
        ..FETCHER
    },
    Case {
        id: "rfc7574/3.1.1/haves-in-reply",
        title: "HAVEs behind the reply's HANDSHAKE are taken",
        requirement: "The reply may hold minor payload besides its HANDSHAKE, such as HAVEs that \
                      tell the responder's progress.",
        level: Level::May,
        awaits: REQUEST,
        finds: &[M::SwallowsBehindBitmap],
        run: haves_in_reply,
        ..FETCHER
    },
    Case {
        id: "rfc7574/3.1.1/wrong-channel-reply-discarded",
        title: "A reply to another channel is discarded, the right one is taken",
        requirement: "A reply that is not prefixed with the initiator's channel ID is discarded; \
                      datagrams that are, are still processed.",
        finds: &[M::TakesAnyChannel, M::WrongChannelEnds],
        run: wrong_channel_reply,
        ..FETCHER
    },
    Case {
        id: "rfc7574/8.3/leecher-datagrams-carry-our-channel",
        title: "Every later datagram carries the channel ID that we chose",
        requirement: "What the initiator sends after the reply is prefixed with the channel ID \
                      that the responder has chosen.",
        finds: &[M::CopiesToChannelZero],
        run: carry_our_channel,
        ..FETCHER
    },
    Case {
        id: "rfc7574/7.3/reply-minimum-version-too-high",
        title: "Nothing is asked of a peer that speaks later versions only",
        requirement: "Where the ranges of versions do not meet the peers can't talk: the \
                      initiator's check of the reply fails, and it ceases communication.",
        finds: &[M::IgnoresMinimumVersion],
        run: version_too_high,
        ..FETCHER
    },
    Case {
        id: "rfc7574/7.4/reply-other-swarm",
        title: "Nothing is asked of a peer in another swarm",
        requirement: "A swarm ID in the reply is an end-to-end check that the peers are in the \
                      same swarm: where they are not, the initiator ceases communication.",
        finds: &[M::AnswersUnknownSwarm],
        run: other_swarm,
        ..FETCHER
    },
    Case {
        id: "rfc7574/7.5/reply-other-content-integrity",
        title: "Nothing is asked of a peer with another integrity method",
        requirement: "The options tell the swarm's metadata end to end; where they do not agree \
                      the check fails, and the initiator ceases communication.",
        finds: &[M::IgnoresContentIntegrity],
        run: |it| refused_other(it, OptionCode::ContentIntegrity),
        ..FETCHER
    },
    Case {
        id: "rfc7574/7.6/reply-other-hash-function",
        title: "Nothing is asked of a peer with another hash function",
        requirement: "Where the options of the two peers do not agree the check fails, and the \
                      initiator ceases communication.",
        finds: &[M::IgnoresHashFunction],
        run: |it| refused_other(it, OptionCode::HashFunction),
        ..LEECHER
    },
    Case {
        id: "rfc7574/7.8/reply-unassigned-addressing",
        title: "Nothing is asked of a peer with an unassigned addressing method",
        requirement: "Table 6 knows the methods 0 to 4; a peer with another one can't be talked \
                      to, so the check fails.",
        finds: &[M::IgnoresAddressing, M::IgnoresUnassignedAddressing],
        run: unassigned_addressing,
        ..FETCHER
    },
    Case {
        id: "rfc7574/4/reply-other-addressing",
        title: "Nothing is asked of a peer with another addressing method",
        requirement: "All peers in a swarm use the same chunk addressing method; where the options \
                      do not agree the initiator ceases communication.",
        finds: &[M::IgnoresAddressing],
        run: |it| refused_other(it, OptionCode::ChunkAddressing),
        ..FETCHER
    },
    Case {
        id: "rfc7574/7.11/reply-other-chunk-size",
        title: "Nothing is asked of a peer with another chunk size",
        requirement: "The chunk size is part of the swarm's metadata; where the options of the two \
                      peers do not agree the initiator ceases communication.",
        finds: &[M::IgnoresChunkSize],
        run: |it| refused_other(it, OptionCode::ChunkSize),
        ..FETCHER
    },
];

/// A reply with the options that `change` leaves must be taken: the target goes on.
fn taken(
    it: &mut Conversation<'_>,
    expected: &str,
    change: impl Fn(&mut Vec<ProtocolOption<'_>>),
) -> Outcome {
    let mut seeder = Seeder::expect(it, Shape::Usual)?;
    let haves = seeder.offer(Offer::All);
    for _ in 0..2 {
        let swarm = seeder.swarm.clone();
        let mut options = swarm.options(&Manner::rfc());
        change(&mut options);
        it.note(expected);
        seeder.reply(it, options, &haves)?;
        if seeder.goes_on(it, it.patience().answer)? {
            return closed_at_once(&seeder, expected);
        }
    }
    Err(Stop::silence(
        format!("the target goes on after {expected}"),
        format!(
            "nothing; the nearest reply that it takes: {}",
            it.known().manner.describe()
        ),
    ))
}

/// A target that only closes the channel did not take the reply.
fn closed_at_once(seeder: &Seeder, expected: &str) -> Outcome {
    let (first, closing) = (seeder.log.datagrams.first(), seeder.log.closed.first());
    match (first, closing) {
        (Some((_, frame)), Some(closing)) if frame == closing => Err(Stop::violation(
            format!("the target goes on after {expected}"),
            "it closes the channel",
            [*closing],
        )),
        _ => Ok(()),
    }
}

/// What is left out for the target's sake, but for one option.
pub(in crate::probe::cases) fn with_option(
    it: &mut Conversation<'_>,
    option: OptionCode,
) -> Outcome {
    let mut left_out = it.known().manner.left_out.clone();
    left_out.remove(&option.code());
    taken(
        it,
        &format!("a reply with the option {option}"),
        |options| {
            options.retain(|it| {
                it.code() != OptionCode::SwarmId && !left_out.contains(&it.code().code())
            });
        },
    )
}

fn rfc_reply(it: &mut Conversation<'_>) -> Outcome {
    taken(it, "a reply with all options of the RFC", |options| {
        options.retain(|it| it.code() != OptionCode::SwarmId);
    })
}

fn swarm_id_taken(it: &mut Conversation<'_>) -> Outcome {
    let left_out = it.known().manner.left_out.clone();
    taken(it, "a reply with the swarm ID", |options| {
        options.retain(|it| !left_out.contains(&it.code().code()));
    })
}

fn haves_in_reply(it: &mut Conversation<'_>) -> Outcome {
    needs_fetching(it)?;
    let mut seeder = Seeder::expect(it, Shape::Usual)?;
    let haves = seeder.offer(Offer::All);
    // No later ones help.
    seeder.follow(false);
    for _ in 0..2 {
        let swarm = seeder.swarm.clone();
        let mut options = swarm.options(&it.known().manner);
        options.retain(|it| it.code() != OptionCode::SwarmId);
        seeder.reply(it, options, &haves)?;
        // The first one alone some ask for in any case.
        let done = seeder.serve(
            it,
            it.patience().answer * 3,
            |_, _| Gift::Right,
            |seeder| {
                let asked = seeder.log.asked();
                asked.iter().any(|range| *range.end() > seeder.first())
            },
        )?;
        if done {
            return Ok(());
        }
        // Where it came, it counts.
        if !seeder.log.datagrams.is_empty() {
            break;
        }
    }
    Err(Stop::silence(
        "REQUESTs for what the HAVEs in the reply announce",
        "none",
    ))
}

fn wrong_channel_reply(it: &mut Conversation<'_>) -> Outcome {
    let mut seeder = Seeder::expect(it, Shape::Usual)?;
    let right = seeder.theirs();
    let haves = seeder.offer(Offer::All);
    let swarm = seeder.swarm.clone();
    let mut options = swarm.options(&it.known().manner);
    options.retain(|it| it.code() != OptionCode::SwarmId);
    let mut messages = vec![Conversation::handshake(&seeder.channel, options)];
    messages.extend(haves);
    it.note("a reply to a channel that is not the target's");
    let wrong = ChannelId(right.0 ^ 0x00ff_00ff);
    let sent = it.send_to(&seeder.channel, wrong, &messages)?;
    let quiet = it.patience().quiet;
    if seeder.goes_on(it, quiet)? {
        let frames = seeder.log.datagrams.iter().map(|(_, frame)| *frame);
        return Err(Stop::violation(
            "nothing on our channel: the reply went to another one",
            "a datagram on our channel",
            std::iter::once(sent).chain(frames.take(2)),
        ));
    }
    match seeder.welcome(it, Offer::All) {
        Err(Stop::Inconclusive(_)) => Err(Stop::silence(
            "the target goes on after the right reply that follows",
            "nothing",
        )),
        result => result,
    }
}

fn carry_our_channel(it: &mut Conversation<'_>) -> Outcome {
    let seeder = begun(it, 8)?;
    match seeder.log.strays.first() {
        None => Ok(()),
        Some(frame) => Err(Stop::violation(
            format!("datagrams to channel {}", seeder.channel.ours),
            "one to another channel",
            [*frame],
        )),
    }
}

/// After a reply in which these options do not fit, nothing may be asked for.
fn refused(
    it: &mut Conversation<'_>,
    option: OptionCode,
    because: &str,
    misfits: &[ProtocolOption<'_>],
) -> Outcome {
    needs_fetching(it)?;
    if it.known().manner.left_out.contains(&option.code()) {
        return Err(Stop::Skip(format!(
            "the target takes no reply with the option {option}, so nothing can be asked of its value"
        )));
    }
    let mut seeder = Seeder::expect(it, Shape::Usual)?;
    let haves = seeder.offer(Offer::All);
    let swarm = seeder.swarm.clone();
    let mut options: Vec<ProtocolOption<'_>> = swarm.options(&it.known().manner);
    options.retain(|it| it.code() != OptionCode::SwarmId);
    replace(&mut options, misfits.iter().copied());
    it.note(format!("a reply that does not fit: {because}"));
    let sent = seeder.reply(it, options, &haves)?;
    if let Some(method) = declared_addressing(misfits) {
        // Who takes our word for it reads HAVEs so.
        let own = std::mem::replace(&mut seeder.channel.writes.addressing, method);
        let haves = seeder.haves(&[(0, seeder.content.size() - 1)]);
        seeder.say(it, &haves)?;
        seeder.channel.writes.addressing = own;
    }
    let quiet = it.patience().quiet * 2;
    seeder.watch(it, quiet, |seeder| !seeder.log.requests.is_empty())?;
    match seeder.log.requests.first() {
        None => Ok(()),
        Some(said) => Err(Stop::violation(
            format!("no REQUEST: {because}"),
            format!("REQUEST {}", said.chunks),
            [sent, said.frame],
        )),
    }
}

/// The addressing method that options declare, if there is such a one.
fn declared_addressing(options: &[ProtocolOption<'_>]) -> Option<ChunkAddressing> {
    options.iter().find_map(|option| match option {
        ProtocolOption::ChunkAddressing(ChunkAddressing::Unassigned(_)) => None,
        ProtocolOption::ChunkAddressing(method) => Some(*method),
        _ => None,
    })
}

/// After a reply with another value of an option than the swarm's, nothing may be
/// asked for.
pub(in crate::probe::cases) fn refused_other(
    it: &mut Conversation<'_>,
    option: OptionCode,
) -> Outcome {
    let misfit = misfit(it.swarm(), option)?;
    let because = format!("our {option} is not the swarm's");
    refused(it, option, &because, &[misfit])
}

fn version_too_high(it: &mut Conversation<'_>) -> Outcome {
    let misfits = [
        ProtocolOption::Version(7),
        ProtocolOption::MinimumVersion(7),
    ];
    let because = "we speak versions from 7 on";
    refused(it, OptionCode::MinimumVersion, because, &misfits)
}

fn other_swarm(it: &mut Conversation<'_>) -> Outcome {
    let id: Vec<u8> = it.swarm().id.iter().map(|byte| byte ^ 0x5a).collect();
    let misfits = [ProtocolOption::SwarmId(&id)];
    refused(it, OptionCode::SwarmId, "we are in another swarm", &misfits)
}

fn unassigned_addressing(it: &mut Conversation<'_>) -> Outcome {
    let because = "our addressing method, 9, is unassigned";
    refused(it, OptionCode::ChunkAddressing, because, &[UNASSIGNED])
}
