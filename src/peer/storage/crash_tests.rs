//! Both stores behave alike, and the file store keeps its promises when it is
//! stopped anywhere.

use std::io;
use std::num::NonZeroU32;

use ppspp_dissector::integrity::{Hash, Peak, TreeHash, peak_ranges};
use ppspp_dissector::wire::{Bin, HashFunction};
use proptest::prelude::*;

use super::error::StorageError;
use super::file::{FileStore, root_bin};
use super::memory::MemoryStore;
use super::open::{begin, new_header, usable};
use super::options::{StoreOptions, SyncPolicy};
use super::simulated::{CONTENT, Computer, SIDECAR};
use crate::peer::engine::Store;

const CHUNK_SIZE: NonZeroU32 = NonZeroU32::new(600).expect("not zero");

/// Content, and a store that has all of it.
struct Whole {
    bytes: Vec<u8>,
    store: MemoryStore,
    root: Hash,
    chunks: u64,
}

fn function() -> TreeHash {
    TreeHash::new(HashFunction::Sha1).expect("assigned")
}

impl Whole {
    fn new(chunks: u64, last: usize) -> Self {
        let length = (chunks - 1) as usize * 600 + last;
        let bytes: Vec<u8> = (0..length)
            .map(|i| (i * 31 % 251 + i / 600) as u8)
            .collect();
        let (store, root) =
            MemoryStore::of_content(function(), CHUNK_SIZE, &bytes).expect("not empty");
        Self {
            bytes,
            store,
            root,
            chunks,
        }
    }

    fn hash(&mut self, node: Bin) -> Hash {
        let hash = self.store.hash(node).expect("in memory");
        hash.unwrap_or(function().empty())
    }

    fn chunk(&mut self, chunk: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.store.read(chunk, &mut bytes).expect("all are there");
        bytes
    }

    /// All nodes of the tree.
    fn bins(&self) -> impl Iterator<Item = Bin> + use<> {
        (0..2 * self.chunks.next_power_of_two() - 1).filter_map(Bin::new)
    }

    /// Gives a store the peaks and what is above them, as the engine does.
    fn introduce(&mut self, store: &mut dyn Store) -> Result<(), Box<dyn std::error::Error>> {
        store.set_size(self.chunks)?;
        let mut peaks = Vec::new();
        for chunks in peak_ranges(self.chunks) {
            let bin = Bin::covering(chunks).ok_or("a peak")?;
            let hash = self.hash(bin);
            peaks.push(Peak { chunks, hash });
            store.put_hash(bin, &hash)?;
        }
        let mut above = Vec::new();
        ppspp_dissector::integrity::root_above(function(), &peaks, |bin, hash| {
            above.push((bin, hash));
        });
        for (bin, hash) in above {
            store.put_hash(bin, &hash)?;
        }
        Ok(())
    }

    /// Gives a store a chunk and the hashes that prove it.
    fn give(
        &mut self,
        store: &mut dyn Store,
        chunk: u64,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let mut node = Bin::leaf(chunk).ok_or("a leaf")?;
        while store.hash(node)?.is_none() {
            let sibling = node.sibling().ok_or("below the root")?;
            store.put_hash(node, &self.hash(node))?;
            store.put_hash(sibling, &self.hash(sibling))?;
            node = node.parent().ok_or("below the root")?;
        }
        store.write(chunk, &self.chunk(chunk))?;
        Ok(())
    }

    /// Whether everything that a store has is right.
    fn check(&mut self, store: &mut FileStore) {
        let present: Vec<u64> = store.present().iter().cloned().flatten().collect();
        for chunk in present {
            let mut bytes = Vec::new();
            store.read(chunk, &mut bytes).expect("it is marked");
            assert_eq!(bytes, self.chunk(chunk), "chunk {chunk}");
        }
        for bin in self.bins() {
            if let Some(hash) = store.hash(bin).expect("it can be read") {
                assert_eq!(hash, self.hash(bin), "{bin:?}");
            }
        }
    }
}

fn open(computer: &Computer, root: Hash, sync: SyncPolicy) -> Result<FileStore, StorageError> {
    let options = StoreOptions {
        sync,
        ..StoreOptions::default()
    };
    let new = new_header(function(), Some(root), CHUNK_SIZE);
    let sidecar = computer.disk(SIDECAR);
    let header = match usable(&sidecar, &new, false)? {
        Some(header) => header,
        None => begin(&sidecar, new)?,
    };
    let content = computer.disk(CONTENT);
    FileStore::of_disks(content, sidecar, header, root, &options, &mut |_| {})
}

