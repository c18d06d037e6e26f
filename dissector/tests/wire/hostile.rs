//! Any bytes under any layout: decoding ends, and says nothing beyond the datagram.

use ppspp_dissector::wire::dialect::DIALECTS;
use ppspp_dissector::wire::{ChunkAddressing, ChunkSize, HashFunction, Layout, Message, Reader};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestCaseError};

use crate::strategies::any_datagram;

/// Any layout, also those that no handshake should settle.
fn wild_layout() -> impl Strategy<Value = Layout> {
    (
        select(DIALECTS.to_vec()),
        prop_oneof![0..6_u8, any::<u8>()].prop_map(ChunkAddressing::from_code),
        prop_oneof![0..6_u8, any::<u8>()].prop_map(HashFunction::from_code),
        prop::option::of(prop_oneof![0..200_usize, Just(usize::MAX)]),
        prop_oneof![
            Just(ChunkSize::Unknown),
            Just(ChunkSize::Variable),
            (0..40_u32).prop_map(ChunkSize::Fixed),
            any::<u32>().prop_map(ChunkSize::Fixed),
        ],
        any::<bool>(),
    )
        .prop_map(
            |(dialect, addressing, hash_function, signature_length, chunk_size, data_timestamp)| {
                Layout {
                    dialect,
                    addressing,
                    hash_function,
                    signature_length,
                    chunk_size,
                    data_timestamp,
                }
            },
        )
}

/// Reads `payload` to its end or first fault and checks what must hold of both.
fn check(payload: &[u8], wire_length: usize, layout: &Layout) -> Result<(), TestCaseError> {
    let wire_length_or_more = wire_length.max(payload.len());
    let (channel, mut reader) = match Reader::new(payload, wire_length) {
        Ok(start) => start,
        Err(error) => {
            prop_assert!(payload.len() < 4);
            prop_assert!(error.is_truncation());
            return Ok(());
        }
    };
    prop_assert_eq!(&channel.0.to_be_bytes()[..], &payload[..4]);
    let mut position = 4;
    let mut cut_handshake = false;
    while let Some(next) = reader.next(layout) {
        match next {
            Ok(located) => {
                prop_assert_eq!(located.offset, position, "ranges leave no gap");
                prop_assert!(located.length > 0, "every message takes a byte");
                position += located.length;
                prop_assert!(position <= wire_length_or_more);
                cut_handshake = matches!(&located.message,
                    Message::Handshake(handshake) if !handshake.has_end)
                    && wire_length > payload.len();
                if let Message::Data {
                    data, data_length, ..
                } = located.message
                {
                    prop_assert!(data.len() <= data_length);
                }
            }
            Err(error) => {
                prop_assert!(position <= error.offset && error.offset <= payload.len());
                prop_assert_eq!(reader.position(), position, "a reader stays before a fault");
                prop_assert_eq!(reader.rest(), &payload[position..]);
                prop_assert!(!error.to_string().is_empty());
                prop_assert_eq!(reader.next(layout), Some(Err(error)));
                return Ok(());
            }
        }
    }
    // Behind the options that a cut HANDSHAKE shows there may be part of one.
    prop_assert!(reader.rest().is_empty() || cut_handshake);
    Ok(())
}

proptest! {
    #![proptest_config(Config::with_cases(4096))]

    #[test]
    fn arbitrary_bytes_are_read_within_their_bounds(
        payload in prop::collection::vec(any::<u8>(), 0..400),
        beyond in prop_oneof![Just(0_usize), 0..2000_usize],
        layout in wild_layout(),
    ) {
        check(&payload, payload.len() + beyond, &layout)?;
    }

    #[test]
    fn bytes_that_look_like_messages_are_read_within_their_bounds(
        // Small octets are message types, option codes and plausible lengths.
        payload in prop::collection::vec(prop_oneof![4 => 0..16_u8, 1 => any::<u8>()], 0..400),
        beyond in prop_oneof![Just(0_usize), 0..2000_usize],
        layout in wild_layout(),
    ) {
        check(&payload, payload.len() + beyond, &layout)?;
    }

    #[test]
    fn a_wire_length_below_the_captured_one_is_not_believed(
        payload in prop::collection::vec(0..16_u8, 0..100),
        wire_length in 0..100_usize,
        layout in wild_layout(),
    ) {
        check(&payload, wire_length, &layout)?;
    }

    #[test]
    fn a_damaged_datagram_is_read_within_its_bounds(
        sample in any_datagram(),
        other in wild_layout(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = sample.bytes;
        for (index, value) in damage {
            let index = index.index(bytes.len());
            bytes[index] = value;
        }
        check(&bytes, bytes.len(), &sample.layout)?;
        check(&bytes, bytes.len(), &other)?;
    }
}
