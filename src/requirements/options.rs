//! Protocol options (RFC 7574, section 7).

use ppspp_dissector::finding::FindingId as F;

use super::requirement::{BEHAVIOUR, PeerTest as T, Requirement, may, must, stated};

const EVERY_METHOD: T = T(
    BEHAVIOUR,
    "every_addressing_method_and_hash_function_serves",
);

pub(super) static ROWS: &[Requirement] = &[
    must(
        "rfc7574/7/sorted",
        "Protocol options are sorted by their codes.",
    )
    .findings(&[F::HandshakeOptionsUnsorted])
    .cases(&["rfc7574/7/options-sorted"]),
    stated(
        "rfc7574/7/unassigned",
        "The codes 10 to 254 name no option.",
    )
    .findings(&[F::DatagramMalformed])
    .cases(&[
        "rfc7574/3.1.1/reply-decodes",
        "rfc7574/7/unknown-option-survived",
    ]),
    must(
        "rfc7574/7.1/end-option",
        "The end option ends the list of protocol options.",
    )
    .findings(&[F::HandshakeEndMissing])
    .cases(&[
        "rfc7574/7.1/reply-end-option",
        "rfc7574/7/no-end-option-survived",
    ]),
    must(
        "rfc7574/7.2/version-first",
        "The first option is the highest version that the sender speaks.",
    )
    .findings(&[
        F::HandshakeVersionMissing,
        F::HandshakeVersionNotFirst,
        F::HandshakeVersionUnassigned,
    ])
    .cases(&[
        "rfc7574/7.2/reply-version",
        "rfc7574/7.2/reply-version-defined",
    ]),
    stated(
        "rfc7574/7.2/negotiated",
        "Peers agree on a version as RFC 6709, section 4.1, has it.",
    )
    .findings(&[F::HandshakeVersionRange])
    .cases(&[
        "rfc7574/7.2/higher-version",
        "rfc7574/7.2/higher-version-same-layout",
        "rfc7574/7.3/minimum-version-too-high",
    ]),
    must(
        "rfc7574/7.3/minimum-version",
        "An initiator names the lowest version that it speaks.",
    )
    .findings(&[
        F::HandshakeMinimumVersionMissing,
        F::HandshakeVersionRange,
        F::HandshakeVersionsDisjoint,
    ])
    .cases(&[
        "rfc7574/7.3/minimum-version-too-high",
        "rfc7574/7.3/takes-minimum-version",
    ]),
    must("rfc7574/7.4/one-swarm-id", "An initiator names one swarm.")
        .findings(&[F::HandshakeSwarmIdMissing, F::HandshakeOptionRepeated])
        .cases(&["rfc7574/3.1.1/no-swarm-id"]),
    may(
        "rfc7574/7.4/swarm-id-in-reply",
        "A responder may name the swarm, too.",
    )
    .findings(&[F::HandshakeSwarmIdDiffers])
    .cases(&["rfc7574/7.4/reply-swarm-id"]),
    must(
        "rfc7574/7.5/content-integrity",
        "A HANDSHAKE tells how the swarm protects its content.",
    )
    .findings(&[F::HandshakeContentIntegrityMissing])
    .cases(&[
        "rfc7574/7.5/reply-content-integrity",
        "rfc7574/7.5/takes-content-integrity",
    ]),
    must(
        "rfc7574/7.6/hash-function",
        "With a Merkle hash tree a HANDSHAKE tells the hash function.",
    )
    .findings(&[F::HandshakeHashFunctionMissing])
    .cases(&[
        "rfc7574/7.6/reply-hash-function",
        "rfc7574/7.6/takes-hash-function",
    ]),
    must(
        "rfc7574/7.6/sha1-and-sha256",
        "Every peer knows the hash functions SHA-1 and SHA-256.",
    )
    .tests(&[
        EVERY_METHOD,
        T(
            "tests/peer_files.rs",
            "every_hash_function_and_chunk_size_works",
        ),
    ]),
    must(
        "rfc7574/7.7/signature-algorithm",
        "In a live swarm a HANDSHAKE tells the signature algorithm.",
    )
    .findings(&[F::HandshakeSignatureAlgorithmMissing])
    .cases(&[
        "rfc7574/7.7/reply-signature-algorithm",
        "rfc7574/7.7/takes-signature-algorithm",
        "rfc7574/7.7/other-signature-algorithm",
        "rfc7574/7.7/opening-signature-algorithm",
        "rfc7574/7.7/reply-signature-algorithm-taken",
        "rfc7574/7.7/reply-other-signature-algorithm",
    ]),
    must(
        "rfc7574/7.8/chunk-addressing",
        "A HANDSHAKE tells how its sender names chunks.",
    )
    .findings(&[F::HandshakeChunkAddressingMissing])
    .cases(&[
        "rfc7574/7.8/reply-chunk-addressing",
        "rfc7574/7.8/takes-chunk-addressing",
    ]),
    must(
        "rfc7574/7.8/chunk-ranges-of-both-widths",
        "Every peer can name chunks by ranges of 32 and of 64 bits.",
    )
    .tests(&[
        EVERY_METHOD,
        T("tests/peer_files.rs", "every_addressing_method_works"),
    ]),
    must(
        "rfc7574/7.9/discard-window",
        "In a live swarm a HANDSHAKE tells the discard window.",
    )
    .findings(&[F::HandshakeDiscardWindowMissing])
    .cases(&[
        "rfc7574/7.9/reply-discard-window",
        "rfc7574/7.9/takes-discard-window",
        "rfc7574/7.9/opening-discard-window",
        "rfc7574/7.9/reply-discard-window-taken",
    ]),
    must(
        "rfc7574/7.9/after-addressing",
        "The chunk addressing method stands before the discard window.",
    )
    .findings(&[F::HandshakeDiscardWindowEarly]),
    must(
        "rfc7574/7.9/all-ones-keeps-all",
        "A peer that discards nothing says so by a window of all ones.",
    )
    .not_checkable("That a peer with a smaller window keeps everything does not show."),
    must(
        "rfc7574/7.10/subset-declared",
        "A peer that does not support all messages tells which ones it does.",
    )
    .cases(&[
        "rfc7574/7.10/bitmap-true",
        "rfc7574/7.10/takes-supported-messages",
    ]),
    stated(
        "rfc7574/7.10/bitmap",
        "The bitmap of supported messages is cut behind its last byte that is not zero, and its \
         length goes before it.",
    )
    .cases(&[
        "rfc7574/7.10/bitmap-truncated",
        "rfc7574/7.10/messages-behind-bitmap",
    ]),
    must(
        "rfc7574/7.11/chunk-size",
        "A HANDSHAKE tells the chunk size of the swarm.",
    )
    .findings(&[F::HandshakeChunkSizeMissing, F::HandshakeChunkSizeZero])
    .cases(&[
        "rfc7574/7.11/reply-chunk-size",
        "rfc7574/7.11/takes-chunk-size",
        "rfc7574/7.11/chunk-size-without-supported-messages",
    ]),
    must(
        "rfc7574/7.11/variable-is-all-ones",
        "Where chunks have different sizes, the chunk size is all ones.",
    )
    .findings(&[F::DataLength]),
];
