//! Content in real files: seeding, downloading, going on, and what is refused.

use std::fs::{self, OpenOptions};
use std::num::NonZeroU32;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};

use ppsp_inspect::peer::engine::Store;
use ppsp_inspect::peer::storage::{FileStore, MemoryStore, StorageError, StoreOptions, SyncPolicy};
use ppspp_dissector::integrity::{Hash, TreeHash};
use ppspp_dissector::wire::{Bin, HashFunction};
use tempfile::TempDir;

const CHUNK_SIZE: NonZeroU32 = NonZeroU32::new(1024).expect("not zero");

fn function() -> TreeHash {
    TreeHash::new(HashFunction::Sha256).expect("assigned")
}

/// A directory with content of 2000 chunks and a short one in `seeded`.
fn place() -> (TempDir, PathBuf, Vec<u8>) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("seeded");
    let content: Vec<u8> = (0..2000 * 1024 + 77u32)
        .map(|i| (i * 31 % 251 + i / 1024) as u8)
        .collect();
    fs::write(&path, &content).expect("there is room");
    (directory, path, content)
}

fn seed(path: &Path, options: &StoreOptions) -> Result<(FileStore, Hash, u64), StorageError> {
    let mut hashed = 0;
    let (store, root) = FileStore::seed(path, function(), CHUNK_SIZE, options, |bytes| {
        hashed = bytes;
    })?;
    Ok((store, root, hashed))
}

fn leech(path: &Path, root: &Hash) -> Result<FileStore, StorageError> {
    FileStore::leech(
        path,
        root,
        function(),
        CHUNK_SIZE,
        &StoreOptions::default(),
        |_| {},
    )
}

/// Takes a chunk from one store to another, with the hashes that prove it.
fn copy(from: &mut dyn Store, to: &mut dyn Store, chunk: u64) {
    let mut node = Bin::leaf(chunk);
    while let Some(bin) = node {
        for bin in [Some(bin), bin.sibling()].into_iter().flatten() {
            if let Some(hash) = from.hash(bin).expect("it can be read") {
                to.put_hash(bin, &hash).expect("it fits");
            }
        }
        node = bin.parent().filter(|bin| bin.layer() <= 11);
    }
    let mut bytes = Vec::new();
    from.read(chunk, &mut bytes).expect("it is there");
    to.write(chunk, &bytes).expect("it fits");
}

#[test]
fn a_seeded_file_has_the_tree_that_memory_has_and_is_hashed_once() {
    let (_directory, path, content) = place();
    let (mut model, model_root) =
        MemoryStore::of_content(function(), CHUNK_SIZE, &content).expect("not empty");
    for again in [false, true] {
        let (mut store, root, hashed) = seed(&path, &StoreOptions::default()).expect("a file");
        assert_eq!(root, model_root);
        assert_eq!(hashed, if again { 0 } else { content.len() as u64 });
        assert_eq!((store.size(), store.is_complete()), (Some(2001), true));
        assert_eq!(store.content_length(), Some(content.len() as u64));
        for number in 0..4095 {
            let bin = Bin::new(number).expect("a bin");
            let (kept, model) = (store.hash(bin), model.hash(bin));
            assert_eq!(
                kept.expect("it can be read"),
                model.expect("in memory"),
                "{number}"
            );
        }
        let mut bytes = Vec::new();
        for chunk in 0..2001 {
            store.read(chunk, &mut bytes).expect("it is there");
        }
        assert!(bytes == content);
        assert!(store.write(0, &[0; 1024]).is_err());
    }
}

#[test]
fn a_file_that_changed_is_hashed_again() {
    let (_directory, path, _) = place();
    let (store, before, _) = seed(&path, &StoreOptions::default()).expect("a file");
    drop(store);
    let file = OpenOptions::new().write(true).open(&path).expect("its own");
    file.write_all_at(b"changed", 5000).expect("there is room");
    let time = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
    file.set_modified(time).expect("its own");
    let (_, after, hashed) = seed(&path, &StoreOptions::default()).expect("a file");
    assert!(before != after && hashed > 0);
}

