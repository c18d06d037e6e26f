//! Chunk addressing (RFC 7574, section 4).

use ppspp_dissector::finding::FindingId as F;

use super::requirement::{BEHAVIOUR, PeerTest as T, Requirement, may, must, optional};

const EVERY_METHOD: T = T(
    BEHAVIOUR,
    "every_addressing_method_and_hash_function_serves",
);

pub(super) static ROWS: &[Requirement] = &[
    must(
        "rfc7574/4/one-method",
        "The peers of a swarm name chunks by the same method.",
    )
    .findings(&[F::HandshakeAddressingDiffers, F::HandshakeSwarmMetadata])
    .cases(&["rfc7574/4/other-addressing"]),
    must(
        "rfc7574/4.1.1/chunk-ranges",
        "Every peer can name chunks by ranges of chunks.",
    )
    .tests(&[EVERY_METHOD]),
    optional(
        "rfc7574/4.1.2/byte-ranges",
        "A peer may be able to name chunks by ranges of bytes.",
    )
    .findings(&[F::ChunksUnaligned])
    .tests(&[EVERY_METHOD]),
    optional(
        "rfc7574/4.2/bins",
        "A peer may be able to name chunks by bins.",
    )
    .tests(&[EVERY_METHOD]),
    must(
        "rfc7574/4.3.1/announce-verified",
        "Chunks that were verified are announced to every peer that may have them.",
    )
    .cases(&["rfc7574/3.2/announces-chunks"])
    .tests(&[T(BEHAVIOUR, "peers_find_each_other_through_a_third")]),
    must(
        "rfc7574/4.3.1/biggest-interval",
        "A HAVE names the biggest interval without gaps around the chunks that just came.",
    )
    .findings(&[F::HaveNotBiggest])
    .cases(&["rfc7574/4.3.1/biggest-interval"]),
    must(
        "rfc7574/4.3.1/whole-interval",
        "A HAVE names all of the chunks that just came, at least.",
    )
    .findings(&[F::HaveNotBiggest])
    .cases(&["rfc7574/3.2/announces-chunks"]),
    may(
        "rfc7574/4.3.1/binmap",
        "What peers have may be kept in a binmap.",
    )
    .not_checkable("How an implementation keeps what it knows does not show."),
    must(
        "rfc7574/4.3.2/acknowledge-over-udp",
        "Where datagrams may be lost, chunks are acknowledged.",
    )
    .findings(&[F::AckNone, F::AckMissing]),
    must(
        "rfc7574/4.3.2/biggest-interval",
        "An ACK names the biggest interval without gaps around the chunks that just came.",
    )
    .findings(&[F::AckNotBiggest]),
];
