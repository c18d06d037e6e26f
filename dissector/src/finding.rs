//! The catalogue of findings: what is worth telling about a datagram or a
//! channel. Ids never change; the RFC section says where to read on.

use std::fmt;
use std::net::SocketAddr;

use crate::wire::{ChannelId, ChunkSpec, Chunks, DecodeError, MessageType, OptionCode};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// A SHOULD that is not met, or something odd.
    Warning,
    /// A MUST that is broken, or damage.
    Error,
}

impl Severity {
    /// The word for outputs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One kind of finding, as the catalogue describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which finding.
    pub id: FindingId,
    /// Stable name.
    pub name: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// Section of RFC 7574; empty where the RFC says nothing.
    pub section: &'static str,
    /// What it means, in one sentence.
    pub text: &'static str,
}

macro_rules! catalogue {
    ($( $id:ident $name:literal $severity:ident $section:literal $text:literal; )+) => {
        /// The id of a finding; its sentence stands in the [`CATALOGUE`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum FindingId {
            $( #[allow(missing_docs)] $id, )+
        }

        /// Every finding there is, in the catalogue's order.
        pub static CATALOGUE: &[Entry] = &[
            $( Entry {
                id: FindingId::$id,
                name: $name,
                severity: Severity::$severity,
                section: $section,
                text: $text,
            }, )+
        ];
    };
}

