//! What a peer may do wrong.

use crate::peer::engine::{Profile, SwarmConfig};

/// Defines the misbehaviours, each with its name on the command line.
macro_rules! misbehaviours {
    ($($(#[doc = $what:literal])+ $variant:ident = $name:literal,)+) => {
        /// One thing that a peer does wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Misbehaviour {
            $($(#[doc = $what])+ $variant,)+
        }

        impl Misbehaviour {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name on the command line.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// What is done wrong.
            pub fn what(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($($what,)+).trim_start(),)+
                }
            }
        }
    };
}

misbehaviours! {
    /// HANDSHAKEs with the option Chunk Size are not answered.
    DropsChunkSize = "drops-chunk-size",
    /// HANDSHAKEs with the option Supported Messages are not answered.
    DropsSupportedMessages = "drops-supported-messages",
    /// HANDSHAKEs with the option Minimum Version are not answered.
    DropsMinimumVersion = "drops-minimum-version",
    /// HANDSHAKEs with the option of the hash function are not answered.
    DropsHashFunction = "drops-hash-function",
    /// HANDSHAKEs with the option of the integrity method are not answered.
    DropsContentIntegrity = "drops-content-integrity",
    /// HANDSHAKEs with the option of the addressing method are not answered.
    DropsChunkAddressing = "drops-chunk-addressing",
    /// In a reply, the HANDSHAKE comes after the HAVEs.
    ReplyHandshakeLast = "reply-handshake-last",
    /// A reply ends with bytes that are no message.
    ReplyTrailingGarbage = "reply-trailing-garbage",
    /// What the first datagram asks for is sent at once.
    DataBeforeThird = "data-before-third",
    /// HANDSHAKEs for other swarms are answered.
    AnswersUnknownSwarm = "answers-unknown-swarm",
    /// First HANDSHAKEs without swarm ID are answered.
    AnswersWithoutSwarmId = "answers-without-swarm-id",
    /// A swarm ID counts that is only the beginning of the right one.
    ComparesSwarmIdBeginnings = "compares-swarm-id-beginnings",
    /// Datagrams to channel 0 without HANDSHAKE are answered.
    ServesOnChannelZero = "serves-on-channel-zero",
    /// A HANDSHAKE counts that is not the first message.
    TakesLateHandshake = "takes-late-handshake",
    /// Datagrams to unknown channels count for the sender's one.
    TakesAnyChannel = "takes-any-channel",
    /// A datagram to an unknown channel ends the sender's one.
    WrongChannelEnds = "wrong-channel-ends",
    /// A datagram for a channel from elsewhere closes it.
    OffPathClose = "off-path-close",
    /// A datagram for a channel from elsewhere is answered there.
    ServesAnySource = "serves-any-source",
    /// First datagrams with more than a HANDSHAKE are dropped.
    RefusesFirstPayload = "refuses-first-payload",
    /// The third datagram only completes the handshake.
    DeafToThird = "deaf-to-third",
    /// A repeated first datagram is not answered.
    AnswersOnce = "answers-once",
    /// A repeated first datagram opens another channel.
    NewChannelForRepeat = "new-channel-for-repeat",
    /// Closing HANDSHAKEs have no effect.
    IgnoresClose = "ignores-close",
    /// Closing HANDSHAKEs with options have no effect.
    IgnoresCloseWithVersion = "ignores-close-with-version",
    /// Who has closed a channel is served on channel 0.
    ServesClosedOnZero = "serves-closed-on-zero",
    /// Closing HANDSHAKEs are answered by such.
    AnswersClose = "answers-close",
    /// A closing HANDSHAKE to channel 0 is answered.
    AnswersCloseToZero = "answers-close-to-zero",
    /// A HANDSHAKE on an open channel ends it.
    LaterHandshakeEnds = "later-handshake-ends",

    /// The other end's channel ID is taken for one's own.
    EchoesChannelAsOwn = "echoes-channel-as-own",
    /// Channel IDs are counted.
    CountsChannels = "counts-channels",
    /// Channel IDs have 16 bits.
    SmallChannelIds = "small-channel-ids",
    /// All channels have the same ID.
    OneChannelId = "one-channel-id",
    /// Another channel from the same address ends the one before.
    OneChannelAnAddress = "one-channel-an-address",
    /// Copies of DATA go to channel 0.
    DataToChannelZero = "data-to-channel-zero",

    /// The options of a reply are not sorted.
    UnsortedOptions = "unsorted-options",
    /// The swarm ID is the first option of a reply.
    SwarmIdFirst = "swarm-id-first",
    /// The options of a reply do not end.
    NoEndOption = "no-end-option",
    /// A reply names no version.
    NoVersion = "no-version",
    /// A reply names version 0.
    VersionZero = "version-zero",
    /// Peers that speak later versions too are not answered.
    RefusesHigherVersion = "refuses-higher-version",
    /// To peers that speak later versions too, DATA goes without timestamp.
    NoTimestampForHigherVersion = "no-timestamp-for-higher-version",
    /// Peers that speak later versions only are answered.
    IgnoresMinimumVersion = "ignores-minimum-version",
    /// A reply names another swarm.
    WrongSwarmIdInReply = "wrong-swarm-id-in-reply",
    /// A reply tells no integrity method.
    NoContentIntegrity = "no-content-integrity",
    /// A reply tells method 0.
    WrongContentIntegrity = "wrong-content-integrity",
    /// Peers with another integrity method are answered.
    IgnoresContentIntegrity = "ignores-content-integrity",
    /// A reply tells no hash function.
    NoHashFunction = "no-hash-function",
    /// A reply tells another hash function.
    WrongHashFunction = "wrong-hash-function",
    /// Peers with another hash function are answered.
    IgnoresHashFunction = "ignores-hash-function",
    /// A reply tells no addressing method.
    NoChunkAddressing = "no-chunk-addressing",
    /// Peers with an unassigned addressing method are answered.
    IgnoresUnassignedAddressing = "ignores-unassigned-addressing",
    /// Peers with any other addressing method are answered.
    IgnoresAddressing = "ignores-addressing",
    /// The bitmap of supported messages ends with a zero byte.
    BitmapTrailingZero = "bitmap-trailing-zero",
    /// The bitmap of supported messages lacks DATA.
    BitmapDeniesData = "bitmap-denies-data",
    /// What stands behind the bitmap of supported messages is lost.
    SwallowsBehindBitmap = "swallows-behind-bitmap",
    /// A reply tells no chunk size.
    NoChunkSize = "no-chunk-size",
    /// A reply tells another chunk size.
    WrongChunkSize = "wrong-chunk-size",
    /// Peers with another chunk size are answered.
    IgnoresChunkSize = "ignores-chunk-size",
    /// DATA of chunk 5 names two chunks.
    DataNamesTwo = "data-names-two",
    /// Chunk 5 is wrong.
    WrongChunk = "wrong-chunk",
    /// The last chunk is filled up with zeros.
    PadsLastChunk = "pads-last-chunk",
    /// A HAVE stands behind DATA.
    DataNotLast = "data-not-last",
    /// DATA's timestamp does not run.
    TimestampFrozen = "timestamp-frozen",
    /// DATA's timestamp is in milliseconds.
    TimestampMilliseconds = "timestamp-milliseconds",
    /// INTEGRITY comes in a datagram behind the one of DATA.
    HashesAfterData = "hashes-after-data",
    /// INTEGRITY comes in a datagram of its own, though there is room.
    HashesApart = "hashes-apart",
    /// INTEGRITY messages are sorted the wrong way.
    AscendingHashes = "ascending-hashes",
    /// An INTEGRITY message names chunks that no node has below it.
    HashOfNoNode = "hash-of-no-node",
    /// Peaks are not sent, nor hashes of munros.
    NoPeaks = "no-peaks",
    /// Peaks stand behind the uncles.
    PeaksLast = "peaks-last",
    /// A hash is sent once, whoever asks.
    HashesOnlyOnce = "hashes-only-once",
    /// Datagrams without DATA on open channels end with bytes that are no message.
    GarbageOnOpenChannels = "garbage-on-open-channels",

    /// Of a range, only the first chunk is served.
    ServesFirstOfRange = "serves-first-of-range",
    /// Of several REQUESTs in a datagram, only the first counts.
    OneRequestADatagram = "one-request-a-datagram",
    /// REQUESTs of a datagram are sorted by their chunks.
    ServesSorted = "serves-sorted",
    /// The messages of a datagram are processed from the last to the first.
    ProcessesBackwards = "processes-backwards",
    /// What can't be read is skipped, and what follows is processed.
    SkipsInvalid = "skips-invalid",
    /// CANCEL has no effect.
    IgnoresCancel = "ignores-cancel",
    /// HAVE cancels no REQUEST.
    HaveCancelsNothing = "have-cancels-nothing",
    /// CANCEL of what was not asked for ends the channel.
    CancelOfNothingEnds = "cancel-of-nothing-ends",
    /// Who chokes is not served any more.
    ChokeEndsService = "choke-ends-service",
    /// A REQUEST for the second time ends the channel.
    RepeatedRequestEnds = "repeated-request-ends",

    /// HAVEs are not sent.
    NoHaves = "no-haves",
    /// HAVEs name aligned powers of two only.
    HavesInBins = "haves-in-bins",
    /// HAVEs name a chunk beyond the content.
    HavesTooMuch = "haves-too-much",
    /// HAVEs go to peers that have everything.
    HavesToEverybody = "haves-to-everybody",
    /// A keep-alive ends the channel.
    KeepAliveEnds = "keep-alive-ends",
    /// Keep-alives are not sent.
    NoKeepAlives = "no-keep-alives",
    /// Who is silent is never taken for dead.
    NeverForgets = "never-forgets",

    /// `PEX_REQ` is answered with the asker's address.
    NamesAsker = "names-asker",
    /// `PEX_REQ` is answered with port 0.
    NamesNonsense = "names-nonsense",
    /// What stands behind a `PEX_RES` in a datagram is not read.
    CannotReadPex = "cannot-read-pex",
    /// Whatever a `PEX_RES` names is contacted.
    FollowsAnyAddress = "follows-any-address",

    /// A reply is sent ten times.
    Amplifies = "amplifies",
    /// After many HANDSHAKEs from one address, none is answered any more.
    FloodEnds = "flood-ends",
    /// Chunks are sent as if all before had been acknowledged.
    NoCongestionControl = "no-congestion-control",
    /// The last chunk is sent again and again until it is acknowledged.
    ResendsForEver = "resends-for-ever",
    /// One chunk at a time is under way.
    StopAndWait = "stop-and-wait",
    /// The delays that ACKs tell have no effect.
    DeafToDelay = "deaf-to-delay",
    /// An ACK of a chunk that does not exist is the end of the peer.
    DiesOfAckOfNothing = "dies-of-ack-of-nothing",
    /// A chunk that anybody sends is content.
    BelievesAnyData = "believes-any-data",
    /// A hash that anybody sends is the node's.
    BelievesAnyHash = "believes-any-hash",
    /// A message of type 254 is the end of the peer.
    DiesOfUnknownMessage = "dies-of-unknown-message",
    /// A datagram without channel ID is the end of the peer.
    DiesOfShortDatagram = "dies-of-short-datagram",
    /// A message that is cut is the end of the peer.
    DiesOfTruncatedMessage = "dies-of-truncated-message",
    /// A HANDSHAKE that is cut is the end of the peer.
    DiesOfTruncatedHandshake = "dies-of-truncated-handshake",
    /// A long swarm ID is the end of the peer.
    DiesOfLongSwarmId = "dies-of-long-swarm-id",
    /// A datagram of more than 60,000 bytes is the end of the peer.
    DiesOfHugeDatagram = "dies-of-huge-datagram",
    /// A REQUEST whose end lies before its start is the end of the peer.
    DiesOfReversedRange = "dies-of-reversed-range",
    /// A REQUEST beyond the content is the end of the peer.
    DiesOfRequestBeyondEnd = "dies-of-request-beyond-end",
    /// A REQUEST that reaches beyond the content has no effect.
    RefusesOverlongRequest = "refuses-overlong-request",
    /// A message of a type from 128 to 237 is the end of the peer.
    DiesOfHighType = "dies-of-high-type",
    /// An option list without end is the end of the peer.
    DiesOfMissingEnd = "dies-of-missing-end",
    /// An unassigned option is the end of the peer.
    DiesOfUnknownOption = "dies-of-unknown-option",

    /// The first datagram goes to a channel that does not exist yet.
    OpensOnAnyChannel = "opens-on-any-channel",
    /// A HAVE stands before the first HANDSHAKE.
    OpensWithHave = "opens-with-have",
    /// DATA stands behind the first HANDSHAKE.
    OpensWithData = "opens-with-data",
    /// A HANDSHAKE tells no minimum version.
    NoMinimumVersion = "no-minimum-version",
    /// A HANDSHAKE names no swarm.
    NoSwarmId = "no-swarm-id",
    /// The bitmap of supported messages lacks REQUEST.
    BitmapDeniesRequest = "bitmap-denies-request",
    /// Copies of REQUESTs go to channel 0.
    CopiesToChannelZero = "copies-to-channel-zero",
    /// Replies with a swarm ID are not taken.
    DropsSwarmId = "drops-swarm-id",
    /// Who has everything leaves without a word.
    LeavesWithoutClose = "leaves-without-close",
    /// Chunks behind the last one that was announced are asked for.
    AsksBeyondHaves = "asks-beyond-haves",
    /// A chunk that is there is asked for again.
    AsksTwice = "asks-twice",
    /// Four chunks are asked for at once, the next when all have come, and none again.
    NeverAsksAgain = "never-asks-again",
    /// The last chunk is never asked for.
    NeverAsksLast = "never-asks-last",
    /// REQUESTs are sent sixty times.
    AsksInLoop = "asks-in-loop",
    /// CHOKE has no effect.
    IgnoresChoke = "ignores-choke",
    /// UNCHOKE has no effect.
    IgnoresUnchoke = "ignores-unchoke",
    /// A HAVE is taken for UNCHOKE.
    HaveUnchokes = "have-unchokes",
    /// HAVEs that do not come with the reply have no effect.
    DeafToLaterHaves = "deaf-to-later-haves",
    /// Chunks are not acknowledged.
    NoAcks = "no-acks",
    /// Every delay sample is the same.
    ConstantDelay = "constant-delay",
    /// Each chunk is acknowledged by itself.
    SingleAcks = "single-acks",
    /// HAVEs go to seeders.
    HavesToSeeder = "haves-to-seeder",
    /// Whatever comes is acknowledged, right or wrong.
    AcksEverything = "acks-everything",
    /// Who sent wrong chunks is asked on.
    KeepsAskingLiars = "keeps-asking-liars",
    /// The content is written out wrong.
    WritesWrong = "writes-wrong",
    /// Nothing is sent any more after some seconds without a datagram.
    FallsSilent = "falls-silent",
    /// A HAVE of more than 2^30 chunks is the end of the peer.
    DiesOfHugeHave = "dies-of-huge-have",
    /// A datagram with DATA that comes twice is the end of the peer.
    DiesOfRepeatedData = "dies-of-repeated-data",
    /// DATA without a byte is the end of the peer.
    DiesOfEmptyData = "dies-of-empty-data",
    /// INTEGRITY behind the DATA that it is for is the end of the peer.
    DiesOfLateHashes = "dies-of-late-hashes",

    /// HANDSHAKEs with the option of the signature algorithm are not answered.
    DropsSignatureAlgorithm = "drops-signature-algorithm",
    /// HANDSHAKEs with the option Live Discard Window are not answered.
    DropsDiscardWindow = "drops-discard-window",
    /// A reply tells no signature algorithm.
    NoSignatureAlgorithm = "no-signature-algorithm",
    /// A reply tells another signature algorithm.
    WrongSignatureAlgorithm = "wrong-signature-algorithm",
    /// Peers with another signature algorithm are answered.
    IgnoresSignatureAlgorithm = "ignores-signature-algorithm",
    /// A reply tells no live discard window.
    NoDiscardWindow = "no-discard-window",
    /// `SIGNED_INTEGRITY` is not sent.
    NoSignatures = "no-signatures",
    /// `SIGNED_INTEGRITY` comes before the INTEGRITY of its munro.
    SignatureFirst = "signature-first",
    /// `SIGNED_INTEGRITY` comes in a datagram of its own, before what it is for.
    SignatureApart = "signature-apart",
    /// Signatures are wrong.
    WrongSignature = "wrong-signature",
    /// Signatures cover the munro's hash alone.
    SignsHashAlone = "signs-hash-alone",
    /// Signatures are dated in microseconds since 1970.
    SignsUnixTime = "signs-unix-time",
    /// Signatures are dated an hour before they are made.
    OldSignatures = "old-signatures",
    /// Of two munros the later one may have the earlier date.
    TimestampsFall = "timestamps-fall",
    /// Some munros name chunks that no node has below it.
    MunroUnaligned = "munro-unaligned",
    /// Some munros are twice as wide as others.
    MunroWidthsVary = "munro-widths-vary",
    /// A signed munro comes with the reply.
    SignatureBeforeThird = "signature-before-third",
    /// Signed munros come with chunks only.
    NoTuneIn = "no-tune-in",
    /// The munro that a peer is told first is not the last one.
    TellsOldMunro = "tells-old-munro",
    /// The last munro is told once.
    MunroOnce = "munro-once",
    /// New chunks are not announced.
    NoNews = "no-news",
    /// The older chunks of the discard window are not served.
    RefusesOldChunks = "refuses-old-chunks",
    /// HAVEs name chunks that have left the discard window.
    HavesDiscarded = "haves-discarded",
    /// A REQUEST for a chunk that has left the discard window is the end of the peer.
    DiesOfOldRequest = "dies-of-old-request",
    /// A REQUEST for chunks that are still to come is served with something.
    ServesFuture = "serves-future",
    /// A chunk's number stands for another chunk the next time.
    ReusesNumbers = "reuses-numbers",
    /// A signature that anybody sends is the munro's.
    BelievesAnySignature = "believes-any-signature",

    /// The first chunks of a stream are asked for, too.
    AsksFromStart = "asks-from-start",
    /// Chunks that have left the other end's discard window are asked for.
    AsksDiscarded = "asks-discarded",
    /// A signed munro that is old proves what lies below it.
    TakesOldMunros = "takes-old-munros",
    /// After a signed munro that is old none is believed.
    OldMunroEnds = "old-munro-ends",
    /// Signed munros without chunks are only believed in the first half second.
    MunrosAtOnceOnly = "munros-at-once-only",
    /// After some seconds without a datagram nothing is asked for any more.
    GivesUpOnSilence = "gives-up-on-silence",
    /// A chunk is acknowledged whatever signature of its munro has come.
    TakesAnySignature = "takes-any-signature",
    /// A signed chunk is acknowledged whatever its signature is.
    TakesAnyChunk = "takes-any-chunk",
    /// A chunk is acknowledged if its signature covers a hash, or the chunk, alone.
    TakesHashAlone = "takes-hash-alone",
    /// Only signatures are believed that cover the munro's hash alone.
    BelievesHashAloneOnly = "believes-hash-alone-only",
    /// A chunk is acknowledged for which no signature has come.
    TakesUnsigned = "takes-unsigned",
    /// Chunks are written out whose signature is wrong.
    WritesUnverified = "writes-unverified",
    /// Munros are only believed that have 32 chunks.
    OneMunroWidth = "one-munro-width",
    /// Signatures count only in the datagram of a chunk.
    IgnoresSignatureApart = "ignores-signature-apart",
    /// A munro before the last one is not believed.
    ForgetsEarlierMunros = "forgets-earlier-munros",
    /// Munros are passed on whose signature is wrong.
    SpreadsAnyMunro = "spreads-any-munro",
    /// A munro's signature that is wrong is the end of the peer.
    DiesOfWrongSignature = "dies-of-wrong-signature",
    /// A signature with bytes behind it that are no message is the end of the peer.
    DiesOfLongSignature = "dies-of-long-signature",
    /// A signature that is dated zero is the end of the peer.
    DiesOfUndatedSignature = "dies-of-undated-signature",
    /// A signature that is dated hours ahead is the end of the peer.
    DiesOfFutureSignature = "dies-of-future-signature",
    /// A munro that is no node is the end of the peer.
    DiesOfUnalignedMunro = "dies-of-unaligned-munro",
    /// A munro of one chunk is the end of the peer.
    DiesOfOneChunkMunro = "dies-of-one-chunk-munro",
    /// A munro of more than a million chunks is the end of the peer.
    DiesOfHugeMunro = "dies-of-huge-munro",
    /// A munro that is wider or narrower than the one before is the end of the peer.
    DiesOfWidthChange = "dies-of-width-change",
    /// A signature before the hash that it is for is the end of the peer.
    DiesOfSignatureFirst = "dies-of-signature-first",
    /// A munro that comes more than twenty times without a chunk is the end of the peer.
    DiesOfRepeatedMunro = "dies-of-repeated-munro",
}

impl Misbehaviour {
    /// What an engine has to be told of its swarm to do this.
    pub fn prepare(self, config: &mut SwarmConfig) {
        /// As the RFC has it, but for signatures.
        const HASH_ALONE: &Profile = &Profile {
            signs_hash_alone: true,
            ..Profile::RFC
        };
        if self == Self::BelievesHashAloneOnly {
            config.profile = HASH_ALONE;
        }
    }

    /// The one with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.name() == name)
    }
}
