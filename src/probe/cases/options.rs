//! Protocol options (RFC 7574, section 7).

use ppspp_dissector::wire::{
    ChannelId, ChunkAddressing, ContentIntegrity, DiscardWindow, HashFunction, Message,
    MessageType, OptionCode, ProtocolOption, bitmap_supports,
};

use super::support::{answered, needs_option, needs_options, refused};
use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Level, Outcome, Role, Stop};
use crate::probe::conversation::Conversation;
use crate::probe::fetch::{Acks, Delivery};
use crate::probe::swarm::Declared;

const REPLY: &[MessageType] = &[MessageType::Handshake];

pub(in crate::probe) const CASES: &[Case] = &[
    Case {
        id: "rfc7574/7/options-sorted",
        title: "The reply's options are sorted",
        requirement: "The options of a HANDSHAKE are sorted by their codes, ascending; so none \
                      comes twice either.",
        awaits: REPLY,
        finds: &[M::UnsortedOptions, M::SwarmIdFirst],
        run: options_sorted,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/7.1/reply-end-option",
        title: "The reply's options end with the end option",
        requirement: "A peer concludes the list of options with the end option (255).",
        awaits: REPLY,
        finds: &[M::NoEndOption],
        run: reply_end_option,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/7.2/reply-version",
        title: "The reply's first option is the version",
        requirement: "A peer includes the highest version that it supports as the first option.",
        awaits: REPLY,
        finds: &[M::NoVersion, M::SwarmIdFirst],
        run: reply_version,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/7.2/reply-version-defined",
        title: "The reply's version is one that we speak",
        requirement: "Version 1 is the protocol of the RFC, 0 is reserved; who answers a peer that \
                      speaks version 1 only, speaks it too.",
        awaits: REPLY,
        finds: &[M::VersionZero],
        run: reply_version_defined,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/7.2/higher-version",
        title: "A peer that speaks later versions too is answered",
        requirement: "Versions are negotiated as RFC 6709, 4.1, has it: who speaks 1 to 2 and who \
                      speaks 1 agree on 1.",
        awaits: REPLY,
        finds: &[M::RefusesHigherVersion],
        run: higher_version,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/7.2/higher-version-same-layout",
        title: "Towards a peer that speaks later versions DATA looks the same",
        requirement: "The version that both speak is 1, so DATA has chunk specification, timestamp \
                      and chunk as in section 8.6.",
        awaits: &[MessageType::Data],
        finds: &[M::NoTimestampForHigherVersion, M::RefusesHigherVersion],
        run: higher_version_same_layout,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/7.3/minimum-version-too-high",
        title: "A peer that speaks later versions only gets silence",
        requirement: "Where the ranges of versions do not meet the peers can't talk: the check \
                      fails, and nothing is sent back.",
        finds: &[M::IgnoresMinimumVersion],
        run: minimum_version_too_high,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/7.3/takes-minimum-version",
        title: "A HANDSHAKE with the minimum version is answered",
        requirement: "An initiator includes the lowest version that it supports (option 1).",
        awaits: REPLY,
        finds: &[M::DropsMinimumVersion],
        run: |it| takes(it, OptionCode::MinimumVersion),
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/7.4/reply-swarm-id",
        title: "A swarm ID in the reply is the swarm's",
        requirement: "A responder may include the swarm ID as an end-to-end check; then it is the \
                      one of this swarm.",
        awaits: REPLY,
        finds: &[M::WrongSwarmIdInReply],
        run: reply_swarm_id,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/7.4/swarm-id-prefix",
        title: "The beginning of a swarm ID is no swarm ID",
        requirement: "The swarm ID is compared as a whole: one that is cut, or longer, is another \
                      swarm's.",
        finds: &[M::ComparesSwarmIdBeginnings],
        run: swarm_id_prefix,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/7.5/reply-content-integrity",
        title: "The reply tells the content integrity protection method",
        requirement: "A peer includes the content integrity protection method that the swarm uses \
                      (option 3).",
        awaits: REPLY,
        finds: &[M::NoContentIntegrity, M::WrongContentIntegrity],
        run: reply_content_integrity,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/7.5/method-0-unassigned",
        title: "The reply does not declare method 0",
        requirement: "By erratum 4880 there is no method 0: content is always protected.",
        awaits: REPLY,
        erratum: Some(4880),
        finds: &[M::WrongContentIntegrity],
        run: method_0_unassigned,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/7.5/other-content-integrity",
        title: "A peer with another integrity method gets silence",
        requirement: "The options tell the swarm's metadata end to end; where they do not agree \
                      the check fails, and nothing is sent back.",
        finds: &[M::IgnoresContentIntegrity],
        run: other_content_integrity,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/7.5/takes-content-integrity",
        title: "A HANDSHAKE with the integrity method is answered",
        requirement: "A peer includes the content integrity protection method (option 3).",
        awaits: REPLY,
        finds: &[M::DropsContentIntegrity],
        run: |it| takes(it, OptionCode::ContentIntegrity),
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/7.6/reply-hash-function",
        title: "The reply tells the hash function of the Merkle tree",
        requirement: "Where the method is Merkle Hash Tree, the option of the hash function (4) is \
                      included.",
        awaits: REPLY,
        finds: &[M::NoHashFunction, M::WrongHashFunction],
        roles: &[Role::Seeder],
        run: reply_hash_function,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/7.6/other-hash-function",
        title: "A peer with another hash function gets silence",
        requirement: "Where the options of the two peers do not agree the check fails, and nothing \
                      is sent back.",
        finds: &[M::IgnoresHashFunction],
        run: other_hash_function,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/7.6/takes-hash-function",
        title: "A HANDSHAKE with the hash function is answered",
        requirement: "Where the method is Merkle Hash Tree, the hash function (option 4) is \
                      included.",
        awaits: REPLY,
        finds: &[M::DropsHashFunction],
        run: |it| takes(it, OptionCode::HashFunction),
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/7.8/reply-chunk-addressing",
        title: "The reply tells the chunk addressing method",
        requirement: "A peer includes the chunk addressing method that it uses (option 6), and all \
                      peers of a swarm use the same.",
        awaits: REPLY,
        finds: &[M::NoChunkAddressing],
        run: reply_chunk_addressing,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/7.8/unassigned-addressing",
        title: "A peer with an unassigned addressing method gets silence",
        requirement: "Table 6 knows the methods 0 to 4; a peer with another one can't be talked \
                      to, so the check fails.",
        finds: &[M::IgnoresUnassignedAddressing, M::IgnoresAddressing],
        run: unassigned_addressing,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/4/other-addressing",
        title: "A peer with another addressing method gets silence",
        requirement: "All peers in a swarm use the same chunk addressing method; where the options \
                      do not agree nothing is sent back.",
        finds: &[M::IgnoresAddressing],
        run: other_addressing,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/7.8/takes-chunk-addressing",
        title: "A HANDSHAKE with the addressing method is answered",
        requirement: "A peer includes the chunk addressing method (option 6).",
        awaits: REPLY,
        finds: &[M::DropsChunkAddressing],
        run: |it| takes(it, OptionCode::ChunkAddressing),
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/7.10/bitmap-truncated",
        title: "The bitmap of supported messages ends with its last set bit",
        requirement: "The compressed bitmap is cut behind its last byte that is not zero, and has \
                      256 bits at most.",
        awaits: REPLY,
        finds: &[M::BitmapTrailingZero],
        run: bitmap_truncated,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/7.10/bitmap-true",
        title: "What the target sends is among its supported messages",
        requirement: "Who supports a subset of the messages signals which; a peer that sends types \
                      that it denies to support signals another one.",
        awaits: &[MessageType::Data],
        finds: &[M::BitmapDeniesData],
        run: bitmap_true,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/7.10/takes-supported-messages",
        title: "A HANDSHAKE with the supported messages is answered",
        requirement: "A peer that supports a subset of the messages signals it (option 8): others \
                      have to read that.",
        awaits: REPLY,
        finds: &[M::DropsSupportedMessages],
        run: |it| takes(it, OptionCode::SupportedMessages),
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/7.11/reply-chunk-size",
        title: "The reply tells the chunk size",
        requirement: "A peer includes the chunk size that the swarm uses (option 9).",
        awaits: REPLY,
        // Our engine answers without it who does not tell it.
        finds: &[M::NoChunkSize, M::WrongChunkSize, M::DropsChunkSize],
        run: reply_chunk_size,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/7.11/other-chunk-size",
        title: "A peer with another chunk size gets silence",
        requirement: "The chunk size is part of the swarm's metadata; where the options of the two \
                      peers do not agree nothing is sent back.",
        finds: &[M::IgnoresChunkSize],
        run: other_chunk_size,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/7.11/takes-chunk-size",
        title: "A HANDSHAKE with the chunk size is answered",
        requirement: "A peer includes the chunk size (option 9): others have to read that.",
        awaits: REPLY,
        finds: &[M::DropsChunkSize],
        run: |it| takes(it, OptionCode::ChunkSize),
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/7.11/chunk-size-without-supported-messages",
        title: "A HANDSHAKE with the chunk size and no supported messages is answered",
        requirement: "Only who supports a subset of the messages has to signal that (option 8), \
                      and everybody tells the chunk size (option 9): a HANDSHAKE may have the one \
                      and lack the other.",
        awaits: REPLY,
        finds: &[M::DropsChunkSize],
        run: chunk_size_without_supported_messages,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/7.10/messages-behind-bitmap",
        title: "What follows the supported messages is read",
        requirement: "The bitmap has as many bytes as its length octet says; what follows it, \
                      further options and messages, begins there.",
        awaits: &[MessageType::Data],
        finds: &[M::SwallowsBehindBitmap, M::DropsSupportedMessages],
        run: messages_behind_bitmap,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/7/no-end-option-survived",
        title: "A HANDSHAKE whose options do not end does no harm",
        requirement: "A list without end option is invalid; the target may refuse it and must \
                      survive it.",
        level: Level::Robustness,
        finds: &[M::DiesOfMissingEnd],
        run: missing_end,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/7/unknown-option-survived",
        title: "An unassigned option does no harm",
        requirement: "Codes 10 to 254 are unassigned, and nobody can tell how long such an option \
                      is: the target may refuse the HANDSHAKE and must survive it.",
        level: Level::Robustness,
        finds: &[M::DiesOfUnknownOption],
        run: unknown_option,
        ..Case::USUAL
    },
];

