//! The prober as an injector against our own engine as a viewer, honest and not, in
//! virtual time. Leechers, whom most of the cases are for, too, are in the matrix of
//! misbehaviours.

use std::thread;

use ppsp_inspect::peer::keys::SigningKey;
use ppsp_inspect::peer::misbehave::Misbehaviour as M;
use ppsp_inspect::probe::serve::Signer;
use ppsp_inspect::probe::{Report, Role, Swarm};
use ppspp_dissector::wire::{ChunkAddressing, ContentIntegrity, HashFunction, SignatureAlgorithm};

#[path = "support/probing.rs"]
mod probing;

use probing::{
    Otherwise, assert_conforms, assert_found, matrix, probe_guest, records, static_swarm,
};

/// The key of a stream.
fn key(algorithm: SignatureAlgorithm) -> SigningKey {
    let is_rsa = matches!(
        algorithm,
        SignatureAlgorithm::RsaSha1 | SignatureAlgorithm::RsaSha256
    );
    SigningKey::generate_from_seed(algorithm, is_rsa.then_some(1024), &[3; 32]).expect("a key")
}

fn live_swarm(key: &SigningKey, integrity: ContentIntegrity) -> Swarm {
    Swarm {
        integrity,
        ..static_swarm(key.swarm_id())
    }
}

/// Probes our own viewer.
fn probe_in(key: &SigningKey, swarm: &Swarm, misbehaviour: Option<M>, slow: bool) -> Report {
    let signer = Signer {
        key: key.clone(),
        chunks_per_signature: 32,
    };
    probe_guest(swarm, Some(signer), misbehaviour, slow)
}

fn probe(integrity: ContentIntegrity, misbehaviour: Option<M>, slow: bool) -> Report {
    let key = key(SignatureAlgorithm::EcdsaP256Sha256);
    probe_in(&key, &live_swarm(&key, integrity), misbehaviour, slow)
}

/// Cases that say nothing of streams whose munros are signed, and of those whose
/// chunks are.
const NOT_OF_MUNROS: usize = 2;
const NOT_OF_SIGNED_CHUNKS: usize = 30;

#[test]
fn our_own_viewer_fails_nothing() {
    let report = probe(ContentIntegrity::UnifiedMerkle, None, true);
    assert_conforms(&report, NOT_OF_MUNROS);
}

#[test]
fn our_own_viewer_fails_nothing_where_each_chunk_is_signed() {
    let report = probe(ContentIntegrity::SignAll, None, true);
    assert_conforms(&report, NOT_OF_SIGNED_CHUNKS);
}

/// What else some misbehaviours are where they are a viewer's.
const OF_VIEWERS: &Otherwise = &[
    // Behind a method that nobody knows stands a discard window of unknown width: the
    // reply can't be read.
    (M::IgnoresAddressing, &["rfc7574/4/reply-other-addressing"]),
    // None of what is drawn is that, as its chunks have other numbers.
    (M::DiesOfRepeatedData, &["rfc7574/8.2/repeated-data"]),
    (M::DiesOfEmptyData, &["rfc7574/8.6/empty-data-survived"]),
    // HAVEs for so many bins end in the middle of a range.
    (
        M::DiesOfTruncatedMessage,
        &[
            "rfc7574/12/noise-to-leecher",
            "rfc7574/3/truncated-message-to-leecher",
            "rfc7574/4/reply-other-addressing",
            "rfc7574/8.9/empty-signature-survived",
            "rfc7574/8.9/truncated-signature-survived",
        ],
    ),
];

#[test]
fn each_misbehaviour_of_who_fetches_fails_the_cases_that_name_it_and_no_other() {
    let leecher = |what, slow| probe_guest(&static_swarm(vec![0; 32]), None, what, slow);
    let of_munros = |what, slow| probe(ContentIntegrity::UnifiedMerkle, what, slow);
    let of_chunks = |what, slow| probe(ContentIntegrity::SignAll, what, slow);
    let all = thread::scope(|scope| {
        [
            scope.spawn(|| matrix("a leecher", Role::FETCHERS, &[], leecher)),
            scope.spawn(|| {
                let name = "a viewer of signed munros";
                matrix(name, Role::FETCHERS, OF_VIEWERS, of_munros)
            }),
            scope.spawn(|| {
                let name = "a viewer of signed chunks";
                matrix(name, Role::FETCHERS, OF_VIEWERS, of_chunks)
            }),
        ]
        .map(|it| it.join().expect("a matrix"))
    });
    assert_found(Role::FETCHERS, &all);
}

#[test]
fn our_own_viewer_fails_nothing_whatever_signs() {
    for algorithm in [
        SignatureAlgorithm::EcdsaP384Sha384,
        SignatureAlgorithm::RsaSha1,
        SignatureAlgorithm::RsaSha256,
    ] {
        let key = key(algorithm);
        let swarm = live_swarm(&key, ContentIntegrity::UnifiedMerkle);
        assert_conforms(&probe_in(&key, &swarm, None, false), NOT_OF_MUNROS);
        let swarm = live_swarm(&key, ContentIntegrity::SignAll);
        assert_conforms(&probe_in(&key, &swarm, None, false), NOT_OF_SIGNED_CHUNKS);
    }
}

#[test]
fn our_own_viewer_fails_nothing_in_other_swarms() {
    let key = key(SignatureAlgorithm::EcdsaP256Sha256);
    for (addressing, hash_function) in [
        (ChunkAddressing::Bin32, HashFunction::Sha1),
        (ChunkAddressing::Bin64, HashFunction::Sha256),
        (ChunkAddressing::Byte64, HashFunction::Sha512),
        (ChunkAddressing::Chunk64, HashFunction::Sha384),
    ] {
        let swarm = Swarm {
            addressing,
            hash_function,
            ..live_swarm(&key, ContentIntegrity::UnifiedMerkle)
        };
        let report = probe_in(&key, &swarm, None, false);
        // Some ask what bins and bytes can't say.
        assert_conforms(&report, NOT_OF_MUNROS + 3);
    }
}

#[test]
fn the_same_probe_is_the_same_byte_for_byte() {
    let records = || records(&probe(ContentIntegrity::UnifiedMerkle, None, false));
    assert!(records() == records());
}
