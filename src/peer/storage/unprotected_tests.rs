//! Content that nothing protects, in files.

use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use ppspp_dissector::integrity::{Hash, TreeHash};
use ppspp_dissector::wire::HashFunction;

use super::error::StorageError;
use super::file::FileStore;
use super::options::StoreOptions;
use crate::peer::engine::Store as _;

const CHUNK_SIZE: NonZeroU32 = NonZeroU32::new(100).expect("not zero");
const ID: &[u8] = b"a name";

fn function() -> TreeHash {
    TreeHash::new(HashFunction::Sha1).expect("assigned")
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn content(&self) -> PathBuf {
        self.0.path().join("content")
    }

    fn open_as(&self, id: &[u8]) -> Result<FileStore, StorageError> {
        let options = StoreOptions::default();
        FileStore::leech_unprotected(
            &self.content(),
            id,
            function(),
            CHUNK_SIZE,
            &options,
            |_| {},
        )
    }

    fn open(&self) -> FileStore {
        self.open_as(ID).expect("it opens")
    }
}

fn chunk(number: u64) -> Vec<u8> {
    vec![number as u8 + 1; 100]
}

fn write(store: &mut FileStore, chunks: impl IntoIterator<Item = u64>) {
    for number in chunks {
        store.write(number, &chunk(number)).expect("it fits");
    }
    store.commit().expect("committed");
}

fn present(store: &FileStore) -> Vec<u64> {
    store.present().iter().cloned().flatten().collect()
}

fn damage(path: &Path, at: usize) {
    let mut bytes = fs::read(path).expect("readable");
    bytes[at] ^= 1;
    fs::write(path, bytes).expect("written");
}

#[test]
fn what_was_committed_is_there_after_a_kill_though_the_size_is_unknown() {
    let folder = Folder::new();
    let mut store = folder.open();
    write(&mut store, [0, 1, 2, 7]);
    store.write(3, &chunk(3)).expect("it fits");
    store.abandon();
    let mut store = folder.open();
    let recovery = store.recovery().expect("it was not closed");
    assert_eq!((recovery.marked, recovery.dropped), (4, 0));
    assert_eq!(present(&store), [0, 1, 2, 7]);
    let mut bytes = Vec::new();
    store.read(7, &mut bytes).expect("present");
    assert_eq!(bytes, chunk(7));
    assert_eq!(store.size(), None);
}

#[test]
fn a_short_last_chunk_gives_the_file_its_length() {
    let folder = Folder::new();
    let mut store = folder.open();
    write(&mut store, [0, 1]);
    store.set_size(3).expect("possible");
    store.write(2, b"end").expect("the last");
    store.commit().expect("committed");
    assert_eq!(store.content_length(), Some(203));
    store.close().expect("closed");
    let store = folder.open();
    assert_eq!(store.recovery(), None);
    assert!(store.is_complete());
    assert_eq!(fs::read(folder.content()).expect("there").len(), 203);
}

#[test]
fn damage_to_a_chunk_is_found_when_the_store_is_opened_again() {
    let folder = Folder::new();
    let mut store = folder.open();
    write(&mut store, 0..10);
    store.close().expect("closed");
    damage(&folder.content(), 430);
    let store = folder.open();
    let recovery = store.recovery().expect("the file has changed");
    assert_eq!((recovery.marked, recovery.dropped), (10, 1));
    assert_eq!(present(&store), [0, 1, 2, 3, 5, 6, 7, 8, 9]);
}

#[test]
fn the_state_of_another_swarm_or_with_protection_is_refused() {
    let folder = Folder::new();
    let mut store = folder.open();
    write(&mut store, [0]);
    store.close().expect("closed");
    let error = folder.open_as(b"another").expect_err("refused");
    assert!(
        matches!(error, StorageError::OtherUnprotectedSwarm { .. }),
        "{error}"
    );

    // The name under which an unprotected swarm is kept, as a root hash.
    let root: Hash = function().chunk(ID);
    let options = StoreOptions::default();
    let content = folder.content();
    let protected = || FileStore::leech(&content, &root, function(), CHUNK_SIZE, &options, |_| {});
    let error = protected().expect_err("refused");
    assert!(
        error.to_string().contains("without integrity protection"),
        "{error}"
    );
    fs::remove_file(&content).expect("removed");
    fs::remove_file(options.sidecar_path(&content)).expect("removed");
    drop(protected().expect("new"));
    let error = folder.open_as(ID).expect_err("refused");
    assert!(
        error.to_string().contains("with integrity protection"),
        "{error}"
    );
}

#[test]
fn it_is_hashed_anew_to_be_seeded_and_not_before_it_is_complete() {
    let folder = Folder::new();
    let mut store = folder.open();
    write(&mut store, 0..3);
    store.close().expect("closed");
    let options = StoreOptions::default();
    let seed = || FileStore::seed(&folder.content(), function(), CHUNK_SIZE, &options, |_| {});
    let error = seed().expect_err("incomplete");
    assert!(matches!(error, StorageError::Incomplete { .. }), "{error}");
    let mut store = folder.open();
    store.set_size(3).expect("possible");
    store.close().expect("closed");
    let (store, root) = seed().expect("complete");
    assert!(store.is_complete());
    assert_ne!(root, function().chunk(ID));
}
