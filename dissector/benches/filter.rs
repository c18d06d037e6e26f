//! How fast filters are read, and how fast they decide about a datagram.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ppspp_dissector::fields::{Frame, HeadValues, RecordValues};
use ppspp_dissector::filter::{Filter, complete};
use ppspp_dissector::session::{Analyzer, Datagram, Time, Transport};
use ppspp_dissector::wire::{ChannelId, ChunkSpec, Layout, Located, Message, encode_datagram};

const FILTERS: [(&str, &str); 5] = [
    ("port", "udp.port == 1"),
    (
        "network and ports",
        "ip.addr == 10.0.0.0/8 && udp.port in {6778, 7000..7010}",
    ),
    (
        "type and chunk",
        r#"ppspp.msg.type == "DATA" && ppspp.chunk.start >= 10"#,
    ),
    (
        "one message",
        r#"message(ppspp.msg.type == "DATA" && ppspp.integrity == "failed")"#,
    ),
    ("pattern", r#"ppspp.finding.id matches "^handshake\.""#),
];

/// Five INTEGRITY and a DATA, between two addresses.
fn payload() -> Vec<u8> {
    let (hash, data) = ([7; 32], [9; 1024]);
    let spec = |chunk| ChunkSpec::Chunk32 {
        start: chunk,
        end: chunk,
    };
    let hashes = (1..6).map(|chunk| Message::Integrity {
        spec: spec(chunk),
        hash: &hash,
    });
    let chunk = Message::Data {
        spec: spec(0),
        timestamp: Some(1),
        data: &data,
        data_length: data.len(),
    };
    let messages: Vec<Message<'_>> = hashes.chain([chunk]).collect();
    let mut bytes = Vec::new();
    encode_datagram(ChannelId(0xfc78_9664), &messages, &Layout::RFC, &mut bytes)
        .expect("a datagram");
    bytes
}

fn deciding(criterion: &mut Criterion) {
    let payload = payload();
    let datagram = Datagram {
        frame: 1,
        time: Some(Time::from_nanoseconds(1)),
        source: "192.0.2.1:6778".parse().expect("an address"),
        destination: "192.0.2.2:6779".parse().expect("an address"),
        transport: Transport::Udp,
        payload: &payload,
        wire_length: payload.len(),
        fragments: 1,
    };
    let mut analyzer = Analyzer::new(ppspp_dissector::session::Config {
        ports: [6778].into(),
        ..Default::default()
    });
    let mut messages: Vec<Located<'_>> = Vec::new();
    let record = analyzer
        .datagram(&datagram, &mut messages)
        .expect("it is PPSPP");
    assert_eq!(record.messages.len(), 6);
    for (name, text) in FILTERS {
        let filter = Filter::parse(text).expect("a filter");
        criterion.bench_function(&format!("decide by the head: {name}"), |bencher| {
            bencher.iter(|| {
                let values = HeadValues::new(black_box(&datagram), Frame::default());
                filter.decide(&values)
            });
        });
        criterion.bench_function(&format!("decide: {name}"), |bencher| {
            bencher.iter(|| {
                let values = RecordValues::new(black_box(&datagram), &record, Frame::default());
                filter.matches(&values)
            });
        });
    }
}

fn reading(criterion: &mut Criterion) {
    for (name, text) in FILTERS {
        criterion.bench_function(&format!("parse: {name}"), |bencher| {
            bencher.iter(|| Filter::parse(black_box(text)));
        });
    }
    criterion.bench_function("parse: a misspelt name", |bencher| {
        bencher.iter(|| Filter::parse(black_box("ppspp.mgs.type == \"DATA\"")));
    });
    criterion.bench_function("complete", |bencher| {
        bencher.iter(|| complete(black_box("udp && ppspp.chunk"), 18));
    });
}

criterion_group!(benches, deciding, reading);
criterion_main!(benches);
