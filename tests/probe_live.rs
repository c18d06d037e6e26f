//! `probe` as its users run it, against our own live source on loopback.

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::program::{Run, run};
use support::random::Random;
use support::transfer::Peer;

/// The source of a live stream in the folder, with more arguments.
struct Source {
    peer: Peer,
    id: String,
    address: String,
}

impl Source {
    fn of(folder: &Path, more: &[&str]) -> Self {
        let content = Random::new(1).bytes(24 * 1024 * 1024);
        fs::write(folder.join("stream.ts"), content).expect("written");
        let key = folder.join("key.pem");
        run(["peer", "keygen", "-o", key.to_str().expect("a path")]).fine();
        let arguments = [
            "inject",
            "stream.ts",
            "--key",
            "key.pem",
            "--pace",
            "400K",
            "--listen",
            "127.0.0.1:0",
        ];
        let mut peer = Peer::start(folder, arguments.iter().chain(more));
        let said = peer.line();
        let mut words = said.split_whitespace();
        let id = words.next().expect("an ID").to_owned();
        let address = words.next_back().expect("an address").to_owned();
        // Some cases need many chunks.
        std::thread::sleep(std::time::Duration::from_millis(1500));
        Self { peer, id, address }
    }

    fn probe(&self, more: &[&str]) -> Run {
        let arguments = ["probe", &self.address, "--swarm", &self.id];
        run(arguments.iter().chain(more))
    }
}

/// What does not take long.
const QUICK: &[&str] = &[
    "--case", "3.1.1", "--case", "3.7", "--case", "3.8", "--case", "5.*", "--case", "6.*",
    "--case", "7*", "--case", "12.6*",
];

fn verdict<'r>(report: &'r Value, id: &str) -> &'r str {
    let cases = report["cases"].as_array().expect("cases");
    let case = cases.iter().find(|case| case["id"] == id);
    case.and_then(|case| case["verdict"].as_str())
        .unwrap_or_else(|| panic!("no {id}"))
}

#[test]
fn a_public_key_names_a_live_stream_whose_source_conforms() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = Source::of(folder.path(), &["--window", "1000"]);
    let report = source.probe(&[QUICK, &["--json"]].concat()).json();
    assert_eq!(report["role"], "injector");
    assert_eq!(report["swarm"], source.id);
    assert_eq!(report["summary"]["fail"], 0, "{report}");
    assert_eq!(report["summary"]["conforms"], true, "{report}");
    for id in [
        "rfc7574/3.7/range-served",
        "rfc7574/5.2/chunks-verify",
        "rfc7574/6.1/announces-new-chunks",
        "rfc7574/6.1.2.2/signature-covers-all",
        "rfc7574/6.1.2.2/timestamp-is-now",
        "rfc7574/6.1.2.4/munro-in-fourth-datagram",
        "rfc7574/6.2/window-is-served",
        "rfc7574/7.7/reply-signature-algorithm",
    ] {
        assert_eq!(verdict(&report, id), "pass", "{id}: {report}");
    }
    // What is about static content only is not run.
    let cases = report["cases"].as_array().expect("cases");
    assert!(!cases.iter().any(|case| case["section"] == "5.6.2"));
    assert_eq!(source.peer.stop().status, 0);
}

#[test]
fn a_stream_of_signed_chunks_is_probed_as_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let sign_all = ["--integrity", "sign-all"];
    let source = Source::of(folder.path(), &sign_all);
    let cases = ["--case", "6.*", "--case", "5.2", "--json"];
    let report = source.probe(&[&sign_all[..], &cases].concat()).json();
    assert_eq!(report["summary"]["fail"], 0, "{report}");
    for id in [
        "rfc7574/5.2/chunks-verify",
        "rfc7574/6.1.1/signature-before-chunk",
        "rfc7574/6.1.1/signature-in-datagram",
    ] {
        assert_eq!(verdict(&report, id), "pass", "{id}: {report}");
    }
    let munro = "rfc7574/6.1.2.1/same-width";
    assert_eq!(verdict(&report, munro), "skip", "{report}");
}

#[test]
fn what_a_source_does_wrong_fails_its_case_and_the_command_repeats_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = Source::of(folder.path(), &["--misbehave", "munro-widths-vary"]);
    let first = source.probe(&["--case", "6.1.2.1"]);
    assert_eq!(first.status, 1, "{first:?}");
    for part in [
        "FAIL rfc7574/6.1.2.1/same-width (MUST)",
        "expected  munros of 32 chunks",
        "actual    one of 64 chunks",
        "pass         rfc7574/6.1.2.1/signature-holds",
    ] {
        assert!(first.stdout.contains(part), "no {part} in {}", first.stdout);
    }
    let second = first.run_again();
    assert_eq!(second.status, 1, "{second:?}");
    assert!(second.stdout.contains("1 cases: 1 fail"), "{second:?}");
}

#[test]
fn a_tree_of_another_hash_function_is_found_out() {
    let folder = tempfile::tempdir().expect("a folder");
    // As libswift does: SHA-1, signatures of the hash alone, dated otherwise.
    let source = Source::of(folder.path(), &["--hash", "sha1", "--dialect", "libswift"]);
    let run = source.probe(&["--case", "6.1.2.2", "--case", "5.2", "--json"]);
    assert!(run.stderr.contains("chunks verify with sha1"), "{run:?}");
    let report: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(
        verdict(&report, "rfc7574/5.2/chunks-verify"),
        "pass",
        "{report}"
    );
    for id in [
        "rfc7574/6.1.2.2/signature-covers-all",
        "rfc7574/6.1.2.2/timestamp-is-ntp",
    ] {
        assert_eq!(verdict(&report, id), "fail", "{id}: {report}");
    }
}

#[test]
fn an_id_that_is_neither_root_hash_nor_key_is_a_usage_error() {
    // P-256, but no point.
    let id = format!("0d{}", "ab".repeat(64));
    let run = run(["probe", "127.0.0.1:9", "--swarm", &id]);
    assert_eq!(run.status, 2, "{run:?}");
    assert!(run.stderr.contains("is no root hash"), "{run:?}");
    let hash = "ab".repeat(20);
    let arguments = [
        "probe",
        "127.0.0.1:9",
        "--swarm",
        &hash,
        "--integrity",
        "sign-all",
    ];
    let run = support::program::run(arguments);
    assert_eq!(run.status, 2, "{run:?}");
    assert!(run.stderr.contains("peer keygen"), "{run:?}");
}
