//! What handshakes left out is found in the datagrams.

use ppspp_dissector::wire::{
    ChunkAddressing, ContentIntegrity, DiscardWindow, HashFunction, Layout, Message, OptionCode,
    ProtocolOption, SignatureAlgorithm,
};

use super::support::{A, ALICE, BOB, Talk, addressings, ntp};
use super::words::{
    Change, KEY, LIVE, Options, STATIC, Say, handshake, live_options_in, noise_of, options,
};

/// A live handshake as libswift sends it: no hash function, no chunk size.
fn silent(layout: &Layout, key: &'static [u8]) -> Options {
    live_options_in(layout, key)
        .without(OptionCode::HashFunction)
        .without(OptionCode::ChunkSize)
}

#[test]
fn the_hash_function_of_a_silent_live_swarm_is_inferred() {
    for &hash_function in HashFunction::ASSIGNED {
        for addressing in addressings() {
            let layout = Layout {
                addressing,
                hash_function,
                chunk_size: ppspp_dissector::wire::ChunkSize::Unknown,
                ..LIVE
            };
            let mut talk = Talk::written(layout);
            let all = silent(&layout, &KEY);
            talk.open(&all, &all, &[]);
            talk.alice([Message::PexReq]);
            for munro in 0..6 {
                let (start, end) = (munro * 8, munro * 8 + 7);
                let seen = talk.bob([
                    layout.integrity(start, end),
                    layout.signed(start, end),
                    layout.have(start, end),
                ]);
                assert!(seen.as_sent, "{hash_function} {addressing}: {seen:#?}");
                talk.alice([layout.request(start, end)]);
                let seen = talk.bob([
                    layout.integrity(start, start + 3),
                    layout.integrity(start + 4, start + 5),
                    layout.integrity(start + 6, start + 6),
                    layout.data(start + 7),
                ]);
                assert!(seen.as_sent, "{hash_function} {addressing}: {seen:#?}");
            }
            let known = talk.swarm().hash_function.expect("hashes were seen");
            assert_eq!((known.value, known.inferred), (hash_function, true));
            assert_eq!(talk.count("inferred.hash-function"), 1);
            assert_eq!(talk.count("inferred.addressing"), 0);
        }
    }
}

#[test]
fn a_first_hash_in_a_large_datagram_is_enough() {
    for &hash_function in HashFunction::ASSIGNED {
        let layout = Layout {
            hash_function,
            ..LIVE
        };
        let mut talk = Talk::written(layout);
        let all = live_options_in(&layout, &KEY).without(OptionCode::HashFunction);
        talk.open(&all, &all, &[]);
        talk.alice([layout.have(0, 0)]);
        let seen = talk.bob([
            layout.integrity(0, 31),
            layout.signed(0, 31),
            layout.integrity(16, 31),
            layout.integrity(8, 15),
            layout.data(0),
        ]);
        assert!(seen.as_sent, "{hash_function}: {seen:#?}");
    }
}

#[test]
fn without_protection_libswift_signs_with_twenty_zeros() {
    static ZEROS: [u8; 20] = [0; 20];
    let layout = Layout {
        signature_length: Some(20),
        ..LIVE
    };
    let all = silent(&LIVE, &KEY).with(ProtocolOption::ContentIntegrity(ContentIntegrity::None));
    let mut talk = Talk::written(layout);
    talk.open(&all, &all, &[]);
    talk.alice([layout.request(0, 7)]);
    for chunk in 0..4 {
        let dummy = Message::SignedIntegrity {
            spec: layout.spec(chunk, chunk),
            timestamp: ntp(),
            signature: &ZEROS,
        };
        let seen = talk.bob([dummy, layout.have(chunk, chunk), layout.data(chunk)]);
        assert!(seen.as_sent, "{seen:#?}");
        assert!(seen.has("signed-integrity.dummy") && seen.has("integrity.unprotected"));
    }
    assert_eq!(talk.swarm().hash_function, None, "no hash was sent");
    assert_eq!(talk.count("inferred.hash-function"), 0);
}

/// A key of an algorithm, with a modulus of so many bytes where it is RSA.
fn key(algorithm: SignatureAlgorithm, modulus: usize) -> &'static [u8] {
    let mut key = vec![algorithm.code()];
    match algorithm {
        SignatureAlgorithm::RsaSha1 | SignatureAlgorithm::RsaSha256 => {
            key.extend_from_slice(&[3, 1, 0, 1]);
            key.extend_from_slice(noise_of(modulus));
        }
        SignatureAlgorithm::EcdsaP256Sha256 => key.extend_from_slice(noise_of(64)),
        _ => key.extend_from_slice(noise_of(96)),
    }
    Vec::leak(key)
}

