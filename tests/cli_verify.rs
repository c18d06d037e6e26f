//! `verify` and `extract`, end to end.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use support::program::{Run, program, run};
use support::samples::{ip_packets, real_captures, sample};

use support::capture_writer::{Recipe, Timed};

fn verify(arguments: &[&str], capture: &Path) -> (i32, Value) {
    let mut all = vec!["verify", "--json"];
    all.extend(arguments);
    all.push(capture.to_str().expect("text"));
    let run = run(all);
    let value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"));
    (run.status, value)
}

fn extract(arguments: &[&str], capture: &Path, into: &Path) -> Run {
    let mut all = vec!["extract", "-o", into.to_str().expect("text")];
    all.extend(arguments);
    all.push(capture.to_str().expect("text"));
    run(all)
}

fn manifest(folder: &Path) -> Value {
    let text = fs::read_to_string(folder.join("manifest.json")).expect("a manifest");
    serde_json::from_str(&text).expect("JSON")
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[test]
fn a_sound_capture_verifies() {
    let (status, found) = verify(&[], &sample("merkle-sha256-seven-chunks"));
    assert_eq!(status, 0);
    assert_eq!(found["ok"], true);
    assert_eq!(found["failures"], json!([]));
    let swarm = &found["swarms"][0];
    assert_eq!(swarm["content_integrity"], "merkle");
    assert_eq!(swarm["chunks"]["verified"], 7);
    assert_eq!(swarm["complete"], true);
    assert_eq!(swarm["content_length"], 7162);
}

#[test]
fn a_damaged_chunk_is_named_with_frame_and_sender() {
    let capture = sample("deviations");
    let (status, found) = verify(&[], &capture);
    assert_eq!((status, &found["ok"]), (1, &json!(false)));
    let failures = found["failures"].as_array().expect("a list");
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert_eq!(failures[0]["frame"], 27);
    assert_eq!(failures[0]["chunk"], 4);
    assert_eq!(failures[0]["src"], "198.51.100.66:6778");
    assert_eq!(failures[0]["type"], "DATA");
    let text = run(["verify", capture.to_str().expect("text")]);
    assert_eq!(text.status, 1);
    assert!(text.stdout.contains("FAILED frame 27: DATA 4"), "{text:?}");
}

#[test]
fn a_live_stream_is_verified_by_its_signatures() {
    let (status, found) = verify(&[], &sample("live-unified-merkle"));
    assert_eq!(status, 0);
    let swarm = &found["swarms"][0];
    assert_eq!(swarm["chunks"]["verified"], 12);
    assert_eq!(swarm["signatures"]["verified"], 5);
    assert_eq!(swarm["content_length"], Value::Null);
}

#[test]
fn every_mandatory_signature_algorithm_is_verified() {
    for (name, chunks, signatures) in [
        ("live-sign-all-rsasha1", 8, 8),
        ("live-unified-merkle-rsasha256", 8, 3),
        ("live-libswift", 8, 3),
        ("live-unified-merkle-p384", 8, 3),
    ] {
        let (status, found) = verify(&[], &sample(name));
        assert_eq!(status, 0, "{name}");
        let swarm = &found["swarms"][0];
        assert_eq!(swarm["chunks"]["verified"], chunks, "{name}");
        assert_eq!(swarm["signatures"]["verified"], signatures, "{name}");
        assert_eq!(swarm["receivers"][0]["verified"], chunks, "{name}");
    }
}

#[test]
fn a_wrong_chunk_and_a_wrong_hash_are_told_apart_when_all_came_right_later() {
    for (name, kind) in [
        ("merkle-one-bad-chunk", "DATA"),
        ("merkle-wrong-hash", "INTEGRITY"),
    ] {
        let (status, found) = verify(&[], &sample(name));
        assert_eq!(status, 1, "{name}");
        let failures = found["failures"].as_array().expect("a list");
        assert_eq!(failures.len(), 1, "{failures:?}");
        assert_eq!(failures[0]["type"], kind);
        let swarm = &found["swarms"][0];
        assert_eq!(swarm["complete"], true, "{name}");
        assert_eq!(swarm["receivers"][0]["verified"], 16, "{name}");
    }
}

#[test]
fn any_number_of_threads_comes_to_the_same_verdicts() {
    let mut captures: Vec<_> = real_captures().into_iter().map(|(_, path)| path).collect();
    captures.extend(["merkle-one-bad-chunk", "merkle-wrong-hash", "deviations"].map(sample));
    for capture in captures {
        let alone = verify(&["--jobs", "1"], &capture);
        for jobs in ["2", "3", "64"] {
            assert_eq!(verify(&["--jobs", jobs], &capture), alone, "{capture:?}");
        }
    }
}

#[test]
fn one_swarm_of_several_can_be_chosen() {
    let capture = sample("two-swarms-one-socket");
    let (_, all) = verify(&[], &capture);
    assert_eq!(all["swarms"].as_array().map(Vec::len), Some(2));
    let (status, one) = verify(&["--swarm", "9A8CC9"], &capture);
    assert_eq!(status, 0);
    assert_eq!(one["swarms"].as_array().map(Vec::len), Some(1));
    let missing = run(["verify", "--swarm", "ffff", capture.to_str().expect("text")]);
    assert_eq!(missing.status, 2);
    assert!(missing.stderr.contains("ffff"), "{missing:?}");
    let wrong = run(["verify", "--swarm", "xyz", "a.pcap"]);
    assert_eq!(wrong.status, 2);
}

/// Changes one byte of messages of every kind, one at a time, and expects that
/// very frame to be named and no other chunk to fail.
fn assert_one_byte_is_found(name: &str, path: &Path, step: usize) {
    let lines = run(["read", "-T", "jsonl", path.to_str().expect("text")]).stdout;
    let (_, sound) = verify(&[], path);
    assert_eq!(sound["ok"], true, "{name}");
    let packets = ip_packets(path);
    let folder = tempfile::tempdir().expect("a folder");
    let changed = folder.path().join("changed.pcap");
    let mut places = Vec::new();
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let frame = line["frame"].as_u64().expect("a number") as usize;
        for message in line["messages"].as_array().into_iter().flatten() {
            let kind = message["type"].as_str().expect("a name");
            let concerns = ["DATA", "INTEGRITY", "SIGNED_INTEGRITY"].contains(&kind);
            if concerns && message["integrity"] == "verified" {
                let end = message["offset"].as_u64().expect("a number")
                    + message["length"].as_u64().expect("a number");
                places.push((frame, kind.to_owned(), end as usize - 1));
            }
        }
    }
    assert!(!places.is_empty(), "{name} has nothing to verify");
    for (frame, kind, place) in places.into_iter().step_by(step) {
        let mut packets = packets.clone();
        let Timed { bytes, .. } = &mut packets[frame - 1];
        // Behind the headers of IPv4 and UDP.
        let header = usize::from(bytes[0] & 15) * 4 + 8;
        bytes[header + place] ^= 0x10;
        fs::write(&changed, Recipe::default().write_ip(&packets)).expect("written");
        let (status, found) = verify(&[], &changed);
        let frames: BTreeSet<u64> = found["failures"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|failure| failure["frame"].as_u64())
            .collect();
        let expected = BTreeSet::from([frame as u64]);
        assert_eq!(frames, expected, "{name}: {kind} of frame {frame}");
        assert_eq!(status, 1);
    }
}

