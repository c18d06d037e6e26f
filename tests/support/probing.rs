//! The prober against targets of our own in virtual time, honest and not: what the
//! matrices of misbehaviours share. `PROBE_ONLY` names the misbehaviours that are
//! tried, by a part of their names.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::collections::BTreeSet;
use std::env;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ppsp_inspect::peer::misbehave::Misbehaviour;
use ppsp_inspect::probe::serve::{Signer, Source};
use ppsp_inspect::probe::simulated::SimulatedNet;
use ppsp_inspect::probe::{
    Case, Frame, Patience, Plan, Report, Role, Selection, Swarm, Verdict, cases, run,
};
use ppspp_dissector::wire::{ChunkAddressing, ContentIntegrity, HashFunction};

/// The cases that send datagrams as they are drawn.
const MUTATED: [&str; 2] = [
    "rfc7574/12/mutated-datagrams",
    "rfc7574/12/mutated-datagrams-to-leecher",
];

/// A swarm of static content with this root hash, as the RFC's defaults have it.
pub(crate) fn static_swarm(id: Vec<u8>) -> Swarm {
    Swarm {
        id,
        integrity: ContentIntegrity::Merkle,
        hash_function: HashFunction::Sha256,
        addressing: ChunkAddressing::Chunk32,
        chunk_size: 1024,
    }
}

/// Every case for a target in this role, with or without those that take minutes,
/// and every SHOULD counts. `source` is what we serve where the target comes to us.
pub(crate) fn plan(swarm: &Swarm, role: Role, source: Option<Source>, slow: bool) -> Plan {
    let selection = Selection {
        slow,
        ..Selection::default()
    };
    Plan {
        target: match source {
            Some(_) => SocketAddr::from(([0, 0, 0, 0], 0)),
            None => SimulatedNet::TARGET,
        },
        source: source.map(Arc::new),
        swarm: swarm.clone(),
        cases: cases().filter(|case| selection.wants(case, role)).collect(),
        patience: Patience::of(Duration::from_secs(1)),
        seed: 1,
        repeat: 1,
        errata: vec![4880],
        strict: true,
    }
}

/// Probes a leecher or a viewer of our own, which comes to us.
pub(crate) fn probe_guest(
    swarm: &Swarm,
    signer: Option<Signer>,
    misbehaviour: Option<Misbehaviour>,
    slow: bool,
) -> Report {
    let mut net = SimulatedNet::for_guests(misbehaviour);
    let source = Source {
        signer,
        ..Source::of_numbers(swarm.chunk_size)
    };
    let plan = plan(swarm, swarm.fetcher(), Some(source), slow);
    run(&plan, &mut net, None, &mut |_| true, &mut |_, _| {}).expect("it comes")
}

/// The cases that failed, and what they found.
pub(crate) fn failed(report: &Report) -> Vec<(&'static str, String)> {
    let failures = [Verdict::Fail, Verdict::Warn, Verdict::Error];
    let cases = report.cases.iter();
    cases
        .filter(|it| failures.contains(&it.verdict))
        .map(|it| (it.case.id, it.detail.clone()))
        .collect()
}

/// The cases that came to a verdict, and why.
pub(crate) fn with(report: &Report, verdict: Verdict) -> Vec<(&'static str, String)> {
    let cases = report.cases.iter().filter(|it| it.verdict == verdict);
    cases.map(|it| (it.case.id, it.detail.clone())).collect()
}

/// What was said in each case.
pub(crate) fn records(report: &Report) -> Vec<(&'static str, Vec<Frame>)> {
    let cases = report.cases.iter();
    cases.map(|it| (it.case.id, it.record.clone())).collect()
}

/// Nothing fails, and but for so many cases all tell something.
#[track_caller]
pub(crate) fn assert_conforms(report: &Report, most_skipped: usize) {
    assert_eq!(failed(report), [], "{:?}", report.known);
    assert_eq!(with(report, Verdict::Inconclusive), []);
    let skipped = with(report, Verdict::Skip);
    assert!(skipped.len() <= most_skipped, "{skipped:?}");
}

