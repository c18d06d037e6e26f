//! The prober as a seeder against our own engine as a leecher, honest and not, in
//! virtual time. Its misbehaviours are tried with a viewer's.

use ppsp_inspect::probe::{Report, Swarm};
use ppspp_dissector::wire::{ChunkAddressing, HashFunction};

#[path = "support/probing.rs"]
mod probing;

use probing::{assert_conforms, probe_guest, records, static_swarm};

fn swarm(addressing: ChunkAddressing, hash_function: HashFunction) -> Swarm {
    Swarm {
        hash_function,
        addressing,
        // Each content has its own.
        ..static_swarm(vec![0; hash_function.length().expect("assigned")])
    }
}

fn probe() -> Report {
    let swarm = swarm(ChunkAddressing::Chunk32, HashFunction::Sha256);
    probe_guest(&swarm, None, None, true)
}

#[test]
fn our_own_leecher_fails_nothing() {
    assert_conforms(&probe(), 0);
}

#[test]
fn our_own_leecher_fails_nothing_in_other_swarms() {
    for (addressing, hash_function) in [
        (ChunkAddressing::Bin32, HashFunction::Sha1),
        (ChunkAddressing::Byte64, HashFunction::Sha512),
        (ChunkAddressing::Chunk64, HashFunction::Sha256),
    ] {
        let report = probe_guest(&swarm(addressing, hash_function), None, None, true);
        // Some ask what bins and bytes can't say.
        assert_conforms(&report, 3);
    }
}

#[test]
fn the_same_probe_is_the_same_byte_for_byte() {
    assert!(records(&probe()) == records(&probe()));
}
