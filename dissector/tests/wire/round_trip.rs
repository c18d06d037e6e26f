//! Encoding, then decoding, gives the same messages at the bytes they were written to.

use ppspp_dissector::wire::{ChunkSize, Layout, decode_datagram, encode_message};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::strategies::{Sample, any_datagram, datagram, every_layout};

/// Decodes a sample and compares everything with what it was made from.
fn check(sample: &Sample) -> Result<(), TestCaseError> {
    let (channel, located, error) = decode_datagram(&sample.bytes, &sample.layout);
    prop_assert_eq!(error, None);
    prop_assert_eq!(channel, Some(sample.channel));
    prop_assert_eq!(located.len(), sample.messages.len());

    // The byte ranges tile the datagram: each begins where the last one ended,
    // and holds exactly what its message alone encodes to.
    let mut position = 4;
    for (found, sent) in located.iter().zip(&sample.messages) {
        prop_assert_eq!(&found.message, sent);
        prop_assert_eq!(found.offset, position);
        let mut alone = Vec::new();
        encode_message(sent, &sample.layout, &mut alone).expect("it was encoded before");
        prop_assert_eq!(found.length, alone.len());
        position += found.length;
        prop_assert_eq!(&sample.bytes[found.offset..position], &alone[..]);
    }
    prop_assert_eq!(position, sample.bytes.len());
    Ok(())
}

#[test]
fn every_combination_of_addressing_hash_signature_and_dialect_round_trips() {
    let mut runner = TestRunner::new(Config::with_cases(4));
    for layout in every_layout() {
        for chunk_size in [ChunkSize::Unknown, ChunkSize::Fixed(64)] {
            let layout = Layout {
                chunk_size,
                ..layout
            };
            runner
                .run(&datagram(layout), |sample| check(&sample))
                .unwrap_or_else(|error| panic!("{layout:?}: {error}"));
        }
    }
}

proptest! {
    #![proptest_config(Config::with_cases(1024))]

    #[test]
    fn every_datagram_decodes_to_what_was_encoded(sample in any_datagram()) {
        check(&sample)?;
    }

    #[test]
    fn an_options_length_is_what_it_takes_in_its_handshake(sample in any_datagram()) {
        use ppspp_dissector::wire::Message;
        for message in &sample.messages {
            if let Message::Handshake(handshake) = message {
                let mut bytes = Vec::new();
                encode_message(message, &sample.layout, &mut bytes).expect("it was encoded before");
                let options: usize = handshake
                    .options
                    .iter()
                    .map(|option| option.wire_length(sample.layout.dialect))
                    .sum();
                let end = usize::from(handshake.has_end && sample.layout.dialect.handshake_options);
                prop_assert_eq!(bytes.len(), 1 + 4 + options + end);
            }
        }
    }
}
