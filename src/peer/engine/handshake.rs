//! HANDSHAKE messages: what we declare, and what we make of what others declare
//! (RFC 7574, sections 3.1.1 and 7).

use ppspp_dissector::integrity::PublicKey;
use ppspp_dissector::wire::dialect::PYPPSPP;
use ppspp_dissector::wire::{
    ChannelId, ChunkAddressing, ChunkSize, ContentIntegrity, DiscardWindow, Handshake,
    HashFunction, Layout, Message, MessageType, ProtocolOption, SignatureAlgorithm, bitmap_of,
    encode_message,
};

use super::config::{Profile, SwarmConfig};

/// The version that we speak, and the only one (section 7.2).
const VERSION: u8 = 1;

/// The chunk size that stands for chunks of variable sizes (section 7.11).
pub(super) const VARIABLE: u32 = u32::MAX;

/// What a HANDSHAKE declares, as far as it says anything.
#[derive(Clone, Debug, Default)]
pub(super) struct Declared {
    pub(super) version: Option<u8>,
    pub(super) minimum_version: Option<u8>,
    pub(super) swarm_id: Option<Vec<u8>>,
    pub(super) content_integrity: Option<ContentIntegrity>,
    pub(super) hash_function: Option<HashFunction>,
    pub(super) signature_algorithm: Option<SignatureAlgorithm>,
    pub(super) addressing: Option<ChunkAddressing>,
    pub(super) has_messages: bool,
    pub(super) chunk_size: Option<u32>,
    pub(super) window: Option<DiscardWindow>,
    /// Whether an option is among them that only `PyPPSPP` knows.
    is_pyppspp: bool,
}

impl Declared {
    pub(super) fn by(handshake: &Handshake<'_>) -> Self {
        let mut declared = Self::default();
        for option in &handshake.options {
            match option {
                ProtocolOption::Version(version) => declared.version = Some(*version),
                ProtocolOption::MinimumVersion(version) => {
                    declared.minimum_version = Some(*version);
                }
                ProtocolOption::SwarmId(id) => declared.swarm_id = Some(id.to_vec()),
                ProtocolOption::ContentIntegrity(method) => {
                    declared.content_integrity = Some(*method);
                }
                ProtocolOption::HashFunction(function) => declared.hash_function = Some(*function),
                ProtocolOption::SignatureAlgorithm(algorithm) => {
                    declared.signature_algorithm = Some(*algorithm);
                }
                ProtocolOption::ChunkAddressing(method) => declared.addressing = Some(*method),
                ProtocolOption::SupportedMessages(_) => declared.has_messages = true,
                ProtocolOption::ChunkSize(size) => declared.chunk_size = Some(*size),
                ProtocolOption::LiveDiscardWindow(window) => declared.window = Some(*window),
                ProtocolOption::Foreign { .. } => declared.is_pyppspp = true,
            }
        }
        declared
    }

    /// Why these options don't go with a swarm; `None` where they do. What is not
    /// declared is taken for what the swarm has.
    pub(super) fn conflict(&self, swarm: &SwarmConfig) -> Option<&'static str> {
        let differs = |declared: Option<bool>| declared == Some(false);
        if self.version == Some(0) || self.minimum_version.is_some_and(|least| least > VERSION) {
            return Some("it speaks no version 1");
        }
        if differs(self.swarm_id.as_ref().map(|id| *id == swarm.id)) {
            return Some("it is in another swarm");
        }
        if differs(
            self.content_integrity
                .map(|method| method == swarm.integrity),
        ) {
            return Some("it protects content by another method");
        }
        let has_tree = swarm.integrity.has_tree();
        // libswift's live streams use SHA-1 and do not say so.
        if has_tree && differs(self.hash_function.map(|it| it == swarm.hash_function)) {
            return Some("it uses another hash function");
        }
        if swarm.integrity.is_live()
            && let (Some(declared), Ok(key)) = (
                self.signature_algorithm,
                PublicKey::from_swarm_id(&swarm.id),
            )
            && declared != key.algorithm()
        {
            return Some("it uses another signature algorithm");
        }
        if self.chunk_size == Some(VARIABLE) {
            return Some("its chunks have variable sizes, and this peer takes chunks of one size");
        }
        if differs(self.chunk_size.map(|size| size == swarm.chunk_size)) {
            return Some("it uses chunks of another size");
        }
        // All peers of a swarm use the same one (section 4).
        if differs(self.addressing.map(|method| method == swarm.addressing)) {
            return Some("it names chunks by another method");
        }
        None
    }

    /// How we may write to who declared this.
    pub(super) fn profile(&self, ours: &'static Profile) -> &'static Profile {
        if self.is_pyppspp {
            return &Profile::PYPPSPP;
        }
        // Who leaves the chunk size out is likely to drop what holds it.
        if self.chunk_size.is_none() && ours.declares_chunk_size {
            &Profile::LIBSWIFT
        } else {
            ours
        }
    }
}

