//! `probe` as its users run it, against our own seeder on loopback.

mod support;

use std::fs;
use std::net::UdpSocket;
use std::path::Path;

use ppsp_inspect::probe::cases;
use serde_json::Value;
use support::program::{Run, run};
use support::transfer::Peer;

/// A seeder of a file in the folder, with more arguments.
struct Seeder {
    peer: Peer,
    id: String,
    address: String,
}

impl Seeder {
    fn of(folder: &Path, more: &[&str]) -> Self {
        write_content(folder);
        let arguments = ["seed", "a.bin", "--listen", "127.0.0.1:0"];
        let mut peer = Peer::start(folder, arguments.iter().chain(more));
        let said = peer.line();
        let mut words = said.split_whitespace();
        let id = words.next().expect("an ID").to_owned();
        let address = words.next_back().expect("an address").to_owned();
        Self { peer, id, address }
    }

    /// Probes it.
    fn probe(&self, more: &[&str]) -> Run {
        let arguments = [
            "probe",
            &self.address,
            "--swarm",
            &self.id,
            "--timeout",
            "0.6",
        ];
        run(arguments.iter().chain(more))
    }
}

fn write_content(folder: &Path) {
    let content: Vec<u8> = (0..21 * 1024 + 5_u32)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    fs::write(folder.join("a.bin"), content).expect("written");
}

#[test]
fn a_conforming_seeder_conforms() {
    let folder = tempfile::tempdir().expect("a folder");
    let seeder = Seeder::of(folder.path(), &[]);
    let report = seeder
        .probe(&["--json", "--exclude", "8.15", "--exclude", "12.1.1"])
        .json();
    assert_eq!(report["target"], seeder.address);
    assert_eq!(report["swarm"], seeder.id);
    assert_eq!(report["role"], "seeder");
    assert_eq!(report["chunks"], 22);
    assert_eq!(report["summary"]["conforms"], true);
    assert_eq!(report["summary"]["fail"], 0);
    let listed = report["cases"].as_array().expect("cases");
    assert!(listed.len() > 90, "{} cases", listed.len());
    for case in listed {
        for field in ["id", "section", "level", "title", "verdict", "detail"] {
            assert!(case[field].is_string(), "{case}");
        }
        assert!(case["frames"].is_array(), "{case}");
        let verdict = case["verdict"].as_str().expect("a verdict");
        assert!(["pass", "skip"].contains(&verdict), "{case}");
        assert!(verdict != "skip" || case["detail"] != "", "{case}");
    }
    assert_eq!(seeder.peer.stop().status, 0);
}

#[test]
fn a_failure_says_what_was_required_expected_and_came_and_how_to_repeat_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let seeder = Seeder::of(folder.path(), &["--misbehave", "no-chunk-size"]);
    let first = seeder.probe(&["--case", "7.11", "--case", "7.1"]);
    assert_eq!((first.status, first.stderr.as_str()), (1, ""));
    for part in [
        "pass         rfc7574/7.1/reply-end-option",
        "fail         rfc7574/7.11/reply-chunk-size",
        "FAIL rfc7574/7.11/reply-chunk-size (MUST)",
        "required  A peer includes the chunk size",
        "expected  option 9 (chunk_size): 1024",
        "actual    the options 0, 1, 3, 4, 6, 8",
    ] {
        assert!(first.stdout.contains(part), "no {part} in {}", first.stdout);
    }
    let second = first.run_again();
    assert_eq!(second.status, 1);
    assert!(
        second.stdout.contains("1 cases: 1 fail"),
        "{}",
        second.stdout
    );
}

#[test]
fn known_failures_conform_and_unexpected_passes_do_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let seeder = Seeder::of(folder.path(), &["--misbehave", "no-chunk-size"]);
    let file = folder.path().join("known");
    let known = file.to_str().expect("a path");
    fs::write(
        &file,
        "# ours\nrfc7574/7.11/reply-chunk-size # left out on purpose\n",
    )
    .expect("written");
    let expected = seeder.probe(&["--case", "7.11/reply-chunk-size", "--expect", known]);
    assert_eq!(expected.status, 0, "{expected:?}");
    assert!(
        expected.stdout.contains("(expected: left out on purpose)"),
        "{expected:?}"
    );
    fs::write(&file, "7.1 # it is wrong there\n").expect("written");
    let unexpected = seeder.probe(&["--case", "7.1", "--expect", known]);
    assert_eq!(unexpected.status, 1, "{unexpected:?}");
    assert!(unexpected.stdout.contains("UNEXPECTED"), "{unexpected:?}");
    fs::write(&file, "7.1\n").expect("written");
    let silent = seeder.probe(&["--case", "7.1", "--expect", known]);
    assert_eq!(silent.status, 2, "{silent:?}");
    assert!(
        silent
            .stderr
            .contains("line 1: an expected failure needs a reason")
    );
}

