//! Live streaming (RFC 7574, section 6).

use ppspp_dissector::finding::FindingId as F;

use super::requirement::{LIVE, PeerTest as T, Requirement, may, must, must_not, optional, should};

const SIGNED_MUNROS: T = T(LIVE, "viewers_see_a_stream_of_signed_munros_and_relay_it");

const SIGNED_CHUNKS: T = T(LIVE, "viewers_see_a_stream_of_signed_chunks_and_relay_it");

pub(super) static ROWS: &[Requirement] = &[
    optional(
        "rfc7574/6.1/sign-all",
        "A peer may be able to take part in streams whose chunks are all signed.",
    )
    .tests(&[SIGNED_CHUNKS]),
    must(
        "rfc7574/6.1/unified-merkle-tree-on-the-internet",
        "On the Internet live content is protected by a tree with signed munros.",
    )
    .findings(&[F::HandshakeNotUnified]),
    may(
        "rfc7574/6.1/unified-merkle-tree-elsewhere",
        "Where nobody is hostile, live content may be protected so.",
    )
    .permission(),
    must(
        "rfc7574/6.1.1/signature-before-chunk",
        "With Sign All a chunk's datagram has its SIGNED_INTEGRITY first and then the DATA.",
    )
    .findings(&[
        F::SignedChunkMissing,
        F::SignedSeveralChunks,
        F::SignedWrong,
    ])
    .cases(&[
        "rfc7574/6.1.1/signature-before-chunk",
        "rfc7574/6.1.1/signature-in-datagram",
        "rfc7574/6.1.2.3/relayed-chunk-verifies",
        "rfc7574/5.2/chunks-verify",
    ])
    .tests(&[SIGNED_CHUNKS]),
    must(
        "rfc7574/6.1.1/signature-first-where-no-room",
        "A signature that does not fit beside its chunk goes before it.",
    )
    .findings(&[F::SignedChunkMissing])
    .cases(&[
        "rfc7574/6.1.1/signature-before-chunk",
        "rfc7574/6.1.1/signature-apart-taken",
    ]),
    must(
        "rfc7574/6.1.2.1/verify-before-forwarding",
        "A peer verifies a munro's signature before it passes on the chunks below it.",
    )
    .findings(&[F::SignedWrong])
    .cases(&[
        "rfc7574/6.1.2.1/verify-before-forwarding",
        "rfc7574/6.1/wrong-signature-refused",
        "rfc7574/6.1/unverified-not-written",
        "rfc7574/6.1/other-key-refused",
        "rfc7574/6.1/other-chunks-refused",
        "rfc7574/6.1/redated-refused",
        "rfc7574/6.1/other-content-refused",
        "rfc7574/6.1.1/chunk-alone-refused",
        "rfc7574/6.1.2.1/wrong-munro-refused",
        "rfc7574/6.1.2.2/hash-alone-refused",
        "rfc7574/6.1.2.3/missing-signature-refused",
    ]),
    must(
        "rfc7574/6.1.2.1/width-is-power-of-two",
        "All munros of a stream are equally wide, by a power of two.",
    )
    .findings(&[F::SignedMunroWidth])
    .cases(&[
        "rfc7574/6.1.2.1/munro-is-subtree",
        "rfc7574/6.1.2.1/same-width",
        "rfc7574/6.1.2.1/two-chunks-a-munro",
        "rfc7574/6.1.2.1/many-chunks-a-munro",
        "rfc7574/6.1.2.1/other-width-survived",
        "rfc7574/6.1.2.1/unaligned-munro-survived",
    ])
    .tests(&[SIGNED_MUNROS]),
    must(
        "rfc7574/6.1.2.1/width-above-one",
        "A munro covers more than one chunk.",
    )
    .findings(&[F::SignedMunroWidth])
    .cases(&[
        "rfc7574/6.1.2.1/munro-is-subtree",
        "rfc7574/6.1.2.1/one-chunk-munro-survived",
    ])
    .tests(&[SIGNED_MUNROS]),
    must_not(
        "rfc7574/6.1.2.3/have-before-signature",
        "An injector announces no chunk whose munro it has not signed.",
    )
    .cases(&["rfc7574/6.1.2.3/announces-signed-chunks"]),
    must(
        "rfc7574/6.1.2.3/munro-with-signature",
        "A chunk is preceded by its munro's hash and the signature, in one datagram, unless the \
         receiver has shown a chunk below that munro.",
    )
    .findings(&[F::SignedMunroMissing, F::SignedNotAfterMunro])
    .cases(&[
        "rfc7574/6.1.2.3/munro-before-chunk",
        "rfc7574/6.1.2.3/signature-follows-munro",
        "rfc7574/6.1.2.3/relayed-chunk-verifies",
        "rfc7574/6.1.2.3/signature-first-survived",
    ])
    .tests(&[SIGNED_MUNROS]),
    must(
        "rfc7574/6.1.2.3/uncles-and-chunk",
        "After the munro come the uncles up to it that the receiver lacks, and the chunk.",
    )
    .findings(&[F::IntegrityMissing, F::IntegrityAscending])
    .cases(&[
        "rfc7574/6.1.2.3/munro-before-uncles",
        "rfc7574/6.1.2.3/munro-apart-taken",
        "rfc7574/6.1.2.3/relayed-chunk-verifies",
        "rfc7574/5.3/hashes-come-before-data",
        "rfc7574/5.4/integrity-descending",
    ])
    .tests(&[SIGNED_MUNROS]),
    must(
        "rfc7574/6.1.2.4/initiator-tells-munro",
        "From the third datagram on an initiator sends its rightmost signed munro, until the \
         other end shows a chunk below it or a later one.",
    )
    .findings(&[F::SignedTuneInMissing])
    .tests(&[SIGNED_MUNROS]),
    must(
        "rfc7574/6.1.2.4/responder-tells-munro",
        "From the fourth datagram on a responder sends its rightmost signed munro, until the \
         other end shows that it knows it or a later one.",
    )
    .findings(&[F::SignedTuneInMissing])
    .cases(&[
        "rfc7574/6.1.2.4/munro-in-fourth-datagram",
        "rfc7574/6.1.2.4/munro-is-rightmost",
        "rfc7574/6.1.2.4/munro-until-known",
        "rfc7574/6.1.2.4/viewer-tells-munro",
        "rfc7574/6.1.2.4/repeated-munro",
    ])
    .tests(&[SIGNED_MUNROS]),
    must_not(
        "rfc7574/6.1.2.4/no-munro-in-first",
        "No signed munro goes along with the first HANDSHAKE.",
    )
    .findings(&[F::HandshakeHeavyPayload])
    .cases(&["rfc7574/3.1.1/opening-light"]),
    must_not(
        "rfc7574/6.1.2.4/no-munro-in-second",
        "No signed munro goes along with the reply.",
    )
    .findings(&[F::HandshakeHeavyPayload])
    .cases(&["rfc7574/3.1.1/no-heavy-payload-before-third"]),
    must(
        "rfc7574/6.1.2.4/old-signature-discarded",
        "A signed munro whose timestamp is too old is discarded.",
    )
    .cases(&[
        "rfc7574/6.1.2.4/old-munro-discarded",
        "rfc7574/6.1.2.4/fresh-munro-after-old",
        "rfc7574/6.1.2.2/undated-signature-survived",
    ]),
    should(
        "rfc7574/6.1.2.4/tune-in",
        "A signed munro that is new makes the tree grow and tells where the stream is.",
    )
    .cases(&[
        "rfc7574/6.1.2.4/tunes-in",
        "rfc7574/6.1.2.4/later-munro-taken",
    ])
    .tests(&[SIGNED_MUNROS]),
    must(
        "rfc7574/6.2/discard-window",
        "A peer that discards chunks of a live stream declares how many it keeps.",
    )
    .findings(&[F::HandshakeDiscardWindowMissing, F::HaveBeyondWindow])
    .cases(&[
        "rfc7574/7.9/reply-discard-window",
        "rfc7574/7.9/opening-discard-window",
        "rfc7574/6.2/window-is-served",
        "rfc7574/6.2/announces-window-only",
    ]),
    should(
        "rfc7574/6.2/sliding-window",
        "A peer takes from what another has announced all that has left that one's discard \
         window.",
    )
    .findings(&[F::RequestDiscarded])
    .cases(&["rfc7574/6.2/window-respected", "rfc7574/6.2/window-moves"]),
];
