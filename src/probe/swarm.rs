//! What the prober knows of the swarm and the target before a case begins.

use std::collections::BTreeSet;
use std::time::Duration;

use ppspp_dissector::integrity::{Hash, PublicKey, TreeHash};
use ppspp_dissector::wire::dialect::{Dialect, LEGACY_SWIFT};
use ppspp_dissector::wire::{
    ChannelId, ChunkAddressing, ChunkRange, ChunkSize, ChunkSpec, ContentIntegrity, DiscardWindow,
    Handshake, HashFunction, Layout, Message, OptionCode, ProtocolOption, SignatureAlgorithm,
};

use super::case::Role;
use crate::peer::engine::Chunks;

/// The supported messages that we declare: all of Table 7 (RFC 7574, section
/// 7.10).
pub(super) const ALL_MESSAGES: &[u8] = &[0xff, 0xfc];

/// A swarm's metadata (RFC 7574, section 3.1), as the user tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swarm {
    /// The swarm ID: the root hash, or the public key of a live stream.
    pub id: Vec<u8>,
    /// How the content is protected.
    pub integrity: ContentIntegrity,
    /// The hash function of the tree.
    pub hash_function: HashFunction,
    /// How chunks are named.
    pub addressing: ChunkAddressing,
    /// Bytes of a chunk.
    pub chunk_size: u32,
}

impl Swarm {
    /// The layout of messages in the swarm.
    pub fn layout(&self) -> Layout {
        Layout {
            addressing: self.addressing,
            hash_function: self.hash_function,
            signature_length: self.key().map(|key| key.signature_length()),
            chunk_size: ChunkSize::Fixed(self.chunk_size),
            ..Layout::RFC
        }
    }

    /// Whether it is a live stream.
    pub fn is_live(&self) -> bool {
        self.integrity.is_live()
    }

    /// What a target is that serves it.
    pub fn source(&self) -> Role {
        if self.is_live() {
            Role::Injector
        } else {
            Role::Seeder
        }
    }

    /// What a target is that fetches it.
    pub fn fetcher(&self) -> Role {
        if self.is_live() {
            Role::Viewer
        } else {
            Role::Leecher
        }
    }

    /// The public key of a live stream.
    pub fn key(&self) -> Option<PublicKey> {
        if !self.is_live() {
            return None;
        }
        PublicKey::from_swarm_id(&self.id).ok()
    }

    /// The algorithm of a live stream's signatures: its swarm ID begins with it
    /// (RFC 7574, section 6.1).
    pub fn signature_algorithm(&self) -> Option<SignatureAlgorithm> {
        let code = self.id.first().filter(|_| self.is_live())?;
        Some(SignatureAlgorithm::from_code(*code))
    }

    /// The live discard window of who keeps so many chunks, in the width of the addressing
    /// method (section 7.9).
    pub fn window_of(&self, chunks: u64) -> Option<DiscardWindow> {
        DiscardWindow::of_chunks(chunks, self.addressing, self.chunk_size)
    }

    /// A live discard window in chunks; `u64::MAX` for one of everything.
    pub fn window_chunks(&self, window: DiscardWindow) -> u64 {
        let chunks = window.chunks(self.addressing, self.chunk_size);
        chunks.unwrap_or(u64::MAX)
    }

    /// The root hash.
    pub fn root(&self) -> Option<Hash> {
        Hash::from_bytes(&self.id)
    }

    /// The hash function as it is used in trees.
    pub fn tree_hash(&self) -> Option<TreeHash> {
        TreeHash::new(self.hash_function)
    }

    /// A range of chunks as the swarm names it.
    pub fn spec(&self, range: ChunkRange) -> Option<ChunkSpec> {
        ChunkSpec::of(range, self.addressing, self.chunk_size)
    }

    /// All options of the RFC for a HANDSHAKE of ours (section 7), in their
    /// order, without those that are left out.
    pub fn options(&self, manner: &Manner) -> Vec<ProtocolOption<'_>> {
        let mut options = vec![
            ProtocolOption::Version(1),
            ProtocolOption::MinimumVersion(1),
            ProtocolOption::SwarmId(&self.id),
            ProtocolOption::ContentIntegrity(self.integrity),
        ];
        if self.integrity.has_tree() {
            options.push(ProtocolOption::HashFunction(self.hash_function));
        }
        let algorithm = self.signature_algorithm();
        options.extend(algorithm.map(ProtocolOption::SignatureAlgorithm));
        options.push(ProtocolOption::ChunkAddressing(self.addressing));
        let window = self.window_of(u64::MAX).filter(|_| self.is_live());
        options.extend(window.map(ProtocolOption::LiveDiscardWindow));
        options.push(ProtocolOption::SupportedMessages(ALL_MESSAGES));
        options.push(ProtocolOption::ChunkSize(self.chunk_size));
        options.retain(|option| !manner.left_out.contains(&option.code().code()));
        options
    }
}

/// How the target takes HANDSHAKEs: as the RFC has them, or only the nearest to
/// that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    /// Codes of the options that must be left out.
    pub left_out: BTreeSet<u8>,
    /// Whether it answers to the legacy protocol of swift only.
    pub is_legacy: bool,
    /// The dialect whose options its own HANDSHAKEs have, where the RFC does not
    /// know all of them.
    pub foreign: Option<&'static Dialect>,
    /// Whether it believes such signatures only as libswift makes: of a munro's hash
    /// alone, dated in microseconds since 1970.
    pub signs_hash_alone: bool,
}

impl Manner {
    /// The RFC's.
    pub fn rfc() -> Self {
        Self::default()
    }

