//! A datagram cut at any byte yields the first messages of the uncut one.

use ppspp_dissector::wire::{DecodeError, Located, Message, Reader};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError};

use crate::strategies::{Sample, any_datagram};

fn read(
    sample: &Sample,
    cut: usize,
    wire_length: usize,
) -> (Vec<Located<'_>>, Option<DecodeError>) {
    let mut messages = Vec::new();
    let mut reader = match Reader::new(&sample.bytes[..cut], wire_length) {
        Ok((_, reader)) => reader,
        Err(error) => return (messages, Some(error)),
    };
    while let Some(next) = reader.next(&sample.layout) {
        match next {
            Ok(located) => messages.push(located),
            Err(error) => return (messages, Some(error)),
        }
    }
    (messages, None)
}

/// Whether `part` is `whole` with fewer bytes of its chunk.
fn is_shortened_data(part: &Message<'_>, whole: &Message<'_>) -> bool {
    match (part, whole) {
        (
            Message::Data {
                spec,
                timestamp,
                data,
                ..
            },
            Message::Data {
                spec: spec2,
                timestamp: timestamp2,
                data: data2,
                ..
            },
        ) => spec == spec2 && timestamp == timestamp2 && data2.starts_with(data),
        _ => false,
    }
}

/// Whether `part` is `whole` with fewer options.
fn is_shortened_handshake(part: &Message<'_>, whole: &Message<'_>) -> bool {
    match (part, whole) {
        (Message::Handshake(part), Message::Handshake(whole)) => {
            part.source_channel == whole.source_channel
                && !part.has_end
                && whole.options.starts_with(&part.options)
        }
        _ => false,
    }
}

/// What holds however a datagram was cut: messages that lie before the cut are
/// all there, and only the last one may be a part of the one it was.
fn check_prefix<'a>(
    found: &'a [Located<'a>],
    error: Option<DecodeError>,
    whole: &'a [Located<'a>],
    cut: usize,
) -> Result<Option<(&'a Located<'a>, &'a Located<'a>)>, TestCaseError> {
    let complete = whole.iter().filter(|m| m.offset + m.length <= cut).count();
    prop_assert!(found.len() >= complete || cut < 4);
    prop_assert_eq!(
        &found[..complete.min(found.len())],
        &whole[..complete.min(found.len())]
    );
    prop_assert!(found.len() <= complete + 1);
    if let Some(error) = error {
        prop_assert!(error.is_truncation(), "a cut is a truncation: {}", error);
        prop_assert_eq!(found.len(), complete);
    }
    Ok(found.get(complete).map(|part| (part, &whole[complete])))
}

proptest! {
    #![proptest_config(Config::with_cases(256))]

    #[test]
    fn a_datagram_cut_by_the_capture_is_a_prefix_with_its_lengths_on_the_wire(sample in any_datagram()) {
        let length = sample.bytes.len();
        let (whole, error) = read(&sample, length, length);
        prop_assert_eq!(error, None);
        for cut in 0..length {
            let (found, error) = read(&sample, cut, length);
            if let Some((part, whole)) = check_prefix(&found, error, &whole, cut)? {
                if is_shortened_handshake(&part.message, &whole.message) {
                    prop_assert_eq!(part.offset, whole.offset);
                    prop_assert!(part.offset + part.length <= cut);
                } else {
                    // The length of DATA is known without its bytes.
                    prop_assert!(is_shortened_data(&part.message, &whole.message));
                    prop_assert_eq!((part.offset, part.length), (whole.offset, whole.length));
                }
            }
        }
    }

    #[test]
    fn a_datagram_that_ends_early_is_a_prefix(sample in any_datagram()) {
        let length = sample.bytes.len();
        let (whole, _) = read(&sample, length, length);
        for cut in 0..length {
            let (found, error) = read(&sample, cut, cut);
            if let Some((part, whole)) = check_prefix(&found, error, &whole, cut)? {
                // Nothing tells that DATA or a list of options once went on.
                prop_assert!(
                    is_shortened_data(&part.message, &whole.message)
                        || is_shortened_handshake(&part.message, &whole.message)
                );
                prop_assert_eq!(part.offset + part.length, cut);
            }
        }
    }
}

#[test]
fn a_handshake_that_the_capture_cut_shows_its_channel_and_the_options_before_the_cut() {
    // Channel 0, HANDSHAKE, version 1, minimum version 1, end.
    let bytes = [0, 0, 0, 0, 0, 1, 2, 3, 4, 0, 1, 1, 1, 255];
    let layout = ppspp_dissector::wire::Layout::RFC;
    for (cut, options) in [(9, 0), (10, 0), (11, 1), (12, 1), (13, 2)] {
        let (_, mut reader) = Reader::new(&bytes[..cut], bytes.len()).expect("a channel ID");
        let first = reader.next(&layout).expect("a message begins");
        let Message::Handshake(handshake) = first.expect("it shows something").message else {
            panic!("a HANDSHAKE");
        };
        assert_eq!(handshake.source_channel.0, 0x0102_0304);
        assert_eq!(
            (handshake.options.len(), handshake.has_end),
            (options, false)
        );
        assert_eq!(reader.next(&layout), None, "the rest is no message");
    }
}
