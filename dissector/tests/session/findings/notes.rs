//! `dialect.*`, `inferred.*`, `limit.*`.

use std::net::{Ipv4Addr, SocketAddr};

use ppspp_dissector::session::config::{MAX_CHANNELS, MAX_CHUNK_PAGES};
use ppspp_dissector::wire::{
    ChunkAddressing, ChunkSpec, HashFunction, Layout, Message as M, OptionCode, ProtocolOption,
    dialect,
};

use super::At::{Datagram, Message};
use super::{Case, case};
use crate::support::{A, ALICE, B, BOB, Talk};
use crate::words::{
    Change, LIVE, STATIC, Say, bare_handshake, data, handshake, have, integrity, legacy, libswift,
    live_options, noise_of, options, options_in, request, root, swarm,
};

fn legacy_first(talk: &mut Talk) {
    let naming = M::Integrity {
        spec: ChunkSpec::Bin32(u32::MAX >> 1),
        hash: root(HashFunction::Sha1),
    };
    let first = [naming, bare_handshake(A)];
    talk.from(ALICE).to(BOB).in_layout(legacy()).send(first);
}

fn named_by_sha1() -> Vec<ProtocolOption<'static>> {
    let layout = Layout {
        hash_function: HashFunction::Sha1,
        ..STATIC
    };
    libswift(options_in(&layout, root(HashFunction::Sha1)))
}

fn good(talk: &mut Talk) {
    talk.under_way();
}

/// A transfer whose beginning was not captured.
fn joined(talk: &mut Talk) {
    for chunk in 40..60 {
        talk.bob([integrity(40, 43), data(chunk)]);
        talk.alice([have(chunk, chunk), crate::words::ack(chunk, chunk)]);
    }
}

fn spoofed(number: u32) -> SocketAddr {
    (Ipv4Addr::from_bits(0x0b00_0000 + number), 4000).into()
}

fn flood(talk: &mut Talk, count: usize) {
    let first = [handshake(A, &options())];
    for number in 0..count as u32 {
        talk.from(spoofed(number)).to(BOB).send(&first);
    }
}

fn scatter(talk: &mut Talk, pages: u64) {
    let layout = Layout {
        addressing: ChunkAddressing::Chunk64,
        ..STATIC
    };
    talk.layout = layout;
    let all = options_in(&layout, swarm());
    talk.open(&all, &all.clone().reply(), &[]);
    talk.alice([M::PexReq]);
    for first in (0..pages).step_by(64) {
        let says: Vec<_> = (first..first + 64)
            .map(|page| layout.have(page << 20, page << 20))
            .collect();
        talk.bob(&says);
    }
}

fn silent_live(talk: &mut Talk, options: &[ProtocolOption<'static>]) {
    let layout = Layout {
        hash_function: HashFunction::Sha1,
        ..LIVE
    };
    talk.layout = layout;
    talk.open(options, options, &[]);
    talk.alice([M::PexReq]);
    for munro in 0..3 {
        let (start, end) = (munro * 8, munro * 8 + 7);
        talk.bob([
            layout.integrity(start, end),
            layout.signed(start, end),
            layout.have(0, end),
        ]);
    }
}

pub(super) const CASES: &[Case] = &[
    case("dialect.legacy-swift", Message(1), legacy_first, good),
    case(
        "dialect.legacy-fallback",
        Message(1),
        |talk| {
            talk.from(ALICE)
                .to(BOB)
                .send([handshake(A, &named_by_sha1())]);
            legacy_first(talk);
        },
        |talk| {
            legacy_first(talk);
            legacy_first(talk);
        },
    ),
    case(
        "dialect.libswift",
        Message(0),
        |talk| {
            talk.from(ALICE)
                .to(BOB)
                .send([handshake(A, &named_by_sha1())]);
        },
        good,
    ),
    case(
        "dialect.pyppspp",
        Message(0),
        |talk| {
            talk.layout.dialect = &dialect::PYPPSPP;
            let uuid = ProtocolOption::Foreign {
                code: 10,
                name: "peer_uuid",
                value: noise_of(16),
            };
            talk.from(ALICE)
                .to(BOB)
                .send([handshake(A, &options().with(uuid))]);
        },
        good,
    ),
    case(
        "dialect.peregrine",
        Message(0),
        |talk| {
            talk.from(ALICE)
                .to(BOB)
                .send([handshake(0x6b8b_4567, &options())]);
        },
        good,
    ),
    case("inferred.addressing", Datagram, joined, good),
    case(
        "inferred.hash-function",
        Datagram,
        |talk| silent_live(talk, &live_options().without(OptionCode::HashFunction)),
        |talk| {
            let sha1 = ProtocolOption::HashFunction(HashFunction::Sha1);
            silent_live(talk, &live_options().with(sha1));
        },
    ),
    case(
        "inferred.timestamp",
        Datagram,
        |talk| without_timestamp(talk, 2),
        good,
    ),
    case("inferred.pairing", Datagram, joined, good),
    case(
        "limit.channels",
        Datagram,
        |talk| flood(talk, MAX_CHANNELS + 1),
        |talk| flood(talk, MAX_CHANNELS),
    ),
    case(
        "limit.chunks",
        Datagram,
        |talk| scatter(talk, MAX_CHUNK_PAGES as u64 + 64),
        |talk| scatter(talk, MAX_CHUNK_PAGES as u64 / 2),
    ),
];

/// libswift towards a peer that declared this version.
fn without_timestamp(talk: &mut Talk, version: u8) {
    let newer = options().with(ProtocolOption::Version(version));
    talk.open(&newer, &options().reply(), &[have(0, 7)]);
    talk.alice([request(0, 7)]);
    let bare = Layout {
        data_timestamp: false,
        ..STATIC
    };
    for chunk in 0..4 {
        let says = [integrity(0, 7), bare.data(chunk)];
        talk.from(BOB)
            .to(ALICE)
            .channel(A)
            .in_layout(bare)
            .send(says);
    }
    talk.from(ALICE).to(BOB).channel(B).send([]);
}
