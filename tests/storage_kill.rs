//! A process that is killed while it downloads loses nothing that it had
//! committed.

use std::io::{BufRead, BufReader};
use std::num::NonZeroU32;
use std::path::Path;
use std::process::{Command, Stdio};

use ppsp_inspect::peer::engine::Store;
use ppsp_inspect::peer::storage::{FileStore, MemoryStore, StoreOptions};
use ppspp_dissector::integrity::{Hash, TreeHash};
use ppspp_dissector::wire::{Bin, HashFunction};

const CHUNK_SIZE: NonZeroU32 = NonZeroU32::new(1024).expect("not zero");
const CHUNKS: u64 = 20_000;
/// Where the process to be killed keeps the content.
const TARGET: &str = "PPSP_INSPECT_TEST_TARGET";

fn content() -> (Vec<u8>, MemoryStore, Hash) {
    let bytes: Vec<u8> = (0..CHUNKS * 1024)
        .map(|i| (i * 31 % 251 + i / 1024) as u8)
        .collect();
    let function = TreeHash::new(HashFunction::Sha1).expect("assigned");
    let (store, root) = MemoryStore::of_content(function, CHUNK_SIZE, &bytes).expect("not empty");
    (bytes, store, root)
}

fn open(path: &Path, root: &Hash) -> FileStore {
    let function = TreeHash::new(HashFunction::Sha1).expect("assigned");
    let options = StoreOptions::default();
    FileStore::leech(path, root, function, CHUNK_SIZE, &options, |_| {}).expect("its own")
}

/// What the process does that is killed; not a test of its own.
#[test]
#[ignore = "started by the test below"]
fn download_until_killed() {
    let Some(target) = std::env::var_os(TARGET) else {
        return;
    };
    let (_, mut whole, root) = content();
    let mut store = open(Path::new(&target), &root);
    store.set_size(CHUNKS).expect("it fits");
    let mut bytes = Vec::new();
    for chunk in 0..CHUNKS {
        let mut node = Bin::leaf(chunk).expect("a leaf");
        while store.hash(node).expect("it can be read").is_none() {
            for bin in [Some(node), node.sibling()].into_iter().flatten() {
                if let Some(hash) = whole.hash(bin).expect("in memory") {
                    store.put_hash(bin, &hash).expect("it fits");
                }
            }
            node = node.parent().expect("below the root");
        }
        bytes.clear();
        whole.read(chunk, &mut bytes).expect("all are there");
        store.write(chunk, &bytes).expect("it fits");
        if chunk % 8 == 7 {
            store.commit().expect("there is room");
            println!("\ncommitted {}", chunk + 1);
        }
    }
}

#[test]
fn a_killed_process_loses_nothing_that_it_had_committed() {
    let (bytes, _, root) = content();
    for patience in [1, 50, 700] {
        let directory = tempfile::tempdir().expect("a directory");
        let target = directory.path().join("target");
        let mut child = Command::new(std::env::current_exe().expect("this test"))
            .args([
                "download_until_killed",
                "--exact",
                "--ignored",
                "--nocapture",
            ])
            .env(TARGET, &target)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts again");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let committed: u64 = lines
            .map_while(Result::ok)
            .filter_map(|line| line.strip_prefix("committed ")?.parse().ok())
            .nth(patience)
            .expect("it commits more often");
        child.kill().expect("its own");
        child.wait().expect("its own");

        let mut store = open(&target, &root);
        let recovery = store.recovery().expect("it was not closed");
        assert_eq!(recovery.dropped, 0);
        assert!(recovery.marked >= committed, "{recovery:?}, {committed}");
        let run = 0..=recovery.marked - 1;
        assert_eq!(store.present().iter().collect::<Vec<_>>(), [&run]);
        let mut read = Vec::new();
        for chunk in run {
            store.read(chunk, &mut read).expect("it is marked");
        }
        assert!(bytes.starts_with(&read));
    }
}
