//! The prober against our own engine, honest and not, in virtual time.
//! `PROBE_ONLY` names the misbehaviours that are tried, by a part of their names.

use std::collections::BTreeSet;
use std::{env, thread};

use ppsp_inspect::peer::engine::Moment;
use ppsp_inspect::peer::keys::SigningKey;
use ppsp_inspect::peer::misbehave::Misbehaviour;
use ppsp_inspect::probe::simulated::{SimulatedNet, injector, seeder};
use ppsp_inspect::probe::{
    Case, Net, Patience, Plan, Report, Role, Selection, Swarm, Verdict, cases, run,
};
use ppspp_dissector::integrity::{ContentTree, TreeHash};
use ppspp_dissector::wire::{ChunkAddressing, ContentIntegrity, HashFunction, SignatureAlgorithm};

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
    Swarm {
        id: tree.root().expect("content").as_bytes().to_vec(),
        integrity: ContentIntegrity::Merkle,
        hash_function: HashFunction::Sha256,
        addressing: ChunkAddressing::Chunk32,
        chunk_size: 1024,
    }
}

/// The case that sends datagrams as they are drawn.
const MUTATED: &str = "rfc7574/12/mutated-datagrams";

/// A target in virtual time.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// A seeder of static content.
    Seeder,
    /// The injector of a live stream, protected so.
    Injector(ContentIntegrity),
}

const MUNROS: Kind = Kind::Injector(ContentIntegrity::UnifiedMerkle);
const SIGNED_CHUNKS: Kind = Kind::Injector(ContentIntegrity::SignAll);

fn key() -> SigningKey {
    SigningKey::generate_from_seed(SignatureAlgorithm::EcdsaP256Sha256, None, &[7; 32])
        .expect("a key")
}

fn live_swarm(integrity: ContentIntegrity) -> Swarm {
    Swarm {
        id: key().swarm_id(),
        integrity,
        hash_function: HashFunction::Sha256,
        addressing: ChunkAddressing::Chunk32,
        chunk_size: 1024,
    }
}

/// Probes a peer of our own.
fn probe(kind: Kind, misbehaviour: Option<Misbehaviour>) -> Report {
    probe_with(kind, misbehaviour, true)
}

/// Probes a peer of our own, with or without the cases that take minutes.
fn probe_with(kind: Kind, misbehaviour: Option<Misbehaviour>, slow: bool) -> Report {
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
    let selection = Selection {
        slow,
        ..Selection::default()
    };
    let plan = Plan {
        target: SimulatedNet::TARGET,
        source: None,
        swarm: swarm.clone(),
        cases: cases()
            .filter(|case| selection.wants(case, swarm.source()))
            .collect(),
        patience: Patience::of(std::time::Duration::from_secs(1)),
        seed: 1,
        repeat: 1,
        errata: vec![4880],
        strict: true,
    };
    let mut revive = |net: &mut SimulatedNet| {
        let now = net.now();
        net.revive(target(now));
        true
    };
    run(&plan, &mut net, None, &mut revive, &mut |_, _| {}).expect("it answers")
}

fn failed(report: &Report) -> Vec<(&'static str, String)> {
    let failures = report.cases.iter();
    failures
        .filter(|it| matches!(it.verdict, Verdict::Fail | Verdict::Warn | Verdict::Error))
        .map(|it| (it.case.id, it.detail.clone()))
        .collect()
}

/// The cases that came to a verdict.
fn ids(report: &Report, verdict: Verdict) -> BTreeSet<&'static str> {
    let cases = report.cases.iter().filter(|it| it.verdict == verdict);
    cases.map(|it| it.case.id).collect()
}

/// Nothing fails, and but for so many cases all tell something.
fn conforms(kind: Kind, most_skipped: usize) {
    let report = probe(kind, None);
    assert_eq!(failed(&report), [], "{:?}", report.known);
    let unclear = report.cases.iter();
    let unclear: Vec<_> = unclear
        .filter(|it| it.verdict == Verdict::Inconclusive)
        .map(|it| (it.case.id, &it.detail))
        .collect();
    assert!(unclear.is_empty(), "{unclear:?}");
    let skipped = ids(&report, Verdict::Skip);
    assert!(skipped.len() <= most_skipped, "{skipped:?}");
}

#[test]
fn our_own_seeder_fails_nothing() {
    conforms(Kind::Seeder, 3);
}

#[test]
fn our_own_injector_fails_nothing() {
    conforms(MUNROS, 3);
}

#[test]
fn our_own_injector_of_signed_chunks_fails_nothing() {
    // What is about munros says nothing of it.
    conforms(SIGNED_CHUNKS, 20);
}

/// Whether a misbehaviour is there for a case of who serves, and not only for such
/// of who fetches.
fn is_of_sources(misbehaviour: Misbehaviour) -> bool {
    let mut of_sources = cases().filter(|case| Role::SOURCES.iter().any(|it| case.tests(*it)));
    of_sources.any(|case| case.finds.contains(&misbehaviour))
}

