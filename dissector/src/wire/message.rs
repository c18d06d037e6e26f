//! The messages and protocol options as values (RFC 7574, sections 7 and 8).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::chunk::ChunkSpec;
use super::registry::{
    ChunkAddressing, ContentIntegrity, HashFunction, MessageType, OptionCode, SignatureAlgorithm,
};

/// A channel ID: what a peer wants to see in front of datagrams for one of its
/// channels (RFC 7574, section 8.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelId(pub u32);

impl ChannelId {
    /// Channel 0, to which a handshake is sent and with which a channel is closed.
    pub const ZERO: Self = Self(0);

    /// Whether this is channel 0.
    #[inline]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// A live discard window in the width of its addressing method (RFC 7574, section 7.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiscardWindow {
    /// 32 bits, with 32-bit bins and chunk ranges.
    Bits32(u32),
    /// 64 bits, with 64-bit bins, chunk ranges and byte ranges.
    Bits64(u64),
}

impl DiscardWindow {
    /// Whether an addressing method writes its window with 64 bits; `None` for
    /// an unassigned method.
    pub const fn is_wide(addressing: ChunkAddressing) -> Option<bool> {
        match addressing {
            ChunkAddressing::Bin32 | ChunkAddressing::Chunk32 => Some(false),
            ChunkAddressing::Byte64 | ChunkAddressing::Bin64 | ChunkAddressing::Chunk64 => {
                Some(true)
            }
            ChunkAddressing::Unassigned(_) => None,
        }
    }

    /// That of a peer that keeps so many chunks of this size, which count where byte ranges
    /// name them; `None` for an unassigned method.
    pub fn of_chunks(chunks: u64, addressing: ChunkAddressing, chunk_size: u32) -> Option<Self> {
        let value = match addressing {
            ChunkAddressing::Byte64 => chunks.saturating_mul(chunk_size.into()),
            _ => chunks,
        };
        Some(if Self::is_wide(addressing)? {
            Self::Bits64(value)
        } else {
            Self::Bits32(u32::try_from(value).unwrap_or(u32::MAX))
        })
    }

    /// The number: chunks, or bytes with byte ranges.
    pub const fn value(self) -> u64 {
        match self {
            Self::Bits32(value) => value as u64,
            Self::Bits64(value) => value,
        }
    }

    /// How many chunks of this size the peer keeps; `None` where it keeps everything.
    pub fn chunks(self, addressing: ChunkAddressing, chunk_size: u32) -> Option<u64> {
        let unit = match addressing {
            ChunkAddressing::Byte64 => chunk_size.max(1).into(),
            _ => 1,
        };
        (!self.is_everything()).then(|| self.value() / unit)
    }

    /// Whether the peer keeps everything.
    pub const fn is_everything(self) -> bool {
        matches!(self, Self::Bits32(u32::MAX) | Self::Bits64(u64::MAX))
    }
}

/// One protocol option of a HANDSHAKE (RFC 7574, section 7). The end option is
/// [`Handshake::has_end`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolOption<'a> {
    /// Highest version that the sender speaks (section 7.2).
    Version(u8),
    /// Lowest version that the sender speaks (section 7.3).
    MinimumVersion(u8),
    /// The swarm (section 7.4).
    SwarmId(&'a [u8]),
    /// How the content is protected (section 7.5).
    ContentIntegrity(ContentIntegrity),
    /// Hash function of the tree (section 7.6).
    HashFunction(HashFunction),
    /// Signature algorithm of a live stream (section 7.7).
    SignatureAlgorithm(SignatureAlgorithm),
    /// How chunks are named (section 7.8).
    ChunkAddressing(ChunkAddressing),
    /// How much of a live stream the sender keeps (section 7.9).
    LiveDiscardWindow(DiscardWindow),
    /// Compressed bitmap of the message types that the sender understands (section 7.10).
    SupportedMessages(&'a [u8]),
    /// Size of a chunk in bytes; `u32::MAX` means variable (section 7.11).
    ChunkSize(u32),
    /// An option that only a dialect knows.
    Foreign {
        /// Its code.
        code: u8,
        /// The dialect's name for it.
        name: &'static str,
        /// Its value, without a length octet.
        value: &'a [u8],
    },
}

impl ProtocolOption<'_> {
    /// The option's code.
    pub const fn code(&self) -> OptionCode {
        match self {
            Self::Version(_) => OptionCode::Version,
            Self::MinimumVersion(_) => OptionCode::MinimumVersion,
            Self::SwarmId(_) => OptionCode::SwarmId,
            Self::ContentIntegrity(_) => OptionCode::ContentIntegrity,
            Self::HashFunction(_) => OptionCode::HashFunction,
            Self::SignatureAlgorithm(_) => OptionCode::SignatureAlgorithm,
            Self::ChunkAddressing(_) => OptionCode::ChunkAddressing,
            Self::LiveDiscardWindow(_) => OptionCode::LiveDiscardWindow,
            Self::SupportedMessages(_) => OptionCode::SupportedMessages,
            Self::ChunkSize(_) => OptionCode::ChunkSize,
            Self::Foreign { code, .. } => OptionCode::from_code(*code),
        }
    }
}

