//! Protocol options of live streams, in the target's first datagram and in our reply
//! (RFC 7574, sections 7.7 and 7.9).

use ppspp_dissector::wire::{DiscardWindow, MessageType, OptionCode};

use super::VIEWER;
use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Outcome, Stop};
use crate::probe::cases::declarations;
use crate::probe::cases::leecher::opening::options;
use crate::probe::cases::leecher::reply::{refused_other, with_option};
use crate::probe::conversation::Conversation;

const OPENING: &[MessageType] = &[MessageType::Handshake];

pub(super) const CASES: &[Case] = &[
    Case {
        id: "rfc7574/7.7/opening-signature-algorithm",
        title: "The first HANDSHAKE tells the live signature algorithm",
        requirement: "Where munros or chunks are signed the algorithm is told (option 5); it is \
                      the one that the swarm ID begins with.",
        awaits: OPENING,
        finds: &[M::NoSignatureAlgorithm, M::WrongSignatureAlgorithm],
        run: signature_algorithm,
        ..VIEWER
    },
    Case {
        id: "rfc7574/7.7/reply-signature-algorithm-taken",
        title: "A reply with the signature algorithm is taken",
        requirement: "Where munros or chunks are signed, a peer tells the algorithm (option 5): \
                      others have to read that.",
        finds: &[M::DropsSignatureAlgorithm],
        run: |it| with_option(it, OptionCode::SignatureAlgorithm),
        ..VIEWER
    },
    Case {
        id: "rfc7574/7.7/reply-other-signature-algorithm",
        title: "Nothing is asked of a peer with another signature algorithm",
        requirement: "Where the options of the two peers do not agree the check fails, and the \
                      initiator ceases communication.",
        finds: &[M::IgnoresSignatureAlgorithm],
        run: |it| refused_other(it, OptionCode::SignatureAlgorithm),
        ..VIEWER
    },
    Case {
        id: "rfc7574/7.9/opening-discard-window",
        title: "The first HANDSHAKE tells the live discard window",
        requirement: "A peer in a live swarm includes its discard window (option 7), in the width \
                      that the addressing method has; one that discards nothing sets all bits.",
        awaits: OPENING,
        finds: &[M::NoDiscardWindow],
        run: discard_window,
        ..VIEWER
    },
    Case {
        id: "rfc7574/7.9/reply-discard-window-taken",
        title: "A reply with the discard window is taken",
        requirement: "A peer in a live swarm includes its discard window (option 7): others have \
                      to read that.",
        finds: &[M::DropsDiscardWindow],
        run: |it| with_option(it, OptionCode::LiveDiscardWindow),
        ..VIEWER
    },
];

fn signature_algorithm(it: &mut Conversation<'_>) -> Outcome {
    let Some(wanted) = it.swarm().signature_algorithm() else {
        return Err(Stop::Error("the swarm has no key".to_owned()));
    };
    options(it, |declared, frame, _| {
        let option = OptionCode::SignatureAlgorithm;
        let found = declared.signature_algorithm;
        declarations::tell(declared, frame, option, found, &wanted)
    })
}

fn discard_window(it: &mut Conversation<'_>) -> Outcome {
    let width = match DiscardWindow::is_wide(it.swarm().addressing) {
        Some(true) => 64,
        _ => 32,
    };
    let expected = format!("option 7 (live discard window) with {width} bits, not 0");
    options(it, |declared, frame, _| {
        let actual = match declared.window {
            Some(window) if window.value() > 0 => return Ok(()),
            Some(_) => "a window of 0 chunks".to_owned(),
            None => declarations::codes(declared),
        };
        Err(Stop::violation(expected, actual, [frame]))
    })
}