/// What happens to a store.
#[derive(Clone, Debug)]
enum Event {
    Give(u64),
    Commit,
    Close,
    Kill,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        12 => (0u64..80).prop_map(Event::Give),
        4 => Just(Event::Commit),
        1 => Just(Event::Close),
        1 => Just(Event::Kill),
    ];
    prop::collection::vec(event, 1..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_file_store_has_what_a_memory_store_has_however_often_it_is_killed(
        chunks in 1u64..70,
        last in 1usize..=600,
        events in events(),
    ) {
        let mut whole = Whole::new(chunks, last);
        let computer = Computer::default();
        let mut file = open(&computer, whole.root, SyncPolicy::Never).expect("new");
        let mut model = MemoryStore::new(CHUNK_SIZE);
        let (mut committed, mut given) = (Vec::new(), Vec::new());
        whole.introduce(&mut file).expect("nothing fails");
        whole.introduce(&mut model).expect("nothing fails");
        for event in events {
            match event {
                Event::Give(chunk) => {
                    let chunk = chunk % chunks;
                    whole.give(&mut file, chunk).expect("nothing fails");
                    whole.give(&mut model, chunk).expect("nothing fails");
                    given.push(chunk);
                }
                Event::Commit => {
                    file.commit().expect("nothing fails");
                    model.commit().expect("nothing fails");
                    committed.append(&mut given);
                }
                Event::Close | Event::Kill => {
                    if matches!(event, Event::Close) {
                        file.close().expect("nothing fails");
                    } else {
                        file.abandon();
                    }
                    file = open(&computer, whole.root, SyncPolicy::Never).expect("its own");
                    given.clear();
                    model = MemoryStore::new(CHUNK_SIZE);
                    for store in [&mut file as &mut dyn Store, &mut model] {
                        whole.introduce(store).expect("nothing fails");
                    }
                    for chunk in &committed {
                        whole.give(&mut model, *chunk).expect("nothing fails");
                    }
                    model.commit().expect("nothing fails");
                }
            }
            prop_assert_eq!(file.present(), model.present());
            for bin in whole.bins() {
                let kept = file.hash(bin).expect("it can be read");
                prop_assert_eq!(kept, model.hash(bin).expect("in memory"), "{:?}", bin);
            }
        }
        whole.check(&mut file);
        if file.is_complete() {
            prop_assert_eq!(computer.bytes(CONTENT), whole.bytes);
        }
    }

    #[test]
    fn after_a_loss_of_power_only_what_is_there_is_marked(
        chunks in 1u64..70,
        last in 1usize..=600,
        order in prop::collection::vec((0u64..70, any::<bool>()), 1..70),
        policy in 0..3,
        seed in any::<u64>(),
        steps in 0u64..120,
    ) {
        let sync = match policy {
            0 => SyncPolicy::Never,
            1 => SyncPolicy::Interval { bytes: 3000 },
            _ => SyncPolicy::EachCommit,
        };
        let mut whole = Whole::new(chunks, last);
        let computer = Computer::default();
        let mut store = open(&computer, whole.root, sync).expect("new");
        whole.introduce(&mut store).expect("nothing fails");
        computer.fail_after(steps, io::ErrorKind::Other);
        let (mut committed, mut given) = (Vec::new(), Vec::new());
        for (chunk, commits) in order {
            let chunk = chunk % chunks;
            whole.give(&mut store, chunk).expect("only commits write");
            given.push(chunk);
            if commits {
                if store.commit().is_err() {
                    break;
                }
                committed.append(&mut given);
            }
        }
        store.abandon();
        computer.recover();
        let mut random = seed | 1;
        computer.lose_power(|| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random & 1 == 0
        });
        let mut store = open(&computer, whole.root, sync).expect("its own");
        whole.check(&mut store);
        if sync == SyncPolicy::EachCommit {
            for chunk in committed {
                prop_assert!(store.present().contains(&chunk), "{}", chunk);
            }
        }
    }

    #[test]
    fn whatever_is_damaged_in_the_files_of_a_store_is_dropped(
        chunks in 1u64..70,
        have in prop::collection::vec(0u64..70, 0..70),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        cut in prop::option::of(any::<prop::sample::Index>()),
        file in 0usize..2,
    ) {
        let mut whole = Whole::new(chunks, 599);
        let computer = Computer::default();
        let mut store = open(&computer, whole.root, SyncPolicy::Never).expect("new");
        whole.introduce(&mut store).expect("nothing fails");
        for chunk in have {
            whole.give(&mut store, chunk % chunks).expect("nothing fails");
        }
        store.commit().expect("nothing fails");
        store.abandon();
        computer.tamper(file, |bytes| {
            // The heads have checksums, and tests of their own.
            let first = if file == SIDECAR { 8192 } else { 0 };
            let Some(body) = bytes.get_mut(first..).filter(|body| !body.is_empty()) else {
                return;
            };
            for (at, value) in damage {
                body[at.index(body.len())] = value;
            }
            if let Some(cut) = cut {
                let length = first + cut.index(body.len());
                bytes.truncate(length);
            }
        });
        let mut store = open(&computer, whole.root, SyncPolicy::Never).expect("its own");
        whole.check(&mut store);
        // And it can be gone on with.
        whole.introduce(&mut store).expect("nothing fails");
        for chunk in 0..chunks {
            whole.give(&mut store, chunk).expect("nothing fails");
        }
        store.commit().expect("nothing fails");
        whole.check(&mut store);
        prop_assert!(store.is_complete());
        prop_assert_eq!(computer.bytes(CONTENT), whole.bytes);
    }
}