catalogue! {
    DatagramTooShort "datagram.too-short" Error "8.3"
        "A datagram starts with a channel ID of four bytes; this one is shorter.";
    DatagramMalformed "datagram.malformed" Error "3"
        "The datagram can't be decoded to its end; a receiver must discard the rest.";
    DatagramCut "datagram.cut" Note ""
        "The capture holds only the beginning of this datagram; it is decoded as far as it goes.";
    DatagramFragmented "datagram.fragmented" Warning "8.1"
        "A datagram should fit into a single IP packet; this one came in fragments.";
    DatagramTooLarge "datagram.too-large" Warning "8.1"
        "A datagram should fit into a single IP packet; this one needs more than 1500 bytes.";
    TransportTcp "transport.tcp" Error "8"
        "PPSPP must run over UDP; these datagrams are framed in a TCP stream, as PyPPSPP does.";
    MessageUnknown "message.unknown" Error "8.2"
        "The message type is not one of Table 7, so nobody can know its length.";
    MessageUnsupported "message.unsupported" Error "7.10"
        "The receiver's Supported Messages option leaves this message type out.";

    ChannelUnknown "channel.unknown" Warning "3.11"
        "No handshake in the capture announced this channel.";
    ChannelZeroMessage "channel.zero-without-handshake" Error "8.4"
        "A datagram for channel 0 must start with a HANDSHAKE.";
    ChannelZeroKeepAlive "channel.zero-keep-alive" Error "8.14"
        "A keep-alive names the receiver's channel; this one names channel 0.";
    ChannelIdsEqual "channel.ids-equal" Error "3.11"
        "The two peers of a channel must use different, randomly chosen IDs; these are equal.";
    ChannelIdSmall "channel.id-small" Warning "12.1"
        "Channel IDs must be random 32-bit numbers; this one is below 65536.";
    ChannelIdNotRandom "channel.id-not-random" Warning "12.1"
        "Channel IDs must be random; this one differs from the sender's previous one in the lowest bits only.";
    ChannelIdInUse "channel.id-in-use" Error "8.4"
        "A handshake must name a locally unused channel ID; this one belongs to an open channel.";
    ChannelAddressMismatch "channel.address-mismatch" Warning "3.1.1"
        "The datagram carries a valid channel ID but comes from another address than the channel's peer.";
    ChannelMoved "channel.moved" Note "3.11"
        "A peer is answered at another address than the channel's: a NAT has given it a new one.";
    ChannelUsedAfterClose "channel.used-after-close" Warning "3.1.1"
        "The datagram belongs to a channel that a closing HANDSHAKE has closed.";
    ChannelParallel "channel.parallel" Note "3.11"
        "These two peers already have an open channel in this swarm.";
    ChannelSimultaneous "channel.simultaneous-open" Note "3.1.1"
        "Both peers sent the first HANDSHAKE at once and use the two as one channel.";
    ChannelDeadPeer "channel.dead-peer" Note "3.12"
        "The addressee was silent for three minutes and more, after which peers give each other up.";
    KeepAliveBurst "keep-alive.burst" Warning "3.12"
        "Datagrams without messages follow each other within a second; keep-alives are for minutes of silence.";

    HandshakeNotFirst "handshake.not-first" Error "3.1"
        "A HANDSHAKE must be the first message of its datagram.";
    HandshakeRetransmitted "handshake.retransmitted" Note "3.1.1"
        "The same HANDSHAKE was sent before.";
    HandshakeRepeated "handshake.repeated" Warning "3.1.1"
        "A HANDSHAKE inside an established channel declares options again.";
    HandshakeReplyDiffers "handshake.reply-channel-differs" Warning "3.1.1"
        "The responder answered one handshake twice, with different channel IDs.";
    HandshakeReplyMissing "handshake.reply-missing" Error "3.1.1"
        "The responder's first datagram must start with a HANDSHAKE; this one does not.";
    HandshakeThirdLate "handshake.third-late" Warning "12.1.2"
        "The initiator must answer the responder's HANDSHAKE immediately; it took more than two seconds.";
    HandshakeVersionMissing "handshake.version-missing" Error "7.2"
        "A HANDSHAKE must include the highest protocol version that the sender speaks.";
    HandshakeVersionNotFirst "handshake.version-not-first" Error "7.2"
        "The version must be the first protocol option.";
    HandshakeVersionUnassigned "handshake.version-unassigned" Error "7.2"
        "Only protocol version 1 is assigned; this peer speaks something else (strims calls itself 2).";
    HandshakeVersionRange "handshake.version-range" Error "7.3"
        "The minimum version is higher than the version.";
    HandshakeVersionsDisjoint "handshake.versions-disjoint" Error "7.3"
        "The two peers have no protocol version in common.";
    HandshakeMinimumVersionMissing "handshake.minimum-version-missing" Error "7.3"
        "An initiating HANDSHAKE must include the lowest protocol version that the sender speaks.";
    HandshakeSwarmIdMissing "handshake.swarm-id-missing" Error "7.4"
        "An initiating HANDSHAKE must include a swarm ID.";
    HandshakeSwarmIdEmpty "handshake.swarm-id-empty" Error "7.4"
        "The swarm ID has no bytes.";
    HandshakeSwarmIdLength "handshake.swarm-id-length" Error "5.1"
        "The swarm ID of static content is the root hash; its length does not fit the hash function.";
    HandshakeSwarmIdKey "handshake.swarm-id-key" Error "6.1"
        "The swarm ID of a live stream is a DNSSEC key; it does not fit the signature algorithm.";
    HandshakeSwarmIdDiffers "handshake.swarm-id-differs" Error "7.4"
        "The responder names another swarm than the initiator.";
    HandshakeContentIntegrityMissing "handshake.content-integrity-missing" Error "7.5"
        "A HANDSHAKE must include the content integrity protection method.";
    HandshakeHashFunctionMissing "handshake.hash-function-missing" Error "7.6"
        "With Merkle hash trees a HANDSHAKE must include the hash function.";
    HandshakeSignatureAlgorithmMissing "handshake.signature-algorithm-missing" Error "7.7"
        "In a live swarm a HANDSHAKE must include the signature algorithm.";
    HandshakeNotUnified "handshake.sign-all-on-internet" Error "6.1"
        "Over the Internet live content must be protected by Unified Merkle Tree; these peers have public addresses and sign all chunks.";
    HandshakeChunkAddressingMissing "handshake.chunk-addressing-missing" Error "7.8"
        "A HANDSHAKE must include the chunk addressing method.";
    HandshakeDiscardWindowMissing "handshake.discard-window-missing" Error "7.9"
        "In a live swarm a HANDSHAKE must include the live discard window.";
    HandshakeDiscardWindowStatic "handshake.discard-window-static" Warning "7.9"
        "A live discard window stands in a swarm whose integrity protection method is not one for live content.";
    HandshakeDiscardWindowEarly "handshake.discard-window-early" Error "7.9"
        "The chunk addressing method must stand before the live discard window, whose width it tells.";
    HandshakeChunkSizeMissing "handshake.chunk-size-missing" Error "7.11"
        "A HANDSHAKE must include the chunk size.";
    HandshakeChunkSizeZero "handshake.chunk-size-zero" Error "7.11"
        "A chunk size of zero is no chunk size.";
    HandshakeChunkSizeSmall "handshake.chunk-size-small" Warning "8.1"
        "Chunks should have at least 512 bytes.";
    HandshakeSupportedMessagesUntrimmed "handshake.supported-messages-untrimmed" Error "7.10"
        "The bitmap of supported messages must be cut behind its last non-zero byte.";
    HandshakeSupportedMessagesLong "handshake.supported-messages-long" Error "7.10"
        "A bitmap of supported messages has at most 32 bytes: 256 message types.";
    HandshakeUnassignedValue "handshake.unassigned-value" Error "7"
        "An option has a value that its registry does not assign.";
    HandshakeOptionUnknown "handshake.option-unknown" Error "7"
        "The option's code is not in Table 2, so nobody can know its length.";
    HandshakeOptionForeign "handshake.option-foreign" Error "7"
        "The option's code is unassigned; one implementation uses it on its own.";
    HandshakeOptionRepeated "handshake.option-repeated" Error "7"
        "The same option stands twice in a HANDSHAKE.";
    HandshakeOptionsUnsorted "handshake.options-unsorted" Error "7"
        "Protocol options must be sorted by their codes, ascending.";
    HandshakeEndMissing "handshake.end-missing" Error "7.1"
        "A list of protocol options must be concluded by the end option.";
    HandshakeMetadataDiffers "handshake.metadata-differs" Error "3.1"
        "The two HANDSHAKEs of a channel disagree about the swarm; each side's messages are read with its own options.";
    HandshakeSwarmMetadata "handshake.swarm-metadata-differs" Warning "3.1"
        "An earlier HANDSHAKE of another channel declared this swarm otherwise.";
    HandshakeAddressingDiffers "handshake.addressing-differs" Error "4"
        "All peers of a swarm must use the same chunk addressing method; these two do not.";
    HandshakeHeavyPayload "handshake.heavy-payload" Error "3.1.1"
        "Heavy payload must not be sent before the return routability check: not in the first two datagrams, and by the responder not before the third has come.";
    HandshakeCrowded "handshake.crowded" Warning "3.1.1"
        "Until both peers know that the other is there, a large number of small messages is heavy payload, too.";
    HandshakeHaveEarly "handshake.have-early" Warning "3.2"
        "HAVE goes to a peer whose handshake is still incomplete (3.2 forbids it, 3.1.1 allows it as minor payload).";
    HandshakeCloseOptions "handshake.close-options" Error "8.4"
        "The options of a closing HANDSHAKE must be none or the version.";
    HandshakeCloseChannelZero "handshake.close-to-channel-zero" Error "3.1.1"
        "A closing HANDSHAKE must go to the peer's channel; this one went to channel 0.";

    ChunksReversed "chunks.reversed" Error "4.1"
        "The end of a range lies before its start.";
    ChunksUnaligned "chunks.bytes-unaligned" Warning "4.1.2"
        "A byte range does not start or end with a chunk.";

    HaveNotBiggest "have.interval-not-biggest" Error "4.3.1"
        "A HAVE must name the biggest complete interval around the chunks received; this peer has announced more around them.";
    HaveToSeeder "have.to-seeder" Warning "3.2"
        "HAVE should not be sent to a peer that has the complete content already.";
    HaveBeyondWindow "have.beyond-window" Warning "6.2"
        "The HAVE names more chunks than the sender's own live discard window keeps.";
    AckNotBiggest "ack.interval-not-biggest" Error "4.3.2"
        "An ACK must name the biggest complete interval around the chunk; this peer has announced more around it.";
    AckUnsent "ack.chunk-never-sent" Warning "3.4"
        "The ACK is for a chunk that its addressee never sent on this channel.";
    AckAbsoluteTime "ack.absolute-time" Error "8.7"
        "An ACK must carry a one-way delay sample; this one carries a time of day.";
    AckDelayOdd "ack.delay-odd" Note "8.7"
        "The delay sample is negative or over a minute: the clocks differ, and only its variation means anything.";
    AckMissing "ack.missing" Warning "3.4"
        "Chunks received over UDP must be acknowledged; at the end of this channel some never were.";
    AckNone "ack.none" Warning "3.4"
        "Of the first 256 chunks sent over UDP not one was acknowledged.";

    DataNotLast "data.not-last" Error "8.6"
        "A DATA message must stand in the tail of its datagram.";
    DataSeveralShort "data.several-short" Error "8.6"
        "Several DATA may share a datagram only if each has the full chunk size.";
    DataSeveralVariable "data.several-variable" Error "8.6"
        "Several DATA may share a datagram only where the chunk size is fixed.";
    DataManyChunks "data.many-chunks" Error "8.6"
        "A DATA message carries a single chunk; its specification names several.";
    DataNoChunk "data.no-chunk" Error "3.3"
        "A DATA message must name its chunk; this specification names none.";
    DataEmpty "data.empty" Warning "8.6"
        "The DATA message carries no bytes.";
    DataLength "data.length" Error "7.11"
        "The chunk is shorter than the swarm's chunk size, and it is not the last one.";
    DataTimestampMissing "data.timestamp-missing" Error "8.6"
        "A DATA message must include the sender's time; this one has none.";
    DataTimestampOdd "data.timestamp-odd" Warning "8.6"
        "The timestamp is not near the time of capture in Unix microseconds, which implementations expect.";
    DataUnrequested "data.unrequested" Note "3.7"
        "The receiver did not ask for this chunk on this channel; only a push model for live content does that.";
    DataDuplicate "data.duplicate" Note "8.2"
        "This chunk was sent on this channel before.";
    DataWhileChoking "data.while-choking" Warning "3.9"
        "The sender has choked this peer and serves it all the same.";
    DataCancelled "data.cancelled" Note "3.8"
        "The receiver cancelled its request for this chunk more than a second ago.";

    DataWrong "data.wrong-chunk" Error "5.1"
        "The chunk is not the one that the swarm ID promises.";
    DataContradiction "data.contradicts-hashes" Error "5.1"
        "The chunk and the hashes sent for it do not lead to the trusted hash above them; one of them is wrong.";

    RequestWhileChoked "request.while-choked" Error "3.9"
        "A peer that was choked must not send new REQUESTs.";
    RequestUnannounced "request.unannounced" Warning "3.2"
        "The addressee has not announced these chunks.";
    RequestRepeated "request.repeated" Note "8.2"
        "All these chunks were requested on this channel before.";
    RequestLoop "request.loop" Warning "12.6.6"
        "Chunks that were requested before were requested again twenty times within a second.";
    RequestDiscarded "request.discarded" Warning "6.2"
        "The addressee's live discard window has passed these chunks; it no longer has them.";
    CancelUnrequested "cancel.unrequested" Note "3.8"
        "These chunks were not requested on this channel.";
    UnchokeUnchoked "unchoke.not-choked" Note "12.6.9"
        "The UNCHOKE follows no CHOKE.";

    IntegrityNotSubtree "integrity.not-subtree" Error "3.5"
        "An INTEGRITY must name the chunks of one node of the tree.";
    IntegrityUnprotected "integrity.unprotected" Warning "7.5"
        "The sender declared no integrity protection, yet sends hashes or signatures.";
    IntegrityAscending "integrity.ascending" Warning "5.4"
        "Uncle hashes go from the top of the tree downwards; these go upwards.";
    IntegritySeparate "integrity.separate-datagram" Note "5.3"
        "Hashes go in the datagram of the chunk that they verify, where they fit; these came in a datagram of their own.";
    IntegrityMissing "integrity.missing" Error "5.4"
        "The receiver misses hashes to verify this chunk: none was sent, and it has acknowledged nothing yet.";
    IntegrityRepeated "integrity.repeated" Note "5.6.2"
        "The hash that was the channel's first, usually a peak, is sent again.";
    IntegrityNoTree "integrity.no-tree" Warning "3.5"
        "The swarm signs every chunk and has no hash tree, yet hashes are sent.";
    IntegrityWrong "integrity.wrong-hash" Error "5.1"
        "The hash is not that of the content that the swarm ID promises: another is proven for these chunks.";
    IntegrityConflict "integrity.conflicting" Warning "3.5"
        "Another hash was sent for the same chunks before; one of the two must be wrong.";
    IntegrityUnverifiable "integrity.uncles-missing" Warning "5.3"
        "A datagram should be verifiable by itself; for this chunk, the first such of its receiver, hashes are missing that were neither sent before nor follow from chunks that it announced.";
    IntegrityPeaksLate "integrity.peaks-late" Warning "5.6.2"
        "The peak hashes go before the first chunk, which nobody can verify without them; these came after it.";
    SignedWrong "signed-integrity.wrong" Error "6.1"
        "The signature does not verify with the key that the swarm ID is, over what it came with.";
    SignedHashOnly "signed-integrity.hash-only" Error "6.1.2.2"
        "A munro's signature must cover chunk specification, timestamp and hash; this one covers the hash alone, as libswift's do.";
    SignedOld "signed-integrity.old" Note "6.1.2.4"
        "The signature was made more than 30 seconds ago; a receiver must not tune in with one that is too old.";
    SignedStatic "signed-integrity.static" Warning "3.6"
        "SIGNED_INTEGRITY belongs to live streams; this swarm is static.";
    SignedTimestamp "signed-integrity.timestamp" Error "8.9"
        "The timestamp must be in NTP format; this one is Unix microseconds.";
    SignedTimestampOdd "signed-integrity.timestamp-odd" Warning "8.9"
        "The timestamp is neither near the time of capture in NTP format nor in Unix microseconds.";
    SignedDummy "signed-integrity.dummy" Warning "8.9"
        "The signature is twenty zero bytes, which no algorithm makes; libswift sends it without protection.";
    SignedMunroMissing "signed-integrity.munro-missing" Error "6.1.2.3"
        "A munro's signature must come with the munro's hash before it, in one datagram.";
    SignedNotAfterMunro "signed-integrity.not-after-munro" Warning "6.1.2.3"
        "Between a munro's hash and its signature stands something else; libswift then can't use it.";
    SignedMunroWidth "signed-integrity.munro-width" Error "6.1.2.1"
        "A munro covers a power of two of chunks, more than one and always the same number.";
    SignedTuneInMissing "signed-integrity.tune-in-missing" Error "6.1.2.4"
        "The third and fourth datagrams of a channel must carry the sender's rightmost signed munro; this one does not.";
    SignedSeveralChunks "signed-integrity.several-chunks" Error "6.1.1"
        "With Sign All a signature is for one chunk; this one names several.";
    SignedChunkMissing "signed-integrity.chunk-unsigned" Error "6.1.1"
        "With Sign All a chunk's signature must come before it; this chunk came without.";

    PexUnasked "pex.unasked" Note "3.10"
        "An address was sent to a peer that had not asked for any.";
    PexEmptyAnswer "pex.empty-answer" Note "3.10"
        "The answer to a PEX_REQ is a datagram without messages.";
    PexNamesReceiver "pex.names-receiver" Note "3.10"
        "The address is the receiver's own.";
    PexPrivate "pex.private-address" Error "8.13"
        "A private, link-local or multicast address must not be sent to a peer with a public one.";
    PexUnprotected "pex.unprotected" Warning "3.10"
        "PEX_RESv4 and PEX_RESv6 must only be used in a benign environment; these peers have public addresses.";
    PexMapped "pex.ipv4-mapped" Note "8.13"
        "PEX_RESv6 carries an IPv4 address mapped into IPv6, where PEX_RESv4 is meant for it.";
    PexPortZero "pex.port-zero" Warning "8.13"
        "Nobody can be reached on port 0.";
    PexCertificate "pex.certificate-invalid" Error "8.13"
        "The membership certificate is not one X.509 structure in DER.";
    PexCertificateName "pex.certificate-name" Error "8.13"
        "The membership certificate must have a critical subject alternative name with a file: URL.";

    DialectLegacySwift "dialect.legacy-swift" Note ""
        "The peers speak the pre-RFC swift protocol.";
    DialectFallback "dialect.legacy-fallback" Note "3.1.1"
        "After unanswered PPSPP handshakes the initiator went on with legacy swift on the same channel.";
    DialectLibswift "dialect.libswift" Note ""
        "The handshake looks like libswift's: options 0 to 7 only, no chunk size, no supported messages.";
    DialectPyppspp "dialect.pyppspp" Note ""
        "The handshake is PyPPSPP's: option 10 is the peer's UUID.";
    DialectPeregrine "dialect.peregrine" Note ""
        "The handshake is libperegrine's: its unseeded channel ID, or its options 10 to 12.";

    InferredAddressing "inferred.addressing" Note ""
        "The chunk addressing method was inferred from the datagrams.";
    InferredHashFunction "inferred.hash-function" Note ""
        "The hash function was inferred from the datagrams or the swarm ID.";
    InferredTimestamp "inferred.timestamp" Note ""
        "That DATA carries no timestamp was inferred from the datagrams.";
    InferredPairing "inferred.pairing" Note ""
        "That two halves make one channel was inferred from their addresses.";

    LimitChannels "limit.channels" Warning ""
        "More channels or longer swarm IDs were seen than are kept; further channels are not followed.";
    LimitChunks "limit.chunks" Warning ""
        "More scattered chunks were seen than are kept; counts of chunks are too low from here on.";
    LimitHashes "limit.hashes" Warning ""
        "More hashes were proven or wait for proof than are kept; chunks may stay unverified from here on.";
}

