//! `handshake.*`.

use ppspp_dissector::wire::{
    ChunkAddressing, ContentIntegrity, DiscardWindow, HashFunction, MessageType, OptionCode,
    ProtocolOption, SignatureAlgorithm, bitmap_of,
};

use super::At::{Byte, Datagram, Message};
use super::{Case, case};
use crate::support::{A, ALICE, B, BOB, CAROL, Talk};
use crate::words::{
    Change, KEY, Options, STATIC, close, data, endless, handshake, have, live_options, noise_of,
    options, options_in, request,
};

/// Alice opens a channel with these options.
fn first(talk: &mut Talk, options: &Options) {
    talk.from(ALICE).to(BOB).send([handshake(A, options)]);
}

/// Bob answers a proper first handshake with these options.
fn reply(talk: &mut Talk, answer: &Options) {
    first(talk, &options());
    talk.bob([handshake(B, answer)]);
}

fn good(talk: &mut Talk) {
    talk.download();
}

fn good_live(talk: &mut Talk) {
    talk.live();
}

/// A peer on the Internet opens a channel of a stream whose chunks are all signed.
fn sign_all_towards(talk: &mut Talk, other: &str) {
    let one = "9.9.9.9:7000".parse().expect("an address");
    let other = other.parse().expect("an address");
    let sign_all = ProtocolOption::ContentIntegrity(ContentIntegrity::SignAll);
    let options = live_options().with(sign_all);
    talk.from(one).to(other).send([handshake(A, &options)]);
}

/// Two options change places.
fn swapped(one: usize, other: usize, mut options: Options) -> Options {
    options.swap(one, other);
    options
}

fn twice(option: ProtocolOption<'static>, mut options: Options) -> Options {
    options.push(option);
    options.sort_by_key(|option| option.code().code());
    options
}

fn bitmap(bytes: Vec<u8>) -> ProtocolOption<'static> {
    ProtocolOption::SupportedMessages(Vec::leak(bytes))
}

fn window(chunks: u32) -> ProtocolOption<'static> {
    ProtocolOption::LiveDiscardWindow(DiscardWindow::Bits32(chunks))
}

