//! Damaged captures: what is intact comes out, then an error says where it
//! ends; nothing panics, hangs, or takes memory that a length field claims.

mod support;

use std::io::{self, Cursor, Read};

use ppsp_inspect::capture::{Capture, CaptureError, Input, Options};
use proptest::prelude::*;
use support::capture_writer::*;

/// Reads all that there is: the number of datagrams, and the capture with its
/// faults.
fn drain(file: Vec<u8>) -> Result<(usize, Capture), CaptureError> {
    let mut capture = Capture::from_reader("damaged", Cursor::new(file))?;
    let mut count = 0;
    while let Some(captured) = capture.next() {
        assert!(captured.datagram.payload.len() <= captured.datagram.wire_length);
        count += 1;
    }
    assert!(capture.next().is_none(), "it stays at the end");
    assert!(capture.faults().len() <= 1, "one input ends once");
    for fault in capture.faults() {
        assert!(
            fault.to_string().starts_with("damaged: at byte "),
            "{fault}"
        );
    }
    Ok((count, capture))
}

fn recipe(file: File, compression: Compression) -> Recipe {
    Recipe {
        file,
        compression,
        ..Recipe::default()
    }
}

#[test]
fn a_file_cut_inside_a_packet_is_read_up_to_there() {
    let packets = some_packets(10);
    for file in [File::PCAP, File::PCAPNG] {
        let whole = recipe(file, Compression::None).write(&packets);
        let before = recipe(file, Compression::None).write(&packets[..9]).len();
        let (count, capture) = drain(whole[..whole.len() - 5].to_vec()).unwrap();
        assert_eq!(count, 9, "{file:?}");
        let [
            CaptureError::Truncated {
                place,
                expected,
                found,
                ..
            },
        ] = capture.faults()
        else {
            panic!("{:?}", capture.faults());
        };
        if matches!(file, File::Pcap { .. }) {
            assert_eq!(place.offset, before as u64);
            assert_eq!(place.offset + expected, whole.len() as u64);
        }
        assert_eq!(*found, expected - 5);
    }
}

#[test]
fn a_cut_compressed_file_is_read_up_to_there() {
    let packets = some_packets(2_000);
    for compression in [Compression::Gzip, Compression::Zstd] {
        let whole = recipe(File::PCAP, compression).write(&packets);
        let cut = whole.len() * 4 / 5;
        let (count, capture) = drain(whole[..cut].to_vec()).unwrap();
        assert!(count >= 1_000, "the first member is whole: {count}");
        assert!(
            matches!(capture.faults(), [CaptureError::Compressed { place, .. }] if place.decompressed),
            "{:?}",
            capture.faults()
        );
    }
}

#[test]
fn an_impossible_packet_length_ends_the_file_with_its_offset() {
    let packets = some_packets(3);
    let mut file = recipe(File::PCAP, Compression::None).write(&packets);
    let second = recipe(File::PCAP, Compression::None)
        .write(&packets[..1])
        .len();
    file[second + 8..second + 12].copy_from_slice(&0x7fff_ffff_u32.to_le_bytes());
    let (count, capture) = drain(file).unwrap();
    assert_eq!(count, 1);
    let [CaptureError::PacketTooLong { place, length, .. }] = capture.faults() else {
        panic!("{:?}", capture.faults());
    };
    assert_eq!((place.offset, *length), (second as u64, 0x7fff_ffff));
}

#[test]
fn impossible_blocks_end_the_file() {
    let order = Order::Little;
    let head = || {
        let mut file = section_header(order, -1, "");
        file.extend(interface(order, 1, 0, None, 0));
        file
    };
    let mut too_short = head();
    too_short.extend([6, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0, 0]);
    let mut other_end = head();
    other_end.extend(block(order, 6, &[0; 20]));
    let last = other_end.len() - 4;
    other_end[last] ^= 4;
    let mut packet_longer_than_block = head();
    let mut body = [0; 20];
    body[12] = 1;
    packet_longer_than_block.extend(block(order, 6, &body));
    let mut too_long = head();
    too_long.extend([6, 0, 0, 0, 0, 0, 0, 0x10]);
    too_long.extend([0; 100]);
    let mut no_order = head();
    no_order[8] = 0;
    let files = [
        too_short,
        other_end,
        packet_longer_than_block,
        too_long,
        no_order,
    ];
    for file in files {
        let (count, capture) = drain(file).unwrap();
        assert_eq!(count, 0);
        assert!(
            matches!(capture.faults(), [CaptureError::BadBlock { .. }]),
            "{:?}",
            capture.faults()
        );
    }
}

#[test]
fn an_unknown_block_may_be_longer_than_memory() {
    let order = Order::Little;
    let packets = some_packets(4);
    let mut file = section_header(order, -1, "");
    file.extend(block(order, 0x0bad_cafe, &vec![7; 5_000_000]));
    let rest = recipe(File::PCAPNG, Compression::None).write(&packets);
    file.extend(&rest);
    let (count, capture) = drain(file.clone()).unwrap();
    assert_eq!((count, capture.faults().len()), (4, 0));
    file.truncate(3_000_000);
    let (count, capture) = drain(file).unwrap();
    assert_eq!(count, 0);
    assert!(
        matches!(capture.faults(), [CaptureError::Truncated { .. }]),
        "{:?}",
        capture.faults()
    );
}

