//! The table of requirements: it is sound, what it names exists, the RFC has no
//! key word that it lacks, and docs/REQUIREMENTS.md is what it says.
//! `UPDATE_DOCS=1 cargo test` writes the document again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

use ppsp_inspect::probe::{Case, cases};
use ppsp_inspect::requirements::{Counts, Keyword, PeerTest, Requirement, Uncovered, requirements};

const BEGIN: &str =
    "<!-- The tables are made from src/requirements: UPDATE_DOCS=1 cargo test -->\n";
const END: &str = "<!-- The end of the tables -->\n";

/// Sections whose key words are not requirements of their own, and why.
const EXCEPTIONS: [(&str, &str); 1] = [("1.2", "it says what the key words mean")];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn number(section: &str) -> Vec<u32> {
    let parts = section.split('.').map(str::parse);
    parts
        .collect::<Result<_, _>>()
        .unwrap_or_else(|_| panic!("{section} is no section"))
}

#[test]
fn ids_are_unique_and_sorted_by_section() {
    let mut seen = BTreeSet::new();
    for row in requirements() {
        assert!(seen.insert(row.id), "{} stands twice", row.id);
        let parts: Vec<_> = row.id.split('/').collect();
        let [start, _, slug] = parts[..] else {
            panic!("{} has not three parts", row.id);
        };
        assert_eq!(start, "rfc7574", "{}", row.id);
        let is_plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        assert!(!slug.is_empty() && slug.bytes().all(is_plain), "{}", row.id);
    }
    let sections: Vec<_> = requirements().map(|row| number(row.section())).collect();
    assert!(sections.is_sorted());
}

#[test]
fn every_requirement_is_one_sentence_and_covered_or_has_a_reason() {
    for row in requirements() {
        let reason = row.coverage.uncovered.map(Uncovered::reason);
        for text in [Some(row.text), reason].into_iter().flatten() {
            assert!(text.ends_with('.'), "{}: {text}", row.id);
            assert!(!text.contains("  ") && !text.contains('|'), "{}", row.id);
        }
        assert!(!row.text.trim_end_matches('.').contains(". "), "{}", row.id);
        assert_ne!(row.is_covered(), reason.is_some(), "{}", row.id);
    }
}

