//! Captures that start in the middle: the datagrams that are left are decoded as
//! in the whole capture, though the handshakes are missing.

mod support;

use std::collections::HashMap;

use support::analysis::{OneDatagram, analyze, analyze_file};
use support::capture_writer::Recipe;
use support::samples::{ip_packets, real_captures, samples};

/// Keep-alives and legacy swift's closing handshakes: four bytes, or nine of
/// which most are zero, can be anything as long as nothing else was seen.
fn says_too_little(datagram: &OneDatagram) -> bool {
    match datagram.messages.as_slice() {
        [] => datagram.wire_length == 4,
        [only] => only.name == "HANDSHAKE" && datagram.wire_length == 9,
        _ => false,
    }
}

/// The frames that are decoded otherwise when the first `skipped` are missing.
fn differences(path: &std::path::Path, skipped: usize) -> Vec<String> {
    let packets = ip_packets(path);
    let rest = packets.get(skipped..).unwrap_or_default();
    if rest.is_empty() {
        return Vec::new();
    }
    let late = analyze(&Recipe::default().write_ip(rest)).datagrams;
    let late: HashMap<_, _> = late
        .into_iter()
        .map(|datagram| (datagram.frame + skipped as u64, datagram))
        .collect();
    let whole = analyze_file(path).datagrams;
    whole
        .iter()
        .filter(|datagram| datagram.frame > skipped as u64)
        .skip_while(|datagram| says_too_little(datagram))
        .filter(|datagram| {
            let late = late.get(&datagram.frame);
            late.map(|late| (&late.messages, late.malformed))
                != Some((&datagram.messages, datagram.malformed))
        })
        .map(|datagram| {
            let found = late.get(&datagram.frame).map(|datagram| &datagram.messages);
            format!(
                "frame {}: {found:?}\n  instead of {:?}",
                datagram.frame, datagram.messages
            )
        })
        .collect()
}

#[track_caller]
fn assert_no_difference(name: &str, skipped: usize, differences: &[String]) {
    assert!(
        differences.is_empty(),
        "{name} without {skipped} packets, {} differ:\n{}",
        differences.len(),
        differences[..differences.len().min(5)].join("\n")
    );
}

#[test]
fn captures_of_other_implementations_without_their_beginning_are_decoded_the_same() {
    for (name, path) in real_captures() {
        // What TCP lost at its start is no datagram any more.
        if name.contains("tcp") || name.starts_with("go-") {
            continue;
        }
        for skipped in [10, 30] {
            assert_no_difference(&name, skipped, &differences(&path, skipped));
        }
    }
}

#[test]
fn samples_without_their_handshakes_are_decoded_the_same() {
    for (name, path) in samples() {
        // Deliberate violations say little about the layout by themselves, and
        // the RFC's example has but two datagrams behind its handshakes.
        if name == "deviations" || name.starts_with("rfc") {
            continue;
        }
        for skipped in [2, 4] {
            assert_no_difference(&name, skipped, &differences(&path, skipped));
        }
    }
}
