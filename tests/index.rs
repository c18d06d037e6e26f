//! The store gives back every datagram with what the analyzer said of it.

mod support;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Write as _;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use ppsp_inspect::capture::Input;
use ppsp_inspect::index::{Keep, Origin, OriginSearch, Place, Reader, Store, Worst};
use ppsp_inspect::output::{JsonTimes, write_json_line};
use ppsp_inspect::pipeline::{self, Manner};
use ppspp_dissector::fields::Frame;
use ppspp_dissector::session::{Config, Datagram, Record, SwarmIndex, Verdict};
use ppspp_dissector::wire::Bin;
use support::samples::{real_captures, sample, samples};

fn config() -> Config {
    Config {
        verify: true,
        ..Config::default()
    }
}

fn quiet() -> Manner {
    Manner {
        quiet: true,
        ..Manner::default()
    }
}

fn indexed(path: &Path) -> Store {
    let inputs = [Input::File(path.to_owned())];
    let mut store = Store::open(&inputs, config(), quiet(), Keep::ALL).expect("a capture");
    store.wait();
    store
}

/// Everything about a datagram that does not change later.
fn told(datagram: &Datagram<'_>, record: &Record<'_, '_>, frame: Frame<'_>) -> String {
    let receivers: Vec<_> = (0..record.messages.len())
        .map(|place| record.receiver_verdict(place))
        .collect();
    format!(
        "{datagram:?} {frame:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {receivers:?}",
        record.channel_id,
        record.channel_index,
        record.sender,
        record.layout,
        record.messages,
        record.fault,
        record.cut,
        record.undecoded,
        record.findings,
    )
}

/// Compares the store of what `path` holds with a run of the pipeline.
fn compare(name: &str, path: &Path) {
    let store = indexed(path);
    let mut expected = Vec::new();
    let mut verdicts: HashMap<(u64, usize), Vec<Verdict>> = HashMap::new();
    let mut late = Vec::new();
    let inputs = [Input::File(path.to_owned())];
    let finished = pipeline::run(&inputs, config(), quiet(), |datagram, record, frame| {
        expected.push(told(datagram, record, frame));
        for (place, located) in record.messages.iter().enumerate() {
            let key = (datagram.frame, located.offset);
            verdicts.entry(key).or_default().push(record.verdict(place));
        }
        late.extend_from_slice(record.late);
        Ok(ControlFlow::Continue(()))
    })
    .expect("a capture");
    late.extend(finished.late);
    for late in late {
        let known = verdicts.get_mut(&(late.frame, late.offset));
        // A chunk that had failed may be proven right all the same.
        let open = |known: &&mut Verdict| **known != Verdict::Verified;
        let waiting = known.and_then(|all| all.iter_mut().find(open));
        let waiting = waiting.expect("a message without a good verdict");
        *waiting = late.verdict;
    }
    assert_eq!(store.len(), expected.len(), "{name}");
    let mut found: HashMap<(u64, usize), Vec<Verdict>> = HashMap::new();
    let analyzer = store.analyzer();
    for mut reader in [Reader::new(&store), Reader::sequential(&store)] {
        found.clear();
        for (row, expected) in expected.iter().enumerate() {
            reader
                .row(&analyzer, row, |item, record| {
                    assert!(!item.is_lost);
                    let told = told(&item.datagram, record, item.frame);
                    assert_eq!(&told, expected, "{name}, row {row}");
                    let mut worst = Worst::Nothing;
                    for (place, located) in record.messages.iter().enumerate() {
                        let key = (item.datagram.frame, located.offset);
                        found.entry(key).or_default().push(record.verdict(place));
                        if located.message.spec().is_some()
                            && ["DATA", "INTEGRITY", "SIGNED_INTEGRITY"]
                                .contains(&located.message.name())
                        {
                            worst = worst.max(record.verdict(place).into());
                        }
                    }
                    assert_eq!(item.row.worst(), worst, "{name}, row {row}");
                })
                .expect("a row");
        }
        assert_eq!(found, verdicts, "{name}");
        assert!(reader.row(&analyzer, expected.len(), |_, _| ()).is_none());
    }
}

#[test]
fn every_row_is_the_record_that_the_analyzer_made() {
    for (name, path) in samples().into_iter().chain(real_captures()) {
        compare(&name, &path);
    }
}

#[test]
fn bytes_of_a_compressed_capture_are_kept_apart() {
    for (name, path) in samples() {
        let folder = tempfile::tempdir().expect("a folder");
        let packed = folder.path().join("capture.pcap.zst");
        let plain = std::fs::read(&path).expect("a capture");
        let packed_bytes = zstd::encode_all(plain.as_slice(), 1).expect("packed");
        std::fs::File::create(&packed)
            .and_then(|mut file| file.write_all(&packed_bytes))
            .expect("written");
        let (one, other) = (indexed(&path), indexed(&packed));
        assert_eq!(one.len(), other.len());
        let lines = |store: &Store| {
            let (mut reader, mut times) = (Reader::new(store), JsonTimes::default());
            let analyzer = store.analyzer();
            let mut lines = Vec::new();
            for row in 0..store.len() {
                reader.row(&analyzer, row, |item, record| {
                    write_json_line(
                        &mut lines,
                        &item.datagram,
                        record,
                        item.frame.comment,
                        &mut times,
                    )
                });
            }
            String::from_utf8(lines).expect("text")
        };
        assert_eq!(lines(&one), lines(&other), "{name}");
    }
}

