//! Protocol options of live streams, in the target's first datagram and in our reply
//! (RFC 7574, sections 7.7 and 7.9).

use ppspp_dissector::wire::{
    DiscardWindow, MessageType, OptionCode, ProtocolOption, SignatureAlgorithm,
};

use super::VIEWER;
use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Outcome, Stop};
use crate::probe::cases::leecher::opening::{codes, objection_to, options_are};
use crate::probe::cases::leecher::reply::{refused, with_option};
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
        run: other_signature_algorithm,
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
    let expected = format!("option 5 (live signature algorithm): {wanted}");
    options_are(it, &expected, |seeder| {
        objection_to(seeder, seeder.declared.signature_algorithm, &wanted)
    })
}

fn other_signature_algorithm(it: &mut Conversation<'_>) -> Outcome {
    let own = it.swarm().signature_algorithm();
    let other = if own == Some(SignatureAlgorithm::EcdsaP384Sha384) {
        SignatureAlgorithm::EcdsaP256Sha256
    } else {
        SignatureAlgorithm::EcdsaP384Sha384
    };
    let because = format!("we sign by {other}");
    refused(it, OptionCode::SignatureAlgorithm, &because, |options| {
        options.push(ProtocolOption::SignatureAlgorithm(other));
    })
}

fn discard_window(it: &mut Conversation<'_>) -> Outcome {
    let width = match DiscardWindow::is_wide(it.swarm().addressing) {
        Some(true) => 64,
        _ => 32,
    };
    let expected = format!("option 7 (live discard window) with {width} bits, not 0");
    options_are(it, &expected, |seeder| match seeder.declared.window {
        Some(window) if window.value() > 0 => None,
        Some(_) => Some("a window of 0 chunks".to_owned()),
        None => Some(codes(seeder)),
    })
}
