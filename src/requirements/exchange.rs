//! HAVE, DATA, ACK, INTEGRITY, REQUEST, CANCEL, CHOKE and UNCHOKE (RFC 7574,
//! sections 3.2 to 3.9).

use ppspp_dissector::finding::FindingId as F;

use super::requirement::{
    BEHAVIOUR, LIMITS, LIVE, PeerTest as T, Requirement, may, must, must_not, optional, should,
    should_not, stated,
};

pub(super) static ROWS: &[Requirement] = &[
    must(
        "rfc7574/3.2/announce-verified",
        "Chunks that were verified are announced to every peer that may have them.",
    )
    .cases(&["rfc7574/3.2/announces-chunks"])
    .tests(&[
        T(BEHAVIOUR, "peers_find_each_other_through_a_third"),
        T(LIVE, "viewers_see_a_stream_of_signed_munros_and_relay_it"),
    ]),
    must(
        "rfc7574/3.2/have-names-chunks",
        "A HAVE names chunks that its sender has and has verified.",
    )
    .cases(&["rfc7574/8.5/announces-only-content"]),
    must_not(
        "rfc7574/3.2/have-before-handshake",
        "No HAVE goes to a peer whose handshake is not complete.",
    )
    .findings(&[F::HandshakeHaveEarly]),
    should_not(
        "rfc7574/3.2/have-to-seeder",
        "A peer that has everything is spared HAVEs.",
    )
    .findings(&[F::HaveToSeeder])
    .cases(&["rfc7574/3.2/no-have-to-complete-peer"]),
    must(
        "rfc7574/3.3/chunk-and-its-id",
        "A DATA holds a chunk and says which one it is.",
    )
    .findings(&[F::DataNoChunk, F::DataManyChunks, F::DataEmpty])
    .cases(&["rfc7574/3.3/data-names-one-chunk"]),
    may(
        "rfc7574/3.3/several-in-datagram",
        "A datagram may hold several chunks.",
    )
    .permission(),
    may(
        "rfc7574/3.3/congestion-control-fields",
        "A DATA may hold what congestion control needs.",
    )
    .permission(),
    must(
        "rfc7574/3.3/system-time",
        "A DATA holds its sender's time, as LEDBAT needs it.",
    )
    .findings(&[F::DataTimestampMissing, F::DataTimestampOdd])
    .cases(&["rfc7574/8.6/timestamp-runs"]),
    must(
        "rfc7574/3.4/acknowledge-over-udp",
        "Where datagrams may be lost, chunks are acknowledged.",
    )
    .findings(&[F::AckNone, F::AckMissing]),
    may(
        "rfc7574/3.4/acknowledge-over-reliable",
        "Where nothing is lost, chunks may be acknowledged.",
    )
    .permission(),
    must(
        "rfc7574/3.4/acknowledge-verified",
        "An ACK follows for chunks that were verified, and names them.",
    )
    .findings(&[F::AckMissing, F::AckUnsent]),
    must(
        "rfc7574/3.4/one-way-delay",
        "An ACK holds the one-way delay, computed from the time in the DATA.",
    )
    .findings(&[F::AckAbsoluteTime, F::AckDelayOdd]),
    may(
        "rfc7574/3.4/delayed",
        "ACKs may wait as long as LEDBAT allows.",
    )
    .tests(&[T(
        "src/peer/engine/ledbat/paths.rs",
        "late_and_bundled_acknowledgements_do_not_hold_it_back",
    )]),
    must(
        "rfc7574/3.5/hash-of-subtree",
        "With Merkle trees an INTEGRITY holds the hash of one subtree and says of which.",
    )
    .findings(&[F::IntegrityNotSubtree, F::IntegrityNoTree])
    .cases(&["rfc7574/5.4/integrity-names-subtree"]),
    must(
        "rfc7574/3.7/names-chunks",
        "A REQUEST says which chunks are wanted.",
    )
    .findings(&[F::ChunksReversed, F::RequestUnannounced]),
    may(
        "rfc7574/3.7/may-be-served",
        "Who is asked for chunks may send them.",
    )
    .cases(&["rfc7574/3.7/range-served"])
    .tests(&[T(BEHAVIOUR, "content_of_any_length_arrives")]),
    should(
        "rfc7574/3.7/in-order",
        "A peer's REQUESTs are processed in the order in which they came.",
    )
    .cases(&["rfc7574/3.7/requests-in-order"]),
    may(
        "rfc7574/3.7/several-in-datagram",
        "A datagram may hold several REQUESTs.",
    )
    .cases(&["rfc7574/3.7/several-requests"]),
    may(
        "rfc7574/3.7/push",
        "Where live content is pushed, chunks may come that nobody asked for.",
    )
    .findings(&[F::DataUnrequested]),
    should(
        "rfc7574/3.8/cancel-elsewhere",
        "Who asks another peer for urgent chunks cancels them with all those asked before.",
    )
    .unchecked(
        "Nobody follows one peer's requests over several channels; our own peer cancels when the \
         chunk has come, not when it asks anew.",
    ),
    stated(
        "rfc7574/3.8/cancel",
        "A CANCEL names chunks that its sender no longer wants to be sent.",
    )
    .cases(&["rfc7574/3.8/cancel-stops"])
    .tests(&[T(BEHAVIOUR, "cancelled_chunks_are_not_sent")]),
    must(
        "rfc7574/3.8/have-cancels",
        "A HAVE for chunks ends the requests of its sender for them.",
    )
    .cases(&["rfc7574/3.8/have-cancels"]),
    stated(
        "rfc7574/3.9/choke",
        "CHOKE says that its sender answers no REQUESTs, not that it has none.",
    )
    .cases(&["rfc7574/3.9/choked-target-serves"])
    .tests(&[T(LIMITS, "who_asks_though_it_is_choked_is_told_again")]),
    may(
        "rfc7574/3.9/unchoke",
        "Who has choked a peer may unchoke it later.",
    )
    .findings(&[F::UnchokeUnchoked])
    .tests(&[T(BEHAVIOUR, "a_choked_peer_is_told_and_gets_no_chunk")]),
    should(
        "rfc7574/3.9/old-requests-discarded",
        "What was asked for before a choke is not served after it.",
    )
    .tests(&[T(BEHAVIOUR, "a_choked_peer_is_told_and_gets_no_chunk")]),
    must_not(
        "rfc7574/3.9/no-request-while-choked",
        "A choked peer sends no new REQUEST.",
    )
    .findings(&[F::RequestWhileChoked]),
    must_not(
        "rfc7574/3.9/have-does-not-unchoke",
        "A HAVE from who chokes it does not allow a peer to send REQUESTs again.",
    )
    .findings(&[F::RequestWhileChoked]),
    optional(
        "rfc7574/3.9/answers-optional",
        "Nobody has to answer REQUESTs.",
    )
    .permission(),
];
