//! Peers that declare different things: each is read with its own options.

use ppspp_dissector::wire::{
    ChunkAddressing, ChunkSize, ContentIntegrity, HashFunction, Layout, OptionCode, ProtocolOption,
};

use super::support::{A, ALICE, B, BOB, Talk, addressings};
use super::words::{Change, STATIC, Say, handshake, options, options_in, swarm};

#[test]
fn each_side_is_read_with_the_addressing_that_it_declared() {
    for ours in addressings() {
        for theirs in addressings() {
            let [alice, bob] = [ours, theirs].map(|addressing| Layout {
                addressing,
                ..STATIC
            });
            let mut talk = Talk::default();
            talk.from(ALICE)
                .to(BOB)
                .send([handshake(A, &options_in(&alice, swarm()))]);
            let reply = options_in(&bob, swarm()).reply();
            let bob_says = [handshake(B, &reply), bob.have(0, 7)];
            let seen = talk
                .from(BOB)
                .to(ALICE)
                .channel(A)
                .in_layout(bob)
                .send(bob_says);
            assert_eq!(seen.has("handshake.addressing-differs"), ours != theirs);
            let alice_says = [alice.have(0, 3), alice.request(4, 7)];
            talk.from(ALICE)
                .to(BOB)
                .channel(B)
                .in_layout(alice)
                .send(alice_says);
            let bob_says = [bob.integrity(0, 7), bob.data(4)];
            talk.from(BOB)
                .to(ALICE)
                .channel(A)
                .in_layout(bob)
                .send(bob_says);
            talk.assert_read_as_sent();
            assert_eq!(talk.count("dialect.pyppspp"), 0);
        }
    }
}

#[test]
fn messages_behind_a_reply_are_read_as_the_reply_says() {
    // Hashes make it matter: the initiator's width would lead astray.
    let alice = Layout {
        addressing: ChunkAddressing::Bin32,
        ..STATIC
    };
    let bob = Layout {
        hash_function: HashFunction::Sha1,
        ..STATIC
    };
    let mut talk = Talk::default();
    talk.from(ALICE)
        .to(BOB)
        .send([handshake(A, &options_in(&alice, swarm()))]);
    let reply = options_in(&bob, swarm()).reply();
    let says = [
        handshake(B, &reply),
        bob.integrity(0, 7),
        bob.have(0, 7),
        bob.have(9, 12),
    ];
    let seen = talk
        .from(BOB)
        .to(ALICE)
        .channel(A)
        .in_layout(bob)
        .send(says);
    assert!(seen.as_sent, "{seen:#?}");
    assert_eq!(seen.layout.dialect.name, "rfc7574");
}

#[test]
fn each_side_is_read_with_the_hash_function_that_it_declared() {
    let bob = Layout {
        hash_function: HashFunction::Sha512,
        ..STATIC
    };
    let mut talk = Talk::default();
    talk.open(&options(), &options_in(&bob, swarm()).reply(), &[]);
    assert!(talk.seen()[1].has("handshake.metadata-differs"));
    talk.alice([STATIC.integrity(0, 3), STATIC.have(0, 3)]);
    talk.from(BOB)
        .to(ALICE)
        .channel(A)
        .in_layout(bob)
        .send([bob.integrity(0, 3), bob.have(0, 3)]);
    talk.assert_read_as_sent();
}

#[test]
fn each_side_is_read_with_the_chunk_size_that_it_declared() {
    let bob = Layout {
        chunk_size: ChunkSize::Fixed(512),
        ..STATIC
    };
    let mut talk = Talk::default();
    talk.open(&options(), &options_in(&bob, swarm()).reply(), &[]);
    talk.alice([STATIC.request(0, 3)]);
    talk.from(BOB).to(ALICE).channel(A).in_layout(bob).send([
        bob.integrity(0, 3),
        bob.data(0),
        bob.data(1),
    ]);
    talk.alice([STATIC.data(5)]);
    talk.assert_read_as_sent();
    assert_eq!(talk.seen()[3].layout.chunk_size, ChunkSize::Fixed(512));
}