/// The declarations of a reply, and where it is in the record.
pub(super) fn declared(it: &mut Conversation<'_>) -> Result<(Declared, usize), Stop> {
    needs_options(it)?;
    let port = it.first_port()?;
    let (channel, reply) = it.shake(port)?;
    Ok((channel.declared, reply.frame))
}

fn names(codes: &[u8]) -> String {
    let names: Vec<String> = codes.iter().map(u8::to_string).collect();
    names.join(", ")
}

fn options_sorted(it: &mut Conversation<'_>) -> Outcome {
    let (declared, frame) = declared(it)?;
    if declared.codes.is_sorted_by(|one, next| one < next) {
        return Ok(());
    }
    Err(Stop::violation(
        "option codes in ascending order",
        names(&declared.codes),
        [frame],
    ))
}

fn reply_end_option(it: &mut Conversation<'_>) -> Outcome {
    let (declared, frame) = declared(it)?;
    if declared.has_end {
        return Ok(());
    }
    Err(Stop::violation(
        "the end option behind the others",
        format!("the options {} and no end", names(&declared.codes)),
        [frame],
    ))
}

fn reply_version(it: &mut Conversation<'_>) -> Outcome {
    let (declared, frame) = declared(it)?;
    if declared.codes.first() == Some(&OptionCode::Version.code()) {
        return Ok(());
    }
    Err(Stop::violation(
        "option 0, the version, first",
        format!("the options {}", names(&declared.codes)),
        [frame],
    ))
}