#[test]
fn a_download_goes_on_with_every_chunk_that_was_committed() {
    let (directory, path, content) = place();
    let (mut seeder, root, _) = seed(&path, &StoreOptions::default()).expect("a file");
    let target = directory.path().join("target");
    for (start, end) in [(0, 700), (700, 1500), (1500, 2001)] {
        let mut store = leech(&target, &root).expect("its own");
        assert_eq!(store.recovery(), None);
        assert_eq!(
            store.present().iter().flat_map(Clone::clone).count() as u64,
            start
        );
        store.set_size(2001).expect("it fits");
        for chunk in start..end {
            copy(&mut seeder, &mut store, chunk);
            if chunk % 64 == 63 {
                store.commit().expect("there is room");
            }
        }
        store.commit().expect("there is room");
        assert_eq!(store.is_complete(), end == 2001);
    }
    assert!(fs::read(&target).expect("its own") == content);
    // It is complete, and can be seeded at once.
    let (store, again, hashed) = seed(&target, &StoreOptions::default()).expect("complete");
    assert_eq!((again, hashed), (root, 0));
    assert_eq!(store.size(), Some(2001));
}

#[test]
fn files_copied_while_a_process_runs_are_checked_and_gone_on_with() {
    let (directory, path, _) = place();
    let (mut seeder, root, _) = seed(&path, &StoreOptions::default()).expect("a file");
    let target = directory.path().join("target");
    let copied = directory.path().join("copied");
    let mut store = leech(&target, &root).expect("new");
    store.set_size(2001).expect("it fits");
    for chunk in (0..2001).rev().step_by(2) {
        copy(&mut seeder, &mut store, chunk);
    }
    store.commit().expect("there is room");
    copy(&mut seeder, &mut store, 1);
    fs::copy(store.content_path(), &copied).expect("there is room");
    fs::copy(store.sidecar_path(), directory.path().join("copied.ppspp")).expect("there is room");
    let mut again = leech(&copied, &root).expect("its own");
    let recovery = again.recovery().expect("it was not closed");
    assert_eq!((recovery.marked, recovery.dropped), (1001, 0));
    assert_eq!(again.present(), store.present());

    // Had the content's file been cut, what is gone would be known.
    drop(again);
    let file = OpenOptions::new()
        .write(true)
        .open(&copied)
        .expect("its own");
    file.set_len(1000 * 1024 + 500).expect("its own");
    again = leech(&copied, &root).expect("its own");
    let recovery = again.recovery().expect("its length changed");
    assert_eq!((recovery.marked, recovery.dropped), (1001, 501));
}

#[test]
fn a_finished_download_whose_process_was_killed_is_checked_before_it_is_seeded() {
    let (directory, path, content) = place();
    let (mut seeder, root, _) = seed(&path, &StoreOptions::default()).expect("a file");
    let target = directory.path().join("target");
    let mut store = leech(&target, &root).expect("new");
    store.set_size(2001).expect("it fits");
    for chunk in 0..2001 {
        copy(&mut seeder, &mut store, chunk);
    }
    store.commit().expect("there is room");
    let copied = directory.path().join("copied");
    fs::copy(store.content_path(), &copied).expect("there is room");
    fs::copy(store.sidecar_path(), directory.path().join("copied.ppspp")).expect("there is room");
    let (store, again, hashed) = seed(&copied, &StoreOptions::default()).expect("all right");
    assert_eq!((again, hashed), (root, content.len() as u64));
    assert_eq!(store.recovery().map(|recovery| recovery.dropped), Some(0));
    // It is closed in order this time.
    drop(store);
    assert_eq!(
        seed(&copied, &StoreOptions::default()).expect("closed").2,
        0
    );

    let file = OpenOptions::new()
        .write(true)
        .open(&target)
        .expect("its own");
    file.write_all_at(b"damage", 9000).expect("there is room");
    fs::copy(&target, &copied).expect("there is room");
    let sidecar = directory.path().join("target.ppspp");
    fs::copy(sidecar, directory.path().join("copied.ppspp")).expect("there is room");
    let error = seed(&copied, &StoreOptions::default()).expect_err("damaged");
    assert!(error.to_string().contains("only 2000 of 2001"), "{error}");
    let (_, other, _) = seed(
        &copied,
        &StoreOptions {
            force: true,
            ..StoreOptions::default()
        },
    )
    .expect("forced");
    assert_ne!(other, root);
}

