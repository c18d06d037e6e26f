//! What hashing chunks costs: one after the other, and as the program does it.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ppsp_inspect::hashing::hash_chunks;
use ppspp_dissector::integrity::TreeHash;
use ppspp_dissector::wire::HashFunction;

const CHUNKS: usize = 64;

fn hashing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hash 64 chunks");
    for function in [
        HashFunction::Sha1,
        HashFunction::Sha256,
        HashFunction::Sha512,
    ] {
        let Some(function) = TreeHash::new(function) else {
            continue;
        };
        let name = function.function().name().unwrap_or("?");
        for size in [1024, 8192] {
            let content: Vec<u8> = (0..CHUNKS * size).map(|i| (i * 31 % 251) as u8).collect();
            let chunks = || content.chunks(size).map(|chunk| (function, chunk));
            group.throughput(Throughput::Bytes(content.len() as u64));
            group.bench_function(format!("{name}, {size} bytes, one by one"), |bencher| {
                bencher.iter(|| {
                    for (function, chunk) in chunks() {
                        black_box(function.chunk(black_box(chunk)));
                    }
                });
            });
            group.bench_function(format!("{name}, {size} bytes, as here"), |bencher| {
                bencher.iter(|| {
                    hash_chunks(black_box(chunks()), |hash| {
                        black_box(hash);
                    });
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, hashing);
criterion_main!(benches);
