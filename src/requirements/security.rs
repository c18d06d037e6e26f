//! Security considerations (RFC 7574, section 12).

use ppspp_dissector::finding::FindingId as F;

use super::requirement::{BEHAVIOUR, PeerTest as T, Requirement, must, should};

pub(super) static ROWS: &[Requirement] = &[
    must(
        "rfc7574/12.1.2/third-at-once",
        "An initiator that still wants to talk answers the reply at once.",
    )
    .findings(&[F::HandshakeThirdLate]),
    should(
        "rfc7574/12.2.2/few-certificates-checked",
        "A peer checks a few of the certificates that another sends, and discards the rest where \
         those are bad.",
    )
    .not_checkable("How many certificates are checked does not show."),
    must(
        "rfc7574/12.5/sha1",
        "Every peer knows the hash function SHA-1 for Merkle hash trees.",
    )
    .tests(&[T(
        BEHAVIOUR,
        "every_addressing_method_and_hash_function_serves",
    )]),
];
