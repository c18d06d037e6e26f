//! What only a check of the bytes themselves finds: chunks, hashes and
//! signatures that are wrong.

use ppspp_dissector::integrity::MAX_WAITING;
use ppspp_dissector::wire::ContentIntegrity;

use super::At::{Datagram, Message};
use super::{Case, case};
use crate::content::{Over, chunk, hash, sign, signed, wrong_chunk, wrong_hash};
use crate::support::{Talk, ntp};
use crate::words::{LIVE, Say, integrity};

/// Alice has the first chunk and what proves it.
fn begun(talk: &mut Talk) {
    talk.ask_for_content();
    talk.bob([hash(0, 7), hash(4, 7), hash(2, 3), hash(1, 1), chunk(0)]);
}

/// Bob's munro, signed so many seconds ago over this.
fn munro(talk: &mut Talk, age: u64, over: Over) {
    let timestamp = ntp() - (age << 32);
    munro_with(talk, timestamp, &sign(0, 7, timestamp, over));
}

fn munro_with(talk: &mut Talk, timestamp: u64, signature: &[u8]) {
    talk.tune_in(ContentIntegrity::UnifiedMerkle);
    let signed = signed(0, 7, timestamp, signature);
    talk.bob([hash(0, 7), signed, LIVE.have(0, 7)]);
}

fn good_munro(talk: &mut Talk) {
    munro(talk, 0, Over::Munro);
}

/// So many hashes that prove nothing: no two of them are siblings.
fn pile_up(talk: &mut Talk, count: usize) {
    talk.ask_for_content();
    let hashes: Vec<_> = (0..count as u64)
        .map(|number| integrity(64 + 2 * number, 64 + 2 * number))
        .collect();
    for some in hashes.chunks(1500) {
        talk.bob(some);
    }
}

pub(super) const CASES: &[Case] = &[
    case(
        "data.wrong-chunk",
        Message(0),
        |talk| {
            begun(talk);
            talk.bob([wrong_chunk(1)]);
        },
        |talk| {
            begun(talk);
            talk.bob([chunk(1)]);
        },
    ),
    case(
        "data.contradicts-hashes",
        Message(4),
        |talk| {
            talk.ask_for_content();
            talk.bob([
                hash(0, 7),
                hash(4, 7),
                hash(2, 3),
                hash(1, 1),
                wrong_chunk(0),
            ]);
        },
        begun,
    ),
    case(
        "integrity.wrong-hash",
        Message(0),
        |talk| {
            begun(talk);
            talk.bob([wrong_hash(2, 3), hash(3, 3), chunk(2)]);
        },
        |talk| {
            begun(talk);
            talk.bob([hash(2, 3), hash(3, 3), chunk(2)]);
        },
    ),
    case(
        "integrity.conflicting",
        Message(0),
        |talk| {
            begun(talk);
            talk.bob([hash(4, 5)]);
            talk.bob([wrong_hash(4, 5)]);
        },
        |talk| {
            begun(talk);
            talk.bob([hash(4, 5)]);
            talk.bob([hash(4, 5)]);
        },
    ),
    case(
        "integrity.uncles-missing",
        Message(3),
        |talk| {
            talk.ask_for_content();
            talk.bob([hash(0, 7), hash(4, 7), hash(2, 3), chunk(0)]);
        },
        |talk| {
            begun(talk);
            // All that it needs was sent before.
            talk.bob([chunk(1)]);
        },
    ),
    case(
        "integrity.peaks-late",
        Message(0),
        |talk| {
            talk.ask_for_content();
            talk.bob([hash(4, 7), hash(2, 3), hash(1, 1), chunk(0)]);
            talk.bob([hash(0, 7), chunk(1)]);
        },
        begun,
    ),
    case(
        "signed-integrity.wrong",
        Message(1),
        |talk| {
            let mut signature = sign(0, 7, ntp(), Over::Munro);
            signature[40] ^= 1;
            munro_with(talk, ntp(), &signature);
        },
        good_munro,
    ),
    case(
        "signed-integrity.hash-only",
        Message(1),
        |talk| munro(talk, 0, Over::HashOnly),
        good_munro,
    ),
    case(
        "signed-integrity.old",
        Message(1),
        |talk| munro(talk, 32, Over::Munro),
        |talk| munro(talk, 29, Over::Munro),
    ),
    case(
        "limit.hashes",
        Datagram,
        |talk| pile_up(talk, MAX_WAITING + 1),
        |talk| pile_up(talk, MAX_WAITING),
    ),
];

#[test]
fn a_right_munro_and_its_chunks_are_no_reason_to_complain() {
    let mut talk = Talk::default();
    good_munro(&mut talk);
    talk.alice([LIVE.request(0, 7)]);
    talk.bob([hash(4, 7), hash(2, 3), hash(1, 1), chunk(0)]);
    assert_eq!(talk.findings(), [""; 0]);
}

#[test]
fn a_signature_for_another_time_is_wrong() {
    let mut talk = Talk::default();
    munro_with(&mut talk, ntp() + 1, &sign(0, 7, ntp(), Over::Munro));
    assert_eq!(talk.count("signed-integrity.wrong"), 1);
}

#[test]
fn only_the_first_chunk_without_uncles_is_told_of() {
    let mut talk = Talk::default();
    talk.ask_for_content();
    talk.bob([hash(0, 7), hash(4, 7), hash(2, 3), chunk(0)]);
    talk.bob([hash(6, 7), chunk(4)]);
    assert_eq!(talk.count("integrity.uncles-missing"), 1);
}
