//! docs/FIELDS.md is what the registry says, and the examples of docs/FILTER.md
//! can be read. `UPDATE_DOCS=1 cargo test` writes the table again.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

use ppspp_dissector::fields::{FIELDS, Kind};
use ppspp_dissector::filter::{Filter, check};

const BEGIN: &str = "<!-- The table is made from the registry: UPDATE_DOCS=1 cargo test -->\n";
const END: &str = "<!-- The end of the table -->\n";

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs")
        .join(name)
}

fn code(text: &str) -> String {
    if text.is_empty() {
        "–".to_owned()
    } else {
        format!("`{text}`")
    }
}

fn table() -> String {
    let mut table = String::from(
        "| field | kind | section | level | JSON | what it is |\n|---|---|---|---|---|---|\n",
    );
    for field in FIELDS {
        let kind = match field.kind {
            Kind::Word(words) => format!("one of the {}", words.name()),
            kind => kind.to_string(),
        };
        let section = if field.section.is_empty() {
            "–"
        } else {
            field.section
        };
        let (name, level, json, text) =
            (field.name, field.level.name(), code(field.json), field.text);
        writeln!(
            table,
            "| `{name}` | {kind} | {section} | {level} | {json} | {text} |"
        )
        .expect("a string");
    }
    table
}

#[test]
fn the_table_of_fields_is_what_the_registry_says() {
    let text = fs::read_to_string(file("FIELDS.md")).expect("docs/FIELDS.md");
    let (before, rest) = text.split_once(BEGIN).expect("the table's beginning");
    let (found, after) = rest.split_once(END).expect("the table's end");
    let expected = table();
    if env::var_os("UPDATE_DOCS").is_some() {
        let text = format!("{before}{BEGIN}{expected}{END}{after}");
        fs::write(file("FIELDS.md"), text).expect("docs/FIELDS.md can be written");
    } else {
        assert!(
            found == expected,
            "docs/FIELDS.md is old: UPDATE_DOCS=1 cargo test"
        );
    }
}

/// What stands in the blocks of this language, line by line.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    let blocks = text.split(&fence).skip(1);
    let insides = blocks.map(|block| block.split("```").next().expect("a first part"));
    insides
        .flat_map(str::lines)
        .filter(|line| !line.is_empty())
        .collect()
}

#[test]
fn every_filter_in_the_docs_can_be_read() {
    let text = fs::read_to_string(file("FILTER.md")).expect("docs/FILTER.md");
    let filters = blocks(&text, "filter");
    assert!(filters.len() > 20, "{} filters", filters.len());
    for line in filters {
        let filter = line.split_once("   #").map_or(line, |(filter, _)| filter);
        if let Err(error) = check(filter.trim()) {
            panic!("{}", error.with_text(filter));
        }
    }
}

#[test]
fn errors_in_the_docs_are_those_that_are_told() {
    let text = fs::read_to_string(file("FILTER.md")).expect("docs/FILTER.md");
    let shown = blocks(&text, "text");
    let filter = shown[1].trim();
    let error = Filter::parse(filter).expect_err("an error");
    let told = error.with_text(filter).to_string();
    assert_eq!(told.lines().collect::<Vec<_>>(), shown);
}