/// Whether bit `message_type` is set in the bitmap of option 8 (RFC 7574, section 7.10).
pub fn bitmap_supports(bitmap: &[u8], message_type: MessageType) -> bool {
    let code = message_type.code();
    bitmap
        .get(usize::from(code / 8))
        .is_some_and(|byte| byte & (0x80 >> (code % 8)) != 0)
}

/// The bitmap of option 8 for these message types, cut behind its last
/// non-zero byte (RFC 7574, section 7.10).
pub fn bitmap_of(types: &[MessageType]) -> Vec<u8> {
    let mut bitmap = Vec::new();
    for code in types.iter().map(|kind| kind.code()) {
        let index = usize::from(code / 8);
        if bitmap.len() <= index {
            bitmap.resize(index + 1, 0);
        }
        bitmap[index] |= 0x80 >> (code % 8);
    }
    bitmap
}

/// A HANDSHAKE (RFC 7574, section 8.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake<'a> {
    /// The sender's channel; zero closes the channel.
    pub source_channel: ChannelId,
    /// The options in their order on the wire.
    pub options: Vec<ProtocolOption<'a>>,
    /// Whether the list was ended by the end option (section 7.1). It was not
    /// seen either where the capture cut the datagram within the list.
    pub has_end: bool,
}

impl<'a> Handshake<'a> {
    /// Whether this HANDSHAKE closes the channel.
    pub const fn is_closing(&self) -> bool {
        self.source_channel.is_zero()
    }

    /// The swarm ID, where the list has one.
    pub fn swarm_id(&self) -> Option<&'a [u8]> {
        self.options.iter().find_map(|option| match option {
            ProtocolOption::SwarmId(id) => Some(*id),
            _ => None,
        })
    }
}

/// One message (RFC 7574, section 8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Opens, answers or closes a channel (section 8.4).
    Handshake(Handshake<'a>),
    /// A chunk (section 8.6).
    Data {
        /// Which chunk.
        spec: ChunkSpec,
        /// The sender's clock in microseconds; `None` where the dialect has none.
        timestamp: Option<u64>,
        /// The chunk, as far as it was captured.
        data: &'a [u8],
        /// How many bytes the chunk had on the wire.
        data_length: usize,
    },
    /// Acknowledges chunks (section 8.7).
    Ack {
        /// Which chunks.
        spec: ChunkSpec,
        /// One-way delay sample in microseconds; the dialect may mean something else.
        delay: u64,
    },
    /// Chunks that the sender has (section 8.5).
    Have(ChunkSpec),
    /// A hash of the tree (section 8.8).
    Integrity {
        /// The node's chunks.
        spec: ChunkSpec,
        /// The node's hash.
        hash: &'a [u8],
    },
    /// Address of a peer (section 8.13).
    PexResV4 {
        /// IPv4 address.
        address: Ipv4Addr,
        /// UDP port.
        port: u16,
    },
    /// Asks for peers (section 8.13).
    PexReq,
    /// A signature (section 8.9).
    SignedIntegrity {
        /// What is signed: a munro's chunks or one chunk.
        spec: ChunkSpec,
        /// Time of signing in NTP timestamp format.
        timestamp: u64,
        /// The signature.
        signature: &'a [u8],
    },
    /// Chunks that the sender wants (section 8.10).
    Request(ChunkSpec),
    /// Chunks that the sender no longer wants (section 8.11).
    Cancel(ChunkSpec),
    /// The sender will not serve for now (section 8.12).
    Choke,
    /// The sender serves again (section 8.12).
    Unchoke,
    /// Address of a peer (section 8.13).
    PexResV6 {
        /// IPv6 address.
        address: Ipv6Addr,
        /// UDP port.
        port: u16,
    },
    /// Membership certificate of a peer (section 8.13).
    PexResCert {
        /// X.509 certificate in DER.
        certificate: &'a [u8],
    },
    /// Legacy swift's message 10: four random bytes that make a resent
    /// datagram differ from the first one.
    Randomize([u8; 4]),
}

