//! The views' figures are those that `stats --json`, `verify --json` and
//! `findings --json` tell, of every capture.

use std::ops::{ControlFlow, Range};
use std::path::Path;

use ppspp_dissector::session::{Config, Swarm};
use serde_json::Value;

use super::app::App;
use super::stage::{COLOURS, app_of, captures, drawn, text, typed};
use crate::capture::Input;
use crate::output::{
    CaptureSummary, VerificationSummary, write_stats_json, write_verification_json,
};
use crate::pipeline::{self, Manner};

/// A screen on which everything has room.
const WIDTH: u16 = 300;
const HEIGHT: u16 = 400;

/// What the commands tell of a capture: `stats --json`, and `verify --json`.
fn told(path: &Path) -> (Value, Value) {
    let config = Config {
        verify: true,
        ..Config::default()
    };
    let manner = Manner {
        quiet: true,
        ..Manner::default()
    };
    let inputs = [Input::File(path.to_owned())];
    let finished = pipeline::run(&inputs, config, manner, |_, _, _| {
        Ok(ControlFlow::Continue(()))
    })
    .expect("a capture");
    let mut stats = Vec::new();
    let summary = CaptureSummary {
        counters: finished.capture.counters(),
        analyzer: &finished.analyzer,
        comments: &[],
        selection: None,
    };
    write_stats_json(&mut stats, &summary).expect("written");
    let swarms: Vec<&Swarm> = finished.analyzer.swarms().collect();
    let mut verified = Vec::new();
    let summary = VerificationSummary {
        analyzer: &finished.analyzer,
        swarms: &swarms,
        failures: &[],
        further_failures: 0,
    };
    write_verification_json(&mut verified, &summary).expect("written");
    let parse = |bytes: &[u8]| serde_json::from_slice(bytes).expect("JSON");
    (parse(&stats), parse(&verified))
}

/// The lines of a view, without the frame around it.
fn view(app: &mut App, keys: &str) -> Vec<String> {
    typed(app, keys);
    let screen = text(&drawn(app, WIDTH, HEIGHT));
    screen.lines().skip(2).map(str::to_owned).collect()
}

/// What stands in some columns of a line.
fn cell(line: &str, columns: Range<usize>) -> String {
    let characters = line.chars().skip(columns.start).take(columns.len());
    characters.collect::<String>().trim().to_owned()
}

fn number(line: &str, columns: Range<usize>) -> u64 {
    let text = cell(line, columns);
    text.parse()
        .unwrap_or_else(|_| panic!("{text:?} is no number: {line}"))
}

fn list(of: &Value) -> &[Value] {
    of.as_array().expect("a list")
}

fn count(of: &Value) -> u64 {
    of.as_u64().unwrap_or(0)
}

fn sum<'v>(of: impl IntoIterator<Item = &'v Value>) -> u64 {
    of.into_iter().map(count).sum()
}

fn check_title(app: &mut App, stats: &Value, verified: &Value) {
    typed(app, "1");
    let screen = text(&drawn(app, WIDTH, HEIGHT));
    let title = screen.lines().next().expect("a title");
    let findings = sum(stats["findings"].as_object().expect("findings").values());
    let swarms = list(&verified["swarms"]);
    let copies = |verdict: &str| {
        let all = swarms.iter().map(|swarm| &swarm["data_messages"][verdict]);
        sum(all)
    };
    let mut expected = vec![
        format!("{} datagrams", stats["datagrams"]),
        format!("{} swarms", list(&stats["swarms"]).len()),
        format!("{} channels", list(&stats["channels"]).len()),
        format!("✓{} ", copies("verified")),
        format!("✗{} ", copies("failed")),
        format!("?{} ", copies("unverified")),
        format!("! {findings}"),
    ];
    let unprotected = copies("unprotected");
    if unprotected > 0 {
        expected.push(format!("·{unprotected} "));
    }
    for part in expected {
        let found = format!("{title} ");
        assert!(found.contains(&format!(" {part}")), "{part:?} in {title}");
    }
}