#[test]
fn a_commit_may_be_stopped_after_any_of_its_writes() {
    for sync in [SyncPolicy::Never, SyncPolicy::EachCommit] {
        for stop in 0.. {
            let mut whole = Whole::new(21, 123);
            let computer = Computer::default();
            let mut store = open(&computer, whole.root, sync).expect("new");
            whole.introduce(&mut store).expect("nothing fails");
            for chunk in [0, 1, 2, 9] {
                whole.give(&mut store, chunk).expect("nothing fails");
            }
            store.commit().expect("nothing fails");
            store.close().expect("nothing fails");

            let mut store = open(&computer, whole.root, sync).expect("its own");
            assert_eq!(store.recovery(), None);
            let before = computer.steps();
            computer.fail_after(stop, io::ErrorKind::StorageFull);
            for chunk in [20, 3, 4, 15, 5] {
                whole.give(&mut store, chunk).expect("only commits write");
            }
            let result = store.commit();
            let steps = computer.steps() - before;
            store.abandon();
            computer.recover();
            let mut store = open(&computer, whole.root, sync).expect("its own");
            whole.check(&mut store);
            for chunk in [0, 1, 2, 9] {
                assert!(store.present().contains(&chunk), "after {stop} writes");
            }
            if result.is_ok() {
                assert!(stop >= steps && steps >= 6, "{steps} steps");
                for chunk in [3, 4, 5, 15, 20] {
                    assert!(store.present().contains(&chunk));
                }
                break;
            }
        }
    }
}

#[test]
fn a_full_disk_loses_nothing_that_was_committed_and_writing_goes_on_later() {
    let mut whole = Whole::new(9, 1);
    let computer = Computer::default();
    let mut store = open(&computer, whole.root, SyncPolicy::Never).expect("new");
    whole.introduce(&mut store).expect("nothing fails");
    whole.give(&mut store, 3).expect("nothing fails");
    store.commit().expect("nothing fails");
    computer.fail_after(0, io::ErrorKind::StorageFull);
    whole.give(&mut store, 4).expect("only commits write");
    let error = store.commit().expect_err("the disk is full").to_string();
    assert!(
        error.contains("content: writing") && error.contains("free some space"),
        "{error}"
    );
    assert_eq!(store.present().iter().collect::<Vec<_>>(), [&(3..=3)]);
    whole.check(&mut store);
    computer.recover();
    for chunk in 0..9 {
        whole.give(&mut store, chunk).expect("nothing fails");
    }
    store.commit().expect("there is room again");
    assert!(store.is_complete());
    whole.check(&mut store);
    assert_eq!(computer.bytes(CONTENT), whole.bytes);
}

#[test]
fn hashes_that_are_gone_are_made_from_the_chunks_again() {
    let mut whole = Whole::new(37, 600);
    let computer = Computer::default();
    let mut store = open(&computer, whole.root, SyncPolicy::Never).expect("new");
    whole.introduce(&mut store).expect("nothing fails");
    for chunk in 0..37 {
        whole.give(&mut store, chunk).expect("nothing fails");
    }
    store.commit().expect("nothing fails");
    store.abandon();
    computer.tamper(SIDECAR, |bytes| bytes[8192 + 4096..].fill(0));
    let mut store = open(&computer, whole.root, SyncPolicy::Never).expect("its own");
    assert!(store.is_complete(), "{:?}", store.recovery());
    whole.check(&mut store);
    for bin in 0..37 {
        let leaf = Bin::leaf(bin).expect("a leaf");
        assert!(store.hash(leaf).expect("it can be read").is_some());
    }
    let root = root_bin(37).expect("a tree");
    assert_eq!(store.hash(root).expect("known"), Some(whole.root));
}

