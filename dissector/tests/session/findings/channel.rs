//! `datagram.*`, `transport.*`, `message.*`, `channel.*`, `keep-alive.*`.

use ppspp_dissector::wire::{MessageType, ProtocolOption, bitmap_of};

use super::At::{Byte, Datagram, Message};
use super::{Case, case};
use crate::support::{A, ALICE, B, BOB, CAROL, Talk};
use crate::words::{
    Change, STATIC, Say, ack, close, data, handshake, have, integrity, noise_of, options,
    options_in, request,
};

/// Everything but PEX.
const NO_PEX: &[MessageType] = &[
    MessageType::Handshake,
    MessageType::Data,
    MessageType::Ack,
    MessageType::Have,
    MessageType::Integrity,
    MessageType::Request,
];

fn without_pex(talk: &mut Talk) {
    let bitmap: &'static [u8] = Vec::leak(bitmap_of(NO_PEX));
    let reply = options()
        .reply()
        .with(ProtocolOption::SupportedMessages(bitmap));
    talk.open(&options(), &reply, &[have(0, 7)]);
}

fn crossing(talk: &mut Talk) {
    talk.from(ALICE).to(BOB).send([handshake(A, &options())]);
    talk.from(BOB).to(ALICE).send([handshake(B, &options())]);
}

fn open_with(talk: &mut Talk, alice: u32, bob: u32) {
    talk.from(ALICE)
        .to(BOB)
        .send([handshake(alice, &options())]);
    let reply = [handshake(bob, &options().reply())];
    talk.from(BOB).to(ALICE).channel(alice).send(reply);
}

