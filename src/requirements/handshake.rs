//! Messages in general, HANDSHAKE and the handshake procedure (RFC 7574,
//! sections 3, 3.1 and 3.1.1).

use ppspp_dissector::finding::FindingId as F;

use super::requirement::{
    BEHAVIOUR, LIMITS, PeerTest as T, Requirement, may, must, must_not, should,
};

const REPLIES: T = T(
    BEHAVIOUR,
    "a_reply_to_another_channel_is_discarded_and_the_right_one_awaited",
);

pub(super) static ROWS: &[Requirement] = &[
    should(
        "rfc7574/3/stop-after-invalid",
        "Who gets an invalid message stops talking to its sender.",
    )
    .tests(&[T(
        LIMITS,
        "a_flood_of_empty_and_of_broken_datagrams_is_ended",
    )]),
    must(
        "rfc7574/3/messages-share-datagrams",
        "Messages that go out together share one datagram.",
    )
    .findings(&[F::IntegritySeparate])
    .cases(&["rfc7574/5.3/hashes-in-same-datagram"]),
    must(
        "rfc7574/3/messages-in-order",
        "The messages of a datagram take effect one after the other, as they stand in it.",
    )
    .cases(&["rfc7574/3/messages-in-order"])
    .tests(&[T(BEHAVIOUR, "cancelled_chunks_are_not_sent")]),
    must(
        "rfc7574/3/invalid-message-discards-rest",
        "Whatever follows an invalid message in its datagram is thrown away.",
    )
    .findings(&[F::DatagramMalformed])
    .cases(&["rfc7574/3/invalid-message-discards-rest"]),
    must(
        "rfc7574/3.1/handshake-first",
        "No message stands before a HANDSHAKE in its datagram.",
    )
    .findings(&[F::HandshakeNotFirst])
    .cases(&[
        "rfc7574/3.1/handshake-not-first",
        "rfc7574/3.1.1/reply-begins-with-handshake",
    ]),
    must(
        "rfc7574/3.1.1/first-is-handshake",
        "What an initiator sends first begins with a HANDSHAKE.",
    )
    .findings(&[F::ChannelZeroMessage, F::HandshakeNotFirst])
    .cases(&["rfc7574/3.1.1/no-handshake"]),
    must(
        "rfc7574/3.1.1/first-channel-id",
        "The first HANDSHAKE carries a channel ID that the initiator has drawn at random.",
    )
    .findings(&[F::ChannelIdSmall, F::ChannelIdNotRandom, F::ChannelIdInUse]),
    must(
        "rfc7574/3.1.1/first-metadata",
        "The first HANDSHAKE tells the swarm's metadata by protocol options.",
    )
    .findings(&[
        F::HandshakeContentIntegrityMissing,
        F::HandshakeHashFunctionMissing,
        F::HandshakeSignatureAlgorithmMissing,
        F::HandshakeChunkAddressingMissing,
        F::HandshakeChunkSizeMissing,
    ]),
    must(
        "rfc7574/3.1.1/first-capabilities",
        "The first HANDSHAKE tells what the initiator can do: versions, messages, and in a live \
         swarm its discard window.",
    )
    .findings(&[
        F::HandshakeVersionMissing,
        F::HandshakeMinimumVersionMissing,
        F::HandshakeDiscardWindowMissing,
    ]),
    must(
        "rfc7574/3.1.1/first-swarm-id",
        "An initiator names the swarm.",
    )
    .findings(&[F::HandshakeSwarmIdMissing, F::HandshakeSwarmIdEmpty])
    .cases(&["rfc7574/3.1.1/no-swarm-id"]),
    must(
        "rfc7574/3.1.1/first-to-channel-zero",
        "The first datagram is addressed to channel 0.",
    )
    .findings(&[F::ChannelUnknown]),
    may(
        "rfc7574/3.1.1/first-light-payload",
        "Small messages such as HAVE may go along with the first HANDSHAKE.",
    )
    .cases(&["rfc7574/3.1.1/haves-in-first-datagram"]),
    must_not(
        "rfc7574/3.1.1/first-heavy-payload",
        "Nothing heavy goes along with the first HANDSHAKE.",
    )
    .findings(&[F::HandshakeHeavyPayload, F::HandshakeCrowded]),
    must_not(
        "rfc7574/3.1.1/silent-where-check-fails",
        "A HANDSHAKE that fails any check, or is for another swarm, is not answered at all.",
    )
    .cases(&[
        "rfc7574/3.1.1/unknown-swarm",
        "rfc7574/3.1.1/no-swarm-id",
        "rfc7574/4/other-addressing",
        "rfc7574/7.3/minimum-version-too-high",
        "rfc7574/7.4/swarm-id-prefix",
        "rfc7574/7.5/other-content-integrity",
        "rfc7574/7.6/other-hash-function",
        "rfc7574/7.8/unassigned-addressing",
        "rfc7574/7.11/other-chunk-size",
    ])
    .tests(&[T(BEHAVIOUR, "who_fails_a_check_hears_nothing")]),
    must(
        "rfc7574/3.1.1/reply-is-handshake",
        "A responder that wants to talk replies with a datagram that begins with a HANDSHAKE.",
    )
    .findings(&[F::HandshakeReplyMissing])
    .cases(&[
        "rfc7574/3.1.1/answers-rfc-handshake",
        "rfc7574/3.1.1/reply-begins-with-handshake",
    ]),
    must(
        "rfc7574/3.1.1/reply-channel-id",
        "The reply carries a channel ID that the responder has drawn at random.",
    )
    .findings(&[
        F::ChannelIdsEqual,
        F::ChannelIdSmall,
        F::ChannelIdNotRandom,
        F::ChannelIdInUse,
    ])
    .cases(&[
        "rfc7574/3.11/own-channel-id",
        "rfc7574/3.11/random-channel-ids",
    ]),
    must(
        "rfc7574/3.1.1/reply-metadata",
        "The reply tells the swarm's metadata by protocol options.",
    )
    .findings(&[
        F::HandshakeContentIntegrityMissing,
        F::HandshakeHashFunctionMissing,
        F::HandshakeSignatureAlgorithmMissing,
        F::HandshakeChunkAddressingMissing,
        F::HandshakeChunkSizeMissing,
        F::HandshakeMetadataDiffers,
    ])
    .cases(&[
        "rfc7574/7.5/reply-content-integrity",
        "rfc7574/7.6/reply-hash-function",
        "rfc7574/7.8/reply-chunk-addressing",
        "rfc7574/7.11/reply-chunk-size",
    ]),
    must(
        "rfc7574/3.1.1/reply-capabilities",
        "The reply tells what the responder can do: versions, messages, and in a live swarm its \
         discard window.",
    )
    .findings(&[F::HandshakeVersionMissing, F::HandshakeDiscardWindowMissing])
    .cases(&["rfc7574/7.2/reply-version", "rfc7574/7.10/bitmap-true"]),
    may(
        "rfc7574/3.1.1/reply-swarm-id",
        "A responder may name the swarm, too.",
    )
    .findings(&[F::HandshakeSwarmIdDiffers])
    .cases(&["rfc7574/7.4/reply-swarm-id"]),
    must(
        "rfc7574/3.1.1/reply-to-initiators-channel",
        "The reply is addressed to the channel ID of the first HANDSHAKE.",
    )
    .findings(&[F::ChannelUnknown])
    .cases(&["rfc7574/3.1.1/reply-echoes-channel"]),
    may(
        "rfc7574/3.1.1/reply-light-payload",
        "Small messages such as HAVE and REQUEST may go along with the reply.",
    )
    .permission(),
    must_not(
        "rfc7574/3.1.1/reply-heavy-payload",
        "Nothing heavy goes along with the reply.",
    )
    .findings(&[F::HandshakeHeavyPayload, F::HandshakeCrowded])
    .cases(&[
        "rfc7574/3.1.1/no-heavy-payload-before-third",
        "rfc7574/12.1.1/amplification",
    ])
    .tests(&[T(
        BEHAVIOUR,
        "nothing_heavy_goes_out_before_the_third_datagram",
    )]),
    must(
        "rfc7574/3.1.1/reply-to-wrong-channel-discarded",
        "An initiator discards a reply that does not go to the channel ID it has chosen.",
    )
    .tests(&[REPLIES]),
    should(
        "rfc7574/3.1.1/reply-to-right-channel-awaited",
        "After such a reply an initiator still takes those that go to its channel ID.",
    )
    .tests(&[REPLIES]),
    may(
        "rfc7574/3.1.1/close-after-failed-check",
        "An initiator that does not like the reply may say so by a closing HANDSHAKE.",
    )
    .permission(),
    must(
        "rfc7574/3.1.1/closing-source-zero",
        "A closing HANDSHAKE names channel 0 as its source and has a list of protocol options.",
    )
    .findings(&[F::HandshakeRepeated, F::HandshakeEndMissing])
    .tests(&[T(BEHAVIOUR, "closing_says_so_to_everybody")]),
    must(
        "rfc7574/3.1.1/closing-options",
        "The options of a closing HANDSHAKE are none, or the highest version of its sender.",
    )
    .findings(&[F::HandshakeCloseOptions])
    .cases(&["rfc7574/8.4/close-with-version"])
    .tests(&[T(BEHAVIOUR, "closing_says_so_to_everybody")]),
    must(
        "rfc7574/3.1.1/closing-to-responders-channel",
        "A closing HANDSHAKE goes to the channel ID that its addressee has chosen.",
    )
    .findings(&[F::HandshakeCloseChannelZero])
    .cases(&["rfc7574/3.1.1/first-datagram-cannot-close"]),
    may(
        "rfc7574/3.1.1/end-in-silence",
        "An initiator that does not like the reply may also say nothing more.",
    )
    .permission(),
    may(
        "rfc7574/3.1.1/first-repeated",
        "A first datagram without an answer may be sent again until the peer counts as dead.",
    )
    .findings(&[F::HandshakeRetransmitted])
    .cases(&["rfc7574/3.1.1/repeated-first-datagram"])
    .tests(&[T(
        BEHAVIOUR,
        "a_repeated_handshake_gets_the_same_reply_again",
    )]),
    must(
        "rfc7574/3.1.1/later-to-responders-channel",
        "All further datagrams of an initiator go to the channel ID of the reply.",
    )
    .findings(&[F::ChannelUnknown, F::ChannelZeroMessage]),
    may(
        "rfc7574/3.1.1/initiator-heavy-payload",
        "From the reply on an initiator may send heavy payload.",
    )
    .permission(),
    may(
        "rfc7574/3.1.1/initiator-serves-first-requests",
        "An initiator may at once send chunks that the reply asks for.",
    )
    .permission(),
    must(
        "rfc7574/3.1.1/wrong-channel-discarded",
        "A responder discards datagrams that do not go to the channel ID of its reply.",
    )
    .findings(&[F::ChannelAddressMismatch])
    .cases(&[
        "rfc7574/3.1.1/wrong-channel-discarded",
        "rfc7574/3.1.1/other-source",
    ])
    .tests(&[T(BEHAVIOUR, "datagrams_from_another_address_are_discarded")]),
    should(
        "rfc7574/3.1.1/right-channel-goes-on",
        "After such datagrams a responder still takes those that go to its channel ID.",
    )
    .cases(&["rfc7574/3.1.1/wrong-channel-discarded"])
    .tests(&[T(BEHAVIOUR, "datagrams_from_another_address_are_discarded")]),
    may(
        "rfc7574/3.1.1/responder-heavy-payload",
        "Once a datagram has come on its channel a responder may send heavy payload.",
    )
    .cases(&["rfc7574/3.1.1/request-in-third-datagram"])
    .tests(&[T(
        BEHAVIOUR,
        "nothing_heavy_goes_out_before_the_third_datagram",
    )]),
    should(
        "rfc7574/3.1.1/close-when-done",
        "Who no longer wants to talk on a channel sends a closing HANDSHAKE.",
    )
    .tests(&[
        T(BEHAVIOUR, "closing_says_so_to_everybody"),
        T("tests/peer_files.rs", "an_interrupt_closes_the_channels"),
    ]),
];
