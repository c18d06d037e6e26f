//! What the sample captures look like in every output. A change in a snapshot is
//! a change that users see: `INSTA_UPDATE=always cargo test` writes them again,
//! and the difference belongs into the review.

mod support;

use support::program::run;
use support::samples::samples;

/// One snapshot a capture, as `<output>@<capture>`.
fn assert_snapshots(output: &str, arguments: &[&str]) {
    for (name, path) in samples() {
        let path = path.to_str().expect("a plain path");
        let text = run(arguments.iter().chain(&[path])).fine();
        insta::with_settings!({snapshot_suffix => name, omit_expression => true}, {
            insta::assert_snapshot!(output, text);
        });
    }
}

#[test]
fn text_is_as_it_was_reviewed() {
    assert_snapshots("text", &["read"]);
}

#[test]
fn trees_are_as_they_were_reviewed() {
    assert_snapshots("tree", &["read", "-V"]);
}

#[test]
fn json_lines_are_as_they_were_reviewed() {
    assert_snapshots("jsonl", &["read", "-T", "jsonl"]);
}

#[test]
fn statistics_are_as_they_were_reviewed() {
    assert_snapshots("stats", &["stats"]);
}

#[test]
fn statistics_as_json_are_as_they_were_reviewed() {
    assert_snapshots("stats-json", &["stats", "--json"]);
}
