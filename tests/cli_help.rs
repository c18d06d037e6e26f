//! The help: as it was reviewed, and its examples work.

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use support::capture_writer::{Compression, File, Recipe};
use support::program::{Run, program, run, run_with_input};
use support::samples::{ip_packets, sample};

/// In this order: the keys that some examples write are read by later ones.
const COMMANDS: [&[&str]; 11] = [
    &[],
    &["read"],
    &["stats"],
    &["verify"],
    &["extract"],
    &["hash"],
    &["findings"],
    &["peer"],
    &["peer", "keygen"],
    &["peer", "id"],
    &["simulate"],
];

fn help_of(command: &[&str], option: &str) -> String {
    run(command.iter().chain(&[option])).fine()
}

#[test]
fn help_is_as_it_was_reviewed() {
    for command in COMMANDS {
        let name = match command {
            [] => "program".to_owned(),
            words => words.join("_"),
        };
        insta::assert_snapshot!(format!("{name}_short"), help_of(command, "-h"));
        insta::assert_snapshot!(format!("{name}_long"), help_of(command, "--help"));
    }
}

/// The command lines under "Examples:", without what is said of them.
fn examples(help: &str) -> Vec<String> {
    let (_, rest) = help.split_once("Examples:\n").expect("examples");
    let lines = rest.lines().take_while(|line| !line.is_empty());
    lines
        .filter(|line| !line.starts_with("   "))
        .map(|line| {
            let line = line.trim_start();
            line.split_once("  ")
                .map_or(line, |(command, _)| command)
                .trim()
                .to_owned()
        })
        .collect()
}

/// Words of a command line as a shell splits it, a list for each part of a
/// pipeline.
fn pipeline(line: &str) -> Vec<Vec<String>> {
    let mut parts = vec![vec![]];
    let (mut word, mut quoted) = (String::new(), false);
    for character in line.chars().chain([' ']) {
        match character {
            '\'' => quoted = !quoted,
            '|' if !quoted => parts.push(vec![]),
            ' ' if !quoted => {
                if !word.is_empty() {
                    let part = parts.last_mut().expect("a part");
                    part.push(std::mem::take(&mut word));
                }
            }
            other => word.push(other),
        }
    }
    parts
}

/// Writes the captures that the examples name.
fn write_captures(folder: &Path) {
    let packets = ip_packets(&sample("merkle-sha256-seven-chunks"));
    let legacy = ip_packets(&sample("legacy-swift"));
    let plain = Recipe::default();
    let with = |file, compression| Recipe {
        file,
        compression,
        ..Recipe::default()
    };
    let half = packets.len() / 2;
    let scenarios = folder.join("scenarios");
    fs::create_dir(&scenarios).expect("a new folder");
    for name in ["swarm.toml", "lossy.toml"] {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        fs::copy(from.join(name), scenarios.join(name)).expect("a scenario");
    }
    let files = [
        ("video.mp4", vec![7; 100_000]),
        ("capture.pcap", plain.write_ip(&packets)),
        (
            "capture.pcapng.gz",
            with(File::PCAPNG, Compression::Gzip).write_ip(&packets),
        ),
        (
            "capture.pcap.zst",
            with(File::PCAP, Compression::Zstd).write_ip(&packets),
        ),
        ("seeder.pcap", plain.write_ip(&packets[..half])),
        ("leecher.pcap", plain.write_ip(&packets[half..])),
        ("late.pcap", plain.write_ip(&legacy[3..])),
        (
            "old.pcap.gz",
            with(File::PCAP, Compression::Gzip).write_ip(&packets),
        ),
    ];
    for (name, content) in files {
        fs::write(folder.join(name), content).expect("written");
    }
}

/// Runs the program's part of an example; what stands before it is played by
/// the tests, as neither tcpdump nor zcat is everywhere.
fn run_example(folder: &Path, parts: &[Vec<String>]) -> Run {
    let at = parts
        .iter()
        .position(|part| part[0] == "ppsp-inspect")
        .expect("the program itself");
    let before = parts[..at].first().map(|part| part[0].as_str());
    let arguments = &parts[at][1..];
    match before {
        None => Run::of(
            program()
                .current_dir(folder)
                .args(arguments)
                .output()
                .expect("it starts"),
        ),
        Some("head") => run_with_input(arguments, vec![7; 7162]),
        Some("tcpdump" | "zcat") => run_with_input(
            arguments,
            fs::read(folder.join("capture.pcap")).expect("a capture"),
        ),
        Some(other) => panic!("the tests don't know how to play {other}"),
    }
}

/// Gives what the program printed to jq, where that is installed.
fn filter(part: &[String], input: &str) -> Option<String> {
    assert_eq!(part[0], "jq", "the tests don't know how to play {part:?}");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("input");
    fs::write(&path, input).expect("written");
    let output = Command::new("jq")
        .args(&part[1..])
        .stdin(Stdio::from(fs::File::open(path).expect("opened")))
        .output()
        .ok()?;
    assert!(output.status.success(), "{part:?}: {output:?}");
    Some(String::from_utf8(output.stdout).expect("text"))
}

#[test]
fn every_example_works() {
    let folder = tempfile::tempdir().expect("a folder");
    write_captures(folder.path());
    let mut count = 0;
    for command in COMMANDS {
        for line in examples(&help_of(command, "--help")) {
            println!("{line}");
            let parts = pipeline(&line);
            let text = run_example(folder.path(), &parts).fine();
            assert!(!text.is_empty(), "{line} prints nothing");
            if let [.., last] = parts.as_slice()
                && last[0] != "ppsp-inspect"
            {
                let filtered = filter(last, &text);
                assert!(
                    filtered.is_none_or(|text| !text.is_empty()),
                    "{line} finds nothing"
                );
            }
            count += 1;
        }
    }
    assert!(count >= 12, "{count} examples");
}

#[test]
fn the_short_and_the_long_help_have_the_same_examples() {
    for command in COMMANDS {
        assert_eq!(
            examples(&help_of(command, "-h")),
            examples(&help_of(command, "--help"))
        );
    }
}
