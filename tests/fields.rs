//! JSON and the tree name what the registry of fields names.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use ppsp_inspect::capture::Input;
use ppsp_inspect::output::Hex;
use ppsp_inspect::pipeline::{self, Manner};
use ppspp_dissector::fields::{FIELDS, Field, FieldId, Kind, RecordValues, Value, Values};
use ppspp_dissector::session::Config;
use serde_json::Value as Json;
use support::program::run;
use support::samples::{real_captures, samples};

/// Scalars of JSON by their path: keys joined by points, lists left out.
fn flatten(json: &Json, path: &str, into: &mut BTreeMap<String, Vec<String>>) {
    let mut add = |text: String| into.entry(path.to_owned()).or_default().push(text);
    match json {
        Json::Null => {}
        // A finding that cites no section.
        Json::String(text) if text.is_empty() => {}
        Json::Bool(is) => add(is.to_string()),
        Json::Number(number) => add(number.to_string()),
        Json::String(text) => add(text.clone()),
        Json::Array(items) => {
            for item in items {
                flatten(item, path, into);
            }
        }
        Json::Object(map) => {
            for (key, value) in map {
                let dot = if path.is_empty() { "" } else { "." };
                flatten(value, &format!("{path}{dot}{key}"), into);
            }
        }
    }
}

/// A value as JSON has it.
fn shown(field: &Field, value: Value<'_>) -> String {
    match (value, field.kind) {
        (Value::Number(number), _) => number.to_string(),
        (Value::Bytes(bytes), _) => Hex(bytes).to_string(),
        (Value::Text(text), _) => text.to_owned(),
        (Value::Word(number), Kind::Word(words)) => words.word(number).into_owned(),
        other => panic!("{other:?}"),
    }
}

/// Fields that alone stand for their key, and whose values JSON shows in the
/// same way; the others are compared by the test of names only.
fn comparable(field: &Field) -> bool {
    let alone = FIELDS
        .iter()
        .filter(|other| other.json == field.json)
        .count()
        == 1;
    let other_form = matches!(
        field.id,
        FieldId::FrameTime | FieldId::Tcp | FieldId::SettledChunks
    );
    !field.json.is_empty() && alone && !other_form
}

#[test]
fn every_key_of_json_has_a_field_with_the_same_values() {
    let known: BTreeSet<&str> = FIELDS.iter().map(|field| field.json).collect();
    let mut seen = BTreeSet::new();
    for (name, path) in samples().into_iter().chain(real_captures()) {
        let text = path.display().to_string();
        let output = run(["read", "-T", "jsonl", &text]);
        let mut lines = output.stdout.lines();
        let mut check = |values: &RecordValues<'_, '_, '_>| {
            let line = lines.next().expect("a line a datagram");
            let json: Json = serde_json::from_str(line).expect("JSON");
            let mut by_path = BTreeMap::new();
            flatten(&json, "", &mut by_path);
            for path in by_path.keys() {
                assert!(known.contains(path.as_str()), "{name}: no field for {path}");
            }
            for field in FIELDS.iter().filter(|field| comparable(field)) {
                let mut found = Vec::new();
                let _ = values.visit(field.id, None, &mut |value| {
                    found.push(shown(field, value));
                    ControlFlow::Continue(())
                });
                let mut expected = by_path.remove(field.json).unwrap_or_default();
                if field.json.starts_with("messages.options.") {
                    // Of an option that stands twice, an object has only one.
                    found.retain(|value| expected.contains(value));
                    found.dedup();
                }
                if field.id == FieldId::ReceiverIntegrity {
                    // JSON leaves it out where it is the same verdict.
                    found.retain(|value| expected.contains(value));
                    found.truncate(expected.len());
                }
                found.sort();
                expected.sort();
                assert_eq!(found, expected, "{name}: {} in {line}", field.name);
                if !expected.is_empty() {
                    seen.insert(field.id);
                }
            }
        };
        pipeline::run(
            &[Input::File(path)],
            Config {
                verify: true,
                ..Config::default()
            },
            Manner {
                quiet: true,
                ..Manner::default()
            },
            |datagram, record, frame| {
                check(&RecordValues::new(datagram, record, frame));
                Ok(ControlFlow::Continue(()))
            },
        )
        .expect("a capture");
    }
    // What the samples have not is compared nowhere.
    let unseen: Vec<&str> = FIELDS
        .iter()
        .filter(|field| comparable(field) && !seen.contains(&field.id))
        .map(|field| field.name)
        .filter(|name| !UNSEEN.contains(name))
        .collect();
    assert_eq!(unseen, Vec::<&str>::new());
}

/// What no sample has; dissector/tests/filter/values.rs asks for them.
const UNSEEN: &[&str] = &[
    "frame.comment",
    "ppspp.captured",
    "ppspp.handshake.peer_uuid",
    "ppspp.handshake.file_size",
    "ppspp.handshake.file_name",
    "ppspp.handshake.file_hash",
    "ppspp.receiver_integrity",
];

#[test]
fn every_name_in_the_tree_is_a_fields() {
    let labels: BTreeSet<&str> = FIELDS.iter().map(|field| field.label).collect();
    let mut seen = BTreeSet::new();
    for (name, path) in samples().into_iter().chain(real_captures()) {
        let tree = run(["read", "-V", &path.display().to_string()]).stdout;
        for line in tree.lines() {
            let Some((label, _)) = line.trim().split_once(": ") else {
                continue;
            };
            let label = match label.split_once(", ") {
                Some((option, label)) if option.starts_with("Option ") => label,
                _ => label,
            };
            // Some say more before the colon: "Frame 12", "! error handshake.…".
            let found = labels
                .iter()
                .filter(|known| !known.is_empty())
                .find(|known| label == **known || label.starts_with(&format!("{known} ")));
            let found = found.unwrap_or_else(|| panic!("{name}: no field for {line}"));
            seen.insert(*found);
        }
    }
    assert!(seen.len() > 25, "{seen:?}");
}
