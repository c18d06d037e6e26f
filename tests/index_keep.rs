//! A store of a capture that goes on and on: what it takes has an end, what it
//! keeps is right, and it stands still or begins anew when it is asked to.

mod support;

use std::io::{Cursor, PipeWriter, Write as _};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use ppsp_inspect::capture::Capture;
use ppsp_inspect::index::{Keep, Reader, Store};
use ppsp_inspect::pipeline::{self, Manner};
use ppspp_dissector::finding::FindingId;
use ppspp_dissector::session::{Config, Datagram, Record};
use support::samples::sample;

/// Bytes of a pcap file's header, and of a packet's.
const FILE_HEADER: usize = 24;
const PACKET_HEADER: usize = 16;

fn config() -> Config {
    Config {
        verify: true,
        ..Config::default()
    }
}

fn manner(at_once: bool) -> Manner {
    Manner {
        quiet: true,
        at_once,
        ..Manner::default()
    }
}

/// The header of a sample capture, and its packets.
fn parts(name: &str) -> (Vec<u8>, Vec<u8>) {
    let mut bytes = std::fs::read(sample(name)).expect("a capture");
    let packets = bytes.split_off(FILE_HEADER);
    (bytes, packets)
}

/// The first so many packets of those.
fn first(packets: &[u8], count: usize) -> usize {
    (0..count).fold(0, |at, _| {
        let length = packets[at + 8..at + 12].try_into().expect("four bytes");
        at + PACKET_HEADER + u32::from_le_bytes(length) as usize
    })
}

/// A capture of some thousand datagrams, with findings and failures in it.
fn long() -> Vec<u8> {
    let (mut bytes, packets) = parts("deviations");
    for _ in 0..250 {
        bytes.extend_from_slice(&packets);
    }
    bytes
}

fn capture(bytes: Vec<u8>) -> Capture {
    Capture::from_reader("a stream", Cursor::new(bytes)).expect("a capture")
}

fn told(datagram: &Datagram<'_>, record: &Record<'_, '_>) -> String {
    format!(
        "{datagram:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        record.channel_index,
        record.sender,
        record.layout,
        record.messages,
        record.fault,
        record.findings,
    )
}

fn expected() -> Vec<String> {
    let mut all = Vec::new();
    pipeline::run_opened(
        capture(long()),
        config(),
        manner(false),
        |datagram, record, _| {
            all.push(told(datagram, record));
            Ok(ControlFlow::Continue(()))
        },
    )
    .expect("a capture");
    all
}

#[track_caller]
fn assert_kept_rows_are_right(store: &Store, expected: &[String]) {
    let analyzer = store.analyzer();
    for mut reader in [Reader::new(store), Reader::sequential(store)] {
        for (row, expected) in expected.iter().enumerate() {
            let found = reader.row(&analyzer, row, |item, record| {
                assert!(!item.is_lost, "row {row}");
                assert_eq!(item.datagram.frame, row as u64 + 1);
                told(&item.datagram, record)
            });
            assert_eq!(
                found.as_deref(),
                (row >= store.first()).then_some(expected.as_str()),
                "row {row}"
            );
        }
    }
}

#[test]
fn the_newest_datagrams_are_kept_and_all_others_let_go() {
    let expected = expected();
    assert_eq!(expected.len(), 10_000);
    for (at_once, datagrams) in [(true, 1), (true, 777), (false, 5000), (true, 20_000)] {
        let keep = Keep {
            datagrams,
            ..Keep::ALL
        };
        let name = "a stream".to_owned();
        let manner = manner(at_once);
        let mut store =
            Store::open_capture(capture(long()), name, config(), manner, keep).expect("a store");
        store.wait();
        assert_eq!(store.status().faults, Vec::<String>::new());
        let gone = expected.len().saturating_sub(datagrams as usize);
        assert_eq!((store.len(), store.first()), (expected.len(), gone));
        assert_eq!(store.let_go(), gone);
        let (rows, ..) = store.room();
        assert!(rows <= (datagrams as usize).next_multiple_of(4096) + 4096);
        assert_kept_rows_are_right(&store, &expected);
        let mut numbers = Vec::new();
        store.each_from(0, |number, _| {
            numbers.push(number);
            true
        });
        assert_eq!(numbers, (gone..expected.len()).collect::<Vec<_>>());
        // What is counted, is counted of all.
        assert_eq!(store.analyzer().totals().datagrams, 10_000);
        let series = store.series();
        let counted: u64 = series.buckets().iter().map(|one| one.datagrams).sum();
        assert_eq!(counted, 10_000);
    }
}

