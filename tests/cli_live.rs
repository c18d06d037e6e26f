//! `peer inject` and `peer view`, end to end on loopback.

mod support;

use std::fs;
use std::path::Path;

use support::program::run;
use support::transfer::Peer;

/// A stream of 300 KiB, a folder with a key for it.
fn prepared(algorithm: &str) -> (tempfile::TempDir, Vec<u8>) {
    let folder = tempfile::tempdir().expect("a folder");
    let stream: Vec<u8> = (0..43_000u32)
        .flat_map(|number| format!("{number:06}\n").into_bytes())
        .collect();
    fs::write(folder.path().join("stream"), &stream).expect("written");
    let key = folder.path().join("key.pem");
    run([
        "peer",
        "keygen",
        "--algorithm",
        algorithm,
        "-o",
        key.to_str().expect("text"),
    ])
    .fine();
    (folder, stream)
}

/// Starts an injector; its swarm ID and address.
fn inject(folder: &Path, more: &[&str]) -> (Peer, String, String) {
    let mut all = vec![
        "inject",
        "stream",
        "--key",
        "key.pem",
        "--pace",
        "150K",
        "--linger",
        "1",
        "--listen",
        "127.0.0.1:0",
    ];
    all.extend(more);
    let mut peer = Peer::start(folder, all);
    let said = peer.line();
    let (id, address) = said.trim().split_once("  on ").expect("ID and address");
    (peer, id.to_owned(), address.to_owned())
}

fn assert_streams(algorithm: &str, more: &[&str]) {
    let (folder, stream) = prepared(algorithm);
    let (injector, id, address) = inject(folder.path(), more);
    let mut all = vec!["view", &id, "--from", &address, "-o", "seen"];
    all.extend(more);
    let viewer = Peer::start(folder.path(), all).end();
    assert_eq!(injector.end().status, 0);
    assert_eq!(viewer.status, 0, "{viewer:?}");
    let seen = fs::read(folder.path().join("seen")).expect("a file");
    assert!(stream.ends_with(&seen), "{} bytes", seen.len());
    assert!(seen.len() > stream.len() / 2, "{} bytes", seen.len());
}

#[test]
fn a_viewer_sees_the_stream_from_where_it_tuned_in() {
    assert_streams("ECDSAP256SHA256", &[]);
}

#[test]
fn signed_chunks_are_seen_as_well() {
    assert_streams("ECDSAP256SHA256", &["--integrity", "sign-all"]);
}

#[test]
fn libswifts_way_to_sign_is_understood() {
    assert_streams(
        "ECDSAP384SHA384",
        &["--dialect", "libswift", "--hash", "sha1"],
    );
}

#[test]
fn other_addressing_and_chunk_sizes_serve() {
    assert_streams(
        "ECDSAP256SHA256",
        &["--addressing", "bin64", "--chunk-size", "500"],
    );
}

#[test]
fn a_swarm_id_that_is_no_key_is_refused() {
    let run = run(["peer", "view", "0102", "--from", "127.0.0.1:9"]);
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("SWARM-ID"), "{}", run.stderr);
}

#[test]
fn a_source_that_is_not_there_is_named() {
    let (folder, _) = prepared("ECDSAP256SHA256");
    let run = Peer::start(
        folder.path(),
        [
            "inject",
            "nothing-here",
            "--key",
            "key.pem",
            "--listen",
            "127.0.0.1:0",
        ],
    )
    .end();
    assert_eq!(run.status, 3);
    assert!(run.stderr.contains("nothing-here"), "{}", run.stderr);
}

#[test]
fn nobody_there_is_said_after_the_patience() {
    let (folder, _) = prepared("ECDSAP256SHA256");
    let (injector, id, _) = inject(folder.path(), &[]);
    let viewer = Peer::start(
        folder.path(),
        [
            "view",
            &id,
            "--from",
            "127.0.0.1:9",
            "--patience",
            "1",
            "-o",
            "seen",
        ],
    )
    .end();
    assert_eq!(viewer.status, 3);
    assert!(viewer.stderr.contains("nothing came"), "{}", viewer.stderr);
    injector.stop();
}