impl Message<'_> {
    /// `PEX_RESv4` or `PEX_RESv6`, which tell of a peer at this address (RFC 7574,
    /// section 8.13).
    pub const fn pex_res(peer: SocketAddr) -> Self {
        let port = peer.port();
        match peer.ip() {
            IpAddr::V4(address) => Self::PexResV4 { address, port },
            IpAddr::V6(address) => Self::PexResV6 { address, port },
        }
    }

    /// The message's type. [`Message::Randomize`] shares its number with CHOKE.
    #[inline]
    pub const fn kind(&self) -> MessageType {
        match self {
            Self::Handshake(_) => MessageType::Handshake,
            Self::Data { .. } => MessageType::Data,
            Self::Ack { .. } => MessageType::Ack,
            Self::Have(_) => MessageType::Have,
            Self::Integrity { .. } => MessageType::Integrity,
            Self::PexResV4 { .. } => MessageType::PexResV4,
            Self::PexReq => MessageType::PexReq,
            Self::SignedIntegrity { .. } => MessageType::SignedIntegrity,
            Self::Request(_) => MessageType::Request,
            Self::Cancel(_) => MessageType::Cancel,
            Self::Choke | Self::Randomize(_) => MessageType::Choke,
            Self::Unchoke => MessageType::Unchoke,
            Self::PexResV6 { .. } => MessageType::PexResV6,
            Self::PexResCert { .. } => MessageType::PexResCert,
        }
    }

    /// The message's name as outputs print it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Randomize(_) => "RANDOMIZE",
            other => match other.kind().name() {
                Some(name) => name,
                None => "?",
            },
        }
    }

    /// The chunk specification, where the message has one.
    #[inline]
    pub const fn spec(&self) -> Option<ChunkSpec> {
        match self {
            Self::Data { spec, .. }
            | Self::Ack { spec, .. }
            | Self::Have(spec)
            | Self::Integrity { spec, .. }
            | Self::SignedIntegrity { spec, .. }
            | Self::Request(spec)
            | Self::Cancel(spec) => Some(*spec),
            _ => None,
        }
    }
}

/// A message and where it stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located<'a> {
    /// The message.
    pub message: Message<'a>,
    /// Offset of its type octet in the datagram.
    pub offset: usize,
    /// Its bytes on the wire, type octet included.
    pub length: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rfcs_example_of_supported_messages_is_reproduced() {
        // Section 7.10: everything except ACKs and PEXs is 11011001 11110000.
        let types: Vec<MessageType> = MessageType::ASSIGNED
            .iter()
            .copied()
            .filter(|kind| {
                !matches!(
                    kind,
                    MessageType::Ack
                        | MessageType::PexReq
                        | MessageType::PexResV4
                        | MessageType::PexResV6
                        | MessageType::PexResCert
                )
            })
            .collect();
        let bitmap = bitmap_of(&types);
        assert_eq!(bitmap, [0b1101_1001, 0b1111_0000]);
        for kind in MessageType::ASSIGNED {
            assert_eq!(bitmap_supports(&bitmap, *kind), types.contains(kind));
        }
    }

    #[test]
    fn a_short_bitmap_is_padded_with_zeros() {
        assert!(!bitmap_supports(&[0xff], MessageType::Request));
        assert!(!bitmap_supports(&[], MessageType::Handshake));
    }
}