fn reply_version_defined(it: &mut Conversation<'_>) -> Outcome {
    let (declared, frame) = declared(it)?;
    let Some(version) = declared.version else {
        return Err(Stop::Skip("the reply names no version".to_owned()));
    };
    if version >= 1 && declared.minimum_version.is_none_or(|least| least <= 1) {
        return Ok(());
    }
    Err(Stop::violation(
        "a range of versions that holds 1",
        format!(
            "version {version}, minimum version {}",
            declared
                .minimum_version
                .map_or("not told".to_owned(), |least| least.to_string())
        ),
        [frame],
    ))
}

/// Our options, with 2 as the highest version.
fn with_version_2<'o>(it: &Conversation<'o>) -> Vec<ProtocolOption<'o>> {
    let mut options = it.options();
    for option in &mut options {
        if let ProtocolOption::Version(version) = option {
            *version = 2;
        }
    }
    options
}

fn higher_version(it: &mut Conversation<'_>) -> Outcome {
    needs_options(it)?;
    let options = with_version_2(it);
    answered(
        it,
        &options,
        "a HANDSHAKE in reply to one with versions 1 to 2",
    )
    .map(|_| ())
}

fn higher_version_same_layout(it: &mut Conversation<'_>) -> Outcome {
    needs_options(it)?;
    it.needs_hashes()?;
    let first = it.first_of(1)?;
    let options = with_version_2(it);
    let (channel, reply) = answered(
        it,
        &options,
        "a HANDSHAKE in reply to one with versions 1 to 2",
    )?;
    let mut delivery = Delivery::new(it);
    let size = it.swarm().chunk_size;
    delivery.take(&channel, &reply, size);
    for _ in 0..3 {
        it.request(&channel, first, first)?;
        let within = it.patience().answer;
        it.collect(&channel, &mut delivery, within, Acks::None, |it| {
            it.has(first)
        })?;
        if delivery.has(first) {
            break;
        }
    }
    let Some(chunk) = delivery.chunk(first) else {
        return Err(Stop::silence(format!("DATA {first}"), "no DATA"));
    };
    let verdict = delivery.proof.clone();
    let verdict = verdict.map(|mut proof| proof.check(first, &chunk.data));
    if verdict != Some(crate::probe::proof::Check::Wrong) {
        return Ok(());
    }
    Err(Stop::violation(
        format!("DATA {first} with timestamp and chunk"),
        format!(
            "DATA {first} with {} bytes behind the chunk specification, which do not fit the hashes",
            chunk.data.len() + 8
        ),
        [chunk.frame],
    ))
}

