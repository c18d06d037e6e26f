//! What must hold of any datagram under any layout. Shared by the fuzz target
//! and the test that replays its corpus, so it uses nothing but the dissector.

use ppspp_dissector::wire::dialect::DIALECTS;
use ppspp_dissector::wire::{
    ChunkAddressing, ChunkSize, HashFunction, Layout, Located, Message, Reader, encode_datagram,
};

/// Bytes of an input that choose the layout; the datagram follows.
pub(crate) const HEADER: usize = 8;

/// The layout that the header of an input stands for:
/// dialect, addressing, hash function, length of a signature (0 for unknown),
/// kind of chunk size, two bytes of it, and flags: 1 for timestamps in DATA,
/// 2 for a capture that cut the datagram.
fn layout_of(header: [u8; HEADER]) -> Layout {
    let [dialect, addressing, hash, signature, kind, high, low, flags] = header;
    let size = u32::from(u16::from_be_bytes([high, low]));
    Layout {
        dialect: DIALECTS[usize::from(dialect) % DIALECTS.len()],
        addressing: ChunkAddressing::from_code(addressing),
        hash_function: HashFunction::from_code(hash),
        signature_length: (signature > 0).then_some(signature.into()),
        chunk_size: match kind % 4 {
            0 => ChunkSize::Unknown,
            1 => ChunkSize::Variable,
            2 => ChunkSize::Fixed(size),
            _ => ChunkSize::Fixed(u32::MAX - size),
        },
        data_timestamp: flags & 1 != 0,
    }
}

/// Decodes an input and panics when something does not hold: ranges tile the
/// datagram and stay within it, a fault lies behind what was decoded, and what
/// decoded to the end encodes to the same bytes.
pub(crate) fn check(input: &[u8]) {
    let Some((header, payload)) = input.split_first_chunk::<HEADER>() else {
        return;
    };
    let layout = layout_of(*header);
    let beyond = if header[7] & 2 == 0 { 0 } else { 100 };
    let wire_length = payload.len() + beyond;
    let Ok((channel, mut reader)) = Reader::new(payload, wire_length) else {
        assert!(payload.len() < 4);
        return;
    };
    let mut messages = Vec::new();
    let mut position = 4;
    while let Some(next) = reader.next(&layout) {
        match next {
            Ok(located) => {
                assert_eq!(located.offset, position, "ranges leave no gap");
                assert!(located.length > 0, "every message takes a byte");
                position += located.length;
                assert!(position <= wire_length, "ranges stay in the datagram");
                look_at(&located, &layout);
                messages.push(located.message);
            }
            Err(error) => {
                assert!(error.offset >= position && error.offset <= payload.len());
                assert!(!error.to_string().is_empty());
                return;
            }
        }
    }
    if beyond == 0 {
        assert_eq!(position, payload.len(), "nothing is left over");
        let mut written = Vec::new();
        encode_datagram(channel, &messages, &layout, &mut written)
            .expect("what was decoded has an encoding");
        assert_eq!(
            written, payload,
            "what was decoded encodes to the same bytes"
        );
    }
}

/// Uses what the library computes from a message.
fn look_at(located: &Located<'_>, layout: &Layout) {
    let message = &located.message;
    assert!(!message.name().is_empty());
    if let Some(spec) = message.spec() {
        let chunks = spec.chunks(layout.chunk_size.or_assumed());
        assert!(!chunks.to_string().is_empty() && !spec.to_string().is_empty());
        if let Some(range) = chunks.range() {
            assert!(range.start() <= range.end() && range.count() > 0);
        }
    }
    if let Message::Handshake(handshake) = message {
        let options = handshake.options.iter();
        let length: usize = options
            .map(|option| option.wire_length(layout.dialect))
            .sum();
        let end = handshake.has_end && layout.dialect.handshake_options;
        assert_eq!(located.length, 1 + 4 + length + usize::from(end));
        assert_eq!(handshake.is_closing(), handshake.source_channel.is_zero());
    }
}
