//! The fields of datagrams that no sample capture has.

use ppspp_dissector::fields::{Frame, HeadValues, RecordValues};
use ppspp_dissector::session::{Analyzer, Config, Datagram, Time, Transport};
use ppspp_dissector::wire::dialect::{PEREGRINE_2019, PYPPSPP};
use ppspp_dissector::wire::{
    ChannelId, ChunkSpec, Dialect, Handshake, Layout, Message, MessageType, ProtocolOption,
    bitmap_of, encode_datagram,
};

use crate::support::filter;

const FRAME: Frame<'static> = Frame {
    length: Some(142),
    start: Some(Time::from_nanoseconds(1_000)),
    comment: Some("seen at home"),
};

/// A datagram between two IPv6 addresses that arrived in three fragments.
fn datagram(payload: &[u8], wire_length: usize) -> Datagram<'_> {
    Datagram {
        frame: 7,
        time: Some(Time::from_nanoseconds(21_000)),
        source: "[2001:db8::1]:6778".parse().expect("an address"),
        destination: "[2001:db8::2]:6779".parse().expect("an address"),
        transport: Transport::Udp,
        payload,
        wire_length,
        fragments: 3,
    }
}

/// Asserts which filters a datagram fits.
#[track_caller]
fn assert_fits(datagram: &Datagram<'_>, fit: &[&str], unfit: &[&str]) {
    let mut analyzer = Analyzer::new(Config {
        ports: [6778].into(),
        verify: true,
        ..Config::default()
    });
    let mut messages = Vec::new();
    let record = analyzer.datagram(datagram, &mut messages).expect("PPSPP");
    let values = RecordValues::new(datagram, &record, FRAME);
    for (texts, expected) in [(fit, true), (unfit, false)] {
        for text in texts {
            let filter = filter(text);
            assert_eq!(filter.matches(&values), expected, "{text}");
            let by_head = filter.decide(&HeadValues::new(datagram, FRAME));
            assert!(by_head.is_none_or(|by_head| by_head == expected), "{text}");
        }
    }
}

fn encoded(channel: ChannelId, message: Message<'_>, layout: &Layout) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_datagram(channel, &[message], layout, &mut bytes).expect("a datagram");
    bytes
}

fn handshake(dialect: &'static Dialect, options: &[ProtocolOption<'_>]) -> Vec<u8> {
    let version = [ProtocolOption::Version(1)];
    let message = Message::Handshake(Handshake {
        source_channel: ChannelId(0x0a0b_0c0d),
        options: version.iter().chain(options).copied().collect(),
        has_end: true,
    });
    encoded(ChannelId::ZERO, message, &Layout::of_dialect(dialect))
}

const fn foreign<'a>(code: u8, name: &'static str, value: &'a [u8]) -> ProtocolOption<'a> {
    ProtocolOption::Foreign { code, name, value }
}

#[test]
fn options_of_dialects_have_fields() {
    let uuid = [foreign(10, "peer_uuid", &[0xa5; 16])];
    let payload = handshake(&PYPPSPP, &uuid);
    assert_fits(
        &datagram(&payload, payload.len()),
        &[
            r#"ppspp.dialect == "pyppspp""#,
            "ppspp.handshake.peer_uuid[0:2] == a5:a5",
            "len(ppspp.handshake.peer_uuid) == 16",
        ],
        &["ppspp.handshake.file_name"],
    );
    let file = [
        foreign(10, "file_size", &[0, 0, 0, 0, 0, 0, 0x10, 0]),
        foreign(11, "file_name", b"video.mp4"),
        foreign(12, "file_hash", &[0x24; 20]),
    ];
    let payload = handshake(&PEREGRINE_2019, &file);
    assert_fits(
        &datagram(&payload, payload.len()),
        &[
            r#"ppspp.dialect == "peregrine-2019""#,
            "ppspp.handshake.file_size == 0000000000001000",
            r#"ppspp.handshake.file_name == "video.mp4""#,
            "ppspp.handshake.file_hash contains 24:24",
        ],
        &["ppspp.handshake.peer_uuid"],
    );
}

