//! `chunks.*`, `have.*`, `ack.*`, `request.*`, `cancel.*`, `unchoke.*`.

use ppspp_dissector::wire::{
    ChunkAddressing, ChunkSpec, DiscardWindow, Layout, Message as M, ProtocolOption,
};

use super::At::{Datagram, Message};
use super::{Case, case};
use crate::support::{A, ALICE, BOB, Talk, clock};
use crate::words::{
    Change, STATIC, Say, ack, cancel, close, data, have, integrity, live_options, options,
    options_in, request, swarm,
};

const BYTES: Layout = Layout {
    addressing: ChunkAddressing::Byte64,
    ..STATIC
};

fn bytes(talk: &mut Talk) {
    talk.layout = BYTES;
    let all = options_in(&BYTES, swarm());
    talk.open(&all, &all.clone().reply(), &[BYTES.have(0, 7)]);
}

fn acked_after(talk: &mut Talk, delay: u64) {
    talk.under_way();
    talk.bob([data(1)]);
    let spec = STATIC.spec(0, 1);
    talk.alice([M::Ack { spec, delay }]);
}

/// A live channel with Bob, who keeps 16 chunks.
fn window(talk: &mut Talk) {
    let small = ProtocolOption::LiveDiscardWindow(DiscardWindow::Bits32(16));
    let all = live_options().with(small);
    talk.open(&all, &all.clone().reply(), &[]);
}

pub(super) const CASES: &[Case] = &[
    case(
        "chunks.reversed",
        Message(1),
        |talk| {
            talk.under_way();
            let spec = ChunkSpec::Chunk32 { start: 5, end: 4 };
            talk.alice([ack(0, 0), M::Request(spec)]);
        },
        |talk| {
            talk.under_way();
            talk.alice([ack(0, 0), request(4, 5)]);
        },
    ),
    case(
        "chunks.bytes-unaligned",
        Message(0),
        |talk| {
            bytes(talk);
            let spec = ChunkSpec::Byte64 {
                start: 100,
                end: 2047,
            };
            talk.alice([M::Request(spec)]);
        },
        |talk| {
            bytes(talk);
            talk.alice([BYTES.request(0, 1)]);
            // The last chunk may be short.
            let spec = ChunkSpec::Byte64 {
                start: 7168,
                end: 7200,
            };
            talk.alice([M::Request(spec)]);
        },
    ),
    case(
        "have.interval-not-biggest",
        Message(0),
        |talk| {
            talk.under_way();
            talk.bob([data(1)]);
            talk.alice([have(1, 1), ack(0, 1)]);
        },
        |talk| {
            talk.under_way();
            talk.bob([data(1)]);
            talk.alice([have(0, 1), ack(0, 1)]);
        },
    ),
    case(
        "have.to-seeder",
        Message(1),
        |talk| {
            talk.under_way();
            talk.alice([request(1, 1), have(0, 0)]);
        },
        |talk| {
            talk.open(&options(), &options().reply(), &[have(0, 3), have(5, 7)]);
            talk.alice([request(1, 1), have(0, 0)]);
        },
    ),
    case(
        "have.beyond-window",
        Message(0),
        |talk| {
            window(talk);
            talk.alice([M::PexReq]);
            talk.bob([have(0, 16)]);
        },
        |talk| {
            window(talk);
            talk.alice([M::PexReq]);
            talk.bob([have(0, 15)]);
            talk.bob([have(16, 31)]);
        },
    ),
    case(
        "ack.interval-not-biggest",
        Message(0),
        |talk| {
            talk.under_way();
            talk.bob([data(1)]);
            talk.alice([ack(1, 1)]);
        },
        |talk| {
            talk.under_way();
            talk.bob([data(1)]);
            talk.alice([ack(0, 1)]);
        },
    ),
    case(
        "ack.chunk-never-sent",
        Message(0),
        |talk| {
            talk.under_way();
            talk.alice([ack(5, 5)]);
        },
        |talk| {
            talk.under_way();
            talk.bob([data(1)]);
            talk.alice([ack(0, 1)]);
        },
    ),
    case(
        "ack.absolute-time",
        Message(0),
        |talk| acked_after(talk, clock(20)),
        |talk| acked_after(talk, 20_000),
    ),
    case(
        "ack.delay-odd",
        Message(0),
        |talk| acked_after(talk, 90_000_000),
        |talk| acked_after(talk, 59_000_000),
    ),
    case(
        "ack.missing",
        Datagram,
        |talk| {
            talk.under_way();
            talk.bob([data(1)]);
            talk.alice([close()]);
        },
        |talk| {
            talk.under_way();
            talk.bob([data(1)]);
            talk.alice([ack(0, 1)]);
            talk.alice([close()]);
        },
    ),
    case(
        "ack.none",
        Datagram,
        |talk| {
            talk.open(&options(), &options().reply(), &[have(0, 999)]);
            talk.alice([request(0, 999)]);
            for chunk in 0..256 {
                talk.bob([integrity(0, 1023), data(chunk)]);
            }
        },
        |talk| {
            talk.open(&options(), &options().reply(), &[have(0, 999)]);
            talk.alice([request(0, 999)]);
            for chunk in 0..300 {
                talk.bob([integrity(0, 1023), data(chunk)]);
                if chunk == 100 {
                    talk.alice([ack(0, 100)]);
                }
            }
        },
    ),
    case(
        "request.while-choked",
        Message(0),
        |talk| {
            talk.under_way();
            talk.bob([M::Choke]);
            talk.alice([request(9, 9)]);
        },
        |talk| {
            talk.under_way();
            talk.bob([M::Choke]);
            talk.bob([M::Unchoke]);
            talk.alice([request(9, 9)]);
        },
    ),
    case(
        "request.unannounced",
        Message(1),
        |talk| {
            talk.under_way();
            talk.alice([request(1, 1), request(8, 8)]);
        },
        |talk| {
            talk.under_way();
            talk.alice([request(1, 1), request(7, 7)]);
        },
    ),
    case(
        "request.repeated",
        Message(0),
        |talk| {
            talk.under_way();
            talk.alice([request(1, 1)]);
        },
        |talk| {
            talk.download();
            talk.alice([request(0, 0)]);
            talk.alice([request(0, 1)]);
        },
    ),
    case(
        "request.loop",
        Message(0),
        |talk| {
            talk.under_way();
            for _ in 0..20 {
                talk.alice([request(1, 1)]);
            }
        },
        |talk| {
            talk.under_way();
            for _ in 0..30 {
                talk.wait(100);
                talk.alice([request(1, 1)]);
            }
        },
    ),
    case(
        "request.discarded",
        Message(0),
        |talk| {
            window(talk);
            talk.bob([have(0, 15)]);
            talk.bob([have(16, 31)]);
            talk.alice([request(15, 15)]);
        },
        |talk| {
            window(talk);
            talk.bob([have(0, 15)]);
            talk.bob([have(16, 31)]);
            talk.alice([request(16, 16)]);
        },
    ),
    case(
        "cancel.unrequested",
        Message(0),
        |talk| {
            talk.download();
            talk.alice([cancel(3, 3)]);
        },
        |talk| {
            talk.download();
            talk.alice([request(3, 3)]);
            talk.alice([cancel(3, 3)]);
        },
    ),
    case(
        "unchoke.not-choked",
        Message(0),
        |talk| {
            talk.under_way();
            talk.bob([M::Unchoke]);
        },
        |talk| {
            talk.under_way();
            talk.bob([M::Choke]);
            talk.from(BOB).to(ALICE).channel(A).send([M::Unchoke]);
        },
    ),
];
