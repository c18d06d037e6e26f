//! The prober as a seeder against our own engine as a leecher, honest and not, in
//! virtual time.

use ppsp_inspect::peer::misbehave::Misbehaviour;
use ppsp_inspect::probe::serve::Source;
use ppsp_inspect::probe::simulated::SimulatedNet;
use ppsp_inspect::probe::{Report, Role, Swarm, run};
use ppspp_dissector::wire::{ChunkAddressing, HashFunction};

#[path = "support/probing.rs"]
mod probing;

use probing::{assert_conforms, assert_found, matrix, plan, records, static_swarm};

fn swarm(addressing: ChunkAddressing, hash_function: HashFunction) -> Swarm {
    Swarm {
        hash_function,
        addressing,
        // Each content has its own.
        ..static_swarm(vec![0; hash_function.length().expect("assigned")])
    }
}

/// Probes our own leecher.
fn probe_in(swarm: &Swarm, misbehaviour: Option<Misbehaviour>, slow: bool) -> Report {
    let mut net = SimulatedNet::for_guests(misbehaviour);
    let source = Source::of_numbers(swarm.chunk_size);
    let plan = plan(swarm, Role::Leecher, Some(source), slow);
    run(&plan, &mut net, None, &mut |_| true, &mut |_, _| {}).expect("it comes")
}

fn probe(misbehaviour: Option<Misbehaviour>, slow: bool) -> Report {
    let swarm = swarm(ChunkAddressing::Chunk32, HashFunction::Sha256);
    probe_in(&swarm, misbehaviour, slow)
}

#[test]
fn our_own_leecher_fails_nothing() {
    assert_conforms(&probe(None, true), 0);
}

#[test]
fn each_misbehaviour_fails_the_cases_that_name_it_and_no_other() {
    let roles = &[Role::Leecher];
    assert_found(roles, &[matrix("a leecher", roles, &[], probe)]);
}

#[test]
fn our_own_leecher_fails_nothing_in_other_swarms() {
    for (addressing, hash_function) in [
        (ChunkAddressing::Bin32, HashFunction::Sha1),
        (ChunkAddressing::Byte64, HashFunction::Sha512),
        (ChunkAddressing::Chunk64, HashFunction::Sha256),
    ] {
        let report = probe_in(&swarm(addressing, hash_function), None, true);
        // Some ask what bins and bytes can't say.
        assert_conforms(&report, 3);
    }
}

#[test]
fn the_same_probe_is_the_same_byte_for_byte() {
    assert!(records(&probe(None, true)) == records(&probe(None, true)));
}
