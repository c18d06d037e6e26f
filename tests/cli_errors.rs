//! What goes wrong: exit statuses, and messages that say what to do.

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::Stdio;

use support::capture_writer::{Compression, File, Recipe, some_packets};
use support::program::{Run, program, run};
use support::samples::{ip_packets, sample};

#[test]
fn wrong_usage_is_status_2_with_a_hint() {
    let cases: [(&[&str], &str); 9] = [
        (&[], "Usage:"),
        (&["stats"], "<CAPTURE>"),
        (&["-T", "xml", "x.pcap"], "possible values: text, jsonl"),
        (&["-c", "0", "x.pcap"], "0 is not in 1.."),
        (&["--hash", "md5", "x.pcap"], "sha256"),
        (&["--addressing", "bin", "x.pcap"], "a similar value"),
        (&["--port", "70000", "x.pcap"], "70000"),
        (&["-V", "-T", "jsonl", "x.pcap"], "cannot be used with"),
        (&["--no-such-option", "x.pcap"], "unexpected argument"),
    ];
    for (arguments, hint) in cases {
        let run = run(arguments);
        assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(run.stderr.contains(hint), "{arguments:?}: {}", run.stderr);
    }
}

#[test]
fn help_and_version_are_no_error() {
    assert!(run(["--help"]).fine().contains("Usage:"));
    let version = format!("ppsp-inspect {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(run(["--version"]).fine(), version);
}

#[test]
fn what_is_no_capture_is_status_3_with_the_file_and_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, content).expect("written");
        path
    };
    let cases = [
        (folder.path().join("missing.pcap"), "check the path"),
        (file("empty.pcap", b""), "is empty"),
        (
            file("text.pcap", b"no capture at all"),
            "at byte 0: expected the magic number",
        ),
        (folder.path().to_owned(), "cannot be opened"),
    ];
    for command in [&["read"][..], &["stats"], &["stats", "--json"]] {
        for (path, hint) in &cases {
            let mut arguments: Vec<_> = command.iter().map(AsRef::as_ref).collect();
            arguments.push(path.as_os_str());
            let run = run(arguments);
            assert_eq!(run.status, 3, "{run:?}");
            let name = path.to_str().expect("a plain path");
            assert!(
                run.stderr.contains(name) && run.stderr.contains(hint),
                "{run:?}"
            );
            assert_eq!(run.stderr.lines().count(), 1, "{run:?}");
        }
    }
}

/// Runs `read` and `stats` on a file that ends too early.
fn assert_read_up_to_the_damage(path: &Path, expected: &str, hints: &[&str]) {
    let name = path.to_str().expect("a plain path");
    for arguments in [&["-T", "jsonl", name][..], &["stats", "--json", name]] {
        let run = run(arguments);
        assert_eq!(run.status, 3, "{run:?}");
        for hint in hints.iter().chain(&[name]) {
            assert!(run.stderr.contains(hint), "{hint} in {}", run.stderr);
        }
        if arguments[0] == "-T" {
            assert_eq!(run.stdout, expected);
        } else {
            let stats: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
            assert_eq!(stats["datagrams"], expected.lines().count());
        }
    }
}

#[test]
fn a_file_that_ends_in_a_packet_is_read_up_to_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let packets = ip_packets(&sample("merkle-sha256-seven-chunks"));
    let whole = run([
        "-T".as_ref(),
        "jsonl".as_ref(),
        sample("merkle-sha256-seven-chunks").as_os_str(),
    ]);
    let whole = whole.fine();
    let lines: Vec<_> = whole.lines().collect();
    for (file, what) in [(File::PCAP, "packet record"), (File::PCAPNG, "block")] {
        let recipe = Recipe {
            file,
            ..Recipe::default()
        };
        let mut bytes = recipe.write_ip(&packets);
        bytes.truncate(bytes.len() - 7);
        let path = folder.path().join("cut.pcap");
        fs::write(&path, bytes).expect("written");
        let before = lines[..lines.len() - 1].join("\n") + "\n";
        let hints = [": at byte ", "ends inside a", what, "editcap"];
        assert_read_up_to_the_damage(&path, &before, &hints);
    }
}

#[test]
fn a_compressed_file_that_ends_early_is_read_up_to_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let packets = ip_packets(&sample("legacy-swift"));
    for compression in [Compression::Gzip, Compression::Zstd] {
        let recipe = Recipe {
            compression,
            ..Recipe::default()
        };
        let mut bytes = recipe.write_ip(&packets);
        bytes.truncate(bytes.len() - 9);
        let path = folder.path().join("cut");
        fs::write(&path, bytes).expect("written");
        let run = run(["-T".as_ref(), "jsonl".as_ref(), path.as_os_str()]);
        assert_eq!(run.status, 3, "{run:?}");
        assert!(run.stdout.lines().count() >= 8, "the first half is whole");
        assert!(
            run.stderr.contains("fetch the file again"),
            "{}",
            run.stderr
        );
    }
}

#[test]
fn one_bad_file_among_several_does_not_keep_the_others_from_being_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let empty = folder.path().join("empty.pcap");
    fs::write(&empty, b"").expect("written");
    let good = sample("rfc-8.16-hello");
    let run = run([empty.as_os_str(), good.as_os_str()]);
    assert_eq!((run.status, run.stdout.lines().count()), (3, 6), "{run:?}");
    assert!(
        run.stderr.contains("empty.pcap: is empty"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let long = folder.path().join("long.pcap");
    let packets = ip_packets(&sample("merkle-sha256-seven-chunks"));
    let mut all = Vec::new();
    for _ in 0..200 {
        all.extend(packets.iter().cloned());
    }
    fs::write(&long, Recipe::default().write_ip(&all)).expect("written");
    for arguments in [&["-V"][..], &["-x"], &["-T", "jsonl"], &["read"]] {
        let mut child = program()
            .args(arguments)
            .arg(&long)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        stdout.read_line(&mut line).expect("a line");
        drop(stdout);
        let mut complaints = String::new();
        let mut stderr = child.stderr.take().expect("a pipe");
        stderr.read_to_string(&mut complaints).expect("text");
        let status = child.wait().expect("it ends");
        assert!(!line.is_empty());
        assert_eq!(
            (status.code(), complaints.as_str()),
            (Some(0), ""),
            "{arguments:?}"
        );
    }
}

#[test]
fn nobody_left_to_complain_to_is_no_reason_to_panic() {
    let mut child = program()
        .arg("missing.pcap")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .stdin(Stdio::null())
        .spawn()
        .expect("it starts");
    drop(child.stderr.take());
    assert_eq!(child.wait().expect("it ends").code(), Some(3));
}

#[test]
fn foreign_traffic_alone_is_fine_and_says_how_to_force() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("foreign.pcap");
    fs::write(&path, Recipe::default().write(&some_packets(3)[1..2])).expect("written");
    let run = Run::of(program().arg(&path).output().expect("it starts"));
    assert_eq!((run.status, run.stdout.as_str()), (0, ""), "{run:?}");
    assert!(
        run.stderr.contains("1 other UDP datagrams"),
        "{}",
        run.stderr
    );
}
