//! The captures in `captures/` are what their scripts write.

#[path = "../examples/captures/catalog/mod.rs"]
mod catalog;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn the_committed_captures_are_what_make_captures_writes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    for (name, bytes) in catalog::files() {
        let committed = fs::read(folder.join(name)).unwrap_or_default();
        assert!(committed == bytes, "{name} differs: run `make captures`");
    }
}

#[test]
fn every_capture_in_the_folder_has_a_script() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let scripted: BTreeSet<_> = catalog::files().into_iter().map(|(name, _)| name).collect();
    for entry in fs::read_dir(folder).expect("the folder of captures") {
        let name = entry.expect("an entry").file_name();
        let name = name.to_str().expect("plain names");
        assert!(scripted.contains(name), "nothing writes {name}");
    }
}

#[test]
fn writing_twice_gives_the_same_bytes() {
    assert!(catalog::files() == catalog::files());
}