impl FindingId {
    /// How many kinds of findings there are.
    pub const COUNT: usize = CATALOGUE.len();

    /// The catalogue's entry.
    pub fn entry(self) -> &'static Entry {
        &CATALOGUE[self as usize]
    }

    /// The finding with this stable name.
    pub fn by_name(name: &str) -> Option<Self> {
        CATALOGUE
            .iter()
            .find(|entry| entry.name == name)
            .map(|entry| entry.id)
    }
}

/// What a finding is about, beyond its sentence. Formatted only when shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Nothing to add.
    None,
    /// A fault of decoding.
    Fault(DecodeError),
    /// A number of something.
    Count(u64, &'static str),
    /// Two values that should agree or follow each other.
    Mismatch(u64, u64),
    /// Chunks.
    Chunks(Chunks),
    /// Chunks that were sent, and the interval that the RFC asks for.
    Interval(Chunks, Chunks),
    /// A specification as it stood on the wire.
    Spec(ChunkSpec),
    /// An address.
    Address(SocketAddr),
    /// A channel.
    Channel(ChannelId),
    /// A message type.
    Message(MessageType),
    /// A protocol option.
    Option(OptionCode),
    /// A protocol option and its value.
    OptionValue(OptionCode, u8),
    /// A word.
    Word(&'static str),
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Fault(error) => error.fmt(f),
            Self::Count(count, unit) => write!(f, "{count} {unit}"),
            Self::Mismatch(one, other) => write!(f, "{one} against {other}"),
            Self::Chunks(chunks) => write!(f, "chunks {chunks}"),
            Self::Interval(sent, wanted) => write!(f, "sent {sent}, complete {wanted}"),
            Self::Spec(spec) => spec.fmt(f),
            Self::Address(address) => address.fmt(f),
            Self::Channel(channel) => write!(f, "channel {channel}"),
            Self::Message(message) => message.fmt(f),
            Self::Option(code) => write!(f, "option {} ({code})", code.code()),
            Self::OptionValue(code, value) => {
                write!(f, "option {} ({code}) is {value}", code.code())
            }
            Self::Word(word) => f.write_str(word),
        }
    }
}

/// A finding about one datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which one.
    pub id: FindingId,
    /// Offset in the datagram of the message that it is about; `None` when it
    /// is about the whole datagram or channel.
    pub offset: Option<usize>,
    /// What exactly.
    pub detail: Detail,
}

/// The sentence and the detail.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id.entry().text)?;
        match self.detail {
            Detail::None => Ok(()),
            detail => write!(f, " ({detail})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_id_is_unique_and_leads_to_its_own_entry() {
        let mut names = HashSet::new();
        for (index, entry) in CATALOGUE.iter().enumerate() {
            assert_eq!(entry.id as usize, index);
            assert_eq!(entry.id.entry(), entry);
            assert_eq!(FindingId::by_name(entry.name), Some(entry.id));
            assert!(names.insert(entry.name), "{} stands twice", entry.name);
        }
    }

    #[test]
    fn every_entry_is_one_sentence_and_every_error_cites_a_section() {
        for entry in CATALOGUE {
            assert!(entry.text.ends_with('.'), "{}", entry.name);
            assert!(
                entry.severity != Severity::Error || !entry.section.is_empty(),
                "{} is an error without a section",
                entry.name
            );
        }
    }
}
