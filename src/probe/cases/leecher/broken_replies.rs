//! Replies that can't be read (RFC 7574, section 7).

use std::time::Duration;

use ppspp_dissector::wire::{Message, OptionCode, decode_datagram, encode_message};

use super::ROBUST;
use super::support::{AGAIN, begins_anew, goes_on, needs_fetching};
use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Outcome, Stop};
use crate::probe::conversation::Conversation;
use crate::probe::serve::{Offer, Seeder, Shape};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "rfc7574/7/reply-unknown-option-survived",
        title: "An unassigned option in a reply does no harm",
        requirement: "Codes 10 to 254 are unassigned, and nobody can tell how long such an option \
                      is: the target may refuse the reply and must survive it.",
        finds: &[M::DiesOfUnknownOption],
        run: unknown_option,
        ..ROBUST
    },
    Case {
        id: "rfc7574/7/reply-no-end-survived",
        title: "A reply whose options do not end does no harm",
        requirement: "A list without end option is invalid; the target may refuse it and must \
                      survive it.",
        finds: &[M::DiesOfMissingEnd, M::DeafToLaterHaves],
        run: no_end,
        ..ROBUST
    },
    Case {
        id: "rfc7574/7/truncated-reply-survived",
        title: "A reply that is cut anywhere does no harm",
        requirement: "Lengths from the network are checked: a HANDSHAKE that ends in the middle is \
                      invalid and is discarded.",
        finds: &[M::DiesOfTruncatedHandshake],
        run: truncated_reply,
        ..ROBUST
    },
];

/// Bytes of our reply, without the channel ID.
fn reply_bytes(it: &Conversation<'_>, seeder: &Seeder, has_end: bool) -> Result<Vec<u8>, Stop> {
    let swarm = seeder.swarm.clone();
    let mut options = swarm.options(&it.known().manner);
    options.retain(|it| it.code() != OptionCode::SwarmId);
    let handshake = ppspp_dissector::wire::Handshake {
        source_channel: seeder.channel.ours,
        options,
        has_end,
    };
    let mut bytes = Vec::new();
    encode_message(
        &Message::Handshake(handshake),
        &seeder.channel.writes,
        &mut bytes,
    )
    .map_err(|error| Stop::Error(error.to_string()))?;
    Ok(bytes)
}

/// After odd replies the target takes the right one, or has closed the channel:
/// it lives.
fn lives_after(
    it: &mut Conversation<'_>,
    odd: impl FnOnce(&Conversation<'_>, &Seeder) -> Result<Vec<Vec<u8>>, Stop>,
    what: &str,
) -> Outcome {
    needs_fetching(it)?;
    let mut seeder = Seeder::expect(it, Shape::Usual)?;
    for bytes in odd(it, &seeder)? {
        it.note(what);
        seeder.say_bytes(it, &bytes)?;
        seeder.watch(it, Duration::from_millis(10), |_| false)?;
    }
    if !seeder.log.closed.is_empty() {
        // It has refused us, in order.
        return Ok(());
    }
    if seeder.log.datagrams.is_empty() {
        match seeder.welcome(it, Offer::All) {
            // It may have given the channel up, and open another one.
            Err(Stop::Inconclusive(_)) => {
                if seeder.watch(it, AGAIN, begins_anew)? {
                    return Ok(());
                }
                return Err(Stop::silence(
                    format!("the target takes the right reply after {what}, or begins anew"),
                    "nothing",
                ));
            }
            result => result?,
        }
    } else {
        let haves = seeder.offer(Offer::All);
        seeder.say(it, &haves)?;
    }
    goes_on(it, &mut seeder, what)
}

fn unknown_option(it: &mut Conversation<'_>) -> Outcome {
    let odd = |it: &Conversation<'_>, seeder: &Seeder| {
        let mut bytes = reply_bytes(it, seeder, true)?;
        let end = bytes.len() - 1;
        bytes.splice(end..end, [200, 0, 1, 2, 3]);
        Ok(vec![bytes])
    };
    lives_after(it, odd, "an option of code 200")
}

fn no_end(it: &mut Conversation<'_>) -> Outcome {
    let odd = |it: &Conversation<'_>, seeder: &Seeder| Ok(vec![reply_bytes(it, seeder, false)?]);
    lives_after(it, odd, "options that do not end")
}

fn truncated_reply(it: &mut Conversation<'_>) -> Outcome {
    let odd = |it: &Conversation<'_>, seeder: &Seeder| {
        let whole = reply_bytes(it, seeder, true)?;
        // A cut between two options makes a list that does not end, which some take.
        let is_cut = |bytes: &&[u8]| {
            let mut datagram = vec![0; 4];
            datagram.extend_from_slice(bytes);
            let (_, _, fault) = decode_datagram(&datagram, &seeder.channel.writes);
            fault.is_some()
        };
        let cuts = (1..whole.len()).map(|length| &whole[..length]);
        Ok(cuts.filter(is_cut).map(<[u8]>::to_vec).collect())
    };
    lives_after(it, odd, "a reply that is cut")
}
