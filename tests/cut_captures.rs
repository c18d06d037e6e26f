//! Captures whose packets are cut to 96 bytes: what is there is decoded as in
//! the whole capture, and nothing is blamed on the sender that the cut did.

mod support;

use std::collections::HashMap;

use support::analysis::{OneDatagram, OneMessage, analyze, analyze_file};
use support::capture_writer::{Compression, File, Recipe};
use support::program::run_with_input;
use support::samples::{ip_packets, samples_and};

const REAL: [&str; 7] = [
    "libswift-vod-default",
    "libswift-vod-chunk64-lab",
    "libswift-legacy-legacy",
    "libswift-live-umt-p256",
    "libswift-live-none-lab",
    "pyppspp-udp_file",
    "peregrine-pg_pg",
];

fn cut_to_96_bytes() -> Recipe {
    Recipe {
        snap: Some(96),
        ..Recipe::default()
    }
}

/// The messages that a cut leaves: those that fit, and DATA whose header does.
fn those_that_fit(whole: &OneDatagram, captured: usize) -> Vec<OneMessage> {
    let fits = |message: &&OneMessage| {
        let content = message.data_length.unwrap_or(0);
        message.offset + message.length - content <= captured
    };
    whole.messages.iter().take_while(fits).cloned().collect()
}

#[test]
fn messages_that_fit_are_decoded_as_in_the_whole_capture() {
    for (name, path) in samples_and(&REAL) {
        let cut = analyze(&cut_to_96_bytes().write_ip(&ip_packets(&path)));
        let cut: HashMap<_, _> = cut
            .datagrams
            .iter()
            .map(|datagram| (datagram.frame, datagram))
            .collect();
        let mut wrong = Vec::new();
        for whole in &analyze_file(&path).datagrams {
            let Some(cut) = cut.get(&whole.frame) else {
                wrong.push(format!("frame {} is missing: {whole:?}", whole.frame));
                continue;
            };
            assert_eq!(cut.wire_length, whole.wire_length, "{name}");
            assert!(
                whole.malformed || !cut.malformed,
                "{name}: only the cut made frame {} malformed",
                whole.frame
            );
            let expected = those_that_fit(whole, cut.captured);
            // A handshake that does not fit is shown as far as it goes.
            let mut found = cut.messages.clone();
            if let (Some(last), true) = (found.last(), cut.cut)
                && last.name == "HANDSHAKE"
                && last.length < whole.messages[found.len() - 1].length
            {
                found.pop();
            }
            if found != expected {
                wrong.push(format!(
                    "frame {} of {}/{} bytes: {found:?}\n  instead of {expected:?}",
                    whole.frame, cut.captured, cut.wire_length
                ));
            }
        }
        assert!(
            wrong.is_empty(),
            "{name}, {} frames:\n{}",
            wrong.len(),
            wrong[..wrong.len().min(6)].join("\n")
        );
    }
}

#[test]
fn a_cut_capture_holds_as_many_datagrams() {
    for (name, path) in samples_and(&REAL) {
        let whole = analyze_file(&path).stats;
        let cut = analyze(&cut_to_96_bytes().write_ip(&ip_packets(&path))).stats;
        for part in ["frames", "datagrams", "not_ppspp"] {
            assert_eq!(cut[part], whole[part], "{part} of {name}");
        }
        assert_eq!(
            cut["messages"]["HANDSHAKE"], whole["messages"]["HANDSHAKE"],
            "handshakes in {name}"
        );
    }
}

#[test]
fn json_tells_both_lengths_of_a_cut_datagram() {
    let packets = ip_packets(&support::samples::sample("legacy-swift"));
    let recipe = Recipe {
        file: File::PCAPNG,
        compression: Compression::Gzip,
        ..cut_to_96_bytes()
    };
    let lines = run_with_input(["read", "-T", "jsonl", "-"], recipe.write_ip(&packets));
    let mut cut = 0;
    for line in lines.json_lines() {
        let length = line["length"].as_u64().expect("a length");
        let captured = line["captured"].as_u64();
        assert_eq!(captured, (length > 54).then_some(54), "{line}");
        let messages = line["messages"].as_array().expect("messages");
        for message in messages.iter().filter(|message| message["type"] == "DATA") {
            let of = |name: &str| message[name].as_u64().expect("a number");
            assert_eq!(
                of("offset") + of("length"),
                length,
                "DATA ends with the datagram"
            );
            assert!(of("data_length") <= of("length") && of("data_length") > 54);
            cut += 1;
        }
    }
    assert!(cut > 0, "some DATA is cut");
}
