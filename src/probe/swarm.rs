//! What the prober knows of the swarm and the target before a case begins.

use std::collections::BTreeSet;
use std::time::Duration;

use ppspp_dissector::integrity::{Hash, TreeHash};
use ppspp_dissector::wire::dialect::{Dialect, LEGACY_SWIFT};
use ppspp_dissector::wire::{
    ChannelId, ChunkAddressing, ChunkRange, ChunkSize, ChunkSpec, ContentIntegrity, Handshake,
    HashFunction, Layout, Message, OptionCode, ProtocolOption,
};

use crate::peer::engine::Chunks;

/// The supported messages that we declare: all of Table 7 (RFC 7574, section
/// 7.10).
pub(super) const ALL_MESSAGES: &[u8] = &[0xff, 0xfc];

/// A swarm's metadata (RFC 7574, section 3.1), as the user tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swarm {
    /// The swarm ID: the root hash.
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
            chunk_size: ChunkSize::Fixed(self.chunk_size),
            ..Layout::RFC
        }
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
        options.push(ProtocolOption::ChunkAddressing(self.addressing));
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
        self.left_out.is_empty() && !self.is_legacy && self.foreign.is_none()
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
    /// Chunk addressing method.
    pub addressing: Option<ChunkAddressing>,
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
                ProtocolOption::SignatureAlgorithm(_)
                | ProtocolOption::LiveDiscardWindow(_)
                | ProtocolOption::Foreign { .. } => {}
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
    /// Number of chunks: proven by peaks, or else the end of what it has.
    pub size: Option<u64>,
    /// Whether it serves a chunk that is asked for.
    pub serves: bool,
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
