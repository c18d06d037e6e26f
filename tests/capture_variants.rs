//! The same datagrams come out, however a capture holds them.

mod support;

use std::io::Cursor;
use std::path::PathBuf;

use ppsp_inspect::capture::{Capture, Counters, Options};
use support::capture_writer::*;
use support::variants;

/// What came out of a capture, to be compared with what went in.
struct Read {
    packets: Vec<Packet>,
    wire_lengths: Vec<usize>,
    fragments: Vec<u16>,
    counters: Counters,
}

fn read(file: Vec<u8>) -> Read {
    read_all(vec![file])
}

fn read_all(files: Vec<Vec<u8>>) -> Read {
    let readers = files
        .into_iter()
        .enumerate()
        .map(|(number, file)| (format!("file {number}"), Cursor::new(file)));
    let mut capture = Capture::from_readers(readers, Options::default()).expect("a capture");
    let mut read = Read {
        packets: vec![],
        wire_lengths: vec![],
        fragments: vec![],
        counters: Counters::default(),
    };
    while let Some(captured) = capture.next() {
        let datagram = captured.datagram;
        read.packets.push(Packet {
            nanoseconds: datagram.time.map_or(0, |time| time.nanoseconds() as u64),
            source: datagram.source,
            destination: datagram.destination,
            payload: datagram.payload.to_vec(),
        });
        read.wire_lengths.push(datagram.wire_length);
        read.fragments.push(datagram.fragments);
    }
    assert!(capture.faults().is_empty(), "{:?}", capture.faults());
    read.counters = capture.counters().clone();
    read
}

#[track_caller]
fn assert_comes_out(recipe: &Recipe, packets: &[Packet]) {
    let read = read(recipe.write(packets));
    assert_eq!(read.packets.len(), packets.len(), "{recipe:?}");
    for (number, (found, expected)) in read.packets.iter().zip(packets).enumerate() {
        assert_eq!(found, expected, "datagram {number} of {recipe:?}");
    }
}

fn step_variants() -> Vec<Vec<Step>> {
    let mut variants = vec![
        vec![Step::Extend],
        vec![Step::Authenticate],
        vec![Step::Fragment(256)],
        vec![Step::FragmentBackwards(64)],
        vec![Step::Extend, Step::Fragment(512)],
    ];
    for outer in [Outer::V4, Outer::V6] {
        for bits in 0..8 {
            let fields = [bits & 1 != 0, bits & 2 != 0, bits & 4 != 0];
            variants.push(vec![Step::Gre(outer, fields)]);
        }
        variants.extend([
            vec![Step::GreEthernet(outer)],
            vec![Step::Vxlan(outer)],
            vec![Step::IpInIp(outer)],
            vec![Step::Fragment(256), Step::IpInIp(outer)],
            vec![Step::Vxlan(outer), Step::Fragment(256)],
            vec![
                Step::FragmentBackwards(128),
                Step::Gre(outer, [false, true, false]),
                Step::Fragment(64),
            ],
            vec![Step::IpInIp(outer), Step::Vxlan(outer), Step::Extend],
        ]);
    }
    variants
}

/// Every variant of one thing at a time, and some together.
fn recipes() -> Vec<Recipe> {
    let base = Recipe::default;
    let mut recipes = vec![base()];
    recipes.extend(
        variants::files()
            .into_iter()
            .map(|file| Recipe { file, ..base() }),
    );
    recipes.extend(
        variants::links()
            .into_iter()
            .map(|link| Recipe { link, ..base() }),
    );
    recipes.extend(
        step_variants()
            .into_iter()
            .map(|steps| Recipe { steps, ..base() }),
    );
    for compression in [Compression::Gzip, Compression::Zstd] {
        for file in [File::PCAP, File::PCAPNG] {
            recipes.push(Recipe {
                file,
                compression,
                link: Link::CookedV2,
                steps: vec![Step::Vxlan(Outer::V6), Step::Fragment(400)],
                ..base()
            });
        }
    }
    recipes
}

#[test]
fn datagrams_come_out_of_every_variant_unchanged() {
    let v4 = some_packets(60);
    let v6 = as_v6(&v4);
    for recipe in recipes() {
        assert_comes_out(&recipe, &v4);
        assert_comes_out(&recipe, &v6);
    }
    for (number, packets) in [(228, &v4), (229, &v6)] {
        let link = Link::Raw(number);
        assert_comes_out(
            &Recipe {
                link,
                ..Recipe::default()
            },
            packets,
        );
    }
}

#[test]
fn real_captures_come_out_of_every_variant_unchanged() {
    let Some(folder) = std::env::var_os("PPSP_CAPTURES").map(PathBuf::from) else {
        eprintln!("skipped: PPSP_CAPTURES does not name the folder of real captures");
        return;
    };
    let names = [
        "libswift-vod-seven",
        "libswift-neg-no-answer",
        "libswift-vod-chunk8192",
        "pyppspp-udp_small",
        "peregrine-pg_pg",
    ];
    for name in names {
        let file = std::fs::read(folder.join(name).with_extension("pcap")).expect("a capture");
        let packets = read_plain_pcap(&file);
        for recipe in recipes() {
            assert_comes_out(&recipe, &packets);
        }
    }
}