#[test]
fn every_test_that_is_named_exists() {
    for row in requirements() {
        for PeerTest(file, name) in row.coverage.tests {
            let source = fs::read_to_string(root().join(file))
                .unwrap_or_else(|error| panic!("{}: {file}: {error}", row.id));
            let wanted = format!("#[test]\nfn {name}(");
            let lines: Vec<_> = source.lines().map(str::trim).collect();
            let is_there = lines.join("\n").contains(&wanted);
            assert!(is_there, "{}: {file} has no test {name}", row.id);
        }
    }
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

fn covered_by(row: &Requirement) -> String {
    let coverage = &row.coverage;
    let mut parts = Vec::new();
    let mut add = |name: &str, list: Vec<String>| {
        if !list.is_empty() {
            parts.push(format!("{name} {}", list.join(", ")));
        }
    };
    let findings = coverage.findings.iter();
    add(
        "findings",
        findings.map(|id| code(id.entry().name)).collect(),
    );
    add("cases", coverage.cases.iter().map(|id| code(id)).collect());
    let tests = coverage.tests.iter();
    let tests = tests.map(|PeerTest(file, name)| format!("`{name}` in `{file}`"));
    add("tests", tests.collect());
    parts.extend(
        coverage
            .uncovered
            .map(|it| format!("**{}**: {}", it.name(), it.reason())),
    );
    parts.join("; ")
}

fn tables() -> String {
    let rows: Vec<_> = requirements().collect();
    let mut text = String::from("\n| level |");
    for (column, _) in Counts::default().columns() {
        write!(text, " {column} |").expect("a string");
    }
    text.push_str("\n|---|---|---|---|---|---|---|\n");
    for (level, counts) in Counts::by_level(&rows) {
        write!(text, "| {level} |").expect("a string");
        for (_, count) in counts.columns() {
            write!(text, " {count} |").expect("a string");
        }
        text.push('\n');
    }
    let mut section = "";
    for row in rows {
        if row.section() != section {
            section = row.section();
            let head = "| | requirement | id | covered by |\n|---|---|---|---|\n";
            write!(text, "\n## Section {section}\n\n{head}").expect("a string");
        }
        let (keyword, coverage) = (row.keyword.name(), covered_by(row));
        writeln!(
            text,
            "| {keyword} | {} | `{}` | {coverage} |",
            row.text, row.id
        )
        .expect("a string");
    }
    let named: BTreeSet<&str> = requirements()
        .flat_map(|row| row.coverage.cases.iter().copied())
        .collect();
    let others: Vec<&Case> = cases().filter(|case| !named.contains(case.id)).collect();
    if !others.is_empty() {
        text.push_str(
            "\n## Cases that no row names\n\n| | case | what it asks for |\n|---|---|---|\n",
        );
    }
    for case in others {
        let (level, id, requirement) = (case.level, case.id, case.requirement);
        writeln!(text, "| {level} | `{id}` | {requirement} |").expect("a string");
    }
    text.push('\n');
    text
}

#[test]
fn the_document_is_what_the_table_says() {
    let path = root().join("docs/REQUIREMENTS.md");
    let text = fs::read_to_string(&path).expect("docs/REQUIREMENTS.md");
    let (before, rest) = text.split_once(BEGIN).expect("the tables' beginning");
    let (found, after) = rest.split_once(END).expect("the tables' end");
    let expected = tables();
    if env::var_os("UPDATE_DOCS").is_some() {
        let text = format!("{before}{BEGIN}{expected}{END}{after}");
        fs::write(path, text).expect("docs/REQUIREMENTS.md can be written");
    } else {
        assert!(
            found == expected,
            "docs/REQUIREMENTS.md is old: UPDATE_DOCS=1 cargo test"
        );
    }
}

/// Whether a word of the RFC binds; MUST NOT begins with MUST.
fn binds(word: &str) -> bool {
    let word = word.trim_matches(|it: char| !it.is_ascii_alphabetic());
    matches!(
        word,
        "MUST" | "SHALL" | "SHOULD" | "REQUIRED" | "RECOMMENDED" | "MAY" | "OPTIONAL"
    )
}

/// How many sentences of each section of the RFC have a key word.
fn sentences_that_bind(rfc: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    let mut section = String::new();
    let mut in_sentence = false;
    // The table of contents, too, begins with "1.", but it is indented.
    for line in rfc.lines() {
        let is_page = line.starts_with("Bakker, et al.") || line.starts_with("RFC 7574 ");
        if is_page {
            continue;
        }
        let head = line.split_once(".  ").map(|(head, _)| head);
        if let Some(head) = head.filter(|it| it.starts_with(|it: char| it.is_ascii_digit())) {
            head.clone_into(&mut section);
            in_sentence = false;
            continue;
        }
        // An item of a list begins with a capital after its sign.
        for word in line.split_whitespace() {
            if binds(word) && !in_sentence {
                *counts.entry(section.clone()).or_default() += 1;
                in_sentence = true;
            }
            if word.ends_with(['.', ':', ';']) {
                in_sentence = false;
            }
        }
    }
    counts
}

#[test]
fn every_sentence_of_the_rfc_that_binds_has_a_row() {
    let captures = env::var_os("PPSP_CAPTURES");
    let rfc = captures.map(|captures| Path::new(&captures).join("../spec/rfc7574.txt"));
    let Some(rfc) = rfc.and_then(|path| fs::read_to_string(path).ok()) else {
        eprintln!("skipped: PPSP_CAPTURES names no folder beside spec/rfc7574.txt");
        return;
    };
    let counts = sentences_that_bind(&rfc);
    let all: usize = counts.values().sum();
    assert!(all > 150, "only {all} sentences with key words were found");
    for (section, sentences) in counts {
        if EXCEPTIONS.iter().any(|(except, _)| *except == section) {
            continue;
        }
        let rows = requirements()
            .filter(|row| row.section() == section && row.keyword != Keyword::Stated)
            .count();
        assert!(
            sentences <= rows,
            "section {section}: {sentences} sentences with key words, {rows} rows"
        );
    }
}
