//! `integrity.*`, `signed-integrity.*`.

use ppspp_dissector::wire::{ContentIntegrity, Message as M, ProtocolOption};

use super::At::{Datagram, Message};
use super::{Case, case};
use crate::support::{Talk, clock, ntp};
use crate::words::{
    Change, LIVE, STATIC, Say, data, have, integrity, live_options, options, request,
};

fn with_method(talk: &mut Talk, method: ContentIntegrity) {
    talk.layout = LIVE;
    let all = live_options().with(ProtocolOption::ContentIntegrity(method));
    talk.open(&all, &all.clone().reply(), &[]);
    talk.alice([request(0, 7)]);
}

fn sign_all(talk: &mut Talk) {
    with_method(talk, ContentIntegrity::SignAll);
}

fn unprotected(talk: &mut Talk) {
    let all = options().with(ProtocolOption::ContentIntegrity(ContentIntegrity::None));
    talk.open(&all, &all.clone().reply(), &[have(0, 7)]);
    talk.alice([request(0, 7)]);
}

fn signed_at(timestamp: u64) -> M<'static> {
    match LIVE.signed(0, 7) {
        M::SignedIntegrity {
            spec, signature, ..
        } => M::SignedIntegrity {
            spec,
            timestamp,
            signature,
        },
        other => other,
    }
}

/// A munro of Bob's with this signature.
fn munro(talk: &mut Talk, signed: M<'static>) {
    talk.live();
    talk.alice([M::PexReq]);
    talk.bob([LIVE.integrity(0, 7), signed, LIVE.have(0, 7)]);
}

fn good_munro(talk: &mut Talk) {
    munro(talk, signed_at(ntp()));
}

