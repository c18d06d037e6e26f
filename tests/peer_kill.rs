//! A leech that is killed at any moment goes on where it was, and so does one
//! whose seeder is.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use support::program::run;
use support::random::Random;
use support::transfer::{Peer, Seeder, content, datagrams, write};

/// Chunks of a message.
fn chunks(message: &Value) -> impl Iterator<Item = u64> {
    let range = message["chunks"].as_array();
    let bound = |at: usize| range.and_then(|it| it.get(at)?.as_u64());
    let (first, last) = (bound(0), bound(1).or_else(|| bound(0)));
    let range = first.zip(last).map(|(first, last)| first..=last);
    range.into_iter().flatten()
}

/// Chunks that a seeder sent to a leecher that had announced them in an earlier
/// life: each leecher has an address of its own.
fn fetched_twice(recording: &Path, seeder: &str) -> Vec<u64> {
    let mut announced = BTreeSet::new();
    let mut now = BTreeSet::new();
    let mut leecher = String::new();
    let mut twice = Vec::new();
    for datagram in datagrams(recording) {
        let is_sent = datagram["src"] == seeder;
        let other = datagram[if is_sent { "dst" } else { "src" }].as_str();
        let other = other.expect("an address");
        if !is_sent && other != leecher {
            other.clone_into(&mut leecher);
            announced.append(&mut now);
        }
        // What is still on its way to a dead one is no second fetching.
        if other != leecher {
            continue;
        }
        for message in datagram["messages"].as_array().expect("messages") {
            match message["type"].as_str() {
                Some("ACK" | "HAVE") if !is_sent => now.extend(chunks(message)),
                Some("DATA") if is_sent => {
                    twice.extend(chunks(message).filter(|it| announced.contains(it)));
                }
                _ => {}
            }
        }
    }
    assert!(!announced.is_empty(), "nothing was resumed");
    twice
}

#[test]
fn a_leech_that_is_killed_goes_on_where_it_was() {
    let kills = kills(20);
    let (there, here) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    // Twice as much as can come until the last kill.
    let bytes = content(7, 4_000_000 + 30_000 * kills as usize);
    write(there.path(), "file", &bytes);
    let seeder = Seeder::start(
        there.path(),
        "file",
        &["-w", "own.pcapng", "--rate", "900K"],
    );
    let mut random = Random::new(kills);
    let mut unfinished = 0;
    for _ in 0..kills {
        let leecher = Peer::start(here.path(), seeder.leech("copy", &["--json"]));
        std::thread::sleep(Duration::from_millis(random.below(250) as u64));
        leecher.kill();
        let file = fs::read(here.path().join("copy")).unwrap_or_default();
        unfinished += u64::from(file != bytes);
    }
    assert!(
        unfinished >= kills / 2,
        "only {unfinished} kills came in time"
    );
    let last = Peer::start(here.path(), seeder.leech("copy", &["--json"])).end();
    assert_eq!(last.status, 0, "{last:?}");
    assert!(fs::read(here.path().join("copy")).expect("a copy") == bytes);
    let run = seeder.peer.stop();
    assert_eq!(run.status, 0, "{run:?}");
    let recording = there.path().join("own.pcapng");
    assert_eq!(fetched_twice(&recording, &seeder.address), [] as [u64; 0]);
    let recording = recording.to_str().expect("text");
    let verified = run_json(&["verify", "--json", recording]);
    assert_eq!(verified["ok"], true);
    assert_eq!(verified["swarms"][0]["complete"], true);
}

/// How often to kill, unless `PEER_KILLS` tells.
fn kills(usual: u64) -> u64 {
    let kills = std::env::var("PEER_KILLS").ok();
    kills.and_then(|it| it.parse().ok()).unwrap_or(usual)
}

/// Chunks that came to a leecher that had announced them before, to whichever
/// life of the seeder.
fn sent_again(recording: &Path) -> Vec<u64> {
    let mut announced = BTreeSet::new();
    let mut again = Vec::new();
    let mut leecher = None;
    for datagram in datagrams(recording) {
        for message in datagram["messages"].as_array().expect("messages") {
            let from = datagram["src"].as_str().map(str::to_owned);
            match message["type"].as_str() {
                Some("REQUEST") => {
                    leecher.get_or_insert(from.expect("an address"));
                    // What was announced is not asked for.
                    again.extend(chunks(message).filter(|it| announced.contains(it)));
                }
                Some("ACK" | "HAVE") if from.is_some() && from == leecher => {
                    announced.extend(chunks(message));
                }
                _ => {}
            }
        }
    }
    assert!(!announced.is_empty(), "nothing was announced");
    again
}

fn run_json(arguments: &[&str]) -> Value {
    run(arguments).json()
}

#[test]
fn a_seeder_that_is_killed_is_asked_again() {
    let (there, here) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    let kills = kills(4);
    // About twice as much as can come until the last kill.
    let bytes = content(8, 400_000 + 150_000 * kills as usize);
    write(there.path(), "file", &bytes);
    let mut seeder = Seeder::start(there.path(), "file", &["--rate", "300K"]);
    let options = ["--json", "-w", "own.pcapng"];
    let leecher = Peer::start(here.path(), seeder.leech("copy", &options));
    let mut random = Random::new(kills);
    for _ in 0..kills {
        std::thread::sleep(Duration::from_millis(50 + random.below(400) as u64));
        let address = seeder.address.clone();
        seeder.peer.kill();
        seeder = Seeder::start(
            there.path(),
            "file",
            &["--rate", "300K", "--listen", &address],
        );
    }
    let run = leecher.end();
    assert_eq!(run.status, 0, "{run:?}");
    assert!(fs::read(here.path().join("copy")).expect("a copy") == bytes);
    assert_eq!(seeder.peer.stop().status, 0);
    let recording = here.path().join("own.pcapng");
    assert_eq!(sent_again(&recording), [] as [u64; 0]);
}
