//! What the RFC asks of a HANDSHAKE's options, as findings.

use super::declared::{Declared, signature_length};
use super::swarm::{Known, Swarm};
use crate::finding::{Detail, FindingId};
use crate::wire::{
    ChannelId, ChunkSize, ContentIntegrity, Dialect, Handshake, HashFunction, OptionCode,
    ProtocolOption, SignatureAlgorithm, dialect,
};

/// Who sends a HANDSHAKE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The initiator, to channel 0.
    Initiator,
    /// The responder, or either peer again.
    Responder,
}

/// libperegrine's generator is not seeded: its first channel ID is always this one.
const PEREGRINE_CHANNEL: ChannelId = ChannelId(0x6b8b_4567);

/// Raises everything that a HANDSHAKE that opens or answers a channel does
/// wrong; of one that the capture cut, only what is wrong before the cut.
pub(super) fn check_opening(
    handshake: &Handshake<'_>,
    declared: &Declared,
    role: Role,
    cut: bool,
    raise: &mut impl FnMut(FindingId, Detail),
) {
    check_values(handshake, raise);
    check_list(handshake, cut, raise);
    if cut {
        // What seems to be missing may stand behind the cut.
        return;
    }
    check_versions(handshake, declared, role, raise);
    check_swarm(declared, role, raise);
    if declared.chunk_addressing.is_none() {
        raise(FindingId::HandshakeChunkAddressingMissing, Detail::None);
    }
    match declared.chunk_size {
        None => raise(FindingId::HandshakeChunkSizeMissing, Detail::None),
        Some(0) => raise(FindingId::HandshakeChunkSizeZero, Detail::None),
        Some(size @ 1..512) => raise(
            FindingId::HandshakeChunkSizeSmall,
            Detail::Count(size.into(), "bytes"),
        ),
        Some(_) => {}
    }
}

/// Raises everything that a closing HANDSHAKE does wrong (RFC 7574, section 8.4).
pub(super) fn check_closing(
    handshake: &Handshake<'_>,
    cut: bool,
    raise: &mut impl FnMut(FindingId, Detail),
) {
    if !handshake.has_end && !cut {
        raise(FindingId::HandshakeEndMissing, Detail::None);
    }
    let extra = handshake
        .options
        .iter()
        .find(|option| !matches!(option, ProtocolOption::Version(_)));
    if let Some(option) = extra {
        raise(
            FindingId::HandshakeCloseOptions,
            Detail::Option(option.code()),
        );
    }
}

/// Raises where the two HANDSHAKEs of a channel do not fit together.
pub(super) fn check_agreement(
    initiator: &Declared,
    responder: &Declared,
    raise: &mut impl FnMut(FindingId, Detail),
) {
    if let (Some(one), Some(other)) = (&initiator.swarm_id, &responder.swarm_id)
        && one != other
    {
        raise(FindingId::HandshakeSwarmIdDiffers, Detail::None);
    }
    let lowest = |peer: &Declared| peer.minimum_version.or(peer.version);
    if let (Some(high), Some(low), Some(other_high), Some(other_low)) = (
        initiator.version,
        lowest(initiator),
        responder.version,
        lowest(responder),
    ) && (high < other_low || other_high < low)
    {
        raise(
            FindingId::HandshakeVersionsDisjoint,
            Detail::Mismatch(high.into(), other_high.into()),
        );
    }
    if let (Some(one), Some(other)) = (initiator.chunk_addressing, responder.chunk_addressing)
        && one != other
    {
        raise(
            FindingId::HandshakeAddressingDiffers,
            Detail::Mismatch(one.code().into(), other.code().into()),
        );
    }
    let mut differs = |code, one: Option<u64>, other: Option<u64>| {
        if one.is_some() && other.is_some() && one != other {
            raise(FindingId::HandshakeMetadataDiffers, Detail::Option(code));
        }
    };
    differs(
        OptionCode::ContentIntegrity,
        initiator
            .content_integrity
            .map(|method| method.code().into()),
        responder
            .content_integrity
            .map(|method| method.code().into()),
    );
    differs(
        OptionCode::HashFunction,
        initiator
            .hash_function
            .map(|function| function.code().into()),
        responder
            .hash_function
            .map(|function| function.code().into()),
    );
    differs(
        OptionCode::SignatureAlgorithm,
        initiator
            .signature_algorithm
            .map(|algorithm| algorithm.code().into()),
        responder
            .signature_algorithm
            .map(|algorithm| algorithm.code().into()),
    );
    differs(
        OptionCode::ChunkSize,
        initiator.chunk_size.map(u64::from),
        responder.chunk_size.map(u64::from),
    );
}

