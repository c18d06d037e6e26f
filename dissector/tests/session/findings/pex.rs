//! `pex.*`.

use std::net::SocketAddr;

use ppspp_dissector::wire::Message as M;

use super::At::{Datagram, Message};
use super::{Case, case};
use crate::support::{A, ALICE, B, BOB, Talk};
use crate::words::{Change, handshake, options};

fn v4(address: [u8; 4], port: u16) -> M<'static> {
    M::PexResV4 {
        address: address.into(),
        port,
    }
}

fn answer(talk: &mut Talk, answer: M<'static>) {
    talk.download();
    talk.alice([M::PexReq]);
    talk.bob([answer]);
}

fn good(talk: &mut Talk) {
    answer(talk, v4([192, 0, 2, 77], 7077));
}

/// The same between a peer at this address and one on the public Internet.
fn between(talk: &mut Talk, one: &str, answer: M<'static>) {
    let one: SocketAddr = one.parse().expect("an address");
    let other: SocketAddr = "8.8.4.4:7000".parse().expect("an address");
    talk.from(one).to(other).send([handshake(A, &options())]);
    talk.from(other)
        .to(one)
        .channel(A)
        .send([handshake(B, &options().reply())]);
    talk.from(one).to(other).channel(B).send([M::PexReq]);
    talk.from(other).to(one).channel(A).send([answer]);
}

/// DER: a SEQUENCE around these parts.
fn certificate(parts: &[&[u8]]) -> M<'static> {
    let inner = parts.concat();
    let mut bytes = vec![0x30, inner.len() as u8];
    bytes.extend_from_slice(&inner);
    M::PexResCert {
        certificate: Vec::leak(bytes),
    }
}

/// The OID of the subject alternative name, critical.
const CRITICAL: &[u8] = &[6, 3, 0x55, 0x1d, 0x11, 1, 1, 0xff];
const FILE_URL: &[u8] = b"\x86\x15file://192.0.2.7/abcd";
const HTTP_URL: &[u8] = b"\x86\x15http://192.0.2.7/abcd";

pub(super) const CASES: &[Case] = &[
    case(
        "pex.unasked",
        Message(0),
        |talk| {
            talk.download();
            talk.alice([]);
            talk.bob([v4([192, 0, 2, 77], 7077)]);
        },
        good,
    ),
    case(
        "pex.empty-answer",
        Datagram,
        |talk| {
            talk.download();
            talk.alice([M::PexReq]);
            talk.bob([]);
        },
        |talk| {
            talk.download();
            talk.alice([M::PexReq]);
            // A keep-alive much later is just that.
            talk.wait(30_000);
            talk.from(BOB).to(ALICE).channel(A).send([]);
        },
    ),
    case(
        "pex.names-receiver",
        Message(0),
        |talk| answer(talk, v4([192, 0, 2, 1], 7001)),
        good,
    ),
    case(
        "pex.private-address",
        Message(0),
        |talk| between(talk, "9.9.9.9:7000", v4([10, 0, 0, 1], 7000)),
        |talk| between(talk, "10.0.0.2:7000", v4([10, 0, 0, 1], 7000)),
    ),
    case(
        "pex.unprotected",
        Message(0),
        |talk| between(talk, "9.9.9.9:7000", v4([1, 1, 1, 1], 7000)),
        |talk| between(talk, "10.0.0.2:7000", v4([1, 1, 1, 1], 7000)),
    ),
    case(
        "pex.ipv4-mapped",
        Message(0),
        |talk| {
            let address = "::ffff:192.0.2.9".parse().expect("an address");
            answer(
                talk,
                M::PexResV6 {
                    address,
                    port: 7009,
                },
            );
        },
        |talk| {
            let address = "2001:db8::9".parse().expect("an address");
            answer(
                talk,
                M::PexResV6 {
                    address,
                    port: 7009,
                },
            );
        },
    ),
    case(
        "pex.port-zero",
        Message(0),
        |talk| answer(talk, v4([192, 0, 2, 77], 0)),
        good,
    ),
    case(
        "pex.certificate-invalid",
        Message(0),
        |talk| {
            answer(
                talk,
                M::PexResCert {
                    certificate: b"no certificate",
                },
            );
        },
        |talk| answer(talk, certificate(&[CRITICAL, FILE_URL])),
    ),
    case(
        "pex.certificate-name",
        Message(0),
        |talk| answer(talk, certificate(&[CRITICAL, HTTP_URL])),
        |talk| answer(talk, certificate(&[CRITICAL, FILE_URL])),
    ),
];