fn check_swarms(app: &mut App, stats: &Value, verified: &Value) {
    let lines = view(app, "2");
    let expected = list(&stats["swarms"]);
    for ((line, swarm), judged) in lines
        .iter()
        .skip(1)
        .zip(expected)
        .zip(list(&verified["swarms"]))
    {
        let chunks = &swarm["chunks"];
        assert_eq!(chunks, &judged["chunks"]);
        let size = chunks["total"].as_u64().unwrap_or(count(&chunks["seen"]));
        assert_eq!(number(line, 12..19), size, "{line}");
        assert_eq!(number(line, 20..29), count(&chunks["verified"]), "{line}");
        assert_eq!(number(line, 29..38), count(&chunks["failed"]), "{line}");
        assert_eq!(number(line, 38..45), count(&chunks["unverified"]), "{line}");
        assert_eq!(
            number(line, 45..52),
            count(&chunks["unprotected"]),
            "{line}"
        );
        assert_eq!(
            number(line, 52..58),
            list(&swarm["peers"]).len() as u64,
            "{line}"
        );
        let id = swarm["id"].as_str();
        let name = cell(line, 1..10);
        match id {
            Some(id) => assert_eq!(name.trim_end_matches('…'), &id[..8.min(id.len())]),
            None => assert_eq!(name, "not named"),
        }
    }
    assert!(cell(&lines[1 + expected.len()], 0..40).is_empty() || expected.is_empty());
    // Inside each one: its length and whether it is complete.
    for (place, judged) in list(&verified["swarms"]).iter().enumerate() {
        let lines = view(app, &format!("gg{}<enter>", "j".repeat(place)));
        let head = lines[..5].join(" ");
        if let Some(length) = judged["content_length"].as_u64() {
            assert!(head.contains(&format!("{length} bytes")), "{head}");
        }
        assert_eq!(
            head.contains("complete ✓"),
            judged["complete"] == Value::Bool(true),
            "{head}"
        );
        let signed = &judged["signatures"];
        if count(&signed["verified"]) + count(&signed["failed"]) > 0 {
            let told = format!("signatures ✓{} ✗{}", signed["verified"], signed["failed"]);
            assert!(head.contains(&told), "{told} in {head}");
        }
        typed(app, "<esc>");
    }
}

fn check_channels(app: &mut App, stats: &Value) {
    let lines = view(app, "4");
    let expected = list(&stats["channels"]);
    let mut expected_lines = lines.iter().skip(1);
    for channel in expected {
        let line = expected_lines.next().expect("a line");
        assert_eq!(cell(line, 1..45), channel["initiator"], "{line}");
        assert_eq!(cell(line, 46..90), channel["responder"], "{line}");
        // Without a name it is a question mark.
        let id = channel["swarm"].as_str().unwrap_or("?");
        assert!(id.starts_with(&cell(line, 91..97)), "{line}");
        let closed = channel["state"]
            .as_str()
            .expect("a state")
            .starts_with("closed");
        assert_eq!(cell(line, 98..109).starts_with("closed"), closed, "{line}");
        let datagrams = number(line, 120..127) + number(line, 128..135);
        assert_eq!(datagrams, count(&channel["datagrams"]), "{line}");
        let data = number(line, 174..182);
        assert_eq!(data, count(&channel["messages"]["DATA"]), "{line}");
    }
    let rest = expected_lines.next().map(|line| line.trim());
    assert!(expected.is_empty() || rest == Some(""));
}

fn check_findings(app: &mut App, stats: &Value) {
    let lines = view(app, "6");
    let expected = stats["findings"].as_object().expect("findings");
    let mut found = 0;
    for line in lines.iter().take_while(|line| !line.starts_with('─')) {
        let Some(counted) = expected.get(&cell(line, 10..49)) else {
            continue;
        };
        found += 1;
        assert_eq!(cell(line, 57..66), counted.to_string(), "{line}");
        let entry = ppspp_dissector::finding::CATALOGUE
            .iter()
            .find(|entry| entry.name == cell(line, 10..49))
            .expect("in the catalogue");
        assert_eq!(cell(line, 1..9), entry.severity.name());
        assert_eq!(cell(line, 50..57).replace('–', ""), entry.section);
        assert!(line.contains(entry.text), "{line}");
    }
    assert_eq!(found, expected.len(), "{lines:?}");
}

fn check_graphs(app: &mut App, stats: &Value, verified: &Value) {
    view(app, "5");
    let lines = view(app, "G");
    let swarms = list(&verified["swarms"]);
    let all = |verdict: &str| sum(swarms.iter().map(|swarm| &swarm["chunks"][verdict]));
    let so_far = lines
        .iter()
        .find(|line| line.contains("Chunks verified so far"));
    let Some(so_far) = so_far else {
        // Without times there are no graphs.
        assert!(count(&stats["datagrams"]) == 0 || lines[0].contains("Nothing to draw"));
        return;
    };
    let expected = match (all("verified"), all("failed")) {
        (good, 0) => format!("✓ {good}"),
        (good, bad) => format!("✓ {good}  ✗ {bad}"),
    };
    assert!(
        so_far.trim_end().ends_with(&expected),
        "{expected}: {so_far}"
    );
    let series = app.common.store.series();
    let totals = crate::index::Bucket::joined(series.buckets()).expect("buckets");
    assert_eq!(totals.datagrams, count(&stats["datagrams"]));
}

#[test]
fn views_show_what_the_commands_tell() {
    for path in captures() {
        println!("{}", path.display());
        let (stats, verified) = told(&path);
        let mut app = app_of(&path, COLOURS);
        check_title(&mut app, &stats, &verified);
        check_swarms(&mut app, &stats, &verified);
        check_channels(&mut app, &stats);
        check_findings(&mut app, &stats);
        check_graphs(&mut app, &stats, &verified);
    }
}
