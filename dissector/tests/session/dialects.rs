//! Implementations that do not write as the RFC says.

use ppspp_dissector::session::State;
use ppspp_dissector::wire::{
    ChannelId, ChunkAddressing, ChunkSpec, HashFunction, Layout, Message, OptionCode,
    ProtocolOption, dialect,
};

use super::support::{A, ALICE, B, BOB, Talk};
use super::words::{
    Change, STATIC, Say, bare_handshake, close, handshake, have, legacy, libswift, noise_of,
    options, options_in, root,
};

/// The first message of legacy swift: the hash of everything names the swarm.
fn naming() -> Message<'static> {
    Message::Integrity {
        spec: ChunkSpec::Bin32(u32::MAX >> 1),
        hash: root(HashFunction::Sha1),
    }
}

/// A legacy channel, opened.
fn opened() -> Talk {
    let mut talk = Talk::written(legacy());
    talk.from(ALICE).to(BOB).send([naming(), bare_handshake(A)]);
    talk.bob([bare_handshake(B), legacy().have(0, 7)]);
    talk
}

#[test]
fn legacy_swift_is_followed_from_first_to_last_datagram() {
    let swift = legacy();
    let mut talk = opened();
    talk.alice([swift.request(0, 3)]);
    talk.bob([
        swift.integrity(0, 7),
        swift.integrity(4, 7),
        swift.integrity(2, 3),
        swift.integrity(1, 1),
        swift.data(0),
    ]);
    talk.alice([swift.ack(0, 0)]);
    talk.alice([Message::Randomize([1, 2, 3, 4]), swift.request(4, 7)]);
    talk.alice([Message::PexReq]);
    talk.bob([Message::PexResV4 {
        address: [192, 0, 2, 9].into(),
        port: 7009,
    }]);
    talk.alice([]);
    let last = talk.alice([bare_handshake(0)]);
    assert_eq!(last.offsets, [4]);
    talk.assert_read_as_sent();
    assert_eq!(talk.channel().closed_by(), Some(ALICE));
    let swarm = talk.swarm();
    assert_eq!(swarm.id.as_deref(), Some(root(HashFunction::Sha1)));
    assert_eq!(swarm.dialect.name, "legacy-swift");
    assert_eq!(
        swarm
            .hash_function
            .map(|known| (known.value, known.inferred)),
        Some((HashFunction::Sha1, false))
    );
    assert_eq!(
        swarm.chunk_addressing.map(|known| known.value),
        Some(ChunkAddressing::Bin32)
    );
    assert_eq!(talk.findings(), ["dialect.legacy-swift"]);
}

#[test]
fn a_first_message_of_legacy_swift_is_one_channel_however_often_it_comes() {
    let mut talk = Talk::written(legacy());
    for _ in 0..3 {
        talk.wait(1_000);
        let first = [naming(), bare_handshake(A), Message::Randomize([9; 4])];
        assert!(talk.from(ALICE).to(BOB).send(first).as_sent);
    }
    assert_eq!(talk.channel().state, State::HalfOpen);
    assert_eq!(talk.count("handshake.retransmitted"), 2);
}

#[test]
fn after_unanswered_handshakes_libswift_goes_on_with_legacy_swift_on_the_same_channel() {
    let ours = libswift(options_in(&STATIC, root(HashFunction::Sha1)));
    let ours = ours.with(ProtocolOption::HashFunction(HashFunction::Sha1));
    let mut talk = Talk::default();
    for _ in 0..3 {
        talk.wait(1_200);
        talk.from(ALICE).to(BOB).send([handshake(A, &ours)]);
    }
    talk.layout = legacy();
    talk.wait(1_200);
    let fourth = talk.from(ALICE).to(BOB).send([naming(), bare_handshake(A)]);
    assert!(fourth.has("dialect.legacy-fallback"));
    assert!(fourth.has("handshake.retransmitted"));
    assert_eq!(fourth.channel, Some((Some(ChannelId(A)), None)));
    talk.bob([bare_handshake(B), legacy().have(0, 7)]);
    talk.alice([legacy().request(0, 0)]);
    talk.bob([legacy().integrity(0, 7), legacy().data(0)]);
    talk.assert_read_as_sent();
    assert_eq!(talk.channel().datagrams, 7);
    assert_eq!(talk.swarm().dialect.name, "legacy-swift");
}

#[test]
fn libswift_is_recognised_by_its_options() {
    let mut talk = Talk::default();
    talk.open(&libswift(options()), &libswift(options()), &[]);
    // Its replies name the lowest version, but not always the swarm.
    assert_eq!(talk.count("dialect.libswift"), 2);
    let mut talk = Talk::default();
    talk.download();
    assert_eq!(talk.count("dialect.libswift"), 0);
}

fn pyppspp() -> Layout {
    Layout {
        dialect: &dialect::PYPPSPP,
        ..STATIC
    }
}

