//! The example of RFC 7574, section 8.16, byte for byte in both directions.
//!
//! The bytes are the bits of the figures. Where the text beside a figure says
//! otherwise the figure wins: the swarm ID drawn has 20 bytes (the text says
//! 32), the delay drawn is 100 microseconds (the text says 100 ms) and the
//! content drawn ends with a newline (the text leaves it out). The rows
//! of bits that two figures replace with dots follow from the swarm ID, which
//! is SHA-1 of the content, and from the content.

use ppspp_dissector::wire::{
    ChannelId, ChunkAddressing, ChunkSize, ChunkSpec, ContentIntegrity, Handshake, HashFunction,
    Layout, Located, Message, ProtocolOption, decode_datagram, encode_datagram,
};

/// The file that is transferred.
const CONTENT: &[u8] = b"Hello world!\n";

/// SHA-1 of [`CONTENT`]: `47a0…b03b`.
const SWARM_ID: [u8; 20] = [
    0x47, 0xa0, 0x13, 0xe6, 0x60, 0xd4, 0x08, 0x61, 0x9d, 0x89, 0x4b, 0x20, 0x80, 0x6b, 0x1d, 0x50,
    0x86, 0xaa, 0xb0, 0x3b,
];

const INITIATOR: ChannelId = ChannelId(1);
const RESPONDER: ChannelId = ChannelId(8);
const CHUNK_0: ChunkSpec = ChunkSpec::Chunk32 { start: 0, end: 0 };

/// The datagrams, one line a row of 32 bits as far as the figures go.
const OPEN: &str = "00000000 \
    00000000 \
    01000101 \
    01020014 \
    47a013e6 60d40861 9d894b20 806b1d50 86aab03b \
    03010402 \
    06020900 \
    000400ff";
const ANSWER: &str = "00000001 \
    00000000 \
    08000103 \
    01040206 \
    02090000 \
    0400ff03 \
    00000000 \
    00000000";
const ASK: &str = "00000008 \
    08000000 \
    00000000 \
    0006";
const SERVE: &str = "00000001 \
    01000000 \
    00000000 \
    000004e9 \
    4180b7db \
    4448656c 6c6f2077 6f726c64 210a";
const ACKNOWLEDGE: &str = "00000008 \
    02000000 \
    00000000 \
    00000000 \
    00000000 \
    64030000 \
    00000000 \
    0000";
const CLOSE: &str = "00000008 \
    00000000 \
    00ff";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex
        .bytes()
        .filter(u8::is_ascii_hexdigit)
        .map(|digit| (digit as char).to_digit(16).expect("a digit") as u8)
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

fn layout() -> Layout {
    Layout {
        chunk_size: ChunkSize::Fixed(1024),
        ..Layout::RFC
    }
}

/// Decodes `hex` to `messages` at these offsets and encodes them back to it.
fn both_ways(hex: &str, channel: ChannelId, messages: &[Message<'_>], offsets: &[usize]) {
    let datagram = bytes(hex);
    let (found, located, error) = decode_datagram(&datagram, &layout());
    assert_eq!(error, None);
    assert_eq!(found, Some(channel));
    let decoded: Vec<_> = located.iter().map(|m| m.message.clone()).collect();
    assert_eq!(decoded, messages);
    assert_eq!(
        located.iter().map(|m| m.offset).collect::<Vec<_>>(),
        offsets
    );
    assert_eq!(
        located.iter().map(|m| m.length).sum::<usize>() + 4,
        datagram.len()
    );

    let mut written = Vec::new();
    encode_datagram(channel, messages, &layout(), &mut written).expect("the RFC's messages fit");
    assert_eq!(written, datagram);
}

#[test]
fn the_initiator_opens_on_channel_zero_with_all_its_options() {
    let handshake = Handshake {
        source_channel: INITIATOR,
        options: vec![
            ProtocolOption::Version(1),
            ProtocolOption::MinimumVersion(1),
            ProtocolOption::SwarmId(&SWARM_ID),
            ProtocolOption::ContentIntegrity(ContentIntegrity::Merkle),
            ProtocolOption::HashFunction(HashFunction::Sha256),
            ProtocolOption::ChunkAddressing(ChunkAddressing::Chunk32),
            ProtocolOption::ChunkSize(1024),
        ],
        has_end: true,
    };
    both_ways(
        OPEN,
        ChannelId::ZERO,
        &[Message::Handshake(handshake)],
        &[4],
    );
    assert_eq!(bytes(OPEN).len(), 48);
}

#[test]
fn the_responder_answers_without_swarm_and_with_what_it_has() {
    let handshake = Handshake {
        source_channel: RESPONDER,
        options: vec![
            ProtocolOption::Version(1),
            ProtocolOption::ContentIntegrity(ContentIntegrity::Merkle),
            ProtocolOption::HashFunction(HashFunction::Sha256),
            ProtocolOption::ChunkAddressing(ChunkAddressing::Chunk32),
            ProtocolOption::ChunkSize(1024),
        ],
        has_end: true,
    };
    let messages = [Message::Handshake(handshake), Message::Have(CHUNK_0)];
    both_ways(ANSWER, INITIATOR, &messages, &[4, 23]);
    assert_eq!(bytes(ANSWER).len(), 32);
}

#[test]
fn the_initiator_requests_the_chunk_and_asks_for_peers() {
    let messages = [Message::Request(CHUNK_0), Message::PexReq];
    both_ways(ASK, RESPONDER, &messages, &[4, 13]);
}

#[test]
fn the_responder_serves_the_chunk_with_its_clock() {
    let messages = [Message::Data {
        spec: CHUNK_0,
        timestamp: Some(0x0004_e941_80b7_db44),
        data: CONTENT,
        data_length: 13,
    }];
    both_ways(SERVE, INITIATOR, &messages, &[4]);
}

#[test]
fn the_initiator_acknowledges_and_announces() {
    let messages = [
        Message::Ack {
            spec: CHUNK_0,
            delay: 100,
        },
        Message::Have(CHUNK_0),
    ];
    both_ways(ACKNOWLEDGE, RESPONDER, &messages, &[4, 21]);
}

#[test]
fn the_initiator_closes_with_an_empty_list_of_options() {
    let handshake = Handshake {
        source_channel: ChannelId::ZERO,
        options: vec![],
        has_end: true,
    };
    assert!(handshake.is_closing());
    both_ways(CLOSE, RESPONDER, &[Message::Handshake(handshake)], &[4]);
    assert_eq!(bytes(CLOSE).len(), 10);
}

#[test]
fn every_datagram_of_the_example_cut_at_any_byte_is_a_prefix_or_truncated() {
    for hex in [OPEN, ANSWER, ASK, SERVE, ACKNOWLEDGE, CLOSE] {
        let datagram = bytes(hex);
        let (_, whole, _) = decode_datagram(&datagram, &layout());
        for cut in 0..datagram.len() {
            let (_, part, error) = decode_datagram(&datagram[..cut], &layout());
            let ends = |m: &Located<'_>| m.offset + m.length <= cut;
            let complete = whole.iter().take_while(|m| ends(m)).count();
            if cut >= 4 {
                assert_eq!(part[..complete], whole[..complete]);
            }
            assert!(error.is_none_or(|error| error.is_truncation()));
        }
    }
}