#[test]
fn what_a_side_leaves_out_is_taken_from_the_other() {
    let bins = Layout {
        addressing: ChunkAddressing::Bin64,
        hash_function: HashFunction::Sha384,
        ..STATIC
    };
    let silent = options_in(&bins, swarm())
        .reply()
        .without(OptionCode::ChunkAddressing)
        .without(OptionCode::HashFunction)
        .without(OptionCode::ChunkSize);
    let mut talk = Talk::written(bins);
    talk.open(&options_in(&bins, swarm()), &silent, &[bins.have(0, 7)]);
    talk.alice([bins.request(0, 1)]);
    talk.bob([bins.integrity(0, 7), bins.data(0), bins.data(1)]);
    talk.assert_read_as_sent();
}

#[test]
fn versions_without_overlap_are_told_and_read_all_the_same() {
    let newer = options()
        .with(ProtocolOption::Version(3))
        .with(ProtocolOption::MinimumVersion(2));
    let mut talk = Talk::default();
    talk.open(&newer, &options().reply(), &[]);
    assert!(talk.seen()[1].has("handshake.versions-disjoint"));
    let overlapping = options().with(ProtocolOption::Version(2));
    let mut talk = Talk::default();
    talk.open(&overlapping, &options().reply(), &[]);
    assert_eq!(talk.count("handshake.versions-disjoint"), 0);
}

#[test]
fn several_chunks_in_a_datagram_are_split_by_the_chunk_size() {
    for size in [512, 700, 1024, 4096] {
        for addressing in addressings() {
            let layout = Layout {
                addressing,
                chunk_size: ChunkSize::Fixed(size),
                ..STATIC
            };
            let mut talk = Talk::written(layout);
            let all = options_in(&layout, swarm());
            talk.open(&all, &all.clone().reply(), &[layout.have(0, 7)]);
            talk.alice([layout.request(0, 3)]);
            let seen = talk.bob([
                layout.integrity(0, 7),
                layout.data(0),
                layout.data(1),
                layout.data(2),
            ]);
            assert!(seen.as_sent, "{addressing} {size}: {seen:#?}");
            assert_eq!(talk.swarm().seen.len(), 3);
        }
    }
}

#[test]
fn a_last_short_chunk_ends_with_its_datagram() {
    let mut talk = Talk::default();
    talk.download();
    talk.alice([STATIC.request(7, 7)]);
    let seen = talk.bob([STATIC.integrity(0, 7), STATIC.data_of(7, 7, 10)]);
    assert!(seen.as_sent);
    assert_eq!(seen.findings(), [""; 0]);
}

#[test]
fn variable_chunks_reach_to_the_end_of_their_datagram() {
    let layout = Layout {
        chunk_size: ChunkSize::Variable,
        ..STATIC
    };
    let mut talk = Talk::written(layout);
    let all = options_in(&layout, swarm());
    talk.open(&all, &all.clone().reply(), &[layout.have(0, 7)]);
    talk.alice([layout.request(0, 3)]);
    for length in [1, 513, 1400] {
        let seen = talk.bob([layout.integrity(0, 7), layout.data_of(0, 0, length)]);
        assert!(seen.as_sent);
    }
    assert_eq!(talk.swarm().chunk_size(), None);
}

#[test]
fn data_to_a_peer_of_version_2_may_lack_its_timestamp() {
    // libswift does that.
    let newer = options().with(ProtocolOption::Version(2));
    for data_timestamp in [true, false] {
        let bob = Layout {
            data_timestamp,
            ..STATIC
        };
        let mut talk = Talk::default();
        talk.open(&newer, &options().reply(), &[STATIC.have(0, 7)]);
        talk.alice([STATIC.request(0, 7)]);
        for chunk in 0..4 {
            let says = [bob.integrity(0, 7), bob.data(chunk)];
            let seen = talk
                .from(BOB)
                .to(ALICE)
                .channel(A)
                .in_layout(bob)
                .send(says);
            assert!(seen.as_sent, "{seen:#?}");
            assert_eq!(seen.has("data.timestamp-missing"), !data_timestamp);
        }
        assert_eq!(talk.count("inferred.timestamp"), u64::from(!data_timestamp));
    }
}

#[test]
fn a_method_that_nobody_knows_is_kept_as_a_number() {
    let odd = options()
        .with(ProtocolOption::ContentIntegrity(
            ContentIntegrity::from_code(9),
        ))
        .with(ProtocolOption::HashFunction(HashFunction::from_code(200)));
    let mut talk = Talk::default();
    talk.open(&odd, &odd.clone().reply(), &[]);
    assert_eq!(
        talk.swarm().content_integrity,
        Some(ContentIntegrity::Unassigned(9))
    );
    assert_eq!(talk.count("handshake.unassigned-value"), 4);
}