pub(super) const CASES: &[Case] = &[
    case(
        "integrity.not-subtree",
        Message(1),
        |talk| {
            talk.under_way();
            talk.bob([integrity(4, 7), integrity(1, 2), data(1)]);
        },
        |talk| {
            talk.under_way();
            talk.bob([integrity(4, 7), integrity(2, 3), data(1)]);
        },
    ),
    case(
        "integrity.unprotected",
        Message(0),
        |talk| {
            unprotected(talk);
            talk.bob([integrity(0, 7), data(0)]);
        },
        |talk| {
            unprotected(talk);
            talk.bob([data(0)]);
        },
    ),
    case(
        "integrity.ascending",
        Message(2),
        |talk| {
            talk.download();
            talk.alice([request(0, 7)]);
            talk.bob([integrity(0, 7), integrity(1, 1), integrity(2, 3), data(0)]);
        },
        |talk| {
            talk.download();
            talk.alice([request(0, 7)]);
            talk.bob([
                integrity(0, 3),
                integrity(4, 5),
                integrity(6, 6),
                integrity(2, 3),
                integrity(1, 1),
                data(0),
            ]);
        },
    ),
    case(
        "integrity.separate-datagram",
        Datagram,
        |talk| {
            talk.download();
            talk.alice([request(0, 7)]);
            talk.bob([integrity(0, 7)]);
            talk.bob([data(0)]);
        },
        |talk| {
            talk.download();
            talk.alice([request(0, 7)]);
            // Twelve hashes and a chunk do not fit into one packet.
            talk.bob(vec![integrity(0, 7); 12]);
            talk.bob([data(0)]);
        },
    ),
    case(
        "integrity.missing",
        Message(0),
        |talk| {
            talk.download();
            talk.alice([request(0, 7)]);
            talk.bob([data(0)]);
        },
        |talk| {
            talk.under_way();
            talk.bob([data(1)]);
        },
    ),
    case(
        "integrity.repeated",
        Message(0),
        |talk| {
            talk.under_way();
            talk.bob([integrity(0, 7), data(1)]);
        },
        |talk| {
            talk.under_way();
            talk.bob([integrity(3, 3), data(2)]);
        },
    ),
    case(
        "integrity.no-tree",
        Message(0),
        |talk| {
            sign_all(talk);
            talk.bob([LIVE.integrity(0, 7)]);
        },
        good_munro,
    ),
    case(
        "signed-integrity.static",
        Message(1),
        |talk| {
            talk.layout = LIVE;
            talk.download();
            talk.alice([request(0, 7)]);
            talk.bob([integrity(0, 7), LIVE.signed(0, 7)]);
        },
        good_munro,
    ),
    case(
        "signed-integrity.timestamp",
        Message(1),
        |talk| munro(talk, signed_at(clock(0))),
        good_munro,
    ),
    case(
        "signed-integrity.timestamp-odd",
        Message(1),
        |talk| munro(talk, signed_at(77)),
        good_munro,
    ),
    case(
        "signed-integrity.dummy",
        Message(0),
        |talk| {
            with_method(talk, ContentIntegrity::None);
            talk.layout.signature_length = Some(20);
            let spec = STATIC.spec(0, 0);
            let timestamp = ntp();
            talk.bob([
                M::SignedIntegrity {
                    spec,
                    timestamp,
                    signature: &[0; 20],
                },
                have(0, 0),
            ]);
        },
        good_munro,
    ),
    case(
        "signed-integrity.munro-missing",
        Message(0),
        |talk| {
            talk.live();
            talk.alice([M::PexReq]);
            talk.bob([LIVE.signed(0, 7), LIVE.have(0, 7)]);
        },
        good_munro,
    ),
    case(
        "signed-integrity.not-after-munro",
        Message(2),
        |talk| {
            talk.live();
            talk.alice([M::PexReq]);
            talk.bob([LIVE.integrity(0, 7), LIVE.have(0, 7), LIVE.signed(0, 7)]);
        },
        good_munro,
    ),
    case(
        "signed-integrity.munro-width",
        Message(1),
        |talk| {
            good_munro(talk);
            talk.bob([LIVE.integrity(8, 11), LIVE.signed(8, 11)]);
        },
        |talk| {
            good_munro(talk);
            talk.bob([LIVE.integrity(8, 15), LIVE.signed(8, 15)]);
        },
    ),
    case(
        "signed-integrity.tune-in-missing",
        Datagram,
        |talk| {
            talk.layout = LIVE;
            talk.open(&live_options(), &live_options().reply(), &[LIVE.have(0, 7)]);
            talk.alice([LIVE.request(0, 0)]);
            talk.bob([LIVE.integrity(4, 7), LIVE.data(0)]);
        },
        |talk| {
            talk.layout = LIVE;
            talk.open(&live_options(), &live_options().reply(), &[LIVE.have(0, 7)]);
            talk.alice([LIVE.request(0, 0)]);
            talk.bob([
                LIVE.integrity(0, 7),
                LIVE.signed(0, 7),
                LIVE.integrity(4, 7),
                LIVE.data(0),
            ]);
        },
    ),
    case(
        "signed-integrity.several-chunks",
        Message(0),
        |talk| {
            sign_all(talk);
            talk.bob([LIVE.signed(0, 1), LIVE.data(0)]);
        },
        |talk| {
            sign_all(talk);
            talk.bob([LIVE.signed(0, 0), LIVE.data(0)]);
        },
    ),
    case(
        "signed-integrity.chunk-unsigned",
        Message(1),
        |talk| {
            sign_all(talk);
            talk.bob([LIVE.signed(0, 0), LIVE.data(1)]);
        },
        |talk| {
            sign_all(talk);
            // The signature may come first, in a datagram of its own.
            talk.bob([LIVE.signed(0, 0)]);
            talk.bob([LIVE.data(0)]);
        },
    ),
];

#[test]
fn a_single_chunk_is_no_munro() {
    let mut talk = Talk::default();
    talk.live();
    talk.alice([M::PexReq]);
    talk.bob([LIVE.integrity(0, 0), LIVE.signed(0, 0)]);
    assert_eq!(talk.count("signed-integrity.munro-width"), 1);
}

#[test]
fn content_of_one_chunk_needs_no_hash() {
    // As in the RFC's example, 8.16: the root is the chunk's own hash.
    let mut talk = Talk::default();
    talk.open(&options(), &options().reply(), &[have(0, 0)]);
    talk.alice([request(0, 0)]);
    talk.bob([STATIC.data_of(0, 0, 13)]);
    assert_eq!(talk.findings(), [""; 0]);
}
