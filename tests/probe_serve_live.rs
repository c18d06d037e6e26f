//! `probe --serve --live` as its users run it: our own viewer on loopback, which it
//! starts, or we do.

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::Value;
use support::program::{Run, program, run};
use support::transfer::Peer;

/// The command of a viewer of ours, with more arguments.
fn view(more: &str) -> String {
    format!(
        "{} peer view {{swarm}} --from {{addr}} -o {{output}} {more}",
        env!("CARGO_BIN_EXE_ppsp-inspect")
    )
}

/// Probes what a command starts.
fn probe(exec: &str, more: &[&str]) -> Run {
    let arguments = ["probe", "--serve", "--live", "--exec", exec];
    run(arguments.iter().chain(more))
}

fn verdict<'r>(report: &'r Value, id: &str) -> &'r str {
    let cases = report["cases"].as_array().expect("cases");
    let case = cases.iter().find(|case| case["id"] == id);
    case.and_then(|case| case["verdict"].as_str())
        .unwrap_or_else(|| panic!("no {id}"))
}

/// What does not take long.
const QUICK: &[&str] = &[
    "--case", "6*", "--case", "7*", "--case", "3.2", "--case", "3.7/asks", "--case", "5*",
    "--jobs", "6", "--json",
];

#[test]
fn a_conforming_viewer_conforms() {
    let report = probe(&view(""), QUICK).json();
    assert_eq!(report["role"], "viewer");
    assert_eq!(report["summary"]["conforms"], true, "{report}");
    assert_eq!(report["summary"]["fail"], 0, "{report}");
    for id in [
        "rfc7574/3.2/announces-what-it-has",
        "rfc7574/5.1/wrong-chunk-refused",
        "rfc7574/6/follows-stream",
        "rfc7574/6.1.2/stream-identical",
        "rfc7574/6.1.2.4/old-munro-discarded",
        "rfc7574/6.1.2.4/viewer-tells-munro",
        "rfc7574/6.1/other-key-refused",
        "rfc7574/6.2/window-respected",
        "rfc7574/7.7/opening-signature-algorithm",
    ] {
        assert_eq!(verdict(&report, id), "pass", "{id}: {report}");
    }
    // What is about content that ends is not run.
    let cases = report["cases"].as_array().expect("cases");
    assert!(!cases.iter().any(|case| case["section"] == "5.6"));
}

#[test]
fn a_viewer_of_signed_chunks_is_probed_as_one_with_a_key_of_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("key.pem");
    let key = key.to_str().expect("a path");
    run(["peer", "keygen", "-o", key, "--algorithm", "RSASHA256"]).fine();
    let cases = [
        "--integrity",
        "sign-all",
        "--key",
        key,
        "--algorithm",
        "RSASHA256",
        "--case",
        "6*",
        "--jobs",
        "4",
        "--json",
    ];
    let report = probe(&view("--integrity sign-all"), &cases).json();
    assert_eq!(report["summary"]["conforms"], true, "{report}");
    // DNSSEC's number of the algorithm.
    assert!(report["swarm"].as_str().expect("an ID").starts_with("08"));
    for id in [
        "rfc7574/6.1.1/signature-apart-taken",
        "rfc7574/6.1.1/chunk-alone-refused",
        "rfc7574/6.1/redated-refused",
    ] {
        assert_eq!(verdict(&report, id), "pass", "{id}: {report}");
    }
    let munro = "rfc7574/6.1.2.4/old-munro-discarded";
    assert_eq!(verdict(&report, munro), "skip", "{report}");
}

