//! `stats --json` on captures of other implementations against what an
//! independent decoder counted in them. Needs `$PPSP_CAPTURES`.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::{Map, Value, json};
use support::analysis::assert_same;
use support::program::run;
use support::samples::real_captures;

/// A difference from the oracle that is not the analyzer's fault.
struct Exception {
    capture: &'static str,
    what: &'static str,
    /// How many the analyzer finds more than the oracle.
    more: i64,
    #[allow(dead_code)] // For whoever reads this.
    why: &'static str,
}

const EXCEPTIONS: [Exception; 3] = [
    Exception {
        capture: "libswift-probe-seeder",
        what: "channels",
        more: -1,
        why: "the oracle counts refusals, which go to channel 0, as one more channel",
    },
    Exception {
        capture: "pyppspp-probe_pyppspp",
        what: "HANDSHAKE",
        more: 1,
        why: "a HANDSHAKE whose only fault is a missing end option is shown all the same",
    },
    Exception {
        capture: "pyppspp-probe_pyppspp",
        what: "channels",
        more: 1,
        why: "and so opens a channel",
    },
];

/// The number that is expected where the oracle found `count`.
fn expected(capture: &str, what: &str, count: usize) -> i64 {
    let more = EXCEPTIONS
        .iter()
        .find(|exception| (exception.capture, exception.what) == (capture, what))
        .map_or(0, |exception| exception.more);
    count as i64 + more
}

/// An option's number by its name in `stats`.
fn named(names: &[(u64, &str)], value: &Value) -> Value {
    let code = value.as_u64().expect("a code");
    match names.iter().find(|(number, _)| *number == code) {
        Some((_, name)) => json!(name),
        None => json!(format!("unassigned-{code}")),
    }
}

/// The oracle's options by their names in `stats`.
fn options(oracle: &Value) -> Value {
    let mut options = Map::new();
    for (name, value) in oracle.as_object().into_iter().flatten() {
        let (name, value) = match name.as_str() {
            "cipm" => {
                let names = [
                    (0, "none"),
                    (1, "merkle"),
                    (2, "sign-all"),
                    (3, "unified-merkle"),
                ];
                ("content_integrity", named(&names, value))
            }
            "mhf" => {
                let names = [
                    (0, "sha1"),
                    (1, "sha224"),
                    (2, "sha256"),
                    (3, "sha384"),
                    (4, "sha512"),
                ];
                ("hash_function", named(&names, value))
            }
            "cam" => {
                let names = [
                    (0, "bin32"),
                    (1, "byte64"),
                    (2, "chunk32"),
                    (3, "bin64"),
                    (4, "chunk64"),
                ];
                ("chunk_addressing", named(&names, value))
            }
            "lsa" => {
                let names = [
                    (5, "RSASHA1"),
                    (8, "RSASHA256"),
                    (13, "ECDSAP256SHA256"),
                    (14, "ECDSAP384SHA384"),
                ];
                ("signature_algorithm", named(&names, value))
            }
            "min_version" => ("minimum_version", value.clone()),
            "live_disc_wnd" | "ldw" => ("live_discard_window", value.clone()),
            // Compared as a whole by nobody: one shows bits, the other names.
            "supported" | "supported_bitmap" | "supported_msgs" | "x_uuid" => continue,
            other => (other, value.clone()),
        };
        options.insert(name.to_owned(), value);
    }
    Value::Object(options)
}

/// `malformed` is a number in some of the oracle's files, a list in others.
fn count_of(value: &Value) -> usize {
    value
        .as_array()
        .map_or_else(|| value.as_u64().expect("a number") as usize, Vec::len)
}

fn compare_counts(name: &str, stats: &Value, oracle: &Value) {
    assert_eq!(
        stats["datagrams"], oracle["datagrams"],
        "datagrams in {name}"
    );
    assert_eq!(
        stats["malformed"],
        count_of(&oracle["malformed"]),
        "malformed datagrams in {name}"
    );
    let count = |value: &Value| value.as_u64().unwrap_or(0) as usize;
    let messages = |of: &Value| of["messages"].as_object().expect("messages").clone();
    let (found, counted) = (messages(stats), messages(oracle));
    let names: BTreeSet<_> = found.keys().chain(counted.keys()).collect();
    for kind in names {
        if kind == "KEEPALIVE" && !counted.contains_key(kind) && !name.starts_with("libswift") {
            // The second oracle counts them only where it met some on purpose.
            continue;
        }
        let number = counted.get(kind).map_or(0, count);
        assert_eq!(
            found.get(kind).map_or(0, count) as i64,
            expected(name, kind, number),
            "{kind} in {name}"
        );
    }
    // Both oracles look at UDP, and at the TCP streams that they know.
    let tcp = &stats["other"]["tcp_segments"];
    assert_eq!(
        stats["not_ppspp"].as_u64(),
        Some(tcp.as_u64().unwrap_or(0)),
        "no datagram of {name} is foreign"
    );
}