#[test]
fn a_capture_that_is_gone_while_it_is_shown_does_no_harm() {
    let folder = tempfile::tempdir().expect("a folder");
    let sample = sample("deviations");
    let path = folder.path().join("capture.pcap");
    std::fs::copy(sample, &path).expect("copied");
    let store = indexed(&path);
    std::fs::write(&path, b"").expect("emptied");
    let (analyzer, mut reader) = (store.analyzer(), Reader::new(&store));
    for row in 0..store.len() {
        let lost = reader.row(&analyzer, row, |item, _| {
            item.is_lost || item.datagram.wire_length == 0
        });
        assert_eq!(lost, Some(true));
    }
}

/// The datagrams that brought each hash and chunk first, found by reading all.
fn first_places(store: &Store, swarm: SwarmIndex) -> HashMap<Origin, Place> {
    let mut places = HashMap::new();
    let mut reader = Reader::sequential(store);
    let analyzer = store.analyzer();
    for row in 0..store.len() {
        reader.row(&analyzer, row, |item, record| {
            if record.channel.map(|channel| channel.swarm) != Some(swarm) {
                return;
            }
            let size = record.layout.chunk_size.or_assumed();
            let frame = item.datagram.frame;
            let mut first = |origin| {
                places.entry(origin).or_insert(Place { row, frame });
            };
            for (place, located) in record.messages.iter().enumerate() {
                let range = located.message.spec().map(|spec| spec.chunks(size).range());
                let Some(range) = range.flatten() else {
                    continue;
                };
                let is_right = record.verdict(place) == Verdict::Verified;
                match located.message.name() {
                    "INTEGRITY" if is_right => {
                        first(Origin::Hash(Bin::covering(range).expect("a subtree")));
                    }
                    "DATA" => {
                        for chunk in range.start()..=range.end() {
                            first(Origin::Chunk(chunk));
                            if is_right {
                                first(Origin::VerifiedChunk(chunk));
                            }
                        }
                    }
                    _ => {}
                }
            }
        });
    }
    places
}

#[test]
fn where_hashes_and_chunks_came_from_is_found() {
    let mut found_any = 0;
    for (name, path) in samples().into_iter().chain(real_captures()) {
        let store = indexed(&path);
        let swarms: Vec<SwarmIndex> = {
            let analyzer = store.analyzer();
            let all = analyzer.numbered_swarms().map(|(index, _)| index);
            all.collect()
        };
        for swarm in swarms {
            let expected = first_places(&store, swarm);
            let wanted = expected.keys().copied().chain([Origin::Chunk(1 << 40)]);
            let mut search = OriginSearch::new(&store, swarm, wanted);
            while search.advance(&store, Duration::from_millis(1)) {}
            for (origin, place) in &expected {
                let found = search.found(*origin);
                assert_eq!(found, Some(*place), "{name}: {origin:?}");
                found_any += 1;
            }
            assert_eq!(search.found(Origin::Chunk(1 << 40)), None);
        }
    }
    assert!(found_any > 100);
}

#[test]
fn viewers_of_a_live_stream_are_as_far_behind_as_their_announcements_say() {
    let path = sample("live-libswift").with_file_name("simulated-live-relay.pcapng");
    let store = indexed(&path);
    // The newest chunk that anybody sent or signed, and that each peer acknowledged or
    // announced.
    let mut source = 0;
    let mut own: BTreeMap<SocketAddr, u64> = BTreeMap::new();
    let mut viewers = BTreeSet::new();
    let (mut reader, analyzer) = (Reader::sequential(&store), store.analyzer());
    for row in 0..store.len() {
        reader.row(&analyzer, row, |item, record| {
            let size = record.layout.chunk_size.or_assumed();
            for located in record.messages {
                let range = located.message.spec().map(|spec| spec.chunks(size).range());
                let Some(range) = range.flatten() else {
                    continue;
                };
                let (from, to) = (item.datagram.source, item.datagram.destination);
                match located.message.name() {
                    "DATA" => {
                        source = source.max(range.end());
                        viewers.insert(to);
                    }
                    "SIGNED_INTEGRITY" => source = source.max(range.end()),
                    "ACK" | "HAVE" => {
                        let newest = own.entry(from).or_default();
                        *newest = range.end().max(*newest);
                    }
                    _ => {}
                }
            }
        });
    }
    drop(analyzer);
    let (_, end) = store.span().expect("times");
    let told: BTreeMap<SocketAddr, u64> = store.with_lags(|lags| {
        let all = lags.values().flat_map(|lag| lag.at(end));
        all.filter_map(|(viewer, behind)| Some((viewer, behind?.chunks)))
            .collect()
    });
    let expected: BTreeMap<SocketAddr, u64> = viewers
        .iter()
        .filter_map(|viewer| Some((*viewer, source.saturating_sub(*own.get(viewer)?))))
        .collect();
    assert!(expected.len() >= 2, "a relay and who it feeds");
    assert_eq!(told, expected);
}
