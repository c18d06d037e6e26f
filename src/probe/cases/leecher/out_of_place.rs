//! Messages that are well-formed, and wrong where they are (RFC 7574, sections 4.1, 8.6 and
//! 12.6).

use ppspp_dissector::wire::{ChunkAddressing, ChunkRange, ChunkSpec, Message};

use super::ROBUST;
use super::support::{begun, goes_on, goes_on_or_leaves};
use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Outcome, Stop};
use crate::probe::conversation::Conversation;
use crate::probe::serve::Gift;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "rfc7574/8.6/empty-data-survived",
        title: "DATA without a byte does no harm",
        requirement: "A chunk has at least one byte; DATA without any is no chunk, and is \
                      discarded.",
        finds: &[
            M::DiesOfEmptyData,
            // Who leaves us for it has to say so.
            M::LeavesWithoutClose,
            M::KeepsAskingLiars,
        ],
        run: empty_data,
        ..ROBUST
    },
    Case {
        id: "rfc7574/12.6.2/huge-have-survived",
        title: "A HAVE of as many chunks as can be named does no harm",
        requirement: "A malicious peer can claim to have content that it does not have: that must \
                      cost the target nothing.",
        finds: &[M::DiesOfHugeHave],
        run: huge_have,
        ..ROBUST
    },
    Case {
        id: "rfc7574/4.1/reversed-have-survived",
        title: "A HAVE whose end lies before its start does no harm",
        requirement: "A chunk range that ends before it starts names nothing; the message is \
                      invalid.",
        finds: &[M::DiesOfReversedRange],
        run: reversed_have,
        ..ROBUST
    },
    Case {
        id: "rfc7574/12.6.4/ack-to-leecher-survived",
        title: "An ACK of what the target never sent does no harm",
        requirement: "ACKs of wrong chunks are inconsistencies that can be detected, and are \
                      ignored.",
        finds: &[M::DiesOfAckOfNothing],
        run: ack_of_nothing,
        ..ROBUST
    },
    Case {
        id: "rfc7574/12.6.6/request-of-leecher-survived",
        title: "A REQUEST for what the target does not have does no harm",
        requirement: "REQUESTs need not be answered, and those for chunks that are not there \
                      can't be.",
        finds: &[M::DiesOfRequestBeyondEnd],
        run: request_of_nothing,
        ..ROBUST
    },
    Case {
        id: "rfc7574/12.6.7/cancel-to-leecher",
        title: "A CANCEL of what nobody asked for does no harm",
        requirement: "CANCELs for content that was never requested are detected and ignored.",
        finds: &[M::CancelOfNothingEnds],
        run: cancel_of_nothing,
        ..ROBUST
    },
];

fn empty_data(it: &mut Conversation<'_>) -> Outcome {
    let mut seeder = begun(it, 4)?;
    let mut empty = 0;
    seeder.serve(
        it,
        it.patience().quiet,
        |_, _| {
            empty += 1;
            if empty <= 2 { Gift::Empty } else { Gift::Right }
        },
        |_| false,
    )?;
    goes_on_or_leaves(it, &mut seeder, "DATA without a byte")
}

/// The target goes on after a message.
fn after(it: &mut Conversation<'_>, messages: &[Message<'_>], what: &str) -> Outcome {
    let mut seeder = begun(it, 4)?;
    it.note(what);
    seeder.say(it, messages)?;
    goes_on(it, &mut seeder, what)
}

/// The same after a message about one chunk, so many behind the first that is of
/// interest; nothing is the last one.
fn after_one(
    it: &mut Conversation<'_>,
    place: Option<u64>,
    message: impl FnOnce(ChunkSpec) -> Message<'static>,
    what: &str,
) -> Outcome {
    let mut seeder = begun(it, 4)?;
    let last = seeder.content.size() - 1;
    let chunk = place.map_or(last, |place| seeder.first() + place);
    let spec = it.spec(&seeder.channel, chunk, chunk)?;
    it.note(what);
    seeder.say(it, &[message(spec)])?;
    goes_on(it, &mut seeder, what)
}

fn huge_have(it: &mut Conversation<'_>) -> Outcome {
    let spec = match it.swarm().addressing {
        ChunkAddressing::Chunk64 => ChunkSpec::Chunk64 {
            start: 0,
            end: (1 << 62) - 1,
        },
        ChunkAddressing::Byte64 => ChunkSpec::Byte64 {
            start: 0,
            end: (1 << 62) - 1,
        },
        _ => {
            let range = ChunkRange::new(0, (1 << 31) - 1);
            let spec = range.and_then(|range| it.swarm().spec(range));
            let wide = ChunkRange::new(0, (1 << 30) - 1).and_then(|it_| it.swarm().spec(it_));
            spec.or(wide)
                .ok_or_else(|| Stop::Skip("so many chunks can't be named".to_owned()))?
        }
    };
    after(
        it,
        &[Message::Have(spec)],
        "a HAVE of more chunks than anybody has",
    )
}

fn reversed_have(it: &mut Conversation<'_>) -> Outcome {
    let spec = match it.swarm().addressing {
        ChunkAddressing::Chunk32 => ChunkSpec::Chunk32 { start: 9, end: 2 },
        ChunkAddressing::Chunk64 => ChunkSpec::Chunk64 { start: 9, end: 2 },
        ChunkAddressing::Byte64 => ChunkSpec::Byte64 {
            start: 9000,
            end: 2,
        },
        _ => {
            return Err(Stop::Skip(
                "a bin has no end that could lie before".to_owned(),
            ));
        }
    };
    let what = "a HAVE from chunk 9 to 2";
    let mut seeder = begun(it, 4)?;
    it.note(what);
    seeder.say(it, &[Message::Have(spec)])?;
    goes_on_or_leaves(it, &mut seeder, what)
}

fn ack_of_nothing(it: &mut Conversation<'_>) -> Outcome {
    let ack = |spec| Message::Ack {
        spec,
        delay: u64::MAX,
    };
    after_one(it, Some(3), ack, "an ACK of what was not sent")
}

fn request_of_nothing(it: &mut Conversation<'_>) -> Outcome {
    it.chunks(4)?;
    after_one(it, None, Message::Request, "a REQUEST for the last chunk")
}

fn cancel_of_nothing(it: &mut Conversation<'_>) -> Outcome {
    after_one(it, Some(3), Message::Cancel, "a CANCEL of nothing")
}