    /// Without these options.
    pub fn without(options: &[OptionCode]) -> Self {
        Self {
            left_out: options.iter().map(|option| option.code()).collect(),
            ..Self::default()
        }
    }

    /// The protocol before the RFC.
    pub fn legacy() -> Self {
        Self {
            is_legacy: true,
            ..Self::default()
        }
    }

    /// Whether nothing differs from the RFC.
    pub fn is_rfc(&self) -> bool {
        self.left_out.is_empty()
            && !self.is_legacy
            && self.foreign.is_none()
            && !self.signs_hash_alone
    }

    /// The layout of our messages in a swarm.
    pub fn layout(&self, swarm: &Swarm) -> Layout {
        if self.is_legacy {
            Layout {
                chunk_size: ChunkSize::Fixed(swarm.chunk_size),
                ..Layout::of_dialect(&LEGACY_SWIFT)
            }
        } else {
            swarm.layout()
        }
    }

    /// The layout of the target's messages.
    pub fn reads(&self, swarm: &Swarm) -> Layout {
        let layout = self.layout(swarm);
        Layout {
            dialect: self.foreign.unwrap_or(layout.dialect),
            ..layout
        }
    }

    /// What it differs in, for people.
    pub fn describe(&self) -> String {
        if self.is_legacy {
            return "the legacy protocol of swift".to_owned();
        }
        let mut text = "RFC 7574".to_owned();
        let mut add = |before: &str, names: Vec<String>| {
            text.push_str(before);
            text.push_str(&names.join(", "));
        };
        if !self.left_out.is_empty() {
            let names = self
                .left_out
                .iter()
                .map(|code| format!("{} ({code})", OptionCode::from_code(*code)));
            add(" without the options ", names.collect());
        }
        if let Some(dialect) = self.foreign {
            let names = dialect
                .foreign_options
                .iter()
                .map(|option| format!("{} ({})", option.name, option.code));
            add("; answers with options of its own, ", names.collect());
        }
        if self.signs_hash_alone {
            text.push_str("; believes signatures of munro hashes alone only");
        }
        text
    }
}

/// What a HANDSHAKE of the target declared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// The codes of all options, in their order.
    pub codes: Vec<u8>,
    /// Highest version.
    pub version: Option<u8>,
    /// Lowest version.
    pub minimum_version: Option<u8>,
    /// Swarm ID.
    pub swarm_id: Option<Vec<u8>>,
    /// Content integrity protection method.
    pub integrity: Option<ContentIntegrity>,
    /// Hash function.
    pub hash_function: Option<HashFunction>,
    /// Live signature algorithm.
    pub signature_algorithm: Option<SignatureAlgorithm>,
    /// Chunk addressing method.
    pub addressing: Option<ChunkAddressing>,
    /// Live discard window.
    pub window: Option<DiscardWindow>,
    /// Bitmap of the supported messages.
    pub messages: Option<Vec<u8>>,
    /// Chunk size.
    pub chunk_size: Option<u32>,
    /// Whether the end option was there.
    pub has_end: bool,
    /// The channel.
    pub channel: Option<ChannelId>,
}

impl Declared {
    /// What a HANDSHAKE declares.
    pub fn by(handshake: &Handshake<'_>) -> Self {
        let mut declared = Self {
            has_end: handshake.has_end,
            channel: Some(handshake.source_channel),
            ..Self::default()
        };
        for option in &handshake.options {
            declared.codes.push(option.code().code());
            match option {
                ProtocolOption::Version(version) => declared.version = Some(*version),
                ProtocolOption::MinimumVersion(version) => {
                    declared.minimum_version = Some(*version);
                }
                ProtocolOption::SwarmId(id) => declared.swarm_id = Some(id.to_vec()),
                ProtocolOption::ContentIntegrity(method) => declared.integrity = Some(*method),
                ProtocolOption::HashFunction(function) => declared.hash_function = Some(*function),
                ProtocolOption::ChunkAddressing(method) => declared.addressing = Some(*method),
                ProtocolOption::SupportedMessages(bitmap) => {
                    declared.messages = Some(bitmap.to_vec());
                }
                ProtocolOption::ChunkSize(size) => declared.chunk_size = Some(*size),
                ProtocolOption::SignatureAlgorithm(algorithm) => {
                    declared.signature_algorithm = Some(*algorithm);
                }
                ProtocolOption::LiveDiscardWindow(window) => declared.window = Some(*window),
                ProtocolOption::Foreign { .. } => {}
            }
        }
        declared
    }

    /// Whether an option was there.
    pub fn has(&self, option: OptionCode) -> bool {
        self.codes.contains(&option.code())
    }
}

/// What was found out about the target before the first case.
#[derive(Clone, Debug)]
pub struct Known {
    /// How it takes HANDSHAKEs.
    pub manner: Manner,
    /// What its reply declared.
    pub declared: Declared,
    /// How long a HANDSHAKE took to be answered.
    pub round_trip: Duration,
    /// Chunks that it said to have.
    pub has: Chunks,
    /// Number of chunks: proven by peaks, or else the end of what it has. A live
    /// stream has grown since.
    pub size: Option<u64>,
    /// Whether it serves a chunk that is asked for.
    pub serves: bool,
    /// Whether what came with the chunk proved it.
    pub verifies: bool,
    /// Whether anything came that could not be read.
    pub is_garbled: bool,
    /// Whether INTEGRITY came with it.
    pub protects: bool,
}

/// Whether a message is a HANDSHAKE, and which.
pub(super) fn handshake_of<'m, 'a>(message: &'m Message<'a>) -> Option<&'m Handshake<'a>> {
    match message {
        Message::Handshake(handshake) => Some(handshake),
        _ => None,
    }
}
