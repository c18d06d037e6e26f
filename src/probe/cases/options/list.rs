//! The list of options as a list (RFC 7574, sections 7 and 7.1).

use super::{REPLY, declared};
use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Level, Outcome, Stop};
use crate::probe::cases::declarations::{are_sorted, have_end};
use crate::probe::cases::support::needs_options;
use crate::probe::conversation::Conversation;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "rfc7574/7/options-sorted",
        title: "The reply's options are sorted",
        requirement: "The options of a HANDSHAKE are sorted by their codes, ascending; so none \
                      comes twice either.",
        awaits: REPLY,
        finds: &[M::UnsortedOptions, M::SwarmIdFirst],
        run: options_sorted,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/7.1/reply-end-option",
        title: "The reply's options end with the end option",
        requirement: "A peer concludes the list of options with the end option (255).",
        awaits: REPLY,
        finds: &[M::NoEndOption],
        run: reply_end_option,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/7/no-end-option-survived",
        title: "A HANDSHAKE whose options do not end does no harm",
        requirement: "A list without end option is invalid; the target may refuse it and must \
                      survive it.",
        level: Level::Robustness,
        finds: &[M::DiesOfMissingEnd],
        run: missing_end,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/7/unknown-option-survived",
        title: "An unassigned option does no harm",
        requirement: "Codes 10 to 254 are unassigned, and nobody can tell how long such an option \
                      is: the target may refuse the HANDSHAKE and must survive it.",
        level: Level::Robustness,
        finds: &[M::DiesOfUnknownOption],
        run: unknown_option,
        ..Case::USUAL
    },
];

fn options_sorted(it: &mut Conversation<'_>) -> Outcome {
    let (declared, frame) = declared(it)?;
    are_sorted(&declared, frame)
}

fn reply_end_option(it: &mut Conversation<'_>) -> Outcome {
    let (declared, frame) = declared(it)?;
    have_end(&declared, frame)
}

/// Sends a first datagram whose option list is spoilt, and lets the liveness
/// check tell.
fn spoilt(it: &mut Conversation<'_>, tail: &[u8]) -> Outcome {
    needs_options(it)?;
    for _ in 0..3 {
        let port = it.port()?;
        let channel = it.channel(port);
        let handshake = Conversation::handshake(&channel, it.options());
        let mut bytes = vec![0; 4];
        ppspp_dissector::wire::encode_message(&handshake, &channel.writes, &mut bytes)
            .map_err(|error| Stop::Error(error.to_string()))?;
        // Without the end option.
        bytes.pop();
        bytes.extend_from_slice(tail);
        it.send_bytes(port, &bytes)?;
    }
    it.hear_all(it.patience().quiet / 2)?;
    Ok(())
}

fn missing_end(it: &mut Conversation<'_>) -> Outcome {
    spoilt(it, &[])
}

fn unknown_option(it: &mut Conversation<'_>) -> Outcome {
    spoilt(it, &[200, 1, 2, 3, 255])
}