fn minimum_version_too_high(it: &mut Conversation<'_>) -> Outcome {
    needs_option(it, OptionCode::MinimumVersion)?;
    refused(
        it,
        |options| {
            for option in options {
                match option {
                    ProtocolOption::Version(version) => *version = 3,
                    ProtocolOption::MinimumVersion(version) => *version = 2,
                    _ => {}
                }
            }
        },
        "it speaks versions 2 to 3 only",
    )
}

/// A HANDSHAKE in the target's manner, but with this option, is answered.
pub(super) fn takes(it: &mut Conversation<'_>, option: OptionCode) -> Outcome {
    needs_options(it)?;
    let mut manner = it.known().manner.clone();
    manner.left_out.remove(&option.code());
    let options = it.swarm().options(&manner);
    if !options.iter().any(|it| it.code() == option) {
        return Err(Stop::Skip(format!("the swarm has no {option}")));
    }
    let expected = format!(
        "a HANDSHAKE in reply to one with the option {option} ({})",
        option.code()
    );
    answered(it, &options, &expected).map(|_| ())
}

fn reply_swarm_id(it: &mut Conversation<'_>) -> Outcome {
    let (declared, frame) = declared(it)?;
    match declared.swarm_id {
        Some(id) if id != it.swarm().id => Err(Stop::violation(
            "the swarm's ID, or none",
            format!("another one, of {} bytes", id.len()),
            [frame],
        )),
        _ => Ok(()),
    }
}

fn swarm_id_prefix(it: &mut Conversation<'_>) -> Outcome {
    let id = &it.swarm().id;
    let half = id.get(..id.len() / 2).unwrap_or_default();
    refused(
        it,
        |options| {
            for option in options {
                if let ProtocolOption::SwarmId(id) = option {
                    *id = half;
                }
            }
        },
        "its swarm ID is the first half of the swarm's",
    )
}

/// The reply has an option, and it says what the swarm uses.
pub(super) fn tells<T: PartialEq + std::fmt::Display>(
    it: &mut Conversation<'_>,
    option: OptionCode,
    value: impl Fn(&Declared) -> Option<T>,
    wanted: &T,
) -> Outcome {
    let (declared, frame) = declared(it)?;
    let expected = format!("option {} ({option}): {wanted}", option.code());
    match value(&declared) {
        None => Err(Stop::violation(
            expected,
            format!("the options {}", names(&declared.codes)),
            [frame],
        )),
        Some(value) if value != *wanted => {
            Err(Stop::violation(expected, value.to_string(), [frame]))
        }
        Some(_) => Ok(()),
    }
}

fn reply_content_integrity(it: &mut Conversation<'_>) -> Outcome {
    let wanted = it.swarm().integrity;
    tells(it, OptionCode::ContentIntegrity, |it| it.integrity, &wanted)
}

