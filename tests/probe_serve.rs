//! `probe --serve` as its users run it: our own leecher on loopback, which it
//! starts, or we do.

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use support::program::{Run, program, run};
use support::transfer::Peer;

/// The command of a leecher of ours, with more arguments.
fn leech(more: &str) -> String {
    format!(
        "{} peer leech {{swarm}} --from {{addr}} -o {{output}} {more}",
        env!("CARGO_BIN_EXE_ppsp-inspect")
    )
}

/// Probes what a command starts.
fn probe(exec: &str, more: &[&str]) -> Run {
    let arguments = ["probe", "--serve", "127.0.0.1", "--exec", exec];
    run(arguments.iter().chain(more))
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"))
}

#[test]
fn a_conforming_leecher_conforms() {
    let cases = [
        "--case",
        "7*",
        "--case",
        "3.7/asks",
        "--case",
        "5.1/wrong-chunk-refused",
        "--case",
        "5.6/short-last-chunk",
        "--jobs",
        "4",
        "--json",
    ];
    let report = probe(&leech(""), &cases).json();
    assert_eq!(report["role"], "leecher");
    assert_eq!(report["target"], leech(""));
    assert_eq!(report["summary"]["conforms"], true);
    let listed = report["cases"].as_array().expect("cases");
    assert!(listed.len() > 20, "{} cases", listed.len());
    for case in listed {
        assert_eq!(case["verdict"], "pass", "{case}");
    }
}

#[test]
fn a_misbehaving_leecher_is_found_and_the_command_that_finds_it_again_is_told() {
    let exec = leech("--misbehave no-chunk-size");
    let cases = ["--case", "7.11/opening*", "--case", "7.1/opening*"];
    let first = probe(&exec, &cases);
    assert_eq!((first.status, first.stderr.as_str()), (1, ""));
    for part in [
        "pass         rfc7574/7.1/opening-end-option",
        "fail         rfc7574/7.11/opening-chunk-size",
        "FAIL rfc7574/7.11/opening-chunk-size (MUST)",
    ] {
        assert!(first.stdout.contains(part), "no {part} in {}", first.stdout);
    }
    let second = first.run_again();
    assert_eq!(second.status, 1, "{second:?}");
    assert!(
        second.stdout.contains("1 cases: 1 fail"),
        "{}",
        second.stdout
    );
}

#[test]
fn who_takes_wrong_chunks_is_found() {
    let exec = leech("--misbehave acks-everything");
    let report = probe(&exec, &["--case", "5.1/wrong-chunk-refused", "--json"]);
    assert_eq!(report.status, 1, "{report:?}");
    let case = &json(&report)["cases"][0];
    assert_eq!(case["verdict"], "fail");
    assert!(!case["frames"].as_array().expect("frames").is_empty());
}

#[test]
fn a_command_that_ends_at_once_or_never_connects_is_told_as_that() {
    let began = std::time::Instant::now();
    let dead = probe("false", &["--case", "7.1"]);
    assert_eq!((dead.status, dead.stdout.as_str()), (3, ""));
    assert!(
        dead.stderr
            .contains("did not connect: it has ended with exit status 1;"),
        "{dead:?}"
    );
    assert!(dead.stderr.contains("--exec"), "{dead:?}");
    let missing = probe("no-such-program {addr}", &["--case", "7.1"]);
    assert_eq!(missing.status, 3);
    // What the shell said of it.
    assert!(missing.stderr.contains("no-such-program"), "{missing:?}");
    assert!(missing.stderr.contains("exit status 127"), "{missing:?}");
    // Neither had to be waited for.
    assert!(began.elapsed().as_secs() < 60);
    let silent = probe("sleep 60", &["--case", "7.1"]);
    assert_eq!((silent.status, silent.stdout.as_str()), (3, ""));
    assert!(
        silent.stderr.contains("nothing came within 8 s"),
        "{silent:?}"
    );
    assert!(silent.stderr.contains("--exec"), "{silent:?}");
}

#[test]
fn whoever_comes_is_probed_where_nothing_is_started() {
    let folder = tempfile::tempdir().expect("a folder");
    let content = folder.path().join("video.mp4");
    fs::write(&content, vec![7; 30_000]).expect("written");
    let mut command = program();
    command.args(["probe", "--serve", "127.0.0.1", "--json", "--content"]);
    command.arg(&content).args(["--case", "7.4/opening*"]);
    command.args(["--case", "3.7/asks", "--case", "5.6/full-last-chunk"]);
    let mut prober = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let invitations = BufReader::new(prober.stderr.take().expect("a pipe"));
    let mut addresses = Vec::new();
    let mut leecher = None;
    for line in invitations.lines().map(|line| line.expect("text")) {
        let (_, invitation) = line
            .split_once("waiting for a leecher of swarm ")
            .unwrap_or_else(|| panic!("{line}"));
        let (id, address) = invitation.split_once(" at ").expect("where");
        let output = format!("got-{}", addresses.len());
        addresses.push(address.to_owned());
        // The one before is gone then.
        drop(leecher.take());
        leecher = Some(start_leecher(folder.path(), id, address, &output));
    }
    let run = Run::of(prober.wait_with_output().expect("it ends"));
    assert_eq!(run.status, 0, "{run:?}");
    addresses.dedup();
    assert_eq!(addresses.len(), 1, "{addresses:?}");
    let report = json(&run);
    let verdict = |id: &str| {
        let cases = report["cases"].as_array().expect("cases");
        let case = cases.iter().find(|case| case["id"] == id);
        case.expect("it was run")["verdict"].clone()
    };
    assert_eq!(verdict("rfc7574/7.4/opening-swarm-id"), "pass");
    assert_eq!(verdict("rfc7574/3.7/asks"), "pass");
    // The length of this content is what it is.
    assert_eq!(verdict("rfc7574/5.6/full-last-chunk"), "skip");
}

fn start_leecher(folder: &Path, id: &str, address: &str, output: &str) -> Peer {
    Peer::start(folder, ["leech", id, "--from", address, "-o", output])
}

#[test]
fn what_does_not_go_together_is_told_before_anything_is_started() {
    for (arguments, part) in [
        (
            &["--serve", "0.0.0.0"][..],
            "--serve 0.0.0.0: nobody can connect to that address; write --serve 127.0.0.1 for",
        ),
        (
            &["--serve", "[::]:7000"],
            "--serve [::]:7000: nobody can connect to that address; write --serve [::1]:7000 for",
        ),
        (&["--serve", "--jobs", "2"], "needs --exec"),
        (&["--serve", "nowhere"], "an IP address"),
    ] {
        let wrong = run(["probe"].iter().chain(arguments));
        assert_eq!((wrong.status, wrong.stdout.as_str()), (2, ""), "{wrong:?}");
        assert!(wrong.stderr.contains(part), "{wrong:?}");
    }
}

#[test]
fn a_leecher_that_dies_is_that_of_one_case_only_also_beside_others() {
    let exec = leech("--misbehave dies-of-unknown-message");
    let cases = ["--case", "3*", "--exclude", "3.12", "--jobs", "8", "--json"];
    let report = probe(&exec, &cases);
    assert_eq!(report.status, 1, "{report:?}");
    let report = json(&report);
    let cases = report["cases"].as_array().expect("cases");
    assert!(cases.len() > 20, "{} cases", cases.len());
    let not_passed: Vec<_> = cases.iter().filter(|it| it["verdict"] != "pass").collect();
    assert_eq!(not_passed.len(), 1, "{not_passed:?}");
    assert_eq!(not_passed[0]["id"], "rfc7574/3/unknown-message-to-leecher");
}