#[test]
fn a_store_that_was_closed_in_order_is_not_checked_unless_its_content_changed() {
    let mut whole = Whole::new(5, 600);
    let computer = Computer::default();
    let mut store = open(&computer, whole.root, SyncPolicy::Never).expect("new");
    whole.introduce(&mut store).expect("nothing fails");
    for chunk in 0..5 {
        whole.give(&mut store, chunk).expect("nothing fails");
    }
    store.commit().expect("nothing fails");
    drop(store);
    let store = open(&computer, whole.root, SyncPolicy::Never).expect("its own");
    assert_eq!(store.recovery(), None);
    drop(store);
    computer.tamper(CONTENT, |bytes| bytes[700] ^= 1);
    let mut store = open(&computer, whole.root, SyncPolicy::Never).expect("its own");
    let recovery = store.recovery().expect("it was checked");
    assert_eq!((recovery.marked, recovery.dropped), (5, 1));
    whole.check(&mut store);
}

#[test]
fn a_size_may_turn_out_to_be_smaller_and_not_larger() {
    let mut whole = Whole::new(5, 600);
    let computer = Computer::default();
    let mut store = open(&computer, whole.root, SyncPolicy::Never).expect("new");
    store
        .set_size(1 << 40)
        .expect("the root hash alone promises much");
    let top = root_bin(1 << 40).expect("a tree");
    store.put_hash(top, &whole.root).expect("it takes no room");
    whole.introduce(&mut store).expect("nothing fails");
    assert!(store.set_size(6).is_err());
    whole.give(&mut store, 4).expect("nothing fails");
    store.commit().expect("nothing fails");
    assert!(store.set_size(4).is_err());
    assert!(computer.bytes(SIDECAR).len() < 1 << 20);
}

#[test]
fn a_chunk_that_turns_out_to_be_the_last_can_be_read() {
    let mut whole = Whole::new(5, 600);
    let computer = Computer::default();
    let mut store = open(&computer, whole.root, SyncPolicy::Never).expect("new");
    store.set_size(8).expect("so it seems");
    for chunk in 0..5 {
        whole.give(&mut store, chunk).expect("nothing fails");
    }
    store.commit().expect("nothing fails");
    store.set_size(5).expect("fewer");
    assert!(store.is_complete());
    assert_eq!(store.content_length(), Some(3000));
    whole.check(&mut store);
    store.abandon();
    let mut store = open(&computer, whole.root, SyncPolicy::Never).expect("its own");
    assert!(store.is_complete());
    whole.check(&mut store);
}

#[test]
fn a_head_that_was_cut_off_leaves_the_one_before() {
    let mut whole = Whole::new(5, 600);
    let computer = Computer::default();
    let mut store = open(&computer, whole.root, SyncPolicy::Never).expect("new");
    whole.introduce(&mut store).expect("nothing fails");
    whole.give(&mut store, 1).expect("nothing fails");
    store.commit().expect("nothing fails");
    drop(store);
    let sidecar = computer.bytes(SIDECAR);
    for head in [0, 4096] {
        computer.tamper(SIDECAR, |bytes| bytes[head + 20] ^= 1);
        let mut store = open(&computer, whole.root, SyncPolicy::Never).expect("its own");
        whole.check(&mut store);
        store.abandon();
        computer.tamper(SIDECAR, |bytes| bytes.clone_from(&sidecar));
    }
    computer.tamper(SIDECAR, |bytes| {
        bytes[20] ^= 1;
        bytes[4096 + 20] ^= 1;
    });
    let error = open(&computer, whole.root, SyncPolicy::Never).expect_err("no head is left");
    assert!(
        matches!(
            error,
            StorageError::Unreadable {
                is_damaged: true,
                ..
            }
        ),
        "{error}"
    );
    computer.tamper(SIDECAR, |bytes| {
        bytes[8..12].copy_from_slice(&9u32.to_be_bytes());
    });
    let error = open(&computer, whole.root, SyncPolicy::Never).expect_err("it is newer");
    assert!(error.to_string().contains("newer version"), "{error}");
}
