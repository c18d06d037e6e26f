//! The first datagram of a target that fetches (RFC 7574, sections 3.1.1, 7 and
//! 12.1).

use ppspp_dissector::wire::{ChannelId, Message, MessageType, OptionCode};

use super::support::{asked, needs_fetching};
use super::{FETCHER, LEECHER};
use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Level, Outcome, Stop};
use crate::probe::cases::channels::must_be_random;
use crate::probe::cases::declarations::{
    are_sorted, begin_with_version, bitmap, bitmap_is_cut, bitmap_names, codes, have_end, tell,
};
use crate::probe::cases::support::describe;
use crate::probe::conversation::Conversation;
use crate::probe::serve::{Gift, Seeder, Shape, hexadecimal};
use crate::probe::swarm::{Declared, Swarm};

const OPENING: &[MessageType] = &[MessageType::Handshake];

/// How often the target is started to look at its channel IDs.
const STARTS: usize = 24;

/// Unanswered HANDSHAKEs within three times the time of an answer that are still
/// no flood.
const PATIENT: usize = 15;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "rfc7574/3.1.1/opening-to-channel-zero",
        title: "The first datagram goes to channel 0",
        requirement: "The first datagram of the initiator is prefixed with the destination channel \
                      ID 0.",
        awaits: OPENING,
        finds: &[M::OpensOnAnyChannel],
        run: to_channel_zero,
        ..FETCHER
    },
    Case {
        id: "rfc7574/3.1.1/opening-begins-with-handshake",
        title: "The first datagram begins with a HANDSHAKE",
        requirement: "The first datagram of the initiator starts with a HANDSHAKE message.",
        awaits: OPENING,
        finds: &[M::OpensWithHave],
        run: begins_with_handshake,
        ..FETCHER
    },
    Case {
        id: "rfc7574/3.1.1/opening-decodes",
        title: "Every byte of the first datagram is of some message",
        requirement: "A datagram is a sequence of messages of the types of Table 7, each with the \
                      layout that the options settle.",
        awaits: OPENING,
        finds: &[M::ReplyTrailingGarbage],
        run: decodes,
        ..FETCHER
    },
    Case {
        id: "rfc7574/3.1.1/opening-light",
        title: "The first datagram holds no heavy payload",
        requirement: "The first datagram may hold minor payload such as HAVEs besides its \
                      HANDSHAKE, and no heavy one such as DATA.",
        awaits: OPENING,
        finds: &[M::OpensWithData],
        run: light,
        ..FETCHER
    },
    Case {
        id: "rfc7574/3.1.1/nothing-before-reply",
        title: "Nothing but HANDSHAKEs comes before our reply",
        requirement: "Only when the reply has echoed its channel ID may the initiator send \
                      REQUESTs and all else.",
        awaits: OPENING,
        finds: &[M::OpensWithData, M::OpensWithHave],
        run: nothing_before_reply,
        ..FETCHER
    },
    Case {
        id: "rfc7574/12.1.1/unanswered-opening-no-flood",
        title: "Who does not answer is not flooded",
        requirement: "The first datagram may be sent again until the other end counts as dead; the \
                      address may be that of a victim, which must not get much.",
        level: Level::Robustness,
        awaits: OPENING,
        finds: &[M::Amplifies],
        run: no_flood,
        ..FETCHER
    },
    Case {
        id: "rfc7574/3.11/opening-random-channel",
        title: "The channel ID is random each time",
        requirement: "The initiator's channel ID is chosen at random as section 12.1 has it: \
                      nobody can guess it. Over 24 starts none comes twice, no bit stands still, \
                      and no generator without seed makes them.",
        awaits: OPENING,
        finds: &[M::OneChannelId, M::CountsChannels, M::SmallChannelIds],
        limit: std::time::Duration::from_secs(60),
        run: random_channel,
        ..FETCHER
    },
    Case {
        id: "rfc7574/7/opening-options-sorted",
        title: "The first HANDSHAKE's options are sorted",
        requirement: "The options of a HANDSHAKE are sorted by their codes, ascending; so none \
                      comes twice either.",
        awaits: OPENING,
        finds: &[M::UnsortedOptions, M::SwarmIdFirst, M::WrongSwarmIdInReply],
        run: options_sorted,
        ..FETCHER
    },
    Case {
        id: "rfc7574/7.1/opening-end-option",
        title: "The first HANDSHAKE's options end with the end option",
        requirement: "A peer concludes the list of options with the end option (255).",
        awaits: OPENING,
        finds: &[M::NoEndOption],
        run: end_option,
        ..FETCHER
    },
    Case {
        id: "rfc7574/7.2/opening-version",
        title: "The first option is version 1 or later",
        requirement: "A peer includes the highest version that it supports as the first option; 0 \
                      is reserved.",
        awaits: OPENING,
        finds: &[M::NoVersion, M::SwarmIdFirst, M::VersionZero],
        run: version,
        ..FETCHER
    },
    Case {
        id: "rfc7574/7.3/opening-minimum-version",
        title: "The first HANDSHAKE tells the minimum version",
        requirement: "A peer that initiates the handshake includes the lowest version that it \
                      supports (option 1), which is no higher than the highest.",
        awaits: OPENING,
        finds: &[M::NoMinimumVersion, M::VersionZero],
        run: minimum_version,
        ..FETCHER
    },
    Case {
        id: "rfc7574/7.4/opening-swarm-id",
        title: "The first HANDSHAKE names the swarm, once",
        requirement: "A peer that initiates the handshake includes a single swarm ID.",
        awaits: OPENING,
        finds: &[M::NoSwarmId, M::SwarmIdFirst, M::WrongSwarmIdInReply],
        run: swarm_id,
        ..FETCHER
    },
    Case {
        id: "rfc7574/7.5/opening-content-integrity",
        title: "The first HANDSHAKE tells the content integrity protection method",
        requirement: "A peer includes the content integrity protection method that the swarm uses \
                      (option 3).",
        awaits: OPENING,
        finds: &[M::NoContentIntegrity, M::WrongContentIntegrity],
        run: content_integrity,
        ..FETCHER
    },
    Case {
        id: "rfc7574/7.6/opening-hash-function",
        title: "The first HANDSHAKE tells the hash function of the Merkle tree",
        requirement: "Where the method is Merkle Hash Tree, the option of the hash function (4) is \
                      included.",
        awaits: OPENING,
        finds: &[M::NoHashFunction, M::WrongHashFunction],
        run: hash_function,
        ..LEECHER
    },
    Case {
        id: "rfc7574/7.8/opening-chunk-addressing",
        title: "The first HANDSHAKE tells the chunk addressing method",
        requirement: "A peer includes the chunk addressing method that it uses (option 6), and all \
                      peers of a swarm use the same.",
        awaits: OPENING,
        finds: &[M::NoChunkAddressing],
        run: chunk_addressing,
        ..FETCHER
    },
    Case {
        id: "rfc7574/7.10/opening-bitmap-truncated",
        title: "The bitmap of supported messages ends with its last set bit",
        requirement: "The compressed bitmap is cut behind its last byte that is not zero, and has \
                      256 bits at most.",
        awaits: OPENING,
        finds: &[M::BitmapTrailingZero],
        run: bitmap_truncated,
        ..FETCHER
    },
    Case {
        id: "rfc7574/7.10/leecher-bitmap-true",
        title: "What the target sends is among its supported messages",
        requirement: "Who supports a subset of the messages signals which; a peer that sends types \
                      that it denies to support signals another one.",
        awaits: OPENING,
        finds: &[M::BitmapDeniesRequest],
        run: bitmap_true,
        ..FETCHER
    },
    Case {
        id: "rfc7574/7.11/opening-chunk-size",
        title: "The first HANDSHAKE tells the chunk size",
        requirement: "A peer includes the chunk size that the swarm uses (option 9).",
        awaits: OPENING,
        finds: &[M::NoChunkSize, M::WrongChunkSize],
        run: chunk_size,
        ..FETCHER
    },
];

