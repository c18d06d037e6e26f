//! What a peer may do wrong.

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
    /// A reply tells no chunk size.
    NoChunkSize = "no-chunk-size",
    /// A reply tells another chunk size.
    WrongChunkSize = "wrong-chunk-size",
    /// Peers with another chunk size are answered.
    IgnoresChunkSize = "ignores-chunk-size",
    /// An option list without end is the end of the peer.
    DiesOfMissingEnd = "dies-of-missing-end",
    /// An unassigned option is the end of the peer.
    DiesOfUnknownOption = "dies-of-unknown-option",
}

impl Misbehaviour {
    /// The one with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.name() == name)
    }
}