#[test]
fn a_changed_byte_of_a_chunk_hash_or_signature_names_its_frame_alone() {
    for name in [
        "merkle-sha256-seven-chunks",
        "live-unified-merkle",
        "live-unified-merkle-p384",
        "live-unified-merkle-rsasha256",
        "live-sign-all-rsasha1",
        "live-libswift",
    ] {
        assert_one_byte_is_found(name, &sample(name), 1);
    }
    for (name, path) in real_captures() {
        if [
            "libswift-vod-sha512-lab",
            "libswift-live-umt-rfc-sha256-lab",
            "peregrine-pg_pg",
        ]
        .contains(&name.as_str())
        {
            assert_one_byte_is_found(&name, &path, 97);
        }
    }
}

#[test]
fn content_comes_out_as_it_went_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let capture = sample("merkle-sha256-seven-chunks");
    extract(&[], &capture, folder.path()).fine();
    let content = fs::read(folder.path().join("3e2a60ef145aa9d8.content")).expect("content");
    assert_eq!(content.len(), 7162);
    let manifest = manifest(folder.path());
    let file = &manifest["swarms"][0];
    assert_eq!(file["sha256"], sha256(&content));
    assert_eq!(file["complete"], true);
    assert_eq!(file["ranges"][0]["chunks"], json!([0, 6]));
    // The swarm ID of the file is that of the capture.
    let path = folder.path().join("3e2a60ef145aa9d8.content");
    let hash = run(["hash", "--json", path.to_str().expect("text")]).json();
    assert_eq!(hash["swarm_id"], file["swarm"]);
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2);
}

