//! `peer seed` and `peer leech`: files go over loopback, and what the peers
//! record of it pleases the analyzer.

mod support;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::program::{Run, run};
use support::transfer::{
    Peer, Seeder, check_content, check_findings, check_findings_but, check_recording, content,
    datagrams, write,
};
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// Seeds content with these arguments, fetches it with them, and checks both
/// recordings.
#[track_caller]
fn transfer(length: usize, arguments: &[&str]) -> Run {
    let (there, here) = (folder(), folder());
    let bytes = content(length as u64, length);
    write(there.path(), "file", &bytes);
    let seeding = [arguments, &["-w", "seed.pcapng"]].concat();
    let seeder = Seeder::start(there.path(), "file", &seeding);
    let more = [arguments, &["-w", "leech.pcapng", "--json"]].concat();
    let leecher = Peer::start(here.path(), seeder.leech("copy", &more)).end();
    assert_eq!(
        (leecher.status, leecher.stderr.as_str()),
        (0, ""),
        "{leecher:?}"
    );
    let copy = fs::read(here.path().join("copy")).expect("a copy");
    assert!(copy == bytes, "{length} {arguments:?}: another content");
    let stopped = seeder.peer.stop();
    assert_eq!(
        (stopped.status, stopped.stderr.as_str()),
        (0, ""),
        "{stopped:?}"
    );
    // Chunks that no Ethernet takes in one piece are a finding of their own.
    let is_large = arguments.contains(&"8192");
    let expected: &[&str] = if is_large {
        &["datagram.too-large"]
    } else {
        &[]
    };
    for recording in [
        there.path().join("seed.pcapng"),
        here.path().join("leech.pcapng"),
    ] {
        check_findings_but(&recording, expected);
        check_content(&recording, &bytes);
    }
    leecher
}

#[test]
fn files_of_every_size_arrive() {
    for length in [1, 1023, 1024, 1025, 7162, 7 * 1024, 1_000_000] {
        transfer(length, &[]);
    }
}

#[test]
fn every_hash_function_and_chunk_size_works() {
    for hash in ["sha1", "sha224", "sha256", "sha384", "sha512"] {
        for size in ["512", "1024", "8192"] {
            transfer(60_000, &["--hash", hash, "--chunk-size", size]);
        }
    }
}

#[test]
fn every_addressing_method_works() {
    for method in ["bin32", "byte64", "chunk32", "bin64", "chunk64"] {
        transfer(60_000, &["--addressing", method]);
    }
}

#[test]
fn json_lines_tell_how_it_went() {
    let lines = transfer(100_000, &[]).stdout;
    let values: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let events: Vec<_> = values.iter().map(|it| &it["event"]).collect();
    for event in ["connected", "size", "complete", "progress"] {
        assert!(events.iter().any(|it| *it == event), "{lines}");
    }
    let last = values.last().expect("lines");
    assert_eq!(last["event"], "progress");
    assert_eq!((&last["chunks"], &last["total"]), (&98.into(), &98.into()));
    assert_eq!(last["received"], 100_000);
    assert_eq!(last["wrong"], 0);
}

#[test]
fn one_seeder_serves_several_files() {
    let (there, here) = (folder(), folder());
    let (first, second) = (content(1, 50_000), content(2, 70_000));
    write(there.path(), "first", &first);
    write(there.path(), "second", &second);
    let mut seeder = Seeder::start(there.path(), "first", &["second"]);
    let other = seeder.peer.json();
    let other = other["swarm"].as_str().expect("an ID");
    let own = seeder.leech("1", &[]);
    let mut its = seeder.leech("2", &[]);
    its[1] = other;
    let leechers = [
        Peer::start(here.path(), &own),
        Peer::start(here.path(), &its),
    ];
    for leecher in leechers {
        assert_eq!(leecher.end().status, 0);
    }
    assert!(fs::read(here.path().join("1")).expect("a copy") == first);
    assert!(fs::read(here.path().join("2")).expect("a copy") == second);
    assert_eq!(seeder.peer.stop().status, 0);
}

#[test]
fn two_leechers_serve_each_other() {
    let (there, here) = (folder(), folder());
    let bytes = content(3, 1_000_000);
    write(there.path(), "file", &bytes);
    let seeder = Seeder::start(there.path(), "file", &["--rate", "600K"]);
    let recorded = ["-w", "own.pcapng", "--picking", "rarest-first", "--listen"];
    let folders = [here.path().join("1"), here.path().join("2")];
    let leechers = folders.each_ref().map(|folder| {
        fs::create_dir(folder).expect("a folder");
        let more = [&recorded[..], &["127.0.0.1:0"]].concat();
        Peer::start(folder, seeder.leech("copy", &more))
    });
    for leecher in leechers {
        let run = leecher.end();
        assert_eq!(run.status, 0, "{run:?}");
    }
    for folder in folders {
        assert!(fs::read(folder.join("copy")).expect("a copy") == bytes);
        check_findings(&folder.join("own.pcapng"));
        check_content(&folder.join("own.pcapng"), &bytes);
    }
    assert_eq!(seeder.peer.stop().status, 0);
}

