//! Datagrams framed in TCP streams, as `PyPPSPP` sends them.

mod support;

use std::io::Cursor;
use std::net::SocketAddr;

use ppsp_inspect::capture::{Capture, Counters};
use ppspp_dissector::session::Transport;
use proptest::prelude::*;
use support::capture_writer::*;

/// One side of a connection, as a capture sees it.
struct Side {
    source: SocketAddr,
    destination: SocketAddr,
    sequence: u32,
    frames: Vec<Timed>,
}

impl Side {
    /// Of a connection whose SYN was captured.
    fn connect(initial: u32) -> Self {
        let mut side = Self::within(initial);
        side.control(SYN);
        side.sequence = side.sequence.wrapping_add(1);
        side
    }

    /// Of a connection whose start was not captured.
    fn within(sequence: u32) -> Self {
        Self {
            source: "192.0.2.1:39535".parse().unwrap(),
            destination: "192.0.2.2:6778".parse().unwrap(),
            sequence,
            frames: vec![],
        }
    }

    fn control(&mut self, flags: u8) {
        self.add(flags, &[], self.sequence);
    }

    fn add(&mut self, flags: u8, payload: &[u8], sequence: u32) {
        let numbers = (sequence, 0);
        self.frames.push(Timed {
            nanoseconds: self.frames.len() as u64,
            bytes: tcp(self.source, self.destination, numbers, flags, payload),
            comment: None,
        });
    }

    /// Sends bytes in segments of at most so many.
    fn send(&mut self, bytes: &[u8], size: usize) {
        for part in bytes.chunks(size) {
            self.add(0, part, self.sequence);
            self.sequence = self.sequence.wrapping_add(part.len() as u32);
        }
    }

    /// The other side acknowledges.
    fn acknowledge(&mut self, sequence: u32) {
        self.frames.push(Timed {
            nanoseconds: self.frames.len() as u64,
            bytes: tcp(self.destination, self.source, (1, sequence), ACK, &[]),
            comment: None,
        });
    }

    fn read(&self) -> Read {
        read(&self.frames, None)
    }
}

struct Read {
    /// Frame numbers and payloads.
    datagrams: Vec<(u64, Vec<u8>)>,
    wire_lengths: Vec<usize>,
    counters: Counters,
}

impl Read {
    fn payloads(&self) -> Vec<&[u8]> {
        self.datagrams
            .iter()
            .map(|(_, payload)| payload.as_slice())
            .collect()
    }

    fn frames(&self) -> Vec<u64> {
        self.datagrams.iter().map(|(frame, _)| *frame).collect()
    }
}

fn read(frames: &[Timed], snap: Option<usize>) -> Read {
    let recipe = Recipe {
        link: Link::Raw(101),
        snap,
        ..Recipe::default()
    };
    let mut capture = Capture::from_reader("tcp", Cursor::new(recipe.write_ip(frames))).unwrap();
    let mut read = Read {
        datagrams: vec![],
        wire_lengths: vec![],
        counters: Counters::default(),
    };
    while let Some(captured) = capture.next() {
        let datagram = captured.datagram;
        assert_eq!(datagram.transport, Transport::TcpFramed);
        read.datagrams
            .push((datagram.frame, datagram.payload.to_vec()));
        read.wire_lengths.push(datagram.wire_length);
    }
    read.counters = capture.counters().clone();
    read
}

fn handshake() -> Vec<u8> {
    vec![0, 0, 0, 0, 0, 0, 0, 0x53, 0x9a, 0, 1, 1, 1, 255]
}

fn data(number: usize) -> Vec<u8> {
    let mut bytes = vec![0, 0, 0x14, 0x0b, 1];
    bytes.extend((0..1000 + number * 17).map(|at| (at * number) as u8 | 0x80));
    bytes
}

/// A handshake and some data.
fn datagrams() -> Vec<Vec<u8>> {
    let mut all = vec![handshake()];
    all.extend((1..12).map(data));
    all.push(vec![0, 0, 0x14, 0x0b]);
    all
}

fn framed(datagrams: &[Vec<u8>]) -> Vec<u8> {
    let prefixed = datagrams.iter().flat_map(|datagram| {
        let mut bytes = (datagram.len() as u32).to_be_bytes().to_vec();
        bytes.extend(datagram);
        bytes
    });
    prefixed.collect()
}