/// The layout of a swarm's messages in some addressing.
pub(super) fn layout(swarm: &SwarmConfig, addressing: ChunkAddressing) -> Layout {
    Layout {
        // It is the only one without integrity protection, and its own options
        // are nobody else's.
        dialect: match swarm.integrity {
            ContentIntegrity::None => &PYPPSPP,
            _ => Layout::RFC.dialect,
        },
        addressing,
        hash_function: swarm.hash_function,
        signature_length: PublicKey::from_swarm_id(&swarm.id)
            .ok()
            .filter(|_| swarm.integrity.is_live())
            .map(|key| key.signature_length()),
        chunk_size: ChunkSize::Fixed(swarm.chunk_size),
        ..Layout::RFC
    }
}

/// Writes the HANDSHAKE that opens or answers.
pub(super) fn write(
    out: &mut Vec<u8>,
    swarm: &SwarmConfig,
    profile: &Profile,
    ours: ChannelId,
    layout: &Layout,
    window: Option<DiscardWindow>,
    initiates: bool,
) {
    let messages = bitmap_of(MessageType::ASSIGNED);
    let mut options = vec![
        ProtocolOption::Version(VERSION),
        ProtocolOption::MinimumVersion(VERSION),
    ];
    if initiates || profile.repeats_swarm_id {
        options.push(ProtocolOption::SwarmId(&swarm.id));
    }
    options.push(ProtocolOption::ContentIntegrity(swarm.integrity));
    if swarm.integrity.has_tree() {
        options.push(ProtocolOption::HashFunction(swarm.hash_function));
    }
    if swarm.integrity.is_live()
        && let Ok(key) = PublicKey::from_swarm_id(&swarm.id)
    {
        options.push(ProtocolOption::SignatureAlgorithm(key.algorithm()));
    }
    options.push(ProtocolOption::ChunkAddressing(layout.addressing));
    options.extend(window.map(ProtocolOption::LiveDiscardWindow));
    if profile.declares_messages {
        options.push(ProtocolOption::SupportedMessages(&messages));
    }
    if profile.declares_chunk_size {
        options.push(ProtocolOption::ChunkSize(swarm.chunk_size));
    }
    put(
        out,
        &Message::Handshake(Handshake {
            source_channel: ours,
            options,
            has_end: true,
        }),
        layout,
    );
}

/// Writes the HANDSHAKE that closes a channel.
pub(super) fn write_closing(out: &mut Vec<u8>, layout: &Layout) {
    put(
        out,
        &Message::Handshake(Handshake {
            source_channel: ChannelId::ZERO,
            options: vec![],
            has_end: true,
        }),
        layout,
    );
}

/// Writes a message; one that the layout has no place for is left out.
pub(super) fn put(out: &mut Vec<u8>, message: &Message<'_>, layout: &Layout) {
    let before = out.len();
    if encode_message(message, layout, out).is_err() {
        out.truncate(before);
    }
}