pub(super) const CASES: &[Case] = &[
    case(
        "handshake.not-first",
        Message(1),
        |talk| {
            talk.under_way();
            talk.alice([request(1, 1), handshake(A, &options())]);
        },
        |talk| first(talk, &options()),
    ),
    case(
        "handshake.retransmitted",
        Message(0),
        |talk| {
            first(talk, &options());
            first(talk, &options());
        },
        good,
    ),
    case(
        "handshake.repeated",
        Message(0),
        |talk| {
            talk.under_way().wait(5_000);
            talk.bob([handshake(B, &options().reply()), have(0, 7)]);
        },
        |talk| {
            talk.download();
            talk.bob([handshake(B, &options().reply()), have(0, 7)]);
        },
    ),
    case(
        "handshake.reply-channel-differs",
        Message(0),
        |talk| {
            good(talk);
            talk.bob([handshake(0x3333_5555, &options().reply())]);
        },
        |talk| {
            good(talk);
            talk.bob([handshake(B, &options().reply())]);
        },
    ),
    case(
        "handshake.reply-missing",
        Datagram,
        |talk| {
            first(talk, &options());
            talk.bob([have(0, 7)]);
        },
        good,
    ),
    case(
        "handshake.third-late",
        Datagram,
        |talk| {
            good(talk);
            talk.wait(2_500);
            talk.alice([request(0, 0)]);
        },
        |talk| {
            good(talk);
            talk.wait(1_500);
            // The first reply was lost.
            talk.bob([handshake(B, &options().reply()), have(0, 7)]);
            talk.wait(1_500);
            talk.alice([request(0, 0)]);
        },
    ),
    case(
        "handshake.version-missing",
        Message(0),
        |talk| reply(talk, &options().reply().without(OptionCode::Version)),
        good,
    ),
    case(
        "handshake.version-not-first",
        Message(0),
        |talk| first(talk, &swapped(0, 1, options())),
        |talk| first(talk, &swapped(1, 2, options())),
    ),
    case(
        "handshake.version-unassigned",
        Message(0),
        |talk| first(talk, &options().with(ProtocolOption::Version(2))),
        good,
    ),
    case(
        "handshake.version-range",
        Message(0),
        |talk| first(talk, &options().with(ProtocolOption::MinimumVersion(2))),
        good,
    ),
    case(
        "handshake.versions-disjoint",
        Message(0),
        |talk| {
            let newer = options()
                .with(ProtocolOption::Version(3))
                .with(ProtocolOption::MinimumVersion(2));
            talk.open(&newer, &options().reply(), &[]);
        },
        |talk| {
            let newer = options().with(ProtocolOption::Version(3));
            talk.open(&newer, &options().reply(), &[]);
        },
    ),
    case(
        "handshake.minimum-version-missing",
        Message(0),
        |talk| first(talk, &options().without(OptionCode::MinimumVersion)),
        good,
    ),
    case(
        "handshake.swarm-id-missing",
        Message(0),
        |talk| first(talk, &options().without(OptionCode::SwarmId)),
        good,
    ),
    case(
        "handshake.swarm-id-empty",
        Message(0),
        |talk| first(talk, &options().with(ProtocolOption::SwarmId(&[]))),
        good,
    ),
    case(
        "handshake.swarm-id-length",
        Message(0),
        |talk| first(talk, &options().with(ProtocolOption::SwarmId(noise_of(20)))),
        |talk| {
            let sha1 = ProtocolOption::HashFunction(HashFunction::Sha1);
            first(talk, &options_in(&STATIC, noise_of(20)).with(sha1));
        },
    ),
    case(
        "handshake.swarm-id-key",
        Message(0),
        |talk| {
            let p384 = SignatureAlgorithm::EcdsaP384Sha384;
            first(
                talk,
                &live_options().with(ProtocolOption::SignatureAlgorithm(p384)),
            );
        },
        good_live,
    ),
    case(
        "handshake.swarm-id-differs",
        Message(0),
        |talk| reply(talk, &options_in(&STATIC, noise_of(32))),
        |talk| reply(talk, &options()),
    ),
    case(
        "handshake.content-integrity-missing",
        Message(0),
        |talk| {
            reply(
                talk,
                &options().reply().without(OptionCode::ContentIntegrity),
            );
        },
        good,
    ),
    case(
        "handshake.hash-function-missing",
        Message(0),
        |talk| first(talk, &options().without(OptionCode::HashFunction)),
        |talk| {
            let signed = ProtocolOption::ContentIntegrity(ContentIntegrity::SignAll);
            first(
                talk,
                &live_options()
                    .with(signed)
                    .without(OptionCode::HashFunction),
            );
        },
    ),
    case(
        "handshake.signature-algorithm-missing",
        Message(0),
        |talk| {
            first(
                talk,
                &live_options().without(OptionCode::SignatureAlgorithm),
            );
        },
        |talk| first(talk, &options()),
    ),
    case(
        "handshake.sign-all-on-internet",
        Message(0),
        |talk| sign_all_towards(talk, "8.8.4.4:7000"),
        |talk| sign_all_towards(talk, "10.0.0.2:7000"),
    ),
    case(
        "handshake.chunk-addressing-missing",
        Message(0),
        |talk| first(talk, &options().without(OptionCode::ChunkAddressing)),
        good,
    ),
    case(
        "handshake.discard-window-missing",
        Message(0),
        |talk| first(talk, &live_options().without(OptionCode::LiveDiscardWindow)),
        good_live,
    ),
    case(
        "handshake.discard-window-static",
        Message(0),
        |talk| first(talk, &options().with(window(1000))),
        good_live,
    ),
    case(
        "handshake.discard-window-early",
        Message(0),
        |talk| {
            let options = live_options();
            let place = |code| options.iter().position(|option| option.code() == code);
            let (addressing, window) = (
                place(OptionCode::ChunkAddressing).expect("there"),
                place(OptionCode::LiveDiscardWindow).expect("there"),
            );
            first(talk, &swapped(addressing, window, options));
        },
        good_live,
    ),
    case(
        "handshake.chunk-size-missing",
        Message(0),
        |talk| first(talk, &options().without(OptionCode::ChunkSize)),
        good,
    ),
    case(
        "handshake.chunk-size-zero",
        Message(0),
        |talk| first(talk, &options().with(ProtocolOption::ChunkSize(0))),
        |talk| first(talk, &options().with(ProtocolOption::ChunkSize(u32::MAX))),
    ),
    case(
        "handshake.chunk-size-small",
        Message(0),
        |talk| first(talk, &options().with(ProtocolOption::ChunkSize(511))),
        |talk| first(talk, &options().with(ProtocolOption::ChunkSize(512))),
    ),
    case(
        "handshake.supported-messages-untrimmed",
        Message(0),
        |talk| first(talk, &options().with(bitmap(vec![0xff, 0]))),
        |talk| {
            first(
                talk,
                &options().with(bitmap(bitmap_of(MessageType::ASSIGNED))),
            );
        },
    ),
    case(
        "handshake.supported-messages-long",
        Message(0),
        |talk| first(talk, &options().with(bitmap(vec![0xff; 33]))),
        |talk| first(talk, &options().with(bitmap(vec![0xff; 32]))),
    ),
    case(
        "handshake.unassigned-value",
        Message(0),
        |talk| {
            let odd = ContentIntegrity::from_code(9);
            first(talk, &options().with(ProtocolOption::ContentIntegrity(odd)));
        },
        good,
    ),
    case(
        "handshake.option-unknown",
        Byte(13),
        |talk| {
            let mut body = vec![0];
            body.extend_from_slice(&A.to_be_bytes());
            body.extend_from_slice(&[0, 1, 1, 1, 10]);
            talk.from(ALICE).to(BOB).send_body(&body);
        },
        good,
    ),
    case(
        "handshake.option-foreign",
        Message(0),
        |talk| {
            talk.layout.dialect = &ppspp_dissector::wire::dialect::PYPPSPP;
            let value = noise_of(16);
            let uuid = ProtocolOption::Foreign {
                code: 10,
                name: "peer_uuid",
                value,
            };
            first(talk, &options().with(uuid));
        },
        good,
    ),
    case(
        "handshake.option-repeated",
        Message(0),
        |talk| {
            talk.download();
            let again = twice(ProtocolOption::Version(1), options());
            talk.wait(9_000);
            talk.alice([handshake(A, &again)]);
        },
        good,
    ),
    case(
        "handshake.options-unsorted",
        Message(0),
        |talk| first(talk, &swapped(3, 4, options())),
        good,
    ),
    case(
        "handshake.end-missing",
        Message(0),
        |talk| {
            talk.from(ALICE).to(BOB).send([endless(A, &options())]);
        },
        good,
    ),
    case(
        "handshake.metadata-differs",
        Message(0),
        |talk| {
            reply(
                talk,
                &options().reply().with(ProtocolOption::ChunkSize(2048)),
            );
        },
        |talk| reply(talk, &options().reply()),
    ),
    case(
        "handshake.swarm-metadata-differs",
        Message(0),
        |talk| {
            good(talk);
            let other = options().with(ProtocolOption::ChunkSize(2048));
            talk.from(CAROL)
                .to(BOB)
                .send([handshake(0x4747_1919, &other)]);
        },
        |talk| {
            good(talk);
            talk.from(CAROL)
                .to(BOB)
                .send([handshake(0x4747_1919, &options())]);
        },
    ),
    case(
        "handshake.addressing-differs",
        Message(0),
        |talk| {
            let bins = ProtocolOption::ChunkAddressing(ChunkAddressing::Bin32);
            reply(talk, &options().reply().with(bins));
        },
        good,
    ),
    case(
        "handshake.heavy-payload",
        Message(1),
        |talk| {
            first(talk, &options());
            talk.bob([handshake(B, &options().reply()), data(0)]);
        },
        |talk| {
            good(talk);
            talk.alice([request(0, 0)]);
            talk.bob([data(0)]);
        },
    ),
    case(
        "handshake.crowded",
        Datagram,
        |talk| {
            let haves: Vec<_> = (0..17).map(|chunk| have(2 * chunk, 2 * chunk)).collect();
            talk.open(&options(), &options().reply(), &haves);
        },
        |talk| {
            let haves: Vec<_> = (0..8).map(|chunk| have(2 * chunk, 2 * chunk)).collect();
            talk.open(&options(), &options().reply(), &haves);
            let haves: Vec<_> = (20..50).map(|chunk| have(2 * chunk, 2 * chunk)).collect();
            talk.alice(&haves);
        },
    ),
    case(
        "handshake.have-early",
        Message(1),
        |talk| {
            talk.from(ALICE)
                .to(BOB)
                .send([handshake(A, &options()), have(0, 0)]);
        },
        good,
    ),
    case(
        "handshake.close-options",
        Message(0),
        |talk| {
            talk.under_way();
            let versions = [
                ProtocolOption::Version(1),
                ProtocolOption::MinimumVersion(1),
            ];
            talk.alice([handshake(0, &versions)]);
        },
        |talk| {
            talk.under_way();
            talk.alice([handshake(0, &[ProtocolOption::Version(1)])]);
        },
    ),
    case(
        "handshake.close-to-channel-zero",
        Byte(4),
        |talk| {
            first(talk, &options());
            talk.from(BOB).to(ALICE).send([close()]);
        },
        |talk| {
            first(talk, &options());
            talk.bob([close()]);
        },
    ),
];

#[test]
fn the_key_of_a_live_swarm_counts_by_its_algorithm_octet() {
    let mut talk = Talk::default();
    good_live(&mut talk);
    assert_eq!(KEY[0], 13);
    assert_eq!(talk.count("handshake.swarm-id-key"), 0);
}