#[test]
fn datagrams_come_out_however_the_stream_is_cut_into_segments() {
    let datagrams = datagrams();
    for size in [1, 3, 100, 536, 1460, 5_000, 60_000] {
        for initial in [0, 7, 0xffff_fff0, 0xffff_ffff, 0x7fff_f000] {
            let mut side = Side::connect(initial);
            side.send(&framed(&datagrams), size);
            assert_eq!(
                side.read().payloads(),
                datagrams,
                "size {size}, from {initial}"
            );
        }
    }
}

#[test]
fn the_frame_that_completes_a_datagram_is_told() {
    let mut side = Side::connect(5);
    let stream = framed(&[handshake(), data(1), data(2)]);
    side.send(&stream, 500);
    assert_eq!(side.read().frames(), [2, 4, 6]);
}

#[test]
fn segments_may_come_in_any_order_and_twice() {
    let datagrams = datagrams();
    let mut side = Side::connect(0xffff_f800);
    side.send(&framed(&datagrams), 700);
    let sent = side.frames.clone();
    // Neighbours swapped.
    for pair in side.frames[1..].chunks_mut(2) {
        pair.reverse();
    }
    assert_eq!(side.read().payloads(), datagrams, "swapped");
    // All but the SYN backwards.
    side.frames = sent.clone();
    side.frames[1..].reverse();
    assert_eq!(side.read().payloads(), datagrams, "backwards");
    // Everything twice.
    side.frames = sent
        .iter()
        .flat_map(|frame| [frame.clone(), frame.clone()])
        .collect();
    assert_eq!(side.read().payloads(), datagrams, "twice");
    side.frames = [sent.clone(), sent[1..].to_vec()].concat();
    assert_eq!(side.read().payloads(), datagrams, "all again at the end");
}

#[test]
fn retransmissions_may_overlap_what_is_there() {
    let datagrams = datagrams();
    let stream = framed(&datagrams);
    let mut side = Side::connect(99);
    for start in (0..stream.len()).step_by(400) {
        let end = (start + 900).min(stream.len());
        side.add(0, &stream[start..end], 100 + start as u32);
    }
    assert_eq!(side.read().payloads(), datagrams);
}

#[test]
fn a_stream_may_begin_before_the_capture() {
    let datagrams = datagrams();
    let stream = framed(&datagrams);
    let mut side = Side::within(1_000);
    // Inside the first data datagram; the next segments begin with one each.
    side.send(&stream[500..22 + data(1).len()], 2_000);
    for datagram in &datagrams[2..] {
        side.send(&framed(std::slice::from_ref(datagram)), 2_000);
    }
    assert_eq!(side.read().payloads(), datagrams[2..]);
}

#[test]
fn acknowledged_bytes_that_were_not_captured_are_a_gap() {
    let mut side = Side::connect(0);
    let sent: Vec<_> = (1..6).map(data).collect();
    side.send(&framed(&[handshake()]), 2_000);
    for datagram in &sent {
        side.send(&framed(std::slice::from_ref(datagram)), 2_000);
    }
    let end = side.sequence;
    side.acknowledge(end);
    // The second of the five was lost by the capture.
    side.frames.remove(3);
    side.send(&framed(&[data(9)]), 2_000);
    let read = side.read();
    let expected = [handshake(), data(1), data(3), data(4), data(5), data(9)];
    assert_eq!(read.payloads(), expected);
    assert_eq!(read.counters.tcp_gaps, 1);
    assert_eq!(
        read.frames()[2..],
        [7, 7, 7, 8],
        "given up at the acknowledgement"
    );
}

#[test]
fn a_gap_inside_a_datagram_cuts_it_and_the_next_is_found_by_its_length() {
    let mut side = Side::connect(0);
    let long: Vec<u8> = data(50);
    side.send(&framed(&[handshake(), long.clone(), data(1)]), 400);
    // SYN, 3 whole segments' worth: the third segment lies inside `long`.
    side.frames.remove(3);
    let read = side.read();
    let begun = 2 * 400 - 18 - 4;
    assert_eq!(
        read.payloads(),
        [&handshake()[..], &long[..begun], &data(1)]
    );
    assert_eq!(read.wire_lengths[1], long.len());
}

#[test]
fn segments_cut_by_the_snap_length_give_cut_datagrams() {
    let mut side = Side::connect(0);
    for datagram in datagrams() {
        side.send(&framed(&[datagram]), 2_000);
    }
    let read = read(&side.frames, Some(140));
    assert_eq!(read.datagrams.len(), datagrams().len());
    for ((found, wire), expected) in read
        .payloads()
        .iter()
        .zip(&read.wire_lengths)
        .zip(datagrams())
    {
        // IP and TCP headers, and the length.
        let kept = expected.len().min(140 - 44);
        assert_eq!(*found, &expected[..kept]);
        assert_eq!(*wire, expected.len());
    }
}

