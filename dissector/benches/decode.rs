//! Decoding of typical datagrams: what one core can read.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ppspp_dissector::wire::{
    ChannelId, ChunkAddressing, ChunkSize, ChunkSpec, ContentIntegrity, Handshake, HashFunction,
    Layout, Message, ProtocolOption, Reader, encode_datagram,
};

const LAYOUT: Layout = Layout {
    chunk_size: ChunkSize::Fixed(1024),
    ..Layout::RFC
};

static CHUNK: [u8; 1024] = [0x5a; 1024];
static HASH: [u8; 32] = [0xa5; 32];

fn spec(start: u32, end: u32) -> ChunkSpec {
    ChunkSpec::Chunk32 { start, end }
}

fn data() -> Message<'static> {
    Message::Data {
        spec: spec(12, 12),
        timestamp: Some(1_795_322_041_123_456),
        data: &CHUNK,
        data_length: CHUNK.len(),
    }
}

/// The datagrams, by name.
fn datagrams() -> Vec<(&'static str, Vec<Message<'static>>)> {
    let mut with_hashes: Vec<_> = (0..5)
        .rev()
        .map(|layer| Message::Integrity {
            spec: spec(1 << layer, (2 << layer) - 1),
            hash: &HASH,
        })
        .collect();
    with_hashes.push(data());
    let acknowledgement = vec![
        Message::Have(spec(0, 12)),
        Message::Ack {
            spec: spec(0, 12),
            delay: 11_700,
        },
    ];
    let handshake = vec![Message::Handshake(Handshake {
        source_channel: ChannelId(0x5fc0_91e7),
        options: vec![
            ProtocolOption::Version(1),
            ProtocolOption::MinimumVersion(1),
            ProtocolOption::SwarmId(&HASH),
            ProtocolOption::ContentIntegrity(ContentIntegrity::Merkle),
            ProtocolOption::HashFunction(HashFunction::Sha256),
            ProtocolOption::ChunkAddressing(ChunkAddressing::Chunk32),
            ProtocolOption::ChunkSize(1024),
        ],
        has_end: true,
    })];
    vec![
        ("DATA", vec![data()]),
        ("INTEGRITY x5, DATA", with_hashes),
        ("HAVE, ACK", acknowledgement),
        ("HANDSHAKE", handshake),
    ]
}

/// Reads a datagram as a session does: message by message, nothing collected.
fn read(payload: &[u8], layout: &Layout) -> usize {
    let Ok((_, mut reader)) = Reader::new(payload, payload.len()) else {
        return 0;
    };
    let mut messages = 0;
    while let Some(Ok(located)) = reader.next(layout) {
        black_box(&located);
        messages += 1;
    }
    messages
}

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(1));
    for (name, messages) in datagrams() {
        let mut payload = Vec::new();
        encode_datagram(ChannelId(1), &messages, &LAYOUT, &mut payload)
            .expect("the messages fit the layout");
        assert_eq!(read(&payload, &LAYOUT), messages.len());
        group.bench_function(name, |bencher| {
            bencher.iter(|| read(black_box(&payload), black_box(&LAYOUT)));
        });
    }
    group.finish();
}

fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode");
    group.throughput(Throughput::Elements(1));
    for (name, messages) in datagrams() {
        let mut out = Vec::with_capacity(2048);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                out.clear();
                encode_datagram(ChannelId(1), black_box(&messages), &LAYOUT, &mut out)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, decode, encode);
criterion_main!(benches);