#[test]
fn the_frame_has_fields() {
    let payload = handshake(&PYPPSPP, &[]);
    assert_fits(
        &datagram(&payload, payload.len() + 10),
        &[
            "frame.number == 7",
            "frame.len == 142",
            "frame.time_relative == 20us",
            r#"frame.comment contains "home""#,
            "ipv6.addr == 2001:db8::/32 && !ip",
            "ipv6.src == 2001:db8::1",
            "ipv6.dst in {2001:db8::2..2001:db8::9}",
            "ipv6.fragment.count == 3",
            "udp.length > 18",
            "ppspp.captured < 30",
            "ppspp.channel == 00000000",
        ],
        &["ip.fragment.count", "tcp", "ipv6.src == ipv6.dst"],
    );
    assert_fits(
        &datagram(&payload, payload.len()),
        &["!ppspp.captured"],
        &[],
    );
}

#[test]
fn options_can_be_asked_for_one_by_one() {
    let bitmap = bitmap_of(&[MessageType::Data, MessageType::Have]);
    let options = [
        ProtocolOption::SupportedMessages(&bitmap),
        ProtocolOption::ChunkSize(u32::MAX),
    ];
    let payload = handshake(&PYPPSPP, &options);
    assert_fits(
        &datagram(&payload, payload.len()),
        &[
            r#"ppspp.handshake.supported_messages == "HAVE""#,
            r#"ppspp.handshake.supported_messages != "ACK""#,
            "count(ppspp.handshake.supported_messages) == 2",
            "ppspp.handshake.chunk_size == 0xffffffff",
            "ppspp.handshake.source_channel == 0a0b0c0d",
            "ppspp.handshake.version == 1",
        ],
        &["ppspp.handshake.minimum_version"],
    );
}

#[test]
fn bins_name_chunks_and_keep_their_numbers() {
    let layout = Layout {
        addressing: ppspp_dissector::wire::ChunkAddressing::Bin32,
        ..Layout::RFC
    };
    // Bin 11 is over chunks 4 to 7; the last one is everything.
    for (bin, fit) in [
        (
            11,
            &[
                "ppspp.bin == 11",
                "ppspp.chunks === 4..7",
                "ppspp.chunk.count == 4",
            ][..],
        ),
        (
            u32::MAX >> 1,
            &["ppspp.chunks contains 0..99999", "ppspp.chunk.start == 0"][..],
        ),
        (
            u32::MAX,
            &["ppspp.bin", "!ppspp.chunks", "!ppspp.chunk.start"][..],
        ),
    ] {
        let have = Message::Have(ChunkSpec::Bin32(bin));
        let payload = encoded(ChannelId(0x0a0b_0c0d), have, &layout);
        let datagram = datagram(&payload, payload.len());
        let mut analyzer = Analyzer::new(Config {
            ports: [6778].into(),
            addressing: Some(layout.addressing),
            ..Config::default()
        });
        let mut messages = Vec::new();
        let record = analyzer.datagram(&datagram, &mut messages).expect("PPSPP");
        let values = RecordValues::new(&datagram, &record, FRAME);
        for text in fit {
            assert!(filter(text).matches(&values), "{text} of bin {bin}");
        }
    }
}

#[test]
fn findings_belong_to_the_message_that_they_are_about() {
    // CHOKE twice in a datagram on a channel that nobody opened, then garbage.
    let mut payload = vec![0x0a, 0x0b, 0x0c, 0x0d, 10, 11, 200];
    payload.extend([0; 4]);
    assert_fits(
        &datagram(&payload, payload.len()),
        &[
            r#"ppspp.finding.id == "message.unknown""#,
            r#"ppspp.finding.text contains "Table 7""#,
            r#"ppspp.finding.section == "8.2""#,
            "ppspp.finding.offset == 6",
            "ppspp.malformed && ppspp.undecoded contains c8:00",
        ],
        &[
            r#"message(ppspp.msg.type == "CHOKE" && ppspp.finding.id == "message.unknown")"#,
            r#"message(ppspp.finding.id == "channel.unknown")"#,
        ],
    );
}
