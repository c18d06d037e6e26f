//! Replays the corpora of the fuzz targets, so that what fuzzing once found
//! stays found without a fuzzer.

#[path = "../fuzz/checks/datagram.rs"]
mod datagram;
#[path = "../fuzz/checks/filter.rs"]
mod filter;

use std::fs;
use std::path::Path;

/// Runs `check` on every file of one target's corpus.
fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let mut replayed = 0;
    for entry in fs::read_dir(folder).expect("the target's corpus") {
        let path = entry.expect("an entry").path();
        let input = fs::read(&path).expect("a corpus file");
        // Named first: a panic then says which file it was.
        println!("{}", path.display());
        check(&input);
        replayed += 1;
    }
    assert!(replayed > 0, "the corpus of {target} is empty");
}

#[test]
fn the_corpus_of_datagrams_holds() {
    replay("datagram", datagram::check);
}

#[test]
fn every_datagram_of_the_corpus_holds_cut_at_every_byte() {
    replay("datagram", |input| {
        for cut in datagram::HEADER..input.len() {
            datagram::check(&input[..cut]);
        }
    });
}

#[test]
fn the_corpus_of_filters_holds() {
    replay("filter", filter::check);
}

#[test]
fn every_filter_of_the_corpus_holds_cut_at_every_byte() {
    replay("filter", |input| {
        for cut in 0..input.len() {
            filter::check(&input[..cut]);
        }
    });
}
