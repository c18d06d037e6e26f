//! The registry of fields: every value that a datagram can show, with its name,
//! type and section of the RFC. Filters, JSON, the trees of the text output and
//! of the UI, and the documentation take their names from here.
//!
//! A name never changes, as with JSON's keys: [`Field::json`] tells which key
//! holds the same value.

mod head;
mod record;
mod value;
mod words;

use std::fmt;

pub use head::HeadValues;
pub use record::RecordValues;
pub use value::{Frame, Value, Values};
pub use words::Words;

/// What kind of value a field has, and so what it can be compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Nothing but that it is there.
    Presence,
    /// A number from 0.
    Unsigned,
    /// Microseconds, which may be negative.
    Microseconds,
    /// A moment.
    Time,
    /// Time between two moments.
    Duration,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// An identifier, hash or signature: bytes that people know by their
    /// hexadecimal digits.
    Digits,
    /// A channel ID: four bytes, written as eight hexadecimal digits.
    ChannelId,
    /// Content: any bytes.
    Bytes,
    /// Text.
    Text,
    /// One of some words.
    Word(Words),
    /// Chunk numbers, every one that a message names.
    Chunks,
}

impl Kind {
    /// The kind in a few words, for lists and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Presence => "presence",
            Self::Unsigned => "number",
            Self::Microseconds => "microseconds",
            Self::Time => "time",
            Self::Duration => "duration",
            Self::Ipv4 => "IPv4 address",
            Self::Ipv6 => "IPv6 address",
            Self::Digits => "hexadecimal digits",
            Self::ChannelId => "channel ID",
            Self::Bytes => "bytes",
            Self::Text => "text",
            Self::Word(_) => "word",
            Self::Chunks => "chunk numbers",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What must have been done with a datagram before a field's values are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// Nothing: the headers and the first four bytes tell it.
    Head,
    /// Its messages are decoded and its channel is known. Nothing needs to be
    /// verified.
    Messages,
    /// Its content is verified and the rules are checked: verdicts, findings.
    Session,
}

impl Level {
    /// The word for outputs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Messages => "messages",
            Self::Session => "session",
        }
    }
}

/// One field, as the registry describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Which field.
    pub id: FieldId,
    /// Stable name.
    pub name: &'static str,
    /// What its values are.
    pub kind: Kind,
    /// When its values are known.
    pub level: Level,
    /// Section of RFC 7574; empty where the field is none of PPSPP's.
    pub section: &'static str,
    /// What the tree calls it; empty where the tree does not show it by a name.
    pub label: &'static str,
    /// Where JSON lines have it: the keys from the outermost object, joined by
    /// points, lists left out. Empty where they do not.
    pub json: &'static str,
    /// What it is, in one sentence.
    pub text: &'static str,
}

impl Field {
    /// Whether several messages of a datagram can each have it, so that
    /// `message(…)` narrows it down.
    pub fn is_of_messages(&self) -> bool {
        self.id >= FieldId::MessageType && self.id < FieldId::SettledFrame
            || self.id >= FieldId::FindingId
    }
}

macro_rules! registry {
    ($( $id:ident $name:literal $kind:expr, $level:ident $section:literal $label:literal $json:literal $text:literal; )+) => {
        /// The id of a field; [`FieldId::field`] describes it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum FieldId {
            $( #[doc = concat!("`", $name, "`")] $id, )+
        }

        /// Every field there is, in an order in which people can read them.
        pub static FIELDS: &[Field] = &[
            $( Field {
                id: FieldId::$id,
                name: $name,
                kind: $kind,
                level: Level::$level,
                section: $section,
                label: $label,
                json: $json,
                text: $text,
            }, )+
        ];
    };
}