pub(super) const CASES: &[Case] = &[
    case(
        "datagram.too-short",
        Byte(0),
        |talk| {
            talk.under_way();
            talk.from(ALICE).to(BOB).send_bytes(&[1, 2, 3]);
        },
        |talk| {
            talk.under_way();
            talk.alice([]);
        },
    ),
    case(
        "datagram.malformed",
        Byte(9),
        |talk| {
            talk.under_way();
            talk.from(ALICE)
                .to(BOB)
                .channel(B)
                .send_body(&[8, 0, 0, 0, 1, 0, 0, 0]);
        },
        |talk| {
            talk.under_way();
            talk.from(ALICE)
                .to(BOB)
                .channel(B)
                .send_body(&[8, 0, 0, 0, 1, 0, 0, 0, 1]);
        },
    ),
    case(
        "datagram.cut",
        Datagram,
        |talk| {
            talk.under_way();
            talk.from(BOB)
                .to(ALICE)
                .channel(A)
                .cut_to(96)
                .send([data(1)]);
        },
        |talk| {
            talk.under_way();
            talk.from(BOB).to(ALICE).channel(A).send([data(1)]);
        },
    ),
    case(
        "datagram.fragmented",
        Datagram,
        |talk| {
            talk.under_way();
            talk.from(BOB)
                .to(ALICE)
                .channel(A)
                .in_fragments(3)
                .send([data(1)]);
        },
        |talk| {
            talk.under_way();
            talk.bob([data(1)]);
        },
    ),
    case(
        "datagram.too-large",
        Datagram,
        |talk| {
            talk.under_way();
            talk.bob([integrity(4, 7), data(1), data(2)]);
        },
        |talk| {
            talk.under_way();
            // 1472 bytes fit exactly.
            let mut says = vec![integrity(4, 7); 10];
            says.push(STATIC.data_of(7, 7, 1472 - 4 - 10 * 41 - 17));
            talk.bob(&says);
        },
    ),
    case(
        "transport.tcp",
        Datagram,
        |talk| {
            talk.from(ALICE)
                .to(BOB)
                .over_tcp()
                .send([handshake(A, &options())]);
        },
        |talk| {
            talk.download();
        },
    ),
    case(
        "message.unknown",
        Byte(4),
        |talk| {
            talk.under_way();
            talk.from(ALICE)
                .to(BOB)
                .channel(B)
                .send_body(&[14, 1, 2, 3]);
        },
        |talk| {
            talk.under_way();
            talk.from(ALICE).to(BOB).channel(B).send_body(&[11]);
        },
    ),
    case(
        "message.unsupported",
        Message(1),
        |talk| {
            without_pex(talk);
            talk.alice([request(0, 0), ppspp_dissector::wire::Message::PexReq]);
        },
        |talk| {
            without_pex(talk);
            talk.alice([request(0, 0)]);
            // The bitmap is Bob's: what he sends is his own affair.
            talk.bob([ppspp_dissector::wire::Message::PexReq]);
        },
    ),
    case(
        "channel.unknown",
        Datagram,
        |talk| {
            talk.under_way();
            talk.from(ALICE)
                .to(BOB)
                .channel(0x0bad_cafe)
                .send([request(0, 0)]);
        },
        |talk| {
            talk.under_way();
        },
    ),
    case(
        "channel.zero-without-handshake",
        Byte(4),
        |talk| {
            talk.under_way();
            talk.from(ALICE).to(BOB).send([request(0, 0)]);
        },
        |talk| {
            talk.under_way();
            talk.from(ALICE)
                .to(BOB)
                .send([handshake(0x9999_1111, &options())]);
        },
    ),
    case(
        "channel.zero-keep-alive",
        Datagram,
        |talk| {
            talk.under_way();
            talk.from(ALICE).to(BOB).send([]);
        },
        |talk| {
            talk.under_way();
            talk.alice([]);
        },
    ),
    case(
        "channel.ids-equal",
        Message(0),
        |talk| open_with(talk, A, A),
        |talk| open_with(talk, A, B),
    ),
    case(
        "channel.id-small",
        Message(0),
        |talk| open_with(talk, 0xffff, B),
        |talk| open_with(talk, 0x1_0000, B),
    ),
    case(
        "channel.id-not-random",
        Message(0),
        |talk| {
            for id in [A, A + 1] {
                talk.from(ALICE).to(BOB).send([handshake(id, &options())]);
            }
        },
        |talk| {
            for id in [A, A ^ 0x10] {
                talk.from(ALICE).to(BOB).send([handshake(id, &options())]);
            }
        },
    ),
    case(
        "channel.id-in-use",
        Message(0),
        |talk| {
            talk.under_way().wait(10_000);
            talk.from(ALICE)
                .to(BOB)
                .send([handshake(A, &options()), have(0, 0)]);
        },
        |talk| {
            talk.under_way();
            talk.alice([close()]);
            talk.wait(10_000);
            talk.from(ALICE)
                .to(BOB)
                .send([handshake(A, &options()), have(0, 0)]);
        },
    ),
    case(
        "channel.address-mismatch",
        Datagram,
        |talk| {
            talk.under_way();
            talk.from(CAROL).to(BOB).channel(B).send([request(1, 1)]);
        },
        |talk| {
            talk.under_way();
            talk.alice([request(1, 1)]);
        },
    ),
    case(
        "channel.moved",
        Datagram,
        |talk| {
            talk.under_way();
            talk.from(CAROL).to(BOB).channel(B).send([request(1, 1)]);
            talk.from(BOB).to(CAROL).channel(A).send([data(1)]);
        },
        |talk| {
            talk.under_way();
            // Bob discards what an impostor sent.
            talk.from(CAROL).to(BOB).channel(B).send([request(1, 1)]);
            talk.bob([data(1)]);
        },
    ),
    case(
        "channel.used-after-close",
        Datagram,
        |talk| {
            talk.under_way();
            talk.alice([close()]);
            talk.alice([request(1, 1)]);
        },
        |talk| {
            talk.under_way();
            talk.alice([close()]);
            // Bob's datagram was on its way.
            talk.bob([data(1)]);
        },
    ),
    case(
        "channel.parallel",
        Datagram,
        |talk| {
            talk.under_way();
            talk.from(ALICE)
                .to(BOB)
                .send([handshake(0x7531_8642, &options())]);
        },
        |talk| {
            talk.under_way();
            let other = options_in(&STATIC, noise_of(32));
            talk.from(ALICE)
                .to(BOB)
                .send([handshake(0x7531_8642, &other)]);
        },
    ),
    case(
        "channel.simultaneous-open",
        Datagram,
        |talk| {
            crossing(talk);
            talk.alice([have(0, 7)]);
        },
        |talk| {
            crossing(talk);
            talk.alice([handshake(0x1111_0101, &options().reply())]);
        },
    ),
    case(
        "channel.dead-peer",
        Datagram,
        |talk| {
            talk.under_way();
            for _ in 0..4 {
                talk.wait(58_000);
                talk.alice([request(1, 1)]);
            }
        },
        |talk| {
            talk.under_way();
            for _ in 0..4 {
                talk.wait(58_000);
                talk.alice([request(1, 1)]);
                talk.bob([]);
            }
            // Long silence of both is no silence of one.
            talk.wait(600_000);
            talk.alice([]);
        },
    ),
    case(
        "keep-alive.burst",
        Datagram,
        |talk| {
            talk.under_way();
            for _ in 0..3 {
                talk.wait(100);
                talk.alice([]);
            }
        },
        |talk| {
            talk.under_way();
            for _ in 0..9 {
                talk.wait(58_000);
                talk.alice([]);
                talk.bob([]);
                talk.alice([ack(0, 0)]);
            }
        },
    ),
];
