//! Protocol options of live streams (RFC 7574, sections 7.7 and 7.9).

use ppspp_dissector::wire::{DiscardWindow, MessageType, OptionCode};

use super::declarations::codes;
use super::options::{declared, refuses_other, takes, tells};
use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Outcome, Role, Stop};
use crate::probe::conversation::Conversation;

/// What all cases of this file have in common.
const LIVE: Case = Case {
    roles: &[Role::Injector],
    awaits: &[MessageType::Handshake],
    ..Case::USUAL
};

pub(in crate::probe) const CASES: &[Case] = &[
    Case {
        id: "rfc7574/7.7/reply-signature-algorithm",
        title: "The reply tells the live signature algorithm",
        requirement: "Where munros or chunks are signed the algorithm is told (option 5); it is \
                      the one that the swarm ID begins with.",
        finds: &[M::NoSignatureAlgorithm, M::WrongSignatureAlgorithm],
        run: reply_signature_algorithm,
        ..LIVE
    },
    Case {
        id: "rfc7574/7.7/other-signature-algorithm",
        title: "A peer with another signature algorithm gets silence",
        requirement: "Where the options of the two peers do not agree the check fails, and nothing \
                      is sent back.",
        finds: &[M::IgnoresSignatureAlgorithm],
        run: |it| refuses_other(it, OptionCode::SignatureAlgorithm),
        ..LIVE
    },
    Case {
        id: "rfc7574/7.7/takes-signature-algorithm",
        title: "A HANDSHAKE with the signature algorithm is answered",
        requirement: "Where munros or chunks are signed, a peer tells the algorithm (option 5): \
                      others have to read that.",
        finds: &[M::DropsSignatureAlgorithm],
        run: |it| takes(it, OptionCode::SignatureAlgorithm),
        ..LIVE
    },
    Case {
        id: "rfc7574/7.9/reply-discard-window",
        title: "The reply tells the live discard window",
        requirement: "A peer in a live swarm includes its discard window (option 7), in the width \
                      that the addressing method has; one that discards nothing sets all bits.",
        finds: &[M::NoDiscardWindow],
        run: reply_discard_window,
        ..LIVE
    },
    Case {
        id: "rfc7574/7.9/takes-discard-window",
        title: "A HANDSHAKE with the discard window is answered",
        requirement: "A peer in a live swarm includes its discard window (option 7): others have \
                      to read that.",
        finds: &[M::DropsDiscardWindow],
        run: |it| takes(it, OptionCode::LiveDiscardWindow),
        ..LIVE
    },
];

fn reply_signature_algorithm(it: &mut Conversation<'_>) -> Outcome {
    let Some(wanted) = it.swarm().signature_algorithm() else {
        return Err(Stop::Skip("the swarm has no key".to_owned()));
    };
    let value = |declared: &crate::probe::swarm::Declared| declared.signature_algorithm;
    tells(it, OptionCode::SignatureAlgorithm, value, &wanted)
}

fn reply_discard_window(it: &mut Conversation<'_>) -> Outcome {
    let (declared, frame) = declared(it)?;
    let addressing = declared.addressing.unwrap_or(it.swarm().addressing);
    let width = match DiscardWindow::is_wide(addressing) {
        Some(true) => 64,
        _ => 32,
    };
    let expected = format!("option 7 (live_discard_window) with {width} bits, not 0");
    match declared.window {
        Some(window) if window.value() > 0 => Ok(()),
        Some(_) => Err(Stop::violation(expected, "a window of 0 chunks", [frame])),
        None => Err(Stop::violation(expected, codes(&declared), [frame])),
    }
}
