//! The prober against our own engine, honest and not, in virtual time.
//! `PROBE_ONLY` names the misbehaviours that are tried, by a part of their names.

use std::thread;
use std::time::Duration;

use ppsp_inspect::peer::engine::Moment;
use ppsp_inspect::peer::keys::SigningKey;
use ppsp_inspect::peer::misbehave::Misbehaviour as M;
use ppsp_inspect::probe::simulated::{SimulatedNet, injector, seeder};
use ppsp_inspect::probe::{Net, Report, Role, Swarm, run};
use ppspp_dissector::integrity::{ContentTree, TreeHash};
use ppspp_dissector::wire::{ContentIntegrity, HashFunction, SignatureAlgorithm};

#[path = "support/probing.rs"]
mod probing;

use probing::{
    Otherwise, assert_conforms, assert_found, failed, matrix, plan, records, static_swarm,
};

/// Content of 331 chunks, the last one short: five peaks.
fn content() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    (0..330 * 1024 + 77)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        })
        .collect()
}

fn swarm(content: &[u8]) -> Swarm {
    let function = TreeHash::new(HashFunction::Sha256).expect("assigned");
    let mut tree = ContentTree::new(function);
    for chunk in content.chunks(1024) {
        tree.push(chunk);
    }
    static_swarm(tree.root().expect("content").as_bytes().to_vec())
}

/// A target in virtual time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A seeder of static content.
    Seeder,
    /// The injector of a live stream, protected so.
    Injector(ContentIntegrity),
}

const MUNROS: Kind = Kind::Injector(ContentIntegrity::UnifiedMerkle);
const SIGNED_CHUNKS: Kind = Kind::Injector(ContentIntegrity::SignAll);

/// Where each chunk is signed, a signature is what a chunk's hashes are elsewhere: who
/// leaves it out or makes it wrong sends chunks that prove nothing.
const OF_SIGNED_CHUNKS: &Otherwise = &[
    (M::HashesAfterData, UNSIGNED),
    (M::NoSignatures, UNSIGNED),
    (M::HashesApart, &["rfc7574/6.1.1/signature-in-datagram"]),
    (M::WrongSignature, WRONG),
    (M::SignsHashAlone, WRONG),
    // There are no munros that could be announced too early.
    (M::HavesTooMuch, &["rfc7574/6.2/announces-window-only"]),
];

const UNSIGNED: &[&str] = &[
    "rfc7574/5.3/hashes-come-before-data",
    "rfc7574/5.3/hashes-again-for-stranger",
    "rfc7574/6.1.1/signature-before-chunk",
];

const WRONG: &[&str] = &[
    "rfc7574/5.2/chunks-verify",
    "rfc7574/7.2/higher-version-same-layout",
    "rfc7574/12.6.3/unasked-data",
    "rfc7574/12.6.5/bogus-integrity",
];

fn key() -> SigningKey {
    SigningKey::generate_from_seed(SignatureAlgorithm::EcdsaP256Sha256, None, &[7; 32])
        .expect("a key")
}

fn live_swarm(integrity: ContentIntegrity) -> Swarm {
    Swarm {
        integrity,
        ..static_swarm(key().swarm_id())
    }
}

/// Probes a peer of our own.
fn probe(kind: Kind, misbehaviour: Option<M>) -> Report {
    probe_with(kind, misbehaviour, true)
}

/// Probes a peer of our own, with or without the cases that take minutes.
fn probe_with(kind: Kind, misbehaviour: Option<M>, slow: bool) -> Report {
    let content = content();
    let swarm = match kind {
        Kind::Seeder => swarm(&content),
        Kind::Injector(integrity) => live_swarm(integrity),
    };
    let target = |now: Moment| {
        match kind {
            Kind::Seeder => seeder(&content, &swarm, misbehaviour),
            Kind::Injector(_) => injector(now, &key(), &swarm, misbehaviour),
        }
        .expect("a swarm")
    };
    let mut net = SimulatedNet::new(target(SimulatedNet::start()));
    let plan = plan(&swarm, swarm.source(), None, slow);
    let mut revive = |net: &mut SimulatedNet| {
        let now = net.now();
        net.revive(target(now));
        true
    };
    run(&plan, &mut net, None, &mut revive, &mut |_, _| {}).expect("it answers")
}

#[test]
fn our_own_seeder_fails_nothing() {
    assert_conforms(&probe(Kind::Seeder, None), 3);
}

#[test]
fn our_own_injector_fails_nothing() {
    assert_conforms(&probe(MUNROS, None), 3);
}

#[test]
fn our_own_injector_of_signed_chunks_fails_nothing() {
    // What is about munros says nothing of it.
    assert_conforms(&probe(SIGNED_CHUNKS, None), 20);
}

#[test]
fn each_misbehaviour_fails_the_cases_that_name_it_and_no_other() {
    let kinds = [Kind::Seeder, MUNROS, SIGNED_CHUNKS];
    let matrices = thread::scope(|scope| {
        let begun = kinds.map(|kind| {
            let probe = move |what, slow| probe_with(kind, what, slow);
            let otherwise = if kind == SIGNED_CHUNKS {
                OF_SIGNED_CHUNKS
            } else {
                &[]
            };
            let name = format!("{kind:?}");
            scope.spawn(move || matrix(&name, Role::SOURCES, otherwise, probe))
        });
        begun.map(|it| it.join().expect("it ends"))
    });
    assert_found(Role::SOURCES, &matrices);
}

#[test]
fn the_same_probe_is_the_same_byte_for_byte() {
    for kind in [MUNROS, Kind::Seeder] {
        assert!(records(&probe(kind, None)) == records(&probe(kind, None)));
    }
}

#[test]
fn datagrams_are_mutated_for_as_long_as_was_said_and_the_last_round_is_kept() {
    let content = content();
    let swarm = swarm(&content);
    let minutes = Duration::from_secs(120);
    let mutated = |misbehaviour| {
        let mut net = SimulatedNet::new(seeder(&content, &swarm, misbehaviour).expect("a swarm"));
        let mut plan = plan(&swarm, Role::Seeder, None, false);
        plan.cases.retain(|it| it.id.ends_with("mutated-datagrams"));
        plan.patience.mutation = minutes;
        run(&plan, &mut net, None, &mut |_| false, &mut |_, _| {}).expect("it answers")
    };
    let report = mutated(None);
    assert_conforms(&report, 0);
    let record = &report.cases[0].record;
    let spent = record
        .last()
        .expect("a round")
        .at
        .since(SimulatedNet::start());
    assert!(spent >= minutes, "{spent:?}");
    assert!(record.len() < 2_000, "{}", record.len());
    assert!(
        record[0]
            .notes
            .iter()
            .any(|note| note.contains("earlier datagrams"))
    );

    // Whoever dies of it is not mutated at any longer.
    let report = mutated(Some(M::DiesOfTruncatedMessage));
    let record = &report.cases[0].record;
    assert_eq!(failed(&report).len(), 1);
    let spent = record
        .last()
        .expect("a round")
        .at
        .since(SimulatedNet::start());
    assert!(spent < minutes / 2, "{spent:?}");
}

#[test]
fn time_in_a_simulation_stands_still_where_nothing_is_waited_for() {
    let content = content();
    let swarm = swarm(&content);
    let net = SimulatedNet::new(seeder(&content, &swarm, None).expect("a swarm"));
    assert_eq!(net.now(), SimulatedNet::start());
}
