//! The files of known failures in `interop`: each can be read, says why, and names
//! cases that there are.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ppsp_inspect::probe::{Expectations, cases, is_match};

fn files() -> Vec<(PathBuf, Expectations)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop");
    let entries = fs::read_dir(&folder).expect("the folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|it| it == "expect"))
        .map(|path| {
            let text = fs::read_to_string(&path).expect("text");
            let known = Expectations::parse(&text);
            let known = known.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (path, known)
        })
        .collect();
    files.sort_by(|one, other| one.0.cmp(&other.0));
    files
}

#[test]
fn every_file_can_be_read_and_every_line_names_cases_that_there_are() {
    let files = files();
    assert!(files.len() >= 3, "{files:?}");
    for (path, known) in &files {
        let mut seen = BTreeSet::new();
        for pattern in known.patterns() {
            let name = path.display();
            assert!(
                cases().any(|case| is_match(pattern, case.id)),
                "{name}: {pattern} names no case"
            );
            assert!(seen.insert(pattern), "{name}: {pattern} stands twice");
        }
        assert!(seen.len() > 10, "{}", path.display());
    }
}

#[test]
fn the_readme_names_every_file() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop");
    let readme = fs::read_to_string(folder.join("README.md")).expect("text");
    for (path, _) in files() {
        let name = path.file_name().expect("a name").to_string_lossy();
        assert!(readme.contains(&format!("`{name}`")), "{name}");
    }
}
