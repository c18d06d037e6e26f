//! Replays the corpora of the fuzz targets, so that what fuzzing once found
//! stays found without a fuzzer.
//!
//! The seeds are written by `cargo test --test fuzz_corpus -- --ignored`.

mod support;

#[path = "../fuzz/checks/capture.rs"]
mod capture;
#[path = "../fuzz/checks/peer.rs"]
mod peer;
#[path = "../fuzz/checks/session.rs"]
mod session;

use std::fs;
use std::path::{Path, PathBuf};

use ppsp_inspect::capture::{Capture, Input, Options};
use support::capture_writer::{Blocks, Compression, File, Link, Order, Outer, Recipe, Step};
use support::outputs;
use support::samples::{ip_packets, sample, samples};

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target)
}

/// Runs `check` on every file of one target's corpus.
fn replay(target: &str, check: fn(&[u8])) {
    let mut replayed = 0;
    for entry in fs::read_dir(folder(target)).expect("the target's corpus") {
        let path = entry.expect("an entry").path();
        let input = fs::read(&path).expect("a corpus file");
        // Named first: a panic then says which file it was.
        println!("{}", path.display());
        check(&input);
        replayed += 1;
    }
    assert!(replayed > 0, "the corpus of {target} is empty");
}

#[test]
fn the_corpus_of_sessions_holds() {
    replay("session", session::check);
}

#[test]
fn the_corpus_of_captures_holds() {
    replay("capture", capture::check);
}

#[test]
fn the_corpus_of_datagrams_to_a_peer_holds() {
    replay("peer", peer::check);
}

#[test]
fn a_peer_holds_whatever_bytes_it_is_sent() {
    let mut random = support::random::Random::new(17);
    for _ in 0..60 {
        let mut input = Vec::new();
        for _ in 0..40 {
            // Messages that begin well go further than noise does.
            let kinds: [&[u8]; 8] = [
                &[3, 0, 0],
                &[8, 0, 0],
                &[2, 0, 0],
                &[1, 0, 0],
                &[9, 0, 0],
                &[4, 0, 0],
                &[7, 0, 0],
                &[0],
            ];
            let mut payload = kinds[random.below(8)].to_vec();
            payload.extend((0..random.below(120)).map(|_| random.below(256) as u8));
            input.push(random.below(256) as u8 & 0b1011_0011);
            input.extend((payload.len() as u16).to_be_bytes());
            input.extend(payload);
        }
        peer::check(&input);
    }
}

#[test]
fn sessions_hold_without_any_of_their_first_bytes() {
    // Every datagram is read with the headers of others then.
    replay("session", |input| {
        for start in (0..input.len()).step_by(17) {
            session::check(&input[start..]);
        }
    });
}

/// The datagrams of a sample capture.
fn session_pieces(path: &Path) -> Vec<Vec<u8>> {
    let inputs = [Input::File(path.into())];
    let mut capture = Capture::open(&inputs, Options::default()).expect("a sample");
    let mut pieces = Vec::new();
    while let Some(captured) = capture.next() {
        pieces.push(captured.datagram.payload.to_vec());
    }
    pieces
}

/// A sample capture as the input of the `session` target.
fn session_seed(path: &Path) -> Vec<u8> {
    let inputs = [Input::File(path.into())];
    let mut capture = Capture::open(&inputs, Options::default()).expect("a sample");
    let mut seed = Vec::new();
    let mut ends = Vec::new();
    while let Some(captured) = capture.next() {
        let datagram = captured.datagram;
        let pair = [datagram.source, datagram.destination];
        let known = ends
            .iter()
            .position(|end| *end == pair[0] || *end == pair[1]);
        let at = known.map_or(ends.len(), |index| index & !1);
        if known.is_none() {
            ends.extend(pair);
        }
        let sender = usize::from(ends[at] != datagram.source);
        seed.push((at + sender) as u8 & 3);
        seed.extend((datagram.payload.len() as u16).to_be_bytes());
        seed.extend(datagram.payload);
    }
    seed
}

#[test]
#[ignore = "writes the seeds"]
fn write_seeds() {
    for (name, path) in samples() {
        // Without their channel IDs: they go to the peer's own channels.
        let mut seed = Vec::new();
        for piece in session_pieces(&path) {
            let payload = piece.get(4..).unwrap_or_default();
            seed.push(0b0101_0000 | (seed.len() as u8 & 3));
            seed.extend((payload.len() as u16).to_be_bytes());
            seed.extend(payload);
        }
        fs::write(folder("peer").join(name), seed).expect("written");
    }
    for (name, path) in samples() {
        fs::write(folder("session").join(name), session_seed(&path)).expect("written");
    }
    let packets = ip_packets(&sample("legacy-swift"));
    let plain = Recipe::default;
    let pcapng = |order, blocks| File::Pcapng { order, blocks };
    let recipes = [
        ("pcap", plain()),
        (
            "pcapng-big-endian-fragments",
            Recipe {
                file: pcapng(Order::Big, Blocks::Enhanced),
                steps: vec![Step::Fragment(256)],
                ..plain()
            },
        ),
        (
            "pcapng-simple-vlan-gre",
            Recipe {
                file: pcapng(Order::Little, Blocks::Simple),
                link: Link::Ethernet(vec![0x88a8, 0x8100]),
                steps: vec![Step::Gre(Outer::V4, [true; 3])],
                ..plain()
            },
        ),
        (
            "pcapng-obsolete-cooked-vxlan",
            Recipe {
                file: pcapng(Order::Big, Blocks::Obsolete),
                link: Link::CookedV2,
                steps: vec![Step::Extend, Step::Vxlan(Outer::V6)],
                ..plain()
            },
        ),
        (
            "gzip-cut",
            Recipe {
                compression: Compression::Gzip,
                snap: Some(96),
                ..plain()
            },
        ),
        (
            "zstd-pppoe-ip-in-ip",
            Recipe {
                compression: Compression::Zstd,
                link: Link::PppoeOverEthernet,
                steps: vec![Step::IpInIp(Outer::V6)],
                ..plain()
            },
        ),
    ];
    for (name, recipe) in recipes {
        fs::write(folder("capture").join(name), recipe.write_ip(&packets[..8])).expect("written");
    }
    for name in ["rfc-8.16-hello", "every-message"] {
        fs::copy(sample(name), folder("capture").join(name)).expect("copied");
    }
}
