//! Byte vectors from the tests of other implementations: swirl (Erlang) and
//! aioppspp (Python).

use ppspp_dissector::wire::{
    Cause, ChannelId, ChunkAddressing, ChunkSpec, ContentIntegrity, HashFunction, Layout, Message,
    MessageType, OptionCode, ProtocolOption, bitmap_supports, decode_datagram, encode_datagram,
};

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&hex[i..i + 2], 16).expect("hex digits"))
        .collect()
}

/// The swarm of swirl's vectors: SHA-1 root of a picture of 26 chunks.
const SWIRL_SWARM: &str = "c89800bfc82ed01ed6e3bfd5408c51274491f7d4";

/// The option list that all of swirl's handshakes share: version 1, minimum
/// version 1, swarm, Merkle, SHA-1, 32-bit chunk ranges, end; no chunk size.
fn check_swirl_handshake(datagram: &[u8], source: u32) {
    let (channel, messages, error) = decode_datagram(datagram, &Layout::RFC);
    assert_eq!((channel, error), (Some(ChannelId::ZERO), None));
    let [located] = &messages[..] else {
        panic!("one message, not {messages:?}");
    };
    assert_eq!((located.offset, located.length), (4, datagram.len() - 4));
    let Message::Handshake(handshake) = &located.message else {
        panic!("a handshake, not {located:?}");
    };
    assert_eq!(handshake.source_channel, ChannelId(source));
    assert!(handshake.has_end);
    assert_eq!(handshake.swarm_id(), Some(&bytes(SWIRL_SWARM)[..]));
    assert_eq!(
        handshake.options,
        [
            ProtocolOption::Version(1),
            ProtocolOption::MinimumVersion(1),
            ProtocolOption::SwarmId(&bytes(SWIRL_SWARM)),
            ProtocolOption::ContentIntegrity(ContentIntegrity::Merkle),
            ProtocolOption::HashFunction(HashFunction::Sha1),
            ProtocolOption::ChunkAddressing(ChunkAddressing::Chunk32),
        ]
    );
    let mut written = Vec::new();
    encode_datagram(
        ChannelId::ZERO,
        std::slice::from_ref(&located.message),
        &Layout::RFC,
        &mut written,
    )
    .expect("what was decoded has an encoding");
    assert_eq!(written, datagram);
}

#[test]
fn swirls_handshakes_from_the_wire_decode_to_their_options() {
    // Messages as swirl keeps them, without the channel in front.
    for (source, message) in [
        (
            0xef19_61d4,
            "00ef1961d400010101020014c89800bfc82ed01ed6e3bfd5408c51274491f7d4030104000602ff",
        ),
        (
            0x8ba5_7ecb,
            "008ba57ecb00010101020014c89800bfc82ed01ed6e3bfd5408c51274491f7d4030104000602ff",
        ),
    ] {
        check_swirl_handshake(&bytes(&format!("00000000{message}")), source);
    }
}

#[test]
fn swirls_composed_datagram_decodes_whole() {
    check_swirl_handshake(
        &bytes(
            "00000000007777777700010101020014c89800bfc82ed01ed6e3bfd5408c51274491f7d4\
             030104000602ff",
        ),
        0x7777_7777,
    );
}

#[test]
fn swirls_haves_and_chunk_ranges_decode_to_their_ends() {
    // A seeder's peaks of 26 chunks, then a leecher's growing HAVEs.
    for (message, start, end) in [
        ("03000000000000000f", 0, 15),
        ("030000001000000017", 16, 23),
        ("030000001800000019", 24, 25),
        ("030000000000000000", 0, 0),
        ("030000000000000004", 0, 4),
        ("030000000000000010", 0, 16),
        ("030000000000000018", 0, 24),
    ] {
        let datagram = bytes(&format!("00000001{message}"));
        let (_, messages, error) = decode_datagram(&datagram, &Layout::RFC);
        assert_eq!(error, None);
        assert_eq!(
            messages[0].message,
            Message::Have(ChunkSpec::Chunk32 { start, end })
        );
    }
}