#[test]
fn what_is_no_capture_is_refused_by_name() {
    let open = |bytes: &[u8]| Capture::from_reader("notes.txt", Cursor::new(bytes.to_vec())).err();
    assert!(matches!(open(b""), Some(CaptureError::Empty { .. })));
    for text in [&b"hello, world"[..], b"ab", &[0x1f, 0x8b, 8, 0]] {
        let error = open(text).expect("refused");
        assert_eq!(error.file(), Some("notes.txt"), "{error}");
    }
    let missing = Capture::open(&[Input::File("/no/such/file".into())], Options::default());
    assert!(
        matches!(missing.err(), Some(CaptureError::Open { file, .. }) if file == "/no/such/file")
    );
    let none = Capture::open(&[], Options::default());
    assert!(matches!(none.err(), Some(CaptureError::NoInput)));
}

#[test]
fn one_damaged_file_does_not_stop_the_others() {
    let packets = some_packets(20);
    let good = recipe(File::PCAP, Compression::None).write(&packets[..10]);
    let mut cut = recipe(File::PCAPNG, Compression::None).write(&packets[10..]);
    cut.truncate(cut.len() - 1);
    let files = [
        ("cut", cut),
        ("text", b"no capture".to_vec()),
        ("good", good),
    ];
    let readers = files.map(|(name, file)| (name.to_owned(), Cursor::new(file)));
    let mut capture = Capture::from_readers(readers, Options::default()).unwrap();
    let mut inputs = Vec::new();
    while let Some(captured) = capture.next() {
        inputs.push(captured.input);
    }
    assert_eq!(inputs, [[2; 10].as_slice(), &[0; 9]].concat());
    let names: Vec<_> = capture.faults().iter().map(CaptureError::file).collect();
    assert_eq!(names, [Some("text"), Some("cut")]);
}

/// A reader that gives a byte at a time, as a slow pipe may, and then fails.
struct Slow(Cursor<Vec<u8>>);

impl Read for Slow {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer.get_mut(..1).unwrap_or_default())? {
            0 => Err(io::Error::other("the cable was pulled")),
            count => Ok(count),
        }
    }
}

#[test]
fn a_slow_pipe_is_read_until_it_fails() {
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        let file = recipe(File::PCAPNG, compression).write(&some_packets(30));
        let mut capture = Capture::from_reader("pipe", Slow(Cursor::new(file))).unwrap();
        let mut count = 0;
        while capture.next().is_some() {
            count += 1;
        }
        assert_eq!(count, 30);
        let [fault] = capture.faults() else {
            panic!("{:?}", capture.faults());
        };
        assert!(
            fault.to_string().contains("the cable was pulled"),
            "{fault}"
        );
    }
}

#[test]
fn hostile_fragments_do_not_fill_memory() {
    // A hundred thousand first fragments whose rest never comes.
    let one = &some_packets(2)[1];
    let frames: Vec<_> = (0..100_000)
        .map(|number| {
            let packet = Packet {
                nanoseconds: one.nanoseconds + number,
                payload: vec![0; 600],
                ..one.clone()
            };
            let parts = fragments(&udp(&packet), 512, number as u32);
            Timed {
                nanoseconds: packet.nanoseconds,
                bytes: parts.into_iter().next().unwrap(),
                comment: None,
            }
        })
        .collect();
    let file = Recipe {
        link: Link::Raw(101),
        ..Recipe::default()
    }
    .write_ip(&frames);
    let mut capture = Capture::from_reader("flood", Cursor::new(file)).unwrap();
    assert!(capture.next().is_none());
    let counters = capture.counters();
    // Identifications repeat after 65,536, which makes duplicates of some.
    let open = counters.fragments_dropped + counters.fragments_unfinished;
    assert!(open > 90_000, "{counters:?}");
    assert!(counters.fragments_unfinished <= 4096);
}

fn damage() -> impl Strategy<Value = (usize, Vec<Damage>)> {
    (0..SAMPLES, prop::collection::vec(any_damage(), 1..8))
}

/// How a file gets damaged; places are parts of its length.
#[derive(Clone, Debug)]
enum Damage {
    Flip(f64, u8),
    Overwrite(f64, Vec<u8>),
    Cut(f64),
    Remove(f64, usize),
    Repeat(f64, f64, usize),
    Swap(f64, f64, usize),
}

