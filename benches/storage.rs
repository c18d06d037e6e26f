//! What keeping chunks costs: written and committed 64 at a time with two
//! hashes each, and read again.

use std::hint::black_box;
use std::num::NonZeroU32;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use ppsp_inspect::peer::engine::Store;
use ppsp_inspect::peer::storage::{FileStore, MemoryStore, StoreOptions};
use ppspp_dissector::integrity::{Hash, TreeHash};
use ppspp_dissector::wire::{Bin, HashFunction};

const CHUNK_SIZE: NonZeroU32 = NonZeroU32::new(1024).expect("not zero");
/// Chunks of a measurement: 16 MiB.
const CHUNKS: u64 = 16 * 1024;
/// Chunks from one commit to the next.
const COMMIT: u64 = 64;

/// Writes all chunks with their hashes.
fn fill(store: &mut dyn Store, chunk: &[u8], hash: &Hash) {
    for number in 0..CHUNKS {
        let leaf = Bin::leaf(number).expect("few");
        store.put_hash(leaf, hash).expect("it fits");
        let parent = Bin::new(number * 2 + 1).expect("few");
        store.put_hash(parent, hash).expect("it fits");
        store.write(number, chunk).expect("it fits");
        if (number + 1) % COMMIT == 0 {
            store.commit().expect("there is room");
        }
    }
}

/// Reads all chunks.
fn read(store: &mut dyn Store, buffer: &mut Vec<u8>) {
    for number in 0..CHUNKS {
        buffer.clear();
        store.read(number, buffer).expect("it is there");
        black_box(&buffer);
    }
}

fn storage(criterion: &mut Criterion) {
    let function = TreeHash::new(HashFunction::Sha256).expect("assigned");
    let chunk = [7; 1024];
    let hash = function.chunk(&chunk);
    let directory = tempfile::tempdir().expect("a directory");
    let open = |name: &str| {
        let path = directory.path().join(name);
        let options = StoreOptions {
            force: true,
            ..StoreOptions::default()
        };
        // Whatever was there before begins anew.
        let _ = std::fs::remove_file(options.sidecar_path(&path));
        let mut store = FileStore::leech(&path, &hash, function, CHUNK_SIZE, &options, |_| {})
            .expect("it can be created");
        store.set_size(CHUNKS).expect("it fits");
        store
    };
    let mut group = criterion.benchmark_group("store");
    group.throughput(Throughput::Elements(CHUNKS));
    group.sample_size(20);
    group.bench_function("write, memory", |bencher| {
        bencher.iter_batched(
            || MemoryStore::new(CHUNK_SIZE),
            |mut store| fill(&mut store, &chunk, &hash),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("write, file", |bencher| {
        bencher.iter_batched_ref(
            || open("written"),
            |store| fill(store, &chunk, &hash),
            BatchSize::PerIteration,
        );
    });
    let mut buffer = Vec::new();
    let mut store = open("read");
    fill(&mut store, &chunk, &hash);
    group.bench_function("read, file", |bencher| {
        bencher.iter(|| read(&mut store, &mut buffer));
    });
    group.finish();
}

criterion_group!(benches, storage);
criterion_main!(benches);