#[test]
fn the_capture_tells_of_each_packet_which_case_it_is_of() {
    let folder = tempfile::tempdir().expect("a folder");
    let seeder = Seeder::of(folder.path(), &["--misbehave", "version-zero"]);
    let path = folder.path().join("probe.pcapng");
    let capture = path.to_str().expect("a path");
    let first = seeder.probe(&["--case", "7.2/reply*", "-w", capture, "--json"]);
    assert_eq!(first.status, 1, "{first:?}");
    let report: Value = serde_json::from_str(&first.stdout).expect("JSON");
    let cases = report["cases"].as_array().expect("cases");
    let failed = cases.iter().find(|case| case["verdict"] == "fail");
    let failed = failed.expect("one that failed");
    assert_eq!(failed["id"], "rfc7574/7.2/reply-version-defined");
    let frame = failed["frames"][0].as_u64().expect("a frame");
    let lines = run(["read", "-T", "jsonl", capture]).stdout;
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let shown = lines.iter().find(|line| line["frame"] == frame);
    let shown = shown.expect("the frame");
    assert_eq!(shown["messages"][0]["type"], "HANDSHAKE");
    assert_eq!(shown["messages"][0]["options"]["version"], 0);
    assert_eq!(shown["src"], seeder.address);
    let comments = fs::read(&path).expect("the capture");
    let has = |text: &str| comments.windows(text.len()).any(|it| it == text.as_bytes());
    assert!(has("rfc7574/7.2/reply-version-defined: fail"));
    assert!(has("rfc7574/7.2/reply-version: pass"));
    assert!(has(
        "expected: a range of versions that holds 1; this is: version 0"
    ));
}

#[test]
fn reports_go_into_files_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let seeder = Seeder::of(folder.path(), &["--misbehave", "unsorted-options"]);
    let path = |name: &str| {
        folder
            .path()
            .join(name)
            .to_str()
            .expect("a path")
            .to_owned()
    };
    let (junit, markdown) = (path("junit.xml"), path("report.md"));
    let html = path("report.html");
    let arguments = [
        "--case",
        "7",
        "--junit",
        &junit,
        "--markdown",
        &markdown,
        "--html",
        &html,
    ];
    assert_eq!(seeder.probe(&arguments).status, 1);
    let junit = fs::read_to_string(junit).expect("there");
    assert!(junit.starts_with("<?xml"), "{junit}");
    assert!(junit.contains(r#"failures="1" errors="0""#), "{junit}");
    assert!(
        junit.contains(r#"classname="rfc7574/7" name="options-sorted""#),
        "{junit}"
    );
    let markdown = fs::read_to_string(markdown).expect("there");
    assert!(
        markdown.contains("## fail: `rfc7574/7/options-sorted`"),
        "{markdown}"
    );
    assert!(
        markdown.contains("- actual: 0, 1, 3, 4, 6, 9, 8"),
        "{markdown}"
    );
    let html = fs::read_to_string(html).expect("there");
    assert!(html.starts_with("<!DOCTYPE html>") && html.ends_with("</html>\n"));
    for part in [
        &format!("{} as seeder", seeder.address),
        "does not conform",
        "<dt>actual</dt><dd>0, 1, 3, 4, 6, 9, 8</dd>",
        // The datagram, as `read` would print it.
        "bytes: HANDSHAKE",
    ] {
        assert!(html.contains(part), "no {part} in {html}");
    }
}

#[test]
fn the_nearest_handshake_is_found_and_the_difference_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let seeder = Seeder::of(folder.path(), &["--misbehave", "drops-supported-messages"]);
    let report = seeder.probe(&["--case", "7.10", "--case", "7.5"]);
    assert_eq!(report.status, 1);
    let dialect = "takes RFC 7574 without the options supported_messages (8)";
    assert!(report.stdout.contains(dialect), "{}", report.stdout);
    assert!(
        report
            .stdout
            .contains("fail         rfc7574/7.10/takes-supported-messages")
    );
    assert!(
        report
            .stdout
            .contains("pass         rfc7574/7.5/reply-content-integrity")
    );
}

#[test]
fn a_target_that_dies_is_started_again_and_the_case_that_killed_it_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    write_content(folder.path());
    let free = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let address = free.local_addr().expect("an address").to_string();
    drop(free);
    let content = folder.path().join("a.bin");
    let id = run(["hash".as_ref(), "--json".as_ref(), content.as_os_str()]).json();
    let id = id["swarm_id"].as_str().expect("an ID").to_owned();
    // What the shell has started in turn holds the address.
    let exec = format!(
        "sh -c '{} peer seed {} --listen {{addr}} --misbehave dies-of-unknown-option & wait'",
        env!("CARGO_BIN_EXE_ppsp-inspect"),
        content.display()
    );
    let arguments = [
        "probe",
        &address,
        "--swarm",
        &id,
        "--timeout",
        "0.6",
        "--exec",
        &exec,
    ];
    let cases = ["--case", "7/*", "--case", "8.2/datagrams-decode"];
    let report = run(arguments.iter().chain(&cases));
    assert_eq!(report.status, 1, "{report:?}");
    let text = &report.stdout;
    assert!(
        text.contains("fail         rfc7574/7/unknown-option-survived"),
        "{text}"
    );
    assert!(
        text.contains("after this case it answers none any more"),
        "{text}"
    );
    // It came after the death.
    assert!(
        text.contains("pass         rfc7574/8.2/datagrams-decode"),
        "{text}"
    );
}