#[test]
fn the_uuid_of_pyppspp_is_read() {
    let uuid = ProtocolOption::Foreign {
        code: 10,
        name: "peer_uuid",
        value: noise_of(16),
    };
    let all = options().with(uuid);
    let mut talk = Talk::written(pyppspp());
    talk.open(&all, &all, &[have(0, 7)]);
    talk.assert_read_as_sent();
    for seen in talk.seen() {
        assert!(seen.has("dialect.pyppspp") && seen.has("handshake.option-foreign"));
    }
    assert_eq!(talk.swarm().dialect.name, "pyppspp");
    let version = [
        ProtocolOption::Version(1),
        ProtocolOption::MinimumVersion(1),
    ];
    let seen = talk.alice([handshake(0, &version)]);
    assert!(seen.has("handshake.close-options"));
}

#[test]
fn an_answer_to_pyppspp_without_its_option_is_not_taken_for_pyppspp() {
    let uuid = ProtocolOption::Foreign {
        code: 10,
        name: "peer_uuid",
        value: noise_of(16),
    };
    let mut talk = Talk::default();
    talk.from(ALICE)
        .to(BOB)
        .in_layout(pyppspp())
        .send([handshake(A, &options().with(uuid))]);
    let seen = talk.bob([handshake(B, &options().reply())]);
    assert!(seen.as_sent);
    assert!(!seen.has("dialect.pyppspp"));
    assert_eq!(seen.layout.dialect.name, "rfc7574");
    assert!(!talk.alice([STATIC.request(0, 0)]).has("dialect.pyppspp"));
}

#[test]
fn the_options_of_peregrine_before_2020_are_read() {
    let layout = Layout {
        dialect: &dialect::PEREGRINE_2019,
        ..STATIC
    };
    let foreign = |code, name, value| ProtocolOption::Foreign { code, name, value };
    let all = options()
        .with(foreign(10, "file_size", noise_of(8)))
        .with(foreign(11, "file_name", b"film.mpg"))
        .with(foreign(12, "file_hash", noise_of(20)));
    let mut talk = Talk::written(layout);
    talk.open(&all, &all, &[]);
    talk.assert_read_as_sent();
    assert_eq!(talk.count("dialect.peregrine"), 2);
    assert_eq!(talk.count("handshake.option-foreign"), 6);
    assert_eq!(talk.swarm().dialect.name, "peregrine-2019");
}

#[test]
fn an_option_that_no_dialect_knows_ends_the_list_and_the_datagram() {
    let mut body = vec![0];
    body.extend_from_slice(&A.to_be_bytes());
    body.extend_from_slice(&[0, 1, 1, 1, 77, 1, 2, 3]);
    let mut talk = Talk::default();
    let seen = talk.from(ALICE).to(BOB).send_body(&body);
    assert!(seen.is_ppspp);
    let finding = seen.finding("handshake.option-unknown").expect("raised");
    assert_eq!(finding.offset, Some(13));
    assert_eq!(seen.undecoded, body.len());
}

#[test]
fn datagrams_framed_in_tcp_are_followed_too() {
    let mut talk = Talk::written(pyppspp());
    let first = talk
        .from(ALICE)
        .to(BOB)
        .over_tcp()
        .send([handshake(A, &options())]);
    assert_eq!(first.findings(), ["transport.tcp"]);
    let reply = [handshake(B, &options().reply()), have(0, 7)];
    talk.from(BOB).to(ALICE).channel(A).over_tcp().send(reply);
    talk.from(ALICE)
        .to(BOB)
        .channel(B)
        .over_tcp()
        .send([STATIC.request(0, 7)]);
    // No ACK is owed over TCP.
    talk.from(BOB)
        .to(ALICE)
        .channel(A)
        .over_tcp()
        .send([STATIC.integrity(0, 7), STATIC.data(0)]);
    talk.from(ALICE)
        .to(BOB)
        .channel(B)
        .over_tcp()
        .send([close()]);
    assert_eq!(talk.count("ack.missing"), 0);
    assert_eq!(talk.channel().datagrams, 5);
    talk.assert_read_as_sent();
}

#[test]
fn a_first_handshake_without_chunk_size_reads_chunks_to_the_end() {
    let short = options().without(OptionCode::ChunkSize);
    let layout = Layout {
        chunk_size: ppspp_dissector::wire::ChunkSize::Unknown,
        ..STATIC
    };
    let mut talk = Talk::written(layout);
    talk.open(&short, &short.clone().reply(), &[layout.have(0, 7)]);
    talk.alice([layout.request(0, 7)]);
    talk.bob([layout.integrity(0, 7), layout.data_of(0, 0, 2048)]);
    talk.assert_read_as_sent();
    let size = talk.swarm().chunk_size().expect("a chunk was seen");
    assert_eq!((size.value, size.inferred), (2048, true));
}
