//! Captures through the program's library, as `read` and `stats` do it.
#![allow(dead_code, unreachable_pub)]

use std::collections::BTreeSet;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use ppsp_inspect::capture::Input;
use ppsp_inspect::output::{CaptureSummary, write_stats_json};
use ppsp_inspect::pipeline::{self, Manner};
use ppspp_dissector::session::Config;
use serde_json::{Map, Value};

/// A message, as far as the datagram alone tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneMessage {
    pub name: &'static str,
    pub offset: usize,
    pub length: usize,
    /// The chunk specification as it was written: chunk numbers may depend on
    /// a chunk size that only a handshake tells.
    pub spec: Option<String>,
    /// The content's length on the wire, in DATA.
    pub data_length: Option<usize>,
}

/// A PPSPP datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneDatagram {
    pub frame: u64,
    pub captured: usize,
    pub wire_length: usize,
    pub malformed: bool,
    pub cut: bool,
    pub messages: Vec<OneMessage>,
}

/// What was found out about a capture.
pub struct Analysis {
    pub datagrams: Vec<OneDatagram>,
    /// What `stats --json` prints.
    pub stats: Value,
}

/// Analyzes a capture in a file.
pub fn analyze_file(path: &Path) -> Analysis {
    let mut datagrams = Vec::new();
    let inputs = [Input::File(path.into())];
    let finished = pipeline::run(
        &inputs,
        Config {
            verify: true,
            ..Config::default()
        },
        Manner {
            quiet: true,
            ..Manner::default()
        },
        |datagram, record, _| {
            let messages = record.messages.iter().map(|located| OneMessage {
                name: located.message.name(),
                offset: located.offset,
                length: located.length,
                spec: located.message.spec().map(|spec| spec.to_string()),
                data_length: match located.message {
                    ppspp_dissector::wire::Message::Data { data_length, .. } => Some(data_length),
                    _ => None,
                },
            });
            datagrams.push(OneDatagram {
                frame: datagram.frame,
                captured: datagram.payload.len(),
                wire_length: datagram.wire_length,
                malformed: record.fault.is_some(),
                cut: record.cut,
                messages: messages.collect(),
            });
            Ok(ControlFlow::Continue(()))
        },
    )
    .expect("a capture");
    assert!(finished.faults().is_empty(), "{:?}", finished.faults());
    let mut stats = Vec::new();
    let summary = CaptureSummary {
        counters: finished.capture.counters(),
        analyzer: &finished.analyzer,
        selection: None,
        comments: &[],
    };
    write_stats_json(&mut stats, &summary).expect("a vector takes all");
    Analysis {
        datagrams,
        stats: serde_json::from_slice(&stats).expect("JSON"),
    }
}

/// Analyzes the bytes of a capture; in a file, because files are read twice
/// where pipes are not.
pub fn analyze(capture: &[u8]) -> Analysis {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(file.path(), capture).expect("written");
    analyze_file(file.path())
}

/// Statistics without what depends on how the packets were carried: the number
/// of frames, and what else there was besides datagrams.
pub fn without_frames(mut stats: Value) -> Value {
    let fields = stats.as_object_mut().expect("an object");
    fields.remove("frames").expect("frames");
    fields.remove("other").expect("other");
    stats
}

/// Where two values differ, a line each.
pub fn differences(found: &Value, expected: &Value) -> Vec<String> {
    fn walk(path: &str, found: &Value, expected: &Value, lines: &mut Vec<String>) {
        match (found, expected) {
            (Value::Object(one), Value::Object(other)) => {
                let names: BTreeSet<_> = one.keys().chain(other.keys()).collect();
                for name in names {
                    let of = |map: &Map<String, Value>| map.get(name).cloned().unwrap_or_default();
                    walk(&format!("{path}.{name}"), &of(one), &of(other), lines);
                }
            }
            (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
                for (index, (one, other)) in one.iter().zip(other).enumerate() {
                    walk(&format!("{path}[{index}]"), one, other, lines);
                }
            }
            _ if found == expected => {}
            _ => lines.push(format!("{path}: {found} instead of {expected}")),
        }
    }
    let mut lines = Vec::new();
    walk("", found, expected, &mut lines);
    lines
}

/// Fails with the places where two values differ.
#[track_caller]
pub fn assert_same(what: &str, found: &Value, expected: &Value) {
    let lines = differences(found, expected);
    assert!(lines.is_empty(), "{what}:\n{}", lines.join("\n"));
}