#[test]
fn an_extraction_that_is_killed_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let into = folder.path().join("content");
    let mut child = program()
        .args(["extract", "-", "-o"])
        .arg(&into)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("it starts");
    let capture = fs::read(sample("merkle-sha256-seven-chunks")).expect("a capture");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(&capture).expect("it reads");
    stdin.flush().expect("it reads");
    while !into.exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    // It still waits for the end of the capture.
    assert_eq!(child.try_wait().expect("a child"), None);
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    assert_eq!(fs::read_dir(&into).expect("a folder").count(), 0);
}

#[test]
fn missing_chunks_are_holes_and_failed_ones_stay_out() {
    let folder = tempfile::tempdir().expect("a folder");
    extract(&[], &sample("deviations"), folder.path()).fine();
    let file = &manifest(folder.path())["swarms"][0];
    assert_eq!(file["complete"], false);
    assert_eq!(file["ranges"][0]["chunks"], json!([0, 3]));
    let name = file["file"].as_str().expect("a name");
    let content = fs::read(folder.path().join(name)).expect("content");
    assert_eq!(file["length"], content.len());
    assert_eq!(file["sha256"], sha256(&content));
    let range = &content[..file["ranges"][0]["length"].as_u64().expect("a number") as usize];
    assert_eq!(file["ranges"][0]["sha256"], sha256(range));
}

#[test]
fn a_live_streams_file_begins_with_its_first_chunk() {
    let folder = tempfile::tempdir().expect("a folder");
    extract(&[], &sample("live-unified-merkle"), folder.path()).fine();
    let file = &manifest(folder.path())["swarms"][0];
    assert_eq!(file["first_chunk"], 8);
    assert_eq!(file["length"], 12 * 1024);
    assert_eq!(file["ranges"][0]["sha256"], file["sha256"]);
}

#[test]
fn nothing_is_overwritten_unless_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let capture = sample("merkle-sha256-seven-chunks");
    extract(&[], &capture, folder.path()).fine();
    let path = folder.path().join("3e2a60ef145aa9d8.content");
    fs::write(&path, "mine").expect("written");
    for _ in 0..2 {
        let refused = extract(&[], &capture, folder.path());
        assert_eq!(refused.status, 3);
        assert!(refused.stderr.contains("--force"), "{refused:?}");
        assert_eq!(fs::read(&path).expect("a file"), b"mine");
        // The second time the content alone is in the way.
        let _ = fs::remove_file(folder.path().join("manifest.json"));
    }
    extract(&["--force"], &capture, folder.path()).fine();
    assert_eq!(fs::read(&path).expect("a file").len(), 7162);
}

#[test]
fn extracted_content_has_the_hash_that_the_captures_notes_give() {
    for (name, path) in real_captures() {
        let notes = fs::read_to_string(path.with_extension("md")).expect("notes");
        let Some(expected) = notes
            .lines()
            .find_map(|line| line.strip_prefix("- content sha256: "))
        else {
            continue;
        };
        let folder = tempfile::tempdir().expect("a folder");
        extract(&["--unprotected"], &path, folder.path());
        let manifest = manifest(folder.path());
        for file in manifest["swarms"].as_array().expect("a list") {
            if file["complete"] == true {
                assert_eq!(file["sha256"], expected, "{name}");
            }
        }
    }
}

#[test]
fn what_receivers_could_verify_is_what_the_oracle_says() {
    for (name, path) in real_captures() {
        // Its seeder leaves timestamps out towards some; the oracle reads on.
        if name == "libswift-probe-seeder" {
            continue;
        }
        let notes = fs::read(path.with_extension("json")).expect("the oracle's");
        let oracle: Value = serde_json::from_slice(&notes).expect("JSON");
        let Some(data) = oracle.get("data").and_then(Value::as_object) else {
            continue;
        };
        let (status, found) = verify(&[], &path);
        assert_eq!(status, 0, "{name}");
        let receivers: Vec<&Value> = found["swarms"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|swarm| swarm["receivers"].as_array().into_iter().flatten())
            .collect();
        for (theirs, ours) in [
            ("ok", "verified"),
            ("missing", "unverified"),
            ("bad", "failed"),
            ("unprotected", "unprotected"),
        ] {
            let count: u64 = receivers.iter().filter_map(|one| one[ours].as_u64()).sum();
            let expected = data.get(theirs).and_then(Value::as_u64).unwrap_or(0);
            assert_eq!(count, expected, "{name}: {ours}");
        }
        let signatures: u64 = oracle["signatures"]
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(how, _)| how.starts_with("ok"))
            .filter_map(|(_, count)| count.as_u64())
            .sum();
        let ours: u64 = found["swarms"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|swarm| swarm["signatures"]["verified"].as_u64())
            .sum();
        assert_eq!(ours, signatures, "{name}: signatures");
    }
}