#[test]
fn a_misbehaving_viewer_is_found_and_the_command_that_finds_it_again_is_told() {
    let exec = view("--misbehave takes-old-munros");
    let cases = ["--case", "6.1.2.4", "--seed", "7", "--jobs", "4"];
    let first = probe(&exec, &cases);
    assert_eq!((first.status, first.stderr.as_str()), (1, ""));
    for part in [
        "pass         rfc7574/6.1.2.4/tunes-in",
        "fail         rfc7574/6.1.2.4/old-munro-discarded",
        "FAIL rfc7574/6.1.2.4/old-munro-discarded (MUST)",
        "signed a day ago",
    ] {
        assert!(first.stdout.contains(part), "no {part} in {}", first.stdout);
    }
    assert!(first.again().contains(" --live "), "{}", first.again());
    let second = first.run_again();
    assert_eq!(second.status, 1, "{second:?}");
    assert!(
        second.stdout.contains("1 cases: 1 fail"),
        "{}",
        second.stdout
    );
}

#[test]
fn libswifts_way_to_sign_is_found_out_and_its_failure_told() {
    let exec = view("--misbehave believes-hash-alone-only");
    let run = probe(&exec, &["--case", "6.1.2.2", "--case", "6", "--json"]);
    assert_eq!(run.status, 1, "{run:?}");
    let report: Value = serde_json::from_str(&run.stdout).expect("JSON");
    for id in [
        "rfc7574/6.1.2.2/signature-taken",
        "rfc7574/6.1.2.2/hash-alone-refused",
    ] {
        assert_eq!(verdict(&report, id), "fail", "{report}");
    }
    // The others are run as it takes signatures.
    assert_eq!(
        verdict(&report, "rfc7574/6/follows-stream"),
        "pass",
        "{report}"
    );
}

#[test]
fn whoever_comes_is_probed_where_nothing_is_started() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = program();
    command.args(["probe", "--serve", "127.0.0.1", "--live", "--json"]);
    command.args(["--case", "6.1.2.4/tunes-in", "--case", "6.1.2.1/two*"]);
    let mut prober = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let invitations = BufReader::new(prober.stderr.take().expect("a pipe"));
    let mut viewer = None;
    let mut ids = Vec::new();
    for line in invitations.lines().map(|line| line.expect("text")) {
        let (_, invitation) = line
            .split_once("waiting for a viewer of swarm ")
            .unwrap_or_else(|| panic!("{line}"));
        let (id, address) = invitation.split_once(" at ").expect("where");
        // The one before is gone then.
        drop(viewer.take());
        let output = format!("got-{}", ids.len());
        ids.push(id.to_owned());
        let arguments = ["view", id, "--from", address, "-o", &output];
        viewer = Some(Peer::start(folder.path(), arguments));
    }
    let run = Run::of(prober.wait_with_output().expect("it ends"));
    assert_eq!(run.status, 0, "{run:?}");
    // A stream is the same whatever it is signed in.
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
    let report: Value = serde_json::from_str(&run.stdout).expect("JSON");
    for id in [
        "rfc7574/6.1.2.4/tunes-in",
        "rfc7574/6.1.2.1/two-chunks-a-munro",
    ] {
        assert_eq!(verdict(&report, id), "pass", "{report}");
    }
}

#[test]
fn what_does_not_go_together_is_told_before_anything_is_started() {
    let folder = tempfile::tempdir().expect("a folder");
    let no_key = folder.path().join("key.pem");
    fs::write(&no_key, "no key").expect("written");
    let no_key = no_key.to_str().expect("a path");
    for (arguments, part) in [
        (&["--live"][..], "--serve"),
        (&["--serve", "--key", no_key], "--live"),
        (&["--serve", "--integrity", "sign-all"], "--serve --live"),
        (
            &["--serve", "--live", "--integrity", "none"],
            "protects nothing",
        ),
        (
            &["--serve", "--live", "--per-signature", "5"],
            "power of two",
        ),
        (&["--serve", "--live", "--key", no_key], "key.pem"),
    ] {
        let wrong = run(["probe"].iter().chain(arguments));
        assert_eq!((wrong.status, wrong.stdout.as_str()), (2, ""), "{wrong:?}");
        assert!(wrong.stderr.contains(part), "{wrong:?}");
    }
}