#[test]
fn a_chunk_range_takes_no_byte_of_what_follows_it() {
    // swirl: 0-15, then ten bytes that are nobody's.
    let datagram = bytes("0000000103000000000000000fdeadbeefdeadbeefdead");
    let (_, messages, error) = decode_datagram(&datagram, &Layout::RFC);
    assert_eq!(messages.len(), 1);
    assert_eq!((messages[0].offset, messages[0].length), (4, 9));
    let error = error.expect("0xde is no message type");
    assert_eq!(
        (error.offset, error.cause),
        (13, Cause::UnknownMessage(0xde))
    );
}

/// A HANDSHAKE on channel 0 from channel 1 with these options.
fn handshake_with(options: &str) -> Vec<u8> {
    bytes(&format!("000000000000000001{options}"))
}

#[test]
fn aioppspps_bitmap_names_all_but_acks_and_pex() {
    let datagram = handshake_with("0802d9f0ff");
    let (_, messages, error) = decode_datagram(&datagram, &Layout::RFC);
    assert_eq!(error, None);
    let Message::Handshake(handshake) = &messages[0].message else {
        panic!("a handshake");
    };
    let [ProtocolOption::SupportedMessages(bitmap)] = handshake.options[..] else {
        panic!("one option");
    };
    let missing: Vec<_> = MessageType::ASSIGNED
        .iter()
        .filter(|kind| !bitmap_supports(bitmap, **kind))
        .collect();
    assert_eq!(
        missing,
        [
            &MessageType::Ack,
            &MessageType::PexResV4,
            &MessageType::PexReq,
            &MessageType::PexResV6,
            &MessageType::PexResCert
        ]
    );
}

#[test]
fn aioppspps_swarm_id_that_is_too_short_is_truncated() {
    let datagram = handshake_with("02001000");
    let (_, messages, error) = decode_datagram(&datagram, &Layout::RFC);
    assert!(messages.is_empty());
    let error = error.expect("16 bytes are announced, one follows");
    assert_eq!(error.message, Some(MessageType::Handshake));
    assert_eq!(
        error.cause,
        Cause::Truncated {
            field: "a swarm ID",
            needed: 16,
            available: 1
        }
    );
}

#[test]
fn a_duplicate_option_decodes_and_keeps_both() {
    // aioppspp refuses it; here it is for the session to make a finding of.
    let datagram = handshake_with("00010001ff");
    let (_, messages, error) = decode_datagram(&datagram, &Layout::RFC);
    assert_eq!(error, None);
    let Message::Handshake(handshake) = &messages[0].message else {
        panic!("a handshake");
    };
    let codes: Vec<_> = handshake.options.iter().map(ProtocolOption::code).collect();
    assert_eq!(codes, [OptionCode::Version, OptionCode::Version]);
}

#[test]
fn aioppspps_empty_option_list_is_its_end_alone() {
    let datagram = handshake_with("ff");
    let (_, messages, error) = decode_datagram(&datagram, &Layout::RFC);
    assert_eq!(error, None);
    assert_eq!((messages[0].offset, messages[0].length), (4, 6));
}

#[test]
fn aioppspps_channel_id_is_the_first_four_bytes() {
    let datagram = bytes("3132333435363738");
    let (channel, messages, error) = decode_datagram(&datagram, &Layout::RFC);
    assert_eq!(channel, Some(ChannelId(0x3132_3334)));
    assert!(messages.is_empty());
    assert_eq!(
        error.map(|error| (error.offset, error.cause)),
        Some((4, Cause::UnknownMessage(0x35)))
    );
    let datagram = bytes("00000000");
    let (channel, messages, error) = decode_datagram(&datagram, &Layout::RFC);
    assert_eq!(channel, Some(ChannelId::ZERO));
    assert!(messages.is_empty() && error.is_none());
}

#[test]
fn aioppspps_bad_message_lists_are_faults_where_they_begin() {
    let datagram = bytes("00000001cc");
    let (_, _, error) = decode_datagram(&datagram, &Layout::RFC);
    assert_eq!(
        error.map(|error| (error.offset, error.cause)),
        Some((4, Cause::UnknownMessage(204)))
    );
    let datagram = bytes("0000000102");
    let (_, _, error) = decode_datagram(&datagram, &Layout::RFC);
    let error = error.expect("an ACK without payload");
    assert_eq!((error.offset, error.message), (5, Some(MessageType::Ack)));
    assert!(error.is_truncation());
}