fn method_0_unassigned(it: &mut Conversation<'_>) -> Outcome {
    let (declared, frame) = declared(it)?;
    if declared.integrity == Some(ContentIntegrity::None) {
        return Err(Stop::violation("a method from 1 on", "0", [frame]));
    }
    Ok(())
}

fn other_content_integrity(it: &mut Conversation<'_>) -> Outcome {
    needs_option(it, OptionCode::ContentIntegrity)?;
    let (other, because) = if it.swarm().integrity == ContentIntegrity::SignAll {
        (
            ContentIntegrity::UnifiedMerkle,
            "it declares Unified Merkle Tree for a stream of signed chunks",
        )
    } else {
        (
            ContentIntegrity::SignAll,
            "it declares Sign All, and the swarm has a tree",
        )
    };
    refused(
        it,
        |options| {
            for option in options {
                if let ProtocolOption::ContentIntegrity(method) = option {
                    *method = other;
                }
            }
        },
        because,
    )
}

fn reply_hash_function(it: &mut Conversation<'_>) -> Outcome {
    if it
        .known()
        .declared
        .integrity
        .is_some_and(|method| !method.has_tree())
    {
        return Err(Stop::Skip(
            "the target declares that there is no tree".to_owned(),
        ));
    }
    let wanted = it.swarm().hash_function;
    tells(it, OptionCode::HashFunction, |it| it.hash_function, &wanted)
}

fn other_hash_function(it: &mut Conversation<'_>) -> Outcome {
    needs_option(it, OptionCode::HashFunction)?;
    let other = if it.swarm().hash_function == HashFunction::Sha512 {
        HashFunction::Sha384
    } else {
        HashFunction::Sha512
    };
    refused(
        it,
        |options| {
            for option in options {
                if let ProtocolOption::HashFunction(function) = option {
                    *function = other;
                }
            }
        },
        "it declares another hash function than the swarm's",
    )
}

fn reply_chunk_addressing(it: &mut Conversation<'_>) -> Outcome {
    let wanted = it.swarm().addressing;
    tells(it, OptionCode::ChunkAddressing, |it| it.addressing, &wanted)
}

/// A peer that names chunks by this method is not answered.
fn refuses_addressing(it: &mut Conversation<'_>, other: ChunkAddressing, because: &str) -> Outcome {
    needs_option(it, OptionCode::ChunkAddressing)?;
    refused(
        it,
        |options| {
            if DiscardWindow::is_wide(other).is_none() {
                // How wide it is nobody could tell.
                options.retain(|it| !matches!(it, ProtocolOption::LiveDiscardWindow(_)));
            }
            for option in options {
                if let ProtocolOption::ChunkAddressing(method) = option {
                    *method = other;
                }
            }
        },
        because,
    )
}

fn unassigned_addressing(it: &mut Conversation<'_>) -> Outcome {
    refuses_addressing(
        it,
        ChunkAddressing::Unassigned(9),
        "its addressing method, 9, is unassigned",
    )
}

fn other_addressing(it: &mut Conversation<'_>) -> Outcome {
    let other = if it.swarm().addressing == ChunkAddressing::Bin32 {
        ChunkAddressing::Chunk32
    } else {
        ChunkAddressing::Bin32
    };
    refuses_addressing(it, other, "its addressing method is not the swarm's")
}

fn bitmap_truncated(it: &mut Conversation<'_>) -> Outcome {
    let (declared, frame) = declared(it)?;
    let Some(bitmap) = declared.messages else {
        return Err(Stop::Skip("the reply has no option 8".to_owned()));
    };
    if bitmap.len() <= 32 && bitmap.last().is_none_or(|last| *last != 0) {
        return Ok(());
    }
    Err(Stop::violation(
        "a bitmap whose last byte is not zero",
        format!("{bitmap:02x?}"),
        [frame],
    ))
}

fn bitmap_true(it: &mut Conversation<'_>) -> Outcome {
    it.needs_service()?;
    let (first, second) = (it.first_of(1)?, it.second_chunk()?);
    let channel = it.open()?;
    let Some(bitmap) = channel.declared.messages.clone() else {
        return Err(Stop::Skip("the reply has no option 8".to_owned()));
    };
    let delivery = it.fetch(&channel, &[first, second])?;
    let denied = delivery
        .pieces
        .iter()
        .find(|piece| !bitmap_supports(&bitmap, piece.kind));
    match denied {
        None => Ok(()),
        Some(piece) => Err(Stop::violation(
            format!("messages that its bitmap {bitmap:02x?} has"),
            piece.kind.to_string(),
            [piece.frame],
        )),
    }
}