#[test]
fn one_chunk_is_content_and_nothing_is_none() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("small");
    fs::write(&path, b"Hello world!\n").expect("there is room");
    let (mut seeder, root, _) = seed(&path, &StoreOptions::default()).expect("a file");
    assert_eq!(root, function().chunk(b"Hello world!\n"));
    let target = directory.path().join("target");
    let mut store = leech(&target, &root).expect("new");
    store.set_size(1).expect("it fits");
    copy(&mut seeder, &mut store, 0);
    store.commit().expect("there is room");
    store.close().expect("there is room");
    assert_eq!(fs::read(&target).expect("its own"), b"Hello world!\n");

    let empty = directory.path().join("empty");
    fs::write(&empty, b"").expect("there is room");
    let error = seed(&empty, &StoreOptions::default()).expect_err("nothing is in it");
    assert!(
        error.to_string().contains("empty: the file is empty"),
        "{error}"
    );
}

#[test]
fn a_file_without_a_sidecar_is_not_overwritten_unless_forced() {
    let (_directory, path, content) = place();
    let root = function().chunk(b"another");
    let error = leech(&path, &root).expect_err("it exists");
    assert!(
        matches!(error, StorageError::ContentExists { .. }),
        "{error}"
    );
    assert!(fs::read(&path).expect("its own") == content);
    assert!(!path.with_file_name("seeded.ppspp").exists());
    let force = StoreOptions {
        force: true,
        ..StoreOptions::default()
    };
    FileStore::leech(&path, &root, function(), CHUNK_SIZE, &force, |_| {}).expect("forced");
    assert_eq!(fs::metadata(&path).expect("its own").len(), 0);
}

#[test]
fn the_state_of_something_else_is_refused_and_both_are_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("target");
    let (root, other) = (function().chunk(b"one"), function().chunk(b"other"));
    drop(leech(&path, &root).expect("new"));
    let options = StoreOptions::default();
    let error = leech(&path, &other).expect_err("another swarm").to_string();
    assert!(
        error.contains(&root.to_string()) && error.contains(&other.to_string()),
        "{error}"
    );
    let size = NonZeroU32::new(8192).expect("not zero");
    let error = FileStore::leech(&path, &root, function(), size, &options, |_| {});
    let error = error.expect_err("another chunk size").to_string();
    assert!(error.contains("1024") && error.contains("8192"), "{error}");
    let sha1 = TreeHash::new(HashFunction::Sha1).expect("assigned");
    let error = FileStore::leech(
        &path,
        &sha1.chunk(b"one"),
        sha1,
        CHUNK_SIZE,
        &options,
        |_| {},
    );
    let error = error.expect_err("another function").to_string();
    assert!(
        error.contains("SHA-256") && error.contains("SHA-1") || error.contains("sha256"),
        "{error}"
    );
    let error = FileStore::leech(&path, &root, sha1, CHUNK_SIZE, &options, |_| {});
    assert!(matches!(error, Err(StorageError::NotARoot { .. })));
    let error = seed(&path, &options).expect_err("nothing is there");
    assert!(matches!(error, StorageError::Empty { .. }), "{error}");
}

