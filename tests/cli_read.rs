//! `read`, and no command at all: what goes in, what comes out.

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use support::capture_writer::{Compression, File, Recipe};
use support::program::{program, run, run_with_input};
use support::samples::{ip_packets, sample};

fn hello() -> String {
    sample("rfc-8.16-hello").display().to_string()
}

fn seven_chunks() -> String {
    sample("merkle-sha256-seven-chunks").display().to_string()
}

/// Writes the packets of a capture again.
fn rewrite(path: &str, to: &Path, recipe: &Recipe) {
    fs::write(to, recipe.write_ip(&ip_packets(Path::new(path)))).expect("written");
}

#[test]
fn a_capture_alone_is_read_as_text_a_line_a_datagram() {
    let text = run([hello()]).fine();
    assert_eq!(text, run(["read".to_owned(), hello()]).fine());
    assert_eq!(text.lines().count(), 6);
    let first = text.lines().next().expect("a line");
    for part in [
        "     1 ",
        "0.000000",
        "192.0.2.1:6778",
        "→",
        "198.51.100.8:6778",
        "47a013",
    ] {
        assert!(first.contains(part), "{part} in {first}");
    }
    assert!(
        first.contains("HANDSHAKE ch 00000001 v1 merkle sha256"),
        "{first}"
    );
}

#[test]
fn verbose_shows_every_field_with_its_bytes() {
    let tree = run(["-V", &hello()]).fine();
    assert_eq!(tree.matches("Frame ").count(), 6);
    assert!(tree.contains("HANDSHAKE [bytes 4-"), "{tree}");
    assert!(tree.contains("Source channel: 00000001"), "{tree}");
}

#[test]
fn hex_shows_the_bytes_behind_each_line() {
    let text = run(["-x", "-c", "1", &hello()]).fine();
    let second = text.lines().nth(1).expect("a line of bytes");
    assert!(
        second.starts_with("0000  00 00 00 00 00 00 00 00  01"),
        "{second}"
    );
}

#[test]
fn json_lines_are_one_object_a_datagram() {
    let lines = run(["-T", "jsonl", &hello()]).json_lines();
    assert_eq!(lines.len(), 6);
    for (number, line) in lines.iter().enumerate() {
        assert_eq!(line["frame"], number + 1);
        for field in [
            "time", "src", "dst", "length", "channel", "swarm", "dialect",
        ] {
            assert!(!line[field].is_null(), "{field} in {line}");
        }
        assert!(line["messages"].is_array() && line["findings"].is_array());
    }
    let data = lines[3]["messages"].as_array().expect("messages").last();
    assert_eq!(data.expect("DATA")["data_length"], 13);
}

#[test]
fn count_stops_behind_so_many_datagrams() {
    let all = run([seven_chunks()]).fine();
    let some = run(["-c", "3", &seven_chunks()]).fine();
    assert_eq!(
        some.lines().collect::<Vec<_>>(),
        all.lines().take(3).collect::<Vec<_>>()
    );
    let more_than_there_are = run(["-c", "1000", &seven_chunks()]).fine();
    assert_eq!(more_than_there_are, all);
}

#[test]
fn times_are_relative_absolute_or_deltas() {
    let second_line = |style: &str| {
        let text = run(["-t", style, &seven_chunks()]).fine();
        text.lines().nth(2).expect("a line").to_owned()
    };
    assert!(second_line("relative").contains(" 0.024190 "));
    assert!(second_line("absolute").contains(" 2026-11-22T04:34:01.147646Z "));
    assert!(second_line("delta").contains(" 0.000480 "));
}

#[test]
fn standard_input_is_a_capture_too() {
    let file = fs::read(hello()).expect("a sample");
    assert_eq!(run_with_input(["-"], file).fine(), run([hello()]).fine());
}

#[test]
fn formats_and_compressions_are_told_by_the_content() {
    let folder = tempfile::tempdir().expect("a folder");
    let expected = run(["-T", "jsonl", &seven_chunks()]).fine();
    for file in [File::PCAP, File::PCAPNG] {
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
            let recipe = Recipe {
                file,
                compression,
                ..Recipe::default()
            };
            let path = folder.path().join("no-ending");
            rewrite(&seven_chunks(), &path, &recipe);
            let name = path.to_str().expect("a plain path");
            assert_eq!(run(["-T", "jsonl", name]).fine(), expected, "{recipe:?}");
            let piped = run_with_input(["-T", "jsonl", "-"], fs::read(&path).expect("a file"));
            assert_eq!(piped.fine(), expected, "{recipe:?} through a pipe");
        }
    }
}