#[test]
fn the_rate_is_kept() {
    let began = Instant::now();
    transfer(600_000, &["--rate", "200K"]);
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(2_500), "{took:?}");
    assert!(took < Duration::from_secs(20), "{took:?}");
}

/// Whether a datagram closes its channel.
fn is_closing(datagram: &Value) -> bool {
    let messages = datagram["messages"].as_array().expect("messages");
    messages
        .iter()
        .any(|it| it["type"] == "HANDSHAKE" && it["source_channel"] == "00000000")
}

#[test]
fn an_interrupt_closes_the_channels() {
    let (there, here) = (folder(), folder());
    let bytes = content(4, 2_000_000);
    write(there.path(), "file", &bytes);
    let listen = ["--rate", "100K", "-w", "seed.pcapng"];
    let mut seeder = Seeder::start(there.path(), "file", &listen);
    let record = ["-w", "own.pcapng", "--json"];
    let mut leecher = Peer::start(here.path(), seeder.leech("copy", &record));
    while leecher.json()["event"] != "progress" {}
    let run = leecher.stop();
    assert_eq!(run.status, 1, "{run:?}");
    let sent = datagrams(&here.path().join("own.pcapng"));
    assert!(
        is_closing(sent.last().expect("datagrams")),
        "{:?}",
        sent.last()
    );
    check_findings(&here.path().join("own.pcapng"));
    // The seeder has a channel, too, when it is stopped.
    let mut leecher = Peer::start(here.path(), seeder.leech("copy", &["--json"]));
    while leecher.json()["event"] != "progress" {}
    while seeder.peer.json()["event"] != "connected" {}
    let run = seeder.peer.stop();
    assert_eq!(run.status, 0, "{run:?}");
    let sent = datagrams(&there.path().join("seed.pcapng"));
    let last = sent.last().expect("datagrams");
    assert!(is_closing(last), "{last}");
    // What was on its way to a leech that had been interrupted has no ACK.
    check_findings_but(&there.path().join("seed.pcapng"), &["ack.missing"]);
    leecher.kill();
}

#[test]
fn a_socket_on_every_address_is_recorded_with_the_one_that_was_used() {
    let (there, here) = (folder(), folder());
    let bytes = content(5, 50_000);
    write(there.path(), "file", &bytes);
    let everywhere = ["--listen", "0.0.0.0:0", "-w", "own.pcapng"];
    let mut seeder = Seeder::start(there.path(), "file", &everywhere);
    seeder.address = seeder.address.replace("0.0.0.0", "127.0.0.1");
    let leecher = Peer::start(here.path(), seeder.leech("copy", &everywhere));
    assert_eq!(leecher.end().status, 0);
    assert_eq!(seeder.peer.stop().status, 0);
    for folder in [&there, &here] {
        let recording = folder.path().join("own.pcapng");
        check_recording(&recording, &bytes);
        for datagram in datagrams(&recording) {
            for end in ["src", "dst"] {
                let address = datagram[end].as_str().expect("an address");
                assert!(address.starts_with("127.0.0.1:"), "{datagram}");
            }
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_fills_up_ends_the_recording_only() {
    use support::program::program;
    let (there, here) = (folder(), folder());
    let bytes = content(6, 3_000_000);
    write(there.path(), "file", &bytes);
    let seeder = Seeder::start(there.path(), "file", &["--chunk-size", "8192"]);
    let more = ["--chunk-size", "8192", "-w", "/dev/full"];
    let refused = Peer::start(here.path(), seeder.leech("copy", &more)).end();
    assert_eq!(refused.status, 3);
    assert!(refused.stderr.contains("-w /dev/full: "), "{refused:?}");
    // A limit on the length of files is met like a full disk; the content that
    // is seeded is only read.
    assert_eq!(seeder.peer.stop().status, 0);
    let mut shell = std::process::Command::new("sh");
    shell
        .arg("-c")
        .arg("trap '' XFSZ; ulimit -f 1000; exec \"$0\" \"$@\"");
    shell.arg(program().get_program());
    shell.args(["peer", "seed", "file", "--chunk-size", "8192", "--json"]);
    shell.args(["--listen", "127.0.0.1:0", "-w", "own.pcapng"]);
    let seeder = Seeder::of(Peer::spawn(shell.current_dir(there.path())));
    let leecher = Peer::start(here.path(), seeder.leech("copy", &more[..2]));
    assert_eq!(leecher.end().status, 0);
    let run = seeder.peer.stop();
    assert_eq!(run.status, 0, "{run:?}");
    assert!(run.stderr.contains("-w own.pcapng: "), "{run:?}");
    assert!(run.stderr.contains("recording has stopped"), "{run:?}");
    assert!(fs::read(here.path().join("copy")).expect("a copy") == bytes);
    // What was recorded can be read as far as it goes.
    let recording = there.path().join("own.pcapng");
    assert!(fs::metadata(&recording).expect("a file").len() > 100_000);
    let read = run_stats(&recording);
    assert!(read.stdout.contains("datagrams"), "{read:?}");
}

fn run_stats(recording: &Path) -> Run {
    run([Path::new("stats"), recording])
}