fn opened(it: &mut Conversation<'_>) -> Result<Seeder, Stop> {
    Seeder::expect(it, Shape::Usual)
}

fn to_channel_zero(it: &mut Conversation<'_>) -> Outcome {
    let seeder = opened(it)?;
    let opening = &seeder.opening;
    match opening.channel() {
        Some(ChannelId::ZERO) => Ok(()),
        other => Err(Stop::violation(
            "channel 0",
            other.map_or_else(|| "no channel ID".to_owned(), |it| format!("channel {it}")),
            [opening.frame],
        )),
    }
}

fn begins_with_handshake(it: &mut Conversation<'_>) -> Outcome {
    let seeder = opened(it)?;
    let (messages, _) = seeder.opening.read(&seeder.channel.reads);
    let first = messages.first().map(|located| located.message.kind());
    if first == Some(MessageType::Handshake) {
        return Ok(());
    }
    Err(Stop::violation(
        "HANDSHAKE first",
        describe(&seeder.opening, &seeder.channel.reads),
        [seeder.opening.frame],
    ))
}

fn decodes(it: &mut Conversation<'_>) -> Outcome {
    let seeder = opened(it)?;
    match seeder.opening.read(&seeder.channel.reads).1 {
        None => Ok(()),
        Some(fault) => Err(Stop::violation(
            "messages up to the last byte",
            fault.to_string(),
            [seeder.opening.frame],
        )),
    }
}