/// What a handshake told, not what datagrams showed.
fn told<T>(known: Option<Known<T>>) -> Option<T> {
    known
        .filter(|known| !known.inferred)
        .map(|known| known.value)
}

/// Raises where the first HANDSHAKE of a channel does not fit what others
/// declared of the same swarm before.
pub(super) fn check_swarm_metadata(
    swarm: &Swarm,
    declared: &Declared,
    raise: &mut impl FnMut(Detail),
) {
    if !swarm.dialect.handshake_options {
        return;
    }
    let mut differs = |code, before: Option<u32>, now: Option<u32>| {
        if before.is_some() && now.is_some() && before != now {
            raise(Detail::Option(code));
        }
    };
    differs(
        OptionCode::ContentIntegrity,
        swarm.content_integrity.map(|method| method.code().into()),
        declared
            .content_integrity
            .map(|method| method.code().into()),
    );
    differs(
        OptionCode::HashFunction,
        told(swarm.hash_function).map(|function| function.code().into()),
        declared
            .hash_function
            .map(|function| function.code().into()),
    );
    differs(
        OptionCode::ChunkAddressing,
        told(swarm.chunk_addressing).map(|method| method.code().into()),
        declared.chunk_addressing.map(|method| method.code().into()),
    );
    differs(
        OptionCode::ChunkSize,
        swarm.declared_chunk_size.and_then(ChunkSize::to_option),
        declared.chunk_size,
    );
}

/// Raises a note naming the implementation that a HANDSHAKE looks like.
pub(super) fn recognise(
    handshake: &Handshake<'_>,
    declared: &Declared,
    dialect: &'static Dialect,
    raise: &mut impl FnMut(FindingId, Detail),
) {
    if dialect == &dialect::LEGACY_SWIFT {
        raise(FindingId::DialectLegacySwift, Detail::None);
    } else if dialect == &dialect::PYPPSPP && has_foreign(handshake) {
        raise(FindingId::DialectPyppspp, Detail::None);
    } else if (dialect == &dialect::PEREGRINE_2019 && has_foreign(handshake))
        || handshake.source_channel == PEREGRINE_CHANNEL
    {
        raise(FindingId::DialectPeregrine, Detail::None);
    } else if declared.version == Some(1)
        && declared.minimum_version == Some(1)
        && declared.chunk_size.is_none()
        && declared.supported_messages.is_none()
        && declared.content_integrity.is_some()
        && declared.chunk_addressing.is_some()
    {
        raise(FindingId::DialectLibswift, Detail::None);
    }
}

/// Whether a HANDSHAKE has options that only a dialect knows.
fn has_foreign(handshake: &Handshake<'_>) -> bool {
    handshake
        .options
        .iter()
        .any(|option| matches!(option, ProtocolOption::Foreign { .. }))
}

/// The list as such: order, repetition, end (RFC 7574, sections 7 and 7.1).
fn check_list(handshake: &Handshake<'_>, cut: bool, raise: &mut impl FnMut(FindingId, Detail)) {
    if !handshake.has_end && !cut {
        raise(FindingId::HandshakeEndMissing, Detail::None);
    }
    let mut seen = [false; 256];
    let mut last = None;
    let mut unsorted = false;
    for option in &handshake.options {
        let code = option.code();
        let slot = &mut seen[usize::from(code.code())];
        if *slot {
            raise(FindingId::HandshakeOptionRepeated, Detail::Option(code));
        } else if last.is_some_and(|last| code.code() < last) && !unsorted {
            unsorted = true;
            raise(FindingId::HandshakeOptionsUnsorted, Detail::Option(code));
        }
        *slot = true;
        last = Some(code.code());
        if let ProtocolOption::Foreign { name, .. } = option {
            raise(FindingId::HandshakeOptionForeign, Detail::Word(name));
        }
        if code == OptionCode::LiveDiscardWindow
            && !seen[usize::from(OptionCode::ChunkAddressing.code())]
        {
            raise(FindingId::HandshakeDiscardWindowEarly, Detail::None);
        }
    }
}

