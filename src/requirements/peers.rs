//! Exchange of addresses, channels and keep-alives (RFC 7574, sections 3.10 to
//! 3.12).

use ppspp_dissector::finding::FindingId as F;

use super::requirement::{
    BEHAVIOUR, PeerTest as T, Requirement, may, must, optional, should, stated,
};

const MEMBERS: T = T(
    "tests/peer_membership.rs",
    "members_find_each_other_by_certificates_that_a_third_hands_on",
);

pub(super) static ROWS: &[Requirement] = &[
    optional(
        "rfc7574/3.10.1/pex-optional",
        "Nobody has to exchange addresses of peers.",
    )
    .cases(&["rfc7574/8.13/pex-messages-read"]),
    may(
        "rfc7574/3.10.1/ask",
        "A peer may ask another for addresses.",
    )
    .cases(&["rfc7574/8.13/pex-messages-read"])
    .tests(&[T(BEHAVIOUR, "peers_find_each_other_through_a_third")]),
    may(
        "rfc7574/3.10.1/answer",
        "Who is asked may answer with membership certificates.",
    )
    .tests(&[MEMBERS]),
    must(
        "rfc7574/3.10.1/recently-heard",
        "An address is told only where its peer was heard within the last minute.",
    )
    .tests(&[T(
        BEHAVIOUR,
        "addresses_are_told_only_of_peers_that_were_heard_lately",
    )]),
    stated(
        "rfc7574/3.10.1/third-peers",
        "A PEX_RES names another peer, which its receiver could talk with.",
    )
    .cases(&[
        "rfc7574/3.10.1/asker-not-named",
        "rfc7574/3.10.1/usable-addresses",
    ]),
    may(
        "rfc7574/3.10.1/ignore",
        "Peers may ignore requests for addresses, and addresses.",
    )
    .cases(&["rfc7574/8.13/pex-messages-read"]),
    must(
        "rfc7574/3.10.1/some-from-tracker",
        "Where peers may be hostile, some of a peer's connections go to addresses from a trusted \
         tracker.",
    )
    .not_checkable("Where a peer has an address from does not show."),
    must(
        "rfc7574/3.10.1/plain-addresses-where-benign",
        "Addresses without certificate are told only where nobody is hostile, as in a private \
         network.",
    )
    .findings(&[F::PexUnprotected])
    .tests(&[MEMBERS]),
    must(
        "rfc7574/3.11/random-ids",
        "The channel ID of either end is drawn at random.",
    )
    .findings(&[F::ChannelIdsEqual, F::ChannelIdSmall, F::ChannelIdNotRandom])
    .cases(&[
        "rfc7574/3.11/own-channel-id",
        "rfc7574/3.11/random-channel-ids",
    ]),
    stated(
        "rfc7574/3.11/many-of-one-address",
        "Channels let several swarms and peers share a transport address.",
    )
    .cases(&["rfc7574/3.11/two-channels-of-one-address"])
    .tests(&[T(
        "tests/peer_limits.rs",
        "a_peer_with_several_channels_gets_one_share",
    )]),
    should(
        "rfc7574/3.12/keep-alive",
        "A peer that is of interest hears from us now and then, by keep-alives where there is \
         nothing to say.",
    )
    .findings(&[F::ChannelDeadPeer, F::KeepAliveBurst])
    .cases(&[
        "rfc7574/3.12/sends-keep-alives",
        "rfc7574/3.12/forgets-dead-peers",
    ])
    .tests(&[T(
        BEHAVIOUR,
        "a_silent_peer_is_kept_alive_and_then_taken_for_dead",
    )]),
];
