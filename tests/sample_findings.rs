//! The analyzer finds in the sample captures what their manifest says.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ppsp_inspect::capture::{Capture, Input, Options};
use ppspp_dissector::session::{Analyzer, Config, recycle};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures")
}

/// What the analyzer says about one capture.
struct Analysis {
    datagrams: usize,
    messages: BTreeMap<String, usize>,
    /// Frame and name of every finding, and of those that are more than a note.
    findings: Vec<(u64, &'static str)>,
    grave: Vec<(u64, &'static str)>,
}

fn analyze(file: &str) -> Analysis {
    let inputs = [Input::File(folder().join(file))];
    let mut capture = Capture::open(&inputs, Options::default()).expect("a sample capture");
    let mut analyzer = Analyzer::new(Config {
        verify: true,
        ..Config::default()
    });
    let mut analysis = Analysis {
        datagrams: 0,
        messages: BTreeMap::new(),
        findings: Vec::new(),
        grave: Vec::new(),
    };
    let mut room = Vec::new();
    while let Some(captured) = capture.next() {
        let datagram = captured.datagram;
        let mut messages = recycle(std::mem::take(&mut room));
        analysis.datagrams += 1;
        if let Some(record) = analyzer.datagram(&datagram, &mut messages) {
            let names = record.messages.iter().map(|located| located.message.name());
            for name in names.chain(record.is_keep_alive().then_some("KEEPALIVE")) {
                *analysis.messages.entry(name.to_owned()).or_default() += 1;
            }
            let grave = record
                .findings
                .iter()
                .map(|finding| finding.id.entry())
                .filter(|entry| entry.severity.name() != "note");
            analysis
                .grave
                .extend(grave.map(|entry| (datagram.frame, entry.name)));
            let findings = record.findings.iter();
            analysis
                .findings
                .extend(findings.map(|finding| (datagram.frame, finding.id.entry().name)));
        }
        room = recycle(messages);
    }
    assert!(capture.faults().is_empty(), "{:?}", capture.faults());
    analysis
}

#[test]
fn captures_without_violation_have_no_finding() {
    for file in [
        "merkle-sha256-seven-chunks.pcap",
        "two-swarms-one-socket.pcap",
        "live-unified-merkle.pcap",
    ] {
        let findings = analyze(file).findings;
        assert!(findings.is_empty(), "{file}: {findings:?}");
    }
}

#[test]
fn simulated_captures_hold_nothing_that_an_honest_peer_may_not_send() {
    let mut seen = 0;
    for entry in fs::read_dir(folder()).expect("the folder of captures") {
        let name = entry.expect("an entry").file_name();
        let name = name.to_str().expect("plain names");
        if !name.starts_with("simulated-") {
            continue;
        }
        seen += 1;
        let mut grave: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, finding) in analyze(name).grave {
            *grave.entry(finding).or_default() += 1;
        }
        // This dialect forbids the option (section 7.11 demands it).
        if name == "simulated-libswift.pcapng" {
            assert_eq!(grave.remove("handshake.chunk-size-missing"), Some(2));
            // libswift takes an ACK of an interval for one of its oldest chunk, so
            // it is told of each chunk (section 4.3.2 demands the interval).
            assert!(grave.remove("ack.interval-not-biggest").is_some());
        }
        // Only here somebody sends what is wrong, and it is found.
        if name == "simulated-liar.pcapng" {
            assert!(grave.contains_key("data.contradicts-hashes"), "{grave:?}");
            continue;
        }
        assert!(grave.is_empty(), "{name}: {grave:?}");
    }
    assert_eq!(seen, 16);
}

#[test]
fn datagrams_and_messages_are_as_many_as_the_manifest_says() {
    let manifest = fs::read_to_string(folder().join("MANIFEST.md")).expect("the manifest");
    let mut sections = 0;
    for section in manifest.split("\n## ").skip(1) {
        let file = section.lines().next().expect("a heading");
        let line = |start: &str| {
            section
                .lines()
                .find_map(|line| line.strip_prefix(start))
                .unwrap_or_else(|| panic!("{file} has no line {start}"))
        };
        let analysis = analyze(file);
        assert_eq!(
            line("- Datagrams: "),
            analysis.datagrams.to_string(),
            "{file}"
        );
        let messages: Vec<_> = analysis
            .messages
            .iter()
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        assert_eq!(line("- Messages: "), messages.join(", "), "{file}");
        sections += 1;
    }
    assert_eq!(sections, 13 + 16);
}