#[test]
fn what_is_incomplete_is_not_seeded() {
    let (directory, path, _) = place();
    let (mut seeder, root, _) = seed(&path, &StoreOptions::default()).expect("a file");
    let target = directory.path().join("target");
    let mut store = leech(&target, &root).expect("new");
    store.set_size(2001).expect("it fits");
    copy(&mut seeder, &mut store, 5);
    store.commit().expect("there is room");
    drop(store);
    let error = seed(&target, &StoreOptions::default())
        .expect_err("incomplete")
        .to_string();
    assert!(error.contains("only 1 of 2001 chunks"), "{error}");
    // And nothing of it is lost by that.
    assert!(
        leech(&target, &root)
            .expect("its own")
            .present()
            .contains(&5)
    );
    // Nor when its content is away for a while.
    let away = directory.path().join("away");
    fs::rename(&target, &away).expect("its own");
    let error = leech(&target, &root).expect_err("it is gone");
    assert!(
        matches!(error, StorageError::ContentMissing { .. }),
        "{error}"
    );
    fs::rename(&away, &target).expect("its own");
    assert!(
        leech(&target, &root)
            .expect("its own")
            .present()
            .contains(&5)
    );
}

#[test]
fn two_may_seed_and_only_one_may_download() {
    let (directory, path, _) = place();
    let (_one, root, _) = seed(&path, &StoreOptions::default()).expect("a file");
    let (_two, _, hashed) = seed(&path, &StoreOptions::default()).expect("shared");
    assert_eq!(hashed, 0);
    let error = leech(&path, &root).expect_err("it is seeded");
    assert!(matches!(error, StorageError::InUse { .. }), "{error}");
    let target = directory.path().join("target");
    let _store = leech(&target, &root).expect("new");
    let error = leech(&target, &root).expect_err("in use");
    assert!(matches!(error, StorageError::InUse { .. }), "{error}");
}

#[test]
fn a_damaged_or_foreign_sidecar_is_refused_and_stays_as_it_is() {
    let (_directory, path, _) = place();
    let (store, root, _) = seed(&path, &StoreOptions::default()).expect("a file");
    let sidecar = store.sidecar_path().to_owned();
    drop(store);
    let good = fs::read(&sidecar).expect("its own");
    for length in [1, 100, 500] {
        fs::write(&sidecar, &good[..length]).expect("there is room");
        let error = leech(&path, &root).expect_err("cut in its head");
        assert!(matches!(error, StorageError::Unreadable { .. }), "{error}");
        assert!(seed(&path, &StoreOptions::default()).is_err());
        assert_eq!(
            fs::metadata(&sidecar).expect("its own").len(),
            length as u64
        );
    }
    fs::write(&sidecar, b"My diary").expect("there is room");
    let error = leech(&path, &root).expect_err("no sidecar").to_string();
    assert!(error.contains("no state file"), "{error}");
    // Cut behind its head it is repaired: here from the chunks alone.
    fs::write(&sidecar, &good[..8192 + 4096 + 99]).expect("there is room");
    let store = leech(&path, &root).expect("its marks are there");
    assert!(store.is_complete());
    drop(store);
    assert_eq!(
        seed(&path, &StoreOptions::default()).expect("repaired").2,
        0
    );
}

#[test]
fn a_directory_that_can_not_be_written_asks_for_a_state_directory() {
    let (directory, path, _) = place();
    let closed = fs::Permissions::from_mode(0o555);
    fs::set_permissions(directory.path(), closed).expect("its own");
    let probe = fs::write(directory.path().join("probe"), b"");
    let result = seed(&path, &StoreOptions::default());
    if probe.is_err() {
        let error = result.expect_err("it is read-only").to_string();
        assert!(error.contains("--state-dir"), "{error}");
    }
    let state = tempfile::tempdir().expect("a directory");
    let options = StoreOptions {
        state_directory: Some(state.path().to_owned()),
        sync: SyncPolicy::EachCommit,
        force: false,
    };
    let (store, ..) = seed(&path, &options).expect("the state goes elsewhere");
    assert_eq!(store.sidecar_path(), state.path().join("seeded.ppspp"));
    let options = StoreOptions {
        state_directory: Some(state.path().join("missing")),
        ..StoreOptions::default()
    };
    let error = seed(&path, &options)
        .expect_err("no such directory")
        .to_string();
    assert!(error.contains("--state-dir"), "{error}");
    let open = fs::Permissions::from_mode(0o755);
    fs::set_permissions(directory.path(), open).expect("its own");
}