#[test]
fn several_captures_are_merged_by_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let packets = ip_packets(Path::new(&seven_chunks()));
    let (mut even, mut odd) = (Vec::new(), Vec::new());
    for (number, packet) in packets.into_iter().enumerate() {
        let side = if number.is_multiple_of(2) {
            &mut even
        } else {
            &mut odd
        };
        side.push(packet);
    }
    let names = ["even.pcap", "odd.pcap"].map(|name| folder.path().join(name));
    for (name, packets) in names.iter().zip([even, odd]) {
        fs::write(name, Recipe::default().write_ip(&packets)).expect("written");
    }
    let expected = run([seven_chunks()]).fine();
    assert_eq!(run(&names).fine(), expected);
}

#[test]
fn ports_narrow_what_is_read() {
    let all = run([seven_chunks()]).fine();
    assert_eq!(run(["--port", "6778", &seven_chunks()]).fine(), all);
    assert_eq!(run(["-p", "1,41216", &seven_chunks()]).fine(), all);
    assert_eq!(run(["-p", "1", "-p", "6778", &seven_chunks()]).fine(), all);
    assert_eq!(run(["--port", "9", &seven_chunks()]).fine(), "");
}

#[test]
fn ports_force_what_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let foreign = support::foreign::foreign_packets(1, 1_795_322_041_000_000_000, 1_000);
    let path = folder.path().join("foreign.pcap");
    fs::write(&path, Recipe::default().write(&foreign[..1])).expect("written");
    let name = path.to_str().expect("a plain path");
    let left_out = run([name]);
    assert_eq!((left_out.status, left_out.stdout.as_str()), (0, ""));
    assert!(
        left_out.stderr.contains("--port PORT"),
        "{}",
        left_out.stderr
    );
    assert_eq!(
        run(["-T", "jsonl", "--port", "53", name])
            .json_lines()
            .len(),
        1
    );
}

/// One DATA in legacy clothes or others: nothing but its layout can be told.
#[test]
fn layouts_can_be_told_where_no_handshake_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let packets = ip_packets(Path::new(&seven_chunks()));
    let path = folder.path().join("late.pcap");
    fs::write(&path, Recipe::default().write_ip(&packets[3..4])).expect("written");
    let name = path.to_str().expect("a plain path");
    let first = |arguments: &[&str]| -> Value {
        let fixed = ["-T", "jsonl", "--port", "6778", name];
        run(fixed.iter().chain(arguments)).json_lines().remove(0)
    };
    let right = first(&[
        "--addressing",
        "chunk32",
        "--hash",
        "sha256",
        "--chunk-size",
        "1024",
    ]);
    let types = |line: &Value| -> Vec<String> {
        let messages = line["messages"].as_array().expect("messages").iter();
        messages
            .map(|message| message["type"].to_string())
            .collect()
    };
    assert_eq!(types(&right).len(), 6, "{right}");
    assert_eq!(types(&right)[5], "\"DATA\"");
    let wrong = first(&["--addressing", "chunk64", "--hash", "sha512"]);
    assert_ne!(
        types(&wrong),
        types(&right),
        "what the user says is believed"
    );
}

#[test]
fn what_comes_through_a_pipe_is_printed_while_more_is_to_come() {
    let capture = fs::read(hello()).expect("a sample");
    let mut child = program()
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut input = child.stdin.take().expect("a pipe");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    // The file's header, and the first packet with its own.
    let first = 24 + 16 + 14 + 20 + 8 + 48;
    input.write_all(&capture[..first]).expect("it reads");
    input.flush().expect("it reads");
    let line = lines.next().expect("a line before the rest is there");
    assert!(line.expect("text").contains("HANDSHAKE"));
    input.write_all(&capture[first..]).expect("it reads");
    drop(input);
    assert_eq!(lines.count(), 5);
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn a_capture_without_any_ppspp_says_so() {
    // An Ethernet frame with ARP.
    let mut capture = fs::read(hello()).expect("a sample")[..24].to_vec();
    let frame = [&[0xff; 12][..], &[0x08, 0x06], &[0; 46]].concat();
    let length = u32::try_from(frame.len()).expect("short").to_le_bytes();
    capture.extend([[0; 4], [0; 4], length, length].concat());
    capture.extend(frame);
    let run = run_with_input(["-"], capture);
    assert_eq!((run.status, run.stdout.as_str()), (0, ""));
    assert!(
        run.stderr.contains("no PPSPP in 1 frames"),
        "{}",
        run.stderr
    );
}