fn any_damage() -> impl Strategy<Value = Damage> {
    let place = || 0.0..1.0_f64;
    let interesting = prop::collection::vec(
        prop::sample::select(vec![0, 1, 4, 6, 17, 0x7f, 0x80, 0xfe, 0xff]),
        1..9,
    );
    prop_oneof![
        8 => (place(), any::<u8>()).prop_map(|(at, bit)| Damage::Flip(at, bit % 8)),
        8 => (place(), interesting).prop_map(|(at, bytes)| Damage::Overwrite(at, bytes)),
        1 => place().prop_map(Damage::Cut),
        2 => (place(), 1..64_usize).prop_map(|(at, length)| Damage::Remove(at, length)),
        2 => (place(), place(), 1..2000_usize).prop_map(|(a, b, n)| Damage::Repeat(a, b, n)),
        2 => (place(), place(), 1..2000_usize).prop_map(|(a, b, n)| Damage::Swap(a, b, n)),
    ]
}

impl Damage {
    fn apply(&self, file: &mut Vec<u8>) {
        if file.is_empty() {
            return;
        }
        let length = file.len();
        let at = |place: f64| ((place * length as f64) as usize).min(length - 1);
        match self {
            Self::Flip(place, bit) => file[at(*place)] ^= 1 << bit,
            Self::Overwrite(place, bytes) => {
                for (old, new) in file[at(*place)..].iter_mut().zip(bytes) {
                    *old = *new;
                }
            }
            Self::Cut(place) => file.truncate(at(*place)),
            Self::Remove(place, count) => {
                let start = at(*place);
                file.drain(start..(start + count).min(length));
            }
            Self::Repeat(from, to, count) => {
                let start = at(*from);
                let part = file[start..(start + count).min(length)].to_vec();
                let to = at(*to);
                file.splice(to..to, part);
            }
            Self::Swap(one, other, count) => {
                let (one, other) = (at(*one), at(*other));
                for step in 0..*count {
                    if one + step < length && other + step < length {
                        file.swap(one + step, other + step);
                    }
                }
            }
        }
    }
}

const SAMPLES: usize = 12;

fn sample(number: usize) -> Vec<u8> {
    let packets = some_packets(40);
    let v6 = as_v6(&packets);
    let base = Recipe::default;
    let (recipe, packets) = match number {
        0 => (base(), packets),
        1 => (recipe(File::PCAPNG, Compression::None), packets),
        2 => (recipe(File::PCAP, Compression::Gzip), packets),
        3 => (recipe(File::PCAPNG, Compression::Zstd), packets),
        4 => (
            Recipe {
                steps: vec![Step::Fragment(256)],
                ..base()
            },
            packets,
        ),
        5 => (
            Recipe {
                steps: vec![Step::Extend, Step::Fragment(64)],
                ..base()
            },
            v6,
        ),
        6 => (
            Recipe {
                steps: vec![Step::Vxlan(Outer::V6)],
                link: Link::CookedV2,
                ..base()
            },
            packets,
        ),
        7 => (
            Recipe {
                steps: vec![Step::Gre(Outer::V4, [true; 3]), Step::Fragment(128)],
                ..base()
            },
            v6,
        ),
        8 => (
            Recipe {
                link: Link::PppoeOverEthernet,
                snap: Some(200),
                ..base()
            },
            packets,
        ),
        9 => (
            Recipe {
                link: Link::Ethernet(vec![0x88a8, 0x8100]),
                ..base()
            },
            packets,
        ),
        10 => (
            Recipe {
                file: File::Pcapng {
                    order: Order::Big,
                    blocks: Blocks::Obsolete,
                },
                steps: vec![Step::Authenticate, Step::IpInIp(Outer::V6)],
                ..base()
            },
            packets,
        ),
        _ => return tcp_sample(),
    };
    recipe.write(&packets)
}

fn tcp_sample() -> Vec<u8> {
    let packets = some_packets(40);
    let mut sequence = [0xffff_f000_u32, 1];
    let mut frames = Vec::new();
    for (number, packet) in packets.iter().enumerate() {
        let side = usize::from(packet.source.port() == 18_021);
        let mut stream = (packet.payload.len() as u32).to_be_bytes().to_vec();
        stream.extend(&packet.payload);
        if let Some(kind) = stream.get_mut(8) {
            *kind = (number % 14) as u8;
        }
        for part in stream.chunks(500) {
            let numbers = (sequence[side], sequence[1 - side]);
            frames.push(Timed {
                nanoseconds: packet.nanoseconds,
                bytes: tcp(packet.source, packet.destination, numbers, ACK, part),
                comment: None,
            });
            sequence[side] = sequence[side].wrapping_add(part.len() as u32);
        }
    }
    frames.swap(10, 11);
    Recipe::default().write_ip(&frames)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_damage_makes_it_panic_or_hang((number, damages) in damage()) {
        let mut file = sample(number);
        for damage in &damages {
            damage.apply(&mut file);
        }
        let _ = drain(file);
    }

    #[test]
    fn no_noise_makes_it_panic_or_hang(
        (head, noise) in (0..SAMPLES, prop::collection::vec(any::<u8>(), 0..4096))
    ) {
        let mut file = sample(head);
        file.truncate(24 + head * 20);
        file.extend(noise);
        let _ = drain(file);
    }
}
