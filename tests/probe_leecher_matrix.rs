//! The prober as a seeder against our own engine as a leecher, honest and not, in
//! virtual time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ppsp_inspect::peer::misbehave::Misbehaviour;
use ppsp_inspect::probe::serve::Source;
use ppsp_inspect::probe::simulated::SimulatedNet;
use ppsp_inspect::probe::{
    Case, Patience, Plan, Report, Role, Selection, Swarm, Verdict, cases, run,
};
use ppspp_dissector::wire::{ChunkAddressing, ContentIntegrity, HashFunction};

fn of_leechers() -> impl Iterator<Item = &'static Case> {
    cases().filter(|case| case.tests(Role::Leecher))
}

fn swarm(addressing: ChunkAddressing, hash_function: HashFunction) -> Swarm {
    Swarm {
        // Each content has its own.
        id: vec![0; hash_function.length().expect("assigned")],
        integrity: ContentIntegrity::Merkle,
        hash_function,
        addressing,
        chunk_size: 1024,
    }
}

/// Probes our own leecher.
fn probe_in(swarm: Swarm, misbehaviour: Option<Misbehaviour>) -> Report {
    let mut net = SimulatedNet::for_guests(misbehaviour);
    let selection = Selection {
        slow: true,
        ..Selection::default()
    };
    let plan = Plan {
        target: SocketAddr::from(([0, 0, 0, 0], 0)),
        source: Some(Arc::new(Source::of_numbers(swarm.chunk_size))),
        swarm,
        cases: of_leechers()
            .filter(|case| selection.wants(case, Role::Leecher))
            .collect(),
        patience: Patience::of(Duration::from_secs(1)),
        seed: 1,
        repeat: 1,
        errata: vec![4880],
        strict: true,
    };
    run(&plan, &mut net, None, &mut |_| true, &mut |_, _| {}).expect("it comes")
}

fn probe(misbehaviour: Option<Misbehaviour>) -> Report {
    probe_in(
        swarm(ChunkAddressing::Chunk32, HashFunction::Sha256),
        misbehaviour,
    )
}

fn failed(report: &Report) -> Vec<(&'static str, String)> {
    let failures = report.cases.iter();
    failures
        .filter(|it| matches!(it.verdict, Verdict::Fail | Verdict::Warn | Verdict::Error))
        .map(|it| (it.case.id, it.detail.clone()))
        .collect()
}

fn with(report: &Report, verdict: Verdict) -> Vec<(&'static str, String)> {
    let cases = report.cases.iter();
    cases
        .filter(|it| it.verdict == verdict)
        .map(|it| (it.case.id, it.detail.clone()))
        .collect()
}

#[test]
fn our_own_leecher_fails_nothing() {
    let report = probe(None);
    assert_eq!(failed(&report), []);
    assert_eq!(with(&report, Verdict::Inconclusive), []);
    assert_eq!(with(&report, Verdict::Skip), []);
}

#[test]
fn each_misbehaviour_fails_the_cases_that_name_it_and_no_other() {
    let mut wrong = Vec::new();
    for &misbehaviour in Misbehaviour::ALL {
        let mut expected: Vec<&str> = of_leechers()
            .filter(|case| case.finds.contains(&misbehaviour))
            .map(|case| case.id)
            .collect();
        // Some are for other roles only.
        if expected.is_empty() {
            continue;
        }
        let found = failed(&probe(Some(misbehaviour)));
        let mut ids: Vec<&str> = found.iter().map(|(id, _)| *id).collect();
        expected.sort_unstable();
        ids.sort_unstable();
        if expected != ids {
            wrong.push(format!(
                "{}: expected {expected:?}, found {found:?}",
                misbehaviour.name()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn our_own_leecher_fails_nothing_in_other_swarms() {
    for (addressing, hash_function) in [
        (ChunkAddressing::Bin32, HashFunction::Sha1),
        (ChunkAddressing::Byte64, HashFunction::Sha512),
        (ChunkAddressing::Chunk64, HashFunction::Sha256),
    ] {
        let report = probe_in(swarm(addressing, hash_function), None);
        assert_eq!(failed(&report), [], "{addressing}");
        assert_eq!(with(&report, Verdict::Inconclusive), [], "{addressing}");
    }
}

#[test]
fn the_same_probe_is_the_same_byte_for_byte() {
    let records =
        |report: Report| -> Vec<_> { report.cases.into_iter().map(|it| it.record).collect() };
    assert!(records(probe(None)) == records(probe(None)));
}
