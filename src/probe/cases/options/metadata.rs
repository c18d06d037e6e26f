//! What the options say of the swarm: its ID, how its content is protected, how chunks are
//! named, and how long they are (RFC 7574, sections 7.4 to 7.6, 7.8 and 7.11).

use ppspp_dissector::wire::{ContentIntegrity, OptionCode, ProtocolOption};

use super::{REPLY, declared, refuses, refuses_other, takes, tells};
use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Outcome, Role, Stop};
use crate::probe::cases::declarations::UNASSIGNED;
use crate::probe::cases::support::{answered, needs_options, refused};
use crate::probe::conversation::Conversation;

pub(super) const CASES: &[Case] = &[
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
        run: |it| refuses_other(it, OptionCode::ContentIntegrity),
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
        run: |it| refuses_other(it, OptionCode::HashFunction),
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
        run: |it| refuses_other(it, OptionCode::ChunkAddressing),
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
        run: |it| refuses_other(it, OptionCode::ChunkSize),
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
];

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

fn reply_chunk_addressing(it: &mut Conversation<'_>) -> Outcome {
    let wanted = it.swarm().addressing;
    tells(it, OptionCode::ChunkAddressing, |it| it.addressing, &wanted)
}

fn unassigned_addressing(it: &mut Conversation<'_>) -> Outcome {
    refuses(it, UNASSIGNED, "its addressing method, 9, is unassigned")
}

fn reply_chunk_size(it: &mut Conversation<'_>) -> Outcome {
    let wanted = it.swarm().chunk_size;
    tells(it, OptionCode::ChunkSize, |it| it.chunk_size, &wanted)
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