/// Sections 7.2 and 7.3.
fn check_versions(
    handshake: &Handshake<'_>,
    declared: &Declared,
    role: Role,
    raise: &mut impl FnMut(FindingId, Detail),
) {
    match declared.version {
        None => raise(FindingId::HandshakeVersionMissing, Detail::None),
        Some(version) => {
            if !matches!(handshake.options.first(), Some(ProtocolOption::Version(_))) {
                raise(FindingId::HandshakeVersionNotFirst, Detail::None);
            }
            if version != 1 {
                raise(
                    FindingId::HandshakeVersionUnassigned,
                    Detail::OptionValue(OptionCode::Version, version),
                );
            }
        }
    }
    match (declared.minimum_version, declared.version) {
        (None, _) if role == Role::Initiator => {
            raise(FindingId::HandshakeMinimumVersionMissing, Detail::None);
        }
        (Some(minimum), Some(version)) if minimum > version => raise(
            FindingId::HandshakeVersionRange,
            Detail::Mismatch(minimum.into(), version.into()),
        ),
        _ => {}
    }
}

/// The swarm's ID and how it is protected: sections 5.1, 6.1, 7.4 to 7.7, 7.9.
fn check_swarm(declared: &Declared, role: Role, raise: &mut impl FnMut(FindingId, Detail)) {
    match &declared.swarm_id {
        None if role == Role::Initiator => raise(FindingId::HandshakeSwarmIdMissing, Detail::None),
        Some(id) if id.is_empty() => raise(FindingId::HandshakeSwarmIdEmpty, Detail::None),
        _ => {}
    }
    let Some(method) = declared.content_integrity else {
        raise(FindingId::HandshakeContentIntegrityMissing, Detail::None);
        return;
    };
    if method == ContentIntegrity::Merkle {
        if declared.hash_function.is_none() {
            raise(FindingId::HandshakeHashFunctionMissing, Detail::None);
        }
        if let (Some(id), Some(length)) = (
            &declared.swarm_id,
            declared.hash_function.and_then(HashFunction::length),
        ) && id.len() != length
        {
            raise(
                FindingId::HandshakeSwarmIdLength,
                Detail::Mismatch(id.len() as u64, length as u64),
            );
        }
    }
    if method.is_live() {
        match declared.signature_algorithm {
            None => raise(FindingId::HandshakeSignatureAlgorithmMissing, Detail::None),
            Some(algorithm) => check_key(declared, algorithm, raise),
        }
        if declared.live_discard_window.is_none() {
            raise(FindingId::HandshakeDiscardWindowMissing, Detail::None);
        }
    } else if declared.live_discard_window.is_some() {
        raise(FindingId::HandshakeDiscardWindowStatic, Detail::None);
    }
}

fn check_key(
    declared: &Declared,
    algorithm: SignatureAlgorithm,
    raise: &mut impl FnMut(FindingId, Detail),
) {
    let Some(id) = &declared.swarm_id else { return };
    let named = id.first().copied();
    if named.is_some_and(|named| named != algorithm.code()) || signature_length(id).is_none() {
        raise(
            FindingId::HandshakeSwarmIdKey,
            Detail::Mismatch(named.unwrap_or(0).into(), algorithm.code().into()),
        );
    }
}

/// Values that their registries do not assign, and the bitmap's form.
fn check_values(handshake: &Handshake<'_>, raise: &mut impl FnMut(FindingId, Detail)) {
    for option in &handshake.options {
        let unassigned = match option {
            ProtocolOption::ContentIntegrity(value) if !value.is_assigned() => Some(value.code()),
            ProtocolOption::HashFunction(value) if !value.is_assigned() => Some(value.code()),
            ProtocolOption::SignatureAlgorithm(value) if !value.is_assigned() => Some(value.code()),
            ProtocolOption::ChunkAddressing(value) if !value.is_assigned() => Some(value.code()),
            _ => None,
        };
        if let Some(value) = unassigned {
            raise(
                FindingId::HandshakeUnassignedValue,
                Detail::OptionValue(option.code(), value),
            );
        }
        if let ProtocolOption::SupportedMessages(bitmap) = option {
            if bitmap.last() == Some(&0) {
                raise(FindingId::HandshakeSupportedMessagesUntrimmed, Detail::None);
            }
            if bitmap.len() > 32 {
                raise(
                    FindingId::HandshakeSupportedMessagesLong,
                    Detail::Count(bitmap.len() as u64, "bytes"),
                );
            }
        }
    }
}