#[test]
fn the_disk_that_is_taken_has_an_end() {
    let expected = expected();
    let keep = Keep {
        bytes: 1 << 20,
        ..Keep::ALL
    };
    let name = "a stream".to_owned();
    let mut store =
        Store::open_capture(capture(long()), name, config(), manner(true), keep).expect("a store");
    while !store.status().done {
        let (_, bytes, files) = store.room();
        assert!(bytes <= 1 << 20, "{bytes} bytes");
        assert!(files <= 17, "{files} files");
        std::thread::sleep(Duration::from_millis(1));
    }
    store.wait();
    let (_, bytes, _) = store.room();
    assert!((900_000..=1 << 20).contains(&bytes), "{bytes} are kept");
    assert!((1000..9000).contains(&store.first()), "{}", store.first());
    assert_kept_rows_are_right(&store, &expected);
}

#[test]
fn findings_are_found_in_what_is_kept() {
    let keep = Keep {
        datagrams: 100,
        ..Keep::ALL
    };
    let name = "a stream".to_owned();
    let mut store =
        Store::open_capture(capture(long()), name, config(), manner(true), keep).expect("a store");
    store.wait();
    let mut analyzer = store.analyzer();
    let raised: Vec<_> = analyzer.finding_counts().collect();
    assert!(raised.len() > 10);
    let mut reader = Reader::new(&store);
    let mut found = 0;
    for (entry, count) in raised {
        let places = store.places(entry.id);
        assert!(places.len() as u64 <= count);
        for row in places {
            assert!(row >= store.first());
            let has = reader.row(&analyzer, row, |_, record| {
                record.findings.iter().any(|finding| finding.id == entry.id)
            });
            assert_eq!(has, Some(true), "{} in row {row}", entry.name);
            found += 1;
        }
    }
    assert!(found > 20, "{found}");
    analyzer.close();
}

/// A store of what is written into a pipe.
fn piped(keep: Keep) -> (Store, PipeWriter) {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let capture = std::thread::spawn(|| Capture::from_reader("a pipe", reader));
    let mut writer = writer;
    writer
        .write_all(&parts("deviations").0)
        .expect("the header is written");
    let capture = capture.join().expect("no panic").expect("a capture");
    let name = "a pipe".to_owned();
    let store = Store::open_capture(capture, name, config(), manner(true), keep);
    (store.expect("a store"), writer)
}

#[track_caller]
fn wait_until(what: impl Fn() -> bool) {
    let begin = Instant::now();
    while !what() {
        assert!(begin.elapsed() < Duration::from_secs(30), "in vain");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_pause_stands_still_while_indexing_goes_on() {
    let (mut store, mut writer) = piped(Keep::OF_LIVE);
    let (_, packets) = parts("deviations");
    let (before, after) = packets.split_at(first(&packets, 15));
    writer.write_all(before).expect("written");
    wait_until(|| store.len() == 15);
    store.pause();
    let seen = |store: &Store| {
        let analyzer = store.analyzer();
        (
            store.len(),
            analyzer.totals().datagrams,
            analyzer
                .finding_counts()
                .map(|(_, count)| count)
                .sum::<u64>(),
            store.places(FindingId::HandshakeChunkSizeMissing).len(),
            store.span(),
            store.series().buckets().len(),
        )
    };
    let still = seen(&store);
    writer.write_all(after).expect("written");
    wait_until(|| store.meanwhile() == Some(25));
    assert_eq!(seen(&store), still);
    let mut counted = 0;
    store.each_from(0, |_, _| {
        counted += 1;
        true
    });
    assert_eq!(counted, 15);
    store.resume();
    assert_eq!((store.len(), store.meanwhile()), (40, None));
    let moved = seen(&store);
    assert_eq!((moved.0, moved.1), (40, 40));
    assert!(moved.2 > still.2);
}

#[test]
fn what_is_forgotten_takes_no_room_and_numbers_go_on() {
    let (mut store, mut writer) = piped(Keep::OF_LIVE);
    let (_, packets) = parts("deviations");
    let (before, after) = packets.split_at(first(&packets, 15));
    writer.write_all(before).expect("written");
    wait_until(|| store.len() == 15);
    store.pause();
    store.forget().expect("forgotten");
    assert_eq!(store.meanwhile(), None, "the pause has ended");
    assert_eq!((store.len(), store.first(), store.begun()), (15, 15, 15));
    assert!(store.is_empty() && store.let_go() == 0);
    let (_, bytes, files) = store.room();
    assert_eq!((bytes, files), (0, 1));
    assert_eq!(store.analyzer().totals().datagrams, 0);
    assert_eq!(store.analyzer().finding_counts().count(), 0);
    assert_eq!(store.span(), None);
    assert_eq!(store.series().buckets().len(), 0);
    writer.write_all(after).expect("written");
    drop(writer);
    store.wait();
    assert_eq!((store.len(), store.first()), (40, 15));
    let analyzer = store.analyzer();
    assert_eq!(analyzer.totals().datagrams, 25);
    let mut reader = Reader::new(&store);
    assert!(reader.row(&analyzer, 14, |_, _| ()).is_none());
    let frame = reader.row(&analyzer, 15, |item, record| {
        assert!(record.channel.is_some(), "its channel is known");
        item.datagram.frame
    });
    assert_eq!(frame, Some(16));
}
