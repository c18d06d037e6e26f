//! Security considerations (RFC 7574, section 12).

use ppspp_dissector::finding::FindingId as F;

use super::requirement::{BEHAVIOUR, LIMITS, PeerTest as T, Requirement, must, should, stated};

pub(super) static ROWS: &[Requirement] = &[
    stated(
        "rfc7574/12/overruns",
        "Who implements the protocol thinks of buffer overruns, denial of service and \
         manipulation.",
    )
    .cases(&[
        "rfc7574/12/mutated-datagrams",
        "rfc7574/7.4/long-swarm-ids",
        "rfc7574/8.1/huge-datagrams",
        "rfc7574/8.4/truncated-handshakes",
    ])
    .tests(&[T(
        LIMITS,
        "offers_of_more_chunks_than_there_can_be_do_no_harm",
    )]),
    stated(
        "rfc7574/12.1.1/amplification",
        "Little is sent to an address that may be forged.",
    )
    .cases(&[
        "rfc7574/12.1.1/amplification",
        "rfc7574/3.1.1/no-heavy-payload-before-third",
    ])
    .tests(&[T(LIMITS, "a_repeated_handshake_is_not_answered_for_ever")]),
    stated(
        "rfc7574/12.1.2/flood",
        "Attackers do not deny service to others by making a peer keep lots of state.",
    )
    .cases(&["rfc7574/12.1.2/flood-of-handshakes"])
    .tests(&[
        T(
            LIMITS,
            "handshakes_that_go_no_further_are_forgotten_and_keep_nobody_out",
        ),
        T(
            LIMITS,
            "one_host_with_many_handshakes_pushes_out_nobody_else",
        ),
    ]),
    must(
        "rfc7574/12.1.2/third-at-once",
        "An initiator that still wants to talk answers the reply at once.",
    )
    .findings(&[F::HandshakeThirdLate]),
    stated(
        "rfc7574/12.2/addresses",
        "PEX is not to make peers send to whom an attacker likes.",
    )
    .cases(&["rfc7574/12.2/unasked-addresses"])
    .tests(&[T(LIMITS, "peers_that_nobody_asked_for_are_not_contacted")]),
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
    stated(
        "rfc7574/12.6.3/bogus-chunks",
        "Chunks that are not the content's are known by the content integrity protection.",
    )
    .cases(&["rfc7574/12.6.3/unasked-data"])
    .tests(&[
        T(
            BEHAVIOUR,
            "a_peer_that_sends_wrong_chunks_is_dropped_and_others_are_asked",
        ),
        T(LIMITS, "a_flood_of_chunks_that_nobody_asked_for_is_ended"),
    ]),
    stated(
        "rfc7574/12.6.4/wrong-acks",
        "Acknowledgements of chunks that were never sent are noticed.",
    )
    .findings(&[F::AckUnsent])
    .cases(&["rfc7574/12.6.4/ack-of-nothing"]),
    stated(
        "rfc7574/12.6.5/bogus-hashes",
        "Hashes that do not check out do not count, and what follows from their sender is ignored.",
    )
    .cases(&["rfc7574/12.6.5/bogus-integrity"])
    .tests(&[T(
        LIMITS,
        "a_flood_of_hashes_that_nobody_asked_for_is_ended",
    )]),
    stated(
        "rfc7574/12.6.6/upload-limit",
        "One peer gets only so much of another's upload capacity.",
    )
    .tests(&[T(
        LIMITS,
        "nobody_gets_more_than_its_share_of_the_upload_rate",
    )]),
    stated(
        "rfc7574/12.6.7/cancel-of-nothing",
        "A CANCEL of what was never asked for is ignored.",
    )
    .cases(&["rfc7574/12.6.7/cancel-of-nothing"])
    .tests(&[T(LIMITS, "a_flood_of_cancels_is_ended")]),
    stated(
        "rfc7574/12.6.8/choked-requests",
        "REQUESTs of a choked peer are discarded, and it is told again.",
    )
    .tests(&[T(LIMITS, "who_asks_though_it_is_choked_is_told_again")]),
    stated(
        "rfc7574/12.6.9/unchoke-unchoked",
        "An UNCHOKE of who was not choked is ignored.",
    )
    .findings(&[F::UnchokeUnchoked]),
    stated(
        "rfc7574/12.6.11/unsolicited",
        "Messages from who has not shaken hands are not accepted.",
    )
    .cases(&["rfc7574/3.1.1/no-handshake", "rfc7574/3.1.1/other-source"])
    .tests(&[T(BEHAVIOUR, "datagrams_from_another_address_are_discarded")]),
];