fn light(it: &mut Conversation<'_>) -> Outcome {
    let seeder = opened(it)?;
    let (messages, _) = seeder.opening.read(&seeder.channel.reads);
    let is_heavy =
        |kind: MessageType| matches!(kind, MessageType::Data | MessageType::SignedIntegrity);
    if messages.iter().all(|it| !is_heavy(it.message.kind())) {
        return Ok(());
    }
    Err(Stop::violation(
        "HANDSHAKE, and light messages at most",
        describe(&seeder.opening, &seeder.channel.reads),
        [seeder.opening.frame],
    ))
}

/// What the target sends while it is not answered.
fn unanswered(it: &mut Conversation<'_>) -> Result<Seeder, Stop> {
    let mut seeder = opened(it)?;
    let opening = seeder.opening.clone();
    seeder.take(&opening);
    let within = it.patience().answer * 3;
    seeder.watch(it, within, |_| false)?;
    Ok(seeder)
}

fn nothing_before_reply(it: &mut Conversation<'_>) -> Outcome {
    let mut seeder = opened(it)?;
    let (messages, _) = seeder.opening.read(&seeder.channel.reads);
    // A HAVE may tell what is there from an earlier run; of nothing it can't be.
    let is_content = |message: &Message<'_>| {
        matches!(
            message,
            Message::Request(_) | Message::Data { .. } | Message::Ack { .. } | Message::Have(_)
        )
    };
    if messages.iter().any(|it| is_content(&it.message)) {
        return Err(Stop::violation(
            "a HANDSHAKE alone, of who has nothing yet",
            describe(&seeder.opening, &seeder.channel.reads),
            [seeder.opening.frame],
        ));
    }
    let within = it.patience().answer * 2;
    seeder.watch(it, within, |seeder| !seeder.log.strays.is_empty())?;
    match seeder.log.strays.first() {
        None => Ok(()),
        Some(frame) => Err(Stop::violation(
            "the first datagram again at most: it is not answered yet",
            "a datagram without HANDSHAKE",
            [*frame],
        )),
    }
}

fn no_flood(it: &mut Conversation<'_>) -> Outcome {
    let seeder = unanswered(it)?;
    let openings = &seeder.log.openings;
    if openings.len() <= PATIENT {
        return Ok(());
    }
    Err(Stop::violation(
        format!("at most {PATIENT} HANDSHAKEs"),
        format!(
            "{} within {} s",
            openings.len(),
            (it.patience().answer * 3).as_secs_f64()
        ),
        openings.iter().take(4).map(|(frame, _)| *frame),
    ))
}

