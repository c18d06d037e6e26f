//! docs/FINDINGS.md is what the catalogue says. `UPDATE_DOCS=1 cargo test`
//! writes its table again.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

use ppspp_dissector::finding::{CATALOGUE, FindingId};

const BEGIN: &str = "<!-- The table is made from the catalogue: UPDATE_DOCS=1 cargo test -->\n";
const END: &str = "<!-- The end of the table -->\n";

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/FINDINGS.md")
}

fn table() -> String {
    let mut table =
        String::from("| id | severity | section | what it means |\n|---|---|---|---|\n");
    for entry in CATALOGUE {
        let section = if entry.section.is_empty() {
            "–"
        } else {
            entry.section
        };
        let (name, severity, text) = (entry.name, entry.severity, entry.text);
        writeln!(table, "| `{name}` | {severity} | {section} | {text} |").expect("a string");
    }
    table
}

/// The text before the table, the table, the text behind it.
fn parts(text: &str) -> (&str, &str, &str) {
    let (before, rest) = text.split_once(BEGIN).expect("the table's beginning");
    let (table, after) = rest.split_once(END).expect("the table's end");
    (before, table, after)
}

#[test]
fn the_table_of_findings_is_what_the_catalogue_says() {
    let text = fs::read_to_string(file()).expect("docs/FINDINGS.md");
    let (before, found, after) = parts(&text);
    let expected = table();
    if env::var_os("UPDATE_DOCS").is_some() {
        let text = format!("{before}{BEGIN}{expected}{END}{after}");
        fs::write(file(), text).expect("docs/FINDINGS.md can be written");
    } else {
        assert!(
            found == expected,
            "docs/FINDINGS.md is old: UPDATE_DOCS=1 cargo test"
        );
    }
}

#[test]
fn the_dialects_name_findings_that_exist() {
    let text = fs::read_to_string(file()).expect("docs/FINDINGS.md");
    let (_, _, after) = parts(&text);
    let mut named = 0;
    for word in after.split('`').skip(1).step_by(2) {
        if word.contains('.') && !word.contains(' ') {
            assert!(FindingId::by_name(word).is_some(), "no finding {word}");
            named += 1;
        }
    }
    assert!(named > 50, "{named} findings named");
}

#[test]
fn every_measured_difference_of_libswift_is_mapped() {
    let text = fs::read_to_string(file()).expect("docs/FINDINGS.md");
    let (_, _, after) = parts(&text);
    for item in 1..=58 {
        let line = format!("\n| {item} |");
        assert_eq!(after.matches(&line).count(), 1, "item {item}");
    }
}
