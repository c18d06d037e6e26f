//! Datagrams that are right but for random changes, to targets that fetch (RFC 7574,
//! section 12).

use ppspp_dissector::wire::{MessageType, decode_datagram};

use super::ROBUST;
use super::support::{begun, recovers};
use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Outcome};
use crate::probe::cases::mutation::{A_MOMENT, bombard, in_rounds, one_of_each};
use crate::probe::conversation::Conversation;

pub(super) const CASES: &[Case] = &[Case {
    id: "rfc7574/12/mutated-datagrams-to-leecher",
    title: "Mutated datagrams do no harm",
    requirement: "An implementation must consider buffer overruns and manipulation: hundreds of \
                  valid datagrams with random bytes changed, cut or added do not end it.",
    finds: &[
        M::KeepAliveEnds,
        M::DiesOfAckOfNothing,
        M::DiesOfTruncatedMessage,
        M::DiesOfTruncatedHandshake,
        M::DiesOfReversedRange,
        M::DiesOfRequestBeyondEnd,
        M::DiesOfHighType,
        M::DiesOfUnknownOption,
        M::DiesOfHugeHave,
        M::DiesOfRepeatedData,
        M::DiesOfEmptyData,
    ],
    run: mutated_datagrams,
    ..ROBUST
}];

fn mutated_datagrams(it: &mut Conversation<'_>) -> Outcome {
    in_rounds(it, |it| {
        let mut seeder = begun(it, 4)?;
        let seeds = one_of_each(it, &seeder.channel)?;
        // A HANDSHAKE could close the channel, also one that is made behind others.
        let layout = seeder.channel.writes;
        let is_handshake = |bytes: &[u8]| {
            let (_, messages, _) = decode_datagram(bytes, &layout);
            let mut kinds = messages.iter().map(|it| it.message.kind());
            bytes.get(4) == Some(&MessageType::Handshake.code())
                || kinds.any(|kind| kind == MessageType::Handshake)
        };
        bombard(
            it,
            seeder.port(),
            &seeds,
            |bytes| !is_handshake(bytes),
            |it| seeder.watch(it, A_MOMENT, |_| false).map(drop),
        )?;
        recovers(it, &mut seeder, "mutated datagrams")
    })
}
