//! Tests of what is written, read again by this program and by etherparse.

use std::io::Cursor;

use etherparse::{PacketHeaders, SlicedPacket, TransportHeader};

use super::super::Capture;
use super::*;

const ETHERNET: InterfaceSettings<'static> = InterfaceSettings {
    name: "leecher-1",
    description: "a simulated host",
    link_layer: LinkLayer::Ethernet,
    resolution: TimeResolution::Nanoseconds,
};

fn datagram(nanoseconds: i64, payload: &[u8], v6: bool) -> WrittenDatagram<'_> {
    let (source, destination) = if v6 {
        ("[fd00::1]:7000", "[fd00::2:3]:7001")
    } else {
        ("10.0.0.1:7000", "10.0.1.2:7001")
    };
    WrittenDatagram {
        time: Time::from_nanoseconds(nanoseconds),
        source: source.parse().expect("an address"),
        destination: destination.parse().expect("an address"),
        payload,
        comments: &[],
    }
}

fn writer() -> PcapngWriter<Vec<u8>> {
    PcapngWriter::new(Vec::new(), &["made by a test"]).expect("memory takes all")
}

#[test]
fn what_was_written_is_read_again_with_its_times_and_comments() {
    let mut writer = writer();
    let fine = writer.add_interface(&ETHERNET).expect("room");
    let coarse = writer
        .add_interface(&InterfaceSettings {
            resolution: TimeResolution::Microseconds,
            ..InterfaceSettings::default()
        })
        .expect("room");
    let payloads: Vec<Vec<u8>> = (0..40_u8)
        .map(|length| vec![length; length.into()])
        .collect();
    for (number, payload) in payloads.iter().enumerate() {
        let mut datagram = datagram(
            1_700_000_000_000_000_001 + number as i64,
            payload,
            number % 3 == 0,
        );
        let interface = if number % 2 == 0 { fine } else { coarse };
        if number == 4 {
            datagram.comments = &["twice", "said"];
        }
        writer.write_datagram(interface, &datagram).expect("room");
    }
    let written = writer.into_inner().expect("room");
    let mut capture = Capture::from_reader("written", Cursor::new(written)).expect("a capture");
    let mut number = 0;
    while let Some(captured) = capture.next() {
        let expected = datagram(0, &payloads[number], number % 3 == 0);
        assert_eq!(captured.datagram.payload, expected.payload);
        assert_eq!(captured.datagram.source, expected.source);
        assert_eq!(captured.datagram.destination, expected.destination);
        let nanoseconds = if number % 2 == 0 {
            1 + number as i64
        } else {
            0
        };
        let time = captured.datagram.time.map(Time::nanoseconds);
        assert_eq!(time, Some(1_700_000_000_000_000_000 + nanoseconds));
        assert_eq!(captured.comment, (number == 4).then_some("twice\nsaid"));
        number += 1;
    }
    assert_eq!(number, 40);
    assert!(capture.faults().is_empty());
    assert_eq!(
        capture.section_comments().collect::<Vec<_>>(),
        ["made by a test"]
    );
}

#[test]
fn checksums_are_right_for_every_length_and_version() {
    let payload: Vec<u8> = (0..=255).cycle().take(1_500).collect();
    for v6 in [false, true] {
        for length in [0, 1, 2, 3, 7, 100, 999, 1_500] {
            let datagram = datagram(0, &payload[..length], v6);
            let mut frame = Vec::new();
            headers::append(LinkLayer::Ethernet, &datagram, &mut frame).expect("it fits");
            let packet = PacketHeaders::from_ethernet_slice(&frame).expect("a packet");
            let Some(TransportHeader::Udp(udp)) = packet.transport else {
                panic!("no UDP");
            };
            let expected = match packet.net.expect("an IP header") {
                etherparse::NetHeaders::Ipv4(ip, _) => {
                    assert_eq!(ip.header_checksum, ip.calc_header_checksum());
                    udp.calc_checksum_ipv4(&ip, datagram.payload)
                }
                etherparse::NetHeaders::Ipv6(ip, _) => {
                    udp.calc_checksum_ipv6(&ip, datagram.payload)
                }
                other @ etherparse::NetHeaders::Arp(_) => panic!("{other:?}"),
            };
            assert_eq!(udp.checksum, expected.expect("it fits"));
            assert!(SlicedPacket::from_ethernet(&frame).is_ok());
        }
    }
}

#[test]
fn a_checksum_is_never_the_one_that_means_none() {
    // One of all payloads of two bytes sums up to zero.
    for word in 0..=u16::MAX {
        let payload = word.to_be_bytes();
        let mut packet = Vec::new();
        headers::append(LinkLayer::RawIp, &datagram(0, &payload, false), &mut packet)
            .expect("fits");
        assert_ne!(packet[26..28], [0, 0]);
    }
}

#[test]
fn the_longest_payload_is_written_and_a_longer_one_refused() {
    let payload = vec![0xff; 65_528];
    for (v6, most) in [(false, 65_507), (true, 65_527)] {
        let mut out = Vec::new();
        let fits = datagram(0, &payload[..most], v6);
        assert!(headers::append(LinkLayer::RawIp, &fits, &mut out).is_ok());
        let longer = datagram(0, &payload[..=most], v6);
        let refused = headers::append(LinkLayer::RawIp, &longer, &mut out);
        assert!(matches!(refused, Err(WriteError::TooLong { .. })));
    }
}

#[test]
fn what_a_capture_cannot_hold_is_refused_and_leaves_it_whole() {
    let mut writer = writer();
    let interface = writer.add_interface(&ETHERNET).expect("room");
    let before = writer.out.len();
    let early = datagram(-1, b"", false);
    let mixed = WrittenDatagram {
        source: "[::1]:1".parse().expect("an address"),
        ..datagram(0, b"", false)
    };
    assert!(matches!(
        writer.write_datagram(interface, &early),
        Err(WriteError::TooEarly)
    ));
    let refused = writer.write_datagram(interface, &mixed);
    assert!(matches!(refused, Err(WriteError::MixedVersions { .. })));
    let refused = writer.write_datagram(InterfaceId(1), &datagram(0, b"", false));
    assert!(matches!(
        refused,
        Err(WriteError::NoInterface { number: 1 })
    ));
    assert_eq!(writer.out.len(), before);
}