#[test]
fn nobody_there_nothing_selected_and_bad_ids_have_their_own_exits() {
    let silent = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("an address").to_string();
    let id = "ab".repeat(20);
    let nobody = run(["probe", &address, "--swarm", &id, "--timeout", "0.05"]);
    assert_eq!(nobody.status, 3);
    assert!(
        nobody
            .stderr
            .contains("answers no HANDSHAKE for this swarm"),
        "{nobody:?}"
    );
    let nothing = run(["probe", &address, "--swarm", &id, "--case", "no-such-case"]);
    assert_eq!(nothing.status, 2);
    assert!(
        nothing.stderr.contains("no case is selected"),
        "{nothing:?}"
    );
    let short = run(["probe", &address, "--swarm", "abcd"]);
    assert_eq!(short.status, 2);
    assert!(short.stderr.contains("is no root hash"), "{short:?}");
    assert_eq!(run(["probe"]).status, 2);
}

#[test]
fn a_target_of_garbage_and_floods_costs_no_hang() {
    let rogue = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let address = rogue.local_addr().expect("an address").to_string();
    let flood = std::thread::spawn(move || {
        let mut buffer = [0; 2048];
        rogue
            .set_read_timeout(Some(std::time::Duration::from_secs(3)))
            .expect("set");
        let mut garbage = vec![0xa5_u8; 1400];
        while let Ok((length, source)) = rogue.recv_from(&mut buffer) {
            for round in 0..200_u8 {
                // Now and then as if it answered.
                if round % 2 == 0 && length >= 9 {
                    garbage[..4].copy_from_slice(&buffer[5..9]);
                }
                garbage[4] = round;
                let _ = rogue.send_to(&garbage, source);
            }
        }
    });
    let id = "ab".repeat(20);
    let report = run([
        "probe",
        &address,
        "--swarm",
        &id,
        "--timeout",
        "0.1",
        "--case",
        "3.1.1",
    ]);
    assert!([1, 3].contains(&report.status), "{report:?}");
    flood.join().expect("it ends");
}

#[test]
fn several_cases_at_once_come_to_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let seeder = Seeder::of(folder.path(), &["--misbehave", "no-end-option"]);
    let verdicts = |jobs: &str| {
        let run = seeder.probe(&["--case", "7*", "--case", "3.1.1", "--jobs", jobs, "--json"]);
        assert_eq!(run.status, 1, "{run:?}");
        let report: Value = serde_json::from_str(&run.stdout).expect("JSON");
        let listed = report["cases"].as_array().expect("cases").clone();
        let pairs = listed
            .iter()
            .map(|it| (it["id"].clone(), it["verdict"].clone()));
        pairs.collect::<Vec<_>>()
    };
    assert_eq!(verdicts("1"), verdicts("6"));
}

#[test]
fn the_list_is_all_cases() {
    let list = run(["probe", "--list"]).fine();
    assert_eq!(list.lines().count(), cases().count());
    let json = run(["probe", "--list", "--json"]).json();
    let listed = json.as_array().expect("an array");
    for (listed, case) in listed.iter().zip(cases()) {
        assert_eq!(listed["id"], case.id);
        assert_eq!(listed["level"], case.level.name());
    }
    assert!(listed.len() >= 100, "{}", listed.len());
    let musts = run(["probe", "--list", "--level", "must", "--case", "7.*"]).fine();
    assert!(
        musts
            .lines()
            .all(|line| line.starts_with("MUST") && line.contains("/7."))
    );
}