registry! {
    // Below PPSPP. Names and meaning are Wireshark's.
    Frame "frame" Kind::Presence, Head "" "" ""
        "Every datagram has it.";
    FrameNumber "frame.number" Kind::Unsigned, Head "" "Frame" "frame"
        "Number of the capture's frame that completed the datagram, from 1.";
    FrameTime "frame.time" Kind::Time, Head "" "" "time"
        "When that frame was captured, in UTC.";
    FrameTimeRelative "frame.time_relative" Kind::Duration, Head "" "" ""
        "Time since the capture's first frame.";
    FrameLength "frame.len" Kind::Unsigned, Head "" "" ""
        "Bytes of that frame on the wire, with all its headers.";
    FrameComment "frame.comment" Kind::Text, Head "" "Comment" "comment"
        "A comment that the capture file has on that frame.";
    Ip "ip" Kind::Presence, Head "" "" ""
        "The datagram came over IPv4.";
    IpAddress "ip.addr" Kind::Ipv4, Head "" "" ""
        "IPv4 address of the sender or of the receiver.";
    IpSource "ip.src" Kind::Ipv4, Head "" "" "src"
        "IPv4 address of the sender.";
    IpDestination "ip.dst" Kind::Ipv4, Head "" "" "dst"
        "IPv4 address of the receiver.";
    IpFragments "ip.fragment.count" Kind::Unsigned, Head "" "" ""
        "Number of fragments that IPv4 reassembled the datagram from, where it did.";
    Ipv6 "ipv6" Kind::Presence, Head "" "" ""
        "The datagram came over IPv6.";
    Ipv6Address "ipv6.addr" Kind::Ipv6, Head "" "" ""
        "IPv6 address of the sender or of the receiver.";
    Ipv6Source "ipv6.src" Kind::Ipv6, Head "" "" "src"
        "IPv6 address of the sender.";
    Ipv6Destination "ipv6.dst" Kind::Ipv6, Head "" "" "dst"
        "IPv6 address of the receiver.";
    Ipv6Fragments "ipv6.fragment.count" Kind::Unsigned, Head "" "" ""
        "Number of fragments that IPv6 reassembled the datagram from, where it did.";
    Udp "udp" Kind::Presence, Head "" "" ""
        "UDP carried the datagram.";
    UdpPort "udp.port" Kind::Unsigned, Head "" "" ""
        "UDP port of the sender or of the receiver.";
    UdpSourcePort "udp.srcport" Kind::Unsigned, Head "" "" "src"
        "UDP port of the sender.";
    UdpDestinationPort "udp.dstport" Kind::Unsigned, Head "" "" "dst"
        "UDP port of the receiver.";
    UdpLength "udp.length" Kind::Unsigned, Head "" "" ""
        "Bytes of the UDP header and what follows it, on the wire.";
    Tcp "tcp" Kind::Presence, Head "" "" "transport"
        "A TCP stream carried the datagram, framed as PyPPSPP does.";
    TcpPort "tcp.port" Kind::Unsigned, Head "" "" ""
        "TCP port of the sender or of the receiver.";
    TcpSourcePort "tcp.srcport" Kind::Unsigned, Head "" "" "src"
        "TCP port of the sender.";
    TcpDestinationPort "tcp.dstport" Kind::Unsigned, Head "" "" "dst"
        "TCP port of the receiver.";

    // The datagram.
    Ppspp "ppspp" Kind::Presence, Messages "8.2" "" ""
        "The datagram is PPSPP.";
    Length "ppspp.length" Kind::Unsigned, Head "8.2" "" "length"
        "Bytes of the datagram on the wire, from the channel ID on.";
    Captured "ppspp.captured" Kind::Unsigned, Head "" "Cut by the capture" "captured"
        "Bytes of the datagram that the capture holds, where it holds fewer.";
    Channel "ppspp.channel" Kind::ChannelId, Head "8.3" "Destination channel" "channel"
        "The destination channel ID; 00000000 opens a channel.";
    Swarm "ppspp.swarm" Kind::Digits, Messages "7.4" "Swarm" "swarm"
        "ID of the swarm that the channel belongs to.";
    Sender "ppspp.sender" Kind::Word(Words::Sides), Messages "3.1" "" ""
        "Which side of its channel sent the datagram.";
    Dialect "ppspp.dialect" Kind::Word(Words::Dialects), Messages "" "Read as" "dialect"
        "How its sender writes what the RFC writes otherwise.";
    Inferred "ppspp.inferred" Kind::Word(Words::Inferred), Messages "" "" "inferred"
        "What the datagram was read with that no handshake told.";
    Malformed "ppspp.malformed" Kind::Text, Messages "3" "Malformed" ""
        "Where and why decoding stopped.";
    Undecoded "ppspp.undecoded" Kind::Bytes, Messages "3" "Not decoded" "undecoded"
        "The bytes that were not decoded.";

    // Every message. From here to the settled ones, fields are of messages:
    // `Field::is_of_messages` and `RecordValues` go by the order.
    MessageType "ppspp.msg.type" Kind::Word(Words::Messages), Messages "8.2" "" "messages.type"
        "Type of a message, by the RFC's name; a datagram without messages is a KEEPALIVE.";
    MessageOffset "ppspp.msg.offset" Kind::Unsigned, Messages "8.2" "" "messages.offset"
        "Offset of a message's type octet in the datagram.";
    MessageLength "ppspp.msg.length" Kind::Unsigned, Messages "8.2" "" "messages.length"
        "Bytes of a message, its type octet included.";

    // Its chunks.
    Chunks "ppspp.chunks" Kind::Chunks, Messages "4" "Chunks" "messages.chunks"
        "The chunks that a message names, every one of them.";
    ChunkStart "ppspp.chunk.start" Kind::Unsigned, Messages "4" "" "messages.chunks"
        "First chunk that a message names.";
    ChunkEnd "ppspp.chunk.end" Kind::Unsigned, Messages "4" "" "messages.chunks"
        "Last chunk that a message names.";
    ChunkCount "ppspp.chunk.count" Kind::Unsigned, Messages "4" "" ""
        "How many chunks a message names.";
    Bin "ppspp.bin" Kind::Unsigned, Messages "4.2" "" "messages.bin"
        "The bin number of a message that names its chunks by one.";
    ByteStart "ppspp.byte.start" Kind::Unsigned, Messages "4.1" "" "messages.bytes"
        "First byte of a message that names its chunks by byte ranges.";
    ByteEnd "ppspp.byte.end" Kind::Unsigned, Messages "4.1" "" "messages.bytes"
        "Last byte of a message that names its chunks by byte ranges.";

    // HANDSHAKE.
    SourceChannel "ppspp.handshake.source_channel" Kind::ChannelId, Messages "8.4" "Source channel" "messages.source_channel"
        "The channel ID that the sender of a HANDSHAKE chose; 00000000 closes the channel.";
    Version "ppspp.handshake.version" Kind::Unsigned, Messages "7.2" "Version" "messages.options.version"
        "Option 0: the highest version that the sender speaks.";
    MinimumVersion "ppspp.handshake.minimum_version" Kind::Unsigned, Messages "7.3" "Minimum version" "messages.options.minimum_version"
        "Option 1: the lowest version that the sender speaks.";
    SwarmId "ppspp.handshake.swarm_id" Kind::Digits, Messages "7.4" "Swarm ID" "messages.options.swarm_id"
        "Option 2: the swarm that the sender of a HANDSHAKE names.";
    ContentIntegrity "ppspp.handshake.content_integrity" Kind::Word(Words::ContentIntegrity), Messages "7.5" "Content integrity protection method" "messages.options.content_integrity"
        "Option 3: how the content is protected.";
    HashFunction "ppspp.handshake.hash_function" Kind::Word(Words::HashFunctions), Messages "7.6" "Merkle tree hash function" "messages.options.hash_function"
        "Option 4: the hash function of the Merkle tree.";
    SignatureAlgorithm "ppspp.handshake.signature_algorithm" Kind::Word(Words::SignatureAlgorithms), Messages "7.7" "Live signature algorithm" "messages.options.signature_algorithm"
        "Option 5: how a live stream is signed.";
    ChunkAddressing "ppspp.handshake.chunk_addressing" Kind::Word(Words::ChunkAddressing), Messages "7.8" "Chunk addressing method" "messages.options.chunk_addressing"
        "Option 6: how chunks are named.";
    LiveDiscardWindow "ppspp.handshake.live_discard_window" Kind::Unsigned, Messages "7.9" "Live discard window" "messages.options.live_discard_window"
        "Option 7: how much of a live stream the sender keeps, in chunks, or in bytes with byte ranges.";
    SupportedMessages "ppspp.handshake.supported_messages" Kind::Word(Words::Messages), Messages "7.10" "Supported messages" "messages.options.supported_messages"
        "Option 8: a message type that the sender understands.";
    ChunkSize "ppspp.handshake.chunk_size" Kind::Unsigned, Messages "7.11" "Chunk size" "messages.options.chunk_size"
        "Option 9: bytes of a chunk; 4294967295 says that chunks differ.";
    PeerUuid "ppspp.handshake.peer_uuid" Kind::Digits, Messages "" "peer_uuid" "messages.options.peer_uuid"
        "PyPPSPP's option 10: the peer's UUID.";
    FileSize "ppspp.handshake.file_size" Kind::Digits, Messages "" "file_size" "messages.options.file_size"
        "libperegrine's option 10, before 2020: bytes of the file, as eight bytes.";
    FileName "ppspp.handshake.file_name" Kind::Bytes, Messages "" "file_name" "messages.options.file_name"
        "libperegrine's option 11, before 2020: name of the file.";
    FileHash "ppspp.handshake.file_hash" Kind::Digits, Messages "" "file_hash" "messages.options.file_hash"
        "libperegrine's option 12, before 2020: hash of the file.";

    // The other messages.
    DataTimestamp "ppspp.data.timestamp_us" Kind::Unsigned, Messages "8.6" "Timestamp" "messages.timestamp_us"
        "The clock of the sender of a DATA, in microseconds.";
    DataLength "ppspp.data.length" Kind::Unsigned, Messages "8.6" "Chunk" "messages.data_length"
        "Bytes of the chunk in a DATA, on the wire.";
    DataPayload "ppspp.data.payload" Kind::Bytes, Messages "8.6" "Chunk" ""
        "The chunk in a DATA, as far as it was captured.";
    AckDelay "ppspp.ack.delay_us" Kind::Microseconds, Messages "8.7" "One-way delay sample" "messages.delay_us"
        "The one-way delay that an ACK tells, between two clocks.";
    AckReceived "ppspp.ack.received_us" Kind::Unsigned, Messages "" "Time of receipt" "messages.received_us"
        "Legacy swift's ACK: the receiver's clock in microseconds.";
    Hash "ppspp.integrity.hash" Kind::Digits, Messages "8.8" "Hash" "messages.hash"
        "The hash in an INTEGRITY.";
    SignatureTimestamp "ppspp.signed_integrity.timestamp_ntp" Kind::Unsigned, Messages "8.9" "Timestamp" "messages.timestamp_ntp"
        "When a SIGNED_INTEGRITY was signed, as an NTP timestamp.";
    Signature "ppspp.signed_integrity.signature" Kind::Digits, Messages "8.9" "Signature" "messages.signature"
        "The signature in a SIGNED_INTEGRITY.";
    PexIpv4 "ppspp.pex.ip" Kind::Ipv4, Messages "8.13" "Peer" "messages.address"
        "Address of the peer that a PEX_RESv4 names.";
    PexIpv6 "ppspp.pex.ipv6" Kind::Ipv6, Messages "8.13" "Peer" "messages.address"
        "Address of the peer that a PEX_RESv6 names.";
    PexPort "ppspp.pex.port" Kind::Unsigned, Messages "8.13" "Peer" "messages.address"
        "Port of the peer that a PEX_RESv4 or PEX_RESv6 names.";
    PexCertificate "ppspp.pex.certificate" Kind::Bytes, Messages "8.13" "Certificate" "messages.certificate"
        "The membership certificate in a PEX_REScert.";
    RandomizeValue "ppspp.randomize.value" Kind::Digits, Messages "" "Value" "messages.value"
        "The four random bytes of legacy swift's RANDOMIZE.";

    // What the session makes of a message.
    Integrity "ppspp.integrity" Kind::Word(Words::Verdicts), Session "5" "Integrity" "messages.integrity"
        "Whether a DATA, INTEGRITY or SIGNED_INTEGRITY is what the swarm ID promises, with all that the capture held until then.";
    ReceiverIntegrity "ppspp.receiver_integrity" Kind::Word(Words::Verdicts), Session "5.3" "Integrity" "messages.receiver_integrity"
        "Whether the receiver of a DATA could verify it when it came.";

    // What it makes of earlier ones.
    SettledFrame "ppspp.settled.frame" Kind::Unsigned, Session "5" "Settled" "settled.frame"
        "Frame of an earlier message whose verdict this datagram gave.";
    SettledType "ppspp.settled.type" Kind::Word(Words::Messages), Session "5" "Settled" "settled.type"
        "Type of an earlier message whose verdict this datagram gave.";
    SettledOffset "ppspp.settled.offset" Kind::Unsigned, Session "5" "Settled" "settled.offset"
        "Offset of that message in its datagram.";
    SettledChunks "ppspp.settled.chunks" Kind::Chunks, Session "5" "Settled" "settled.chunks"
        "The chunks that it names.";
    SettledIntegrity "ppspp.settled.integrity" Kind::Word(Words::Verdicts), Session "5" "Settled" "settled.integrity"
        "The verdict on it.";

    // Findings.
    FindingId "ppspp.finding.id" Kind::Word(Words::Findings), Session "" "!" "findings.id"
        "Id of a finding about the datagram.";
    FindingSeverity "ppspp.finding.severity" Kind::Word(Words::Severities), Session "" "!" "findings.severity"
        "Severity of a finding; note < warning < error.";
    FindingSection "ppspp.finding.section" Kind::Text, Session "" "!" "findings.section"
        "Section of RFC 7574 that a finding cites.";
    FindingText "ppspp.finding.text" Kind::Text, Session "" "!" "findings.text"
        "What a finding says.";
    FindingOffset "ppspp.finding.offset" Kind::Unsigned, Session "" "!" "findings.offset"
        "Offset in the datagram of the message that a finding is about.";
}

impl FieldId {
    /// What the registry says of it.
    #[inline]
    pub fn field(self) -> &'static Field {
        // The registry's order is the enum's; a test makes sure of it.
        &FIELDS[self as usize]
    }

    /// The field with this name.
    pub fn by_name(name: &str) -> Option<Self> {
        let found = FIELDS.iter().find(|field| field.name == name);
        found.map(|field| field.id)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_name_is_unique_and_leads_to_its_own_field() {
        let mut names = HashSet::new();
        for (index, field) in FIELDS.iter().enumerate() {
            assert_eq!(field.id as usize, index);
            assert_eq!(field.id.field(), field);
            assert_eq!(FieldId::by_name(field.name), Some(field.id));
            assert!(names.insert(field.name), "{} stands twice", field.name);
        }
    }

    #[test]
    fn every_field_is_one_sentence() {
        for field in FIELDS {
            assert!(field.text.ends_with('.'), "{}", field.name);
        }
    }
}
