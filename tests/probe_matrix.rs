//! The prober against our own engine, honest and not, in virtual time.

use ppsp_inspect::peer::misbehave::Misbehaviour;
use ppsp_inspect::probe::simulated::{SimulatedNet, seeder};
use ppsp_inspect::probe::{
    Net, Patience, Plan, Report, Role, Selection, Swarm, Verdict, cases, run,
};
use ppspp_dissector::integrity::{ContentTree, TreeHash};
use ppspp_dissector::wire::{ChunkAddressing, ContentIntegrity, HashFunction};

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

/// Probes our own seeder.
fn probe(misbehaviour: Option<Misbehaviour>) -> Report {
    let content = content();
    let swarm = swarm(&content);
    let target = || seeder(&content, &swarm, misbehaviour).expect("a swarm");
    let (peer, rogue) = target();
    let mut net = SimulatedNet::new(peer, rogue);
    let selection = Selection {
        slow: true,
        ..Selection::default()
    };
    let plan = Plan {
        target: SimulatedNet::TARGET,
        source: None,
        swarm: swarm.clone(),
        cases: cases()
            .filter(|case| selection.wants(case, Role::Seeder))
            .collect(),
        patience: Patience::of(std::time::Duration::from_secs(1)),
        seed: 1,
        repeat: 1,
        errata: vec![4880],
        strict: true,
    };
    let mut revive = |net: &mut SimulatedNet| {
        let (peer, rogue) = target();
        net.revive(peer, rogue);
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

#[test]
fn our_own_seeder_fails_nothing() {
    let report = probe(None);
    assert_eq!(failed(&report), [], "{:?}", report.known);
    let unclear = report.cases.iter();
    let unclear: Vec<_> = unclear
        .filter(|it| it.verdict == Verdict::Inconclusive)
        .map(|it| (it.case.id, &it.detail))
        .collect();
    assert!(unclear.is_empty(), "{unclear:?}");
    assert!(report.count(Verdict::Pass) * 10 > report.cases.len() * 9);
}

#[test]
fn each_misbehaviour_fails_the_cases_that_name_it_and_no_other() {
    let mut wrong = Vec::new();
    for &misbehaviour in Misbehaviour::ALL {
        let of_seeders = cases().filter(|case| case.tests(Role::Seeder));
        let mut expected: Vec<&str> = of_seeders
            .filter(|case| case.finds.contains(&misbehaviour))
            .map(|case| case.id)
            .collect();
        // Some are for other roles only.
        if expected.is_empty() {
            continue;
        }
        let report = probe(Some(misbehaviour));
        let found = failed(&report);
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
fn the_same_probe_is_the_same_byte_for_byte() {
    let records =
        |report: Report| -> Vec<_> { report.cases.into_iter().map(|it| it.record).collect() };
    assert!(records(probe(None)) == records(probe(None)));
}

#[test]
fn time_in_a_simulation_stands_still_where_nothing_is_waited_for() {
    let content = content();
    let swarm = swarm(&content);
    let (peer, rogue) = seeder(&content, &swarm, None).expect("a swarm");
    let net = SimulatedNet::new(peer, rogue);
    assert_eq!(net.now(), SimulatedNet::start());
}