/// What came of a matrix.
#[derive(Debug, Default)]
pub(crate) struct Matrix {
    /// Misbehaviours that other cases failed than those that name them.
    pub(crate) wrong: Vec<String>,
    /// Misbehaviours that changed anything.
    pub(crate) found: BTreeSet<Misbehaviour>,
}

/// The misbehaviours that a case for these roles is there to find.
pub(crate) fn misbehaviours_of(roles: &[Role]) -> impl Iterator<Item = Misbehaviour> {
    let all = Misbehaviour::ALL.iter().copied();
    all.filter(|it| {
        let mut cases = cases().filter(|case| roles.iter().any(|role| case.tests(*role)));
        cases.any(|case| case.finds.contains(it))
    })
}

/// Misbehaviours that are something else of some target than of others, and the cases
/// that find them there.
pub(crate) type Otherwise = [(Misbehaviour, &'static [&'static str])];

/// Probes a target with each misbehaviour that a case for these roles is there to
/// find; `probe` gets one and whether the cases that take minutes are wanted. Those
/// that change anything have to fail the cases that name them, of those that say
/// anything of such a target, or that are named here, and no other.
pub(crate) fn matrix(
    target: &str,
    roles: &[Role],
    otherwise: &Otherwise,
    probe: impl Fn(Option<Misbehaviour>, bool) -> Report,
) -> Matrix {
    let honest = [false, true].map(|slow| probe(None, slow));
    let plain = honest.each_ref().map(records);
    let skipped = with(&honest[1], Verdict::Skip);
    let is_skipped = |case: &Case| skipped.iter().any(|(id, _)| *id == case.id);
    let only = env::var("PROBE_ONLY").unwrap_or_default();
    let mut matrix = Matrix::default();
    for misbehaviour in misbehaviours_of(roles) {
        if !misbehaviour.name().contains(&only) {
            continue;
        }
        // What takes minutes runs where it is there to find something: a stream goes
        // on all the time.
        let names = |case: &Case| case.finds.contains(&misbehaviour);
        let slow = cases().any(|case| case.is_slow && names(case));
        let report = probe(Some(misbehaviour), slow);
        let tested = report.cases.iter().map(|it| it.case);
        let other = otherwise.iter().find(|(it, _)| *it == misbehaviour);
        let expected: BTreeSet<&str> = match other {
            Some((_, cases)) => cases.iter().copied().collect(),
            None => tested
                .filter(|case| names(case) && !is_skipped(case))
                .map(|case| case.id)
                .collect(),
        };
        let failures = failed(&report);
        let mut ids: BTreeSet<&str> = failures.iter().map(|(id, _)| *id).collect();
        if misbehaviour.name().starts_with("dies-of") {
            // What is drawn may kill any of them.
            ids.retain(|id| expected.contains(id) || !MUTATED.contains(id));
        }
        if ids.is_empty() && records(&report) == plain[usize::from(slow)] {
            // It does nothing to such a peer.
            continue;
        }
        matrix.found.insert(misbehaviour);
        if expected != ids {
            matrix.wrong.push(format!(
                "{} of {target}: expected {expected:?}, found {failures:?}",
                misbehaviour.name()
            ));
        }
    }
    matrix
}

/// Every misbehaviour for these roles failed the cases that name it and no other,
/// and changed something of one target at least.
#[track_caller]
pub(crate) fn assert_found(roles: &[Role], matrices: &[Matrix]) {
    let wrong: Vec<&String> = matrices.iter().flat_map(|it| &it.wrong).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    if env::var_os("PROBE_ONLY").is_some() {
        return;
    }
    for misbehaviour in misbehaviours_of(roles) {
        assert!(
            matrices.iter().any(|it| it.found.contains(&misbehaviour)),
            "{} does nothing to anybody",
            misbehaviour.name()
        );
    }
}
