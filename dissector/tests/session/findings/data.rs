//! `data.*`.

use ppspp_dissector::wire::{
    ChunkAddressing, ChunkSize, ChunkSpec, Layout, Message as M, ProtocolOption,
};

use super::At::{Datagram, Message};
use super::{Case, case};
use crate::support::{A, ALICE, BOB, Talk, clock};
use crate::words::{
    Change, STATIC, Say, cancel, data, have, integrity, noise_of, options, options_in, request,
    swarm,
};

fn stamped(timestamp: u64) -> M<'static> {
    match data(1) {
        M::Data {
            spec,
            data,
            data_length,
            ..
        } => M::Data {
            spec,
            timestamp: Some(timestamp),
            data,
            data_length,
        },
        other => other,
    }
}

const BINS: Layout = Layout {
    addressing: ChunkAddressing::Bin32,
    ..STATIC
};

fn bins(talk: &mut Talk) {
    talk.layout = BINS;
    let all = options_in(&BINS, swarm());
    talk.open(&all, &all.clone().reply(), &[BINS.have(0, 7)]);
    talk.alice([BINS.request(0, 7)]);
}

fn sized(talk: &mut Talk, chunk_size: ChunkSize) {
    talk.layout = Layout {
        chunk_size,
        ..STATIC
    };
    let all = options_in(&talk.layout.clone(), swarm());
    talk.open(&all, &all.clone().reply(), &[have(0, 7)]);
    talk.alice([request(0, 7)]);
}

fn piece(spec: ChunkSpec, length: usize) -> M<'static> {
    M::Data {
        spec,
        timestamp: Some(clock(0)),
        data: noise_of(length),
        data_length: length,
    }
}

/// Byte ranges with chunks of any size.
fn variable_bytes(talk: &mut Talk) -> Layout {
    talk.layout = Layout {
        addressing: ChunkAddressing::Byte64,
        chunk_size: ChunkSize::Variable,
        ..STATIC
    };
    let layout = talk.layout;
    let all = options_in(&layout, swarm());
    talk.open(&all, &all.clone().reply(), &[]);
    talk.alice([M::PexReq]);
    layout
}

pub(super) const CASES: &[Case] = &[
    case(
        "data.not-last",
        Message(1),
        |talk| {
            talk.under_way();
            talk.bob([data(1), have(0, 7)]);
        },
        |talk| {
            talk.under_way();
            talk.bob([have(0, 8), data(1)]);
        },
    ),
    case(
        "data.several-short",
        Message(2),
        |talk| {
            sized(talk, ChunkSize::Fixed(512));
            talk.bob([
                integrity(0, 7),
                STATIC.data_of(6, 6, 512),
                STATIC.data_of(7, 7, 100),
            ]);
        },
        |talk| {
            sized(talk, ChunkSize::Fixed(512));
            talk.bob([
                integrity(0, 7),
                STATIC.data_of(5, 5, 512),
                STATIC.data_of(6, 6, 512),
            ]);
        },
    ),
    case(
        "data.several-variable",
        Datagram,
        |talk| {
            // Byte ranges tell where one chunk ends and the next begins.
            let bytes = variable_bytes(talk);
            let tail = ChunkSpec::Byte64 {
                start: 300,
                end: 799,
            };
            talk.bob([bytes.data_of(0, 0, 300), piece(tail, 500)]);
        },
        |talk| {
            let bytes = variable_bytes(talk);
            talk.bob([bytes.data_of(0, 0, 300)]);
        },
    ),
    case(
        "data.many-chunks",
        Message(0),
        |talk| {
            talk.under_way();
            talk.bob([STATIC.data_of(1, 2, 2048)]);
        },
        |talk| {
            talk.under_way();
            talk.bob([data(1), data(2)]);
        },
    ),
    case(
        "data.no-chunk",
        Message(0),
        |talk| {
            bins(talk);
            talk.bob([M::Data {
                spec: ChunkSpec::Bin32(u32::MAX),
                timestamp: Some(clock(0)),
                data: &[1, 2, 3],
                data_length: 3,
            }]);
        },
        |talk| {
            bins(talk);
            talk.bob([BINS.integrity(0, 7), BINS.data(0)]);
        },
    ),
    case(
        "data.empty",
        Message(0),
        |talk| {
            talk.under_way();
            talk.bob([STATIC.data_of(1, 1, 0)]);
        },
        |talk| {
            talk.under_way();
            talk.bob([STATIC.data_of(7, 7, 1)]);
        },
    ),
    case(
        "data.length",
        Message(0),
        |talk| {
            talk.under_way();
            talk.bob([STATIC.data_of(1, 1, 1000)]);
        },
        |talk| {
            talk.under_way();
            talk.bob([STATIC.data_of(7, 7, 1000)]);
        },
    ),
    case(
        "data.timestamp-missing",
        Message(1),
        |talk| {
            let newer = options().with(ProtocolOption::Version(2));
            talk.open(&newer, &options().reply(), &[have(0, 7)]);
            talk.alice([request(0, 7)]);
            let bare = Layout {
                data_timestamp: false,
                ..STATIC
            };
            let says = [integrity(0, 7), bare.data(0)];
            talk.from(BOB)
                .to(ALICE)
                .channel(A)
                .in_layout(bare)
                .send(says);
        },
        |talk| {
            talk.under_way();
        },
    ),
    case(
        "data.timestamp-odd",
        Message(0),
        |talk| {
            talk.under_way();
            talk.bob([stamped(12_345)]);
        },
        |talk| {
            talk.under_way();
            // A clock that is hours wrong is no odd clock.
            talk.bob([stamped(clock(7_200_000))]);
        },
    ),
    case(
        "data.unrequested",
        Message(1),
        |talk| {
            talk.download();
            talk.alice([request(0, 3)]);
            talk.bob([integrity(0, 7), data(4)]);
        },
        |talk| {
            talk.download();
            talk.alice([request(0, 3)]);
            talk.bob([integrity(0, 7), data(3)]);
        },
    ),
    case(
        "data.duplicate",
        Message(0),
        |talk| {
            talk.under_way();
            talk.bob([data(0)]);
        },
        |talk| {
            talk.under_way();
            talk.bob([data(1)]);
        },
    ),
    case(
        "data.while-choking",
        Message(0),
        |talk| {
            talk.under_way();
            talk.bob([M::Choke]);
            talk.bob([data(1)]);
        },
        |talk| {
            talk.under_way();
            // That Alice chokes Bob does not keep Bob from serving her.
            talk.alice([M::Choke]);
            talk.bob([data(1)]);
        },
    ),
    case(
        "data.cancelled",
        Message(0),
        |talk| {
            talk.under_way();
            talk.alice([cancel(4, 7)]);
            talk.wait(1_500);
            talk.bob([data(5)]);
        },
        |talk| {
            talk.under_way();
            talk.alice([cancel(4, 7)]);
            // One was on its way, another was asked for again.
            talk.bob([data(5)]);
            talk.wait(1_500);
            talk.alice([request(6, 6)]);
            talk.bob([data(6)]);
        },
    ),
];