/// Probes a peer with each misbehaviour. Those that change anything have to fail
/// the cases that name them, of those that say anything of such a peer, and no
/// other. What is wrong, and what was found.
fn found_in(kind: Kind) -> (Vec<String>, BTreeSet<Misbehaviour>) {
    let honest = probe(kind, None);
    let skipped = ids(&honest, Verdict::Skip);
    let records = |report: &Report| -> Vec<_> {
        let cases = report.cases.iter();
        cases.map(|it| (it.case.id, it.record.clone())).collect()
    };
    let plain = [false, true].map(|slow| records(&probe_with(kind, None, slow)));
    let only = env::var("PROBE_ONLY").unwrap_or_default();
    let (mut wrong, mut found) = (Vec::new(), BTreeSet::new());
    for &misbehaviour in Misbehaviour::ALL {
        if !misbehaviour.name().contains(&only) || !is_of_sources(misbehaviour) {
            continue;
        }
        // What takes minutes runs where it is there to find something: a stream goes
        // on all the time.
        let is_slow = |case: &Case| case.is_slow && case.finds.contains(&misbehaviour);
        let slow = cases().any(is_slow);
        let report = probe_with(kind, Some(misbehaviour), slow);
        let tested = report.cases.iter().map(|it| it.case);
        let expected: BTreeSet<&str> = tested
            .filter(|case| case.finds.contains(&misbehaviour) && !skipped.contains(case.id))
            .map(|case| case.id)
            .collect();
        let failures = failed(&report);
        let mut ids: BTreeSet<&str> = failures.iter().map(|(id, _)| *id).collect();
        if misbehaviour.name().starts_with("dies-of") && !expected.contains(MUTATED) {
            // What is drawn may kill any of them.
            ids.remove(MUTATED);
        }
        if ids.is_empty() && records(&report) == plain[usize::from(slow)] {
            // It does nothing to such a peer.
            continue;
        }
        found.insert(misbehaviour);
        if expected != ids {
            wrong.push(format!(
                "{} of {kind:?}: expected {expected:?}, found {failures:?}",
                misbehaviour.name()
            ));
        }
    }
    (wrong, found)
}

#[test]
fn each_misbehaviour_fails_the_cases_that_name_it_and_no_other() {
    let kinds = [Kind::Seeder, MUNROS];
    let results: Vec<_> = thread::scope(|scope| {
        let begun = kinds.map(|kind| scope.spawn(move || found_in(kind)));
        begun.map(|it| it.join().expect("it ends")).into()
    });
    let wrong: Vec<&String> = results.iter().flat_map(|(wrong, _)| wrong).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    if env::var_os("PROBE_ONLY").is_some() {
        return;
    }
    let of_sources = Misbehaviour::ALL.iter().filter(|it| is_of_sources(**it));
    for misbehaviour in of_sources {
        let mut found = results.iter().map(|(_, found)| found);
        assert!(
            found.any(|found| found.contains(misbehaviour)),
            "{} does nothing to anybody",
            misbehaviour.name()
        );
    }
}

#[test]
fn misbehaviours_of_an_injector_of_signed_chunks_are_found() {
    use Misbehaviour as M;
    let cases: [(M, &[&str]); 5] = [
        (M::NoSignatures, &["rfc7574/6.1.1/signature-before-chunk"]),
        (M::SignatureApart, &["rfc7574/6.1.1/signature-in-datagram"]),
        (M::WrongSignature, &["rfc7574/5.2/chunks-verify"]),
        (M::ReusesNumbers, &["rfc7574/6.1.2/chunk-numbers-stay"]),
        (M::NoNews, &["rfc7574/6.1/announces-new-chunks"]),
    ];
    for (misbehaviour, expected) in cases {
        let failures = failed(&probe(SIGNED_CHUNKS, Some(misbehaviour)));
        for id in expected {
            let is_found = failures.iter().any(|(found, _)| found == id);
            assert!(is_found, "{}: {failures:?}", misbehaviour.name());
        }
    }
}

#[test]
fn the_same_probe_is_the_same_byte_for_byte() {
    let records =
        |report: Report| -> Vec<_> { report.cases.into_iter().map(|it| it.record).collect() };
    assert!(records(probe(MUNROS, None)) == records(probe(MUNROS, None)));
    assert!(records(probe(Kind::Seeder, None)) == records(probe(Kind::Seeder, None)));
}

#[test]
fn time_in_a_simulation_stands_still_where_nothing_is_waited_for() {
    let content = content();
    let swarm = swarm(&content);
    let net = SimulatedNet::new(seeder(&content, &swarm, None).expect("a swarm"));
    assert_eq!(net.now(), SimulatedNet::start());
}
