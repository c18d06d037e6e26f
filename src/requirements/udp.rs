//! Encapsulation in UDP (RFC 7574, section 8).

use ppspp_dissector::finding::FindingId as F;

use super::requirement::{
    BEHAVIOUR, PeerTest as T, Requirement, may, must, must_not, recommended, should, stated,
};

const CLOSING: T = T(BEHAVIOUR, "closing_says_so_to_everybody");

const THIRD_DATAGRAM: T = T(
    BEHAVIOUR,
    "nothing_heavy_goes_out_before_the_third_datagram",
);

pub(super) static ROWS: &[Requirement] = &[
    must("rfc7574/8/udp", "PPSPP runs over UDP.").findings(&[F::TransportTcp]),
    must("rfc7574/8/ledbat", "LEDBAT controls how much is under way.")
        .cases(&[
            "rfc7574/8.15/delay-backs-off",
            "rfc7574/8.15/first-flight",
            "rfc7574/8.15/timeouts-back-off",
            "rfc7574/8.15/window-grows",
        ])
        .tests(&[
            T(
                "src/peer/engine/ledbat/paths.rs",
                "it_yields_to_a_flow_that_fills_the_queue_and_returns_after_it",
            ),
            T(
                "tests/simulation_links.rs",
                "a_seeder_yields_to_other_traffic",
            ),
        ]),
    should(
        "rfc7574/8.1/one-packet",
        "A datagram fits into one IP packet.",
    )
    .findings(&[F::DatagramFragmented, F::DatagramTooLarge]),
    recommended("rfc7574/8.1/1024-bytes", "Chunks have 1024 bytes each.")
        .not_checkable("A choice of who publishes the content, and any is allowed."),
    may(
        "rfc7574/8.1/path-mtu",
        "A peer may find out the path's MTU by larger and larger datagrams.",
    )
    .permission(),
    should(
        "rfc7574/8.1/probes-are-messages",
        "Datagrams that probe the MTU hold real messages, best several DATA.",
    )
    .not_checkable("A probe with messages looks like any large datagram."),
    should(
        "rfc7574/8.1/512-bytes-at-least",
        "Chunks have at least 512 bytes.",
    )
    .findings(&[F::HandshakeChunkSizeSmall]),
    must(
        "rfc7574/8.1/size-is-metadata",
        "The chunk size, or that it varies, belongs to the swarm's metadata.",
    )
    .findings(&[F::HandshakeChunkSizeMissing])
    .cases(&["rfc7574/7.11/other-chunk-size"]),
    may(
        "rfc7574/8.2/repeated",
        "All messages but HANDSHAKE may be repeated without harm where one may be lost.",
    )
    .findings(&[F::DataDuplicate, F::RequestRepeated])
    .cases(&[
        "rfc7574/8.2/repeated-datagrams",
        "rfc7574/8.2/repeated-request",
    ]),
    stated(
        "rfc7574/8.2/duplicates",
        "All messages may come twice without another effect, and a HANDSHAKE that does is known \
         for a duplicate.",
    )
    .cases(&[
        "rfc7574/8.2/repeated-handshake-is-duplicate",
        "rfc7574/3.1.1/options-unchanged-by-later-handshake",
        "rfc7574/8.2/repeated-datagrams",
    ])
    .tests(&[T(
        BEHAVIOUR,
        "a_repeated_handshake_gets_the_same_reply_again",
    )]),
    stated(
        "rfc7574/8.2/message-types",
        "A datagram is a sequence of messages of Table 7.",
    )
    .findings(&[F::DatagramMalformed])
    .cases(&[
        "rfc7574/8.2/datagrams-decode",
        "rfc7574/8.2/unknown-message-survived",
        "rfc7574/8.2/truncated-messages",
    ]),
    stated(
        "rfc7574/8.3/prefix",
        "Each datagram begins with the channel ID that its receiver has chosen, of four bytes.",
    )
    .findings(&[F::ChannelUnknown])
    .cases(&[
        "rfc7574/8.3/datagrams-carry-our-channel",
        "rfc7574/8.3/short-datagrams",
    ]),
    must(
        "rfc7574/8.3/random-ids",
        "Channel IDs are drawn as SCTP draws its verification tags.",
    )
    .findings(&[F::ChannelIdSmall, F::ChannelIdNotRandom])
    .cases(&["rfc7574/3.11/random-channel-ids"]),
    must(
        "rfc7574/8.4/initiator-to-channel-zero",
        "An initiator's HANDSHAKE is addressed to channel 0.",
    )
    .findings(&[F::ChannelUnknown]),
    must(
        "rfc7574/8.4/responder-to-initiators-channel",
        "A responder's HANDSHAKE is addressed to the initiator's source channel ID.",
    )
    .findings(&[F::ChannelUnknown])
    .cases(&["rfc7574/3.1.1/reply-echoes-channel"]),
    should(
        "rfc7574/8.4/close",
        "Who is done with a channel says so by a closing HANDSHAKE.",
    )
    .tests(&[
        CLOSING,
        T("tests/peer_files.rs", "an_interrupt_closes_the_channels"),
    ]),
    must(
        "rfc7574/8.4/closing-source-zero",
        "A closing HANDSHAKE names channel 0 as its source and has a list of protocol options.",
    )
    .findings(&[F::HandshakeRepeated, F::HandshakeEndMissing])
    .cases(&["rfc7574/8.4/close-ends-channel"])
    .tests(&[CLOSING]),
    must(
        "rfc7574/8.4/closing-options",
        "The options of a closing HANDSHAKE are none, or the highest version of its sender.",
    )
    .findings(&[F::HandshakeCloseOptions])
    .cases(&["rfc7574/8.4/close-with-version"])
    .tests(&[CLOSING]),
    stated(
        "rfc7574/8.4/closed",
        "A channel that was closed is one to talk on no longer.",
    )
    .findings(&[F::ChannelUsedAfterClose])
    .cases(&[
        "rfc7574/8.4/close-ends-channel",
        "rfc7574/8.4/close-with-version",
        "rfc7574/8.4/close-not-answered",
    ])
    .tests(&[T(
        BEHAVIOUR,
        "a_closing_handshake_ends_the_channel_without_an_answer",
    )]),
    must(
        "rfc7574/8.6/data-last",
        "A DATA is the last message of its datagram.",
    )
    .findings(&[F::DataNotLast])
    .cases(&["rfc7574/8.6/data-last"]),
    may(
        "rfc7574/8.6/several-full-chunks",
        "Several DATA may share a datagram where all of them have the one fixed chunk size.",
    )
    .findings(&[F::DataSeveralShort, F::DataSeveralVariable]),
    must(
        "rfc7574/8.6/timestamp",
        "A DATA holds its sender's time in microseconds, in 64 bits.",
    )
    .findings(&[F::DataTimestampMissing, F::DataTimestampOdd])
    .cases(&[
        "rfc7574/8.6/timestamp-runs",
        "rfc7574/7.2/higher-version-same-layout",
    ]),
    must(
        "rfc7574/8.6/timestamp-before-chunk",
        "The time stands between the name of the chunk and the chunk.",
    )
    .findings(&[F::DataTimestampMissing, F::DataTimestampOdd])
    .cases(&["rfc7574/8.6/timestamp-runs"]),
    stated(
        "rfc7574/8.10/range",
        "A REQUEST names chunks by a chunk specification.",
    )
    .findings(&[F::ChunksReversed])
    .cases(&[
        "rfc7574/8.10/reversed-range",
        "rfc7574/8.10/request-across-end",
        "rfc7574/8.10/request-beyond-end",
    ])
    .tests(&[T(
        BEHAVIOUR,
        "a_request_beyond_the_end_is_served_as_far_as_there_is_content",
    )]),
    must_not(
        "rfc7574/8.13/internal-addresses",
        "Internal addresses are not told to a peer whose own address is not internal.",
    )
    .findings(&[F::PexPrivate])
    .tests(&[T(
        BEHAVIOUR,
        "internal_addresses_are_told_to_internal_peers_only",
    )]),
    must(
        "rfc7574/8.13/certificate-names-peer",
        "A membership certificate has a critical extension that names its peer by a URL.",
    )
    .findings(&[F::PexCertificate, F::PexCertificateName]),
    must(
        "rfc7574/8.13/certificate-url",
        "The URL in a membership certificate is a file: URL of the peer's address, its port and \
         the swarm ID in hexadecimal digits.",
    )
    .findings(&[F::PexCertificateName]),
    stated(
        "rfc7574/8.14/keep-alive",
        "A keep-alive is a datagram with a channel ID and nothing else.",
    )
    .cases(&["rfc7574/8.14/keep-alive-taken"])
    .tests(&[T(
        BEHAVIOUR,
        "a_silent_peer_is_kept_alive_and_then_taken_for_dead",
    )]),
    must(
        "rfc7574/8.16/first-to-channel-zero",
        "The first datagram is addressed to channel 0.",
    )
    .findings(&[F::ChannelUnknown]),
    must(
        "rfc7574/8.16/random-ids",
        "Channel IDs are drawn at random.",
    )
    .findings(&[F::ChannelIdSmall, F::ChannelIdNotRandom])
    .cases(&["rfc7574/3.11/random-channel-ids"]),
    may(
        "rfc7574/8.16/reply",
        "Who receives a HANDSHAKE may reply to it.",
    )
    .cases(&["rfc7574/3.1.1/answers-rfc-handshake"]),
    must(
        "rfc7574/8.16/reply-layout",
        "A reply is addressed to the initiator's channel and begins with a HANDSHAKE that has a \
         random channel ID and protocol options.",
    )
    .findings(&[F::HandshakeReplyMissing, F::ChannelIdsEqual])
    .cases(&[
        "rfc7574/3.1.1/reply-begins-with-handshake",
        "rfc7574/3.1.1/reply-decodes",
        "rfc7574/3.1.1/reply-echoes-channel",
    ]),
    must(
        "rfc7574/8.16/ids-not-guessed",
        "Channel IDs are so random that nobody guesses them easily.",
    )
    .findings(&[F::ChannelIdSmall, F::ChannelIdNotRandom])
    .cases(&["rfc7574/3.11/random-channel-ids"]),
    may(
        "rfc7574/8.16/heavy-from-third",
        "The third datagram may have heavy payload.",
    )
    .cases(&["rfc7574/3.1.1/request-in-third-datagram"])
    .tests(&[THIRD_DATAGRAM]),
    may(
        "rfc7574/8.16/light-before-third",
        "The first two datagrams may have light payload such as HAVE.",
    )
    .findings(&[F::HandshakeHaveEarly])
    .cases(&["rfc7574/3.1.1/haves-in-first-datagram"]),
    may(
        "rfc7574/8.16/request",
        "An initiator may ask for the chunks that it wants.",
    )
    .cases(&["rfc7574/3.1.1/request-in-third-datagram"])
    .tests(&[THIRD_DATAGRAM]),
    may(
        "rfc7574/8.16/further-messages",
        "Other messages, such as PEX_REQ, may go along with a REQUEST.",
    )
    .cases(&["rfc7574/8.13/pex-messages-read"]),
];