#[test]
fn a_new_connection_may_use_the_same_ports() {
    let mut side = Side::connect(1_000);
    side.send(&framed(&[handshake(), data(1)]), 900);
    side.send(&framed(&[data(2)])[..300], 900);
    side.control(FIN);
    side.sequence = 500;
    side.control(SYN);
    side.sequence += 1;
    side.send(&framed(&[handshake(), data(3)]), 900);
    side.control(RST);
    side.sequence = 77_000;
    side.control(SYN);
    side.sequence += 1;
    side.send(&framed(&[handshake(), data(4)]), 900);
    let read = side.read();
    let expected = [
        handshake(),
        data(1),
        handshake(),
        data(3),
        handshake(),
        data(4),
    ];
    assert_eq!(read.payloads(), expected);
}

#[test]
fn json_of_a_tracker_and_other_protocols_are_not_datagrams() {
    let json = br#"{"type": "register", "swarm_id": "fff7"}"#;
    let streams = [
        framed(&[json.to_vec(), json.to_vec()]),
        b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n".to_vec(),
        b"jxegzcxi\x06/json\n{\"ChanID\":0}\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        framed(&[b"{ \n\t\r\n\r\n  \"a\": 1 }".to_vec()]),
        vec![0; 5_000],
    ];
    for stream in streams {
        let mut side = Side::connect(0);
        side.send(&stream, 1_000);
        side.send(&framed(&datagrams()), 1_000);
        let read = side.read();
        assert!(read.datagrams.is_empty(), "{stream:?}");
        assert_eq!(
            read.counters.tcp_other_segments as usize,
            side.frames.len() - 1
        );
    }
}

#[test]
fn a_channel_may_happen_to_begin_like_json() {
    let datagram = b"{abc\x03\x00\x00\x00\x00\x00\x00\x00\x01".to_vec();
    let mut side = Side::connect(0);
    side.send(&framed(std::slice::from_ref(&datagram)), 1_000);
    assert_eq!(side.read().payloads(), [datagram]);
}

#[test]
fn an_impossible_length_loses_the_thread_until_the_next_datagram() {
    let mut side = Side::connect(0);
    side.send(&framed(&[handshake()]), 1_000);
    side.send(&[0xff; 300], 1_000);
    side.send(&framed(&[data(1)]), 2_000);
    assert_eq!(side.read().payloads(), [handshake(), data(1)]);
}

#[test]
fn many_connections_at_once_are_forgotten_oldest_first() {
    let mut frames = Vec::new();
    for port in 0..30_000_u16 {
        let source = SocketAddr::from(([10, 0, 0, 1], port));
        let destination = SocketAddr::from(([10, 0, 0, 2], 6778));
        let begun = &framed(&[data(1)])[..500];
        frames.push(Timed {
            nanoseconds: 0,
            bytes: tcp(source, destination, (1, 0), 0, begun),
            comment: None,
        });
    }
    let read = read(&frames, None);
    assert!(read.datagrams.is_empty());
    assert!(read.counters.tcp_dropped > 15_000, "{:?}", read.counters);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_segments_changes_what_comes_out(
        initial in any::<u32>(),
        cuts in prop::collection::vec((0.0..1.0_f64, 1..3_000_usize, 0..20_i32), 0..60),
    ) {
        let datagrams = datagrams();
        let stream = framed(&datagrams);
        // The whole stream in order, and parts of it again, early or late.
        let mut segments: Vec<_> = (0..stream.len())
            .step_by(500)
            .map(|start| (start as i32, start, (start + 500).min(stream.len())))
            .collect();
        for (place, length, shift) in cuts {
            let start = (place * stream.len() as f64) as usize;
            let end = (start + length).min(stream.len());
            segments.push((start as i32 + (shift - 10) * 400, start, end));
        }
        segments.sort_unstable();
        let mut side = Side::connect(initial);
        for (_, start, end) in segments {
            let sequence = initial.wrapping_add(1).wrapping_add(start as u32);
            side.add(0, &stream[start..end], sequence);
        }
        let read = side.read();
        prop_assert_eq!(read.payloads(), datagrams);
    }
}
