//! Integrity of static content (RFC 7574, section 5).

use ppspp_dissector::finding::FindingId as F;

use super::requirement::{BEHAVIOUR, PeerTest as T, Requirement, may, must, should, stated};

const PEAKS_AND_UNCLES: T = T(
    BEHAVIOUR,
    "peaks_and_uncles_come_first_and_the_highest_before_the_others",
);

const ANY_LENGTH: T = T(BEHAVIOUR, "content_of_any_length_arrives");

pub(super) static ROWS: &[Requirement] = &[
    must(
        "rfc7574/5/merkle-on-the-internet",
        "On the Internet static content is protected by a Merkle hash tree.",
    )
    .cases(&["rfc7574/7.5/method-0-unassigned"]),
    may(
        "rfc7574/5/merkle-elsewhere",
        "Where nobody is hostile, static content may be protected so.",
    )
    .permission(),
    must(
        "rfc7574/5.2/hashes-with-chunk",
        "With a chunk come the hashes by which its receiver can verify it.",
    )
    .findings(&[F::IntegrityMissing, F::IntegrityUnverifiable])
    .cases(&[
        "rfc7574/5.2/chunks-verify",
        "rfc7574/5.3/hashes-come-before-data",
    ]),
    should(
        "rfc7574/5.3/datagram-alone",
        "Each datagram can be processed by itself.",
    )
    .findings(&[F::IntegrityUnverifiable, F::IntegritySeparate]),
    should(
        "rfc7574/5.3/no-message-across-datagrams",
        "Neither messages nor what they depend on reach over several datagrams.",
    )
    .findings(&[F::DatagramMalformed, F::IntegritySeparate])
    .cases(&[
        "rfc7574/5.3/hashes-in-same-datagram",
        "rfc7574/8.2/datagrams-decode",
    ]),
    should(
        "rfc7574/5.3/hashes-in-same-datagram",
        "The hashes that verify a chunk are in its datagram.",
    )
    .findings(&[F::IntegritySeparate])
    .cases(&["rfc7574/5.3/hashes-in-same-datagram"])
    .tests(&[PEAKS_AND_UNCLES]),
    must(
        "rfc7574/5.3/hashes-first-where-no-room",
        "Hashes that don't fit beside their chunk go before it.",
    )
    .findings(&[F::IntegrityMissing])
    .cases(&["rfc7574/5.3/hashes-come-before-data"])
    .tests(&[T(
        BEHAVIOUR,
        "chunk_sizes_from_one_byte_to_many_datagrams_serve",
    )]),
    should(
        "rfc7574/5.3/incomplete-dropped",
        "A message that can't be processed for want of others is dropped.",
    )
    .cases(&[
        "rfc7574/5.3/missing-hashes-refused",
        "rfc7574/6.1.2.3/missing-signature-refused",
    ]),
    may(
        "rfc7574/5.3/sent-hashes-skipped",
        "Hashes that were sent lately may be left out before they are acknowledged.",
    )
    .permission(),
    must(
        "rfc7574/5.3/needed-hashes",
        "A sender puts into the datagram whatever hashes it thinks its receiver lacks.",
    )
    .findings(&[F::IntegrityMissing, F::IntegrityUnverifiable])
    .cases(&[
        "rfc7574/5.3/hashes-come-before-data",
        "rfc7574/5.3/hashes-again-for-stranger",
    ])
    .tests(&[PEAKS_AND_UNCLES]),
    must(
        "rfc7574/5.3/hashes-remembered",
        "A receiver keeps the hashes that chunks yet to come need.",
    )
    .tests(&[ANY_LENGTH]),
    may(
        "rfc7574/5.3/hashes-forgotten",
        "A small device may forget hashes of chunks that it will not announce.",
    )
    .permission(),
    must(
        "rfc7574/5.4/hashes-then-data",
        "A datagram with a chunk has its INTEGRITY messages first and then the DATA.",
    )
    .findings(&[F::DataNotLast, F::IntegrityMissing])
    .cases(&[
        "rfc7574/5.3/hashes-come-before-data",
        "rfc7574/8.6/data-last",
    ])
    .tests(&[PEAKS_AND_UNCLES]),
    must(
        "rfc7574/5.4/hashes-first-where-no-room",
        "INTEGRITY messages that don't fit beside the DATA go before it.",
    )
    .findings(&[F::IntegrityMissing])
    .cases(&["rfc7574/5.3/hashes-come-before-data"])
    .tests(&[T(
        BEHAVIOUR,
        "chunk_sizes_from_one_byte_to_many_datagrams_serve",
    )]),
    must(
        "rfc7574/5.4/every-missing-hash",
        "Each hash that the receiver lacks has an INTEGRITY message.",
    )
    .findings(&[F::IntegrityMissing, F::IntegrityUnverifiable])
    .cases(&["rfc7574/5.3/hashes-come-before-data"]),
    must(
        "rfc7574/5.4/chunks-below-node",
        "An INTEGRITY names the chunks below its node, and holds the node's hash.",
    )
    .findings(&[
        F::IntegrityNotSubtree,
        F::IntegrityWrong,
        F::IntegrityConflict,
    ])
    .cases(&["rfc7574/5.4/integrity-names-subtree"]),
    must(
        "rfc7574/5.4/highest-first",
        "INTEGRITY messages go from the top of the tree downwards.",
    )
    .findings(&[F::IntegrityAscending])
    .cases(&["rfc7574/5.4/integrity-descending"])
    .tests(&[PEAKS_AND_UNCLES]),
    must(
        "rfc7574/5.4/chunk-and-its-id",
        "A DATA holds a chunk and says which one it is.",
    )
    .findings(&[F::DataNoChunk, F::DataManyChunks, F::DataWrong])
    .cases(&[
        "rfc7574/3.3/data-names-one-chunk",
        "rfc7574/5.2/chunks-verify",
    ]),
    may(
        "rfc7574/5.4/several-chunks",
        "The messages for several chunks may share a datagram.",
    )
    .permission(),
    may(
        "rfc7574/5.6/size-detection",
        "The size of content may be found out from its peaks.",
    )
    .tests(&[ANY_LENGTH]),
    stated(
        "rfc7574/5.6.1/only-last-is-short",
        "All chunks but the last have the fixed size, and the last one has what is left.",
    )
    .findings(&[F::DataLength])
    .cases(&["rfc7574/5.6.2/last-chunk-exact"])
    .tests(&[ANY_LENGTH]),
    must(
        "rfc7574/5.6.2/procedure",
        "Who finds out sizes does so by the RFC's procedure.",
    )
    .findings(&[F::IntegrityPeaksLate])
    .cases(&["rfc7574/5.6.2/peaks-come-first"])
    .tests(&[ANY_LENGTH]),
    must(
        "rfc7574/5.6.2/peaks-first",
        "Before the first chunk all peaks are sent, unless the receiver has acknowledged a chunk.",
    )
    .findings(&[F::IntegrityPeaksLate, F::IntegrityRepeated])
    .cases(&["rfc7574/5.6.2/peaks-come-first"])
    .tests(&[PEAKS_AND_UNCLES]),
    must(
        "rfc7574/5.6.2/peaks-before-uncles",
        "Peaks stand before the uncles of the chunk.",
    )
    .findings(&[F::IntegrityAscending])
    .cases(&["rfc7574/5.6.2/peaks-before-uncles"])
    .tests(&[PEAKS_AND_UNCLES]),
    must(
        "rfc7574/5.6.2/peaks-checked",
        "A receiver checks peaks against the root hash before it believes the size.",
    )
    .tests(&[T(
        BEHAVIOUR,
        "peaks_that_are_not_the_swarms_are_not_believed",
    )]),
    must(
        "rfc7574/5.6.2/last-chunk",
        "A receiver gets the last chunk to know the exact size.",
    )
    .tests(&[ANY_LENGTH]),
];
