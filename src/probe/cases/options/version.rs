//! Versions (RFC 7574, sections 7.2 and 7.3).

use ppspp_dissector::wire::{MessageType, OptionCode, ProtocolOption};

use super::{REPLY, declared, takes};
use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Outcome, Stop};
use crate::probe::cases::declarations::begin_with_version;
use crate::probe::cases::support::{answered, needs_option, needs_options, refused};
use crate::probe::conversation::Conversation;
use crate::probe::fetch::{Acks, Delivery};
use crate::probe::proof::Check;

pub(super) const CASES: &[Case] = &[
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
];

fn reply_version(it: &mut Conversation<'_>) -> Outcome {
    let (declared, frame) = declared(it)?;
    begin_with_version(&declared, frame)
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
    if verdict != Some(Check::Wrong) {
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
