//! `stats` and `findings`.

mod support;

use support::capture_writer::{Order, section_header};

use std::collections::BTreeSet;
use std::fs;

use support::program::{run, run_with_input};
use support::samples::{sample, samples};

#[test]
fn statistics_as_json_have_the_promised_fields() {
    for (name, path) in samples() {
        let stats = run(["stats".as_ref(), "--json".as_ref(), path.as_os_str()]).json();
        for field in [
            "frames",
            "datagrams",
            "not_ppspp",
            "malformed",
            "messages",
            "swarms",
            "channels",
            "findings",
        ] {
            assert!(!stats[field].is_null(), "{field} of {name}");
        }
        for swarm in stats["swarms"].as_array().expect("swarms") {
            let swarm = swarm.as_object().expect("an object");
            for field in [
                "id",
                "dialect",
                "content_integrity",
                "hash_function",
                "chunk_addressing",
                "chunk_size",
                "content_length",
                "chunks",
                "peers",
            ] {
                assert!(swarm.contains_key(field), "{field} of a swarm in {name}");
            }
            for field in ["total", "seen", "verified", "failed", "unverified"] {
                assert!(
                    swarm["chunks"].get(field).is_some(),
                    "chunks.{field} in {name}"
                );
            }
        }
        for channel in stats["channels"].as_array().expect("channels") {
            for field in [
                "swarm",
                "initiator",
                "responder",
                "initiator_channel",
                "responder_channel",
                "state",
                "datagrams",
                "messages",
            ] {
                assert!(
                    channel.get(field).is_some(),
                    "{field} of a channel in {name}"
                );
            }
        }
    }
}

#[test]
fn statistics_count_what_read_prints() {
    for (name, path) in samples() {
        let stats = run(["stats".as_ref(), "--json".as_ref(), path.as_os_str()]).json();
        let arguments = [
            "read".as_ref(),
            "-T".as_ref(),
            "jsonl".as_ref(),
            path.as_os_str(),
        ];
        let lines = run(arguments).json_lines();
        assert_eq!(stats["datagrams"], lines.len(), "{name}");
        let mut counts = serde_json::Map::new();
        for line in &lines {
            for message in line["messages"].as_array().expect("messages") {
                let kind = message["type"].as_str().expect("a name");
                let count = counts
                    .get(kind)
                    .and_then(serde_json::Value::as_u64)
                    .unwrap_or(0);
                counts.insert(kind.to_owned(), (count + 1).into());
            }
        }
        assert_eq!(stats["messages"].as_object(), Some(&counts), "{name}");
    }
}

#[test]
fn statistics_as_text_name_messages_swarms_channels_and_findings() {
    let path = sample("deviations");
    let text = run(["stats".as_ref(), path.as_os_str()]).fine();
    for heading in ["\nMessages\n", "\nSwarms (", "\nChannels (", "\nFindings\n"] {
        assert!(text.contains(heading), "{heading} in {text}");
    }
}

#[test]
fn statistics_read_standard_input() {
    let file = fs::read(sample("every-message")).expect("a sample");
    let piped = run_with_input(["stats", "--json", "-"], file).json();
    let path = sample("every-message");
    let read = run(["stats".as_ref(), "--json".as_ref(), path.as_os_str()]).json();
    assert_eq!(piped, read);
}

#[test]
fn the_catalogue_is_the_same_as_text_and_as_json() {
    let json = run(["findings", "--json"]).json();
    let entries = json.as_array().expect("an array");
    let text = run(["findings"]).fine();
    assert_eq!(text.lines().count(), entries.len());
    let mut ids = BTreeSet::new();
    for (entry, line) in entries.iter().zip(text.lines()) {
        for field in ["id", "severity", "text"] {
            let value = entry[field].as_str().expect("text");
            assert!(
                !value.is_empty() && line.contains(value),
                "{value} in {line}"
            );
        }
        assert!(
            ids.insert(entry["id"].to_string()),
            "{} comes twice",
            entry["id"]
        );
    }
}

#[test]
fn every_finding_of_the_samples_is_in_the_catalogue() {
    let catalogue = run(["findings", "--json"]).json();
    let known: BTreeSet<_> = catalogue
        .as_array()
        .expect("an array")
        .iter()
        .map(|entry| entry["id"].as_str().expect("an id").to_owned())
        .collect();
    for (name, path) in samples() {
        let stats = run(["stats".as_ref(), "--json".as_ref(), path.as_os_str()]).json();
        for id in stats["findings"].as_object().expect("findings").keys() {
            assert!(known.contains(id), "{id} in {name}");
        }
    }
}

#[test]
fn what_a_capture_file_says_of_itself_is_shown_and_does_not_control_the_terminal() {
    let header = section_header(Order::Big, -1, "on a train\u{1b}[2J");
    let text = run_with_input(["stats", "-"], header.clone()).fine();
    assert!(text.contains("Comment: on a train\u{fffd}[2J\n"), "{text}");
    let json = run_with_input(["stats", "--json", "-"], header).json();
    assert_eq!(json["comments"][0], "on a train\u{1b}[2J");
}