#[test]
fn the_length_of_signatures_follows_from_the_key() {
    let keys = [
        (SignatureAlgorithm::RsaSha1, 128),
        (SignatureAlgorithm::RsaSha1, 256),
        (SignatureAlgorithm::RsaSha256, 128),
        (SignatureAlgorithm::RsaSha256, 256),
        (SignatureAlgorithm::EcdsaP256Sha256, 64),
        (SignatureAlgorithm::EcdsaP384Sha384, 96),
    ];
    for (algorithm, length) in keys {
        let layout = Layout {
            signature_length: Some(length),
            ..STATIC
        };
        let all = live_options_in(&layout, key(algorithm, length));
        let mut talk = Talk::written(layout);
        talk.open(&all, &all.clone().reply(), &[]);
        talk.alice([Message::PexReq]);
        talk.bob([
            layout.integrity(0, 7),
            layout.signed(0, 7),
            layout.have(0, 7),
        ]);
        talk.assert_read_as_sent();
        assert_eq!(
            talk.count("handshake.swarm-id-key"),
            0,
            "{algorithm} {length}"
        );
    }
}

#[test]
fn a_signature_without_a_key_has_its_length_inferred() {
    for length in [64, 96, 128, 256, 512] {
        let layout = Layout {
            signature_length: Some(length),
            ..STATIC
        };
        let all = live_options_in(&layout, noise_of(40));
        let mut talk = Talk::written(layout);
        talk.open(&all, &all.clone().reply(), &[]);
        talk.alice([Message::PexReq]);
        for munro in 0..4 {
            let (start, end) = (munro * 8, munro * 8 + 7);
            let says = [
                layout.integrity(start, end),
                layout.signed(start, end),
                layout.have(0, end),
            ];
            let seen = talk.bob(says);
            assert!(seen.as_sent, "{length}: {seen:#?}");
        }
    }
}

#[test]
fn an_addressing_method_that_nobody_knows_does_not_stop_the_analyzer() {
    for addressing in addressings() {
        let layout = Layout {
            addressing,
            ..STATIC
        };
        let odd = options().with(ProtocolOption::ChunkAddressing(ChunkAddressing::from_code(
            7,
        )));
        let mut talk = Talk::written(layout);
        talk.open(&odd, &odd.clone().reply(), &[layout.have(0, 7)]);
        for chunk in 0..6 {
            talk.alice([layout.request(chunk, chunk)]);
            talk.bob([layout.integrity(0, 7), layout.data(chunk)]);
            talk.alice([layout.have(chunk, chunk), layout.ack(chunk, chunk)]);
        }
        // Byte ranges read like chunk ranges, and 64-bit bins like pairs of
        // 32-bit numbers, until a few chunks have come.
        for (index, seen) in talk.seen().iter().enumerate().skip(10) {
            assert!(seen.as_sent, "{addressing}, {index}: {seen:#?}");
        }
        assert_eq!(talk.count("handshake.unassigned-value"), 2);
        let known = talk
            .swarm()
            .chunk_addressing
            .expect("shown by the datagrams");
        assert_eq!(
            (known.value, known.inferred),
            (addressing, true),
            "{addressing}"
        );
    }
}

#[test]
fn a_hash_function_that_nobody_knows_does_not_stop_the_analyzer() {
    for &hash_function in HashFunction::ASSIGNED {
        let layout = Layout {
            hash_function,
            ..STATIC
        };
        let odd = options()
            .with(ProtocolOption::SwarmId(noise_of(50)))
            .with(ProtocolOption::HashFunction(HashFunction::from_code(77)));
        let mut talk = Talk::written(layout);
        talk.open(&odd, &odd.clone().reply(), &[layout.have(0, 7)]);
        talk.alice([layout.request(0, 7)]);
        for chunk in 0..4 {
            let says = [
                layout.integrity(0, 7),
                layout.integrity(4, 7),
                layout.data(chunk),
            ];
            let seen = talk.bob(says);
            assert!(seen.as_sent, "{hash_function}: {seen:#?}");
        }
        let known = talk.swarm().hash_function.expect("shown by the datagrams");
        assert_eq!((known.value, known.inferred), (hash_function, true));
    }
}

#[test]
fn a_discard_window_before_an_unknown_addressing_method_is_read() {
    // The width of option 7 follows from option 6 before it; nobody knows that of method 7.
    let odd = options()
        .with(ProtocolOption::ChunkAddressing(ChunkAddressing::from_code(
            7,
        )))
        .with(ProtocolOption::LiveDiscardWindow(DiscardWindow::Bits32(8)));
    let mut talk = Talk::default();
    let seen = talk.from(ALICE).to(BOB).send([handshake(A, &odd)]);
    assert!(seen.is_ppspp);
    assert!(seen.has("datagram.malformed"), "{:?}", seen.findings());
}
