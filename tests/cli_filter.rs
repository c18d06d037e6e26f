//! Display filters: `read -Y`, `stats -Y`, `fields`.

mod support;

use serde_json::Value;
use support::program::{Run, run, run_with_input};
use support::samples::{sample, samples};

fn path(name: &str) -> String {
    sample(name).display().to_string()
}

/// The frames that `read` shows of a sample with a filter.
#[track_caller]
fn frames(name: &str, filter: &str) -> Vec<u64> {
    let lines = run(["read", "-T", "jsonl", "-Y", filter, &path(name)]).json_lines();
    let frame = |line: &Value| line["frame"].as_u64().expect("a frame");
    lines.iter().map(frame).collect()
}

#[test]
fn read_shows_the_datagrams_that_fit() {
    let all = frames("merkle-sha256-seven-chunks", "");
    assert_eq!(all, (1..=19).collect::<Vec<u64>>());
    let data = frames("merkle-sha256-seven-chunks", r#"ppspp.msg.type == "DATA""#);
    assert_eq!(data, [4, 7, 9, 11, 13, 15, 17]);
    let some = r#"ppspp.msg.type == "DATA" && ppspp.chunk.start >= 5"#;
    assert_eq!(frames("merkle-sha256-seven-chunks", some), [4, 13, 15, 17]);
    // Frame 4 has the hash of chunk 6 beside chunk 0, frame 13 that of chunk 5.
    let one = r#"message(ppspp.msg.type == "DATA" && ppspp.chunk.start >= 5)"#;
    assert_eq!(frames("merkle-sha256-seven-chunks", one), [15, 17]);
    let none = frames("merkle-sha256-seven-chunks", "udp.port == 1");
    assert!(none.is_empty());
}

#[test]
fn verdicts_and_findings_can_be_asked_for() {
    let bad = frames(
        "merkle-one-bad-chunk",
        r#"message(ppspp.msg.type == "DATA" && ppspp.integrity == "failed")"#,
    );
    assert_eq!(bad.len(), 1, "{bad:?}");
    let lines = run(["read", "-T", "jsonl", &path("deviations")]).json_lines();
    let has_error = |line: &&Value| {
        let findings = line["findings"].as_array().expect("findings");
        findings
            .iter()
            .any(|finding| finding["severity"] == "error")
    };
    let expected: Vec<u64> = lines
        .iter()
        .filter(has_error)
        .filter_map(|line| line["frame"].as_u64())
        .collect();
    assert!(!expected.is_empty());
    let found = frames("deviations", r#"ppspp.finding.severity == "error""#);
    assert_eq!(found, expected);
    assert_eq!(
        frames("deviations", r#"ppspp.finding.severity > "warning""#),
        expected
    );
}

#[test]
fn text_keeps_the_times_that_it_has_without_a_filter() {
    let path = path("merkle-sha256-seven-chunks");
    let all = run(["read", &path]).fine();
    let some = run(["read", "-Y", "frame.number in {9..11}", &path]).fine();
    let expected: Vec<&str> = all.lines().skip(8).take(3).collect();
    assert_eq!(some.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn count_counts_what_fits() {
    let path = path("merkle-sha256-seven-chunks");
    let filter = r#"ppspp.msg.type == "ACK""#;
    let text = run(["read", "-c", "2", "-Y", filter, &path]).fine();
    assert_eq!(text.lines().count(), 2);
    let bare = run(["-c", "2", "-Y", filter, &path]).fine();
    assert_eq!(bare, text, "without a command, too");
}

#[test]
fn a_pipe_is_filtered_as_a_file_is() {
    let path = path("merkle-sha256-seven-chunks");
    let arguments = ["read", "-T", "jsonl", "-Y", "ppspp.chunks == 4"];
    let of_file = run(arguments.iter().chain(&[path.as_str()])).fine();
    let bytes = std::fs::read(path).expect("a capture");
    let of_pipe = run_with_input(arguments.iter().chain(&["-"]), bytes).fine();
    assert!(!of_file.is_empty());
    assert_eq!(of_pipe, of_file);
}

/// `stats --json` of a sample with a filter.
fn stats(name: &str, filter: &str) -> Value {
    run(["stats", "--json", "-Y", filter, &path(name)]).json()
}

#[test]
fn stats_with_a_filter_that_all_fit_are_those_without() {
    for (name, path) in samples() {
        let path = path.display().to_string();
        let mut filtered = run(["stats", "--json", "-Y", "ppspp", &path]).json();
        let filter = filtered
            .as_object_mut()
            .and_then(|stats| stats.remove("filter"));
        assert_eq!(filter, Some("ppspp".into()));
        // A finding can be about no datagram: those of the capture's end.
        assert_eq!(filtered, run(["stats", "--json", &path]).json(), "{name}");
    }
}

#[test]
fn stats_count_what_fits_and_keep_what_the_capture_tells_of_its_swarm() {
    let name = "merkle-sha256-seven-chunks";
    let data = stats(name, r#"ppspp.msg.type == "DATA""#);
    assert_eq!(data["frames"], 19);
    assert_eq!(data["datagrams"], 7);
    assert_eq!(data["messages"]["DATA"], 7);
    assert!(data["messages"]["ACK"].is_null());
    let channel = &data["channels"][0];
    assert_eq!(channel["datagrams"], 7);
    assert_eq!(channel["messages"], data["messages"]);
    let swarm = &data["swarms"][0];
    assert_eq!(swarm["chunks"]["verified"], 7);
    assert_eq!(swarm["id"].as_str().map(str::len), Some(64));
    let none = stats(name, "udp.port == 1");
    assert_eq!(none["datagrams"], 0);
    for list in ["swarms", "channels"] {
        assert_eq!(none[list], Value::Array(vec![]), "{list}");
    }
    let text = run(["stats", "-Y", "udp.port == 1", &path(name)]).fine();
    assert!(
        text.starts_with("Filter: 0 of 19 PPSPP datagrams fit udp.port == 1\n"),
        "{text}"
    );
}

#[test]
fn stats_of_one_swarm_leave_the_other_out() {
    let name = "two-swarms-one-socket";
    let all = run(["stats", "--json", &path(name)]).json();
    let ids: Vec<&str> = all["swarms"]
        .as_array()
        .expect("swarms")
        .iter()
        .map(|swarm| swarm["id"].as_str().expect("an ID"))
        .collect();
    assert_eq!(ids.len(), 2);
    let one = stats(name, &format!("ppspp.swarm == {}", ids[1]));
    assert_eq!(one["swarms"].as_array().map(Vec::len), Some(1));
    assert_eq!(one["swarms"][0]["id"], ids[1]);
    let other = stats(name, &format!("ppspp.swarm == {}", ids[0]));
    let sum = one["datagrams"].as_u64().zip(other["datagrams"].as_u64());
    assert_eq!(
        sum.map(|(one, other)| one + other),
        all["datagrams"].as_u64()
    );
}

#[test]
fn a_wrong_filter_is_wrong_usage_with_a_mark_at_its_place() {
    for command in ["read", "stats"] {
        let Run {
            status,
            stdout,
            stderr,
        } = run([
            command,
            "-Y",
            r#"ppspp.msg.type == "DAT""#,
            "no-such-file.pcap",
        ]);
        assert_eq!((status, stdout.as_str()), (2, ""));
        let lines: Vec<&str> = stderr.lines().collect();
        assert!(lines[0].contains("\"DATA\" is meant?"), "{stderr}");
        let at = lines[1].find("\"DAT\"").expect("the text");
        assert_eq!(lines[2], format!("{:at$}^^^^^", ""), "{stderr}");
    }
}

#[test]
fn the_filters_in_the_help_fit_something_or_nothing_but_are_none_wrong() {
    let help = run(["fields", "--help"]).fine();
    let (_, language) = help.split_once("A display filter").expect("the language");
    let mut count = 0;
    for line in language
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
    {
        let filter = line.trim().split("   ").next().expect("a filter");
        frames("merkle-sha256-seven-chunks", filter.trim());
        count += 1;
    }
    assert_eq!(count, 8);
}

#[test]
fn fields_lists_what_there_is() {
    let text = run(["fields"]).fine();
    let fields = run(["fields", "--json"]).json();
    let fields = fields.as_array().expect("a list");
    assert_eq!(text.lines().count(), fields.len());
    assert!(fields.len() > 70);
    for (line, field) in text.lines().zip(fields) {
        let name = field["name"].as_str().expect("a name");
        assert!(line.starts_with(name), "{line}");
        for key in ["kind", "level", "section", "json", "text"] {
            assert!(field[key].is_string(), "{key} of {name}");
        }
        assert_eq!(field["kind"] == "word", field["words"].is_array(), "{name}");
    }
}