#[test]
fn every_real_capture_yields_the_datagrams_that_its_oracle_counted() {
    let Some(folder) = std::env::var_os("PPSP_CAPTURES").map(PathBuf::from) else {
        eprintln!("skipped: PPSP_CAPTURES does not name the folder of real captures");
        return;
    };
    let index = std::fs::read_to_string(folder.join("INDEX.md")).expect("INDEX.md");
    let mut compared = 0;
    for line in index.lines() {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let (Some(name), Some(Ok(count))) = (cells.next(), cells.next().map(str::parse::<usize>))
        else {
            continue;
        };
        let file = std::fs::read(folder.join(format!("{name}.pcap"))).expect("a capture");
        assert_eq!(read(file).packets.len(), count, "{name}");
        compared += 1;
    }
    assert!(compared > 40, "only {compared} captures in the index");
}

#[test]
fn simple_packet_blocks_have_no_time() {
    let packets = some_packets(20);
    let recipe = Recipe {
        file: File::Pcapng {
            order: Order::Big,
            blocks: Blocks::Simple,
        },
        ..Recipe::default()
    };
    let read = read(recipe.write(&packets));
    assert_eq!(read.packets.len(), 20);
    for (found, expected) in read.packets.iter().zip(&packets) {
        assert_eq!(found.nanoseconds, 0, "none");
        assert_eq!(found.payload, expected.payload);
    }
}

#[test]
fn a_cut_packet_tells_how_long_it_was() {
    let packets = some_packets(60);
    for file in [File::PCAP, File::PCAPNG] {
        let recipe = Recipe {
            file,
            snap: Some(100),
            ..Recipe::default()
        };
        let read = read(recipe.write(&packets));
        assert_eq!(read.packets.len(), packets.len());
        for (number, expected) in packets.iter().enumerate() {
            let kept = expected.payload.len().min(100 - 42);
            assert_eq!(read.packets[number].payload, expected.payload[..kept]);
            assert_eq!(read.wire_lengths[number], expected.payload.len());
        }
    }
}

#[test]
fn cut_fragments_give_what_is_certain() {
    let packets = some_packets(60);
    let recipe = Recipe {
        steps: vec![Step::Fragment(256)],
        snap: Some(134),
        ..Recipe::default()
    };
    let read = read(recipe.write(&packets));
    assert_eq!(read.packets.len(), packets.len());
    for (number, expected) in packets.iter().enumerate() {
        // The first fragment's 100 bytes of UDP, header included.
        let kept = expected.payload.len().min(92);
        assert_eq!(read.packets[number].payload, expected.payload[..kept]);
        assert_eq!(read.wire_lengths[number], expected.payload.len());
        let fragments = (expected.payload.len() + 8).div_ceil(256);
        assert_eq!(usize::from(read.fragments[number]), fragments);
    }
}

#[test]
fn a_packet_cut_inside_its_headers_is_counted() {
    for snap in [10, 20, 40] {
        let recipe = Recipe {
            snap: Some(snap),
            ..Recipe::default()
        };
        let read = read(recipe.write(&some_packets(5)));
        assert!(read.packets.is_empty());
        assert_eq!(read.counters.cut_headers, 5);
    }
}

#[test]
fn without_a_length_the_payload_goes_to_the_end_of_the_capture() {
    let long: Vec<_> = some_packets(60)
        .into_iter()
        .filter(|packet| packet.payload.len() > 20)
        .collect();
    let recipe = Recipe {
        steps: vec![Step::NoLength],
        ..Recipe::default()
    };
    assert_comes_out(&recipe, &long);
    assert_comes_out(&recipe, &as_v6(&long));
}

#[test]
fn several_captures_are_merged_by_time() {
    let packets = some_packets(90);
    let parts = [0, 1, 2].map(|part| {
        let mine = packets
            .iter()
            .enumerate()
            .filter(|(at, _)| at / 5 % 3 == part);
        mine.map(|(_, packet)| packet.clone()).collect::<Vec<_>>()
    });
    let recipes = [
        Recipe::default(),
        Recipe {
            file: File::PCAPNG,
            link: Link::CookedV1,
            ..Recipe::default()
        },
        Recipe {
            compression: Compression::Gzip,
            link: Link::Raw(101),
            ..Recipe::default()
        },
    ];
    let files = recipes
        .iter()
        .zip(&parts)
        .map(|(recipe, part)| recipe.write(part));
    let read = read_all(files.collect());
    assert_eq!(read.packets, packets);
    assert_eq!(read.counters.frames, 90);
}

#[test]
fn captures_of_the_same_time_keep_the_order_of_their_files() {
    let mut packets = some_packets(20);
    for packet in &mut packets {
        packet.nanoseconds = 5_000;
    }
    let (first, second) = packets.split_at(10);
    let recipe = Recipe::default();
    let read = read_all(vec![recipe.write(first), recipe.write(second)]);
    assert_eq!(read.packets, packets);
}