fn random_channel(it: &mut Conversation<'_>) -> Outcome {
    if !it.takes_other_content() {
        return Err(Stop::Skip(
            "this has to start the target often, which --exec allows".to_owned(),
        ));
    }
    let mut ids = Vec::with_capacity(STARTS);
    let mut frames = Vec::new();
    for _ in 0..STARTS {
        let mut seeder = opened(it)?;
        ids.push(seeder.theirs().0);
        frames.push(seeder.opening.frame);
        seeder.close(it)?;
    }
    must_be_random(&ids, frames)
}

/// The judgement of the first HANDSHAKE's options.
pub(in crate::probe::cases) fn options(
    it: &mut Conversation<'_>,
    judge: impl FnOnce(&Declared, usize, &Swarm) -> Outcome,
) -> Outcome {
    let seeder = opened(it)?;
    judge(&seeder.declared, seeder.opening.frame, &seeder.swarm)
}

fn options_sorted(it: &mut Conversation<'_>) -> Outcome {
    options(it, |declared, frame, _| are_sorted(declared, frame))
}

fn end_option(it: &mut Conversation<'_>) -> Outcome {
    options(it, |declared, frame, _| have_end(declared, frame))
}

fn version(it: &mut Conversation<'_>) -> Outcome {
    options(it, |declared, frame, _| {
        begin_with_version(declared, frame)?;
        match declared.version {
            Some(0) => Err(Stop::violation("version 1 or later", "version 0", [frame])),
            _ => Ok(()),
        }
    })
}

fn minimum_version(it: &mut Conversation<'_>) -> Outcome {
    options(it, |declared, frame, _| {
        let actual = match (declared.minimum_version, declared.version) {
            (None, _) => codes(declared),
            (Some(least), Some(most)) if least > most => {
                format!("minimum version {least}, version {most}")
            }
            _ => return Ok(()),
        };
        let expected = "option 1 (minimum version), not above option 0";
        Err(Stop::violation(expected, actual, [frame]))
    })
}

fn swarm_id(it: &mut Conversation<'_>) -> Outcome {
    options(it, |declared, frame, swarm| {
        let code = OptionCode::SwarmId.code();
        let is_twice = declared.codes.iter().filter(|it| **it == code).nth(1);
        let actual = match &declared.swarm_id {
            Some(_) if is_twice.is_some() => codes(declared),
            Some(id) if *id == swarm.id => return Ok(()),
            Some(id) => hexadecimal(id),
            None => codes(declared),
        };
        let expected = "option 2 (swarm ID) once, with the ID";
        Err(Stop::violation(expected, actual, [frame]))
    })
}

fn content_integrity(it: &mut Conversation<'_>) -> Outcome {
    options(it, |declared, frame, swarm| {
        let found = declared.integrity;
        tell(
            declared,
            frame,
            OptionCode::ContentIntegrity,
            found,
            &swarm.integrity,
        )
    })
}

fn hash_function(it: &mut Conversation<'_>) -> Outcome {
    options(it, |declared, frame, swarm| {
        let found = declared.hash_function;
        tell(
            declared,
            frame,
            OptionCode::HashFunction,
            found,
            &swarm.hash_function,
        )
    })
}

fn chunk_addressing(it: &mut Conversation<'_>) -> Outcome {
    options(it, |declared, frame, swarm| {
        let found = declared.addressing;
        tell(
            declared,
            frame,
            OptionCode::ChunkAddressing,
            found,
            &swarm.addressing,
        )
    })
}

fn chunk_size(it: &mut Conversation<'_>) -> Outcome {
    options(it, |declared, frame, swarm| {
        let found = declared.chunk_size;
        tell(
            declared,
            frame,
            OptionCode::ChunkSize,
            found,
            &swarm.chunk_size,
        )
    })
}

fn bitmap_truncated(it: &mut Conversation<'_>) -> Outcome {
    options(it, |declared, frame, _| bitmap_is_cut(declared, frame))
}

fn bitmap_true(it: &mut Conversation<'_>) -> Outcome {
    needs_fetching(it)?;
    bitmap(&it.known().declared)?;
    let mut seeder = asked(it)?;
    let within = it.patience().answer;
    seeder.serve(it, within, |_, _| Gift::Right, |_| false)?;
    bitmap_names(bitmap(&seeder.declared)?, seeder.log.kinds.iter().copied())
}