fn reply_chunk_size(it: &mut Conversation<'_>) -> Outcome {
    let wanted = it.swarm().chunk_size;
    tells(it, OptionCode::ChunkSize, |it| it.chunk_size, &wanted)
}

fn other_chunk_size(it: &mut Conversation<'_>) -> Outcome {
    needs_option(it, OptionCode::ChunkSize)?;
    let other = it.swarm().chunk_size / 2 + 1;
    refused(
        it,
        |options| {
            for option in options {
                if let ProtocolOption::ChunkSize(size) = option {
                    *size = other;
                }
            }
        },
        "its chunk size is not the swarm's",
    )
}

fn chunk_size_without_supported_messages(it: &mut Conversation<'_>) -> Outcome {
    needs_options(it)?;
    let mut manner = it.known().manner.clone();
    manner.left_out.insert(OptionCode::SupportedMessages.code());
    manner.left_out.remove(&OptionCode::ChunkSize.code());
    let options = it.swarm().options(&manner);
    let expected = "a HANDSHAKE in reply to one with chunk size (9) and no supported messages (8)";
    answered(it, &options, expected).map(|_| ())
}

/// Whether a REQUEST behind the first HANDSHAKE is served once the channel is
/// open; nothing where such a datagram is not answered.
fn serves_first_request(
    it: &mut Conversation<'_>,
    options: &[ProtocolOption<'_>],
    chunk: u64,
) -> Result<Option<bool>, Stop> {
    let port = it.port()?;
    let mut channel = it.channel(port);
    let request = Message::Request(it.spec(&channel, chunk, chunk)?);
    let handshake = Conversation::handshake(&channel, options.to_vec());
    it.send_to(&channel, ChannelId::ZERO, &[handshake, request])?;
    let within = it.patience().answer;
    if it.reply(&mut channel, within)?.is_none() {
        return Ok(None);
    }
    it.send(&channel, &[])?;
    Ok(Some(it.awaited(&channel, within)?.is_some()))
}

fn messages_behind_bitmap(it: &mut Conversation<'_>) -> Outcome {
    needs_options(it)?;
    it.needs_service()?;
    let chunk = it.first_of(2)? + 1;
    let mut without = it.known().manner.clone();
    without
        .left_out
        .insert(OptionCode::SupportedMessages.code());
    without.left_out.insert(OptionCode::ChunkSize.code());
    let options = it.swarm().options(&without);
    if serves_first_request(it, &options, chunk)? != Some(true) {
        return Err(Stop::Skip(
            "the target serves no REQUEST that comes with the first HANDSHAKE".to_owned(),
        ));
    }
    let mut with = without;
    with.left_out.remove(&OptionCode::SupportedMessages.code());
    let options = it.swarm().options(&with);
    let expected =
        format!("DATA {chunk}, asked for behind a HANDSHAKE with supported messages (8)");
    match serves_first_request(it, &options, chunk)? {
        Some(true) => Ok(()),
        Some(false) => Err(Stop::silence(expected, "the REQUEST behind is not served")),
        None => Err(Stop::silence(expected, "the HANDSHAKE is not answered")),
    }
}

/// Sends a first datagram whose option list is spoilt, and lets the liveness
/// check tell.
fn spoilt(it: &mut Conversation<'_>, tail: &[u8]) -> Outcome {
    needs_options(it)?;
    for _ in 0..3 {
        let port = it.port()?;
        let channel = it.channel(port);
        let handshake = Conversation::handshake(&channel, it.options());
        let mut bytes = vec![0; 4];
        ppspp_dissector::wire::encode_message(&handshake, &channel.writes, &mut bytes)
            .map_err(|error| Stop::Error(error.to_string()))?;
        // Without the end option.
        bytes.pop();
        bytes.extend_from_slice(tail);
        it.send_bytes(port, &bytes)?;
    }
    it.hear_all(it.patience().quiet / 2)?;
    Ok(())
}

fn missing_end(it: &mut Conversation<'_>) -> Outcome {
    spoilt(it, &[])
}

fn unknown_option(it: &mut Conversation<'_>) -> Outcome {
    spoilt(it, &[200, 1, 2, 3, 255])
}