fn compare_channels(name: &str, stats: &Value, channels: &[Value]) {
    let found = stats["channels"].as_array().expect("channels");
    assert_eq!(
        found.len() as i64,
        expected(name, "channels", channels.len()),
        "channels in {name}"
    );
    // Where one is missing, the others still must be there.
    let same_channel = |one: &&Value, other: &Value| {
        one["initiator"] == other["initiator"]
            && one["responder"] == other["responder"]
            && ids(one) == other["ids"]
    };
    for (index, channel) in found.iter().enumerate() {
        let oracle = if found.len() == channels.len() {
            &channels[index]
        } else {
            let mut same = channels
                .iter()
                .filter(|other| same_channel(&channel, other));
            same.next().unwrap_or_else(|| panic!("{name}: {channel:#}"))
        };
        let mut declared = Map::new();
        for side in ["initiator", "responder"] {
            if let Some(options) = channel.get(format!("{side}_options")) {
                let mut options = options.clone();
                let fields = options.as_object_mut().expect("options");
                fields.remove("supported_messages");
                let address = channel[side].as_str().expect("an address");
                declared.insert(address.to_owned(), options);
            }
        }
        let expected_options: Map<_, _> = oracle["options"]
            .as_object()
            .expect("options")
            .iter()
            .map(|(address, of)| (address.clone(), options(of)))
            .collect();
        let ours = json!({
            "swarm": channel["swarm"],
            "initiator": channel["initiator"],
            "responder": channel["responder"],
            "state": channel["state"],
            "ids": ids(channel),
            "options": declared,
        });
        let theirs = json!({
            "swarm": oracle["swarm"],
            "initiator": oracle["initiator"],
            "responder": oracle["responder"],
            "state": oracle["state"],
            "ids": oracle["ids"],
            "options": expected_options,
        });
        assert_same(&format!("{name}, channel {index}"), &ours, &theirs);
    }
}

/// Channel IDs by address, those that are known. A peer that talks with itself
/// has one address on both sides.
fn ids(channel: &Value) -> Value {
    let mut ids = Map::new();
    for side in ["initiator", "responder"] {
        let id = &channel[format!("{side}_channel")];
        if !id.is_null() {
            ids.insert(
                channel[side].as_str().expect("an address").to_owned(),
                id.clone(),
            );
        }
    }
    Value::Object(ids)
}

/// The second oracle lists handshakes, not channels: an initiating one that is
/// not the retransmission of one still without answer opens a channel.
fn compare_handshakes(name: &str, stats: &Value, handshakes: &[Value]) {
    let mut waiting = BTreeSet::new();
    let mut opened = 0;
    for handshake in handshakes {
        let text = |field: &str| handshake[field].as_str().expect("text").to_owned();
        if handshake["role"] == "init" {
            let key = (
                text("from"),
                text("src_chan"),
                handshake["opts"].to_string(),
            );
            opened += usize::from(waiting.insert(key));
        } else {
            let (to, id) = (text("to"), text("dst_chan"));
            waiting.retain(|(from, source, _)| (from, source) != (&to, &id));
        }
    }
    let channels = stats["channels"].as_array().expect("channels");
    assert_eq!(
        channels.len() as i64,
        expected(name, "channels", opened),
        "channels in {name}"
    );
    // Options: what each peer's handshakes said, however often.
    let mut declared: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for handshake in handshakes {
        let from = handshake["from"].as_str().expect("an address");
        let options = options(&handshake["opts"]).to_string();
        declared.entry(from.to_owned()).or_default().insert(options);
    }
    for channel in channels {
        for side in ["initiator", "responder"] {
            let Some(options) = channel.get(format!("{side}_options")) else {
                continue;
            };
            let mut options = options.clone();
            let fields = options.as_object_mut().expect("options");
            fields.remove("supported_messages");
            let address = channel[side].as_str().expect("an address");
            let said = &declared[address];
            let known = EXCEPTIONS.iter().any(|known| known.capture == name);
            assert!(
                known || said.contains(&options.to_string()),
                "{name}: {address} said {options}, not {said:?}"
            );
        }
    }
}

#[test]
fn statistics_are_what_an_independent_decoder_counted() {
    for (name, path) in real_captures() {
        let oracle = fs::read(path.with_extension("json")).expect("the oracle's file");
        let oracle: Value = serde_json::from_slice(&oracle).expect("JSON");
        let stats = run(["stats".as_ref(), "--json".as_ref(), path.as_os_str()]).json();
        println!("{name}");
        compare_counts(&name, &stats, &oracle);
        if let Some(channels) = oracle["channels"].as_array() {
            compare_channels(&name, &stats, channels);
        } else {
            let handshakes = oracle["handshakes"].as_array().expect("handshakes");
            compare_handshakes(&name, &stats, handshakes);
            let swarms = stats["swarms"].as_array().expect("swarms");
            let found: BTreeSet<_> = swarms
                .iter()
                .filter_map(|swarm| swarm["id"].as_str())
                .collect();
            let counted = oracle["swarm_ids"].as_object().expect("swarm IDs");
            assert_eq!(
                found,
                counted.keys().map(String::as_str).collect(),
                "swarms in {name}"
            );
        }
    }
}
